/* Objects of the JavaScript API: https://webassembly.github.io/spec/js-api/
 *
 * Modules, instances, memories, tables, globals and exported functions are objects of classes of the engine, which hold
 * what the interpreter works with. Their constructors and methods are in js/webassembly.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"
#include "wasm.h"

enum class { MODULE, INSTANCE, MEMORY, TABLE, GLOBAL, TAG, EXCEPTION, FUNCTION, CLASS_COUNT };
enum error { COMPILE_ERROR, LINK_ERROR, RUNTIME_ERROR, ERROR_COUNT };

static JSClassID classes[CLASS_COUNT];
static JSValue errors[ERROR_COUNT];
static JSValue list_of; /* of JavaScript: (iterable, number) -> array with so many values, or a TypeError */
static uint32_t running; /* calls under way from JavaScript */

/* The opaque of an exported function. */
typedef struct {
    wasm_function *function;
    JSValue instance;
} exported;

static JSValue throw(JSContext *ctx, enum error which, const char *format, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    JSValue message = JS_NewString(ctx, text);
    if (JS_IsException(message))
        return message;
    JSValue error = JS_CallConstructor(ctx, errors[which], 1, (JSValueConst *)&message);
    JS_FreeValue(ctx, message);
    return JS_IsException(error) ? error : JS_Throw(ctx, error);
}

static JSValue throw_trap(JSContext *ctx, wasm_trap trap)
{
    static const char *const texts[] = {
        [TRAP_UNREACHABLE] = "unreachable", [TRAP_DIVIDE] = "integer divide by zero", [TRAP_OVERFLOW] = "integer overflow",
        [TRAP_CONVERSION] = "invalid conversion to integer", [TRAP_MEMORY] = "out of bounds memory access",
        [TRAP_TABLE] = "out of bounds table access", [TRAP_ELEMENT] = "undefined element",
        [TRAP_NULL] = "uninitialized element", [TRAP_NULL_EXCEPTION] = "null exception reference", [TRAP_SIGNATURE] = "indirect call type mismatch",
    };
    if (trap == TRAP_EXCEPTION)
        return JS_EXCEPTION;
    if (trap == TRAP_STACK)
        return JS_ThrowRangeError(ctx, "Maximum call stack size exceeded");
    return throw(ctx, RUNTIME_ERROR, "%s", texts[trap]);
}

/* A new object that owns `opaque`, which `drop` frees if there cannot be one. */
static JSValue wrap(JSContext *ctx, enum class class, void *opaque, void (*drop)(void *))
{
    JSValue object = JS_NewObjectClass(ctx, classes[class]);
    if (JS_IsException(object))
        drop(opaque);
    else
        JS_SetOpaque(object, opaque);
    return object;
}

/* Finalizers, and what the collector is told. A finalizer may run after that of anything it refers to: it frees what it
 * owns, and looks at nothing else. */

static void finalize_module(JSRuntime *runtime, JSValueConst value)
{
    wasm_module *m = JS_GetOpaque(value, classes[MODULE]);
    if (m)
        wasm_free_module(m);
}

static void finalize_instance(JSRuntime *runtime, JSValueConst value)
{
    wasm_instance *i = JS_GetOpaque(value, classes[INSTANCE]);
    if (!i)
        return;
    for (uint32_t k = 0; k < i->own_count; k++) {
        JS_FreeValueRT(runtime, i->own[k].target);
        JS_FreeValueRT(runtime, i->own[k].object);
    }
    for (uint32_t k = 0; k < i->owner_count; k++)
        JS_FreeValueRT(runtime, i->owners[k]);
    for (uint32_t k = 0; i->elements && k < i->segment_count; k++) {
        for (uint32_t n = 0; i->elements[k] && n < i->segment_sizes[k]; n++)
            JS_FreeValueRT(runtime, i->elements[k][n].owner);
        free(i->elements[k]);
    }
    JS_FreeValueRT(runtime, i->exports);
    JS_FreeValueRT(runtime, i->module_owner);
    void *parts[] = { i->functions, i->tables, i->globals, i->tags, i->owners, i->elements, i->segment_sizes, i->dropped, i };
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
        free(parts[k]);
}

static void mark_instance(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_instance *i = JS_GetOpaque(value, classes[INSTANCE]);
    if (!i)
        return;
    for (uint32_t k = 0; k < i->own_count; k++) {
        JS_MarkValue(runtime, i->own[k].target, mark);
        JS_MarkValue(runtime, i->own[k].object, mark);
    }
    for (uint32_t k = 0; k < i->owner_count; k++)
        JS_MarkValue(runtime, i->owners[k], mark);
    for (uint32_t k = 0; i->elements && k < i->segment_count; k++)
        for (uint32_t n = 0; i->elements[k] && n < i->segment_sizes[k]; n++)
            JS_MarkValue(runtime, i->elements[k][n].owner, mark);
    JS_MarkValue(runtime, i->exports, mark);
    JS_MarkValue(runtime, i->module_owner, mark);
}

static void release_bytes(wasm_memory *memory)
{
    wasm_bytes_realloc(NULL, memory->bytes, memory->bytes->data, 0);
    free(memory);
}

static void finalize_memory(JSRuntime *runtime, JSValueConst value)
{
    wasm_memory *memory = JS_GetOpaque(value, classes[MEMORY]);
    if (!memory)
        return;
    JS_FreeValueRT(runtime, memory->buffer);
    release_bytes(memory);
}

static void mark_memory(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_memory *memory = JS_GetOpaque(value, classes[MEMORY]);
    if (memory)
        JS_MarkValue(runtime, memory->buffer, mark);
}

static void finalize_table(JSRuntime *runtime, JSValueConst value)
{
    wasm_table *table = JS_GetOpaque(value, classes[TABLE]);
    if (!table)
        return;
    for (uint32_t k = 0; k < table->size; k++)
        JS_FreeValueRT(runtime, table->elements[k].owner);
    free(table->elements);
    free(table);
}

static void mark_table(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_table *table = JS_GetOpaque(value, classes[TABLE]);
    for (uint32_t k = 0; table && k < table->size; k++)
        JS_MarkValue(runtime, table->elements[k].owner, mark);
}

static void finalize_global(JSRuntime *runtime, JSValueConst value)
{
    wasm_global *global = JS_GetOpaque(value, classes[GLOBAL]);
    if (!global)
        return;
    JS_FreeValueRT(runtime, global->value.owner);
    free(global);
}

static void mark_global(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_global *global = JS_GetOpaque(value, classes[GLOBAL]);
    if (global)
        JS_MarkValue(runtime, global->value.owner, mark);
}

static void finalize_tag(JSRuntime *runtime, JSValueConst value)
{
    free(JS_GetOpaque(value, classes[TAG]));
}

static void finalize_exception(JSRuntime *runtime, JSValueConst value)
{
    wasm_exception *exception = JS_GetOpaque(value, classes[EXCEPTION]);
    if (!exception)
        return;
    for (uint32_t k = 0; k < exception->count; k++)
        JS_FreeValueRT(runtime, exception->values[k].owner);
    JS_FreeValueRT(runtime, exception->tag_owner);
    free(exception);
}

static void mark_exception(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_exception *exception = JS_GetOpaque(value, classes[EXCEPTION]);
    if (!exception)
        return;
    for (uint32_t k = 0; k < exception->count; k++)
        JS_MarkValue(runtime, exception->values[k].owner, mark);
    JS_MarkValue(runtime, exception->tag_owner, mark);
}

static void finalize_function(JSRuntime *runtime, JSValueConst value)
{
    exported *e = JS_GetOpaque(value, classes[FUNCTION]);
    if (!e)
        return;
    JS_FreeValueRT(runtime, e->instance);
    free(e);
}

static void mark_function(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    exported *e = JS_GetOpaque(value, classes[FUNCTION]);
    if (e)
        JS_MarkValue(runtime, e->instance, mark);
}

/* Values: https://webassembly.github.io/spec/js-api/#tojsvalue and #towebassemblyvalue */

/* The one function object of a function of WebAssembly. */
static JSValue function_object(JSContext *ctx, wasm_function *f)
{
    if (JS_IsObject(f->object))
        return JS_DupValue(ctx, f->object);
    exported *e = malloc(sizeof(*e));
    if (!e)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wrap(ctx, FUNCTION, e, free);
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

static JSValue to_js(JSContext *ctx, uint8_t type, uint64_t bits)
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
    default: return bits ? function_object(ctx, (wasm_function *)(uintptr_t)bits) : JS_NULL;
    }
}

/* False with an exception pending. A reference is kept alive by `value`. */
static bool to_wasm(JSContext *ctx, uint8_t type, JSValueConst value, uint64_t *bits)
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
        exported *e = JS_GetOpaque(value, classes[FUNCTION]);
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
static JSValueConst missing(uint8_t type)
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
        return to_js(ctx, types[0], slots[0]);
    JSValue list = JS_NewArray(ctx);
    for (uint32_t k = 0; k < type->results && !JS_IsException(list); k++) {
        JSValue value = to_js(ctx, types[k], slots[k]);
        if (JS_IsException(value) || JS_DefinePropertyValueUint32(ctx, list, k, value, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, list);
            list = JS_EXCEPTION;
        }
    }
    return list;
}

static JSValue call_function(JSContext *ctx, wasm_function *f, int argc, JSValueConst *argv)
{
    if (!wasm_stack_ready())
        return JS_ThrowOutOfMemory(ctx);
    wasm_stack *t = &wasm_thread;
    const wasm_type *type = f->type;
    uint64_t *slots = t->top;
    uint32_t room = type->params > type->results ? type->params : type->results;
    if (t->end - slots < (ptrdiff_t)room)
        return throw_trap(ctx, TRAP_STACK);
    running++;
    t->top = slots + room; /* converting an argument may call JavaScript, and that WebAssembly */
    wasm_root_instance(ctx, f->instance);
    JSValue result = JS_EXCEPTION;
    uint32_t k = 0;
    for (; k < type->params; k++) {
        JSValueConst value = (int)k < argc ? argv[k] : JS_UNDEFINED;
        if (!to_wasm(ctx, type->types[k], value, &slots[k]))
            break;
        wasm_root(ctx, type->types[k], slots[k]);
    }
    if (k == type->params) {
        wasm_trap trap = wasm_call(ctx, f, slots);
        t->top = slots + room;
        result = trap ? throw_trap(ctx, trap) : results_to_js(ctx, type, slots);
    }
    t->top = slots;
    if (--running == 0)
        wasm_unroot(ctx);
    return result;
}

static JSValue call_exported(JSContext *ctx, JSValueConst function, JSValueConst this_value, int argc, JSValueConst *argv,
                             int flags)
{
    exported *e = JS_GetOpaque(function, classes[FUNCTION]);
    return call_function(ctx, e->function, argc, argv);
}

static bool take_results(JSContext *ctx, const wasm_type *type, JSValueConst value, uint64_t *slots)
{
    const uint8_t *types = type->types + type->params;
    if (type->results == 1) {
        if (!to_wasm(ctx, types[0], value, &slots[0]))
            return false;
        wasm_root(ctx, types[0], slots[0]);
        return true;
    }
    JSValueConst arguments[] = { value, JS_NewInt32(ctx, type->results) };
    JSValue list = JS_Call(ctx, list_of, JS_UNDEFINED, 2, arguments);
    bool good = !JS_IsException(list);
    for (uint32_t k = 0; k < type->results && good; k++) {
        JSValue item = JS_GetPropertyUint32(ctx, list, k);
        good = !JS_IsException(item) && to_wasm(ctx, types[k], item, &slots[k]);
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
        arguments[count] = to_js(ctx, type->types[count], slots[count]);
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

/* Modules. */

static void drop_module(void *module)
{
    wasm_free_module(module);
}

static wasm_module *decode(JSContext *ctx, JSValueConst source, wasm_reader *r)
{
    size_t length;
    const uint8_t *bytes = wapojs_bytes(ctx, source, &length);
    if (!bytes && JS_HasException(ctx))
        return NULL;
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy) {
        JS_ThrowOutOfMemory(ctx);
        return NULL;
    }
    memcpy(copy, bytes, length);
    return wasm_decode(r, copy, (uint32_t)length);
}

/* wasmCompile(bytes): Module. Throws a CompileError. */
static JSValue compile(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_reader r = { 0 };
    wasm_module *m = decode(ctx, argv[0], &r);
    if (m)
        return wrap(ctx, MODULE, m, drop_module);
    if (r.exhausted)
        return JS_ThrowOutOfMemory(ctx);
    return r.failed ? throw(ctx, COMPILE_ERROR, "%s", r.error) : JS_EXCEPTION;
}

/* wasmValidate(bytes): boolean */
static JSValue validate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_reader r = { 0 };
    wasm_module *m = decode(ctx, argv[0], &r);
    if (m)
        wasm_free_module(m);
    else if (!r.failed)
        return JS_EXCEPTION;
    return JS_NewBool(ctx, m);
}

static JSValue text_of(JSContext *ctx, const wasm_module *m, wasm_span span)
{
    return JS_NewStringLen(ctx, (const char *)m->bytes + span.at, span.length);
}

static bool add_value(JSContext *ctx, JSValueConst list, uint32_t *length, JSValue value)
{
    return !JS_IsException(value) && JS_DefinePropertyValueUint32(ctx, list, (*length)++, value, JS_PROP_C_W_E) >= 0;
}

static JSValue finish_list(JSContext *ctx, JSValue list, bool good)
{
    if (good)
        return list;
    JS_FreeValue(ctx, list);
    return JS_EXCEPTION;
}

/* wasmModuleExports(module): name, kind, name, kind, ... */
static JSValue module_exports(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], classes[MODULE]);
    if (!m)
        return JS_EXCEPTION;
    JSValue list = JS_NewArray(ctx);
    bool good = !JS_IsException(list);
    for (uint32_t k = 0, length = 0; k < m->export_count && good; k++)
        good = add_value(ctx, list, &length, text_of(ctx, m, m->exports[k].name)) &&
               add_value(ctx, list, &length, JS_NewInt32(ctx, m->exports[k].kind));
    return finish_list(ctx, list, good);
}

/* wasmModuleImports(module): module, name, kind, ... */
static JSValue module_imports(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], classes[MODULE]);
    if (!m)
        return JS_EXCEPTION;
    JSValue list = JS_NewArray(ctx);
    bool good = !JS_IsException(list);
    for (uint32_t k = 0, length = 0; k < m->import_count && good; k++)
        good = add_value(ctx, list, &length, text_of(ctx, m, m->imports[k].module)) &&
               add_value(ctx, list, &length, text_of(ctx, m, m->imports[k].name)) &&
               add_value(ctx, list, &length, JS_NewInt32(ctx, m->imports[k].kind));
    return finish_list(ctx, list, good);
}

/* wasmCustomSections(module, name): ArrayBuffers */
static JSValue custom_sections(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], classes[MODULE]);
    if (!m)
        return JS_EXCEPTION;
    size_t length;
    const char *name = JS_ToCStringLen(ctx, &length, argv[1]);
    JSValue list = name ? JS_NewArray(ctx) : JS_EXCEPTION;
    bool good = !JS_IsException(list);
    for (uint32_t k = 0, count = 0; k < m->custom_count && good; k++) {
        wasm_span found = m->custom_names[k], contents = m->customs[k];
        if (found.length == length && !memcmp(m->bytes + found.at, name, length))
            good = add_value(ctx, list, &count, JS_NewArrayBufferCopy(ctx, m->bytes + contents.at, contents.length));
    }
    JS_FreeCString(ctx, name);
    return finish_list(ctx, list, good);
}

/* Memories. */

static wasm_limits take_limits(JSContext *ctx, JSValueConst min, JSValueConst max)
{
    wasm_limits limits = { 0, NO_INDEX };
    JS_ToUint32(ctx, &limits.min, min);
    if (!JS_IsUndefined(max))
        JS_ToUint32(ctx, &limits.max, max);
    return limits;
}

static void drop_memory(void *memory)
{
    release_bytes(memory);
}

static JSValue memory_object(JSContext *ctx, wasm_limits limits)
{
    wasm_memory *memory = wasm_new_memory(ctx, limits);
    if (!memory)
        return JS_ThrowRangeError(ctx, "a memory of %u pages does not fit", (unsigned)limits.min);
    JSValue object = wrap(ctx, MEMORY, memory, drop_memory);
    if (!JS_IsException(object))
        memory->self = object;
    return object;
}

/* wasmNewMemory(initial, maximum or undefined): Memory */
static JSValue new_memory(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return memory_object(ctx, take_limits(ctx, argv[0], argv[1]));
}

/* wasmMemoryBuffer(memory): the ArrayBuffer over its bytes */
static JSValue memory_buffer(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_memory *memory = JS_GetOpaque2(ctx, argv[0], classes[MEMORY]);
    if (!memory)
        return JS_EXCEPTION;
    if (JS_IsUndefined(memory->buffer)) {
        JSValue buffer = JS_NewArrayBuffer(ctx, memory->bytes->data, (size_t)memory->pages * WASM_PAGE_BYTES, 0,
                                           wasm_bytes_realloc, memory->bytes, false);
        if (JS_IsException(buffer))
            return buffer;
        memory->bytes->users++;
        memory->buffer = buffer;
    }
    return JS_DupValue(ctx, memory->buffer);
}

/* wasmMemoryGrow(memory, pages): the number of pages before. Throws a RangeError. */
static JSValue memory_grow(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_memory *memory = JS_GetOpaque2(ctx, argv[0], classes[MEMORY]);
    uint32_t pages;
    if (!memory || JS_ToUint32(ctx, &pages, argv[1]))
        return JS_EXCEPTION;
    int32_t before = wasm_grow_memory(ctx, memory, pages);
    if (before < 0)
        return JS_ThrowRangeError(ctx, "the memory cannot grow by %u pages", (unsigned)pages);
    return JS_NewInt32(ctx, before);
}

/* Tables. */

static void drop_table(void *pointer)
{
    wasm_table *table = pointer;
    for (uint32_t k = 0; k < table->size; k++)
        JS_FreeValue(wapojs_context, table->elements[k].owner);
    free(table->elements);
    free(table);
}

static JSValue table_object(JSContext *ctx, uint8_t type, wasm_limits limits, uint64_t initial)
{
    wasm_table *table = wasm_new_table(ctx, type, limits, initial);
    if (!table)
        return JS_ThrowRangeError(ctx, "a table of %u elements does not fit", (unsigned)limits.min);
    JSValue object = wrap(ctx, TABLE, table, drop_table);
    if (!JS_IsException(object))
        table->self = object;
    return object;
}

static uint8_t take_type(JSContext *ctx, JSValueConst value)
{
    int32_t type = 0;
    JS_ToInt32(ctx, &type, value);
    return (uint8_t)type;
}

/* wasmNewTable(type, initial, maximum or undefined, value): Table */
static JSValue new_table(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type = take_type(ctx, argv[0]);
    uint64_t initial;
    if (!to_wasm(ctx, type, argv[3], &initial))
        return JS_EXCEPTION;
    return table_object(ctx, type, take_limits(ctx, argv[1], argv[2]), initial);
}

static JSValue table_length(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], classes[TABLE]);
    return table ? JS_NewUint32(ctx, table->size) : JS_EXCEPTION;
}

/* wasmTableDefault(table): what an element is that nobody gives a value */
static JSValue table_default(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], classes[TABLE]);
    return table ? missing(table->type) : JS_EXCEPTION;
}

static wasm_ref *table_place(JSContext *ctx, JSValueConst value, JSValueConst index, uint8_t *type)
{
    wasm_table *table = JS_GetOpaque2(ctx, value, classes[TABLE]);
    uint32_t at;
    if (!table || JS_ToUint32(ctx, &at, index))
        return NULL;
    *type = table->type;
    if (at < table->size)
        return &table->elements[at];
    JS_ThrowRangeError(ctx, "a table of %u elements has no element %u", (unsigned)table->size, (unsigned)at);
    return NULL;
}

static JSValue table_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type;
    wasm_ref *place = table_place(ctx, argv[0], argv[1], &type);
    return place ? to_js(ctx, type, place->bits) : JS_EXCEPTION;
}

static JSValue table_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type;
    uint64_t bits;
    wasm_ref *place = table_place(ctx, argv[0], argv[1], &type);
    if (!place || !to_wasm(ctx, type, argv[2], &bits))
        return JS_EXCEPTION;
    wasm_set_ref(ctx, place, type, bits);
    return JS_UNDEFINED;
}

static JSValue table_grow(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], classes[TABLE]);
    uint32_t more;
    uint64_t bits;
    if (!table || JS_ToUint32(ctx, &more, argv[1]) || !to_wasm(ctx, table->type, argv[2], &bits))
        return JS_EXCEPTION;
    int32_t before = wasm_grow_table(ctx, table, more, bits);
    if (before < 0)
        return JS_ThrowRangeError(ctx, "the table cannot grow by %u elements", (unsigned)more);
    return JS_NewInt32(ctx, before);
}

/* Globals. */

static JSValue global_object(JSContext *ctx, uint8_t type, bool mutable, uint64_t bits)
{
    wasm_global *global = malloc(sizeof(*global));
    if (!global)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wrap(ctx, GLOBAL, global, free);
    if (!JS_IsException(object))
        *global = (wasm_global){ type, mutable, wasm_hold(ctx, type, bits), object };
    return object;
}

/* wasmNewGlobal(type, mutable, value): Global */
static JSValue new_global(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type = take_type(ctx, argv[0]);
    uint64_t bits;
    if (!to_wasm(ctx, type, argv[2], &bits))
        return JS_EXCEPTION;
    return global_object(ctx, type, JS_ToBool(ctx, argv[1]) > 0, bits);
}

static JSValue global_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_global *global = JS_GetOpaque2(ctx, argv[0], classes[GLOBAL]);
    return global ? to_js(ctx, global->type, global->value.bits) : JS_EXCEPTION;
}

static JSValue global_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_global *global = JS_GetOpaque2(ctx, argv[0], classes[GLOBAL]);
    uint64_t bits;
    if (!global)
        return JS_EXCEPTION;
    if (!global->mutable)
        return JS_ThrowTypeError(ctx, "the global is not mutable");
    if (!to_wasm(ctx, global->type, argv[1], &bits))
        return JS_EXCEPTION;
    wasm_set_ref(ctx, &global->value, global->type, bits);
    return JS_UNDEFINED;
}

/* Tags and exceptions: https://webassembly.github.io/spec/js-api/#tags and #exceptions */

static JSValue js_tag; /* the object of the tag of what JavaScript throws; made when somebody asks for it */

static JSValue tag_object(JSContext *ctx, wasm_type *type)
{
    wasm_tag *tag = malloc(sizeof(*tag));
    if (!tag)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wrap(ctx, TAG, tag, free);
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
        JSValue object = type ? tag_object(wapojs_context, type) : JS_UNDEFINED;
        if (JS_IsObject(object))
            js_tag = object;
    }
    return JS_GetOpaque(js_tag, classes[TAG]);
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
    JSValue object = wrap(ctx, EXCEPTION, exception, drop_exception);
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
    return JS_GetOpaque(value, classes[EXCEPTION]);
}

/* wasmNewTag(types): Tag */
static JSValue new_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t types[MAX_PARAMETERS];
    int64_t count;
    if (JS_GetLength(ctx, argv[0], &count))
        return JS_EXCEPTION;
    if (count > MAX_PARAMETERS)
        return JS_ThrowRangeError(ctx, "a tag with more than %d parameters", MAX_PARAMETERS);
    for (uint32_t k = 0; k < count; k++) {
        JSValue type = JS_GetPropertyUint32(ctx, argv[0], k);
        types[k] = take_type(ctx, type);
        JS_FreeValue(ctx, type);
    }
    wasm_reader r = { 0 };
    wasm_type *type = wasm_intern(&r, types, (uint32_t)count, 0);
    return type ? tag_object(ctx, type) : JS_ThrowOutOfMemory(ctx);
}

/* wasmJSTag(): the Tag of what JavaScript throws */
static JSValue get_js_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_tag *tag = wasm_js_tag();
    return tag ? JS_DupValue(ctx, tag->self) : JS_ThrowOutOfMemory(ctx);
}

/* wasmNewException(tag, array of values): Exception. Throws a TypeError if their number or a type is wrong. */
static JSValue new_exception(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_tag *tag = JS_GetOpaque2(ctx, argv[0], classes[TAG]);
    if (!tag)
        return JS_EXCEPTION;
    if (tag == wasm_js_tag())
        return JS_ThrowTypeError(ctx, "an exception cannot have the tag of JavaScript's");
    JSValueConst arguments[] = { argv[1], JS_NewInt32(ctx, tag->type->params) };
    JSValue list = JS_Call(ctx, list_of, JS_UNDEFINED, 2, arguments);
    if (JS_IsException(list))
        return list;
    wasm_exception *exception;
    JSValue object = wasm_exception_object(ctx, tag, &exception);
    for (uint32_t k = 0; k < tag->type->params && !JS_IsException(object); k++) {
        JSValue value = JS_GetPropertyUint32(ctx, list, k);
        uint64_t bits;
        if (!JS_IsException(value) && to_wasm(ctx, tag->type->types[k], value, &bits)) {
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
static JSValue exception_is(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_exception *exception = JS_GetOpaque2(ctx, argv[0], classes[EXCEPTION]);
    wasm_tag *tag = exception ? JS_GetOpaque2(ctx, argv[1], classes[TAG]) : NULL;
    return tag ? JS_NewBool(ctx, exception->tag == tag) : JS_EXCEPTION;
}

/* wasmExceptionGet(exception, tag, index): the value. Throws a TypeError or RangeError. */
static JSValue exception_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_exception *exception = JS_GetOpaque2(ctx, argv[0], classes[EXCEPTION]);
    wasm_tag *tag = exception ? JS_GetOpaque2(ctx, argv[1], classes[TAG]) : NULL;
    uint32_t index;
    if (!tag || JS_ToUint32(ctx, &index, argv[2]))
        return JS_EXCEPTION;
    if (exception->tag != tag)
        return JS_ThrowTypeError(ctx, "the exception has another tag");
    if (index >= exception->count)
        return JS_ThrowRangeError(ctx, "the exception has only %u values", (unsigned)exception->count);
    return to_js(ctx, tag->type->types[index], exception->values[index].bits);
}

/* Instances: https://webassembly.github.io/spec/js-api/#read-the-imports and #instantiate-the-core-of-a-webassembly-module */

static JSValue link_error(JSContext *ctx, const wasm_module *m, const wasm_import *import, const char *what)
{
    return throw(ctx, LINK_ERROR, "import \"%.*s\" \"%.*s\": %s", (int)(import->module.length & 0x7f),
                 (const char *)m->bytes + import->module.at, (int)(import->name.length & 0x7f),
                 (const char *)m->bytes + import->name.at, what);
}

static bool fits(wasm_limits wanted, uint32_t size, uint32_t max)
{
    return size >= wanted.min && (wanted.max == NO_INDEX || (max != NO_INDEX && max <= wanted.max));
}

/* An object that the instance uses, which it now owns. */
static void own(wasm_instance *i, JSValue object)
{
    i->owners[i->owner_count++] = object;
}

static bool import_global(JSContext *ctx, wasm_instance *i, const wasm_import *import, JSValueConst value, uint32_t index)
{
    uint8_t type = import->what.type;
    wasm_global *global = JS_GetOpaque(value, classes[GLOBAL]);
    JSValue object;
    if (global) {
        if (global->mutable != import->what.mutable || global->type != type) {
            link_error(ctx, i->module, import, "it is a global of another type");
            return false;
        }
        object = JS_DupValue(ctx, value);
    } else {
        uint64_t bits;
        const char *wrong = NULL;
        if (import->what.mutable)
            wrong = "a mutable WebAssembly.Global was expected";
        else if (type == I64 && !JS_IsBigInt(value))
            wrong = "a BigInt or a WebAssembly.Global was expected";
        else if (type != I64 && !wasm_is_reference(type) && !JS_IsNumber(value))
            wrong = "a number or a WebAssembly.Global was expected";
        else if (type == FUNCREF && !JS_IsNull(value) && !JS_GetOpaque(value, classes[FUNCTION]))
            wrong = "a function exported by WebAssembly, or null, was expected";
        if (wrong) {
            link_error(ctx, i->module, import, wrong);
            return false;
        }
        if (!to_wasm(ctx, type, value, &bits))
            return false;
        object = global_object(ctx, type, false, bits);
        if (JS_IsException(object))
            return false;
    }
    own(i, object);
    i->globals[index] = JS_GetOpaque(object, classes[GLOBAL]);
    return true;
}

static bool import_one(JSContext *ctx, wasm_instance *i, const wasm_import *import, JSValueConst value, uint32_t index,
                       uint32_t *own_functions)
{
    const wasm_description *what = &import->what;
    const char *wrong = NULL;
    if (import->kind == KIND_GLOBAL)
        return import_global(ctx, i, import, value, index);
    if (import->kind == KIND_MEMORY) {
        wasm_memory *memory = JS_GetOpaque(value, classes[MEMORY]);
        if (!memory)
            wrong = "a WebAssembly.Memory was expected";
        else if (!fits(what->limits, memory->pages, memory->limits.max))
            wrong = "the memory is too small, or may become too large";
        i->memory = memory;
    } else if (import->kind == KIND_TABLE) {
        wasm_table *table = JS_GetOpaque(value, classes[TABLE]);
        if (!table)
            wrong = "a WebAssembly.Table was expected";
        else if (table->type != what->type)
            wrong = "the table has elements of another type";
        else if (!fits(what->limits, table->size, table->limits.max))
            wrong = "the table is too small, or may become too large";
        i->tables[index] = table;
    } else if (import->kind == KIND_TAG) {
        wasm_tag *tag = JS_GetOpaque(value, classes[TAG]);
        if (!tag)
            wrong = "a WebAssembly.Tag was expected";
        else if (tag->type != what->function)
            wrong = "the tag has other parameters";
        i->tags[index] = tag;
    } else if (!JS_IsFunction(ctx, value)) {
        wrong = "a function was expected";
    } else {
        exported *e = JS_GetOpaque(value, classes[FUNCTION]);
        if (e) {
            if (e->function->type != what->function)
                wrong = "it is a function of WebAssembly with another type";
            i->functions[index] = e->function;
        } else {
            wasm_function *f = &i->own[(*own_functions)++];
            *f = (wasm_function){ i, NULL, what->function, index, JS_DupValue(ctx, value), JS_UNDEFINED };
            i->functions[index] = f;
            return true;
        }
    }
    if (wrong) {
        link_error(ctx, i->module, import, wrong);
        return false;
    }
    own(i, JS_DupValue(ctx, value));
    return true;
}

/* The tables, memory and globals that the module defines itself. */
static bool make_items(JSContext *ctx, wasm_instance *i)
{
    const wasm_module *m = i->module;
    for (uint32_t k = m->imported[KIND_TABLE]; k < m->counts[KIND_TABLE]; k++) {
        JSValue object = table_object(ctx, m->items[KIND_TABLE][k].type, m->items[KIND_TABLE][k].limits, 0);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->tables[k] = JS_GetOpaque(object, classes[TABLE]);
    }
    if (m->counts[KIND_MEMORY] > m->imported[KIND_MEMORY]) {
        JSValue object = memory_object(ctx, m->items[KIND_MEMORY][0].limits);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->memory = JS_GetOpaque(object, classes[MEMORY]);
    }
    for (uint32_t k = m->imported[KIND_TAG]; k < m->counts[KIND_TAG]; k++) {
        JSValue object = tag_object(ctx, m->items[KIND_TAG][k].function);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->tags[k] = JS_GetOpaque(object, classes[TAG]);
    }
    for (uint32_t k = m->imported[KIND_GLOBAL]; k < m->counts[KIND_GLOBAL]; k++) {
        const wasm_description *what = &m->items[KIND_GLOBAL][k];
        uint64_t bits = wasm_constant(i, m->initial[k - m->imported[KIND_GLOBAL]], NULL);
        JSValue object = global_object(ctx, what->type, what->mutable, bits);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->globals[k] = JS_GetOpaque(object, classes[GLOBAL]);
    }
    return true;
}

static bool make_elements(JSContext *ctx, wasm_instance *i)
{
    const wasm_module *m = i->module;
    for (uint32_t k = 0; k < m->element_count; k++) {
        const wasm_segment *s = &m->elements[k];
        wasm_ref *refs = calloc(s->contents.length + 1, sizeof(*refs));
        if (!refs) {
            JS_ThrowOutOfMemory(ctx);
            return false;
        }
        i->segment_sizes[k] = s->contents.length;
        i->elements[k] = refs;
        wasm_reader r = { .start = m->bytes, .at = m->bytes + s->contents.at, .end = m->bytes + m->length };
        uint32_t at = s->contents.at;
        for (uint32_t n = 0; n < s->contents.length; n++)
            refs[n] = wasm_hold(ctx, s->type, s->expressions ? wasm_constant(i, at, &at)
                                                             : (uintptr_t)i->functions[wasm_u32(&r)]);
    }
    return true;
}

static JSValue exported_object(JSContext *ctx, wasm_instance *i, const wasm_export *export)
{
    switch (export->kind) {
    case KIND_FUNCTION: return function_object(ctx, i->functions[export->index]);
    case KIND_TABLE: return JS_DupValue(ctx, i->tables[export->index]->self);
    case KIND_MEMORY: return JS_DupValue(ctx, i->memory->self);
    case KIND_TAG: return JS_DupValue(ctx, i->tags[export->index]->self);
    default: return JS_DupValue(ctx, i->globals[export->index]->self);
    }
}

static bool make_exports(JSContext *ctx, wasm_instance *i)
{
    const wasm_module *m = i->module;
    i->exports = JS_NewObjectProto(ctx, JS_NULL);
    if (JS_IsException(i->exports)) {
        i->exports = JS_UNDEFINED;
        return false;
    }
    for (uint32_t k = 0; k < m->export_count; k++) {
        const wasm_export *export = &m->exports[k];
        JSValue value = exported_object(ctx, i, export);
        if (JS_IsException(value))
            return false;
        JSAtom name = JS_NewAtomLen(ctx, (const char *)m->bytes + export->name.at, export->name.length);
        int done = JS_DefinePropertyValue(ctx, i->exports, name, value, JS_PROP_ENUMERABLE);
        JS_FreeAtom(ctx, name);
        if (done < 0)
            return false;
    }
    return JS_PreventExtensions(ctx, i->exports) >= 0;
}

/* Space for an instance. Its object frees whatever it has got by then. */
static wasm_instance *new_instance(JSContext *ctx, JSValueConst module, wasm_module *m, JSValue *object)
{
    uint32_t own_count = m->imported[KIND_FUNCTION] + m->code_count;
    wasm_instance *i = calloc(1, sizeof(*i) + own_count * sizeof(wasm_function));
    if (!i) {
        *object = JS_ThrowOutOfMemory(ctx);
        return NULL;
    }
    *object = wrap(ctx, INSTANCE, i, free);
    if (JS_IsException(*object))
        return NULL;
    i->self = *object;
    i->module = m;
    i->module_owner = JS_DupValue(ctx, module);
    i->own_count = own_count;
    i->segment_count = m->element_count;
    i->functions = calloc(m->counts[KIND_FUNCTION] + 1, sizeof(*i->functions));
    i->tables = calloc(m->counts[KIND_TABLE] + 1, sizeof(*i->tables));
    i->globals = calloc(m->counts[KIND_GLOBAL] + 1, sizeof(*i->globals));
    i->tags = calloc(m->counts[KIND_TAG] + 1, sizeof(*i->tags));
    i->owners = calloc(m->import_count + m->counts[KIND_TABLE] + m->counts[KIND_GLOBAL] + m->counts[KIND_TAG] + 2,
                       sizeof(*i->owners));
    i->elements = calloc(m->element_count + 1, sizeof(*i->elements));
    i->segment_sizes = calloc(m->element_count + 1, sizeof(*i->segment_sizes));
    i->dropped = calloc(m->data_count + 1, sizeof(*i->dropped));
    if (i->functions && i->tables && i->globals && i->tags && i->owners && i->elements && i->segment_sizes && i->dropped)
        return i;
    JS_FreeValue(ctx, *object);
    *object = JS_ThrowOutOfMemory(ctx);
    return NULL;
}

/* wasmInstantiate(module, values for its imports): Instance. Throws a LinkError, or what its start function does. */
static JSValue instantiate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], classes[MODULE]);
    if (!m)
        return JS_EXCEPTION;
    JSValue object;
    wasm_instance *i = new_instance(ctx, argv[0], m, &object);
    if (!i)
        return object;
    uint32_t own_functions = 0, counts[KIND_COUNT] = { 0 };
    bool good = true;
    for (uint32_t k = 0; k < m->import_count && good; k++) {
        JSValue value = JS_GetPropertyUint32(ctx, argv[1], k);
        good = !JS_IsException(value) &&
               import_one(ctx, i, &m->imports[k], value, counts[m->imports[k].kind]++, &own_functions);
        JS_FreeValue(ctx, value);
    }
    for (uint32_t k = 0; k < m->code_count && good; k++) {
        uint32_t index = m->imported[KIND_FUNCTION] + k;
        wasm_function *f = &i->own[own_functions++];
        *f = (wasm_function){ i, &m->codes[k], m->items[KIND_FUNCTION][index].function, index, JS_UNDEFINED, JS_UNDEFINED };
        i->functions[index] = f;
    }
    good = good && make_items(ctx, i) && make_elements(ctx, i) && make_exports(ctx, i);
    if (good) {
        wasm_trap trap = wasm_run_segments(ctx, i);
        if (trap) {
            throw_trap(ctx, trap);
            good = false;
        }
    }
    if (good && m->start != NO_INDEX) {
        JSValue result = call_function(ctx, i->functions[m->start], 0, NULL);
        good = !JS_IsException(result);
        JS_FreeValue(ctx, result);
    }
    if (good)
        return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static JSValue instance_exports(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_instance *i = JS_GetOpaque2(ctx, argv[0], classes[INSTANCE]);
    return i ? JS_DupValue(ctx, i->exports) : JS_EXCEPTION;
}

/* wasmSetup(prototypes of Module, Instance, Memory, Table, Global, Tag, Exception and functions; CompileError, LinkError, RuntimeError;
 * listOf): before anything else */
static JSValue setup(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    static const JSClassDef definitions[] = {
        [MODULE] = { "WebAssembly.Module", .finalizer = finalize_module },
        [INSTANCE] = { "WebAssembly.Instance", .finalizer = finalize_instance, .gc_mark = mark_instance },
        [MEMORY] = { "WebAssembly.Memory", .finalizer = finalize_memory, .gc_mark = mark_memory },
        [TABLE] = { "WebAssembly.Table", .finalizer = finalize_table, .gc_mark = mark_table },
        [GLOBAL] = { "WebAssembly.Global", .finalizer = finalize_global, .gc_mark = mark_global },
        [TAG] = { "WebAssembly.Tag", .finalizer = finalize_tag },
        [EXCEPTION] = { "WebAssembly.Exception", .finalizer = finalize_exception, .gc_mark = mark_exception },
        [FUNCTION] = { "Function", .finalizer = finalize_function, .gc_mark = mark_function, .call = call_exported },
    };
    JSRuntime *runtime = JS_GetRuntime(ctx);
    for (int k = 0; k < CLASS_COUNT; k++) {
        JS_NewClassID(runtime, &classes[k]);
        if (JS_NewClass(runtime, classes[k], &definitions[k]) < 0)
            return JS_EXCEPTION;
        JS_SetClassProto(ctx, classes[k], JS_DupValue(ctx, argv[k]));
    }
    for (int k = 0; k < ERROR_COUNT; k++)
        errors[k] = JS_DupValue(ctx, argv[CLASS_COUNT + k]);
    list_of = JS_DupValue(ctx, argv[CLASS_COUNT + ERROR_COUNT]);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_wasm_functions[] = {
    JS_CFUNC_DEF("wasmSetup", 12, setup),
    JS_CFUNC_DEF("wasmCompile", 1, compile),
    JS_CFUNC_DEF("wasmValidate", 1, validate),
    JS_CFUNC_DEF("wasmModuleExports", 1, module_exports),
    JS_CFUNC_DEF("wasmModuleImports", 1, module_imports),
    JS_CFUNC_DEF("wasmCustomSections", 2, custom_sections),
    JS_CFUNC_DEF("wasmInstantiate", 2, instantiate),
    JS_CFUNC_DEF("wasmInstanceExports", 1, instance_exports),
    JS_CFUNC_DEF("wasmNewMemory", 2, new_memory),
    JS_CFUNC_DEF("wasmMemoryBuffer", 1, memory_buffer),
    JS_CFUNC_DEF("wasmMemoryGrow", 2, memory_grow),
    JS_CFUNC_DEF("wasmNewTable", 4, new_table),
    JS_CFUNC_DEF("wasmTableLength", 1, table_length),
    JS_CFUNC_DEF("wasmTableDefault", 1, table_default),
    JS_CFUNC_DEF("wasmTableGet", 2, table_get),
    JS_CFUNC_DEF("wasmTableSet", 3, table_set),
    JS_CFUNC_DEF("wasmTableGrow", 3, table_grow),
    JS_CFUNC_DEF("wasmNewGlobal", 3, new_global),
    JS_CFUNC_DEF("wasmGlobalGet", 1, global_get),
    JS_CFUNC_DEF("wasmGlobalSet", 2, global_set),
    JS_CFUNC_DEF("wasmNewTag", 1, new_tag),
    JS_CFUNC_DEF("wasmJSTag", 0, get_js_tag),
    JS_CFUNC_DEF("wasmNewException", 2, new_exception),
    JS_CFUNC_DEF("wasmExceptionIs", 2, exception_is),
    JS_CFUNC_DEF("wasmExceptionGet", 3, exception_get),
};
const int native_wasm_count = sizeof(native_wasm_functions) / sizeof(native_wasm_functions[0]);
