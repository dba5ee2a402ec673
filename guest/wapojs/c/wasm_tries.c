/* What throws and what catches: try_table and throw_ref, and the older try, catch, rethrow and delegate, which
 * toolchains still make by default. A block that may catch has no code of its own: its stretch is listed with the
 * function (wasm_try).
 */
#include <stdlib.h>
#include <string.h>
#include "wasm_compiler.h"

const wasm_type *code_tag_at(compiler *c, uint32_t index)
{
    static const wasm_type none;
    if (index < c->m->counts[KIND_TAG])
        return c->m->items[KIND_TAG][index].function;
    wasm_fail(c->r, "tag %u does not exist", (unsigned)index);
    return &none;
}

static uint32_t open_try(compiler *c)
{
    if (c->try_count == c->try_room && !code_grow_array(c, (void **)&c->tries, &c->try_room, sizeof(wasm_try)))
        return 0;
    c->tries[c->try_count] = (wasm_try){ .begin = c->length, .end = c->length, .outer = top(c)->context };
    return c->try_count++;
}

static void add_clause(compiler *c, uint32_t index, wasm_clause clause)
{
    wasm_try *of = &c->tries[index];
    if (c->r->failed)
        return;
    wasm_clause *more = realloc(of->clauses, (of->clause_count + 1) * sizeof(*more));
    if (!more) {
        wasm_fail(c->r, "out of memory");
        c->r->exhausted = true;
        return;
    }
    of->clauses = more;
    more[of->clause_count++] = clause;
}

void code_begin_try(compiler *c)
{
    control of = code_block_type(c);
    if (c->r->failed)
        return;
    code_settle_upper(c, c->height);
    code_pop_types(c, of.params, of.param_count);
    of.own = of.context = open_try(c);
    if (c->r->failed)
        return;
    code_open_block(c, TRY, of);
    code_bind_here(c);
    code_push_types(c, of.params, of.param_count);
}

/* catch and catch_all: the exception is kept below the operands of the clause, for rethrow. */
void code_begin_catch(compiler *c, uint32_t tag)
{
    control *of = top(c);
    if (of->block != TRY && of->block != CATCH) {
        wasm_fail(c->r, "catch without try");
        return;
    }
    code_check_results(c);
    if (c->r->failed)
        return;
    if (!dead(c)) {
        code_emit(c, word_high(OP_JUMP, 0, 0));
        code_lead(c, c->length - 1, of);
    }
    if (of->block == TRY)
        c->tries[of->own].end = c->length;
    of->block = tag == NO_INDEX ? CATCH_ALL : CATCH;
    of->unreachable = false;
    of->context = c->tries[of->own].outer;
    code_bind_here(c);
    c->height = of->base;
    of->height = of->base + 1;
    uint32_t kept = code_push(c, EXNREF);
    wasm_clause clause = { tag, c->length, (uint16_t)code_own_slot(c, c->height), (uint16_t)kept };
    if (tag != NO_INDEX) {
        const wasm_type *type = code_tag_at(c, tag);
        code_push_types(c, type->types, type->params);
    }
    if (!of->never)
        add_clause(c, of->own, clause);
}

/* delegate ends a try: what is thrown in it is thrown in the block of a label. */
void code_end_with_delegate(compiler *c)
{
    uint32_t depth = wasm_u32(c->r);
    control *of = top(c);
    if (of->block != TRY) {
        wasm_fail(c->r, "delegate without try");
        return;
    }
    uint32_t own = of->own;
    const control *to = code_label(c, depth < c->depth ? depth + 1 : depth);
    if (!c->r->failed)
        c->tries[own].outer = to->context;
}

void code_rethrow(compiler *c)
{
    const control *of = code_label(c, wasm_u32(c->r));
    if (of->block != CATCH && of->block != CATCH_ALL)
        wasm_fail(c->r, "rethrow of a label that is no catch");
    if (c->r->failed)
        return;
    code_emit(c, word(OP_THROW_REF, 0, code_own_slot(c, of->base), 0));
    code_set_unreachable(c);
}

/* try_table: its clauses lead to labels outside of it. Their code comes after its own. */
void code_begin_try_table(compiler *c)
{
    control of = code_block_type(c);
    if (c->r->failed)
        return;
    code_settle_upper(c, c->height);
    code_pop_types(c, of.params, of.param_count);
    of.own = of.context = open_try(c);
    of.begin = c->label_count;
    uint32_t count = wasm_count(c->r, 65536, "clauses");
    for (uint32_t i = 0; i < count && !c->r->failed; i++) {
        uint8_t kind = wasm_byte(c->r);
        if (kind > 3)
            wasm_fail(c->r, "unknown kind of clause %u", kind);
        uint32_t tag = kind < 2 ? wasm_u32(c->r) : NO_INDEX, depth = wasm_u32(c->r);
        const wasm_type *type = tag == NO_INDEX ? NULL : code_tag_at(c, tag);
        const control *to = code_label(c, depth);
        uint32_t values = type ? type->params : 0, all = values + (kind & 1);
        if (c->r->failed)
            return;
        if (code_label_arity(to) != all || (values && memcmp(code_label_types(to), type->types, values) != 0) ||
            ((kind & 1) && code_label_types(to)[values] != EXNREF))
            wasm_fail(c->r, "a clause and its label have different types");
        if (c->label_count == c->label_room &&
            !code_grow_array(c, (void **)&c->clause_labels, &c->label_room, sizeof(uint32_t)))
            return;
        c->clause_labels[c->label_count++] = depth;
        uint32_t payload = code_own_slot(c, c->height);
        add_clause(c, of.own, (wasm_clause){ tag, 0, (uint16_t)payload,
                                             (uint16_t)(kind & 1 ? code_own_slot(c, c->height + values) : NO_SLOT) });
    }
    if (c->r->failed)
        return;
    uint32_t labels = of.begin;
    code_open_block(c, TRY_TABLE, of);
    if (c->r->failed)
        return;
    top(c)->begin = labels;
    code_bind_here(c);
    code_push_types(c, of.params, of.param_count);
}

void code_end_try_table(compiler *c)
{
    control *of = top(c);
    wasm_try *own = &c->tries[of->own];
    own->end = c->length;
    uint32_t labels = of->begin;
    if (!dead(c)) { /* around the clauses */
        code_emit(c, word_high(OP_JUMP, 0, 0));
        code_lead(c, c->length - 1, of);
    }
    c->depth--; /* labels are those outside */
    for (uint32_t i = 0; i < own->clause_count && !dead(c) && !c->r->failed; i++) {
        control *to = code_label(c, c->clause_labels[labels + i]);
        code_bind_here(c);
        own->clauses[i].target = c->length;
        uint32_t height = c->height;
        code_push_types(c, code_label_types(to), code_label_arity(to));
        code_emit_branch(c, to);
        c->height = height;
    }
    c->depth++;
    c->label_count = labels;
}
