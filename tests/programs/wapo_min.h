/* wapo_min.h - smallest useful C binding */
#include <stdint.h>
#include <string.h>
#define IMP(n) __attribute__((import_module("wapo"), import_name(n)))
IMP("ocall")
int64_t wapo_slow(int32_t task, int32_t id, int32_t p0, int32_t p1, int32_t p2, int32_t p3);
IMP("ocall_fast_return")
int64_t wapo_fast(int32_t task, int32_t id, int32_t p0, int32_t p1, int32_t p2, int32_t p3);

#define PTR(x) ((int32_t)(uintptr_t)(x))
enum { E_NOT_FOUND = 7, E_PENDING = 11, E_EOF = 12 };
typedef struct { int32_t err, val; } wret;        /* err == 0 means Ok(val) */
static int32_t cur_task;                          /* id of the task being polled */

static inline wret unpack(int64_t r) {
  uint32_t tag = (uint32_t)((uint64_t)r >> 32);
  int32_t low = (int32_t)(uint32_t)r;
  wret w = { tag ? low : 0, tag ? 0 : low };
  return w;
}
static inline wret fast(int32_t id, int32_t a, int32_t b, int32_t c, int32_t d) {
  return unpack(wapo_fast(cur_task, id, a, b, c, d));
}
/* encoded-output call: the SCALE bytes land in buf, val = byte count */
static inline wret slow(int32_t id, int32_t a, int32_t b, int32_t c, int32_t d,
                        uint8_t *buf, int32_t cap) {
  wret w = unpack(wapo_slow(cur_task, id, a, b, c, d));
  if (w.err || w.val > cap) { if (!w.err) w.err = -1; return w; }
  return unpack(wapo_fast(cur_task, 0, PTR(buf), w.val, 0, 0));
}
static inline uint32_t get_compact(const uint8_t **p) {
  const uint8_t *b = *p; uint32_t v = 0;
  switch (b[0] & 3) {
    case 0: *p += 1; return b[0] >> 2;
    case 1: *p += 2; return (b[0] | (uint32_t)b[1] << 8) >> 2;
    case 2: *p += 4; memcpy(&v, b, 4); return v >> 2;
    default: *p += 5; memcpy(&v, b + 1, 4); return v;
  }
}
static inline int32_t get_i32(const uint8_t *p) { int32_t v; memcpy(&v, p, 4); return v; }
