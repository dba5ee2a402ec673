/* Errors, values and calls between the two languages. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "native_wasm.h"

static uint32_t running; /* calls under way from JavaScript */

JSValue wasmjs_throw(JSContext *ctx, enum error which, const char *format, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    JSValue message = JS_NewString(ctx, text);
    if (JS_IsException(message))
        return message;
    JSValue error = JS_CallConstructor(ctx, wasmjs_errors[which], 1, (JSValueConst *)&message);
    JS_FreeValue(ctx, message);
    return JS_IsException(error) ? error : JS_Throw(ctx, error);
}

JSValue wasmjs_throw_trap(JSContext *ctx, wasm_trap trap)
{
    static const char *const texts[] = {
        [TRAP_UNREACHABLE] = "unreachable", [TRAP_DIVIDE] = "integer divide by zero",
        [TRAP_OVERFLOW] = "integer overflow",
        [TRAP_CONVERSION] = "invalid conversion to integer", [TRAP_MEMORY] = "out of bounds memory access",
        [TRAP_TABLE] = "out of bounds table access", [TRAP_ELEMENT] = "undefined element",
        [TRAP_NULL] = "uninitialized element", [TRAP_NULL_EXCEPTION] = "null exception reference",
        [TRAP_SIGNATURE] = "indirect call type mismatch",
    };
    if (trap == TRAP_EXCEPTION)
        return JS_EXCEPTION;
    if (trap == TRAP_STACK)
        return JS_ThrowRangeError(ctx, "Maximum call stack size exceeded");
    return wasmjs_throw(ctx, RUNTIME_ERROR, "%s", texts[trap]);
}

/* Values: https://webassembly.github.io/spec/js-api/#tojsvalue and #towebassemblyvalue */

/* The one function object of a function of WebAssembly. */
JSValue wasmjs_function_object(JSContext *ctx, wasm_function *f)
{
    if (JS_IsObject(f->object))
        return JS_DupValue(ctx, f->object);
    exported *e = malloc(sizeof(*e));
    if (!e)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wasmjs_wrap(ctx, FUNCTION, e, free);
    if (JS_IsException(object))
        return object;
    *e = (exported){ f, JS_DupValue(ctx, f->instance->self) };
    char name[16];
    snprintf(name, sizeof(name), "%u", (unsigned)f->index);
    if (JS_DefinePropertyValueStr(ctx, object, "length", JS_NewInt32(ctx, f->type->params), JS_PROP_CONFIGURABLE) < 0 ||
        JS_DefinePropertyValueStr(ctx, object, "name", JS_NewString(ctx, name), JS_PROP_CONFIGURABLE) < 0) {
        JS_FreeValue(ctx, object);
        return JS_EXCEPTION;
    }
    f->object = JS_DupValue(ctx, object);
    return object;
}

JSValue wasmjs_to_js(JSContext *ctx, uint8_t type, uint64_t bits)
{
    union {
        uint32_t bits;
        float value;
    } single = { (uint32_t)bits };
    union {
        uint64_t bits;
        double value;
    } real = { bits };
    switch (type) {
    case I32: return JS_NewInt32(ctx, (int32_t)bits);
    case I64: return JS_NewBigInt64(ctx, (int64_t)bits);
    case F32: return JS_NewNumber(ctx, (double)single.value);
    case F64: return JS_NewNumber(ctx, real.value);
    case EXTERNREF: return JS_DupValue(ctx, wasm_extern_value(bits));
    case EXNREF: return JS_ThrowTypeError(ctx, "an exnref cannot leave WebAssembly");
    default: return bits ? wasmjs_function_object(ctx, (wasm_function *)(uintptr_t)bits) : JS_NULL;
    }
}

/* False with an exception pending. A reference is kept alive by `value`. */
bool wasmjs_to_wasm(JSContext *ctx, uint8_t type, JSValueConst value, uint64_t *bits)
{
    int32_t small;
    int64_t large;
    double number;
    union {
        float value;
        uint32_t bits;
    } single;
    switch (type) {
    case I32:
        if (JS_ToInt32(ctx, &small, value))
            return false;
        *bits = (uint32_t)small;
        return true;
    case I64:
        if (JS_ToBigInt64(ctx, &large, value))
            return false;
        *bits = (uint64_t)large;
        return true;
    case F32:
        if (JS_ToFloat64(ctx, &number, value))
            return false;
        single.value = (float)number;
        *bits = single.bits;
        return true;
    case F64:
        if (JS_ToFloat64(ctx, &number, value))
            return false;
        memcpy(bits, &number, sizeof(number));
        return true;
    case EXTERNREF: *bits = wasm_extern_bits(value); return true;
    case EXNREF: JS_ThrowTypeError(ctx, "an exnref cannot come from JavaScript"); return false;
    default: {
        exported *e = JS_GetOpaque(value, wasmjs_classes[FUNCTION]);
        if (!e && !JS_IsNull(value)) {
            JS_ThrowTypeError(ctx, "a function exported by WebAssembly, or null, was expected");
            return false;
        }
        *bits = e ? (uintptr_t)e->function : 0;
        return true;
    }
    }
}

/* What a parameter without an argument is. */
JSValueConst wasmjs_missing(uint8_t type)
{
    return type == FUNCREF ? JS_NULL : JS_UNDEFINED;
}

/* Calls. */

static JSValue results_to_js(JSContext *ctx, const wasm_type *type, const uint64_t *slots)
{
    const uint8_t *types = type->types + type->params;
    if (type->results == 0)
        return JS_UNDEFINED;
    if (type->results == 1)
        return wasmjs_to_js(ctx, types[0], slots[0]);
    JSValue list = JS_NewArray(ctx);
    for (uint32_t k = 0; k < type->results && !JS_IsException(list); k++) {
        JSValue value = wasmjs_to_js(ctx, types[k], slots[k]);
        if (JS_IsException(value) || JS_DefinePropertyValueUint32(ctx, list, k, value, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, list);
            list = JS_EXCEPTION;
        }
    }
    return list;
}

JSValue wasmjs_call_function(JSContext *ctx, wasm_function *f, int argc, JSValueConst *argv)
{
    if (!wasm_stack_ready())
        return JS_ThrowOutOfMemory(ctx);
    wasm_stack *t = &wasm_thread;
    const wasm_type *type = f->type;
    uint64_t *slots = t->top;
    uint32_t room = type->params > type->results ? type->params : type->results;
    if (t->end - slots < (ptrdiff_t)room)
        return wasmjs_throw_trap(ctx, TRAP_STACK);
    running++;
    t->top = slots + room; /* converting an argument may call JavaScript, and that WebAssembly */
    wasm_root_instance(ctx, f->instance);
    JSValue result = JS_EXCEPTION;
    uint32_t k = 0;
    for (; k < type->params; k++) {
        JSValueConst value = (int)k < argc ? argv[k] : JS_UNDEFINED;
        if (!wasmjs_to_wasm(ctx, type->types[k], value, &slots[k]))
            break;
        wasm_root(ctx, type->types[k], slots[k]);
    }
    if (k == type->params) {
        wasm_trap trap = wasm_call(ctx, f, slots);
        t->top = slots + room;
        result = trap ? wasmjs_throw_trap(ctx, trap) : results_to_js(ctx, type, slots);
    }
    t->top = slots;
    if (--running == 0)
        wasm_unroot(ctx);
    return result;
}

JSValue wasmjs_call_exported(JSContext *ctx, JSValueConst function, JSValueConst this_value, int argc,
                             JSValueConst *argv, int flags)
{
    exported *e = JS_GetOpaque(function, wasmjs_classes[FUNCTION]);
    return wasmjs_call_function(ctx, e->function, argc, argv);
}

static bool take_results(JSContext *ctx, const wasm_type *type, JSValueConst value, uint64_t *slots)
{
    const uint8_t *types = type->types + type->params;
    if (type->results == 1) {
        if (!wasmjs_to_wasm(ctx, types[0], value, &slots[0]))
            return false;
        wasm_root(ctx, types[0], slots[0]);
        return true;
    }
    JSValueConst arguments[] = { value, JS_NewInt32(ctx, type->results) };
    JSValue list = JS_Call(ctx, wasmjs_list_of, JS_UNDEFINED, 2, arguments);
    bool good = !JS_IsException(list);
    for (uint32_t k = 0; k < type->results && good; k++) {
        JSValue item = JS_GetPropertyUint32(ctx, list, k);
        good = !JS_IsException(item) && wasmjs_to_wasm(ctx, types[k], item, &slots[k]);
        if (good)
            wasm_root(ctx, types[k], slots[k]);
        JS_FreeValue(ctx, item);
    }
    JS_FreeValue(ctx, list);
    return good;
}

wasm_trap wasm_call_host(JSContext *ctx, wasm_function *f, uint64_t *slots)
{
    const wasm_type *type = f->type;
    JSValue arguments[type->params + 1];
    uint32_t count = 0;
    bool good = true;
    for (; count < type->params && good; count++) {
        arguments[count] = wasmjs_to_js(ctx, type->types[count], slots[count]);
        good = !JS_IsException(arguments[count]);
    }
    if (good) {
        JSValue result = JS_Call(ctx, f->target, JS_UNDEFINED, (int)count, (JSValueConst *)arguments);
        good = !JS_IsException(result) && (!type->results || take_results(ctx, type, result, slots));
        JS_FreeValue(ctx, result);
    }
    for (uint32_t k = 0; k < count; k++)
        JS_FreeValue(ctx, arguments[k]);
    return good ? TRAP_NONE : TRAP_EXCEPTION;
}
