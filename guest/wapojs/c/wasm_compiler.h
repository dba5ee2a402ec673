/* Bodies of functions: validated as in https://webassembly.github.io/spec/core/appendix/algorithm.html and translated
 * in the same pass.
 *
 * The code has registers: the operand at height n of the stack belongs to slot `locals + n` of the frame. Reading a
 * local or a constant makes no code; the operand then only says where it is, until somebody needs it in its own slot. Calls,
 * and labels that several ways lead to, need all of theirs there.
 */
#ifndef WASM_COMPILER_H
#define WASM_COMPILER_H

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

static inline control *top(compiler *c)
{
    return &c->controls[c->depth - 1];
}

static inline bool dead(compiler *c)
{
    return top(c)->never || top(c)->unreachable;
}

static inline uint64_t word(uint32_t op, uint32_t d, uint32_t a, uint32_t b)
{
    return op | (uint64_t)d << 16 | (uint64_t)a << 32 | (uint64_t)(uint16_t)b << 48;
}

static inline uint64_t word_high(uint32_t op, uint32_t d, uint32_t high)
{
    return op | (uint64_t)d << 16 | (uint64_t)high << 32;
}

/* wasm_emit.c */
bool code_grow_array(compiler *c, void **array, uint32_t *room, size_t size);
void code_emit(compiler *c, uint64_t code);
/* An operation whose result, in D, may go elsewhere if that is all that is done with it. */
void code_emit_result(compiler *c, uint64_t code);
bool code_last_is_open(compiler *c);
/* Somebody jumps here. */
void code_bind_here(compiler *c);
uint32_t code_own_slot(compiler *c, uint32_t position);
void code_move_operand(compiler *c, const operand *from, uint32_t position, uint32_t slot);
void code_put(compiler *c, operand value);
/* A result of the next operation; the slot that it is to go to. */
uint32_t code_push(compiler *c, uint8_t type);
void code_push_types(compiler *c, const uint8_t *types, uint32_t count);
operand code_pop(compiler *c, uint8_t wanted);
void code_pop_types(compiler *c, const uint8_t *types, uint32_t count);
/* The slot where a popped operand, once at `position`, can be read. */
uint32_t code_readable(compiler *c, const operand *value, uint32_t position);
/* Pops an operand that the next operation reads from the slot. */
uint32_t code_pop_slot(compiler *c, uint8_t wanted);
/* Puts the upper operands, or as many as there are, into their own slots. */
void code_settle_upper(compiler *c, uint32_t count);
/* Pops operands that the next operation reads side by side; the slot of the first. */
uint32_t code_pop_row(compiler *c, const uint8_t *types, uint32_t count);
/* A local gets another value: operands that are still to be read from it are put into their own slots. */
void code_save_readers(compiler *c, uint32_t local);

/* wasm_blocks.c */
void code_open_block(compiler *c, enum block block, control of);
void code_set_unreachable(compiler *c);
control *code_label(compiler *c, uint32_t depth);
uint32_t code_label_arity(const control *to);
const uint8_t *code_label_types(const control *to);
/* Makes the word at `at`, whose H is free, lead to a label. */
void code_lead(compiler *c, uint32_t at, control *to);
void code_emit_return(compiler *c);
void code_emit_branch(compiler *c, control *to);
void code_branch_if(compiler *c, control *to);
void code_branch_table(compiler *c);
control code_block_type(compiler *c);
void code_begin_block(compiler *c, enum block block);
/* The operands at the end of a block are its results. */
void code_check_results(compiler *c);
void code_begin_else(compiler *c);
void code_end_block(compiler *c);

/* wasm_tries.c */
const wasm_type *code_tag_at(compiler *c, uint32_t index);
void code_begin_try(compiler *c);
/* catch and catch_all: the exception is kept below the operands of the clause, for rethrow. */
void code_begin_catch(compiler *c, uint32_t tag);
/* delegate ends a try: what is thrown in it is thrown in the block of a label. */
void code_end_with_delegate(compiler *c);
void code_rethrow(compiler *c);
/* try_table: its clauses lead to labels outside of it. Their code comes after its own. */
void code_begin_try_table(compiler *c);
void code_end_try_table(compiler *c);

/* wasm_numbers.c */
void code_constant(compiler *c, uint8_t type, uint64_t value);
void code_unary(compiler *c, uint32_t op, uint8_t from, uint8_t to);
void code_numeric(compiler *c, uint32_t op);
void code_need_memory(compiler *c);
void code_load(compiler *c, uint32_t op);
void code_store(compiler *c, uint32_t op);

#endif
