/* WebAssembly for JavaScript: an interpreter of the core specification, 2.0 without SIMD, with tail calls, extended
 * constant expressions and exceptions (https://webassembly.github.io/spec/core/). What the wasm_*.c files share.
 *
 *     wasm_read.c     numbers, names and types of the binary format
 *     wasm_module.c   bytes -> module, validated
 *     wasm_compile.c  a function's body, validated -> code of the interpreter;
 *                     with wasm_emit, wasm_blocks, wasm_tries, wasm_numbers
 *     wasm_run.c      runs that code
 *     wasm_refs.c     references and what keeps their objects alive
 *     wasm_store.c    memories, tables, globals, instances
 *     wasm_throw.c    exceptions, and who catches them
 *     wasm_objects.c  all of it as objects of the engine;
 *                     with wasm_values, wasm_instantiate, native_wasm, native_wasm_tags
 *
 * Every object of the store is the opaque of a JavaScript object, and lives as long as that does. Who holds one holds
 * its JavaScript object (a JSValue named `owner`), and tells the garbage collector so.
 */
#ifndef WASM_H
#define WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "quickjs.h"

/* Value types, as in the binary format. ANY is of an operand in code that cannot be reached. */
enum { ANY = 0, EXNREF = 0x69, EXTERNREF = 0x6f, FUNCREF = 0x70, F64 = 0x7c, F32 = 0x7d, I64 = 0x7e, I32 = 0x7f };
enum wasm_kind { KIND_FUNCTION, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL, KIND_TAG, KIND_COUNT };

#define WASM_PAGE_BYTES 65536u
#define NO_INDEX 0xffffffffu
#define NO_SLOT 0xffffu

/* Limits of https://webassembly.github.io/spec/js-api/#limits, and some of our own. */
enum {
    MAX_PARAMETERS = 1000,
    MAX_RESULTS = 1000,
    MAX_LOCALS = 50000,
    MAX_SLOTS = 65535, /* of a frame: locals and operands */
    MAX_TYPES = 1000000,
    MAX_ITEMS = 1000000,
    MAX_TABLE = 10000000,
    MAX_PAGES = 65536,  /* that a module may ask for */
    MAX_BUFFER_PAGES = 32767, /* the engine's ArrayBuffers end below 2 GiB */
    MAX_CONSTANT_DEPTH = 64,
};

/* A function type. There is one object for each type in a machine, so equal types are equal pointers. */
typedef struct wasm_type {
    struct wasm_type *next;
    uint16_t params, results;
    uint8_t types[]; /* parameters, then results */
} wasm_type;

typedef struct {
    uint32_t min, max; /* max is NO_INDEX if there is none */
} wasm_limits;

typedef struct {
    uint32_t at, length; /* in the module's bytes */
} wasm_span;

/* What a function, table, memory or global is like; of an import or of the module itself. */
typedef struct {
    uint8_t type; /* of a table's elements, or of a global */
    bool mutable;
    wasm_limits limits;
    wasm_type *function; /* or a tag's */
} wasm_description;

typedef struct {
    wasm_span module, name;
    enum wasm_kind kind;
    wasm_description what;
} wasm_import;

typedef struct {
    wasm_span name;
    enum wasm_kind kind;
    uint32_t index;
} wasm_export;

enum wasm_segment_mode { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARED };

typedef struct {
    enum wasm_segment_mode mode;
    uint8_t type; /* of an element segment */
    uint32_t target;
    uint32_t offset;    /* where its constant expression is */
    wasm_span contents; /* data: the bytes. elements: the first item, and their number */
    bool expressions;   /* elements are constant expressions, not indices of functions */
} wasm_segment;

/* What catches an exception: of this tag, or any (NO_INDEX). */
typedef struct {
    uint32_t tag;
    uint32_t target;  /* in the code */
    uint16_t payload; /* the slot of its first value */
    uint16_t reference; /* the slot of the exception itself, or NO_SLOT */
} wasm_clause;

/* A stretch of code whose exceptions are caught: by one of its clauses, or as if thrown in the stretch `outer`. */
typedef struct {
    uint32_t begin, end;
    uint32_t outer; /* or NO_INDEX */
    wasm_clause *clauses;
    uint32_t clause_count;
} wasm_try;

/* What the interpreter runs. */
typedef struct {
    uint64_t *code;
    wasm_try *tries; /* what is inside another comes after it */
    uint32_t try_count;
    uint32_t slots, locals; /* of a frame; parameters are locals */
    uint16_t params, results;
} wasm_code;

typedef struct {
    uint8_t *bytes;
    uint32_t length;
    wasm_type **types;
    wasm_import *imports;
    wasm_description *items[KIND_COUNT]; /* imported ones first */
    wasm_export *exports;
    wasm_segment *elements, *data;
    wasm_span *custom_names, *customs;
    wasm_code *codes; /* of the functions that are not imported */
    uint32_t *initial; /* constant expressions of the globals that are not imported */
    uint8_t *declared; /* whether ref.func may name a function */
    uint32_t type_count, import_count, export_count, element_count, data_count, custom_count, code_count, global_count;
    uint32_t counts[KIND_COUNT], imported[KIND_COUNT];
    uint32_t start; /* or NO_INDEX */
    uint32_t declared_data; /* of the data count section, or NO_INDEX */
} wasm_module;

/* wasm_read.c: a reader that remembers the first thing that was wrong, and then gives zeros. */
typedef struct {
    const uint8_t *start, *at, *end;
    bool failed, exhausted; /* exhausted: there was no memory */
    char error[160];
} wasm_reader;

__attribute__((format(printf, 2, 3))) void wasm_fail(wasm_reader *r, const char *format, ...);
uint8_t wasm_byte(wasm_reader *r);
uint32_t wasm_u32(wasm_reader *r);
int32_t wasm_s32(wasm_reader *r);
int64_t wasm_s33(wasm_reader *r);
int64_t wasm_s64(wasm_reader *r);
uint32_t wasm_fixed32(wasm_reader *r);
uint64_t wasm_fixed64(wasm_reader *r);
/* The length of a vector whose items have at least one byte each. */
uint32_t wasm_count(wasm_reader *r, uint32_t limit, const char *what);
wasm_span wasm_name(wasm_reader *r);
uint8_t wasm_value_type(wasm_reader *r);
uint8_t wasm_reference_type(wasm_reader *r); /* of tables */
uint8_t wasm_heap_type(wasm_reader *r);      /* of ref.null */
wasm_type *wasm_intern(wasm_reader *r, const uint8_t *types, uint32_t params, uint32_t results);
const char *wasm_type_name(uint8_t type);
/* Memory that is counted against nobody; NULL fails the reader. Freed with free. */
void *wasm_allocate(wasm_reader *r, size_t count, size_t size);
static inline bool wasm_is_reference(uint8_t type) { return type == EXTERNREF || type == FUNCREF || type == EXNREF; }

/* wasm_module.c */
/* A module of the bytes, which it takes over; NULL with the reason in the reader. */
wasm_module *wasm_decode(wasm_reader *r, uint8_t *bytes, uint32_t length);
void wasm_free_module(wasm_module *m);

/* wasm_compile.c: the body that the reader is at. */
void wasm_compile(wasm_reader *r, wasm_module *m, const wasm_type *type, wasm_code *code);

/* A reference and the JavaScript object that keeps it alive. */
typedef struct {
    uint64_t bits;
    JSValue owner;
} wasm_ref;

typedef struct wasm_instance wasm_instance;

typedef struct {
    wasm_instance *instance; /* whose it is */
    const wasm_code *code;   /* NULL: a function of JavaScript */
    wasm_type *type;
    uint32_t index;
    JSValue target; /* the function of JavaScript */
    JSValue object; /* the exported function; undefined until somebody asks for it */
} wasm_function;

typedef struct {
    uint8_t *data;
    size_t users; /* the memory, and its ArrayBuffer */
} wasm_bytes;

typedef struct {
    wasm_bytes *bytes;
    uint32_t pages;
    wasm_limits limits;
    JSValue buffer; /* the ArrayBuffer, or undefined */
    JSValue self;   /* not counted, here and below */
} wasm_memory;

typedef struct {
    uint8_t type;
    uint32_t size;
    wasm_limits limits;
    wasm_ref *elements;
    JSValue self;
} wasm_table;

typedef struct {
    uint8_t type;
    bool mutable;
    wasm_ref value; /* owner is undefined unless it is a reference */
    JSValue self;
} wasm_global;

typedef struct {
    wasm_type *type;
    JSValue self;
} wasm_tag;

/* A reference to one is the JavaScript object that it belongs to. */
typedef struct {
    wasm_tag *tag;
    JSValue tag_owner;
    uint32_t count;
    wasm_ref values[];
} wasm_exception;

struct wasm_instance {
    wasm_module *module;
    wasm_function **functions;
    wasm_memory *memory; /* NULL if there is none */
    wasm_table **tables;
    wasm_global **globals;
    wasm_tag **tags;
    JSValue self; /* not counted */
    JSValue module_owner, exports;
    JSValue *owners; /* of what is imported, and of its own memory, tables and globals */
    uint32_t owner_count;
    wasm_ref **elements; /* of element segments; NULL when dropped */
    uint32_t *segment_sizes, segment_count;
    bool *dropped;            /* data segments */
    bool rooted;
    uint32_t own_count;
    wasm_function own[]; /* imports from JavaScript, and the module's own */
};

/* wasm_refs.c */
static inline uint64_t wasm_extern_bits(JSValueConst value) { return (uint64_t)value ^ (uint64_t)JS_NULL; }
static inline JSValue wasm_extern_value(uint64_t bits) { return (JSValue)(bits ^ (uint64_t)JS_NULL); }
/* A reference with a counted owner. */
wasm_ref wasm_hold(JSContext *ctx, uint8_t type, uint64_t bits);
/* Keeps what a slot of the running code refers to alive. */
void wasm_root(JSContext *ctx, uint8_t type, uint64_t bits);
void wasm_root_instance(JSContext *ctx, wasm_instance *instance);
/* No code is running any more. */
void wasm_unroot(JSContext *ctx);

/* wasm_run.c */
typedef enum {
    TRAP_NONE, TRAP_UNREACHABLE, TRAP_DIVIDE, TRAP_OVERFLOW, TRAP_CONVERSION, TRAP_MEMORY, TRAP_TABLE, TRAP_ELEMENT,
    TRAP_NULL, TRAP_NULL_EXCEPTION, TRAP_SIGNATURE, TRAP_STACK, TRAP_EXCEPTION /* is pending in the engine */
} wasm_trap;

typedef struct {
    const uint64_t *pc;
    uint64_t *slots;
    wasm_function *function;
} wasm_frame;

/* The machine's stack of values and of frames. `top` is the first slot that is free while a host function runs. */
typedef struct {
    uint64_t *slots, *top, *end;
    wasm_frame *frames;
    uint32_t depth;
} wasm_stack;
extern wasm_stack wasm_thread;

/* Calls a function with its arguments in `slots`, where its results will be. thread.top is above them. */
wasm_trap wasm_call(JSContext *ctx, wasm_function *f, uint64_t *slots);
/* Allocates the stack, once. False: there is no memory. */
bool wasm_stack_ready(void);

/* wasm_store.c. Sizes are in pages and elements; grow gives the old size or -1. */
wasm_memory *wasm_new_memory(JSContext *ctx, wasm_limits limits);
int32_t wasm_grow_memory(JSContext *ctx, wasm_memory *memory, uint32_t pages);
void *wasm_bytes_realloc(JSRuntime *runtime, void *opaque, void *pointer, size_t size);
wasm_table *wasm_new_table(JSContext *ctx, uint8_t type, wasm_limits limits, uint64_t initial);
int32_t wasm_grow_table(JSContext *ctx, wasm_table *table, uint32_t elements, uint64_t initial);
void wasm_set_ref(JSContext *ctx, wasm_ref *place, uint8_t type, uint64_t bits);
wasm_trap wasm_table_init(JSContext *ctx, wasm_instance *i, uint32_t table, uint32_t segment, uint32_t to,
                          uint32_t from, uint32_t count);
wasm_trap wasm_table_copy(JSContext *ctx, wasm_table *to_table, wasm_table *from_table, uint32_t to, uint32_t from,
                          uint32_t count);
wasm_trap wasm_memory_init(wasm_instance *i, uint32_t segment, uint32_t to, uint32_t from, uint32_t count);
void wasm_drop_elements(JSContext *ctx, wasm_instance *i, uint32_t segment);
/* The value of a constant expression; a reference is kept alive by the instance. */
uint64_t wasm_constant(wasm_instance *i, uint32_t at, uint32_t *end);
/* Fills tables and memory from active segments. */
wasm_trap wasm_run_segments(JSContext *ctx, wasm_instance *i);

/* wasm_throw.c */
/* Throws an exception with a tag's values, which are in slots side by side; or one that was caught. */
wasm_trap wasm_throw(JSContext *ctx, wasm_tag *tag, const uint64_t *values);
wasm_trap wasm_throw_again(JSContext *ctx, uint64_t bits);
/* Looks for what catches the exception that is pending, in frames from the uppermost to `bottom`. True: it is the
 * uppermost frame now, with its pc where it goes on, and the values in its slots. False: it is still pending. */
bool wasm_catch(JSContext *ctx, uint32_t bottom);

/* wasm_values.c and native_wasm_tags.c */
wasm_trap wasm_call_host(JSContext *ctx, wasm_function *f, uint64_t *slots);
/* The object of an exception; its values are the caller's to fill in. */
JSValue wasm_exception_object(JSContext *ctx, wasm_tag *tag, wasm_exception **made);
/* The exception of an object, or NULL. */
wasm_exception *wasm_exception_of(JSValueConst value);
/* The tag of what JavaScript throws. */
wasm_tag *wasm_js_tag(void);

#endif
