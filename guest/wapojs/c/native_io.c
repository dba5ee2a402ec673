/* What the platform's JavaScript asks of the host: log, timers, streams, HTTP, and the answers of an agent. */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

static JSValue native_log(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t level;
    size_t length;
    if (JS_ToInt32(ctx, &level, argv[0]))
        return JS_EXCEPTION;
    const char *text = wapojs_to_utf8(ctx, argv[1], &length);
    if (!text)
        return JS_EXCEPTION;
    ocall(OCALL_LOG, level, OCALL_POINTER(text), (int32_t)length, 0);
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

static JSValue set_timer(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    double milliseconds;
    if (JS_ToFloat64(ctx, &milliseconds, argv[1]))
        return JS_EXCEPTION;
    return timers_set(ctx, argv[0], milliseconds, JS_ToBool(ctx, argv[2]) > 0);
}

static JSValue clear_timer(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t id;
    if (JS_ToInt32(ctx, &id, argv[0]))
        return JS_EXCEPTION;
    timers_clear(ctx, id);
    return JS_UNDEFINED;
}

static JSValue unref_timer(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t id;
    if (JS_ToInt32(ctx, &id, argv[0]))
        return JS_EXCEPTION;
    timers_unref(id);
    return JS_UNDEFINED;
}

/* exit(): forgets everything that is waited for; the code that is running goes on to its end. */
static JSValue native_exit(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    timers_clear_all(ctx);
    waits_cancel_all(ctx);
    return JS_UNDEFINED;
}

static JSValue schedule_ticks(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wapojs_schedule_ticks();
    return JS_UNDEFINED;
}

/* read(resource, most bytes, callback(error, bytes or null at the end)) */
static JSValue native_read(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource, limit;
    if (JS_ToUint32(ctx, &resource, argv[0]) || JS_ToUint32(ctx, &limit, argv[1]))
        return JS_EXCEPTION;
    return waits_read(ctx, resource, limit, argv[2]);
}

/* write(resource, bytes, callback(error)): all of it */
static JSValue native_write(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    return waits_write(ctx, resource, argv[1], argv[2]);
}

/* shutdown(resource): no more will be written */
static JSValue native_shutdown(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    ocall(OCALL_POLL_SHUTDOWN, 0x7fffffff, (int32_t)resource, 0, 0);
    return JS_UNDEFINED;
}

/* setBackground(resource, background): whether what waits on it now does not keep the program alive */
static JSValue set_background(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    waits_set_background(resource, JS_ToBool(ctx, argv[1]) > 0);
    return JS_UNDEFINED;
}

static JSValue native_close(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    waits_cancel(ctx, resource);
    ocall(OCALL_CLOSE, (int32_t)resource, 0, 0, 0);
    return JS_UNDEFINED;
}

/* httpOpen(flags, method, url, headers, body): the resource. headers: "name NUL value NUL ..." of code points 0-255. */
static JSValue http_open(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t flags;
    size_t lengths[4] = { 0 };
    const uint8_t *body = NULL;
    JSValue answer = JS_EXCEPTION;
    if (JS_ToUint32(ctx, &flags, argv[0]))
        return JS_EXCEPTION;
    const char *method = JS_ToCStringLen(ctx, &lengths[0], argv[1]);
    const char *url = method ? wapojs_to_utf8(ctx, argv[2], &lengths[1]) : NULL;
    uint8_t *headers = url ? wapojs_to_latin1(ctx, argv[3], &lengths[2]) : NULL;
    if (headers && !JS_IsNull(argv[4]) && !JS_IsUndefined(argv[4])) {
        body = wapojs_bytes(ctx, argv[4], &lengths[3]);
        if (!body && JS_HasException(ctx))
            goto done;
    }
    if (!headers)
        goto done;
    size_t total = 20 + lengths[0] + lengths[1] + lengths[2] + lengths[3];
    uint8_t *message = js_malloc(ctx, total);
    if (!message)
        goto done;
    uint32_t numbers[5] = { flags, (uint32_t)lengths[0], (uint32_t)lengths[1], (uint32_t)lengths[2], (uint32_t)lengths[3] };
    uint8_t *at = message;
    const void *parts[] = { method, url, headers, body };
    memcpy(at, numbers, 20);
    at += 20;
    for (int i = 0; i < 4; i++)
        if (lengths[i]) {
            memcpy(at, parts[i], lengths[i]);
            at += lengths[i];
        }
    ocall_result opened = ocall(OCALL_HTTP_OPEN, OCALL_POINTER(message), (int32_t)total, 0, 0);
    js_free(ctx, message);
    answer = opened.error ? wapojs_throw_ocall(ctx, "the request cannot be made", opened.error)
                          : JS_NewUint32(ctx, opened.value);
done:
    js_free(ctx, headers);
    JS_FreeCString(ctx, url);
    JS_FreeCString(ctx, method);
    return answer;
}

/* httpHead(resource, callback(error, [status, minor version, reason, headers])) */
static JSValue http_head(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    return waits_head(ctx, resource, argv[1]);
}

/* A message that is being written: of what does not fit only the length counts. */
typedef struct {
    uint8_t *bytes;
    size_t room, length;
} message;

static void put(message *m, const void *data, size_t length)
{
    if (length && m->length + length <= m->room)
        memcpy(m->bytes + m->length, data, length);
    m->length += length;
}

/* A string of code points up to 255, a byte each. False with an exception pending. */
static bool put_latin1(JSContext *ctx, message *m, JSValue string)
{
    size_t length, plain = 0;
    const char *text = JS_ToCStringLen(ctx, &length, string);
    JS_FreeValue(ctx, string);
    if (!text)
        return false;
    while (plain < length && !(text[plain] & 0x80))
        plain++;
    put(m, text, plain);
    bool valid = true;
    for (size_t i = plain; i < length && valid; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= 0x80) {
            valid = c == 0xC2 || c == 0xC3;
            c = (uint8_t)(c << 6 | ((uint8_t)text[++i] & 0x3F));
        }
        put(m, &c, 1);
    }
    JS_FreeCString(ctx, text);
    if (!valid)
        JS_ThrowTypeError(ctx, "the string has a character above U+00FF");
    return valid;
}

/* Headers, [[name, value], ...]: names and values joined by NUL. */
static bool put_headers(JSContext *ctx, message *m, JSValueConst headers)
{
    int64_t count;
    if (JS_GetLength(ctx, headers, &count))
        return false;
    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        JSValue header = JS_GetPropertyUint32(ctx, headers, i);
        bool written = true;
        for (uint32_t part = 0; part < 2 && written; part++) {
            if (i || part)
                put(m, "", 1);
            written = put_latin1(ctx, m, JS_GetPropertyUint32(ctx, header, part));
        }
        JS_FreeValue(ctx, header);
        if (!written)
            return false;
    }
    return true;
}

static bool put_response(JSContext *ctx, message *m, uint32_t status, JSValueConst headers, const void *body,
                         size_t body_length, bool complete)
{
    uint32_t numbers[3] = { complete, status, 0 };
    put(m, numbers, sizeof(numbers));
    if (!put_headers(ctx, m, headers))
        return false;
    numbers[2] = (uint32_t)(m->length - sizeof(numbers));
    memcpy(m->bytes, numbers, sizeof(numbers));
    put(m, body, body_length);
    return true;
}

/* respond(status, headers, body, complete): the stream for the rest of the body, or -1 if it is complete.
 * headers is a list of [name, value], body a string, bytes, or null. One crossing hands over the head and what there is
 * of the body. */
static JSValue respond(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t status;
    size_t body_length = 0;
    const char *text = NULL;
    const uint8_t *body = NULL;
    uint8_t *large = NULL;
    JSValue answer = JS_EXCEPTION;
    if (JS_ToUint32(ctx, &status, argv[0]))
        return JS_EXCEPTION;
    bool complete = JS_ToBool(ctx, argv[3]) > 0;
    if (JS_IsString(argv[2])) {
        text = wapojs_to_utf8(ctx, argv[2], &body_length);
        if (!text)
            return JS_EXCEPTION;
        body = (const uint8_t *)text;
    } else if (!JS_IsNull(argv[2]) && !JS_IsUndefined(argv[2])) {
        body = wapojs_bytes(ctx, argv[2], &body_length);
        if (!body && JS_HasException(ctx))
            return JS_EXCEPTION;
    }
    message m = { wapojs_scratch, SCRATCH_BYTES, 0 };
    if (!put_response(ctx, &m, status, argv[1], body, body_length, complete))
        goto done;
    if (m.length > m.room) {
        large = js_malloc(ctx, m.length);
        m = (message){ large, m.length, 0 };
        if (!large || !put_response(ctx, &m, status, argv[1], body, body_length, complete))
            goto done;
    }
    ocall_result sent = ocall(OCALL_RESPOND, OCALL_POINTER(m.bytes), (int32_t)m.length, 0, 0);
    if (sent.error)
        answer = wapojs_throw_ocall(ctx, "the response cannot be sent", sent.error);
    else
        answer = complete ? JS_NewInt32(ctx, -1) : JS_NewUint32(ctx, sent.value);
done:
    if (text)
        JS_FreeCString(ctx, text);
    js_free(ctx, large);
    return answer;
}

/* Hands the host a number and a string or bytes: output(kind, value), fail(kind, text), loaded(status, text). */
static JSValue tell(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int id)
{
    uint32_t kind;
    size_t length = 0;
    if (JS_ToUint32(ctx, &kind, argv[0]))
        return JS_EXCEPTION;
    ocall_result told;
    if (argc > 1 && JS_IsString(argv[1])) {
        const char *text = wapojs_to_utf8(ctx, argv[1], &length);
        if (!text)
            return JS_EXCEPTION;
        told = ocall(id, (int32_t)kind, OCALL_POINTER(text), (int32_t)length, 0);
        JS_FreeCString(ctx, text);
    } else {
        const uint8_t *bytes = NULL;
        if (argc > 1 && JS_IsObject(argv[1])) {
            bytes = wapojs_bytes(ctx, argv[1], &length);
            if (!bytes && JS_HasException(ctx))
                return JS_EXCEPTION;
        }
        told = ocall(id, (int32_t)kind, OCALL_POINTER(bytes), (int32_t)length, 0);
    }
    if (told.error)
        return wapojs_throw_ocall(ctx, "the host refused it", told.error);
    return JS_UNDEFINED;
}

/* touched(what): the program looks at something that differs from one request to the next (agents/images.py). */
static JSValue touched(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t what;
    if (JS_ToUint32(ctx, &what, argv[0]))
        return JS_EXCEPTION;
    ocall(OCALL_TOUCHED, (int32_t)what, 0, 0, 0);
    return JS_UNDEFINED;
}

/* keepAlive(on): work that is to go on although the client may have gone */
static JSValue keep_alive(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    ocall(OCALL_KEEP_ALIVE, JS_ToBool(ctx, argv[0]) > 0, 0, 0, 0);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_io_functions[] = {
    JS_CFUNC_DEF("log", 2, native_log),
    JS_CFUNC_DEF("setTimer", 3, set_timer),
    JS_CFUNC_DEF("clearTimer", 1, clear_timer),
    JS_CFUNC_DEF("unrefTimer", 1, unref_timer),
    JS_CFUNC_DEF("exit", 0, native_exit),
    JS_CFUNC_DEF("scheduleTicks", 0, schedule_ticks),
    JS_CFUNC_DEF("keepAlive", 1, keep_alive),
    JS_CFUNC_DEF("read", 3, native_read),
    JS_CFUNC_DEF("write", 3, native_write),
    JS_CFUNC_DEF("shutdown", 1, native_shutdown),
    JS_CFUNC_DEF("setBackground", 2, set_background),
    JS_CFUNC_DEF("close", 1, native_close),
    JS_CFUNC_DEF("httpOpen", 5, http_open),
    JS_CFUNC_DEF("httpHead", 2, http_head),
    JS_CFUNC_DEF("respond", 4, respond),
    JS_CFUNC_MAGIC_DEF("output", 2, tell, OCALL_OUTPUT),
    JS_CFUNC_MAGIC_DEF("fail", 2, tell, OCALL_FAIL),
    JS_CFUNC_MAGIC_DEF("loaded", 2, tell, OCALL_LOADED),
    JS_CFUNC_DEF("touched", 1, touched),
};
const int native_io_count = sizeof(native_io_functions) / sizeof(native_io_functions[0]);
