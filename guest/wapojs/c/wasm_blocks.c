/* Blocks and branches: https://webassembly.github.io/spec/core/valid/instructions.html#control-instructions */
#include <stdlib.h>
#include <string.h>
#include "wasm_compiler.h"

void code_open_block(compiler *c, enum block block, control of)
{
    if (c->depth == c->control_room && !code_grow_array(c, (void **)&c->controls, &c->control_room, sizeof(control)))
        return;
    of.block = block;
    of.never = c->depth && dead(c);
    of.height = of.base = c->height;
    if (block != TRY && block != TRY_TABLE)
        of.context = c->depth ? top(c)->context : NO_INDEX;
    of.begin = c->length;
    c->controls[c->depth++] = of;
    if (block == LOOP)
        code_bind_here(c);
}

void code_set_unreachable(compiler *c)
{
    while (c->height > top(c)->height) {
        c->height--;
        c->elsewhere -= c->operands[c->height].place != OWN_SLOT;
    }
    top(c)->unreachable = true;
}

control *code_label(compiler *c, uint32_t depth)
{
    if (depth < c->depth)
        return &c->controls[c->depth - 1 - depth];
    wasm_fail(c->r, "there are only %u labels", (unsigned)c->depth);
    return &c->controls[0];
}

uint32_t code_label_arity(const control *to)
{
    return to->block == LOOP ? to->param_count : to->result_count;
}

const uint8_t *code_label_types(const control *to)
{
    return to->block == LOOP ? to->params : to->results;
}

/* Makes the word at `at`, whose H is free, lead to a label. */
void code_lead(compiler *c, uint32_t at, control *to)
{
    if (dead(c) || c->r->failed)
        return;
    uint32_t target = to->begin;
    if (to->block != LOOP) {
        target = to->pending;
        to->pending = at;
    }
    c->code[at] = (c->code[at] & 0xffffffff) | (uint64_t)target << 32;
}

static void bind_words(compiler *c, uint32_t at)
{
    while (at && !c->r->failed) {
        uint32_t before = (uint32_t)(c->code[at] >> 32);
        c->code[at] = (c->code[at] & 0xffffffff) | (uint64_t)c->length << 32;
        at = before;
    }
    code_bind_here(c);
}

/* Whether the values for a label are where it wants them. */
static bool in_place(compiler *c, const control *to)
{
    uint32_t arity = code_label_arity(to);
    if (dead(c) || !arity)
        return true;
    if (c->height - arity != to->base)
        return false;
    for (uint32_t i = c->height - arity; i < c->height; i++)
        if (c->operands[i].place != OWN_SLOT)
            return false;
    return true;
}

/* From the lowest: none of them is overwritten before it is read, for each goes down or stays. */
static void emit_moves(compiler *c, const control *to)
{
    uint32_t arity = code_label_arity(to);
    if (dead(c) || c->r->failed)
        return;
    for (uint32_t i = 0, from = c->height - arity; i < arity; i++, from++)
        code_move_operand(c, &c->operands[from], from, code_own_slot(c, to->base + i));
}

void code_emit_return(compiler *c)
{
    uint32_t count = c->type->results;
    if (dead(c) || c->r->failed)
        return;
    if (count == 0) {
        code_emit(c, word(OP_RETURN, 0, 0, 0));
    } else if (count == 1) {
        uint32_t slot = code_readable(c, &c->operands[c->height - 1], c->height - 1);
        code_emit(c, word(OP_RETURN_ONE, 0, slot, 0));
    } else {
        for (uint32_t i = c->height - count; i < c->height; i++)
            code_move_operand(c, &c->operands[i], i, code_own_slot(c, i));
        code_emit(c, word(OP_RETURN_MANY, count, code_own_slot(c, c->height - count), 0));
    }
}

void code_emit_branch(compiler *c, control *to)
{
    if (to->block == FUNCTION) {
        code_emit_return(c);
        return;
    }
    emit_moves(c, to);
    code_emit(c, word_high(OP_JUMP, 0, 0));
    code_lead(c, c->length - 1, to);
}

/* Comparisons by their opposites: of i32 from 0x46, of i64 from 0x51. */
static uint32_t opposite(uint32_t op)
{
    static const uint8_t of[] = { 1, 0, 8, 9, 6, 7, 4, 5, 2, 3 };
    uint32_t first = op < 0x51 ? 0x46 : 0x51;
    return first + of[op - first];
}

/* A jump if the popped condition holds, or if it does not: the word that is to be led somewhere. A comparison that was
 * made just before becomes part of it. */
static uint32_t emit_condition(compiler *c, const operand *condition, bool holds)
{
    if (condition->place == OWN_SLOT && code_last_is_open(c) && !dead(c) && !c->r->failed) {
        uint64_t last = c->code[c->last];
        uint32_t op = last & 0xffff, plain = op & 0xff;
        bool compares = (plain >= 0x46 && plain <= 0x4f) || (plain >= 0x51 && plain <= 0x5a);
        bool made_it = c->last_end == c->last + 1 && (last >> 16 & 0xffff) == code_own_slot(c, c->height);
        if (compares && op < BRANCH_IF && made_it) {
            uint32_t branch = (op >= WITH_NUMBER ? BRANCH_IF_NUMBER : BRANCH_IF) + (holds ? plain : opposite(plain));
            c->code[c->last] = (last & 0xffffffff00000000) | branch;
            code_emit(c, 0);
            code_bind_here(c);
            return c->length - 1;
        }
    }
    uint32_t slot = code_readable(c, condition, c->height);
    code_emit(c, word_high(holds ? OP_JUMP_IF : OP_JUMP_UNLESS, slot, 0));
    return c->length - 1;
}

void code_branch_if(compiler *c, control *to)
{
    operand condition = code_pop(c, I32);
    uint32_t arity = code_label_arity(to);
    /* They stay, with the label's types: unreachable code may not have had any. */
    if (dead(c)) {
        code_pop_types(c, code_label_types(to), arity);
        code_push_types(c, code_label_types(to), arity);
        return;
    }
    if (c->height - top(c)->height < arity)
        wasm_fail(c->r, "operands for a label are missing");
    for (uint32_t i = 0; i < arity && !c->r->failed; i++) {
        uint8_t type = c->operands[c->height - arity + i].type;
        if (type != code_label_types(to)[i])
            wasm_fail(c->r, "an operand of type %s was expected", wasm_type_name(code_label_types(to)[i]));
    }
    if (c->r->failed)
        return;
    if (to->block != FUNCTION && in_place(c, to)) {
        uint32_t at = emit_condition(c, &condition, true);
        code_lead(c, at, to);
        return;
    }
    uint32_t at = emit_condition(c, &condition, false);
    code_emit_branch(c, to);
    if (!c->r->failed)
        c->code[at] = (c->code[at] & 0xffffffff) | (uint64_t)c->length << 32;
    code_bind_here(c);
}

void code_branch_table(compiler *c)
{
    uint32_t count = wasm_count(c->r, 65536, "targets");
    uint32_t *depths = wasm_allocate(c->r, count + 1, sizeof(*depths));
    for (uint32_t i = 0; depths && i <= count; i++)
        depths[i] = wasm_u32(c->r);
    if (!c->r->failed) {
        uint32_t slot = code_pop_slot(c, I32), arity = code_label_arity(code_label(c, depths[count]));
        bool was_dead = dead(c);
        for (uint32_t i = 0; i <= count && !c->r->failed; i++) {
            const control *to = code_label(c, depths[i]);
            if (code_label_arity(to) != arity) {
                wasm_fail(c->r, "labels of a table want different numbers of operands");
                break;
            }
            /* Each label's types are checked against the operands, which stay. */
            const uint8_t *types = code_label_types(to);
            for (uint32_t k = 0; k < arity; k++) {
                bool there = c->height - top(c)->height >= arity - k;
                uint8_t type = there ? c->operands[c->height - (arity - k)].type : ANY;
                if ((!there && !top(c)->unreachable) || (type != ANY && type != types[k]))
                    wasm_fail(c->r, "an operand of type %s was expected", wasm_type_name(types[k]));
            }
        }
        if (!was_dead && !c->r->failed) {
            code_emit(c, word_high(OP_JUMP_TABLE, slot, count));
            uint32_t first = c->length;
            for (uint32_t i = 0; i <= count; i++)
                code_emit(c, 0);
            c->serial++;
            for (uint32_t i = 0; i <= count && !c->r->failed; i++) {
                control *to = code_label(c, depths[i]);
                if (to->block != FUNCTION && in_place(c, to)) {
                    code_lead(c, first + i, to);
                    continue;
                }
                if (to->stub_serial != c->serial) { /* several may need the same moves */
                    to->stub_serial = c->serial;
                    to->stub = c->length;
                    code_emit_branch(c, to);
                }
                if (!c->r->failed)
                    c->code[first + i] = (uint64_t)to->stub << 32;
            }
        }
    }
    free(depths);
    if (!c->r->failed)
        code_set_unreachable(c);
}

control code_block_type(compiler *c)
{
    control of = { 0 };
    int64_t type = wasm_s33(c->r);
    if (type >= 0) {
        if (type >= c->m->type_count) {
            wasm_fail(c->r, "type %u does not exist", (unsigned)type);
            return of;
        }
        const wasm_type *found = c->m->types[type];
        of.params = found->types;
        of.param_count = found->params;
        of.results = found->types + found->params;
        of.result_count = found->results;
    } else if (type != -64) {
        for (size_t i = 0; i < sizeof(c->single); i++)
            if (type + 0x80 == c->single[i])
                of.results = &c->single[i];
        of.result_count = 1;
        if (!of.results)
            wasm_fail(c->r, "unknown type of a block");
    }
    return of;
}

void code_begin_block(compiler *c, enum block block)
{
    control of = code_block_type(c);
    if (c->r->failed)
        return;
    if (block == IF) {
        operand condition = code_pop(c, I32);
        /* Operands below go to their slots first, which the comparison, if it is the last operation, does not read. */
        uint64_t comparison = 0;
        bool open = !c->r->failed && condition.place == OWN_SLOT && code_last_is_open(c) && !dead(c) && c->elsewhere &&
                    c->last_end == c->last + 1 && (c->code[c->last] >> 16 & 0xffff) == code_own_slot(c, c->height) &&
                    (c->code[c->last] & 0xff) >= 0x46 && (c->code[c->last] & 0xff) <= 0x5a;
        if (open) {
            comparison = c->code[c->last];
            c->length = c->last;
        }
        code_settle_upper(c, c->height);
        if (open)
            code_emit_result(c, comparison);
        of.otherwise = emit_condition(c, &condition, false);
        if (dead(c))
            of.otherwise = 0;
    } else {
        code_settle_upper(c, c->height);
    }
    code_pop_types(c, of.params, of.param_count);
    if (c->r->failed)
        return;
    code_open_block(c, block, of);
    code_push_types(c, of.params, of.param_count);
}

/* The operands at the end of a block are its results. */
void code_check_results(compiler *c)
{
    control *of = top(c);
    uint32_t height = c->height;
    if (!of->unreachable && height - of->height != of->result_count)
        wasm_fail(c->r, "a block ends with %u operands, not %u", (unsigned)(height - of->height), of->result_count);
    if (!c->r->failed && of->base != of->height && !dead(c))
        emit_moves(c, of);
    else if (!c->r->failed && of->block != FUNCTION)
        code_settle_upper(c, of->result_count);
    if (of->block == FUNCTION && !c->r->failed && !dead(c)) {
        for (uint32_t i = 0; i < of->result_count; i++)
            if (c->operands[of->height + i].type != of->results[i])
                wasm_fail(c->r, "a result of type %s was expected", wasm_type_name(of->results[i]));
        if (!c->r->failed)
            code_emit_return(c);
    }
    code_pop_types(c, of->results, of->result_count);
    if (!c->r->failed && c->height != of->height)
        wasm_fail(c->r, "operands are left at the end of a block");
}

void code_begin_else(compiler *c)
{
    control *of = top(c);
    if (of->block != IF) {
        wasm_fail(c->r, "else without if");
        return;
    }
    code_check_results(c);
    if (c->r->failed)
        return;
    if (!dead(c)) {
        code_emit(c, word_high(OP_JUMP, 0, 0));
        code_lead(c, c->length - 1, of);
    }
    of->block = ELSE;
    of->unreachable = false;
    bind_words(c, of->otherwise);
    of->otherwise = 0;
    code_push_types(c, of->params, of->param_count);
}

void code_end_block(compiler *c)
{
    control *of = top(c);
    bool same = of->param_count == of->result_count && !memcmp(of->params, of->results, of->param_count);
    if (of->block == IF && !same) {
        wasm_fail(c->r, "an if without else must leave what it takes");
        return;
    }
    code_check_results(c);
    if (c->r->failed)
        return;
    if (of->block == TRY) /* without clauses: the exception passes */
        c->tries[of->own].end = c->length;
    if (of->block == TRY_TABLE)
        code_end_try_table(c);
    control closed = *of;
    c->depth--;
    if (closed.base != closed.height) { /* the exception that was kept */
        c->height = closed.base;
    }
    if (!closed.never) {
        bind_words(c, closed.otherwise);
        bind_words(c, closed.pending);
    }
    if (c->depth)
        code_push_types(c, closed.results, closed.result_count);
}
