/* The compiler's ground: code, and the operands that have not been used yet. */
#include <stdlib.h>
#include "wasm_compiler.h"

bool code_grow_array(compiler *c, void **array, uint32_t *room, size_t size)
{
    uint32_t wanted = *room ? *room * 2 : 32;
    bool too_large = wanted > ((size_t)1 << 30) / size;
    void *larger = c->r->failed || too_large ? NULL : realloc(*array, wanted * size);
    if (!larger) {
        if (!c->r->failed) {
            wasm_fail(c->r, "out of memory");
            c->r->exhausted = true;
        }
        return false;
    }
    *array = larger;
    *room = wanted;
    return true;
}

void code_emit(compiler *c, uint64_t code)
{
    if (dead(c) || (c->length == c->room && !code_grow_array(c, (void **)&c->code, &c->room, sizeof(*c->code))))
        return;
    c->code[c->length++] = code;
}

/* An operation whose result, in D, may go elsewhere if that is all that is done with it. */
void code_emit_result(compiler *c, uint64_t code)
{
    c->last = c->length;
    code_emit(c, code);
    c->last_end = c->length;
}

bool code_last_is_open(compiler *c)
{
    return c->last_end == c->length && c->last < c->length;
}

/* Somebody jumps here. */
void code_bind_here(compiler *c)
{
    c->last_end = NO_INDEX;
}

uint32_t code_own_slot(compiler *c, uint32_t position)
{
    uint32_t slot = c->local_count + position;
    if (slot >= MAX_SLOTS)
        wasm_fail(c->r, "a function has more than %u locals and operands", MAX_SLOTS);
    return slot & 0xffff;
}

static void emit_constant(compiler *c, uint32_t slot, uint64_t value)
{
    if (value <= 0xffffffff) {
        code_emit_result(c, word_high(OP_CONST32, slot, (uint32_t)value));
    } else {
        c->last = c->length;
        code_emit(c, word(OP_CONST64, slot, 0, 0));
        code_emit(c, value);
        c->last_end = c->length;
    }
}

void code_move_operand(compiler *c, const operand *from, uint32_t position, uint32_t slot)
{
    if (from->place == CONSTANT)
        emit_constant(c, slot, from->value);
    else if (from->place == IN_LOCAL || code_own_slot(c, position) != slot)
        code_emit(c, word(OP_MOVE, slot, from->place == IN_LOCAL ? from->local : code_own_slot(c, position), 0));
}

/* Operands. */

void code_put(compiler *c, operand value)
{
    if (c->height == c->operand_room && !code_grow_array(c, (void **)&c->operands, &c->operand_room, sizeof(operand)))
        return;
    c->elsewhere += value.place != OWN_SLOT;
    c->operands[c->height++] = value;
    if (c->height > c->highest)
        c->highest = c->height;
}

/* A result of the next operation; the slot that it is to go to. */
uint32_t code_push(compiler *c, uint8_t type)
{
    uint32_t slot = code_own_slot(c, c->height);
    code_put(c, (operand){ .type = type, .place = OWN_SLOT });
    return slot;
}

void code_push_types(compiler *c, const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        code_push(c, types[i]);
}

operand code_pop(compiler *c, uint8_t wanted)
{
    operand found = { .type = ANY, .place = OWN_SLOT };
    if (c->r->failed)
        return found;
    if (c->height == top(c)->height) {
        if (!top(c)->unreachable)
            wasm_fail(c->r, "an operand of type %s is missing", wasm_type_name(wanted));
        found.type = wanted;
        return found;
    }
    found = c->operands[--c->height];
    c->elsewhere -= found.place != OWN_SLOT;
    if (wanted != ANY && found.type != ANY && found.type != wanted)
        wasm_fail(c->r, "an operand of type %s was expected, not %s", wasm_type_name(wanted),
                  wasm_type_name(found.type));
    return found;
}

void code_pop_types(compiler *c, const uint8_t *types, uint32_t count)
{
    while (count)
        code_pop(c, types[--count]);
}

/* The slot where a popped operand, once at `position`, can be read. */
uint32_t code_readable(compiler *c, const operand *value, uint32_t position)
{
    if (value->place == IN_LOCAL)
        return value->local;
    uint32_t slot = code_own_slot(c, position);
    if (value->place == CONSTANT)
        emit_constant(c, slot, value->value);
    return slot;
}

/* Pops an operand that the next operation reads from the slot. */
uint32_t code_pop_slot(compiler *c, uint8_t wanted)
{
    operand value = code_pop(c, wanted);
    return code_readable(c, &value, c->height);
}

static void settle(compiler *c, uint32_t position)
{
    operand *o = &c->operands[position];
    if (o->place == OWN_SLOT)
        return;
    code_move_operand(c, o, position, code_own_slot(c, position));
    o->place = OWN_SLOT;
    c->elsewhere--;
}

/* Puts the upper operands, or as many as there are, into their own slots. */
void code_settle_upper(compiler *c, uint32_t count)
{
    for (uint32_t i = c->height > count ? c->height - count : 0; i < c->height && c->elsewhere; i++)
        settle(c, i);
}

/* Pops operands that the next operation reads side by side; the slot of the first. */
uint32_t code_pop_row(compiler *c, const uint8_t *types, uint32_t count)
{
    code_settle_upper(c, count);
    code_pop_types(c, types, count);
    return code_own_slot(c, c->height);
}

/* A local gets another value: operands that are still to be read from it are put into their own slots. */
void code_save_readers(compiler *c, uint32_t local)
{
    for (uint32_t i = 0; i < c->height && c->elsewhere; i++)
        if (c->operands[i].place == IN_LOCAL && c->operands[i].local == local)
            settle(c, i);
}
