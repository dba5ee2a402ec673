/* The interpreter. One loop runs a function and all that it calls in WebAssembly, so depth of recursion costs stack of
 * ours (wasm_thread) and none of the machine's; only a call through JavaScript enters it anew.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "wasm.h"
#include "wasm_code.h"

/* Each page of these is paid for when it is used. */
enum { STACK_SLOTS = 1 << 17, STACK_FRAMES = 1 << 15 };

wasm_stack wasm_thread;

bool wasm_stack_ready(void)
{
    wasm_stack *t = &wasm_thread;
    if (!t->slots)
        t->slots = t->top = malloc(STACK_SLOTS * sizeof(*t->slots));
    if (!t->frames)
        t->frames = malloc(STACK_FRAMES * sizeof(*t->frames));
    t->end = t->slots ? t->slots + STACK_SLOTS : NULL;
    return t->slots && t->frames;
}

#define DEFINE_CASTS(name, type, bits)          \
    static inline type as_##name(uint64_t slot) \
    {                                           \
        bits raw = (bits)slot;                  \
        type value;                             \
        memcpy(&value, &raw, sizeof(value));    \
        return value;                           \
    }                                           \
    static inline uint64_t of_##name(type value) \
    {                                           \
        bits raw;                               \
        memcpy(&raw, &value, sizeof(raw));      \
        return raw;                             \
    }
DEFINE_CASTS(f32, float, uint32_t)
DEFINE_CASTS(f64, double, uint64_t)

/* What a function's code needs of its instance. */
typedef struct {
    uint8_t *data;
    uint64_t bytes;
} view;

static view memory_of(const wasm_instance *i)
{
    if (!i->memory)
        return (view){ NULL, 0 };
    return (view){ i->memory->bytes->data, (uint64_t)i->memory->pages * WASM_PAGE_BYTES };
}

static bool outside(uint64_t at, uint64_t count, uint64_t size)
{
    return at + count > size;
}

/* Operations that are not worth a place in the loop. `s` are the operands side by side. */
static __attribute__((noinline)) wasm_trap uncommon(JSContext *ctx, wasm_instance *i, uint64_t code, uint64_t next,
                                                    uint64_t *s)
{
    uint32_t high = (uint32_t)(code >> 32);
    uint32_t first = (uint32_t)s[0];
    wasm_table *table;
    wasm_global *global;
    view memory;
    switch (code & 0xffff) {
    case OP_GLOBAL_GET_REF:
        global = i->globals[high];
        s[0] = global->value.bits;
        wasm_root(ctx, global->type, s[0]);
        break;
    case OP_GLOBAL_SET_REF:
        global = i->globals[high];
        wasm_set_ref(ctx, &global->value, global->type, s[0]);
        break;
    case OP_TABLE_GET:
        table = i->tables[high];
        if (first >= table->size)
            return TRAP_TABLE;
        s[0] = table->elements[first].bits;
        wasm_root(ctx, table->type, s[0]);
        break;
    case OP_TABLE_SET:
        table = i->tables[high];
        if (first >= table->size)
            return TRAP_TABLE;
        wasm_set_ref(ctx, &table->elements[first], table->type, s[1]);
        break;
    case OP_TABLE_SIZE: s[0] = i->tables[high]->size; break;
    case OP_TABLE_GROW: s[0] = (uint32_t)wasm_grow_table(ctx, i->tables[high], (uint32_t)s[1], s[0]); break;
    case OP_TABLE_FILL:
        table = i->tables[high];
        if (outside(first, (uint32_t)s[2], table->size))
            return TRAP_TABLE;
        for (uint32_t k = 0, count = (uint32_t)s[2]; k < count; k++)
            wasm_set_ref(ctx, &table->elements[first + k], table->type, s[1]);
        break;
    case OP_TABLE_COPY:
        return wasm_table_copy(ctx, i->tables[high], i->tables[next], first, (uint32_t)s[1], (uint32_t)s[2]);
    case OP_TABLE_INIT:
        return wasm_table_init(ctx, i, high, (uint32_t)next, first, (uint32_t)s[1], (uint32_t)s[2]);
    case OP_ELEMENT_DROP: wasm_drop_elements(ctx, i, high); break;
    case OP_MEMORY_COPY:
        memory = memory_of(i);
        if (outside(first, (uint32_t)s[2], memory.bytes) || outside((uint32_t)s[1], (uint32_t)s[2], memory.bytes))
            return TRAP_MEMORY;
        memmove(memory.data + first, memory.data + (uint32_t)s[1], (uint32_t)s[2]);
        break;
    case OP_MEMORY_FILL:
        memory = memory_of(i);
        if (outside(first, (uint32_t)s[2], memory.bytes))
            return TRAP_MEMORY;
        memset(memory.data + first, (uint8_t)s[1], (uint32_t)s[2]);
        break;
    case OP_MEMORY_INIT: return wasm_memory_init(i, high, first, (uint32_t)s[1], (uint32_t)s[2]);
    case OP_DATA_DROP: i->dropped[high] = true; break;
    }
    return TRAP_NONE;
}

static wasm_trap call_host(JSContext *ctx, wasm_function *f, uint64_t *slots)
{
    wasm_stack *t = &wasm_thread;
    uint32_t room = f->type->params > f->type->results ? f->type->params : f->type->results;
    if (t->end - slots < (ptrdiff_t)room)
        return TRAP_STACK;
    t->top = slots + room;
    return wasm_call_host(ctx, f, slots);
}

#define D ((uint32_t)(code >> 16) & 0xffff)
#define A ((uint32_t)(code >> 32) & 0xffff)
#define B ((uint32_t)(code >> 48))
#define N ((int64_t)code >> 48)
#define H ((uint32_t)(code >> 32))

#define U32(slot) ((uint32_t)s[slot])
#define I32_(slot) ((int32_t)s[slot])
#define U64(slot) (s[slot])
#define I64_(slot) ((int64_t)s[slot])
#define F32_(slot) as_f32(s[slot])
#define F64_(slot) as_f64(s[slot])

#define TRAP(which)       \
    do {                  \
        trap = which;     \
        goto out;         \
    } while (0)

/* Integer operations: also with a number. x and y are the operands. */
#define BOTH(op, type, read, result)                                              \
    case op: { type x = read(A), y = read(B); s[D] = result; break; }              \
    case op + WITH_NUMBER: { type x = read(A), y = (type)N; s[D] = result; break; }
/* Comparisons: and as part of a branch. */
#define COMPARE(op, type, read, condition)                           \
    BOTH(op, type, read, (uint32_t)(condition))                      \
    case op + BRANCH_IF: {                                           \
        type x = read(A), y = read(B);                               \
        pc = (condition) ? start + (*pc >> 32) : pc + 1;             \
        break;                                                       \
    }                                                                \
    case op + BRANCH_IF_NUMBER: {                                    \
        type x = read(A), y = (type)N;                               \
        pc = (condition) ? start + (*pc >> 32) : pc + 1;             \
        break;                                                       \
    }
#define COMPARISONS(first, type, unsigned_type, read, unsigned_read) \
    COMPARE(first, unsigned_type, unsigned_read, x == y)             \
    COMPARE(first + 1, unsigned_type, unsigned_read, x != y)         \
    COMPARE(first + 2, type, read, x < y)                            \
    COMPARE(first + 3, unsigned_type, unsigned_read, x < y)          \
    COMPARE(first + 4, type, read, x > y)                            \
    COMPARE(first + 5, unsigned_type, unsigned_read, x > y)          \
    COMPARE(first + 6, type, read, x <= y)                           \
    COMPARE(first + 7, unsigned_type, unsigned_read, x <= y)         \
    COMPARE(first + 8, type, read, x >= y)                           \
    COMPARE(first + 9, unsigned_type, unsigned_read, x >= y)
#define INTEGERS(first, type, unsigned_type, read, unsigned_read, bits, minimum)                              \
    BOTH(first, unsigned_type, unsigned_read, (unsigned_type)(x + y))                                         \
    BOTH(first + 1, unsigned_type, unsigned_read, (unsigned_type)(x - y))                                     \
    BOTH(first + 2, unsigned_type, unsigned_read, (unsigned_type)(x * y))                                     \
    case first + 3: {                                                                                         \
        type x = read(A), y = read(B);                                                                        \
        if (!y) TRAP(TRAP_DIVIDE);                                                                            \
        if (x == minimum && y == -1) TRAP(TRAP_OVERFLOW);                                                     \
        s[D] = (unsigned_type)(x / y);                                                                        \
        break;                                                                                                \
    }                                                                                                         \
    case first + 4: {                                                                                         \
        unsigned_type x = unsigned_read(A), y = unsigned_read(B);                                             \
        if (!y) TRAP(TRAP_DIVIDE);                                                                            \
        s[D] = x / y;                                                                                         \
        break;                                                                                                \
    }                                                                                                         \
    case first + 5: {                                                                                         \
        type x = read(A), y = read(B);                                                                        \
        if (!y) TRAP(TRAP_DIVIDE);                                                                            \
        s[D] = y == -1 ? 0 : (unsigned_type)(x % y);                                                          \
        break;                                                                                                \
    }                                                                                                         \
    case first + 6: {                                                                                         \
        unsigned_type x = unsigned_read(A), y = unsigned_read(B);                                             \
        if (!y) TRAP(TRAP_DIVIDE);                                                                            \
        s[D] = x % y;                                                                                         \
        break;                                                                                                \
    }                                                                                                         \
    BOTH(first + 7, unsigned_type, unsigned_read, x & y)                                                      \
    BOTH(first + 8, unsigned_type, unsigned_read, x | y)                                                      \
    BOTH(first + 9, unsigned_type, unsigned_read, x ^ y)                                                      \
    BOTH(first + 10, unsigned_type, unsigned_read, (unsigned_type)(x << (y & (bits - 1))))                    \
    BOTH(first + 11, type, read, (unsigned_type)(x >> (y & (bits - 1))))                                      \
    BOTH(first + 12, unsigned_type, unsigned_read, x >> (y & (bits - 1)))                                     \
    BOTH(first + 13, unsigned_type, unsigned_read, (unsigned_type)(x << (y & (bits - 1)) | x >> (-y & (bits - 1)))) \
    BOTH(first + 14, unsigned_type, unsigned_read, (unsigned_type)(x >> (y & (bits - 1)) | x << (-y & (bits - 1))))

#define REAL_COMPARE(op, read, condition) \
    case op: s[D] = (uint32_t)(read(A) condition read(B)); break;
#define REAL_COMPARISONS(first, read)   \
    REAL_COMPARE(first, read, ==)       \
    REAL_COMPARE(first + 1, read, !=)   \
    REAL_COMPARE(first + 2, read, <)    \
    REAL_COMPARE(first + 3, read, >)    \
    REAL_COMPARE(first + 4, read, <=)   \
    REAL_COMPARE(first + 5, read, >=)
/* abs, neg and copysign work on the bits: they must not make another NaN of one. */
#define REALS(first, read, write, f, type, sign)                                                \
    case first: s[D] = s[A] & (sign - 1); break;                                                 \
    case first + 1: s[D] = s[A] ^ sign; break;                                                   \
    case first + 2: s[D] = write(__builtin_ceil##f(read(A))); break;                             \
    case first + 3: s[D] = write(__builtin_floor##f(read(A))); break;                            \
    case first + 4: s[D] = write(__builtin_trunc##f(read(A))); break;                            \
    case first + 5: s[D] = write(__builtin_rint##f(read(A))); break;                             \
    case first + 6: s[D] = write(__builtin_sqrt##f(read(A))); break;                             \
    case first + 7: s[D] = write(read(A) + read(B)); break;                                      \
    case first + 8: s[D] = write(read(A) - read(B)); break;                                      \
    case first + 9: s[D] = write(read(A) * read(B)); break;                                      \
    case first + 10: s[D] = write(read(A) / read(B)); break;                                     \
    case first + 11: { type x = read(A), y = read(B); s[D] = write(minimum_##f(x, y)); break; }  \
    case first + 12: { type x = read(A), y = read(B); s[D] = write(maximum_##f(x, y)); break; }  \
    case first + 13: s[D] = (s[A] & (sign - 1)) | (s[B] & sign); break;

static inline float minimum_f(float x, float y)
{
    return __builtin_wasm_min_f32(x, y);
}
static inline float maximum_f(float x, float y)
{
    return __builtin_wasm_max_f32(x, y);
}
static inline double minimum_(double x, double y)
{
    return __builtin_wasm_min_f64(x, y);
}
static inline double maximum_(double x, double y)
{
    return __builtin_wasm_max_f64(x, y);
}

/* Truncation of what lies between the bounds, which are themselves outside. */
#define TRUNCATE(op, read, cast, low, high)      \
    case op: {                                   \
        double x = (double)read(A);              \
        if (x != x) TRAP(TRAP_CONVERSION);       \
        if (!(x > low && x < high)) TRAP(TRAP_OVERFLOW); \
        s[D] = cast x;                           \
        break;                                   \
    }
#define SATURATED(op, type, result) case OP_SATURATE + op: s[D] = (type)(result); break;

#define LOAD(op, type, result)                                    \
    case op: {                                                    \
        uint64_t at = s[A] + B;                                   \
        type value;                                               \
        if (at + sizeof(value) > memory_bytes) TRAP(TRAP_MEMORY); \
        memcpy(&value, memory + at, sizeof(value));               \
        s[D] = result;                                            \
        break;                                                    \
    }
#define STORE(op, type)                                           \
    case op: {                                                    \
        uint64_t at = s[A] + B;                                   \
        type value = (type)s[D];                                  \
        if (at + sizeof(value) > memory_bytes) TRAP(TRAP_MEMORY); \
        memcpy(memory + at, &value, sizeof(value));               \
        break;                                                    \
    }

#define TAKE_MEMORY()                      \
    do {                                   \
        view now = memory_of(instance);    \
        memory = now.data;                 \
        memory_bytes = now.bytes;          \
    } while (0)

static wasm_trap run(JSContext *ctx, wasm_function *f, uint64_t *s)
{
    wasm_stack *t = &wasm_thread;
    const uint32_t bottom = t->depth;
    wasm_instance *instance = NULL;
    const uint64_t *start, *pc;
    uint8_t *memory = NULL;
    uint64_t memory_bytes = 0;
    wasm_function *callee;
    uint64_t *arguments;
    wasm_trap trap = TRAP_NONE;
    uint64_t code;

enter: /* `f` with its arguments at `s` */
    if (t->depth == STACK_FRAMES || t->end - s < (ptrdiff_t)f->code->slots)
        TRAP(TRAP_STACK);
    t->frames[t->depth++] = (wasm_frame){ NULL, s, f };
reenter: /* in a frame that is there */
    if (f->instance != instance) {
        instance = f->instance;
        if (!instance->rooted)
            wasm_root_instance(ctx, instance);
        TAKE_MEMORY();
    }
    start = f->code->code;
    pc = start + 1;
    for (uint32_t k = f->code->params; k < f->code->locals; k++)
        s[k] = 0;

go_on:
    for (;;) {
        code = *pc++;
        switch (code & 0xffff) {
        case OP_MOVE: s[D] = s[A]; break;
        case OP_CONST32: s[D] = H; break;
        case OP_CONST64: s[D] = *pc++; break;
        case OP_ADDRESS: s[D] = s[A] + *pc++; break;
        case OP_JUMP: pc = start + H; break;
        case OP_JUMP_IF:
            if (U32(D))
                pc = start + H;
            break;
        case OP_JUMP_UNLESS:
            if (!U32(D))
                pc = start + H;
            break;
        case OP_JUMP_TABLE: {
            uint32_t index = U32(D), last = H;
            pc = start + (pc[index < last ? index : last] >> 32);
            break;
        }
        case OP_RETURN_MANY:
            for (uint32_t k = 0; k < D; k++)
                s[k] = s[A + k];
            goto leave;
        case OP_RETURN_ONE: s[0] = s[A]; goto leave;
        case OP_RETURN:
        leave:
            if (--t->depth == bottom)
                return TRAP_NONE;
            {
                const wasm_frame *frame = &t->frames[t->depth - 1];
                pc = frame->pc;
                s = frame->slots;
                f = frame->function;
            }
            start = f->code->code;
            if (f->instance != instance) {
                instance = f->instance;
                TAKE_MEMORY();
            }
            break;
        case OP_CALL:
            callee = instance->functions[H];
            arguments = s + D;
        call:
            t->frames[t->depth - 1].pc = pc;
            if (callee->code) {
                f = callee;
                s = arguments;
                goto enter;
            }
            trap = call_host(ctx, callee, arguments);
            if (trap)
                goto out;
            TAKE_MEMORY();
            break;
        case OP_CALL_INDIRECT:
        case OP_RETURN_CALL_INDIRECT: {
            uint64_t next = *pc++;
            const wasm_table *table = instance->tables[next >> 32];
            if (U32(A) >= table->size)
                TRAP(TRAP_ELEMENT);
            callee = (wasm_function *)(uintptr_t)table->elements[U32(A)].bits;
            if (!callee)
                TRAP(TRAP_NULL);
            if (callee->type != instance->module->types[(uint32_t)next])
                TRAP(TRAP_SIGNATURE);
            arguments = s + D;
            if ((code & 0xffff) == OP_RETURN_CALL_INDIRECT)
                goto tail;
            goto call;
        }
        case OP_RETURN_CALL:
            callee = instance->functions[H];
            arguments = s + D;
        tail:
            for (uint32_t k = 0; k < callee->type->params; k++)
                s[k] = arguments[k];
            if (callee->code) {
                f = callee;
                if (t->end - s < (ptrdiff_t)f->code->slots)
                    TRAP(TRAP_STACK);
                t->frames[t->depth - 1].function = f;
                goto reenter;
            }
            trap = call_host(ctx, callee, s);
            if (trap) {
                pc = start; /* this frame is over, and catches nothing */
                goto out;
            }
            TAKE_MEMORY();
            goto leave;
        case OP_SELECT: {
            uint64_t condition = s[*pc++];
            s[D] = (uint32_t)condition ? s[A] : s[B];
            break;
        }
        case OP_GLOBAL_GET: s[D] = instance->globals[H]->value.bits; break;
        case OP_GLOBAL_SET: instance->globals[H]->value.bits = s[D]; break;
        case OP_REF_FUNC: s[D] = (uintptr_t)instance->functions[H]; break;
        case OP_TABLE_COPY:
        case OP_TABLE_INIT:
            trap = uncommon(ctx, instance, code, *pc++, s + D);
            if (trap)
                goto out;
            break;
        case OP_GLOBAL_GET_REF:
        case OP_GLOBAL_SET_REF:
        case OP_TABLE_GET:
        case OP_TABLE_SET:
        case OP_TABLE_SIZE:
        case OP_TABLE_GROW:
        case OP_TABLE_FILL:
        case OP_ELEMENT_DROP:
        case OP_MEMORY_COPY:
        case OP_MEMORY_FILL:
        case OP_MEMORY_INIT:
        case OP_DATA_DROP:
            trap = uncommon(ctx, instance, code, 0, s + D);
            if (trap)
                goto out;
            break;
        case OP_MEMORY_SIZE: s[D] = memory_bytes / WASM_PAGE_BYTES; break;
        case OP_MEMORY_GROW:
            s[D] = (uint32_t)wasm_grow_memory(ctx, instance->memory, U32(A));
            TAKE_MEMORY();
            break;
        case OP_THROW:
            trap = wasm_throw(ctx, instance->tags[H], s + D);
            goto out;
        case OP_THROW_REF:
            trap = wasm_throw_again(ctx, s[A]);
            goto out;
        case OP_UNREACHABLE: TRAP(TRAP_UNREACHABLE);

        LOAD(0x28, uint32_t, value)
        LOAD(0x29, uint64_t, value)
        LOAD(0x2a, uint32_t, value)
        LOAD(0x2b, uint64_t, value)
        LOAD(0x2c, int8_t, (uint32_t)value)
        LOAD(0x2d, uint8_t, value)
        LOAD(0x2e, int16_t, (uint32_t)value)
        LOAD(0x2f, uint16_t, value)
        LOAD(0x30, int8_t, (uint64_t)value)
        LOAD(0x31, uint8_t, value)
        LOAD(0x32, int16_t, (uint64_t)value)
        LOAD(0x33, uint16_t, value)
        LOAD(0x34, int32_t, (uint64_t)value)
        LOAD(0x35, uint32_t, value)
        STORE(0x36, uint32_t)
        STORE(0x37, uint64_t)
        STORE(0x38, uint32_t)
        STORE(0x39, uint64_t)
        STORE(0x3a, uint8_t)
        STORE(0x3b, uint16_t)
        STORE(0x3c, uint8_t)
        STORE(0x3d, uint16_t)
        STORE(0x3e, uint32_t)

        COMPARISONS(0x46, int32_t, uint32_t, I32_, U32)
        COMPARISONS(0x51, int64_t, uint64_t, I64_, U64)
        REAL_COMPARISONS(0x5b, F32_)
        REAL_COMPARISONS(0x61, F64_)

        case 0x67: s[D] = U32(A) ? (uint32_t)__builtin_clz(U32(A)) : 32; break;
        case 0x68: s[D] = U32(A) ? (uint32_t)__builtin_ctz(U32(A)) : 32; break;
        case 0x69: s[D] = (uint32_t)__builtin_popcount(U32(A)); break;
        INTEGERS(0x6a, int32_t, uint32_t, I32_, U32, 32, INT32_MIN)
        case 0x79: s[D] = U64(A) ? (uint64_t)__builtin_clzll(U64(A)) : 64; break;
        case 0x7a: s[D] = U64(A) ? (uint64_t)__builtin_ctzll(U64(A)) : 64; break;
        case 0x7b: s[D] = (uint64_t)__builtin_popcountll(U64(A)); break;
        INTEGERS(0x7c, int64_t, uint64_t, I64_, U64, 64, INT64_MIN)
        REALS(0x8b, F32_, of_f32, f, float, (uint64_t)0x80000000)
        REALS(0x99, F64_, of_f64, , double, ((uint64_t)1 << 63))

        case 0xa7: s[D] = U32(A); break;
        TRUNCATE(0xa8, F32_, (uint32_t)(int32_t), -2147483649.0, 2147483648.0)
        TRUNCATE(0xa9, F32_, (uint32_t), -1.0, 4294967296.0)
        TRUNCATE(0xaa, F64_, (uint32_t)(int32_t), -2147483649.0, 2147483648.0)
        TRUNCATE(0xab, F64_, (uint32_t), -1.0, 4294967296.0)
        case 0xac: s[D] = (uint64_t)(int64_t)I32_(A); break;
        case 0xad: s[D] = U32(A); break;
        TRUNCATE(0xae, F32_, (uint64_t)(int64_t), -9223372036854777856.0, 9223372036854775808.0)
        TRUNCATE(0xaf, F32_, (uint64_t), -1.0, 18446744073709551616.0)
        TRUNCATE(0xb0, F64_, (uint64_t)(int64_t), -9223372036854777856.0, 9223372036854775808.0)
        TRUNCATE(0xb1, F64_, (uint64_t), -1.0, 18446744073709551616.0)
        case 0xb2: s[D] = of_f32((float)I32_(A)); break;
        case 0xb3: s[D] = of_f32((float)U32(A)); break;
        case 0xb4: s[D] = of_f32((float)I64_(A)); break;
        case 0xb5: s[D] = of_f32((float)U64(A)); break;
        case 0xb6: s[D] = of_f32((float)F64_(A)); break;
        case 0xb7: s[D] = of_f64((double)I32_(A)); break;
        case 0xb8: s[D] = of_f64((double)U32(A)); break;
        case 0xb9: s[D] = of_f64((double)I64_(A)); break;
        case 0xba: s[D] = of_f64((double)U64(A)); break;
        case 0xbb: s[D] = of_f64((double)F32_(A)); break;
        case 0xbc: /* reinterpretations: the bits are what they are */
        case 0xbd:
        case 0xbe:
        case 0xbf: s[D] = s[A]; break;
        case 0xc0: s[D] = (uint32_t)(int32_t)(int8_t)s[A]; break;
        case 0xc1: s[D] = (uint32_t)(int32_t)(int16_t)s[A]; break;
        case 0xc2: s[D] = (uint64_t)(int64_t)(int8_t)s[A]; break;
        case 0xc3: s[D] = (uint64_t)(int64_t)(int16_t)s[A]; break;
        case 0xc4: s[D] = (uint64_t)(int64_t)(int32_t)s[A]; break;
        SATURATED(0, uint32_t, __builtin_wasm_trunc_saturate_s_i32_f32(F32_(A)))
        SATURATED(1, uint32_t, __builtin_wasm_trunc_saturate_u_i32_f32(F32_(A)))
        SATURATED(2, uint32_t, __builtin_wasm_trunc_saturate_s_i32_f64(F64_(A)))
        SATURATED(3, uint32_t, __builtin_wasm_trunc_saturate_u_i32_f64(F64_(A)))
        SATURATED(4, uint64_t, __builtin_wasm_trunc_saturate_s_i64_f32(F32_(A)))
        SATURATED(5, uint64_t, __builtin_wasm_trunc_saturate_u_i64_f32(F32_(A)))
        SATURATED(6, uint64_t, __builtin_wasm_trunc_saturate_s_i64_f64(F64_(A)))
        SATURATED(7, uint64_t, __builtin_wasm_trunc_saturate_u_i64_f64(F64_(A)))
        default: TRAP(TRAP_UNREACHABLE); /* there are no others */
        }
    }

out:
    if (trap == TRAP_EXCEPTION) {
        t->frames[t->depth - 1].pc = pc;
        if (wasm_catch(ctx, bottom)) {
            const wasm_frame *frame = &t->frames[t->depth - 1];
            pc = frame->pc;
            s = frame->slots;
            f = frame->function;
            start = f->code->code;
            instance = f->instance;
            TAKE_MEMORY();
            trap = TRAP_NONE;
            goto go_on;
        }
    }
    t->depth = bottom;
    return trap;
}

wasm_trap wasm_call(JSContext *ctx, wasm_function *f, uint64_t *slots)
{
    return f->code ? run(ctx, f, slots) : call_host(ctx, f, slots);
}
