/* Integers of SCALE types: what JavaScript value is which (wapojs-scale.md 4.1). */
#include <math.h>
#include "scale.h"

static const char *const names[] = {
    [SCALE_U8] = "u8", [SCALE_U16] = "u16", [SCALE_U32] = "u32", [SCALE_U64] = "u64", [SCALE_U128] = "u128",
    [SCALE_I8] = "i8", [SCALE_I16] = "i16", [SCALE_I32] = "i32", [SCALE_I64] = "i64", [SCALE_I128] = "i128",
};

const char *scale_integer_name(scale_operation operation)
{
    return names[operation];
}

static bool is_signed(scale_operation operation)
{
    return operation >= SCALE_I8;
}

bool scale_in_range(scale_operation operation, const scale_integer *integer)
{
    uint32_t bits = scale_width(operation) * 8;
    if (!is_signed(operation))
        return !integer->negative && (bits == 128 || !(integer->bits >> bits));
    unsigned __int128 magnitude = integer->negative ? ~integer->bits : integer->bits;
    return !(magnitude >> (bits - 1));
}

static scale_integer from_i64(int64_t value)
{
    return (scale_integer){ (unsigned __int128)(__int128)value, value < 0 };
}

/* A BigInt that 64 bits hold, signed or not: 1. One that they do not: 0, with its low half in the integer. */
static int read_64(JSContext *ctx, JSValueConst value, scale_integer *integer)
{
    if (JS_VALUE_GET_TAG(value) == JS_TAG_SHORT_BIG_INT) {
        *integer = from_i64(JS_VALUE_GET_SHORT_BIG_INT(value));
        return 1;
    }
    int64_t low;
    if (JS_ToBigInt64(ctx, &low, value))
        return -1;
    *integer = from_i64(low);
    for (int unsigned_too = 0; unsigned_too <= (low < 0); unsigned_too++) {
        JSValue back = unsigned_too ? JS_NewBigUint64(ctx, (uint64_t)low) : JS_NewBigInt64(ctx, low);
        if (JS_IsException(back))
            return -1;
        bool same = JS_IsStrictEqual(ctx, value, back);
        JS_FreeValue(ctx, back);
        if (!same)
            continue;
        if (unsigned_too)
            *integer = (scale_integer){ (uint64_t)low, false };
        return 1;
    }
    return 0;
}

/* Any BigInt; 0 if 128 bits do not hold it. */
static int read_big(scale_run *run, JSValueConst value, scale_integer *integer)
{
    scale_integer high;
    int fits = read_64(run->ctx, value, integer);
    if (fits)
        return fits;
    JSValue rest = JS_Call(run->ctx, run->table->high, JS_UNDEFINED, 1, &value);
    if (JS_IsException(rest))
        return -1;
    fits = read_64(run->ctx, rest, &high);
    JS_FreeValue(run->ctx, rest);
    if (fits <= 0)
        return fits;
    *integer = (scale_integer){ high.bits << 64 | (uint64_t)integer->bits, high.negative };
    return 1;
}

/* Numbers of 64 bits unsigned, and of 128, must be what they say; the others are truncated. */
static int read_double(scale_operation operation, double value, scale_integer *integer)
{
    bool exact = operation == SCALE_U64 || operation == SCALE_U128 || operation == SCALE_I128;
    if (exact && (value != trunc(value) || fabs(value) >= 1e21))
        return 0;
    if (!isfinite(value))
        value = 0;
    value = trunc(value);
    if (fabs(value) >= 0x1p126)
        return 0;
    __int128 whole = (__int128)value;
    *integer = (scale_integer){ (unsigned __int128)whole, whole < 0 };
    return 1;
}

int scale_to_integer(scale_run *run, scale_operation operation, JSValueConst value, scale_integer *integer)
{
    int known = 0;
    int tag = JS_VALUE_GET_NORM_TAG(value);
    if (tag == JS_TAG_INT) {
        *integer = from_i64(JS_VALUE_GET_INT(value));
        known = 1;
    } else if (tag == JS_TAG_BOOL) {
        *integer = from_i64(JS_VALUE_GET_BOOL(value));
        known = 1;
    } else if (operation == SCALE_I64 && (tag == JS_TAG_FLOAT64 || JS_IsBigInt(value))) {
        int64_t wrapped; /* the one type that is reduced modulo 2^64 */
        if (JS_ToInt64Ext(run->ctx, &wrapped, value))
            return -1;
        *integer = from_i64(wrapped);
        return 0;
    } else if (tag == JS_TAG_FLOAT64) {
        known = read_double(operation, JS_VALUE_GET_FLOAT64(value), integer);
    } else if (JS_IsBigInt(value)) {
        known = read_big(run, value, integer);
        if (known < 0)
            return -1;
    }
    if (!known || !scale_in_range(operation, integer))
        return scale_expect(run, names[operation], value);
    return 0;
}

JSValue scale_from_integer(scale_run *run, scale_operation operation, const scale_integer *integer)
{
    JSContext *ctx = run->ctx;
    bool wide = scale_width(operation) == 16;
    uint64_t low = (uint64_t)integer->bits, high = (uint64_t)(integer->bits >> 64);
    if (high == (integer->negative ? UINT64_MAX : 0) && (!integer->negative || low >> 63)) {
        if (!integer->negative)
            return !wide && low <= INT32_MAX ? JS_NewInt32(ctx, (int32_t)low) : JS_NewBigUint64(ctx, low);
        return !wide && (int64_t)low >= INT32_MIN ? JS_NewInt32(ctx, (int32_t)low) : JS_NewBigInt64(ctx, (int64_t)low);
    }
    JSValue halves[] = {
        integer->negative ? JS_NewBigInt64(ctx, (int64_t)high) : JS_NewBigUint64(ctx, high),
        JS_NewBigUint64(ctx, low),
    };
    JSValue whole = JS_EXCEPTION;
    if (!JS_IsException(halves[0]) && !JS_IsException(halves[1]))
        whole = JS_Call(ctx, run->table->join, JS_UNDEFINED, 2, halves);
    JS_FreeValue(ctx, halves[0]);
    JS_FreeValue(ctx, halves[1]);
    return whole;
}
