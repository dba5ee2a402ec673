/* Compression: the host's coders. */
#include "wapojs.h"

enum { CODER_PIECE = 32 << 10 };

/* coderOpen(format, decode): a coder. */
static JSValue coder_open(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t format;
    if (JS_ToUint32(ctx, &format, argv[0]))
        return JS_EXCEPTION;
    ocall_result opened = ocall(OCALL_CODER_OPEN, (int32_t)format, JS_ToBool(ctx, argv[1]), 0, 0);
    if (opened.error)
        return wapojs_throw_ocall(ctx, "no more compression streams at once", opened.error);
    return JS_NewUint32(ctx, opened.value);
}

/* Reads all there is. False: the input is malformed, or an exception is pending. */
static bool drain(JSContext *ctx, int32_t coder, JSValueConst sink)
{
    for (;;) {
        ocall_result got = ocall(OCALL_CODER_READ, coder, OCALL_POINTER(wapojs_scratch), CODER_PIECE, 0);
        if (got.error)
            return false;
        if (!got.value)
            return true;
        JSValue bytes = JS_NewUint8ArrayCopy(ctx, wapojs_scratch, got.value);
        if (JS_IsException(bytes))
            return false;
        JSValue result = JS_Call(ctx, sink, JS_UNDEFINED, 1, (JSValueConst *)&bytes);
        JS_FreeValue(ctx, bytes);
        if (JS_IsException(result))
            return false;
        JS_FreeValue(ctx, result);
    }
}

/* coderWrite(coder, bytes, last, sink): calls sink(output) for each piece that comes out. False: malformed. */
static JSValue coder_write(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t coder;
    if (JS_ToInt32(ctx, &coder, argv[0]))
        return JS_EXCEPTION;
    bool last = JS_ToBool(ctx, argv[2]), good;
    size_t at = 0, length;
    do {
        /* Asked for anew: whoever gets the output may have detached the input, or made it shorter. */
        const uint8_t *data = wapojs_bytes(ctx, argv[1], &length);
        if (!data && JS_HasException(ctx))
            return JS_EXCEPTION;
        size_t left = at < length ? length - at : 0, piece = left < CODER_PIECE ? left : CODER_PIECE;
        ocall_result taken = ocall(OCALL_CODER_WRITE, coder, OCALL_POINTER(data + at), (int32_t)piece, last && piece == left);
        if (taken.error)
            return wapojs_throw_ocall(ctx, "the compression stream failed", taken.error);
        at += piece;
        good = drain(ctx, coder, argv[3]);
    } while (good && at < length);
    return JS_HasException(ctx) ? JS_EXCEPTION : JS_NewBool(ctx, good);
}

static JSValue coder_close(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t coder;
    if (JS_ToInt32(ctx, &coder, argv[0]))
        return JS_EXCEPTION;
    ocall(OCALL_CLOSE, coder, 0, 0, 0);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_coding_functions[] = {
    JS_CFUNC_DEF("coderOpen", 2, coder_open),
    JS_CFUNC_DEF("coderWrite", 4, coder_write),
    JS_CFUNC_DEF("coderClose", 1, coder_close),
};
const int native_coding_count = sizeof(native_coding_functions) / sizeof(native_coding_functions[0]);
