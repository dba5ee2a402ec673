/* Tables of SCALE types, and what one call of the codec needs beside its bytes. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scale.h"

/* Nesting ends as an exception well before a stack does. The machine's has room for so many levels on top of
 * JavaScript's own deepest recursion; the shadow stack, of which that recursion may leave 324 KiB (main.c), is asked. */
#define MAX_DEPTH 4000
#define SHADOW_STACK_RESERVE (96 * 1024)
extern unsigned char __stack_low; /* the linker's */
#define MAX_NODES (1u << 24)
/* Values of no size cost memory and time and no bytes: so many may come for nothing, and so many for each byte. */
#define FREE_EMPTY_VALUES 65536
#define EMPTY_VALUES_A_BYTE 64

static JSClassID table_class;
static int depth;

static void free_slots(JSRuntime *rt, scale_slot *slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        JS_FreeAtomRT(rt, slots[i].name);
    js_free_rt(rt, slots);
}

static void table_finalizer(JSRuntime *rt, JSValueConst value)
{
    scale_table *table = JS_GetOpaque(value, table_class);
    if (!table)
        return;
    for (uint32_t i = 0; i < table->count; i++)
        free_slots(rt, table->nodes[i].slots, table->nodes[i].count);
    js_free_rt(rt, table->nodes);
    JS_FreeAtomRT(rt, table->tag);
    JS_FreeValueRT(rt, table->define);
    JS_FreeValueRT(rt, table->raise);
    JS_FreeValueRT(rt, table->high);
    JS_FreeValueRT(rt, table->join);
    js_free_rt(rt, table);
}

static void table_mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *mark)
{
    scale_table *table = JS_GetOpaque(value, table_class);
    if (!table)
        return;
    JS_MarkValue(rt, table->define, mark);
    JS_MarkValue(rt, table->raise, mark);
    JS_MarkValue(rt, table->high, mark);
    JS_MarkValue(rt, table->join, mark);
}

static const JSClassDef table_definition = { "ScaleTable", .finalizer = table_finalizer, .gc_mark = table_mark };

/* scaleTable(toStringTag, define, raise, high, join) */
static JSValue new_table(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSRuntime *rt = JS_GetRuntime(ctx);
    JS_NewClassID(rt, &table_class);
    if (!JS_IsRegisteredClass(rt, table_class) && JS_NewClass(rt, table_class, &table_definition))
        return JS_EXCEPTION;
    JSValue object = JS_NewObjectProtoClass(ctx, JS_NULL, table_class);
    if (JS_IsException(object))
        return JS_EXCEPTION;
    scale_table *table = js_mallocz(ctx, sizeof(*table));
    if (!table) {
        JS_FreeValue(ctx, object);
        return JS_EXCEPTION;
    }
    table->tag = JS_ValueToAtom(ctx, argv[0]);
    table->define = JS_DupValue(ctx, argv[1]);
    table->raise = JS_DupValue(ctx, argv[2]);
    table->high = JS_DupValue(ctx, argv[3]);
    table->join = JS_DupValue(ctx, argv[4]);
    JS_SetOpaque(object, table);
    return object;
}

/* Reads the i-th slot from the arrays of its node, name and index. */
static int read_slot(JSContext *ctx, scale_slot *slot, JSValueConst *argv, uint32_t i)
{
    JSValue node = JS_GetPropertyUint32(ctx, argv[4], i);
    slot->node = SCALE_NO_PAYLOAD;
    slot->index = SCALE_NO_INDEX;
    if (JS_IsException(node) || (!JS_IsNull(node) && JS_ToUint32(ctx, &slot->node, node)))
        return -1;
    if (!JS_IsUndefined(argv[5])) {
        JSValue name = JS_GetPropertyUint32(ctx, argv[5], i);
        slot->name = JS_ValueToAtom(ctx, name);
        JS_FreeValue(ctx, name);
        if (slot->name == JS_ATOM_NULL)
            return -1;
    }
    if (!JS_IsUndefined(argv[6])) {
        JSValue index = JS_GetPropertyUint32(ctx, argv[6], i);
        if (JS_IsException(index) || (!JS_IsNull(index) && JS_ToInt64(ctx, &slot->index, index)))
            return -1;
    }
    return 0;
}

static int grow(JSContext *ctx, scale_table *table, uint32_t id)
{
    if (id < table->count)
        return 0;
    uint32_t count = id < 16 ? 16 : id + id / 2 + 1;
    scale_node *nodes = js_realloc(ctx, table->nodes, count * sizeof(*nodes));
    if (!nodes)
        return -1;
    memset(nodes + table->count, 0, (count - table->count) * sizeof(*nodes));
    table->nodes = nodes;
    table->count = count;
    return 0;
}

/* scaleDefine(table, id, operation, number, nodes, names, indices): the last three are arrays, or undefined.
 * A node that is null is a variant without payload, an index that is null is none. */
static JSValue define(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    scale_table *table = JS_GetOpaque2(ctx, argv[0], table_class);
    uint32_t id, operation, number;
    int64_t count = 0;
    if (!table || JS_ToUint32(ctx, &id, argv[1]) || JS_ToUint32(ctx, &operation, argv[2]) ||
        JS_ToUint32(ctx, &number, argv[3]) || (!JS_IsUndefined(argv[4]) && JS_GetLength(ctx, argv[4], &count)))
        return JS_EXCEPTION;
    bool one = operation == SCALE_SEQUENCE || operation == SCALE_ARRAY || operation == SCALE_OPTION;
    bool integer = number >= SCALE_U8 && number <= SCALE_I128;
    if (!operation || operation >= SCALE_OPERATIONS || id >= MAX_NODES || count > MAX_NODES || (one && count != 1) ||
        (operation == SCALE_COMPACT && !integer))
        return JS_ThrowRangeError(ctx, "not a type");
    if (scale_is_defined(table, id))
        return JS_UNDEFINED;
    scale_slot *slots = NULL;
    if (count) {
        slots = js_mallocz(ctx, (size_t)count * sizeof(*slots));
        if (!slots)
            return JS_EXCEPTION;
        for (uint32_t i = 0; i < count; i++)
            if (read_slot(ctx, &slots[i], argv, i)) {
                free_slots(JS_GetRuntime(ctx), slots, (uint32_t)count);
                return JS_EXCEPTION;
            }
    }
    if (grow(ctx, table, id) || scale_is_defined(table, id)) {
        free_slots(JS_GetRuntime(ctx), slots, (uint32_t)count);
        return JS_HasException(ctx) ? JS_EXCEPTION : JS_UNDEFINED;
    }
    table->nodes[id] = (scale_node){ (uint8_t)operation, number, (uint32_t)count, slots };
    return JS_UNDEFINED;
}

int scale_node_of(scale_run *run, uint32_t id, scale_node *node)
{
    scale_table *table = run->table;
    if (!scale_is_defined(table, id)) {
        JSValueConst arguments[] = { run->types, JS_NewUint32(run->ctx, id) };
        JSValue result = JS_Call(run->ctx, table->define, JS_UNDEFINED, 2, arguments);
        if (JS_IsException(result))
            return -1;
        JS_FreeValue(run->ctx, result);
        if (!scale_is_defined(table, id))
            return scale_fail(run, "unknown type");
    }
    *node = table->nodes[id];
    return 0;
}

int scale_enter(scale_run *run)
{
    size_t room = (size_t)((uintptr_t)__builtin_frame_address(0) - (uintptr_t)&__stack_low);
    if (depth >= MAX_DEPTH || room < SHADOW_STACK_RESERVE) {
        JS_ThrowRangeError(run->ctx, "the type or the value is nested too deeply");
        return -1;
    }
    depth++;
    return 0;
}

void scale_leave(void)
{
    depth--;
}

int scale_count_empty(scale_run *run, size_t bytes)
{
    if (++run->empty > FREE_EMPTY_VALUES + (uint64_t)bytes * EMPTY_VALUES_A_BYTE)
        return scale_fail(run, "too many values that take no bytes");
    return 0;
}

int scale_fail(scale_run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->text, sizeof(run->text), format, arguments);
    va_end(arguments);
    run->failed = true;
    return -1;
}

int scale_expect(scale_run *run, const char *wanted, JSValueConst value)
{
    JSContext *ctx = run->ctx;
    const char *is = JS_IsNumber(value)      ? "number"
                     : JS_IsString(value)    ? "string"
                     : JS_IsBigInt(value)    ? "bigint"
                     : JS_IsBool(value)      ? "boolean"
                     : JS_IsSymbol(value)    ? "symbol"
                     : JS_IsUndefined(value) ? "undefined"
                     : JS_IsNull(value)      ? "null"
                     : JS_IsFunction(ctx, value) ? "function" : "object";
    const char *tag = NULL;
    if (JS_IsObject(value)) {
        JSValue named = JS_GetProperty(ctx, value, run->table->tag);
        if (JS_IsException(named))
            return -1;
        if (JS_IsString(named))
            tag = JS_ToCString(ctx, named);
        JS_FreeValue(ctx, named);
    }
    scale_fail(run, "expect %s, got %.100s", wanted, tag ? tag : is);
    JS_FreeCString(ctx, tag);
    return -1;
}

/* Puts a piece before the path. What does not fit is the outermost part, and left out. */
static void prepend(scale_run *run, const char *piece)
{
    size_t length = strlen(piece);
    run->path_is_cut = run->path_is_cut || length > run->path_start;
    if (run->path_is_cut)
        return;
    run->path_start -= length;
    memcpy(run->path + run->path_start, piece, length);
}

void scale_at_name(scale_run *run, JSAtom name)
{
    const char *text = run->failed ? JS_AtomToCString(run->ctx, name) : NULL;
    if (!text)
        return;
    prepend(run, text);
    prepend(run, ".");
    JS_FreeCString(run->ctx, text);
}

void scale_at_index(scale_run *run, uint32_t index)
{
    char piece[16];
    if (!run->failed)
        return;
    snprintf(piece, sizeof(piece), "[%u]", (unsigned)index);
    prepend(run, piece);
}

scale_table *scale_begin(scale_run *run, JSContext *ctx, JSValueConst table, JSValueConst types)
{
    run->ctx = ctx;
    run->table = JS_GetOpaque2(ctx, table, table_class);
    run->types = types;
    run->empty = 0;
    run->failed = run->path_is_cut = false;
    run->path_start = sizeof(run->path);
    return run->table;
}

JSValue scale_end_failed(scale_run *run)
{
    if (!run->failed)
        return JS_EXCEPTION;
    char message[sizeof(run->text) + sizeof(run->path) + 10];
    const char *path = run->path + run->path_start;
    size_t length = sizeof(run->path) - run->path_start;
    if (length && *path == '.' && !run->path_is_cut) {
        path++;
        length--;
    }
    int size = snprintf(message, sizeof(message), length ? "%s (at %s%.*s)" : "%s", run->text,
                        run->path_is_cut ? ".." : "", (int)length, path);
    JSValue text = JS_NewStringLen(run->ctx, message, (size_t)size);
    if (JS_IsException(text))
        return JS_EXCEPTION;
    JSValue result = JS_Call(run->ctx, run->table->raise, JS_UNDEFINED, 1, &text);
    JS_FreeValue(run->ctx, text);
    JS_FreeValue(run->ctx, result);
    return JS_EXCEPTION;
}

const JSCFunctionListEntry native_scale_functions[] = {
    JS_CFUNC_DEF("scaleTokens", 1, scale_tokens),
    JS_CFUNC_DEF("scaleTable", 5, new_table),
    JS_CFUNC_DEF("scaleDefine", 7, define),
    JS_CFUNC_DEF("scaleEncode", 4, scale_encode),
    JS_CFUNC_DEF("scaleDecode", 4, scale_decode),
};
const int native_scale_count = sizeof(native_scale_functions) / sizeof(native_scale_functions[0]);
