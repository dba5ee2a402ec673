/* Tags and exceptions: https://webassembly.github.io/spec/js-api/#tags and #exceptions */
#include <stdlib.h>
#include "native_wasm.h"

static JSValue js_tag; /* the object of the tag of what JavaScript throws; made when somebody asks for it */

JSValue wasmjs_tag_object(JSContext *ctx, wasm_type *type)
{
    wasm_tag *tag = malloc(sizeof(*tag));
    if (!tag)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wasmjs_wrap(ctx, TAG, tag, free);
    if (!JS_IsException(object))
        *tag = (wasm_tag){ type, object };
    return object;
}

wasm_tag *wasm_js_tag(void)
{
    if (!JS_IsObject(js_tag)) {
        static const uint8_t types[] = { EXTERNREF };
        wasm_reader r = { 0 };
        wasm_type *type = wasm_intern(&r, types, 1, 0);
        JSValue object = type ? wasmjs_tag_object(wapojs_context, type) : JS_UNDEFINED;
        if (JS_IsObject(object))
            js_tag = object;
    }
    return JS_GetOpaque(js_tag, wasmjs_classes[TAG]);
}

static void drop_exception(void *exception)
{
    free(exception);
}

JSValue wasm_exception_object(JSContext *ctx, wasm_tag *tag, wasm_exception **made)
{
    wasm_exception *exception = calloc(1, sizeof(*exception) + tag->type->params * sizeof(wasm_ref));
    if (!exception)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wasmjs_wrap(ctx, EXCEPTION, exception, drop_exception);
    if (JS_IsException(object))
        return object;
    exception->tag = tag;
    exception->tag_owner = JS_DupValue(ctx, tag->self);
    exception->count = tag->type->params;
    *made = exception;
    return object;
}

wasm_exception *wasm_exception_of(JSValueConst value)
{
    return JS_GetOpaque(value, wasmjs_classes[EXCEPTION]);
}

/* wasmNewTag(types): Tag */
JSValue wasmjs_new_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t types[MAX_PARAMETERS];
    int64_t count;
    if (JS_GetLength(ctx, argv[0], &count))
        return JS_EXCEPTION;
    if (count > MAX_PARAMETERS)
        return JS_ThrowRangeError(ctx, "a tag with more than %d parameters", MAX_PARAMETERS);
    for (uint32_t k = 0; k < count; k++) {
        JSValue type = JS_GetPropertyUint32(ctx, argv[0], k);
        types[k] = wasmjs_take_type(ctx, type);
        JS_FreeValue(ctx, type);
    }
    wasm_reader r = { 0 };
    wasm_type *type = wasm_intern(&r, types, (uint32_t)count, 0);
    return type ? wasmjs_tag_object(ctx, type) : JS_ThrowOutOfMemory(ctx);
}

/* wasmJSTag(): the Tag of what JavaScript throws */
JSValue wasmjs_get_js_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_tag *tag = wasm_js_tag();
    return tag ? JS_DupValue(ctx, tag->self) : JS_ThrowOutOfMemory(ctx);
}

/* wasmNewException(tag, array of values): Exception. Throws a TypeError if their number or a type is wrong. */
JSValue wasmjs_new_exception(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_tag *tag = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[TAG]);
    if (!tag)
        return JS_EXCEPTION;
    if (tag == wasm_js_tag())
        return JS_ThrowTypeError(ctx, "an exception cannot have the tag of JavaScript's");
    JSValueConst arguments[] = { argv[1], JS_NewInt32(ctx, tag->type->params) };
    JSValue list = JS_Call(ctx, wasmjs_list_of, JS_UNDEFINED, 2, arguments);
    if (JS_IsException(list))
        return list;
    wasm_exception *exception;
    JSValue object = wasm_exception_object(ctx, tag, &exception);
    for (uint32_t k = 0; k < tag->type->params && !JS_IsException(object); k++) {
        JSValue value = JS_GetPropertyUint32(ctx, list, k);
        uint64_t bits;
        if (!JS_IsException(value) && wasmjs_to_wasm(ctx, tag->type->types[k], value, &bits)) {
            exception->values[k] = wasm_hold(ctx, tag->type->types[k], bits);
        } else {
            JS_FreeValue(ctx, object);
            object = JS_EXCEPTION;
        }
        JS_FreeValue(ctx, value);
    }
    JS_FreeValue(ctx, list);
    return object;
}

/* wasmExceptionIs(exception, tag): boolean */
JSValue wasmjs_exception_is(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_exception *exception = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[EXCEPTION]);
    wasm_tag *tag = exception ? JS_GetOpaque2(ctx, argv[1], wasmjs_classes[TAG]) : NULL;
    return tag ? JS_NewBool(ctx, exception->tag == tag) : JS_EXCEPTION;
}

/* wasmExceptionGet(exception, tag, index): the value. Throws a TypeError or RangeError. */
JSValue wasmjs_exception_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_exception *exception = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[EXCEPTION]);
    wasm_tag *tag = exception ? JS_GetOpaque2(ctx, argv[1], wasmjs_classes[TAG]) : NULL;
    uint32_t index;
    if (!tag || JS_ToUint32(ctx, &index, argv[2]))
        return JS_EXCEPTION;
    if (exception->tag != tag)
        return JS_ThrowTypeError(ctx, "the exception has another tag");
    if (index >= exception->count)
        return JS_ThrowRangeError(ctx, "the exception has only %u values", (unsigned)exception->count);
    return wasmjs_to_js(ctx, tag->type->types[index], exception->values[index].bits);
}
