/* The binary format's ground: https://webassembly.github.io/spec/core/binary/values.html */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wasm.h"

void wasm_fail(wasm_reader *r, const char *format, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    int length = snprintf(r->error, sizeof(r->error), "at byte %u: ", (unsigned)(r->at - r->start));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->error + length, sizeof(r->error) - (size_t)length, format, arguments);
    va_end(arguments);
    r->at = r->end;
}

void *wasm_allocate(wasm_reader *r, size_t count, size_t size)
{
    void *pointer = r->failed ? NULL : calloc(count ? count : 1, size);
    if (!pointer && !r->failed) {
        wasm_fail(r, "out of memory");
        r->exhausted = true;
    }
    return pointer;
}

uint8_t wasm_byte(wasm_reader *r)
{
    if (r->at < r->end)
        return *r->at++;
    wasm_fail(r, "unexpected end");
    return 0;
}

/* LEB128, with as many bits as said, and nothing but copies of the sign in the bits above. */
static uint64_t leb(wasm_reader *r, int bits, bool is_signed)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = wasm_byte(r);
        if (r->failed)
            return 0;
        value |= (uint64_t)(byte & 0x7f) << shift;
        int left = bits - shift;
        if (left < 7 || (left == 7 && (byte & 0x80))) {
            uint8_t above = (uint8_t)((byte & 0x7f) >> (is_signed ? left - 1 : left));
            uint8_t ones = (uint8_t)(0x7f >> (is_signed ? left - 1 : left));
            if ((byte & 0x80) || (above != 0 && !(is_signed && above == ones))) {
                wasm_fail(r, "an integer is too long");
                return 0;
            }
        }
        if (!(byte & 0x80)) {
            if (is_signed && (byte & 0x40) && shift + 7 < 64)
                value |= ~(uint64_t)0 << (shift + 7);
            return value;
        }
    }
}

uint32_t wasm_u32(wasm_reader *r)
{
    if (r->at < r->end && *r->at < 0x80)
        return *r->at++;
    return (uint32_t)leb(r, 32, false);
}

int32_t wasm_s32(wasm_reader *r)
{
    return (int32_t)leb(r, 32, true);
}

int64_t wasm_s33(wasm_reader *r)
{
    return (int64_t)leb(r, 33, true);
}

int64_t wasm_s64(wasm_reader *r)
{
    return (int64_t)leb(r, 64, true);
}

static const uint8_t *fixed(wasm_reader *r, size_t size)
{
    static const uint8_t zeros[8];
    if ((size_t)(r->end - r->at) < size) {
        wasm_fail(r, "unexpected end");
        return zeros;
    }
    r->at += size;
    return r->at - size;
}

uint32_t wasm_fixed32(wasm_reader *r)
{
    uint32_t value;
    memcpy(&value, fixed(r, sizeof(value)), sizeof(value));
    return value;
}

uint64_t wasm_fixed64(wasm_reader *r)
{
    uint64_t value;
    memcpy(&value, fixed(r, sizeof(value)), sizeof(value));
    return value;
}

uint32_t wasm_count(wasm_reader *r, uint32_t limit, const char *what)
{
    uint32_t count = wasm_u32(r);
    if (count > limit || count > (size_t)(r->end - r->at))
        wasm_fail(r, "%u %s are too many", (unsigned)count, what);
    return r->failed ? 0 : count;
}

static bool is_utf8(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint8_t first = *p++;
        if (first < 0x80)
            continue;
        int more = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (!more || end - p < more)
            return false;
        uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        for (; more; more--, low = 0x80, high = 0xbf) {
            if (*p < low || *p > high)
                return false;
            p++;
        }
    }
    return true;
}

wasm_span wasm_name(wasm_reader *r)
{
    uint32_t length = wasm_u32(r);
    if (length > (size_t)(r->end - r->at))
        wasm_fail(r, "a name is longer than its section");
    else if (!is_utf8(r->at, r->at + length))
        wasm_fail(r, "a name is not UTF-8");
    if (r->failed)
        return (wasm_span){ 0, 0 };
    wasm_span span = { (uint32_t)(r->at - r->start), length };
    r->at += length;
    return span;
}

uint8_t wasm_value_type(wasm_reader *r)
{
    uint8_t type = wasm_byte(r);
    if (type == I32 || type == I64 || type == F32 || type == F64 || wasm_is_reference(type))
        return type;
    wasm_fail(r, "unknown value type 0x%02x", type);
    return I32;
}

uint8_t wasm_reference_type(wasm_reader *r)
{
    uint8_t type = wasm_byte(r);
    if (type != FUNCREF && type != EXTERNREF)
        wasm_fail(r, "0x%02x is not the type of a reference", type);
    return r->failed ? FUNCREF : type;
}

uint8_t wasm_heap_type(wasm_reader *r)
{
    if (r->at < r->end && *r->at == EXNREF)
        return wasm_byte(r);
    return wasm_reference_type(r);
}

const char *wasm_type_name(uint8_t type)
{
    switch (type) {
    case I32: return "i32";
    case I64: return "i64";
    case F32: return "f32";
    case F64: return "f64";
    case FUNCREF: return "funcref";
    case EXTERNREF: return "externref";
    case EXNREF: return "exnref";
    default: return "any";
    }
}

wasm_type *wasm_intern(wasm_reader *r, const uint8_t *types, uint32_t params, uint32_t results)
{
    enum { BUCKETS = 256 };
    static wasm_type *buckets[BUCKETS];
    uint32_t hash = params * 31 + results;
    for (uint32_t i = 0; i < params + results; i++)
        hash = hash * 31 + types[i];
    wasm_type **bucket = &buckets[(hash ^ hash >> 8 ^ hash >> 16) % BUCKETS];
    for (wasm_type *type = *bucket; type; type = type->next)
        if (type->params == params && type->results == results && !memcmp(type->types, types, params + results))
            return type;
    wasm_type *type = wasm_allocate(r, 1, sizeof(*type) + params + results);
    if (!type)
        return NULL;
    type->params = (uint16_t)params;
    type->results = (uint16_t)results;
    memcpy(type->types, types, params + results);
    type->next = *bucket;
    return *bucket = type;
}
