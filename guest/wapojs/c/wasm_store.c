/* Memories, tables, and what fills them: https://webassembly.github.io/spec/core/exec/modules.html */
#include <stdlib.h>
#include <string.h>
#include "wasm.h"

/* Cycles of objects hold memory until the collector looks, and it is not told of ours: it looks when there is none. */
static void *zeroed(JSContext *ctx, size_t size)
{
    void *pointer = calloc(1, size ? size : 1);
    if (!pointer) {
        JS_RunGC(JS_GetRuntime(ctx));
        pointer = calloc(1, size ? size : 1);
    }
    return pointer;
}

static void *larger(JSContext *ctx, void *pointer, size_t size)
{
    void *moved = realloc(pointer, size);
    if (!moved) {
        JS_RunGC(JS_GetRuntime(ctx));
        moved = realloc(pointer, size);
    }
    return moved;
}

wasm_memory *wasm_new_memory(JSContext *ctx, wasm_limits limits)
{
    if (limits.min > MAX_BUFFER_PAGES)
        return NULL;
    wasm_memory *memory = calloc(1, sizeof(*memory));
    wasm_bytes *bytes = calloc(1, sizeof(*bytes));
    if (bytes)
        bytes->data = zeroed(ctx, (size_t)limits.min * WASM_PAGE_BYTES);
    if (!memory || !bytes || !bytes->data) {
        free(bytes);
        free(memory);
        return NULL;
    }
    bytes->users = 1;
    *memory = (wasm_memory){ bytes, limits.min, limits, JS_UNDEFINED, JS_UNDEFINED };
    return memory;
}

/* What the engine calls for an ArrayBuffer over a memory: size 0 when it is done with it. It may not resize it. */
void *wasm_bytes_realloc(JSRuntime *runtime, void *opaque, void *pointer, size_t size)
{
    wasm_bytes *bytes = opaque;
    if (size == 0 && --bytes->users == 0) {
        free(bytes->data);
        free(bytes);
    }
    return NULL;
}

/* The ArrayBuffer is detached even if nothing moves:
 * https://webassembly.github.io/spec/js-api/#refresh-the-memory-buffer */
int32_t wasm_grow_memory(JSContext *ctx, wasm_memory *memory, uint32_t pages)
{
    uint32_t before = memory->pages, most = memory->limits.max;
    if (most > MAX_BUFFER_PAGES)
        most = MAX_BUFFER_PAGES;
    if (before > most || pages > most - before)
        return -1;
    size_t old_size = (size_t)before * WASM_PAGE_BYTES, size = old_size + (size_t)pages * WASM_PAGE_BYTES;
    if (pages) {
        uint8_t *data = larger(ctx, memory->bytes->data, size);
        if (!data)
            return -1;
        memset(data + old_size, 0, size - old_size);
        memory->bytes->data = data;
    }
    memory->pages = before + pages;
    JSValue buffer = memory->buffer;
    memory->buffer = JS_UNDEFINED;
    JS_DetachArrayBuffer(ctx, buffer);
    JS_FreeValue(ctx, buffer);
    return (int32_t)before;
}

wasm_table *wasm_new_table(JSContext *ctx, uint8_t type, wasm_limits limits, uint64_t initial)
{
    if (limits.min > MAX_TABLE)
        return NULL;
    wasm_table *table = calloc(1, sizeof(*table));
    wasm_ref *elements = zeroed(ctx, limits.min * sizeof(wasm_ref));
    if (!table || !elements) {
        free(elements);
        free(table);
        return NULL;
    }
    for (uint32_t k = 0; k < limits.min; k++)
        elements[k] = wasm_hold(ctx, type, initial);
    *table = (wasm_table){ type, limits.min, limits, elements, JS_UNDEFINED };
    return table;
}

int32_t wasm_grow_table(JSContext *ctx, wasm_table *table, uint32_t more, uint64_t initial)
{
    uint32_t before = table->size, most = table->limits.max < MAX_TABLE ? table->limits.max : MAX_TABLE;
    if (before > most || more > most - before)
        return -1;
    wasm_ref *elements = larger(ctx, table->elements, (before + more + 1) * sizeof(wasm_ref));
    if (!elements)
        return -1;
    table->elements = elements;
    for (uint32_t k = 0; k < more; k++)
        elements[before + k] = wasm_hold(ctx, table->type, initial);
    table->size = before + more;
    return (int32_t)before;
}

static bool outside(uint32_t at, uint32_t count, uint32_t size)
{
    return at > size || count > size - at;
}

wasm_trap wasm_table_copy(JSContext *ctx, wasm_table *to_table, wasm_table *from_table, uint32_t to, uint32_t from,
                          uint32_t count)
{
    if (outside(to, count, to_table->size) || outside(from, count, from_table->size))
        return TRAP_TABLE;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t at = to <= from ? k : count - 1 - k;
        wasm_set_ref(ctx, &to_table->elements[to + at], to_table->type, from_table->elements[from + at].bits);
    }
    return TRAP_NONE;
}

wasm_trap wasm_table_init(JSContext *ctx, wasm_instance *i, uint32_t table_index, uint32_t segment, uint32_t to,
                          uint32_t from, uint32_t count)
{
    wasm_table *table = i->tables[table_index];
    const wasm_ref *elements = i->elements[segment];
    uint32_t size = elements ? i->module->elements[segment].contents.length : 0;
    if (outside(to, count, table->size) || outside(from, count, size))
        return TRAP_TABLE;
    for (uint32_t k = 0; k < count; k++)
        wasm_set_ref(ctx, &table->elements[to + k], table->type, elements[from + k].bits);
    return TRAP_NONE;
}

void wasm_drop_elements(JSContext *ctx, wasm_instance *i, uint32_t segment)
{
    wasm_ref *elements = i->elements[segment];
    i->elements[segment] = NULL;
    for (uint32_t k = 0; elements && k < i->module->elements[segment].contents.length; k++)
        JS_FreeValue(ctx, elements[k].owner);
    free(elements);
}

wasm_trap wasm_memory_init(wasm_instance *i, uint32_t segment, uint32_t to, uint32_t from, uint32_t count)
{
    wasm_span contents = i->module->data[segment].contents;
    uint32_t size = i->dropped[segment] ? 0 : contents.length;
    uint64_t bytes = (uint64_t)i->memory->pages * WASM_PAGE_BYTES;
    if (outside(from, count, size) || (uint64_t)to + count > bytes)
        return TRAP_MEMORY;
    memcpy(i->memory->bytes->data + to, i->module->bytes + contents.at + from, count);
    return TRAP_NONE;
}

uint64_t wasm_constant(wasm_instance *i, uint32_t at, uint32_t *end)
{
    const uint8_t *bytes = i->module->bytes;
    wasm_reader r = { .start = bytes, .at = bytes + at, .end = bytes + i->module->length };
    uint64_t stack[MAX_CONSTANT_DEPTH + 1] = { 0 };
    uint32_t depth = 0;
    for (;;) { /* it has been validated */
        uint8_t op = wasm_byte(&r);
        uint64_t x, y;
        switch (op) {
        case 0x23: stack[depth++] = i->globals[wasm_u32(&r)]->value.bits; break;
        case 0x41: stack[depth++] = (uint32_t)wasm_s32(&r); break;
        case 0x42: stack[depth++] = (uint64_t)wasm_s64(&r); break;
        case 0x43: stack[depth++] = wasm_fixed32(&r); break;
        case 0x44: stack[depth++] = wasm_fixed64(&r); break;
        case 0xd0:
            wasm_byte(&r);
            stack[depth++] = 0;
            break;
        case 0xd2: stack[depth++] = (uintptr_t)i->functions[wasm_u32(&r)]; break;
        case 0x0b:
            if (end)
                *end = (uint32_t)(r.at - r.start);
            return stack[0];
        default:
            y = stack[--depth];
            x = stack[--depth];
            x = op == 0x6a || op == 0x7c ? x + y : op == 0x6b || op == 0x7d ? x - y : x * y;
            stack[depth++] = op < 0x7c ? (uint32_t)x : x;
        }
    }
}

wasm_trap wasm_run_segments(JSContext *ctx, wasm_instance *i)
{
    const wasm_module *m = i->module;
    for (uint32_t k = 0; k < m->element_count; k++) {
        const wasm_segment *s = &m->elements[k];
        if (s->mode == SEGMENT_ACTIVE) {
            wasm_trap trap = wasm_table_init(ctx, i, s->target, k, (uint32_t)wasm_constant(i, s->offset, NULL), 0,
                                             s->contents.length);
            if (trap)
                return trap;
        }
        if (s->mode != SEGMENT_PASSIVE)
            wasm_drop_elements(ctx, i, k);
    }
    for (uint32_t k = 0; k < m->data_count; k++) {
        const wasm_segment *s = &m->data[k];
        if (s->mode != SEGMENT_ACTIVE)
            continue;
        wasm_trap trap = wasm_memory_init(i, k, (uint32_t)wasm_constant(i, s->offset, NULL), 0, s->contents.length);
        if (trap)
            return trap;
        i->dropped[k] = true;
    }
    return TRAP_NONE;
}
