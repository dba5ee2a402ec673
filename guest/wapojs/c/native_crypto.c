/* Cryptography, which is the host's (docs/abi.md, 1030 to 1032): packs a request, and waits where it takes long. */
#include <string.h>
#include "wapojs.h"

enum { NUMBERS = 4, PARTS = 4, HEAD_BYTES = 4 * (NUMBERS + PARTS), BUFFER_BYTES = 8192 };

/* crypto(callback, operation, a, b, c, key, param, data, extra): the parts are bytes or null. Returns the result's
 * bytes; or the number of the error; or undefined: it takes long, and callback(error number or null, bytes) follows.
 *
 * The result replaces the request in its buffer: the host has read all of it before. */
static JSValue crypto(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    static uint8_t small[BUFFER_BYTES];
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
    size_t room = total <= BUFFER_BYTES ? BUFFER_BYTES : total;
    uint8_t *message = total <= BUFFER_BYTES ? small : js_malloc(ctx, total);
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
        done = ocall(OCALL_CRYPTO_START, pointer, (int32_t)total, 0, 0);
        answer = done.error ? JS_NewInt32(ctx, done.error) : waits_crypto(ctx, done.value, argv[0]);
    } else if (done.error) {
        answer = JS_NewInt32(ctx, done.error);
    } else if (done.value <= room) {
        answer = JS_NewUint8ArrayCopy(ctx, message, done.value);
    } else {
        uint8_t *result = js_malloc(ctx, done.value);
        if (result && !ocall(OCALL_GET_RETURN, OCALL_POINTER(result), (int32_t)done.value, 0, 0).error)
            answer = JS_NewUint8ArrayCopy(ctx, result, done.value);
        else
            answer = result ? JS_NewInt32(ctx, ERROR_IO) : JS_EXCEPTION;
        js_free(ctx, result);
    }
    if (message != small)
        js_free(ctx, message);
    return answer;
}

const JSCFunctionListEntry native_crypto_functions[] = {
    JS_CFUNC_DEF("crypto", 9, crypto),
};
const int native_crypto_count = sizeof(native_crypto_functions) / sizeof(native_crypto_functions[0]);
