/* wapojs: QuickJS-ng as a Wapo program. What the C files share.
 *
 * One machine runs one program, so there is one runtime, one context, and every static below is part of the memory
 * image that machines start from. State that must differ from one machine to the next (timers, waits, randomness) is
 * empty whenever an image is taken, or reset then (wapojs_forget).
 *
 * Ownership: JSValue arguments are borrowed, JSValue results are the caller's, as in QuickJS itself.
 */
#ifndef WAPOJS_H
#define WAPOJS_H

#include <stdbool.h>
#include "ocall.h"
#include "quickjs.h"

/* What JavaScript gives the C side to call, set once at start (native.handlers). */
enum handler {
    HANDLER_LOAD,      /* (source, filename, evaluate) */
    HANDLER_REQUEST,   /* (method, url, headers, body, bodyStream, secret, id, epoch ms, monotonic ms) */
    HANDLER_REJECTION, /* (promise, reason, handled) */
    HANDLER_REPORT,    /* (error): an exception that no script catches */
    HANDLER_SETTLED,   /* (): the microtask queue has run dry; rejections may be reported */
    HANDLER_IDLE,      /* () -> boolean: nothing is left to wait for; true ends the program */
    HANDLER_TICKS,     /* (): what was queued before promise jobs (process.nextTick) */
    HANDLER_RUN,       /* (words joined by NUL, their number, names and values joined by NUL) */
    HANDLER_PROGRAM,   /* (): there are no commands, this is a program among others (native_host.c) */
    HANDLER_ISOLATE,   /* (text, epoch ms, monotonic ms): what another machine's program wants run here */
    HANDLER_COUNT
};

extern JSContext *wapojs_context;

/* main.c: calls a handler, frees the arguments, reports what it throws. Returns its result or undefined. */
JSValue wapojs_call_handler(enum handler which, int argc, JSValue *argv);
void wapojs_set_handler(enum handler which, JSValueConst function);
/* Runs promise jobs until none is left. */
void wapojs_run_jobs(void);
/* The next wapojs_run_jobs calls HANDLER_TICKS first. */
void wapojs_schedule_ticks(void);
/* Calls a function, reports what it throws, frees the arguments. */
void wapojs_call(JSValueConst function, int argc, JSValue *argv);
/* How often they have been: a number for the task that is running. */
uint32_t wapojs_task_number(void);
/* Whether anything could still happen: a wait or a timer. */
bool wapojs_has_work(void);

/* waits.c: operations under way on resources, by waker id. */
typedef enum {
    WAIT_READ, WAIT_WRITE, WAIT_HEAD, WAIT_CRYPTO, WAIT_TIMER, WAIT_CALL, WAIT_RESOLVE, WAIT_EVENT,
} wait_kind;
void waits_wake(uint32_t waker);
int waits_count(void);
/* Whether one keeps the program alive. */
bool waits_keep_alive(void);
/* Whether what waits on a resource now does not. */
void waits_set_background(uint32_t resource, bool background);
JSValue waits_read(JSContext *ctx, uint32_t resource, uint32_t limit, JSValueConst callback);
JSValue waits_write(JSContext *ctx, uint32_t resource, JSValueConst bytes, JSValueConst callback);
JSValue waits_head(JSContext *ctx, uint32_t resource, JSValueConst callback);
/* The callback gets (error code, null) or (null, bytes); the resource is closed then. */
JSValue waits_crypto(JSContext *ctx, uint32_t resource, JSValueConst callback);
JSValue waits_call(JSContext *ctx, uint32_t call, bool slow, uint32_t resource, JSValueConst callback);
/* callback(error, the number of a new resource) */
JSValue waits_resolve(JSContext *ctx, uint32_t resource, JSValueConst callback);
/* callback(error, [kind, what belongs to it]) for the next event of a WebSocket: never at once, but as a task of its
 * own, also when the event is there already */
JSValue waits_event(JSContext *ctx, uint32_t resource, JSValueConst callback);
/* Tries one of those that have not been tried yet; false if there was none, or if there were many in this poll: a peer
 * that always has another event must not make a poll endless. */
bool waits_try_deferred(void);
/* A poll begins. */
void waits_begin_poll(void);
/* Whether some have been left for the next poll. */
bool waits_left_deferred(void);
/* Drops what waits on a resource that is being closed; callbacks are not called. */
void waits_cancel(JSContext *ctx, uint32_t resource);
void waits_cancel_all(JSContext *ctx);

/* timers.c: any number of JavaScript timers on one timer of the host. */
#define TIMER_WAKER 0
JSValue timers_set(JSContext *ctx, JSValueConst callback, double milliseconds, bool repeat);
void timers_clear(JSContext *ctx, int32_t id);
/* The program does not go on for this timer's sake. */
void timers_unref(int32_t id);
void timers_clear_all(JSContext *ctx);
/* An id that no timer has or will have. */
int32_t timers_take_id(void);
void timers_fire(void);
int timers_count(void);
/* Whether the host's timer was ever used: it may have something to say. */
bool timers_armed(void);
double wapojs_monotonic_ms(void);

/* native_*.c: functions of the module "wapo:native". */
extern const JSCFunctionListEntry native_text_functions[];
extern const int native_text_count;
extern const JSCFunctionListEntry native_url_functions[];
extern const int native_url_count;
extern const JSCFunctionListEntry native_io_functions[];
extern const int native_io_count;
extern const JSCFunctionListEntry native_crypto_functions[];
extern const int native_crypto_count;
extern const JSCFunctionListEntry native_net_functions[];
extern const int native_net_count;
extern const JSCFunctionListEntry native_misc_functions[];
extern const int native_misc_count;
extern const JSCFunctionListEntry native_coding_functions[];
extern const int native_coding_count;
extern const JSCFunctionListEntry native_scale_functions[];
extern const int native_scale_count;
extern const JSCFunctionListEntry native_host_functions[];
extern const int native_host_count;
extern const JSCFunctionListEntry native_wasm_functions[];
extern const int native_wasm_count;
extern const JSCFunctionListEntry native_url_pattern_functions[];
extern const int native_url_pattern_count;
int native_url_pattern_init(JSContext *ctx);
extern const JSCFunctionListEntry native_messages_functions[];
extern const int native_messages_count;
int native_messages_init(JSContext *ctx);

/* loader.c: the platform's modules, which are in this program's data; the user's program. */
void loader_init(JSContext *ctx);
/* Evaluates the platform. Returns false after logging why it could not. */
bool loader_start_platform(JSContext *ctx);
/* Whether there is a platform module of this name, which has no "wapo:". */
bool loader_has(const char *name);
/* Compiles the platform module "wapo:...". NULL with an exception pending. */
JSModuleDef *loader_compile(JSContext *ctx, const char *name);
extern const JSCFunctionListEntry native_loader_functions[];
extern const int native_loader_count;

/* native_host.c */
/* The bytes in the return slot, of which there are so many; an error code as a negative number if there are none. */
JSValue wapojs_take_return(JSContext *ctx, uint32_t length);
/* Whether the program was cut off for its gas or its time: nothing of it runs any more. */
bool wapojs_interrupted(void);
/* imports.c: what a user's program imports. */
/* What a specifier in a user's module or script means; js_malloc'ed, or NULL with an exception pending. */
char *imports_name(JSContext *ctx, const char *base, const char *specifier);
/* The module of a name that imports_name gave. whole_graph: nobody else forgets what a failure leaves behind. */
JSModuleDef *imports_load(JSContext *ctx, const char *name, JSValueConst attributes, bool whole_graph);
int imports_check_attributes(JSContext *ctx, void *opaque, JSValueConst attributes);
/* import.meta.url */
int imports_set_url(JSContext *ctx, JSModuleDef *module, const char *name);
/* Forgets the user's modules that were compiled and never linked; the pending exception stays. */
void imports_forget(JSContext *ctx);
/* In the engine (guest/sources.toml). */
/* As promise.then(...), without a promise for what the handlers return. */
int wapojs_promise_react(JSContext *ctx, JSValueConst promise, JSValueConst *handlers);
void wapojs_free_unlinked_modules(JSContext *ctx, bool (*which)(JSContext *ctx, JSAtom name));
/* Whether a module imports or exports anything. */
bool wapojs_has_declarations(JSModuleDef *module);

/* node_modules.c: Node's built-in modules, which are the platform's modules in "node/". */
#define NODE_PREFIX "wapo:node/"
#define NODE_PREFIX_LENGTH (sizeof(NODE_PREFIX) - 1)
/* A user's specifier as the name of a module: "node:path" and "path" become "wapo:node/path.js". js_malloc'ed. */
char *node_specifier(JSContext *ctx, const char *name);
/* The module "wapo:node/...", which is compiled when it is first asked for. */
JSModuleDef *node_module(JSContext *ctx, const char *name);
extern const JSCFunctionListEntry native_node_functions[];
extern const int native_node_count;

/* async_context.c: what AsyncLocalStorage keeps across promises. */
void async_context_init(void);
/* A job begins without a context. */
void async_context_reset(JSContext *ctx);
JSValue async_context_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);
JSValue async_context_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv);

/* native_misc.c: randomness is drawn again after this. */
void wapojs_forget(void);

/* main.c: room for what goes across the border within one call. The next call may use it. */
enum { SCRATCH_BYTES = 65536 };
extern uint8_t *wapojs_scratch;

/* text.c */
/* Bytes that stand for code points 0 to 255 (HTTP headers). */
JSValue wapojs_latin1_string(JSContext *ctx, const uint8_t *data, size_t length);
/* The string's code units 0 to 255 as bytes in a js_malloc'ed buffer, or NULL with an exception pending. */
uint8_t *wapojs_to_latin1(JSContext *ctx, JSValueConst value, size_t *length);
/* UTF-8 of a string with lone surrogates replaced; borrowed like JS_ToCStringLen, freed with JS_FreeCString. */
const char *wapojs_to_utf8(JSContext *ctx, JSValueConst value, size_t *length);
bool wapojs_is_utf8(const uint8_t *data, size_t length);
/* The bytes of an ArrayBuffer or of any view on one; NULL with an exception pending. Borrowed. */
uint8_t *wapojs_bytes(JSContext *ctx, JSValueConst value, size_t *length);

/* Throws an Error with the sentence of an error code. */
JSValue wapojs_throw_ocall(JSContext *ctx, const char *what, int error);

#endif
