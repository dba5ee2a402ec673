/* The classes of the engine that the objects of the API have, and how long what they hold lives. */
#include <stdlib.h>
#include "native_wasm.h"

JSClassID wasmjs_classes[CLASS_COUNT];
JSValue wasmjs_errors[ERROR_COUNT];
JSValue wasmjs_list_of;

/* A new object that owns `opaque`, which `drop` frees if there cannot be one. */
JSValue wasmjs_wrap(JSContext *ctx, enum class class, void *opaque, void (*drop)(void *))
{
    JSValue object = JS_NewObjectClass(ctx, wasmjs_classes[class]);
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
    wasm_module *m = JS_GetOpaque(value, wasmjs_classes[MODULE]);
    if (m)
        wasm_free_module(m);
}

static void finalize_instance(JSRuntime *runtime, JSValueConst value)
{
    wasm_instance *i = JS_GetOpaque(value, wasmjs_classes[INSTANCE]);
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
    void *parts[] = { i->functions, i->tables, i->globals, i->tags, i->owners, i->elements, i->segment_sizes, i->dropped,
                      i };
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
        free(parts[k]);
}

static void mark_instance(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_instance *i = JS_GetOpaque(value, wasmjs_classes[INSTANCE]);
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

void wasmjs_release_bytes(wasm_memory *memory)
{
    wasm_bytes_realloc(NULL, memory->bytes, memory->bytes->data, 0);
    free(memory);
}

static void finalize_memory(JSRuntime *runtime, JSValueConst value)
{
    wasm_memory *memory = JS_GetOpaque(value, wasmjs_classes[MEMORY]);
    if (!memory)
        return;
    JS_FreeValueRT(runtime, memory->buffer);
    wasmjs_release_bytes(memory);
}

static void mark_memory(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_memory *memory = JS_GetOpaque(value, wasmjs_classes[MEMORY]);
    if (memory)
        JS_MarkValue(runtime, memory->buffer, mark);
}

static void finalize_table(JSRuntime *runtime, JSValueConst value)
{
    wasm_table *table = JS_GetOpaque(value, wasmjs_classes[TABLE]);
    if (!table)
        return;
    for (uint32_t k = 0; k < table->size; k++)
        JS_FreeValueRT(runtime, table->elements[k].owner);
    free(table->elements);
    free(table);
}

static void mark_table(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_table *table = JS_GetOpaque(value, wasmjs_classes[TABLE]);
    for (uint32_t k = 0; table && k < table->size; k++)
        JS_MarkValue(runtime, table->elements[k].owner, mark);
}

static void finalize_global(JSRuntime *runtime, JSValueConst value)
{
    wasm_global *global = JS_GetOpaque(value, wasmjs_classes[GLOBAL]);
    if (!global)
        return;
    JS_FreeValueRT(runtime, global->value.owner);
    free(global);
}

static void mark_global(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_global *global = JS_GetOpaque(value, wasmjs_classes[GLOBAL]);
    if (global)
        JS_MarkValue(runtime, global->value.owner, mark);
}

static void finalize_tag(JSRuntime *runtime, JSValueConst value)
{
    free(JS_GetOpaque(value, wasmjs_classes[TAG]));
}

static void finalize_exception(JSRuntime *runtime, JSValueConst value)
{
    wasm_exception *exception = JS_GetOpaque(value, wasmjs_classes[EXCEPTION]);
    if (!exception)
        return;
    for (uint32_t k = 0; k < exception->count; k++)
        JS_FreeValueRT(runtime, exception->values[k].owner);
    JS_FreeValueRT(runtime, exception->tag_owner);
    free(exception);
}

static void mark_exception(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    wasm_exception *exception = JS_GetOpaque(value, wasmjs_classes[EXCEPTION]);
    if (!exception)
        return;
    for (uint32_t k = 0; k < exception->count; k++)
        JS_MarkValue(runtime, exception->values[k].owner, mark);
    JS_MarkValue(runtime, exception->tag_owner, mark);
}

static void finalize_function(JSRuntime *runtime, JSValueConst value)
{
    exported *e = JS_GetOpaque(value, wasmjs_classes[FUNCTION]);
    if (!e)
        return;
    JS_FreeValueRT(runtime, e->instance);
    free(e);
}

static void mark_function(JSRuntime *runtime, JSValueConst value, JS_MarkFunc *mark)
{
    exported *e = JS_GetOpaque(value, wasmjs_classes[FUNCTION]);
    if (e)
        JS_MarkValue(runtime, e->instance, mark);
}

/* wasmSetup(prototypes of Module, Instance, Memory, Table, Global, Tag, Exception and functions; CompileError,
 * LinkError, RuntimeError; listOf): before anything else */
JSValue wasmjs_setup(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    static const JSClassDef definitions[] = {
        [MODULE] = { "WebAssembly.Module", .finalizer = finalize_module },
        [INSTANCE] = { "WebAssembly.Instance", .finalizer = finalize_instance, .gc_mark = mark_instance },
        [MEMORY] = { "WebAssembly.Memory", .finalizer = finalize_memory, .gc_mark = mark_memory },
        [TABLE] = { "WebAssembly.Table", .finalizer = finalize_table, .gc_mark = mark_table },
        [GLOBAL] = { "WebAssembly.Global", .finalizer = finalize_global, .gc_mark = mark_global },
        [TAG] = { "WebAssembly.Tag", .finalizer = finalize_tag },
        [EXCEPTION] = { "WebAssembly.Exception", .finalizer = finalize_exception, .gc_mark = mark_exception },
        [FUNCTION] = { "Function", .finalizer = finalize_function, .gc_mark = mark_function,
                       .call = wasmjs_call_exported },
    };
    JSRuntime *runtime = JS_GetRuntime(ctx);
    for (int k = 0; k < CLASS_COUNT; k++) {
        JS_NewClassID(runtime, &wasmjs_classes[k]);
        if (JS_NewClass(runtime, wasmjs_classes[k], &definitions[k]) < 0)
            return JS_EXCEPTION;
        JS_SetClassProto(ctx, wasmjs_classes[k], JS_DupValue(ctx, argv[k]));
    }
    for (int k = 0; k < ERROR_COUNT; k++)
        wasmjs_errors[k] = JS_DupValue(ctx, argv[CLASS_COUNT + k]);
    wasmjs_list_of = JS_DupValue(ctx, argv[CLASS_COUNT + ERROR_COUNT]);
    return JS_UNDEFINED;
}
