/* Objects of the JavaScript API: https://webassembly.github.io/spec/js-api/
 *
 * Modules, instances, memories, tables, globals, tags, exceptions and exported functions are objects of classes of the
 * engine, which hold what the interpreter works with. Their constructors and methods are in js/webassembly. What the
 * files that make them share.
 */
#ifndef NATIVE_WASM_H
#define NATIVE_WASM_H

#include "wapojs.h"
#include "wasm.h"

enum class { MODULE, INSTANCE, MEMORY, TABLE, GLOBAL, TAG, EXCEPTION, FUNCTION, CLASS_COUNT };
enum error { COMPILE_ERROR, LINK_ERROR, RUNTIME_ERROR, ERROR_COUNT };

extern JSClassID wasmjs_classes[CLASS_COUNT];
extern JSValue wasmjs_errors[ERROR_COUNT];
extern JSValue wasmjs_list_of; /* of JavaScript: (iterable, number) -> array with so many values, or a TypeError */

/* The opaque of an exported function. */
typedef struct {
    wasm_function *function;
    JSValue instance;
} exported;

/* wasm_values.c */
JSValue wasmjs_throw(JSContext *ctx, enum error which, const char *format, ...);
JSValue wasmjs_throw_trap(JSContext *ctx, wasm_trap trap);
/* The one function object of a function of WebAssembly. */
JSValue wasmjs_function_object(JSContext *ctx, wasm_function *f);
JSValue wasmjs_to_js(JSContext *ctx, uint8_t type, uint64_t bits);
/* False with an exception pending. A reference is kept alive by `value`. */
bool wasmjs_to_wasm(JSContext *ctx, uint8_t type, JSValueConst value, uint64_t *bits);
/* What a parameter without an argument is. */
JSValueConst wasmjs_missing(uint8_t type);
JSValue wasmjs_call_function(JSContext *ctx, wasm_function *f, int argc, JSValueConst *argv);
JSValue wasmjs_call_exported(JSContext *ctx, JSValueConst function, JSValueConst this_value, int argc,
                             JSValueConst *argv, int flags);

/* wasm_objects.c */
/* A new object that owns `opaque`, which `drop` frees if there cannot be one. */
JSValue wasmjs_wrap(JSContext *ctx, enum class class, void *opaque, void (*drop)(void *));
void wasmjs_release_bytes(wasm_memory *memory);
JSValue wasmjs_setup(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);

/* native_wasm.c */
JSValue wasmjs_memory_object(JSContext *ctx, wasm_limits limits);
JSValue wasmjs_table_object(JSContext *ctx, uint8_t type, wasm_limits limits, uint64_t initial);
uint8_t wasmjs_take_type(JSContext *ctx, JSValueConst value);
JSValue wasmjs_global_object(JSContext *ctx, uint8_t type, bool mutable, uint64_t bits);

/* native_wasm_tags.c */
JSValue wasmjs_tag_object(JSContext *ctx, wasm_type *type);
/* wasmNewTag(types): Tag */
JSValue wasmjs_new_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
/* wasmJSTag(): the Tag of what JavaScript throws */
JSValue wasmjs_get_js_tag(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
/* wasmNewException(tag, array of values): Exception. Throws a TypeError if their number or a type is wrong. */
JSValue wasmjs_new_exception(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
/* wasmExceptionIs(exception, tag): boolean */
JSValue wasmjs_exception_is(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
/* wasmExceptionGet(exception, tag, index): the value. Throws a TypeError or RangeError. */
JSValue wasmjs_exception_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);

/* wasm_instantiate.c */
/* wasmInstantiate(module, import object or undefined): Instance. Throws a LinkError, or what its start function does. */
JSValue wasmjs_instantiate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
JSValue wasmjs_instance_exports(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);

#endif
