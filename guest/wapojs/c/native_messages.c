/* What requests and responses do most: headers, query strings, reactions to a promise, calls. Where a function has the
 * common case only, it says undefined to the others, which JavaScript knows (headers.js, urlencoded.js). */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

static JSClassID plain_class; /* of {} */
static JSClassID promise_class;

/* Whether a byte may be in a header's name (RFC 9110, token). */
static bool is_token(uint8_t c)
{
    static const uint32_t set[4] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff };
    return c < 128 && set[c >> 5] >> (c & 31) & 1;
}

static JSValue pair(JSContext *ctx, JSValue name, JSValue value)
{
    JSValue both[] = { name, value };
    if (!JS_IsException(name) && !JS_IsException(value))
        return JS_NewArrayFrom(ctx, 2, both);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, value);
    return JS_EXCEPTION;
}

/* An array that grows at its end. */
typedef struct {
    JSValue *items;
    int count, room;
    bool failed;
    JSValue small[16];
} list;

static void list_init(list *l)
{
    l->items = l->small;
    l->count = 0;
    l->room = 16;
    l->failed = false;
}

/* Takes the item; an exception is kept in mind. */
static void list_add(JSContext *ctx, list *l, JSValue item)
{
    if (JS_IsException(item)) {
        l->failed = true;
        return;
    }
    if (l->count == l->room) {
        JSValue *larger = js_malloc(ctx, sizeof(JSValue) * l->room * 2);
        if (!larger) {
            JS_FreeValue(ctx, item);
            l->failed = true;
            return;
        }
        memcpy(larger, l->items, sizeof(JSValue) * l->count);
        if (l->items != l->small)
            js_free(ctx, l->items);
        l->items = larger;
        l->room *= 2;
    }
    l->items[l->count++] = item;
}

static void list_free(JSContext *ctx, list *l)
{
    for (int i = 0; i < l->count; i++)
        JS_FreeValue(ctx, l->items[i]);
    if (l->items != l->small)
        js_free(ctx, l->items);
}

/* The list as a JavaScript array. */
static JSValue list_finish(JSContext *ctx, list *l)
{
    if (l->failed) {
        list_free(ctx, l);
        return JS_EXCEPTION;
    }
    JSValue array = JS_NewArrayFrom(ctx, l->count, l->items);
    if (l->items != l->small)
        js_free(ctx, l->items);
    return array;
}

/* parseHeaderBlock("name NUL value NUL ..."): [[name, value], ...] */
static JSValue parse_header_block(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    list l;
    list_init(&l);
    const char *at = text, *end = text + length;
    while (at < end && !l.failed) {
        const char *name_end = memchr(at, 0, (size_t)(end - at));
        if (!name_end)
            break;
        const char *value = name_end + 1, *value_end = memchr(value, 0, (size_t)(end - value));
        if (!value_end)
            value_end = end;
        list_add(ctx, &l, pair(ctx, JS_NewStringLen(ctx, at, (size_t)(name_end - at)),
                               JS_NewStringLen(ctx, value, (size_t)(value_end - value))));
        at = value_end + 1;
    }
    JS_FreeCString(ctx, text);
    return list_finish(ctx, &l);
}

/* Whether a header's value needs no change and may be sent: ASCII, visible at both ends, no NUL or line break. */
static bool is_plain_value(const uint8_t *p, size_t length)
{
    if (length == 0 || p[0] <= 0x20 || p[length - 1] <= 0x20)
        return false;
    for (size_t i = 0; i < length; i++)
        if (p[i] >= 0x80 || p[i] == 0 || p[i] == '\n' || p[i] == '\r')
            return false;
    return true;
}

/* isPlainHeaderValue(string) */
static JSValue is_plain_header_value(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    bool plain = is_plain_value((const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    return JS_NewBool(ctx, plain);
}

/* A valid name in lower case; undefined for one that is not, or is long. */
static JSValue lower_name(JSContext *ctx, JSValueConst name)
{
    char lower[64];
    size_t length;
    bool changed = false;
    const char *text = JS_ToCStringLen(ctx, &length, name);
    if (!text)
        return JS_EXCEPTION;
    bool valid = length > 0 && length <= sizeof(lower);
    for (size_t i = 0; valid && i < length; i++) {
        uint8_t c = (uint8_t)text[i];
        valid = is_token(c);
        bool upper = c >= 'A' && c <= 'Z';
        changed |= upper;
        lower[i] = (char)(upper ? c | 0x20 : c);
    }
    JS_FreeCString(ctx, text);
    if (!valid)
        return JS_UNDEFINED;
    return changed ? JS_NewStringLen(ctx, lower, length) : JS_DupValue(ctx, name);
}

/* headerName(string): in lower case; undefined if it is long, or not valid */
static JSValue header_name(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return lower_name(ctx, argv[0]);
}

/* One property of a record as a header; undefined if it is not as plain as can be. */
static JSValue plain_header(JSContext *ctx, JSValueConst object, JSAtom atom)
{
    JSPropertyDescriptor property;
    int there = JS_GetOwnProperty(ctx, &property, object, atom);
    if (there < 0)
        return JS_EXCEPTION;
    if (!there)
        return JS_UNDEFINED;
    JSValue answer = JS_UNDEFINED;
    if (!(property.flags & JS_PROP_GETSET) && property.flags & JS_PROP_ENUMERABLE && JS_IsString(property.value)) {
        size_t length;
        const char *text = JS_ToCStringLen(ctx, &length, property.value);
        bool plain = text && is_plain_value((const uint8_t *)text, length);
        JS_FreeCString(ctx, text);
        if (plain) {
            JSValue key = JS_AtomToValue(ctx, atom);
            JSValue name = JS_IsString(key) ? lower_name(ctx, key) : JS_UNDEFINED;
            JS_FreeValue(ctx, key);
            if (!JS_IsUndefined(name))
                answer = pair(ctx, name, JS_DupValue(ctx, property.value));
        }
    }
    JS_FreeValue(ctx, property.value);
    JS_FreeValue(ctx, property.getter);
    JS_FreeValue(ctx, property.setter);
    return answer;
}

/* headerPairs(record): [[name in lower case, value], ...] of an object as {'content-type': 'text/html'}; undefined if
 * anything about it is unusual. Nothing of the program's is called. */
static JSValue header_pairs(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (JS_IsProxy(argv[0]) || JS_GetClassID(argv[0]) != plain_class)
        return JS_UNDEFINED;
    JSPropertyEnum *names;
    uint32_t count;
    if (JS_GetOwnPropertyNames(ctx, &names, &count, argv[0], JS_GPN_STRING_MASK | JS_GPN_SYMBOL_MASK))
        return JS_EXCEPTION;
    list l;
    list_init(&l);
    bool plain = true;
    for (uint32_t i = 0; plain && i < count; i++) {
        JSValue item = plain_header(ctx, argv[0], names[i].atom);
        plain = !JS_IsUndefined(item);
        if (plain)
            list_add(ctx, &l, item);
        plain &= !l.failed;
    }
    JS_FreePropertyEnum(ctx, names, count);
    if (plain || l.failed)
        return list_finish(ctx, &l);
    list_free(ctx, &l);
    return JS_UNDEFINED;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a name or a value into `out`, which has room for it; an exception if the bytes are no UTF-8 then, with nothing
 * pending: undefined stands for that. */
static JSValue decode_component(JSContext *ctx, const uint8_t *p, size_t length, uint8_t *out)
{
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < length && hex_digit(p[i + 1]) >= 0 && hex_digit(p[i + 2]) >= 0) {
            c = (uint8_t)(hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2]));
            i += 2;
        }
        out[size++] = c;
    }
    return wapojs_is_utf8(out, size) ? JS_NewStringLen(ctx, (const char *)out, size) : JS_UNDEFINED;
}

/* parseQuery(string): [[name, value], ...] of application/x-www-form-urlencoded; undefined if what is percent-encoded is
 * no UTF-8. */
static JSValue parse_query(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t small[256], *room = small;
    size_t length;
    const uint8_t *text = (const uint8_t *)wapojs_to_utf8(ctx, argv[0], &length);
    if (!text)
        return JS_EXCEPTION;
    if (length > sizeof(small))
        room = js_malloc(ctx, length);
    list l;
    list_init(&l);
    l.failed = !room;
    bool decoded = true;
    const uint8_t *at = text, *end = text + length;
    while (at < end && decoded && !l.failed) {
        const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop)
            stop = end;
        if (stop > at) {
            const uint8_t *equals = memchr(at, '=', (size_t)(stop - at)), *name_end = equals ? equals : stop;
            const uint8_t *value = equals ? equals + 1 : stop;
            JSValue first = decode_component(ctx, at, (size_t)(name_end - at), room);
            JSValue second = decode_component(ctx, value, (size_t)(stop - value), room);
            decoded = !JS_IsUndefined(first) && !JS_IsUndefined(second);
            JSValue both = pair(ctx, first, second);
            if (decoded)
                list_add(ctx, &l, both);
            else
                JS_FreeValue(ctx, both);
        }
        at = stop + 1;
    }
    if (room != small)
        js_free(ctx, room);
    JS_FreeCString(ctx, (const char *)text);
    if (decoded || l.failed)
        return list_finish(ctx, &l);
    list_free(ctx, &l);
    return JS_UNDEFINED;
}

/* promiseReact(promise, onFulfilled, onRejected): as `then`, but there is no promise for what they return. */
static JSValue promise_react(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    if (JS_GetClassID(argv[0]) != promise_class)
        return JS_ThrowTypeError(ctx, "not a promise");
    return wapojs_promise_react(ctx, argv[0], argv + 1) ? JS_EXCEPTION : JS_UNDEFINED;
}

/* call(function, this, ...arguments) */
static JSValue call(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return argc < 2 ? JS_Call(ctx, argv[0], JS_UNDEFINED, 0, NULL) : JS_Call(ctx, argv[0], argv[1], argc - 2, argv + 2);
}

static JSValue call_uncurried(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int magic,
                              JSValueConst *method)
{
    return argc < 1 ? JS_Call(ctx, method[0], JS_UNDEFINED, 0, NULL)
                    : JS_Call(ctx, method[0], argv[0], argc - 1, argv + 1);
}

/* uncurryThis(method): a function that takes its `this` value first */
static JSValue uncurry_this(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewCFunctionData(ctx, call_uncurried, 0, 0, 1, argv);
}

int native_messages_init(JSContext *ctx)
{
    JSValue functions[2], object = JS_NewObject(ctx), promise = JS_NewPromiseCapability(ctx, functions);
    if (JS_IsException(object) || JS_IsException(promise))
        return -1;
    plain_class = JS_GetClassID(object);
    promise_class = JS_GetClassID(promise);
    JS_FreeValue(ctx, functions[0]);
    JS_FreeValue(ctx, functions[1]);
    JS_FreeValue(ctx, promise);
    JS_FreeValue(ctx, object);
    return 0;
}

const JSCFunctionListEntry native_messages_functions[] = {
    JS_CFUNC_DEF("parseHeaderBlock", 1, parse_header_block),
    JS_CFUNC_DEF("isPlainHeaderValue", 1, is_plain_header_value),
    JS_CFUNC_DEF("headerName", 1, header_name),
    JS_CFUNC_DEF("headerPairs", 1, header_pairs),
    JS_CFUNC_DEF("parseQuery", 1, parse_query),
    JS_CFUNC_DEF("promiseReact", 3, promise_react),
    JS_CFUNC_DEF("call", 1, call),
    JS_CFUNC_DEF("uncurryThis", 1, uncurry_this),
};
const int native_messages_count = sizeof(native_messages_functions) / sizeof(native_messages_functions[0]);
