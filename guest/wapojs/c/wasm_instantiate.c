/* Instances: https://webassembly.github.io/spec/js-api/#read-the-imports and
 * #instantiate-the-core-of-a-webassembly-module
 */
#include <stdlib.h>
#include "native_wasm.h"

/* How much of a name is part of a message. */
static int shown(wasm_span name)
{
    return name.length < 80 ? (int)name.length : 80;
}

static JSValue link_error(JSContext *ctx, const wasm_module *m, const wasm_import *import, const char *what)
{
    return wasmjs_throw(ctx, LINK_ERROR, "import \"%.*s\" \"%.*s\": %s", shown(import->module),
                        (const char *)m->bytes + import->module.at, shown(import->name),
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

static bool import_global(JSContext *ctx, wasm_instance *i, const wasm_import *import, JSValueConst value,
                          uint32_t index)
{
    uint8_t type = import->what.type;
    wasm_global *global = JS_GetOpaque(value, wasmjs_classes[GLOBAL]);
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
        else if (type == FUNCREF && !JS_IsNull(value) && !JS_GetOpaque(value, wasmjs_classes[FUNCTION]))
            wrong = "a function exported by WebAssembly, or null, was expected";
        if (wrong) {
            link_error(ctx, i->module, import, wrong);
            return false;
        }
        if (!wasmjs_to_wasm(ctx, type, value, &bits))
            return false;
        object = wasmjs_global_object(ctx, type, false, bits);
        if (JS_IsException(object))
            return false;
    }
    own(i, object);
    i->globals[index] = JS_GetOpaque(object, wasmjs_classes[GLOBAL]);
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
        wasm_memory *memory = JS_GetOpaque(value, wasmjs_classes[MEMORY]);
        if (!memory)
            wrong = "a WebAssembly.Memory was expected";
        else if (!fits(what->limits, memory->pages, memory->limits.max))
            wrong = "the memory is too small, or may become too large";
        i->memory = memory;
    } else if (import->kind == KIND_TABLE) {
        wasm_table *table = JS_GetOpaque(value, wasmjs_classes[TABLE]);
        if (!table)
            wrong = "a WebAssembly.Table was expected";
        else if (table->type != what->type)
            wrong = "the table has elements of another type";
        else if (!fits(what->limits, table->size, table->limits.max))
            wrong = "the table is too small, or may become too large";
        i->tables[index] = table;
    } else if (import->kind == KIND_TAG) {
        wasm_tag *tag = JS_GetOpaque(value, wasmjs_classes[TAG]);
        if (!tag)
            wrong = "a WebAssembly.Tag was expected";
        else if (tag->type != what->function)
            wrong = "the tag has other parameters";
        i->tags[index] = tag;
    } else if (!JS_IsFunction(ctx, value)) {
        wrong = "a function was expected";
    } else {
        exported *e = JS_GetOpaque(value, wasmjs_classes[FUNCTION]);
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
        JSValue object = wasmjs_table_object(ctx, m->items[KIND_TABLE][k].type, m->items[KIND_TABLE][k].limits, 0);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->tables[k] = JS_GetOpaque(object, wasmjs_classes[TABLE]);
    }
    if (m->counts[KIND_MEMORY] > m->imported[KIND_MEMORY]) {
        JSValue object = wasmjs_memory_object(ctx, m->items[KIND_MEMORY][0].limits);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->memory = JS_GetOpaque(object, wasmjs_classes[MEMORY]);
    }
    for (uint32_t k = m->imported[KIND_TAG]; k < m->counts[KIND_TAG]; k++) {
        JSValue object = wasmjs_tag_object(ctx, m->items[KIND_TAG][k].function);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->tags[k] = JS_GetOpaque(object, wasmjs_classes[TAG]);
    }
    for (uint32_t k = m->imported[KIND_GLOBAL]; k < m->counts[KIND_GLOBAL]; k++) {
        const wasm_description *what = &m->items[KIND_GLOBAL][k];
        uint64_t bits = wasm_constant(i, m->initial[k - m->imported[KIND_GLOBAL]], NULL);
        JSValue object = wasmjs_global_object(ctx, what->type, what->mutable, bits);
        if (JS_IsException(object))
            return false;
        own(i, object);
        i->globals[k] = JS_GetOpaque(object, wasmjs_classes[GLOBAL]);
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
    case KIND_FUNCTION: return wasmjs_function_object(ctx, i->functions[export->index]);
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
    *object = wasmjs_wrap(ctx, INSTANCE, i, free);
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
    bool first = i->functions && i->tables && i->globals && i->tags;
    if (first && i->owners && i->elements && i->segment_sizes && i->dropped)
        return i;
    JS_FreeValue(ctx, *object);
    *object = JS_ThrowOutOfMemory(ctx);
    return NULL;
}

static JSValue get_named(JSContext *ctx, const wasm_module *m, JSValueConst object, wasm_span name)
{
    JSAtom atom = JS_NewAtomLen(ctx, (const char *)m->bytes + name.at, name.length);
    JSValue value = atom == JS_ATOM_NULL ? JS_EXCEPTION : JS_GetProperty(ctx, object, atom);
    JS_FreeAtom(ctx, atom);
    return value;
}

/* What the import object has for an import. */
static JSValue read_import(JSContext *ctx, const wasm_module *m, const wasm_import *import, JSValueConst imports)
{
    if (!JS_IsObject(imports))
        return JS_ThrowTypeError(ctx, "the module has imports, and none were given");
    JSValue from = get_named(ctx, m, imports, import->module);
    if (JS_IsException(from))
        return from;
    JSValue value;
    if (JS_IsObject(from))
        value = get_named(ctx, m, from, import->name);
    else
        value = JS_ThrowTypeError(ctx, "import \"%.*s\" must be an object", shown(import->module),
                                  (const char *)m->bytes + import->module.at);
    JS_FreeValue(ctx, from);
    return value;
}

/* wasmInstantiate(module, import object or undefined): Instance. Throws a LinkError, or what its start function does. */
JSValue wasmjs_instantiate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_module *m = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[MODULE]);
    if (!m)
        return JS_EXCEPTION;
    JSValue object;
    wasm_instance *i = new_instance(ctx, argv[0], m, &object);
    if (!i)
        return object;
    uint32_t own_functions = 0, counts[KIND_COUNT] = { 0 };
    bool good = true;
    for (uint32_t k = 0; k < m->import_count && good; k++) {
        JSValue value = read_import(ctx, m, &m->imports[k], argv[1]);
        good = !JS_IsException(value) &&
               import_one(ctx, i, &m->imports[k], value, counts[m->imports[k].kind]++, &own_functions);
        JS_FreeValue(ctx, value);
    }
    for (uint32_t k = 0; k < m->code_count && good; k++) {
        uint32_t index = m->imported[KIND_FUNCTION] + k;
        wasm_function *f = &i->own[own_functions++];
        wasm_type *type = m->items[KIND_FUNCTION][index].function;
        *f = (wasm_function){ i, &m->codes[k], type, index, JS_UNDEFINED, JS_UNDEFINED };
        i->functions[index] = f;
    }
    good = good && make_items(ctx, i) && make_elements(ctx, i) && make_exports(ctx, i);
    if (good) {
        wasm_trap trap = wasm_run_segments(ctx, i);
        if (trap) {
            wasmjs_throw_trap(ctx, trap);
            good = false;
        }
    }
    if (good && m->start != NO_INDEX) {
        JSValue result = wasmjs_call_function(ctx, i->functions[m->start], 0, NULL);
        good = !JS_IsException(result);
        JS_FreeValue(ctx, result);
    }
    if (good)
        return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

JSValue wasmjs_instance_exports(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wasm_instance *i = JS_GetOpaque2(ctx, argv[0], wasmjs_classes[INSTANCE]);
    return i ? JS_DupValue(ctx, i->exports) : JS_EXCEPTION;
}
