/* The life of the program: wapo_poll is called whenever there may be something to do, does it, and returns.
 *
 * The first poll starts the engine and the platform. Then commands come (docs/abi.md, 1001): load a program, serve a
 * request. Everything else is waking what waits. The program is over (poll returns 1) when JavaScript says so once
 * nothing is left that could still happen.
 */
#include <stdlib.h>
#include <string.h>
#include "heap.h"
#include "wapojs.h"

enum { COMMAND_LOAD = 1, COMMAND_REQUEST = 2, COMMAND_RUN = 3, COMMAND_ISOLATE = 4 };
enum { LOAD_EVALUATE = 1 };
enum { MAX_WAKERS_A_POLL = 256 };

/* Deep recursion must end as a JavaScript exception. The engine counts the shadow stack, which is in linear memory
 * (1 MiB, set at link time); the machine stack that the host gives has room for what is on it then. */
#define JS_STACK_BYTES (700 * 1024)

/* A collection walks the whole heap and so dirties every page of it; a short request should never need one. */
#define GC_HEADROOM_BYTES (32u << 20)

/* A program that has taken more than this while it was loaded is worth looking for garbage in cycles. Of a smaller one
 * there is little, and to look for it costs more than compiling 10 KB of source. */
#define LOAD_GC_BYTES (4u << 20)

/* A memory that has grown cannot be reset to its image, so an image has room for a small request. Pages that nothing
 * has been written to cost nothing. */
#define SPARE_HEAP_BYTES (1u << 20)

JSContext *wapojs_context;

static JSRuntime *runtime;
static JSValue handlers[HANDLER_COUNT];
static bool failed;
/* There are no commands: an app of a node, or a program in the foreground, as any other. */
static bool is_program;
/* Whether JavaScript is to look at unhandled rejections once the queue is empty. */
static bool rejections_changed;
uint8_t *wapojs_scratch;

static void track_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque)
{
    (void)opaque;
    rejections_changed = true;
    JSValue args[] = { JS_DupValue(ctx, promise), JS_DupValue(ctx, reason), JS_NewBool(ctx, is_handled) };
    JS_FreeValue(ctx, wapojs_call_handler(HANDLER_REJECTION, 3, args));
}

/* The host calls neither _start nor _initialize (Wapo ABI 10.5), so static constructors are ours to run, once. */
extern void __wasm_call_ctors(void);

static bool start(void)
{
    __wasm_call_ctors();
    wapojs_scratch = malloc(SCRATCH_BYTES);
    runtime = JS_NewRuntime();
    if (!runtime || !wapojs_scratch)
        return false;
    JS_SetMaxStackSize(runtime, JS_STACK_BYTES);
    JS_SetGCThreshold(runtime, (size_t)-1);
    wapojs_context = JS_NewContext(runtime);
    if (!wapojs_context || JS_AddIntrinsicBigInt(wapojs_context))
        return false;
    for (int i = 0; i < HANDLER_COUNT; i++)
        handlers[i] = JS_UNDEFINED;
    JS_SetHostPromiseRejectionTracker(runtime, track_rejection, NULL);
    heap_reserve();
    async_context_init();
    loader_init(wapojs_context);
    return loader_start_platform(wapojs_context);
}

void wapojs_set_handler(enum handler which, JSValueConst function)
{
    JS_FreeValue(wapojs_context, handlers[which]);
    handlers[which] = JS_DupValue(wapojs_context, function);
}

static void report(void)
{
    JSContext *ctx = wapojs_context;
    JSValue error = JS_GetException(ctx);
    if (JS_IsFunction(ctx, handlers[HANDLER_REPORT])) {
        JSValue result = JS_Call(ctx, handlers[HANDLER_REPORT], JS_UNDEFINED, 1, (JSValueConst *)&error);
        if (JS_IsException(result))
            JS_FreeValue(ctx, JS_GetException(ctx)); /* reporting must not go round in circles */
        JS_FreeValue(ctx, result);
    }
    JS_FreeValue(ctx, error);
}

JSValue wapojs_call_handler(enum handler which, int argc, JSValue *argv)
{
    JSContext *ctx = wapojs_context;
    JSValue result = JS_UNDEFINED;
    if (JS_IsFunction(ctx, handlers[which]))
        result = JS_Call(ctx, handlers[which], JS_UNDEFINED, argc, (JSValueConst *)argv);
    for (int i = 0; i < argc; i++)
        JS_FreeValue(ctx, argv[i]);
    if (JS_IsException(result)) {
        report();
        return JS_UNDEFINED;
    }
    return result;
}

void wapojs_call(JSValueConst function, int argc, JSValue *argv)
{
    JSContext *ctx = wapojs_context;
    JSValue result = JS_UNDEFINED;
    if (!wapojs_interrupted())
        result = JS_Call(ctx, function, JS_UNDEFINED, argc, (JSValueConst *)argv);
    for (int i = 0; i < argc; i++)
        JS_FreeValue(ctx, argv[i]);
    if (JS_IsException(result))
        report();
    JS_FreeValue(ctx, result);
}

static bool ticks_scheduled;
static uint32_t task_number;

void wapojs_schedule_ticks(void)
{
    ticks_scheduled = true;
}

void wapojs_run_jobs(void)
{
    JSContext *ctx;
    int status;
    async_context_reset(wapojs_context); /* of what has just been called */
    do {
        if (ticks_scheduled) {
            ticks_scheduled = false;
            JS_FreeValue(wapojs_context, wapojs_call_handler(HANDLER_TICKS, 0, NULL));
        }
        while (!wapojs_interrupted() && (status = JS_ExecutePendingJob(runtime, &ctx)) != 0) {
            if (status < 0)
                report();
            async_context_reset(wapojs_context);
        }
        if (wapojs_interrupted()) /* what the program would still do is not done */
            return;
        if (!ticks_scheduled && rejections_changed) {
            rejections_changed = false;
            JS_FreeValue(wapojs_context, wapojs_call_handler(HANDLER_SETTLED, 0, NULL));
        }
        /* Then the task is over, and an event that has been asked for is the next one. */
    } while (ticks_scheduled || JS_IsJobPending(runtime) || (++task_number, waits_try_deferred()));
}

uint32_t wapojs_task_number(void)
{
    return task_number;
}

bool wapojs_has_work(void)
{
    return waits_keep_alive() || timers_count() > 0;
}

/* There is no memory for what the host gave: that is the end. */
static void does_not_fit(void)
{
    static const char text[] = "out of memory: the request or the program does not fit";
    ocall(OCALL_FAIL, 1, OCALL_POINTER(text), sizeof(text) - 1, 0);
    failed = true;
}

/* Calls the handler of a command, if there was memory for all of its arguments. */
static void call_handler(enum handler which, int argc, JSValue *argv)
{
    JSContext *ctx = wapojs_context;
    bool whole = true;
    for (int i = 0; i < argc; i++)
        whole = whole && !JS_IsException(argv[i]);
    if (whole) {
        JS_FreeValue(ctx, wapojs_call_handler(which, argc, argv));
        return;
    }
    for (int i = 0; i < argc; i++)
        JS_FreeValue(ctx, argv[i]);
    JS_FreeValue(ctx, JS_GetException(ctx));
    does_not_fit();
}

/* Reads a little-endian number of a command and moves on. */
static uint32_t take_u32(const uint8_t **at)
{
    uint32_t value;
    memcpy(&value, *at, 4);
    *at += 4;
    return value;
}

static size_t memory_bytes(void)
{
    return (size_t)__builtin_wasm_memory_size(0) * 65536;
}

/* LOAD: u32 flags, u32 length of the file name, u32 length of the source; file name, source. */
static void load(const uint8_t *at)
{
    JSContext *ctx = wapojs_context;
    uint32_t flags = take_u32(&at), name_length = take_u32(&at), source_length = take_u32(&at);
    JSValue args[] = {
        JS_NewStringLen(ctx, (const char *)at + name_length, source_length),
        JS_NewStringLen(ctx, (const char *)at, name_length),
        JS_NewBool(ctx, flags & LOAD_EVALUATE),
    };
    size_t before = memory_bytes();
    call_handler(HANDLER_LOAD, 3, args);
    if (failed)
        return;
    wapojs_run_jobs();
    if (memory_bytes() - before > LOAD_GC_BYTES)
        JS_RunGC(runtime);
    JS_SetGCThreshold(runtime, memory_bytes() + GC_HEADROOM_BYTES);
    heap_seal(SPARE_HEAP_BYTES);
    wapojs_forget();
}

/* REQUEST: u32 lengths of method, URL, headers, body, secret, id; i32 stream of the rest of the body or -1;
 * u32 whether there is a body; f64 times in ms, since the epoch and monotonic; then those six. */
static void request(const uint8_t *at)
{
    JSContext *ctx = wapojs_context;
    uint32_t method = take_u32(&at), url = take_u32(&at), headers = take_u32(&at), body = take_u32(&at);
    uint32_t secret = take_u32(&at), id = take_u32(&at);
    int32_t stream = (int32_t)take_u32(&at);
    bool has_body = take_u32(&at);
    double times[2];
    memcpy(times, at, sizeof(times));
    at += sizeof(times);
    const uint8_t *p[6];
    uint32_t sizes[] = { method, url, headers, body, secret, id };
    for (int i = 0; i < 6; i++) {
        p[i] = at;
        at += sizes[i];
    }
    JSValue args[] = {
        JS_NewStringLen(ctx, (const char *)p[0], method),
        JS_NewStringLen(ctx, (const char *)p[1], url),
        wapojs_latin1_string(ctx, p[2], headers),
        has_body ? JS_NewUint8ArrayCopy(ctx, p[3], body) : JS_NULL,
        JS_NewInt32(ctx, stream),
        secret ? JS_NewStringLen(ctx, (const char *)p[4], secret) : JS_NULL,
        JS_NewStringLen(ctx, (const char *)p[5], id),
        JS_NewFloat64(ctx, times[0]),
        JS_NewFloat64(ctx, times[1]),
    };
    call_handler(HANDLER_REQUEST, 9, args);
}

/* RUN: u32 number of arguments, u32 lengths of arguments and environment; then both. */
static void run(const uint8_t *at)
{
    JSContext *ctx = wapojs_context;
    uint32_t count = take_u32(&at), words = take_u32(&at), pairs = take_u32(&at);
    JSValue args[] = {
        JS_NewStringLen(ctx, (const char *)at, words),
        JS_NewUint32(ctx, count),
        JS_NewStringLen(ctx, (const char *)at + words, pairs),
    };
    call_handler(HANDLER_RUN, 3, args);
}

/* ISOLATE: u32 length of the text; f64 times in ms, since the epoch and monotonic; the text. */
static void isolate(const uint8_t *at)
{
    JSContext *ctx = wapojs_context;
    uint32_t length = take_u32(&at);
    double times[2];
    memcpy(times, at, sizeof(times));
    at += sizeof(times);
    JSValue args[] = {
        JS_NewStringLen(ctx, (const char *)at, length),
        JS_NewFloat64(ctx, times[0]),
        JS_NewFloat64(ctx, times[1]),
    };
    call_handler(HANDLER_ISOLATE, 3, args);
}

/* The first poll of a program: its scripts, and then it lives on what they leave behind. */
static void start_program(void)
{
    is_program = true;
    JS_SetGCThreshold(runtime, GC_HEADROOM_BYTES);
    call_handler(HANDLER_PROGRAM, 0, NULL);
    wapojs_run_jobs();
}

/* The platform is started, and the base image is about to be taken. What collecting garbage moves (the order of the
 * collector's list, in every object) it moves now, not in each program's image; and what a program allocates lies side
 * by side. So the image of a small program differs from this one in 100 pages, not in 600. */
static void settle(void)
{
    JS_RunGC(runtime);
    heap_seal(0);
}

/* Takes one command from the host, if there is one. A long one comes through the return slot. True if another may
 * follow at once. */
static bool take_command(void)
{
    ocall_result length = ocall(OCALL_NEXT_COMMAND, OCALL_POINTER(wapojs_scratch), SCRATCH_BYTES, 0, 0);
    if (length.error) {
        if (length.error == ERROR_UNKNOWN_CALL)
            start_program();
        return false;
    }
    uint8_t *command = wapojs_scratch;
    if (length.value > SCRATCH_BYTES) {
        command = malloc(length.value);
        if (!command || ocall(OCALL_GET_RETURN, OCALL_POINTER(command), (int32_t)length.value, 0, 0).error) {
            free(command);
            does_not_fit();
            return false;
        }
    }
    const uint8_t *at = command;
    uint32_t kind = take_u32(&at);
    switch (kind) {
    case COMMAND_LOAD: load(at); break;
    case COMMAND_REQUEST: request(at); break;
    case COMMAND_RUN: run(at); break;
    case COMMAND_ISOLATE: isolate(at); break;
    }
    if (command != wapojs_scratch)
        free(command);
    if (failed)
        return false;
    wapojs_run_jobs();
    return kind == COMMAND_LOAD;
}

__attribute__((export_name("wapo_poll"))) int32_t wapo_poll(void)
{
    static int32_t wakers[MAX_WAKERS_A_POLL];
    bool starting = !wapojs_context;
    if (starting && !start())
        failed = true;
    if (failed)
        return 1;
    waits_begin_poll();
    if (waits_left_deferred())
        wapojs_run_jobs();
    /* Without a wait or a timer there is no waker to hear of; next_command takes the task off the queue then. */
    while (waits_count() || timers_armed() || is_program) {
        ocall_result count = ocall(OCALL_DRAIN_WAKERS, OCALL_POINTER(wakers), MAX_WAKERS_A_POLL, 0, 0);
        if (count.error || count.value == 0)
            break;
        for (uint32_t i = 0; i < count.value; i++)
            if (wakers[i] >= 0) {
                waits_wake((uint32_t)wakers[i]);
                wapojs_run_jobs();
            }
        if (count.value < MAX_WAKERS_A_POLL)
            break;
    }
    while (!is_program && take_command()) { }
    if (starting && !is_program)
        settle();
    if (wapojs_interrupted()) {
        timers_clear_all(wapojs_context);
        waits_cancel_all(wapojs_context);
    }
    while (!failed && !wapojs_has_work()) {
        JSValue over = wapojs_call_handler(HANDLER_IDLE, 0, NULL);
        bool end = JS_ToBool(wapojs_context, over) > 0;
        JS_FreeValue(wapojs_context, over);
        if (end)
            return 1;
        if (!JS_IsJobPending(runtime))
            break;
        wapojs_run_jobs();
    }
    if (waits_left_deferred())
        ocall(OCALL_MARK_TASK_READY, 0, 0, 0, 0);
    return failed ? 1 : 0;
}
