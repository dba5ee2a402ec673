/* Functions of "wapo:native" for WebAssembly. Those for instances are in wasm_instantiate.c, those for exceptions in
 * native_wasm_tags.c.
 */
#include <stdlib.h>
#include <string.h>
#include "native_wasm.h"

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
        return wasmjs_wrap(ctx, MODULE, m, drop_module);
    if (r.exhausted)
        return JS_ThrowOutOfMemory(ctx);
    return r.failed ? wasmjs_throw(ctx, COMPILE_ERROR, "%s", r.error) : JS_EXCEPTION;
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
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MODULE]);
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
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MODULE]);
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
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MODULE]);
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
    wasmjs_release_bytes(memory);
}

JSValue wasmjs_memory_object(JSContext *ctx, wasm_limits limits)
{
    wasm_memory *memory = wasm_new_memory(ctx, limits);
    if (!memory)
        return JS_ThrowRangeError(ctx, "a memory of %u pages does not fit", (unsigned)limits.min);
    JSValue object = wasmjs_wrap(ctx, MEMORY, memory, drop_memory);
    if (!JS_IsException(object))
        memory->self = object;
    return object;
}

/* wasmNewMemory(initial, maximum or undefined): Memory */
static JSValue new_memory(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return wasmjs_memory_object(ctx, take_limits(ctx, argv[0], argv[1]));
}

/* wasmMemoryBuffer(memory): the ArrayBuffer over its bytes */
static JSValue memory_buffer(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_memory *memory = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MEMORY]);
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
    wasm_memory *memory = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MEMORY]);
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

JSValue wasmjs_table_object(JSContext *ctx, uint8_t type, wasm_limits limits, uint64_t initial)
{
    wasm_table *table = wasm_new_table(ctx, type, limits, initial);
    if (!table)
        return JS_ThrowRangeError(ctx, "a table of %u elements does not fit", (unsigned)limits.min);
    JSValue object = wasmjs_wrap(ctx, TABLE, table, drop_table);
    if (!JS_IsException(object))
        table->self = object;
    return object;
}

uint8_t wasmjs_take_type(JSContext *ctx, JSValueConst value)
{
    int32_t type = 0;
    JS_ToInt32(ctx, &type, value);
    return (uint8_t)type;
}

/* wasmNewTable(type, initial, maximum or undefined, value): Table */
static JSValue new_table(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type = wasmjs_take_type(ctx, argv[0]);
    uint64_t initial;
    if (!wasmjs_to_wasm(ctx, type, argv[3], &initial))
        return JS_EXCEPTION;
    return wasmjs_table_object(ctx, type, take_limits(ctx, argv[1], argv[2]), initial);
}

static JSValue table_length(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[TABLE]);
    return table ? JS_NewUint32(ctx, table->size) : JS_EXCEPTION;
}

/* wasmTableDefault(table): what an element is that nobody gives a value */
static JSValue table_default(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[TABLE]);
    return table ? wasmjs_missing(table->type) : JS_EXCEPTION;
}

static wasm_ref *table_place(JSContext *ctx, JSValueConst value, JSValueConst index, uint8_t *type)
{
    wasm_table *table = JS_GetOpaque2(ctx, value, wasmjs_classes[TABLE]);
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
    return place ? wasmjs_to_js(ctx, type, place->bits) : JS_EXCEPTION;
}

static JSValue table_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type;
    uint64_t bits;
    wasm_ref *place = table_place(ctx, argv[0], argv[1], &type);
    if (!place || !wasmjs_to_wasm(ctx, type, argv[2], &bits))
        return JS_EXCEPTION;
    wasm_set_ref(ctx, place, type, bits);
    return JS_UNDEFINED;
}

static JSValue table_grow(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_table *table = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[TABLE]);
    uint32_t more;
    uint64_t bits;
    if (!table || JS_ToUint32(ctx, &more, argv[1]) || !wasmjs_to_wasm(ctx, table->type, argv[2], &bits))
        return JS_EXCEPTION;
    int32_t before = wasm_grow_table(ctx, table, more, bits);
    if (before < 0)
        return JS_ThrowRangeError(ctx, "the table cannot grow by %u elements", (unsigned)more);
    return JS_NewInt32(ctx, before);
}

/* Globals. */

JSValue wasmjs_global_object(JSContext *ctx, uint8_t type, bool mutable, uint64_t bits)
{
    wasm_global *global = malloc(sizeof(*global));
    if (!global)
        return JS_ThrowOutOfMemory(ctx);
    JSValue object = wasmjs_wrap(ctx, GLOBAL, global, free);
    if (!JS_IsException(object))
        *global = (wasm_global){ type, mutable, wasm_hold(ctx, type, bits), object };
    return object;
}

/* wasmNewGlobal(type, mutable, value): Global */
static JSValue new_global(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t type = wasmjs_take_type(ctx, argv[0]);
    uint64_t bits;
    if (!wasmjs_to_wasm(ctx, type, argv[2], &bits))
        return JS_EXCEPTION;
    return wasmjs_global_object(ctx, type, JS_ToBool(ctx, argv[1]) > 0, bits);
}

static JSValue global_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_global *global = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[GLOBAL]);
    return global ? wasmjs_to_js(ctx, global->type, global->value.bits) : JS_EXCEPTION;
}

static JSValue global_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_global *global = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[GLOBAL]);
    uint64_t bits;
    if (!global)
        return JS_EXCEPTION;
    if (!global->mutable)
        return JS_ThrowTypeError(ctx, "the global is not mutable");
    if (!wasmjs_to_wasm(ctx, global->type, argv[1], &bits))
        return JS_EXCEPTION;
    wasm_set_ref(ctx, &global->value, global->type, bits);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_wasm_functions[] = {
    JS_CFUNC_DEF("wasmSetup", 12, wasmjs_setup),
    JS_CFUNC_DEF("wasmCompile", 1, compile),
    JS_CFUNC_DEF("wasmValidate", 1, validate),
    JS_CFUNC_DEF("wasmModuleExports", 1, module_exports),
    JS_CFUNC_DEF("wasmModuleImports", 1, module_imports),
    JS_CFUNC_DEF("wasmCustomSections", 2, custom_sections),
    JS_CFUNC_DEF("wasmInstantiate", 2, wasmjs_instantiate),
    JS_CFUNC_DEF("wasmInstanceExports", 1, wasmjs_instance_exports),
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
    JS_CFUNC_DEF("wasmNewTag", 1, wasmjs_new_tag),
    JS_CFUNC_DEF("wasmJSTag", 0, wasmjs_get_js_tag),
    JS_CFUNC_DEF("wasmNewException", 2, wasmjs_new_exception),
    JS_CFUNC_DEF("wasmExceptionIs", 2, wasmjs_exception_is),
    JS_CFUNC_DEF("wasmExceptionGet", 3, wasmjs_exception_get),
};
const int native_wasm_count = sizeof(native_wasm_functions) / sizeof(native_wasm_functions[0]);
