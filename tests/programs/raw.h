/* The ABI with nothing around it: what tests of the node are written against. One task, whose waker is 0. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(n) __attribute__((import_module("wapo"), import_name(n)))
IMPORT("ocall") int64_t raw_slow(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
IMPORT("ocall_fast_return") int64_t raw_fast(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
#define PTR(x) ((int32_t)(uintptr_t)(x))
#define PENDING 11

/* The value, or minus the error code. */
static inline int64_t word(int64_t r) { return (uint64_t)r >> 32 ? -(r & 0xff) : (int64_t)(uint32_t)r; }
static inline int64_t fast(int32_t id, int32_t a, int32_t b, int32_t c, int32_t d) {
  return word(raw_fast(0, id, a, b, c, d));
}
/* The length of the result, which is allocated; or minus the error code. */
static inline int64_t slow(int32_t id, int32_t a, int32_t b, int32_t c, int32_t d, uint8_t **out) {
  int64_t n = word(raw_slow(0, id, a, b, c, d));
  *out = NULL;
  if (n < 0) return n;
  *out = malloc((size_t)n + 1);
  (*out)[n] = 0;
  return fast(0, PTR(*out), (int32_t)n, 0, 0);
}
static inline uint32_t compact(const uint8_t **p) {
  const uint8_t *b = *p;
  uint32_t v = 0;
  switch (b[0] & 3) {
    case 0: *p += 1; return b[0] >> 2;
    case 1: *p += 2; return (b[0] | (uint32_t)b[1] << 8) >> 2;
    case 2: *p += 4; memcpy(&v, b, 4); return v >> 2;
    default: *p += 5; memcpy(&v, b + 1, 4); return v;
  }
}
static inline uint8_t *put_compact(uint8_t *p, uint32_t n) {
  if (n < 64) { *p++ = (uint8_t)(n << 2); return p; }
  if (n < 16384) { n = n << 2 | 1; memcpy(p, &n, 2); return p + 2; }
  n = n << 2 | 2;
  memcpy(p, &n, 4);
  return p + 4;
}
static inline uint8_t *put_text(uint8_t *p, const char *s) {
  uint32_t n = (uint32_t)strlen(s);
  p = put_compact(p, n);
  memcpy(p, s, n);
  return p + n;
}
static inline int32_t get_i32(const uint8_t *p) { int32_t v; memcpy(&v, p, 4); return v; }
static inline void say(const char *text) { fast(220, 3, PTR(text), (int32_t)strlen(text), 0); }
