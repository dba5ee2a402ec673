/* Bodies of functions: validated as https://webassembly.github.io/spec/core/appendix/algorithm.html says, and translated
 * in the same pass.
 *
 * The code has registers: the operand at height n of the stack belongs to slot `locals + n` of the frame. Reading a local
 * or a constant makes no code; the operand then only says where it is, until somebody needs it in its own slot. Calls,
 * and labels that several ways lead to, need all of theirs there.
 */
#include <stdlib.h>
#include <string.h>
#include "wasm.h"
#include "wasm_code.h"

enum place { OWN_SLOT, IN_LOCAL, CONSTANT };
enum block { BLOCK, LOOP, IF, ELSE, FUNCTION, TRY, CATCH, CATCH_ALL, TRY_TABLE };

typedef struct {
    uint8_t type;
    uint8_t place;
    uint16_t local;
    uint64_t value;
} operand;

typedef struct {
    uint8_t block;
    bool never;       /* the whole block cannot be reached */
    bool unreachable; /* what follows in it cannot */
    uint16_t param_count, result_count;
    const uint8_t *params, *results;
    uint32_t height;  /* of the operands below it: they cannot be popped */
    uint32_t base;    /* where its results go: below an exception that is kept there, if one is */
    uint32_t context; /* the try that catches what is thrown in it, or NO_INDEX */
    uint32_t own;     /* of a try: itself */
    uint32_t begin;   /* of a loop, in the code */
    uint32_t pending; /* the last word that is to lead to its end; each has the one before. 0: none */
    uint32_t otherwise; /* of an if: the word that leads to its else */
    uint32_t stub, stub_serial;
} control;

typedef struct {
    wasm_reader *r;
    wasm_module *m;
    const wasm_type *type;
    uint8_t *locals;
    uint32_t local_count;
    operand *operands;
    uint32_t height, operand_room, highest, elsewhere; /* elsewhere: how many are not in their own slots */
    control *controls;
    uint32_t depth, control_room;
    uint64_t *code;
    uint32_t length, room;
    uint32_t last, last_end; /* the last operation with a result, if it is the last one at all */
    uint32_t serial;
    wasm_try *tries;
    uint32_t try_count, try_room;
    uint32_t *clause_labels; /* of the try_tables that are open: where each clause leads */
    uint32_t label_count, label_room;
    uint8_t single[7]; /* one value type each, for blocks with one result */
} compiler;

static bool grow_array(compiler *c, void **array, uint32_t *room, size_t size)
{
    uint32_t wanted = *room ? *room * 2 : 32;
    void *larger = c->r->failed ? NULL : realloc(*array, wanted * size);
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

static inline control *top(compiler *c)
{
    return &c->controls[c->depth - 1];
}

static inline bool dead(compiler *c)
{
    return top(c)->never || top(c)->unreachable;
}

/* Code. */

static inline uint64_t word(uint32_t op, uint32_t d, uint32_t a, uint32_t b)
{
    return op | (uint64_t)d << 16 | (uint64_t)a << 32 | (uint64_t)(uint16_t)b << 48;
}

static inline uint64_t word_high(uint32_t op, uint32_t d, uint32_t high)
{
    return op | (uint64_t)d << 16 | (uint64_t)high << 32;
}

static void emit(compiler *c, uint64_t code)
{
    if (dead(c) || (c->length == c->room && !grow_array(c, (void **)&c->code, &c->room, sizeof(*c->code))))
        return;
    c->code[c->length++] = code;
}

/* An operation whose result, in D, may go elsewhere if that is all that is done with it. */
static void emit_result(compiler *c, uint64_t code)
{
    c->last = c->length;
    emit(c, code);
    c->last_end = c->length;
}

static bool last_is_open(compiler *c)
{
    return c->last_end == c->length && c->last < c->length;
}

/* Somebody jumps here. */
static void bind_here(compiler *c)
{
    c->last_end = NO_INDEX;
}

static uint32_t own_slot(compiler *c, uint32_t position)
{
    uint32_t slot = c->local_count + position;
    if (slot >= MAX_SLOTS)
        wasm_fail(c->r, "a function has more than %u locals and operands", MAX_SLOTS);
    return slot & 0xffff;
}

static void emit_constant(compiler *c, uint32_t slot, uint64_t value)
{
    if (value <= 0xffffffff) {
        emit_result(c, word_high(OP_CONST32, slot, (uint32_t)value));
    } else {
        c->last = c->length;
        emit(c, word(OP_CONST64, slot, 0, 0));
        emit(c, value);
        c->last_end = c->length;
    }
}

static void move_operand(compiler *c, const operand *from, uint32_t position, uint32_t slot)
{
    if (from->place == CONSTANT)
        emit_constant(c, slot, from->value);
    else if (from->place == IN_LOCAL || own_slot(c, position) != slot)
        emit(c, word(OP_MOVE, slot, from->place == IN_LOCAL ? from->local : own_slot(c, position), 0));
}

/* Operands. */

static void put(compiler *c, operand value)
{
    if (c->height == c->operand_room && !grow_array(c, (void **)&c->operands, &c->operand_room, sizeof(operand)))
        return;
    c->elsewhere += value.place != OWN_SLOT;
    c->operands[c->height++] = value;
    if (c->height > c->highest)
        c->highest = c->height;
}

/* A result of the next operation; the slot that it is to go to. */
static uint32_t push(compiler *c, uint8_t type)
{
    uint32_t slot = own_slot(c, c->height);
    put(c, (operand){ .type = type, .place = OWN_SLOT });
    return slot;
}

static void push_types(compiler *c, const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        push(c, types[i]);
}

static operand pop(compiler *c, uint8_t wanted)
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
        wasm_fail(c->r, "an operand of type %s was expected, not %s", wasm_type_name(wanted), wasm_type_name(found.type));
    return found;
}

static void pop_types(compiler *c, const uint8_t *types, uint32_t count)
{
    while (count)
        pop(c, types[--count]);
}

/* The slot where a popped operand, once at `position`, can be read. */
static uint32_t readable(compiler *c, const operand *value, uint32_t position)
{
    if (value->place == IN_LOCAL)
        return value->local;
    uint32_t slot = own_slot(c, position);
    if (value->place == CONSTANT)
        emit_constant(c, slot, value->value);
    return slot;
}

/* Pops an operand that the next operation reads from the slot. */
static uint32_t pop_slot(compiler *c, uint8_t wanted)
{
    operand value = pop(c, wanted);
    return readable(c, &value, c->height);
}

static void settle(compiler *c, uint32_t position)
{
    operand *o = &c->operands[position];
    if (o->place == OWN_SLOT)
        return;
    move_operand(c, o, position, own_slot(c, position));
    o->place = OWN_SLOT;
    c->elsewhere--;
}

/* Puts the upper operands, or as many as there are, into their own slots. */
static void settle_upper(compiler *c, uint32_t count)
{
    for (uint32_t i = c->height > count ? c->height - count : 0; i < c->height && c->elsewhere; i++)
        settle(c, i);
}

/* Pops operands that the next operation reads side by side; the slot of the first. */
static uint32_t pop_row(compiler *c, const uint8_t *types, uint32_t count)
{
    settle_upper(c, count);
    pop_types(c, types, count);
    return own_slot(c, c->height);
}

/* A local gets another value: operands that are still to be read from it are put into their own slots. */
static void save_readers(compiler *c, uint32_t local)
{
    for (uint32_t i = 0; i < c->height && c->elsewhere; i++)
        if (c->operands[i].place == IN_LOCAL && c->operands[i].local == local)
            settle(c, i);
}

/* Blocks and branches. */

static void open_block(compiler *c, enum block block, control of)
{
    if (c->depth == c->control_room && !grow_array(c, (void **)&c->controls, &c->control_room, sizeof(control)))
        return;
    of.block = block;
    of.never = c->depth && dead(c);
    of.height = of.base = c->height;
    if (block != TRY && block != TRY_TABLE)
        of.context = c->depth ? top(c)->context : NO_INDEX;
    of.begin = c->length;
    c->controls[c->depth++] = of;
    if (block == LOOP)
        bind_here(c);
}

static void set_unreachable(compiler *c)
{
    while (c->height > top(c)->height) {
        c->height--;
        c->elsewhere -= c->operands[c->height].place != OWN_SLOT;
    }
    top(c)->unreachable = true;
}

static control *label(compiler *c, uint32_t depth)
{
    if (depth < c->depth)
        return &c->controls[c->depth - 1 - depth];
    wasm_fail(c->r, "there are only %u labels", (unsigned)c->depth);
    return &c->controls[0];
}

static uint32_t label_arity(const control *to)
{
    return to->block == LOOP ? to->param_count : to->result_count;
}

static const uint8_t *label_types(const control *to)
{
    return to->block == LOOP ? to->params : to->results;
}

/* Makes the word at `at`, whose H is free, lead to a label. */
static void lead(compiler *c, uint32_t at, control *to)
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
    bind_here(c);
}

/* Whether the values for a label are where it wants them. */
static bool in_place(compiler *c, const control *to)
{
    uint32_t arity = label_arity(to);
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
    uint32_t arity = label_arity(to);
    if (dead(c) || c->r->failed)
        return;
    for (uint32_t i = 0, from = c->height - arity; i < arity; i++, from++)
        move_operand(c, &c->operands[from], from, own_slot(c, to->base + i));
}

static void emit_return(compiler *c)
{
    uint32_t count = c->type->results;
    if (dead(c) || c->r->failed)
        return;
    if (count == 0) {
        emit(c, word(OP_RETURN, 0, 0, 0));
    } else if (count == 1) {
        uint32_t slot = readable(c, &c->operands[c->height - 1], c->height - 1);
        emit(c, word(OP_RETURN_ONE, 0, slot, 0));
    } else {
        for (uint32_t i = c->height - count; i < c->height; i++)
            move_operand(c, &c->operands[i], i, own_slot(c, i));
        emit(c, word(OP_RETURN_MANY, count, own_slot(c, c->height - count), 0));
    }
}

static void emit_branch(compiler *c, control *to)
{
    if (to->block == FUNCTION) {
        emit_return(c);
        return;
    }
    emit_moves(c, to);
    emit(c, word_high(OP_JUMP, 0, 0));
    lead(c, c->length - 1, to);
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
    if (condition->place == OWN_SLOT && last_is_open(c) && !dead(c) && !c->r->failed) {
        uint64_t last = c->code[c->last];
        uint32_t op = last & 0xffff, plain = op & 0xff;
        bool compares = (plain >= 0x46 && plain <= 0x4f) || (plain >= 0x51 && plain <= 0x5a);
        if (compares && op < BRANCH_IF && c->last_end == c->last + 1 && (last >> 16 & 0xffff) == own_slot(c, c->height)) {
            uint32_t branch = (op >= WITH_NUMBER ? BRANCH_IF_NUMBER : BRANCH_IF) + (holds ? plain : opposite(plain));
            c->code[c->last] = (last & 0xffffffff00000000) | branch;
            emit(c, 0);
            bind_here(c);
            return c->length - 1;
        }
    }
    uint32_t slot = readable(c, condition, c->height);
    emit(c, word_high(holds ? OP_JUMP_IF : OP_JUMP_UNLESS, slot, 0));
    return c->length - 1;
}

static void branch_if(compiler *c, control *to)
{
    operand condition = pop(c, I32);
    uint32_t arity = label_arity(to);
    /* They stay, with the label's types: unreachable code may not have had any. */
    if (dead(c)) {
        pop_types(c, label_types(to), arity);
        push_types(c, label_types(to), arity);
        return;
    }
    if (c->height - top(c)->height < arity)
        wasm_fail(c->r, "operands for a label are missing");
    for (uint32_t i = 0; i < arity && !c->r->failed; i++) {
        uint8_t type = c->operands[c->height - arity + i].type;
        if (type != label_types(to)[i])
            wasm_fail(c->r, "an operand of type %s was expected", wasm_type_name(label_types(to)[i]));
    }
    if (c->r->failed)
        return;
    if (to->block != FUNCTION && in_place(c, to)) {
        uint32_t at = emit_condition(c, &condition, true);
        lead(c, at, to);
        return;
    }
    uint32_t at = emit_condition(c, &condition, false);
    emit_branch(c, to);
    if (!c->r->failed)
        c->code[at] = (c->code[at] & 0xffffffff) | (uint64_t)c->length << 32;
    bind_here(c);
}

static void branch_table(compiler *c)
{
    uint32_t count = wasm_count(c->r, 65536, "targets");
    uint32_t *depths = wasm_allocate(c->r, count + 1, sizeof(*depths));
    for (uint32_t i = 0; depths && i <= count; i++)
        depths[i] = wasm_u32(c->r);
    if (!c->r->failed) {
        uint32_t slot = pop_slot(c, I32), arity = label_arity(label(c, depths[count]));
        bool was_dead = dead(c);
        for (uint32_t i = 0; i <= count && !c->r->failed; i++) {
            const control *to = label(c, depths[i]);
            if (label_arity(to) != arity) {
                wasm_fail(c->r, "labels of a table want different numbers of operands");
                break;
            }
            /* Each label's types are checked against the operands, which stay. */
            const uint8_t *types = label_types(to);
            for (uint32_t k = 0; k < arity; k++) {
                bool there = c->height - top(c)->height >= arity - k;
                uint8_t type = there ? c->operands[c->height - (arity - k)].type : ANY;
                if ((!there && !top(c)->unreachable) || (type != ANY && type != types[k]))
                    wasm_fail(c->r, "an operand of type %s was expected", wasm_type_name(types[k]));
            }
        }
        if (!was_dead && !c->r->failed) {
            emit(c, word_high(OP_JUMP_TABLE, slot, count));
            uint32_t first = c->length;
            for (uint32_t i = 0; i <= count; i++)
                emit(c, 0);
            c->serial++;
            for (uint32_t i = 0; i <= count && !c->r->failed; i++) {
                control *to = label(c, depths[i]);
                if (to->block != FUNCTION && in_place(c, to)) {
                    lead(c, first + i, to);
                    continue;
                }
                if (to->stub_serial != c->serial) { /* several may need the same moves */
                    to->stub_serial = c->serial;
                    to->stub = c->length;
                    emit_branch(c, to);
                }
                if (!c->r->failed)
                    c->code[first + i] = (uint64_t)to->stub << 32;
            }
        }
    }
    free(depths);
    if (!c->r->failed)
        set_unreachable(c);
}

static control block_type(compiler *c)
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

static void begin_block(compiler *c, enum block block)
{
    control of = block_type(c);
    if (c->r->failed)
        return;
    if (block == IF) {
        operand condition = pop(c, I32);
        /* Operands below go to their slots first, which the comparison, if it is the last operation, does not read. */
        uint64_t comparison = 0;
        bool open = !c->r->failed && condition.place == OWN_SLOT && last_is_open(c) && !dead(c) && c->elsewhere &&
                    c->last_end == c->last + 1 && (c->code[c->last] >> 16 & 0xffff) == own_slot(c, c->height) &&
                    (c->code[c->last] & 0xff) >= 0x46 && (c->code[c->last] & 0xff) <= 0x5a;
        if (open) {
            comparison = c->code[c->last];
            c->length = c->last;
        }
        settle_upper(c, c->height);
        if (open)
            emit_result(c, comparison);
        of.otherwise = emit_condition(c, &condition, false);
        if (dead(c))
            of.otherwise = 0;
    } else {
        settle_upper(c, c->height);
    }
    pop_types(c, of.params, of.param_count);
    if (c->r->failed)
        return;
    open_block(c, block, of);
    push_types(c, of.params, of.param_count);
}

/* The operands at the end of a block are its results. */
static void check_results(compiler *c)
{
    control *of = top(c);
    uint32_t height = c->height;
    if (!of->unreachable && height - of->height != of->result_count)
        wasm_fail(c->r, "a block ends with %u operands, not %u", (unsigned)(height - of->height), of->result_count);
    if (!c->r->failed && of->base != of->height && !dead(c))
        emit_moves(c, of);
    else if (!c->r->failed && of->block != FUNCTION)
        settle_upper(c, of->result_count);
    if (of->block == FUNCTION && !c->r->failed && !dead(c)) {
        for (uint32_t i = 0; i < of->result_count; i++)
            if (c->operands[of->height + i].type != of->results[i])
                wasm_fail(c->r, "a result of type %s was expected", wasm_type_name(of->results[i]));
        if (!c->r->failed)
            emit_return(c);
    }
    pop_types(c, of->results, of->result_count);
    if (!c->r->failed && c->height != of->height)
        wasm_fail(c->r, "operands are left at the end of a block");
}

static void begin_else(compiler *c)
{
    control *of = top(c);
    if (of->block != IF) {
        wasm_fail(c->r, "else without if");
        return;
    }
    check_results(c);
    if (c->r->failed)
        return;
    if (!dead(c)) {
        emit(c, word_high(OP_JUMP, 0, 0));
        lead(c, c->length - 1, of);
    }
    of->block = ELSE;
    of->unreachable = false;
    bind_words(c, of->otherwise);
    of->otherwise = 0;
    push_types(c, of->params, of->param_count);
}

/* Exceptions. */

static const wasm_type *tag_at(compiler *c, uint32_t index)
{
    static const wasm_type none;
    if (index < c->m->counts[KIND_TAG])
        return c->m->items[KIND_TAG][index].function;
    wasm_fail(c->r, "tag %u does not exist", (unsigned)index);
    return &none;
}

static uint32_t open_try(compiler *c)
{
    if (c->try_count == c->try_room && !grow_array(c, (void **)&c->tries, &c->try_room, sizeof(wasm_try)))
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

static void begin_try(compiler *c)
{
    control of = block_type(c);
    if (c->r->failed)
        return;
    settle_upper(c, c->height);
    pop_types(c, of.params, of.param_count);
    of.own = of.context = open_try(c);
    if (c->r->failed)
        return;
    open_block(c, TRY, of);
    bind_here(c);
    push_types(c, of.params, of.param_count);
}

/* catch and catch_all: the exception is kept below the operands of the clause, for rethrow. */
static void begin_catch(compiler *c, uint32_t tag)
{
    control *of = top(c);
    if (of->block != TRY && of->block != CATCH) {
        wasm_fail(c->r, "catch without try");
        return;
    }
    check_results(c);
    if (c->r->failed)
        return;
    if (!dead(c)) {
        emit(c, word_high(OP_JUMP, 0, 0));
        lead(c, c->length - 1, of);
    }
    if (of->block == TRY)
        c->tries[of->own].end = c->length;
    of->block = tag == NO_INDEX ? CATCH_ALL : CATCH;
    of->unreachable = false;
    of->context = c->tries[of->own].outer;
    bind_here(c);
    c->height = of->base;
    of->height = of->base + 1;
    uint32_t kept = push(c, EXNREF);
    wasm_clause clause = { tag, c->length, (uint16_t)own_slot(c, c->height), (uint16_t)kept };
    if (tag != NO_INDEX) {
        const wasm_type *type = tag_at(c, tag);
        push_types(c, type->types, type->params);
    }
    if (!of->never)
        add_clause(c, of->own, clause);
}

/* delegate ends a try: what is thrown in it is thrown in the block of a label. */
static void end_with_delegate(compiler *c)
{
    uint32_t depth = wasm_u32(c->r);
    control *of = top(c);
    if (of->block != TRY) {
        wasm_fail(c->r, "delegate without try");
        return;
    }
    uint32_t own = of->own;
    const control *to = label(c, depth < c->depth ? depth + 1 : depth);
    if (!c->r->failed)
        c->tries[own].outer = to->context;
}

static void rethrow(compiler *c)
{
    const control *of = label(c, wasm_u32(c->r));
    if (of->block != CATCH && of->block != CATCH_ALL)
        wasm_fail(c->r, "rethrow of a label that is no catch");
    if (c->r->failed)
        return;
    emit(c, word(OP_THROW_REF, 0, own_slot(c, of->base), 0));
    set_unreachable(c);
}

/* try_table: its clauses lead to labels outside of it. Their code comes after its own. */
static void begin_try_table(compiler *c)
{
    control of = block_type(c);
    if (c->r->failed)
        return;
    settle_upper(c, c->height);
    pop_types(c, of.params, of.param_count);
    of.own = of.context = open_try(c);
    of.begin = c->label_count;
    uint32_t count = wasm_count(c->r, 65536, "clauses");
    for (uint32_t i = 0; i < count && !c->r->failed; i++) {
        uint8_t kind = wasm_byte(c->r);
        if (kind > 3)
            wasm_fail(c->r, "unknown kind of clause %u", kind);
        uint32_t tag = kind < 2 ? wasm_u32(c->r) : NO_INDEX, depth = wasm_u32(c->r);
        const wasm_type *type = tag == NO_INDEX ? NULL : tag_at(c, tag);
        const control *to = label(c, depth);
        uint32_t values = type ? type->params : 0, all = values + (kind & 1);
        if (c->r->failed)
            return;
        if (label_arity(to) != all || (values && memcmp(label_types(to), type->types, values) != 0) ||
            ((kind & 1) && label_types(to)[values] != EXNREF))
            wasm_fail(c->r, "a clause and its label have different types");
        if (c->label_count == c->label_room &&
            !grow_array(c, (void **)&c->clause_labels, &c->label_room, sizeof(uint32_t)))
            return;
        c->clause_labels[c->label_count++] = depth;
        uint32_t payload = own_slot(c, c->height);
        add_clause(c, of.own, (wasm_clause){ tag, 0, (uint16_t)payload,
                                             (uint16_t)(kind & 1 ? own_slot(c, c->height + values) : NO_SLOT) });
    }
    if (c->r->failed)
        return;
    uint32_t labels = of.begin;
    open_block(c, TRY_TABLE, of);
    if (c->r->failed)
        return;
    top(c)->begin = labels;
    bind_here(c);
    push_types(c, of.params, of.param_count);
}

static void end_try_table(compiler *c)
{
    control *of = top(c);
    wasm_try *own = &c->tries[of->own];
    own->end = c->length;
    uint32_t labels = of->begin;
    if (!dead(c)) { /* around the clauses */
        emit(c, word_high(OP_JUMP, 0, 0));
        lead(c, c->length - 1, of);
    }
    c->depth--; /* labels are those outside */
    for (uint32_t i = 0; i < own->clause_count && !dead(c) && !c->r->failed; i++) {
        control *to = label(c, c->clause_labels[labels + i]);
        bind_here(c);
        own->clauses[i].target = c->length;
        uint32_t height = c->height;
        push_types(c, label_types(to), label_arity(to));
        emit_branch(c, to);
        c->height = height;
    }
    c->depth++;
    c->label_count = labels;
}

static void end_block(compiler *c)
{
    control *of = top(c);
    if (of->block == IF && (of->param_count != of->result_count || memcmp(of->params, of->results, of->param_count) != 0)) {
        wasm_fail(c->r, "an if without else must leave what it takes");
        return;
    }
    check_results(c);
    if (c->r->failed)
        return;
    if (of->block == TRY) /* without clauses: the exception passes */
        c->tries[of->own].end = c->length;
    if (of->block == TRY_TABLE)
        end_try_table(c);
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
        push_types(c, closed.results, closed.result_count);
}

/* Variables. */

static void set_local(compiler *c, uint32_t local, bool keep)
{
    if (local >= c->local_count) {
        wasm_fail(c->r, "local %u does not exist", (unsigned)local);
        return;
    }
    uint8_t type = c->locals[local];
    operand value = pop(c, type);
    uint32_t position = c->height;
    if (c->r->failed)
        return;
    save_readers(c, local);
    if (value.place == OWN_SLOT && last_is_open(c) && !dead(c) &&
        (c->code[c->last] >> 16 & 0xffff) == own_slot(c, position))
        c->code[c->last] = (c->code[c->last] & ~(uint64_t)0xffff0000) | (uint64_t)local << 16;
    else if (!(value.place == IN_LOCAL && value.local == local))
        move_operand(c, &value, position, local);
    c->last_end = NO_INDEX; /* the slot is a local now, and must stay what it is */
    if (!keep)
        return;
    value.type = type;
    if (value.place != CONSTANT) {
        value.place = IN_LOCAL;
        value.local = (uint16_t)local;
    }
    put(c, value);
}

static void get_local(compiler *c, uint32_t local)
{
    if (local >= c->local_count)
        wasm_fail(c->r, "local %u does not exist", (unsigned)local);
    else
        put(c, (operand){ .type = c->locals[local], .place = IN_LOCAL, .local = (uint16_t)local });
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
        emit_result(c, word_high(reference ? OP_GLOBAL_GET_REF : OP_GLOBAL_GET, push(c, what->type), index));
        return;
    }
    if (!what->mutable)
        wasm_fail(c->r, "global %u is not mutable", (unsigned)index);
    emit(c, word_high(reference ? OP_GLOBAL_SET_REF : OP_GLOBAL_SET, pop_slot(c, what->type), index));
}

/* Numbers. */

static void constant(compiler *c, uint8_t type, uint64_t value)
{
    put(c, (operand){ .type = type, .place = CONSTANT, .value = value });
}

static void unary(compiler *c, uint32_t op, uint8_t from, uint8_t to)
{
    uint32_t a = pop_slot(c, from);
    emit_result(c, word(op, push(c, to), a, 0));
}

/* Whether the operation has a form with a number: integer operations that cannot trap. */
static bool takes_number(uint32_t op)
{
    return (op >= 0x46 && op <= 0x4f) || (op >= 0x51 && op <= 0x5a) || (op >= 0x6a && op <= 0x6c) ||
           (op >= 0x71 && op <= 0x78) || (op >= 0x7c && op <= 0x7e) || (op >= 0x83 && op <= 0x8a);
}

static bool commutes(uint32_t op)
{
    return op == 0x46 || op == 0x47 || op == 0x51 || op == 0x52 || op == 0x6a || op == 0x6c || op == 0x7c || op == 0x7e ||
           (op >= 0x71 && op <= 0x73) || (op >= 0x83 && op <= 0x85);
}

static bool is_small(const operand *o, uint8_t type)
{
    int64_t value = type == I32 ? (int32_t)o->value : (int64_t)o->value;
    return o->place == CONSTANT && value >= INT16_MIN && value <= INT16_MAX;
}

static void binary(compiler *c, uint32_t op, uint8_t type, uint8_t to)
{
    operand b = pop(c, type), a = pop(c, type);
    if (takes_number(op) && commutes(op) && is_small(&a, type) && b.place != CONSTANT) {
        uint32_t slot = readable(c, &b, c->height + 1);
        emit_result(c, word(op + WITH_NUMBER, push(c, to), slot, (uint32_t)a.value));
        return;
    }
    uint32_t slot = readable(c, &a, c->height);
    if (takes_number(op) && is_small(&b, type)) {
        emit_result(c, word(op + WITH_NUMBER, push(c, to), slot, (uint32_t)b.value));
        return;
    }
    uint32_t other = readable(c, &b, c->height + 1);
    emit_result(c, word(op, push(c, to), slot, other));
}

static void numeric(compiler *c, uint32_t op)
{
    if (op == 0x45 || op == 0x50) { /* eqz is a comparison with a number */
        uint32_t a = pop_slot(c, op == 0x45 ? I32 : I64);
        emit_result(c, word(op + 1 + WITH_NUMBER, push(c, I32), a, 0));
    } else if (op <= 0x4f) {
        binary(c, op, I32, I32);
    } else if (op <= 0x5a) {
        binary(c, op, I64, I32);
    } else if (op <= 0x60) {
        binary(c, op, F32, I32);
    } else if (op <= 0x66) {
        binary(c, op, F64, I32);
    } else if (op <= 0x69) {
        unary(c, op, I32, I32);
    } else if (op <= 0x78) {
        binary(c, op, I32, I32);
    } else if (op <= 0x7b) {
        unary(c, op, I64, I64);
    } else if (op <= 0x8a) {
        binary(c, op, I64, I64);
    } else if (op <= 0x91) {
        unary(c, op, F32, F32);
    } else if (op <= 0x98) {
        binary(c, op, F32, F32);
    } else if (op <= 0x9f) {
        unary(c, op, F64, F64);
    } else if (op <= 0xa6) {
        binary(c, op, F64, F64);
    } else {
        static const uint8_t conversions[][2] = {
            { I64, I32 }, { F32, I32 }, { F32, I32 }, { F64, I32 }, { F64, I32 }, { I32, I64 }, { I32, I64 }, { F32, I64 },
            { F32, I64 }, { F64, I64 }, { F64, I64 }, { I32, F32 }, { I32, F32 }, { I64, F32 }, { I64, F32 }, { F64, F32 },
            { I32, F64 }, { I32, F64 }, { I64, F64 }, { I64, F64 }, { F32, F64 }, { F32, I32 }, { F64, I64 }, { I32, F32 },
            { I64, F64 }, { I32, I32 }, { I32, I32 }, { I64, I64 }, { I64, I64 }, { I64, I64 },
        };
        const uint8_t *types = conversions[op - 0xa7];
        unary(c, op, types[0], types[1]);
    }
}

/* Memory. */

static void need_memory(compiler *c)
{
    if (!c->m->counts[KIND_MEMORY])
        wasm_fail(c->r, "there is no memory");
}

/* The alignment and offset of an access; the offset is in 16 bits in the code, or added before. */
static uint32_t memory_argument(compiler *c, uint32_t log_size)
{
    uint32_t alignment = wasm_u32(c->r), offset = wasm_u32(c->r);
    need_memory(c);
    if (alignment > log_size)
        wasm_fail(c->r, "an alignment is larger than natural");
    return offset;
}

static uint32_t address(compiler *c, uint32_t slot, uint32_t position, uint32_t *offset)
{
    if (*offset <= 0xffff)
        return slot;
    uint32_t sum = own_slot(c, position);
    emit(c, word(OP_ADDRESS, sum, slot, 0));
    emit(c, *offset);
    *offset = 0;
    return sum;
}

static void load(compiler *c, uint32_t op)
{
    static const uint8_t sizes[] = { 2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2 };
    static const uint8_t types[] = { I32, I64, F32, F64, I32, I32, I32, I32, I64, I64, I64, I64, I64, I64 };
    uint32_t offset = memory_argument(c, sizes[op - 0x28]), slot = pop_slot(c, I32);
    slot = address(c, slot, c->height, &offset);
    emit_result(c, word(op, push(c, types[op - 0x28]), slot, offset));
}

static void store(compiler *c, uint32_t op)
{
    static const uint8_t sizes[] = { 2, 3, 2, 3, 0, 1, 0, 1, 2 };
    static const uint8_t types[] = { I32, I64, F32, F64, I32, I32, I64, I64, I64 };
    uint32_t offset = memory_argument(c, sizes[op - 0x36]);
    operand value = pop(c, types[op - 0x36]), where = pop(c, I32);
    uint32_t slot = readable(c, &where, c->height);
    slot = address(c, slot, c->height, &offset);
    uint32_t source = readable(c, &value, c->height + 1);
    emit(c, word(op, source, slot, offset));
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
        unary(c, OP_SATURATE + op, from[op], op < 4 ? I32 : I64);
        break;
    case 8: /* memory.init */
        first = wasm_u32(c->r);
        zero_byte(c);
        need_memory(c);
        data_segment(c, first);
        slot = pop_row(c, three, 3);
        emit(c, word_high(OP_MEMORY_INIT, slot, first));
        break;
    case 9:
        first = wasm_u32(c->r);
        data_segment(c, first);
        emit(c, word_high(OP_DATA_DROP, 0, first));
        break;
    case 10:
        zero_byte(c);
        zero_byte(c);
        need_memory(c);
        slot = pop_row(c, three, 3);
        emit(c, word(OP_MEMORY_COPY, slot, 0, 0));
        break;
    case 11:
        zero_byte(c);
        need_memory(c);
        slot = pop_row(c, three, 3);
        emit(c, word(OP_MEMORY_FILL, slot, 0, 0));
        break;
    case 12: /* table.init */
        first = wasm_u32(c->r);
        second = wasm_u32(c->r);
        if (element_segment(c, first)->type != table(c, second)->type)
            wasm_fail(c->r, "a table of another type than its elements");
        slot = pop_row(c, three, 3);
        emit(c, word_high(OP_TABLE_INIT, slot, second));
        emit(c, first);
        break;
    case 13:
        first = wasm_u32(c->r);
        element_segment(c, first);
        emit(c, word_high(OP_ELEMENT_DROP, 0, first));
        break;
    case 14: /* table.copy */
        first = wasm_u32(c->r);
        second = wasm_u32(c->r);
        if (table(c, first)->type != table(c, second)->type)
            wasm_fail(c->r, "tables of different types");
        slot = pop_row(c, three, 3);
        emit(c, word_high(OP_TABLE_COPY, slot, first));
        emit(c, second);
        break;
    case 15: /* table.grow */
        first = wasm_u32(c->r);
        row[0] = table(c, first)->type;
        slot = pop_row(c, row, 2);
        emit(c, word_high(OP_TABLE_GROW, slot, first));
        push(c, I32);
        break;
    case 16:
        first = wasm_u32(c->r);
        table(c, first);
        emit_result(c, word_high(OP_TABLE_SIZE, push(c, I32), first));
        break;
    case 17: /* table.fill */
        first = wasm_u32(c->r);
        row[1] = table(c, first)->type;
        slot = pop_row(c, row, 3);
        emit(c, word_high(OP_TABLE_FILL, slot, first));
        break;
    default: wasm_fail(c->r, "unknown instruction 0xfc %u", (unsigned)op);
    }
}

static void select_one(compiler *c, uint8_t type)
{
    operand condition = pop(c, I32), b = pop(c, type), a = pop(c, type);
    if (type == ANY) {
        if (wasm_is_reference(a.type) || wasm_is_reference(b.type) || (a.type != b.type && a.type != ANY && b.type != ANY))
            wasm_fail(c->r, "select between %s and %s", wasm_type_name(a.type), wasm_type_name(b.type));
        type = a.type == ANY ? b.type : a.type;
    }
    uint32_t first = readable(c, &a, c->height), second = readable(c, &b, c->height + 1);
    uint32_t third = readable(c, &condition, c->height + 2);
    emit(c, word(OP_SELECT, push(c, type), first, second));
    emit(c, third);
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
    uint32_t slot = pop_row(c, type->types, type->params);
    emit(c, word_high(is_tail ? OP_RETURN_CALL : OP_CALL, slot, index));
    push_types(c, type->types + type->params, type->results);
    if (is_tail && !c->r->failed) {
        if (type->results != c->type->results ||
            memcmp(type->types + type->params, c->type->types + c->type->params, type->results) != 0)
            wasm_fail(c->r, "a tail call of a function with other results");
        set_unreachable(c);
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
    uint32_t element = pop_slot(c, I32);
    uint32_t slot = pop_row(c, type->types, type->params);
    emit(c, word(is_tail ? OP_RETURN_CALL_INDIRECT : OP_CALL_INDIRECT, slot, element, 0));
    emit(c, index | (uint64_t)of << 32);
    push_types(c, type->types + type->params, type->results);
    if (is_tail && !c->r->failed) {
        if (type->results != c->type->results ||
            memcmp(type->types + type->params, c->type->types + c->type->params, type->results) != 0)
            wasm_fail(c->r, "a tail call of a function with other results");
        set_unreachable(c);
    }
}

static void instruction(compiler *c)
{
    wasm_reader *r = c->r;
    uint32_t op = wasm_byte(r), index;
    control *to;
    if (op >= 0x28 && op <= 0x35) {
        load(c, op);
        return;
    }
    if (op >= 0x36 && op <= 0x3e) {
        store(c, op);
        return;
    }
    if (op >= 0x45 && op <= 0xc4) {
        numeric(c, op);
        return;
    }
    switch (op) {
    case 0x00:
        emit(c, word(OP_UNREACHABLE, 0, 0, 0));
        set_unreachable(c);
        break;
    case 0x01: break;
    case 0x02: begin_block(c, BLOCK); break;
    case 0x03: begin_block(c, LOOP); break;
    case 0x04: begin_block(c, IF); break;
    case 0x05: begin_else(c); break;
    case 0x06: begin_try(c); break;
    case 0x07: begin_catch(c, wasm_u32(r)); break;
    case 0x08: {
        index = wasm_u32(r);
        const wasm_type *type = tag_at(c, index);
        uint32_t slot = pop_row(c, type->types, type->params);
        emit(c, word_high(OP_THROW, slot, index));
        set_unreachable(c);
        break;
    }
    case 0x09: rethrow(c); break;
    case 0x0a:
        emit(c, word(OP_THROW_REF, 0, pop_slot(c, EXNREF), 0));
        set_unreachable(c);
        break;
    case 0x0b: end_block(c); break;
    case 0x18:
        end_with_delegate(c);
        end_block(c);
        break;
    case 0x19: begin_catch(c, NO_INDEX); break;
    case 0x1f: begin_try_table(c); break;
    case 0x0c:
        to = label(c, wasm_u32(r));
        /* The operands are checked before they are moved; popping leaves them where they are. */
        if (!top(c)->unreachable && c->height - top(c)->height < label_arity(to))
            wasm_fail(r, "operands for a label are missing");
        if (!r->failed) {
            emit_branch(c, to);
            pop_types(c, label_types(to), label_arity(to));
            set_unreachable(c);
        }
        break;
    case 0x0d:
        to = label(c, wasm_u32(r));
        if (!r->failed)
            branch_if(c, to);
        break;
    case 0x0e: branch_table(c); break;
    case 0x0f:
        if (!top(c)->unreachable && c->height - top(c)->height < c->type->results)
            wasm_fail(r, "results are missing");
        if (!r->failed) {
            emit_return(c);
            pop_types(c, c->type->types + c->type->params, c->type->results);
            set_unreachable(c);
        }
        break;
    case 0x10: call(c, false); break;
    case 0x11: call_indirect(c, false); break;
    case 0x12: call(c, true); break;
    case 0x13: call_indirect(c, true); break;
    case 0x1a: pop(c, ANY); break;
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
        uint32_t slot = pop_row(c, three, 1);
        emit(c, word_high(OP_TABLE_GET, slot, index));
        push(c, type);
        break;
    }
    case 0x26: {
        index = wasm_u32(r);
        uint8_t row[] = { I32, table(c, index)->type };
        uint32_t slot = pop_row(c, row, 2);
        emit(c, word_high(OP_TABLE_SET, slot, index));
        break;
    }
    case 0x3f:
        zero_byte(c);
        need_memory(c);
        emit_result(c, word(OP_MEMORY_SIZE, push(c, I32), 0, 0));
        break;
    case 0x40: {
        zero_byte(c);
        need_memory(c);
        uint32_t slot = pop_slot(c, I32);
        emit_result(c, word(OP_MEMORY_GROW, push(c, I32), slot, 0));
        break;
    }
    case 0x41: constant(c, I32, (uint32_t)wasm_s32(r)); break;
    case 0x42: constant(c, I64, (uint64_t)wasm_s64(r)); break;
    case 0x43: constant(c, F32, wasm_fixed32(r)); break;
    case 0x44: constant(c, F64, wasm_fixed64(r)); break;
    case 0xd0: constant(c, wasm_heap_type(r), 0); break;
    case 0xd1: {
        operand value = pop(c, ANY);
        if (value.type != ANY && !wasm_is_reference(value.type))
            wasm_fail(r, "ref.is_null of a %s", wasm_type_name(value.type));
        uint32_t slot = readable(c, &value, c->height);
        emit_result(c, word(0x51 + WITH_NUMBER, push(c, I32), slot, 0));
        break;
    }
    case 0xd2:
        index = wasm_u32(r);
        if (index >= c->m->counts[KIND_FUNCTION] || !c->m->declared[index])
            wasm_fail(r, "ref.func of function %u, which is not declared", (unsigned)index);
        emit_result(c, word_high(OP_REF_FUNC, push(c, FUNCREF), index));
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
    compiler c = { .r = r, .m = m, .type = type, .last_end = NO_INDEX, .single = { I32, I64, F32, F64, FUNCREF, EXTERNREF, EXNREF } };
    if (read_locals(&c)) {
        open_block(&c, FUNCTION, (control){ .results = type->types + type->params, .result_count = type->results });
        /* Word 0 is no place to jump to, nor one that waits for a place: 0 ends the lists of those. */
        emit(&c, word(OP_MOVE, 0, 0, 0));
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
