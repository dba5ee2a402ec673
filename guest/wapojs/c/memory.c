/* memcpy, memmove and memset in pieces.
 *
 * memory.copy and memory.fill are one instruction each, whatever their length, and a slice cannot end inside one: a
 * program that fills two gigabytes would keep everybody waiting for a second. So every other file is compiled without
 * them (guest/build.py), and these functions, which the compiler then calls, give them so much at a time; the host can
 * interrupt each turn of a loop.
 *
 * Short lengths are most of all calls, and are cheaper without: for the engine each is a call into the host.
 */
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define PIECE ((size_t)1 << 20)
#define SHORT 192

typedef struct __attribute__((packed)) {
    uint64_t v;
} u64;
typedef struct __attribute__((packed)) {
    uint32_t v;
} u32;
typedef struct __attribute__((packed)) {
    uint16_t v;
} u16;

/* Up to 16 bytes; everything is read before anything is written, so the two may overlap. */
static inline void move_16(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size >= 8) {
        uint64_t first = ((const u64 *)from)->v, last = ((const u64 *)(from + size - 8))->v;
        ((u64 *)to)->v = first;
        ((u64 *)(to + size - 8))->v = last;
    } else if (size >= 4) {
        uint32_t first = ((const u32 *)from)->v, last = ((const u32 *)(from + size - 4))->v;
        ((u32 *)to)->v = first;
        ((u32 *)(to + size - 4))->v = last;
    } else if (size >= 2) {
        uint16_t first = ((const u16 *)from)->v, last = ((const u16 *)(from + size - 2))->v;
        ((u16 *)to)->v = first;
        ((u16 *)(to + size - 2))->v = last;
    } else if (size) {
        *to = *from;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (size <= 16) {
        move_16(d, s, size);
        return to;
    }
    if (size <= SHORT) {
        v128_t last = wasm_v128_load(s + size - 16);
        for (size_t at = 0; at < size - 16; at += 16)
            wasm_v128_store(d + at, wasm_v128_load(s + at));
        wasm_v128_store(d + size - 16, last);
        return to;
    }
    for (; size > PIECE; d += PIECE, s += PIECE, size -= PIECE)
        __builtin_memcpy(d, s, PIECE);
    __builtin_memcpy(d, s, size);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (size <= 16) {
        move_16(d, s, size);
    } else if (size <= PIECE) {
        __builtin_memmove(d, s, size);
    } else if (d <= s || d >= s + size) {
        for (; size > PIECE; d += PIECE, s += PIECE, size -= PIECE)
            __builtin_memmove(d, s, PIECE);
        __builtin_memmove(d, s, size);
    } else { /* from the end */
        while (size > PIECE) {
            size -= PIECE;
            __builtin_memmove(d + size, s + size, PIECE);
        }
        __builtin_memmove(d, s, size);
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *d = to;
    if (size < 16) {
        for (size_t at = 0; at < size; at++)
            d[at] = (uint8_t)value;
        return to;
    }
    if (size <= SHORT) {
        v128_t bytes = wasm_i8x16_splat((int8_t)value);
        for (size_t at = 0; at < size - 16; at += 16)
            wasm_v128_store(d + at, bytes);
        wasm_v128_store(d + size - 16, bytes);
        return to;
    }
    for (; size > PIECE; d += PIECE, size -= PIECE)
        __builtin_memset(d, value, PIECE);
    __builtin_memset(d, value, size);
    return to;
}
