/* Numeric instructions, and loads and stores. */
#include "wasm_compiler.h"

void code_constant(compiler *c, uint8_t type, uint64_t value)
{
    code_put(c, (operand){ .type = type, .place = CONSTANT, .value = value });
}

void code_unary(compiler *c, uint32_t op, uint8_t from, uint8_t to)
{
    uint32_t a = code_pop_slot(c, from);
    code_emit_result(c, word(op, code_push(c, to), a, 0));
}

/* Whether the operation has a form with a number: integer operations that cannot trap. */
static bool takes_number(uint32_t op)
{
    return (op >= 0x46 && op <= 0x4f) || (op >= 0x51 && op <= 0x5a) || (op >= 0x6a && op <= 0x6c) ||
           (op >= 0x71 && op <= 0x78) || (op >= 0x7c && op <= 0x7e) || (op >= 0x83 && op <= 0x8a);
}

static bool commutes(uint32_t op)
{
    return op == 0x46 || op == 0x47 || op == 0x51 || op == 0x52 || op == 0x6a || op == 0x6c || op == 0x7c ||
           op == 0x7e || (op >= 0x71 && op <= 0x73) || (op >= 0x83 && op <= 0x85);
}

static bool is_small(const operand *o, uint8_t type)
{
    int64_t value = type == I32 ? (int32_t)o->value : (int64_t)o->value;
    return o->place == CONSTANT && value >= INT16_MIN && value <= INT16_MAX;
}

static void binary(compiler *c, uint32_t op, uint8_t type, uint8_t to)
{
    operand b = code_pop(c, type), a = code_pop(c, type);
    if (takes_number(op) && commutes(op) && is_small(&a, type) && b.place != CONSTANT) {
        uint32_t slot = code_readable(c, &b, c->height + 1);
        code_emit_result(c, word(op + WITH_NUMBER, code_push(c, to), slot, (uint32_t)a.value));
        return;
    }
    uint32_t slot = code_readable(c, &a, c->height);
    if (takes_number(op) && is_small(&b, type)) {
        code_emit_result(c, word(op + WITH_NUMBER, code_push(c, to), slot, (uint32_t)b.value));
        return;
    }
    uint32_t other = code_readable(c, &b, c->height + 1);
    code_emit_result(c, word(op, code_push(c, to), slot, other));
}

void code_numeric(compiler *c, uint32_t op)
{
    if (op == 0x45 || op == 0x50) { /* eqz is a comparison with a number */
        uint32_t a = code_pop_slot(c, op == 0x45 ? I32 : I64);
        code_emit_result(c, word(op + 1 + WITH_NUMBER, code_push(c, I32), a, 0));
    } else if (op <= 0x4f) {
        binary(c, op, I32, I32);
    } else if (op <= 0x5a) {
        binary(c, op, I64, I32);
    } else if (op <= 0x60) {
        binary(c, op, F32, I32);
    } else if (op <= 0x66) {
        binary(c, op, F64, I32);
    } else if (op <= 0x69) {
        code_unary(c, op, I32, I32);
    } else if (op <= 0x78) {
        binary(c, op, I32, I32);
    } else if (op <= 0x7b) {
        code_unary(c, op, I64, I64);
    } else if (op <= 0x8a) {
        binary(c, op, I64, I64);
    } else if (op <= 0x91) {
        code_unary(c, op, F32, F32);
    } else if (op <= 0x98) {
        binary(c, op, F32, F32);
    } else if (op <= 0x9f) {
        code_unary(c, op, F64, F64);
    } else if (op <= 0xa6) {
        binary(c, op, F64, F64);
    } else {
        static const uint8_t conversions[][2] = {
            { I64, I32 }, { F32, I32 }, { F32, I32 }, { F64, I32 }, { F64, I32 }, { I32, I64 }, { I32, I64 },
            { F32, I64 }, { F32, I64 }, { F64, I64 }, { F64, I64 }, { I32, F32 }, { I32, F32 }, { I64, F32 },
            { I64, F32 }, { F64, F32 }, { I32, F64 }, { I32, F64 }, { I64, F64 }, { I64, F64 }, { F32, F64 },
            { F32, I32 }, { F64, I64 }, { I32, F32 }, { I64, F64 }, { I32, I32 }, { I32, I32 }, { I64, I64 },
            { I64, I64 }, { I64, I64 },
        };
        const uint8_t *types = conversions[op - 0xa7];
        code_unary(c, op, types[0], types[1]);
    }
}

/* Memory. */

void code_need_memory(compiler *c)
{
    if (!c->m->counts[KIND_MEMORY])
        wasm_fail(c->r, "there is no memory");
}

/* The alignment and offset of an access; the offset is in 16 bits in the code, or added before. */
static uint32_t memory_argument(compiler *c, uint32_t log_size)
{
    uint32_t alignment = wasm_u32(c->r), offset = wasm_u32(c->r);
    code_need_memory(c);
    if (alignment > log_size)
        wasm_fail(c->r, "an alignment is larger than natural");
    return offset;
}

static uint32_t address(compiler *c, uint32_t slot, uint32_t position, uint32_t *offset)
{
    if (*offset <= 0xffff)
        return slot;
    uint32_t sum = code_own_slot(c, position);
    code_emit(c, word(OP_ADDRESS, sum, slot, 0));
    code_emit(c, *offset);
    *offset = 0;
    return sum;
}

void code_load(compiler *c, uint32_t op)
{
    static const uint8_t sizes[] = { 2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2 };
    static const uint8_t types[] = { I32, I64, F32, F64, I32, I32, I32, I32, I64, I64, I64, I64, I64, I64 };
    uint32_t offset = memory_argument(c, sizes[op - 0x28]), slot = code_pop_slot(c, I32);
    slot = address(c, slot, c->height, &offset);
    code_emit_result(c, word(op, code_push(c, types[op - 0x28]), slot, offset));
}

void code_store(compiler *c, uint32_t op)
{
    static const uint8_t sizes[] = { 2, 3, 2, 3, 0, 1, 0, 1, 2 };
    static const uint8_t types[] = { I32, I64, F32, F64, I32, I32, I64, I64, I64 };
    uint32_t offset = memory_argument(c, sizes[op - 0x36]);
    operand value = code_pop(c, types[op - 0x36]), where = code_pop(c, I32);
    uint32_t slot = code_readable(c, &where, c->height);
    slot = address(c, slot, c->height, &offset);
    uint32_t source = code_readable(c, &value, c->height + 1);
    code_emit(c, word(op, source, slot, offset));
}
