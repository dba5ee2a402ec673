/* Strings and bytes across the border between C and JavaScript. */
#include <string.h>
#include "wapojs.h"

JSValue wapojs_latin1_string(JSContext *ctx, const uint8_t *data, size_t length)
{
    size_t high = 0;
    for (size_t i = 0; i < length; i++)
        high += data[i] >> 7;
    if (!high)
        return JS_NewStringLen(ctx, (const char *)data, length);
    uint8_t *utf8 = js_malloc(ctx, length + high);
    if (!utf8)
        return JS_EXCEPTION;
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (data[i] < 0x80) {
            utf8[out++] = data[i];
        } else {
            utf8[out++] = 0xC0 | data[i] >> 6;
            utf8[out++] = 0x80 | (data[i] & 0x3F);
        }
    }
    JSValue string = JS_NewStringLen(ctx, (const char *)utf8, out);
    js_free(ctx, utf8);
    return string;
}

uint8_t *wapojs_to_latin1(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t units;
    const uint16_t *text = JS_ToCStringLenUTF16(ctx, &units, value);
    if (!text)
        return NULL;
    uint8_t *bytes = js_malloc(ctx, units + 1);
    if (bytes) {
        for (size_t i = 0; i < units; i++) {
            if (text[i] > 0xFF) {
                js_free(ctx, bytes);
                bytes = NULL;
                JS_ThrowTypeError(ctx, "the string has a character above U+00FF");
                break;
            }
            bytes[i] = (uint8_t)text[i];
        }
        *length = units;
    }
    JS_FreeCStringUTF16(ctx, text);
    return bytes;
}

const char *wapojs_to_utf8(JSContext *ctx, JSValueConst value, size_t *length)
{
    char *text = (char *)JS_ToCStringLen(ctx, length, value);
    if (!text)
        return NULL;
    /* A lone surrogate comes as ED A0..BF xx, as long as U+FFFD, and ours to overwrite: the buffer is a fresh copy
     * whenever the string is not ASCII, and an ASCII string has none. */
    for (size_t i = 0; i + 2 < *length; i++)
        if ((uint8_t)text[i] == 0xED && (uint8_t)text[i + 1] >= 0xA0)
            memcpy(text + i, "\xEF\xBF\xBD", 3);
    return text;
}

uint8_t *wapojs_bytes(JSContext *ctx, JSValueConst value, size_t *length)
{
    *length = 0;
    if (JS_IsArrayBuffer(value))
        return JS_GetArrayBuffer(ctx, length, value);
    size_t offset, size, element, whole;
    JSValue buffer;
    if (JS_GetTypedArrayType(value) >= 0) {
        buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &size, &element);
        if (JS_IsException(buffer))
            return NULL;
    } else if (JS_IsDataView(value)) {
        int64_t at, count;
        JSValue start = JS_GetPropertyStr(ctx, value, "byteOffset"), extent = JS_GetPropertyStr(ctx, value, "byteLength");
        if (JS_IsException(start) || JS_IsException(extent))
            return NULL;
        JS_ToInt64(ctx, &at, start);
        JS_ToInt64(ctx, &count, extent);
        offset = (size_t)at;
        size = (size_t)count;
        buffer = JS_GetPropertyStr(ctx, value, "buffer");
    } else {
        JS_ThrowTypeError(ctx, "expected an ArrayBuffer or a view on one");
        return NULL;
    }
    uint8_t *data = JS_GetArrayBuffer(ctx, &whole, buffer);
    JS_FreeValue(ctx, buffer);
    if (!data && whole == 0 && JS_HasException(ctx))
        return NULL;
    if (offset > whole || size > whole - offset) {
        JS_ThrowTypeError(ctx, "the buffer is detached");
        return NULL;
    }
    *length = size;
    return data ? data + offset : (uint8_t *)"";
}

JSValue wapojs_throw_ocall(JSContext *ctx, const char *what, int error)
{
    return JS_ThrowPlainError(ctx, "%s: %s", what, ocall_error_text(error));
}
