/* SCALE: values to bytes and back. What scale_*.c share.
 *
 * JavaScript (js/scale) knows type definitions; C knows tables. A table is the types of one registry as numbered nodes:
 * an operation, and for what has parts the numbers of their nodes. A node is made when a value first reaches it: C calls
 * the table's `define(types, id)`, which calls scaleDefine, or throws. So a type that is never reached is never looked up,
 * recursive types need nothing special, and what is hot never leaves C.
 *
 * Getters, proxies and `define` run user code, and user code may call in again and make nodes: a node is copied before
 * it is used, and its slots stay where they are for as long as the table lives.
 */
#ifndef WAPOJS_SCALE_H
#define WAPOJS_SCALE_H

#include "wapojs.h"

/* The numbers are known to js/scale/registry.js. */
typedef enum {
    SCALE_UNKNOWN,
    SCALE_U8, SCALE_U16, SCALE_U32, SCALE_U64, SCALE_U128,
    SCALE_I8, SCALE_I16, SCALE_I32, SCALE_I64, SCALE_I128,
    SCALE_BOOL, SCALE_STR,
    SCALE_COMPACT,    /* number: the operation of the integer */
    SCALE_BYTES,      /* a sequence of u8 */
    SCALE_BYTE_ARRAY, /* number: its length */
    SCALE_SEQUENCE,   /* one slot: the elements */
    SCALE_ARRAY,      /* the same; number: its length */
    SCALE_TUPLE,      /* a slot an element */
    SCALE_STRUCT,     /* a slot a field */
    SCALE_OPTION,     /* one slot: the payload; number: the index of _Some */
    SCALE_ENUM,       /* a slot a variant */
    SCALE_OPERATIONS
} scale_operation;

#define SCALE_NO_PAYLOAD UINT32_MAX
#define SCALE_NO_INDEX (-1)

typedef struct {
    uint32_t node; /* SCALE_NO_PAYLOAD: a variant without one */
    JSAtom name;   /* of a field or a variant */
    int64_t index; /* a variant's explicit index, or SCALE_NO_INDEX */
} scale_slot;

typedef struct {
    uint8_t operation;
    uint32_t number, count;
    scale_slot *slots;
} scale_node;

typedef struct {
    scale_node *nodes;
    uint32_t count;
    JSAtom tag; /* Symbol.toStringTag */
    /* Functions of the platform; nothing here leads back to the table, which so is never part of a cycle. */
    JSValue define; /* (types, id): defines the node, or throws */
    JSValue raise;  /* (text): throws an Error */
    JSValue high;   /* (bigint) -> bigint >> 64n */
    JSValue join;   /* (high, low) -> high << 64n | low */
} scale_table;

/* One call of encode or decode. What the codec itself finds wrong is kept here until the call unwinds, and gets the
 * place in the value on the way; an exception of user code passes as it is. */
typedef struct {
    JSContext *ctx;
    scale_table *table;
    JSValueConst types; /* what `define` is given */
    uint64_t empty; /* how many values have taken no bytes */
    bool failed;    /* text says what is wrong; otherwise an exception is pending */
    char text[512], path[200];
    size_t path_start;
    bool path_is_cut; /* the outermost part did not fit */
} scale_run;

/* Two's complement; `negative` tells -1 from 2^128 - 1. */
typedef struct {
    unsigned __int128 bits;
    bool negative;
} scale_integer;

/* scale_table.c */
/* Copies the node, which is defined first if need be. -1 with an exception pending. */
int scale_node_of(scale_run *run, uint32_t id, scale_node *node);
static inline bool scale_is_defined(const scale_table *table, uint32_t id)
{
    return id < table->count && table->nodes[id].operation;
}
/* Nesting is counted across calls that user code makes from within a call. */
int scale_enter(scale_run *run);
void scale_leave(void);
/* A value that took no bytes, of a call that has come to `bytes`: there may not be too many of them. */
int scale_count_empty(scale_run *run, size_t bytes);
/* Keeps the text; returns -1. */
__attribute__((format(printf, 2, 3))) int scale_fail(scale_run *run, const char *format, ...);
/* scale_fail("expect <wanted>, got <what the value is>") */
int scale_expect(scale_run *run, const char *wanted, JSValueConst value);
/* While a failure unwinds: it was in this field, or this element. */
void scale_at_name(scale_run *run, JSAtom name);
void scale_at_index(scale_run *run, uint32_t index);

/* scale_integer.c */
/* The value as an integer of that operation (spec 4.1). -1 if it is none. */
int scale_to_integer(scale_run *run, scale_operation operation, JSValueConst value, scale_integer *integer);
/* A number up to 2^31 - 1, a BigInt beyond; 128 bits always a BigInt. JS_EXCEPTION with an exception pending. */
JSValue scale_from_integer(scale_run *run, scale_operation operation, const scale_integer *integer);
bool scale_in_range(scale_operation operation, const scale_integer *integer);
const char *scale_integer_name(scale_operation operation);
/* How many bytes an integer of that operation has. */
static inline uint32_t scale_width(scale_operation operation)
{
    return 1u << (operation <= SCALE_U128 ? operation - SCALE_U8 : operation - SCALE_I8);
}

/* scale_encode.c, scale_decode.c, scale_tokens.c */
JSValue scale_tokens(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
JSValue scale_encode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
JSValue scale_decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);

/* The table that is the argument, in a fresh run; NULL with an exception pending. */
scale_table *scale_begin(scale_run *run, JSContext *ctx, JSValueConst table, JSValueConst types);
/* Throws what the run has failed with, if it is not pending already. Returns JS_EXCEPTION. */
JSValue scale_end_failed(scale_run *run);

#endif
