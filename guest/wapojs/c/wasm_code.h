/* The interpreter's code: words of 64 bits.
 *
 *     bits 0-15   operation
 *     bits 16-31  D, a slot of the frame: mostly where the result goes
 *     bits 32-47  A, a slot
 *     bits 48-63  B, a slot or a signed number; or A and B are one number, H: an index, a place in the code, a constant
 *
 * Numeric operations, loads and stores have the numbers that they have in the binary format (0xfc00 + n are 0xd0 + n).
 * A slot holds 64 bits; those that a smaller value does not need are zero. A null reference is zero.
 */
#ifndef WASM_CODE_H
#define WASM_CODE_H

#include <stdint.h>

enum {
    OP_SATURATE = 0xd0, /* eight of them */
    WITH_NUMBER = 0x100,  /* B is a number: the integer operations of two operands that cannot trap */
    BRANCH_IF = 0x200,    /* on a comparison of A and B; the next word has H, where to */
    BRANCH_IF_NUMBER = 0x300,
    OP_MOVE = 1,
    OP_CONST32, /* H */
    OP_CONST64, /* the next word */
    OP_ADDRESS, /* D = A + the next word */
    OP_JUMP,    /* H */
    OP_JUMP_IF, /* D is not zero (32 bits): H */
    OP_JUMP_UNLESS,
    OP_JUMP_TABLE, /* D; H + 1 words follow, each with H: where to */
    OP_RETURN,     /* nothing */
    OP_RETURN_ONE, /* A */
    OP_RETURN_MANY, /* D of them, from A */
    OP_CALL,          /* D: the first argument. H: function */
    OP_CALL_INDIRECT, /* D: the first argument. A: the element. The next word: type, and table in H */
    OP_RETURN_CALL,
    OP_RETURN_CALL_INDIRECT,
    OP_SELECT, /* D = next word's slot ? A : B */
    OP_GLOBAL_GET, /* D, H */
    OP_GLOBAL_GET_REF,
    OP_GLOBAL_SET,
    OP_GLOBAL_SET_REF,
    OP_REF_FUNC,
    OP_TABLE_GET, /* D = table H, element D */
    OP_TABLE_SET, /* D: element, value. H: table */
    OP_TABLE_SIZE,
    OP_TABLE_GROW, /* D: value, number, and the result. H: table */
    OP_TABLE_FILL, /* D: element, value, number */
    OP_TABLE_COPY, /* D: to, from, number. H: to which; the next word: from which */
    OP_TABLE_INIT, /* D: to, from, number. H: table; the next word: segment */
    OP_ELEMENT_DROP,
    OP_MEMORY_SIZE,
    OP_MEMORY_GROW, /* D = grown by A */
    OP_MEMORY_COPY, /* D: to, from, number */
    OP_MEMORY_FILL,
    OP_MEMORY_INIT, /* H: segment */
    OP_DATA_DROP,
    OP_THROW_REF, /* A */
    OP_THROW,     /* D: the first value. H: tag */
    OP_UNREACHABLE, /* 0x27; loads begin at 0x28 */
};

#endif
