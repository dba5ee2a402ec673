/* Clocks, randomness, digests, derived secrets, and what the engine knows of a value. */
#include <string.h>
#include <sys/time.h>
#include "heap.h"
#include "wapojs.h"

enum { HASH_PIECE = 1 << 20, RANDOM_PIECE = 1 << 16, MAX_DIGEST = 64 };

static JSValue now(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return JS_NewFloat64(ctx, (double)tv.tv_sec * 1e3 + (double)tv.tv_usec / 1e3);
}

static JSValue hrtime(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewFloat64(ctx, wapojs_monotonic_ms());
}

static int fill_random(uint8_t *data, size_t length)
{
    for (size_t at = 0; at < length; at += RANDOM_PIECE) {
        size_t piece = length - at < RANDOM_PIECE ? length - at : RANDOM_PIECE;
        int error = ocall(OCALL_GETRANDOM, OCALL_POINTER(data + at), (int32_t)piece, 0, 0).error;
        if (error)
            return error;
    }
    return 0;
}

/* fillRandom(view): fills it, whatever its type */
static JSValue js_fill_random(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *data = wapojs_bytes(ctx, argv[0], &length);
    if (!data && JS_HasException(ctx))
        return JS_EXCEPTION;
    int error = fill_random(data, length);
    return error ? wapojs_throw_ocall(ctx, "no randomness", error) : JS_UNDEFINED;
}

static JSValue random_bytes(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t count;
    if (JS_ToUint32(ctx, &count, argv[0]))
        return JS_EXCEPTION;
    uint8_t *data = js_malloc(ctx, count + 1);
    if (!data)
        return JS_EXCEPTION;
    int error = fill_random(data, count);
    JSValue array = error ? wapojs_throw_ocall(ctx, "no randomness", error) : JS_NewUint8ArrayCopy(ctx, data, count);
    js_free(ctx, data);
    return array;
}

/* Math.random: xorshift128+, seeded from the host at the first call in each machine. The engine's own generator is
 * seeded once, and every machine that starts from one image would draw the same numbers from it. */
static uint64_t random_state[2];
static bool random_seeded;

void wapojs_forget(void)
{
    random_seeded = false;
}

static JSValue math_random(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (!random_seeded) {
        int error = fill_random((uint8_t *)random_state, sizeof(random_state));
        if (error)
            return wapojs_throw_ocall(ctx, "no randomness", error);
        random_state[0] |= 1; /* never all zeros */
        random_seeded = true;
    }
    uint64_t a = random_state[0], b = random_state[1];
    random_state[0] = b;
    a ^= a << 23;
    random_state[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return JS_NewFloat64(ctx, (double)((random_state[1] + b) >> 11) * 0x1p-53);
}

/* hash(algorithm number, bytes): the digest. The host works in bounded pieces, so that a slice can end in between. */
static JSValue hash(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t algorithm;
    size_t length;
    uint8_t digest[MAX_DIGEST];
    if (JS_ToUint32(ctx, &algorithm, argv[0]))
        return JS_EXCEPTION;
    const uint8_t *data = wapojs_bytes(ctx, argv[1], &length);
    if (!data && JS_HasException(ctx))
        return JS_EXCEPTION;
    ocall_result done;
    if (length <= HASH_PIECE) {
        done = ocall(OCALL_HASH, (int32_t)algorithm, OCALL_POINTER(data), (int32_t)length, OCALL_POINTER(digest));
    } else {
        ocall_result opened = ocall(OCALL_HASH_OPEN, (int32_t)algorithm, 0, 0, 0);
        if (opened.error)
            return wapojs_throw_ocall(ctx, "the digest failed", opened.error);
        done = (ocall_result){ 0, 0 };
        for (size_t at = 0; at < length && !done.error; at += HASH_PIECE) {
            size_t piece = length - at < HASH_PIECE ? length - at : HASH_PIECE;
            done = ocall(OCALL_HASH_UPDATE, (int32_t)opened.value, OCALL_POINTER(data + at), (int32_t)piece, 0);
        }
        if (!done.error)
            done = ocall(OCALL_HASH_FINISH, (int32_t)opened.value, OCALL_POINTER(digest), 0, 0);
        ocall(OCALL_CLOSE, (int32_t)opened.value, 0, 0, 0);
    }
    if (done.error)
        return wapojs_throw_ocall(ctx, "the digest failed", done.error);
    return JS_NewUint8ArrayCopy(ctx, digest, done.value);
}

/* wyhash64(bytes): wyhash "final 4", seed 0, default secret, little-endian. */
static const uint64_t wy_secret[4] = { 0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3, 0x589965cc75374cc3 };

static inline uint64_t wy_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t wy_read(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, (size_t)bytes);
    return v;
}

static uint64_t wyhash(const uint8_t *p, size_t length)
{
    const uint64_t *s = wy_secret;
    uint64_t seed = wy_mix(s[0], s[1]), a, b;
    if (length <= 16) {
        if (length >= 4) {
            size_t middle = (length >> 3) << 2;
            a = wy_read(p, 4) << 32 | wy_read(p + middle, 4);
            b = wy_read(p + length - 4, 4) << 32 | wy_read(p + length - 4 - middle, 4);
        } else if (length > 0) {
            a = (uint64_t)p[0] << 16 | (uint64_t)p[length >> 1] << 8 | p[length - 1];
            b = 0;
        } else {
            a = b = 0;
        }
    } else {
        size_t left = length;
        if (left > 48) {
            uint64_t see1 = seed, see2 = seed;
            do {
                seed = wy_mix(wy_read(p, 8) ^ s[1], wy_read(p + 8, 8) ^ seed);
                see1 = wy_mix(wy_read(p + 16, 8) ^ s[2], wy_read(p + 24, 8) ^ see1);
                see2 = wy_mix(wy_read(p + 32, 8) ^ s[3], wy_read(p + 40, 8) ^ see2);
                p += 48;
                left -= 48;
            } while (left > 48);
            seed ^= see1 ^ see2;
        }
        while (left > 16) {
            seed = wy_mix(wy_read(p, 8) ^ s[1], wy_read(p + 8, 8) ^ seed);
            p += 16;
            left -= 16;
        }
        a = wy_read(p + left - 16, 8);
        b = wy_read(p + left - 8, 8);
    }
    unsigned __int128 r = (unsigned __int128)(a ^ s[1]) * (b ^ seed);
    return wy_mix((uint64_t)r ^ s[0] ^ length, (uint64_t)(r >> 64) ^ s[1]);
}

static JSValue wyhash64(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const uint8_t *data = wapojs_bytes(ctx, argv[0], &length);
    if (!data && JS_HasException(ctx))
        return JS_EXCEPTION;
    uint64_t value = wyhash(data, length);
    return JS_NewUint8ArrayCopy(ctx, (const uint8_t *)&value, sizeof(value));
}

/* deriveSecret(path bytes): 64 bytes */
static JSValue derive_secret(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t secret[64];
    const uint8_t *path = wapojs_bytes(ctx, argv[0], &length);
    if (!path && JS_HasException(ctx))
        return JS_EXCEPTION;
    ocall_result size = ocall_slow(OCALL_DERIVE_SECRET, OCALL_POINTER(path), (int32_t)length, 0, 0);
    if (!size.error && size.value == sizeof(secret))
        size = ocall(OCALL_GET_RETURN, OCALL_POINTER(secret), sizeof(secret), 0, 0);
    if (size.error)
        return wapojs_throw_ocall(ctx, "no secret can be derived", size.error);
    return JS_NewUint8ArrayCopy(ctx, secret, sizeof(secret));
}

static JSValue is_detached(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue detached = JS_GetPropertyStr(ctx, argv[0], "detached");
    return JS_IsException(detached) ? detached : JS_NewBool(ctx, JS_ToBool(ctx, detached) > 0);
}

/* promiseState(promise): 0 pending, 1 fulfilled, 2 rejected; undefined for anything else */
static JSValue promise_state(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (!JS_IsPromise(argv[0]))
        return JS_UNDEFINED;
    switch (JS_PromiseState(ctx, argv[0])) {
    case JS_PROMISE_PENDING: return JS_NewInt32(ctx, 0);
    case JS_PROMISE_FULFILLED: return JS_NewInt32(ctx, 1);
    default: return JS_NewInt32(ctx, 2);
    }
}

static JSValue promise_result(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_IsPromise(argv[0]) ? JS_PromiseResult(ctx, argv[0]) : JS_UNDEFINED;
}

/* markHandled(promise): its rejection is nobody's business */
static JSValue mark_handled(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (JS_IsPromise(argv[0]))
        JS_PromiseMarkAsHandled(ctx, argv[0]);
    return JS_UNDEFINED;
}

/* classOf(value): the engine's class of an object, whatever its prototype and tags say ("Array", "Uint8Array",
 * "Map Iterator", "Proxy", ...); the empty string for anything else. */
static JSValue class_of(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (!JS_IsObject(argv[0]))
        return JS_NewString(ctx, "");
    if (JS_IsProxy(argv[0]))
        return JS_NewString(ctx, "Proxy");
    if (JS_IsFunction(ctx, argv[0]))
        return JS_NewString(ctx, "Function");
    JSAtom name = JS_GetClassName(JS_GetRuntime(ctx), JS_GetClassID(argv[0]));
    JSValue string = JS_AtomToString(ctx, name);
    JS_FreeAtom(ctx, name);
    return string;
}

static JSValue collect(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JS_RunGC(JS_GetRuntime(ctx));
    return JS_UNDEFINED;
}

/* getProxyTarget(value): what a proxy stands before; undefined for anything else, null if it was revoked */
static JSValue proxy_target(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (!JS_IsProxy(argv[0]))
        return JS_UNDEFINED;
    JSValue target = JS_GetProxyTarget(ctx, argv[0]);
    if (JS_IsException(target)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return JS_NULL;
    }
    return target;
}

/* Whether a value has the internal slots of an error. */
static JSValue is_error(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewBool(ctx, JS_IsError(argv[0]));
}

static JSValue memory_stats(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSMemoryUsage usage;
    JS_ComputeMemoryUsage(JS_GetRuntime(ctx), &usage);
    JSValue numbers[] = {
        JS_NewInt64(ctx, usage.malloc_size),
        JS_NewInt64(ctx, (int64_t)__builtin_wasm_memory_size(0) * 65536),
    };
    return JS_NewArrayFrom(ctx, 2, numbers);
}

/* memoryExhausted(): whether an allocation has failed. Where there is no memory even for an error, null is thrown. */
static JSValue memory_exhausted(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewBool(ctx, heap_exhausted());
}

const JSCFunctionListEntry native_misc_functions[] = {
    JS_CFUNC_DEF("now", 0, now),
    JS_CFUNC_DEF("hrtime", 0, hrtime),
    JS_CFUNC_DEF("fillRandom", 1, js_fill_random),
    JS_CFUNC_DEF("randomBytes", 1, random_bytes),
    JS_CFUNC_DEF("mathRandom", 0, math_random),
    JS_CFUNC_DEF("hash", 2, hash),
    JS_CFUNC_DEF("wyhash64", 1, wyhash64),
    JS_CFUNC_DEF("deriveSecret", 1, derive_secret),
    JS_CFUNC_DEF("isDetached", 1, is_detached),
    JS_CFUNC_DEF("promiseState", 1, promise_state),
    JS_CFUNC_DEF("promiseResult", 1, promise_result),
    JS_CFUNC_DEF("markHandled", 1, mark_handled),
    JS_CFUNC_DEF("getProxyTarget", 1, proxy_target),
    JS_CFUNC_DEF("classOf", 1, class_of),
    JS_CFUNC_DEF("gc", 0, collect),
    JS_CFUNC_DEF("isError", 1, is_error),
    JS_CFUNC_DEF("memoryStats", 0, memory_stats),
    JS_CFUNC_DEF("memoryExhausted", 0, memory_exhausted),
};
const int native_misc_count = sizeof(native_misc_functions) / sizeof(native_misc_functions[0]);
