/* The instructions that are left, and the way through a body. */
#include <stdlib.h>
#include <string.h>
#include "wasm_compiler.h"

/* Variables. */

static void set_local(compiler *c, uint32_t local, bool keep)
{
    if (local >= c->local_count) {
        wasm_fail(c->r, "local %u does not exist", (unsigned)local);
        return;
    }
    uint8_t type = c->locals[local];
    operand value = code_pop(c, type);
    uint32_t position = c->height;
    if (c->r->failed)
        return;
    code_save_readers(c, local);
    if (value.place == OWN_SLOT && code_last_is_open(c) && !dead(c) &&
        (c->code[c->last] >> 16 & 0xffff) == code_own_slot(c, position))
        c->code[c->last] = (c->code[c->last] & ~(uint64_t)0xffff0000) | (uint64_t)local << 16;
    else if (!(value.place == IN_LOCAL && value.local == local))
        code_move_operand(c, &value, position, local);
    c->last_end = NO_INDEX; /* the slot is a local now, and must stay what it is */
    if (!keep)
        return;
    value.type = type;
    if (value.place != CONSTANT) {
        value.place = IN_LOCAL;
        value.local = (uint16_t)local;
    }
    code_put(c, value);
}

static void get_local(compiler *c, uint32_t local)
{
    if (local >= c->local_count)
        wasm_fail(c->r, "local %u does not exist", (unsigned)local);
    else
        code_put(c, (operand){ .type = c->locals[local], .place = IN_LOCAL, .local = (uint16_t)local });
}

static void global(compiler *c, bool set)
{
    uint32_t index = wasm_u32(c->r);
    if (index >= c->m->counts[KIND_GLOBAL]) {
        wasm_fail(c->r, "global %u does not exist", (unsigned)index);
        return;
    }
    const wasm_description *what = &c->m->items[KIND_GLOBAL][index];
    bool reference = wasm_is_reference(what->type);
    if (!set) {
        code_emit_result(c, word_high(reference ? OP_GLOBAL_GET_REF : OP_GLOBAL_GET, code_push(c, what->type), index));
        return;
    }
    if (!what->mutable)
        wasm_fail(c->r, "global %u is not mutable", (unsigned)index);
    code_emit(c, word_high(reference ? OP_GLOBAL_SET_REF : OP_GLOBAL_SET, code_pop_slot(c, what->type), index));
}

/* Tables and references. */

static const wasm_description *table(compiler *c, uint32_t index)
{
    static const wasm_description none = { .type = FUNCREF };
    if (index < c->m->counts[KIND_TABLE])
        return &c->m->items[KIND_TABLE][index];
    wasm_fail(c->r, "table %u does not exist", (unsigned)index);
    return &none;
}

static const uint8_t three[] = { I32, I32, I32 };

static void data_segment(compiler *c, uint32_t index)
{
    if (c->m->declared_data == NO_INDEX)
        wasm_fail(c->r, "data segments are named without a data count section");
    else if (index >= c->m->declared_data)
        wasm_fail(c->r, "data segment %u does not exist", (unsigned)index);
}

static const wasm_segment *element_segment(compiler *c, uint32_t index)
{
    static const wasm_segment none = { .type = FUNCREF };
    if (index < c->m->element_count)
        return &c->m->elements[index];
    wasm_fail(c->r, "element segment %u does not exist", (unsigned)index);
    return &none;
}

static void zero_byte(compiler *c)
{
    if (wasm_byte(c->r))
        wasm_fail(c->r, "a module has only one memory");
}

static void extended(compiler *c)
{
    static const uint8_t from[] = { F32, F32, F64, F64, F32, F32, F64, F64 };
    uint32_t op = wasm_u32(c->r), first, second, slot;
    uint8_t row[3] = { I32, I32, I32 };
    switch (op) {
    case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
        code_unary(c, OP_SATURATE + op, from[op], op < 4 ? I32 : I64);
        break;
    case 8: /* memory.init */
        first = wasm_u32(c->r);
        zero_byte(c);
        code_need_memory(c);
        data_segment(c, first);
        slot = code_pop_row(c, three, 3);
        code_emit(c, word_high(OP_MEMORY_INIT, slot, first));
        break;
    case 9:
        first = wasm_u32(c->r);
        data_segment(c, first);
        code_emit(c, word_high(OP_DATA_DROP, 0, first));
        break;
    case 10:
        zero_byte(c);
        zero_byte(c);
        code_need_memory(c);
        slot = code_pop_row(c, three, 3);
        code_emit(c, word(OP_MEMORY_COPY, slot, 0, 0));
        break;
    case 11:
        zero_byte(c);
        code_need_memory(c);
        slot = code_pop_row(c, three, 3);
        code_emit(c, word(OP_MEMORY_FILL, slot, 0, 0));
        break;
    case 12: /* table.init */
        first = wasm_u32(c->r);
        second = wasm_u32(c->r);
        if (element_segment(c, first)->type != table(c, second)->type)
            wasm_fail(c->r, "a table of another type than its elements");
        slot = code_pop_row(c, three, 3);
        code_emit(c, word_high(OP_TABLE_INIT, slot, second));
        code_emit(c, first);
        break;
    case 13:
        first = wasm_u32(c->r);
        element_segment(c, first);
        code_emit(c, word_high(OP_ELEMENT_DROP, 0, first));
        break;
    case 14: /* table.copy */
        first = wasm_u32(c->r);
        second = wasm_u32(c->r);
        if (table(c, first)->type != table(c, second)->type)
            wasm_fail(c->r, "tables of different types");
        slot = code_pop_row(c, three, 3);
        code_emit(c, word_high(OP_TABLE_COPY, slot, first));
        code_emit(c, second);
        break;
    case 15: /* table.grow */
        first = wasm_u32(c->r);
        row[0] = table(c, first)->type;
        slot = code_pop_row(c, row, 2);
        code_emit(c, word_high(OP_TABLE_GROW, slot, first));
        code_push(c, I32);
        break;
    case 16:
        first = wasm_u32(c->r);
        table(c, first);
        code_emit_result(c, word_high(OP_TABLE_SIZE, code_push(c, I32), first));
        break;
    case 17: /* table.fill */
        first = wasm_u32(c->r);
        row[1] = table(c, first)->type;
        slot = code_pop_row(c, row, 3);
        code_emit(c, word_high(OP_TABLE_FILL, slot, first));
        break;
    default: wasm_fail(c->r, "unknown instruction 0xfc %u", (unsigned)op);
    }
}

static void select_one(compiler *c, uint8_t type)
{
    operand condition = code_pop(c, I32), b = code_pop(c, type), a = code_pop(c, type);
    if (type == ANY) {
        bool differ = a.type != b.type && a.type != ANY && b.type != ANY;
        if (wasm_is_reference(a.type) || wasm_is_reference(b.type) || differ)
            wasm_fail(c->r, "select between %s and %s", wasm_type_name(a.type), wasm_type_name(b.type));
        type = a.type == ANY ? b.type : a.type;
    }
    uint32_t first = code_readable(c, &a, c->height), second = code_readable(c, &b, c->height + 1);
    uint32_t third = code_readable(c, &condition, c->height + 2);
    code_emit(c, word(OP_SELECT, code_push(c, type), first, second));
    code_emit(c, third);
    c->last_end = c->length;
    c->last = c->length - 2;
    if (dead(c))
        c->last_end = NO_INDEX;
}

/* Calls. */

static void call(compiler *c, bool is_tail)
{
    uint32_t index = wasm_u32(c->r);
    if (index >= c->m->counts[KIND_FUNCTION]) {
        wasm_fail(c->r, "function %u does not exist", (unsigned)index);
        return;
    }
    const wasm_type *type = c->m->items[KIND_FUNCTION][index].function;
    uint32_t slot = code_pop_row(c, type->types, type->params);
    code_emit(c, word_high(is_tail ? OP_RETURN_CALL : OP_CALL, slot, index));
    code_push_types(c, type->types + type->params, type->results);
    if (is_tail && !c->r->failed) {
        if (type->results != c->type->results ||
            memcmp(type->types + type->params, c->type->types + c->type->params, type->results) != 0)
            wasm_fail(c->r, "a tail call of a function with other results");
        code_set_unreachable(c);
    }
}

static void call_indirect(compiler *c, bool is_tail)
{
    uint32_t index = wasm_u32(c->r), of = wasm_u32(c->r);
    if (table(c, of)->type != FUNCREF)
        wasm_fail(c->r, "a call through a table of %s", wasm_type_name(table(c, of)->type));
    if (index >= c->m->type_count) {
        wasm_fail(c->r, "type %u does not exist", (unsigned)index);
        return;
    }
    const wasm_type *type = c->m->types[index];
    uint32_t element = code_pop_slot(c, I32);
    uint32_t slot = code_pop_row(c, type->types, type->params);
    code_emit(c, word(is_tail ? OP_RETURN_CALL_INDIRECT : OP_CALL_INDIRECT, slot, element, 0));
    code_emit(c, index | (uint64_t)of << 32);
    code_push_types(c, type->types + type->params, type->results);
    if (is_tail && !c->r->failed) {
        if (type->results != c->type->results ||
            memcmp(type->types + type->params, c->type->types + c->type->params, type->results) != 0)
            wasm_fail(c->r, "a tail call of a function with other results");
        code_set_unreachable(c);
    }
}

static void instruction(compiler *c)
{
    wasm_reader *r = c->r;
    uint32_t op = wasm_byte(r), index;
    control *to;
    if (op >= 0x28 && op <= 0x35) {
        code_load(c, op);
        return;
    }
    if (op >= 0x36 && op <= 0x3e) {
        code_store(c, op);
        return;
    }
    if (op >= 0x45 && op <= 0xc4) {
        code_numeric(c, op);
        return;
    }
    switch (op) {
    case 0x00:
        code_emit(c, word(OP_UNREACHABLE, 0, 0, 0));
        code_set_unreachable(c);
        break;
    case 0x01: break;
    case 0x02: code_begin_block(c, BLOCK); break;
    case 0x03: code_begin_block(c, LOOP); break;
    case 0x04: code_begin_block(c, IF); break;
    case 0x05: code_begin_else(c); break;
    case 0x06: code_begin_try(c); break;
    case 0x07: code_begin_catch(c, wasm_u32(r)); break;
    case 0x08: {
        index = wasm_u32(r);
        const wasm_type *type = code_tag_at(c, index);
        uint32_t slot = code_pop_row(c, type->types, type->params);
        code_emit(c, word_high(OP_THROW, slot, index));
        code_set_unreachable(c);
        break;
    }
    case 0x09: code_rethrow(c); break;
    case 0x0a:
        code_emit(c, word(OP_THROW_REF, 0, code_pop_slot(c, EXNREF), 0));
        code_set_unreachable(c);
        break;
    case 0x0b: code_end_block(c); break;
    case 0x18:
        code_end_with_delegate(c);
        code_end_block(c);
        break;
    case 0x19: code_begin_catch(c, NO_INDEX); break;
    case 0x1f: code_begin_try_table(c); break;
    case 0x0c:
        to = code_label(c, wasm_u32(r));
        /* The operands are checked before they are moved; popping leaves them where they are. */
        if (!top(c)->unreachable && c->height - top(c)->height < code_label_arity(to))
            wasm_fail(r, "operands for a label are missing");
        if (!r->failed) {
            code_emit_branch(c, to);
            code_pop_types(c, code_label_types(to), code_label_arity(to));
            code_set_unreachable(c);
        }
        break;
    case 0x0d:
        to = code_label(c, wasm_u32(r));
        if (!r->failed)
            code_branch_if(c, to);
        break;
    case 0x0e: code_branch_table(c); break;
    case 0x0f:
        if (!top(c)->unreachable && c->height - top(c)->height < c->type->results)
            wasm_fail(r, "results are missing");
        if (!r->failed) {
            code_emit_return(c);
            code_pop_types(c, c->type->types + c->type->params, c->type->results);
            code_set_unreachable(c);
        }
        break;
    case 0x10: call(c, false); break;
    case 0x11: call_indirect(c, false); break;
    case 0x12: call(c, true); break;
    case 0x13: call_indirect(c, true); break;
    case 0x1a: code_pop(c, ANY); break;
    case 0x1b: select_one(c, ANY); break;
    case 0x1c:
        if (wasm_u32(r) != 1)
            wasm_fail(r, "select has one result");
        select_one(c, wasm_value_type(r));
        break;
    case 0x20: get_local(c, wasm_u32(r)); break;
    case 0x21: set_local(c, wasm_u32(r), false); break;
    case 0x22: set_local(c, wasm_u32(r), true); break;
    case 0x23: global(c, false); break;
    case 0x24: global(c, true); break;
    case 0x25: {
        index = wasm_u32(r);
        uint8_t type = table(c, index)->type;
        uint32_t slot = code_pop_row(c, three, 1);
        code_emit(c, word_high(OP_TABLE_GET, slot, index));
        code_push(c, type);
        break;
    }
    case 0x26: {
        index = wasm_u32(r);
        uint8_t row[] = { I32, table(c, index)->type };
        uint32_t slot = code_pop_row(c, row, 2);
        code_emit(c, word_high(OP_TABLE_SET, slot, index));
        break;
    }
    case 0x3f:
        zero_byte(c);
        code_need_memory(c);
        code_emit_result(c, word(OP_MEMORY_SIZE, code_push(c, I32), 0, 0));
        break;
    case 0x40: {
        zero_byte(c);
        code_need_memory(c);
        uint32_t slot = code_pop_slot(c, I32);
        code_emit_result(c, word(OP_MEMORY_GROW, code_push(c, I32), slot, 0));
        break;
    }
    case 0x41: code_constant(c, I32, (uint32_t)wasm_s32(r)); break;
    case 0x42: code_constant(c, I64, (uint64_t)wasm_s64(r)); break;
    case 0x43: code_constant(c, F32, wasm_fixed32(r)); break;
    case 0x44: code_constant(c, F64, wasm_fixed64(r)); break;
    case 0xd0: code_constant(c, wasm_heap_type(r), 0); break;
    case 0xd1: {
        operand value = code_pop(c, ANY);
        if (value.type != ANY && !wasm_is_reference(value.type))
            wasm_fail(r, "ref.is_null of a %s", wasm_type_name(value.type));
        uint32_t slot = code_readable(c, &value, c->height);
        code_emit_result(c, word(0x51 + WITH_NUMBER, code_push(c, I32), slot, 0));
        break;
    }
    case 0xd2:
        index = wasm_u32(r);
        if (index >= c->m->counts[KIND_FUNCTION] || !c->m->declared[index])
            wasm_fail(r, "ref.func of function %u, which is not declared", (unsigned)index);
        code_emit_result(c, word_high(OP_REF_FUNC, code_push(c, FUNCREF), index));
        break;
    case 0xfc: extended(c); break;
    case 0xfd: wasm_fail(r, "vector instructions (SIMD) are not supported"); break;
    case 0xfe: wasm_fail(r, "threads are not supported"); break;
    default: wasm_fail(r, "unknown instruction 0x%02x", (unsigned)op);
    }
}

static bool read_locals(compiler *c)
{
    uint32_t groups = wasm_u32(c->r);
    c->local_count = c->type->params;
    const uint8_t *from = c->r->at;
    for (uint32_t i = 0; i < groups && !c->r->failed; i++) { /* how many */
        uint32_t more = wasm_u32(c->r);
        if (more > MAX_LOCALS || (c->local_count += more) > MAX_LOCALS)
            wasm_fail(c->r, "too many locals");
        wasm_value_type(c->r);
    }
    c->locals = wasm_allocate(c->r, c->local_count, 1);
    if (!c->locals)
        return false;
    c->r->at = from;
    memcpy(c->locals, c->type->types, c->type->params);
    for (uint32_t i = 0, at = c->type->params; i < groups; i++) {
        uint32_t more = wasm_u32(c->r);
        uint8_t type = wasm_value_type(c->r);
        memset(c->locals + at, type, more);
        at += more;
    }
    return true;
}

void wasm_compile(wasm_reader *r, wasm_module *m, const wasm_type *type, wasm_code *code)
{
    compiler c = { .r = r, .m = m, .type = type, .last_end = NO_INDEX,
                   .single = { I32, I64, F32, F64, FUNCREF, EXTERNREF, EXNREF } };
    if (read_locals(&c)) {
        control body = { .results = type->types + type->params, .result_count = type->results };
        code_open_block(&c, FUNCTION, body);
        /* Word 0 is no place to jump to, nor one that waits for a place: 0 ends the lists of those. */
        code_emit(&c, word(OP_MOVE, 0, 0, 0));
        while (c.depth && !r->failed)
            instruction(&c);
    }
    code->code = wasm_allocate(r, c.length, sizeof(*c.code)); /* it has grown by doubling: this is what it needs */
    if (code->code)
        memcpy(code->code, c.code, c.length * sizeof(*c.code));
    free(c.code);
    code->tries = c.tries;
    code->try_count = c.try_count;
    code->locals = c.local_count;
    code->params = type->params;
    code->results = type->results;
    uint32_t slots = c.local_count + c.highest;
    code->slots = slots > type->results ? slots : type->results;
    if (code->slots < 1)
        code->slots = 1;
    free(c.locals);
    free(c.operands);
    free(c.controls);
    free(c.clause_labels);
}
