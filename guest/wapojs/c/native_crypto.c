/* Cryptography, which is the host's (docs/abi.md, 1030 to 1033): packs a request, and waits where it takes long. */
#include <string.h>
#include "wapojs.h"

enum { NUMBERS = 4, PARTS = 4, HEAD_BYTES = 4 * (NUMBERS + PARTS) };

/* The bytes in the return slot. */
static JSValue returned(JSContext *ctx, size_t length)
{
    uint8_t *result = js_malloc(ctx, length ? length : 1);
    if (!result)
        return JS_EXCEPTION;
    JSValue bytes = ocall(OCALL_GET_RETURN, OCALL_POINTER(result), (int32_t)length, 0, 0).error
                        ? JS_NewInt32(ctx, ERROR_IO)
                        : JS_NewUint8ArrayCopy(ctx, result, length);
    js_free(ctx, result);
    return bytes;
}

/* crypto(callback, operation, a, b, c, key, param, data, extra): the parts are bytes or null. Returns the result's
 * bytes; or the number of the error; or undefined: it takes long, and callback(error number or null, bytes) follows.
 * cryptoWait has no callback to call: the machine stands still until the result is there.
 *
 * The result replaces the request in its buffer: the host has read all of it before. */
static JSValue crypto(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int waits)
{
    uint32_t head[NUMBERS + PARTS] = { 0 };
    const uint8_t *parts[PARTS] = { NULL };
    size_t total = HEAD_BYTES;
    for (int i = 0; i < NUMBERS; i++)
        if (JS_ToUint32(ctx, &head[i], argv[1 + i]))
            return JS_EXCEPTION;
    for (int i = 0; i < PARTS; i++) {
        size_t length = 0;
        if (JS_IsNull(argv[1 + NUMBERS + i]))
            continue;
        parts[i] = wapojs_bytes(ctx, argv[1 + NUMBERS + i], &length);
        if (!parts[i] && JS_HasException(ctx))
            return JS_EXCEPTION;
        head[NUMBERS + i] = (uint32_t)length;
        total += length;
    }
    size_t room = total <= SCRATCH_BYTES ? SCRATCH_BYTES : total;
    uint8_t *message = total <= SCRATCH_BYTES ? wapojs_scratch : js_malloc(ctx, total);
    if (!message)
        return JS_EXCEPTION;
    memcpy(message, head, HEAD_BYTES);
    uint8_t *at = message + HEAD_BYTES;
    for (int i = 0; i < PARTS; i++)
        if (head[NUMBERS + i]) {
            memcpy(at, parts[i], head[NUMBERS + i]);
            at += head[NUMBERS + i];
        }
    JSValue answer;
    int32_t pointer = OCALL_POINTER(message);
    ocall_result done = ocall(OCALL_CRYPTO, pointer, (int32_t)total, pointer, (int32_t)room);
    if (done.error == ERROR_LIMITED) { /* too long to be done at once, perhaps */
        if (waits) {
            done = ocall_slow(OCALL_CRYPTO_WAIT, pointer, (int32_t)total, 0, 0);
            answer = done.error ? JS_NewInt32(ctx, done.error) : returned(ctx, done.value);
            goto end;
        }
        done = ocall(OCALL_CRYPTO_START, pointer, (int32_t)total, 0, 0);
        answer = done.error ? JS_NewInt32(ctx, done.error) : waits_crypto(ctx, done.value, argv[0]);
    } else if (done.error) {
        answer = JS_NewInt32(ctx, done.error);
    } else if (done.value <= room) {
        answer = JS_NewUint8ArrayCopy(ctx, message, done.value);
    } else {
        answer = returned(ctx, done.value);
    }
end:
    if (message != wapojs_scratch)
        js_free(ctx, message);
    return answer;
}

const JSCFunctionListEntry native_crypto_functions[] = {
    JS_CFUNC_MAGIC_DEF("crypto", 9, crypto, 0),
    JS_CFUNC_MAGIC_DEF("cryptoWait", 9, crypto, 1),
};
const int native_crypto_count = sizeof(native_crypto_functions) / sizeof(native_crypto_functions[0]);
