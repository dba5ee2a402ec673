/* Text and bytes: the hot paths of TextEncoder, TextDecoder, headers and bodies. */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

static JSValue utf8_encode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = wapojs_to_utf8(ctx, argv[0], &length);
    if (!text)
        return JS_EXCEPTION;
    JSValue bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    return bytes;
}

/* Length of the valid sequence at p, or 0 with *bad set to the length of its maximal invalid prefix
 * (https://encoding.spec.whatwg.org/#utf-8-decoder). */
static size_t utf8_sequence(const uint8_t *p, size_t left, size_t *bad)
{
    uint8_t low = 0x80, high = 0xBF;
    size_t need;
    *bad = 1;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        need = 1;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        need = 2;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        need = 3;
    else
        return 0;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    for (size_t i = 1; i <= need; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return need + 1;
}

/* Where the first invalid sequence is; length if there is none. */
static size_t utf8_valid_prefix(const uint8_t *p, size_t length)
{
    size_t at = 0, bad;
    while (at < length) {
        uint64_t word;
        if (length - at >= 8 && (memcpy(&word, p + at, 8), !(word & 0x8080808080808080u))) {
            at += 8;
            continue;
        }
        size_t n = utf8_sequence(p + at, length - at, &bad);
        if (!n)
            break;
        at += n;
    }
    return at;
}

/* utf8Decode(bytes, fatal, ignoreBOM) */
static JSValue utf8_decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const uint8_t *p = wapojs_bytes(ctx, argv[0], &length);
    if (!p && JS_HasException(ctx))
        return JS_EXCEPTION;
    bool fatal = argc > 1 && JS_ToBool(ctx, argv[1]) > 0, keep_bom = argc > 2 && JS_ToBool(ctx, argv[2]) > 0;
    if (!keep_bom && length >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) {
        p += 3;
        length -= 3;
    }
    size_t valid = utf8_valid_prefix(p, length);
    if (valid == length)
        return JS_NewStringLen(ctx, (const char *)p, length);
    if (fatal)
        return JS_ThrowTypeError(ctx, "the bytes are not valid UTF-8");
    uint8_t *out = js_malloc(ctx, valid + (length - valid) * 3);
    if (!out)
        return JS_EXCEPTION;
    memcpy(out, p, valid);
    size_t size = valid;
    for (size_t at = valid, bad; at < length;) {
        size_t n = utf8_sequence(p + at, length - at, &bad);
        if (n) {
            memcpy(out + size, p + at, n);
            size += n;
            at += n;
        } else {
            memcpy(out + size, "\xEF\xBF\xBD", 3);
            size += 3;
            at += bad;
        }
    }
    JSValue string = JS_NewStringLen(ctx, (const char *)out, size);
    js_free(ctx, out);
    return string;
}

bool wapojs_is_utf8(const uint8_t *data, size_t length)
{
    return utf8_valid_prefix(data, length) == length;
}

static JSValue latin1_encode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *bytes = wapojs_to_latin1(ctx, argv[0], &length);
    if (!bytes) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return JS_NULL;
    }
    JSValue array = JS_NewUint8ArrayCopy(ctx, bytes, length);
    js_free(ctx, bytes);
    return array;
}

static JSValue latin1_decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const uint8_t *p = wapojs_bytes(ctx, argv[0], &length);
    if (!p && JS_HasException(ctx))
        return JS_EXCEPTION;
    return wapojs_latin1_string(ctx, p, length);
}

const JSCFunctionListEntry native_text_functions[] = {
    JS_CFUNC_DEF("utf8Encode", 1, utf8_encode),
    JS_CFUNC_DEF("utf8Decode", 3, utf8_decode),
    JS_CFUNC_DEF("latin1Encode", 1, latin1_encode),
    JS_CFUNC_DEF("latin1Decode", 1, latin1_decode),
};
const int native_text_count = sizeof(native_text_functions) / sizeof(native_text_functions[0]);
