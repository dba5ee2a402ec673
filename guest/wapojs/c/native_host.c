/* The border as it is, for the files of js/wapo: any call by its number. Who writes the arguments is the platform;
 * programs cannot reach these functions. And what only programs have that were started with arguments of their own.
 */
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>
#include "wapojs.h"

enum { REGISTERS = 4 };

/* Arguments of a call: numbers take one register, strings (UTF-8) and bytes two, a pointer and a length. */
typedef struct {
    int32_t registers[REGISTERS];
    const char *texts[REGISTERS];
    int used;
} packed;

static void unpack(JSContext *ctx, packed *p)
{
    for (int i = 0; i < REGISTERS; i++)
        if (p->texts[i])
            JS_FreeCString(ctx, p->texts[i]);
}

static bool pack(JSContext *ctx, packed *p, int argc, JSValueConst *argv)
{
    memset(p, 0, sizeof(*p));
    for (int i = 0; i < argc; i++) {
        bool number = JS_IsNumber(argv[i]);
        if (p->used + (number ? 1 : 2) > REGISTERS) {
            JS_ThrowInternalError(ctx, "too many arguments for a call");
            return false;
        }
        if (number) {
            if (JS_ToInt32(ctx, &p->registers[p->used++], argv[i]))
                return false;
            continue;
        }
        size_t length = 0;
        const void *data;
        if (JS_IsString(argv[i])) {
            data = p->texts[i] = wapojs_to_utf8(ctx, argv[i], &length);
            if (!data)
                return false;
        } else {
            data = wapojs_bytes(ctx, argv[i], &length);
            if (!data && JS_HasException(ctx))
                return false;
        }
        p->registers[p->used++] = OCALL_POINTER(data);
        p->registers[p->used++] = (int32_t)length;
    }
    return true;
}

JSValue wapojs_take_return(JSContext *ctx, uint32_t length)
{
    uint8_t *data = js_malloc(ctx, length + 1);
    if (!data)
        return JS_EXCEPTION;
    ocall_result taken = ocall(OCALL_GET_RETURN, OCALL_POINTER(data), (int32_t)length, 0, 0);
    JSValue result = taken.error ? JS_NewInt32(ctx, -taken.error) : JS_NewUint8ArrayCopy(ctx, data, length);
    js_free(ctx, data);
    return result;
}

/* ocall(number, ...arguments): the result of a fast call, or its error code as a negative number */
static JSValue any_ocall(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t id;
    packed p;
    JSValue result = JS_EXCEPTION;
    if (JS_ToInt32(ctx, &id, argv[0]))
        return JS_EXCEPTION;
    if (pack(ctx, &p, argc - 1, argv + 1)) {
        ocall_result got = ocall(id, p.registers[0], p.registers[1], p.registers[2], p.registers[3]);
        result = got.error ? JS_NewInt32(ctx, -got.error) : JS_NewUint32(ctx, got.value);
    }
    unpack(ctx, &p);
    return result;
}

/* ocallBytes(number, ...arguments): the encoded result of a slow call, or its error code as a negative number */
static JSValue any_ocall_slow(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    int32_t id;
    packed p;
    JSValue result = JS_EXCEPTION;
    if (JS_ToInt32(ctx, &id, argv[0]))
        return JS_EXCEPTION;
    if (pack(ctx, &p, argc - 1, argv + 1)) {
        ocall_result got = ocall_slow(id, p.registers[0], p.registers[1], p.registers[2], p.registers[3]);
        result = got.error ? JS_NewInt32(ctx, -got.error) : wapojs_take_return(ctx, got.value);
    }
    unpack(ctx, &p);
    return result;
}

/* ocallWait(number, slow, resource, callback(error code or 0, result)): a call with a waker, until it is not pending */
static JSValue any_ocall_wait(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t id, resource;
    if (JS_ToUint32(ctx, &id, argv[0]) || JS_ToUint32(ctx, &resource, argv[2]))
        return JS_EXCEPTION;
    return waits_call(ctx, id, JS_ToBool(ctx, argv[1]) > 0, resource, argv[3]);
}

/* Words that follow each other, each with a NUL. */
static JSValue words(JSContext *ctx, const char *data, uint32_t count)
{
    JSValue array = JS_NewArray(ctx);
    for (uint32_t i = 0; i < count; i++) {
        JS_SetPropertyUint32(ctx, array, i, JS_NewString(ctx, data));
        data += strlen(data) + 1;
    }
    return array;
}

typedef __wasi_errno_t (*sizes_function)(__wasi_size_t *, __wasi_size_t *);
typedef __wasi_errno_t (*words_function)(uint8_t **, uint8_t *);

static JSValue words_of(JSContext *ctx, sizes_function sizes, words_function get)
{
    __wasi_size_t count = 0, size = 0;
    if (sizes(&count, &size))
        return JS_NewArray(ctx);
    uint8_t **pointers = js_malloc(ctx, (count + 1) * sizeof(*pointers)), *data = js_malloc(ctx, size + 1);
    JSValue array = JS_EXCEPTION;
    if (pointers && data)
        array = get(pointers, data) ? JS_NewArray(ctx) : words(ctx, (const char *)data, count);
    js_free(ctx, pointers);
    js_free(ctx, data);
    return array;
}

/* programArguments(): what the program was started with, its own name first */
static JSValue program_arguments(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return words_of(ctx, __wasi_args_sizes_get, __wasi_args_get);
}

/* programEnvironment(): "name=value" each */
static JSValue program_environment(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return words_of(ctx, __wasi_environ_sizes_get, __wasi_environ_get);
}

/* exitProgram(code): the end, at once */
static JSValue exit_program(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t code;
    if (JS_ToUint32(ctx, &code, argv[0]))
        return JS_EXCEPTION;
    __wasi_proc_exit(code);
}

/* runJobs(): runs promise jobs until none is left, though JavaScript is still running */
static JSValue run_jobs(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    wapojs_run_jobs();
    return JS_UNDEFINED;
}

/* takeId(): a number that no timer has or will have */
static JSValue take_id(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewInt32(ctx, timers_take_id());
}

/* Gas and time of an isolate. The engine asks once in about ten thousand calls and turns of loops; each time is a unit
 * of gas. What is thrown then cannot be caught, so the platform itself must not be running any more: it is let alone
 * from then on, to say how it ended. */
static double gas = -1, deadline = -1;
static bool interrupted;

bool wapojs_interrupted(void)
{
    return interrupted;
}

static int on_interrupt(JSRuntime *runtime, void *opaque)
{
    if (interrupted)
        return 0;
    if (gas >= 0 && gas-- < 1)
        interrupted = true;
    if (deadline >= 0 && wapojs_monotonic_ms() > deadline)
        interrupted = true;
    return interrupted;
}

/* limitRun(gas or -1, ms or -1): from now on */
static JSValue limit_run(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    double ms;
    if (JS_ToFloat64(ctx, &gas, argv[0]) || JS_ToFloat64(ctx, &ms, argv[1]))
        return JS_EXCEPTION;
    deadline = ms < 0 ? -1 : wapojs_monotonic_ms() + ms;
    JS_SetInterruptHandler(JS_GetRuntime(ctx), on_interrupt, NULL);
    return JS_UNDEFINED;
}

static JSValue is_interrupted(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewBool(ctx, interrupted);
}

/* attempt(function): [true, its result] or [false, what it threw], be that an interruption, which nothing else
 * catches */
static JSValue attempt(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue result = JS_Call(ctx, argv[0], JS_UNDEFINED, 0, NULL);
    bool threw = JS_IsException(result);
    if (threw)
        result = JS_GetException(ctx);
    JSValue pair[] = { JS_NewBool(ctx, !threw), result };
    return JS_NewArrayFrom(ctx, 2, pair);
}

const JSCFunctionListEntry native_host_functions[] = {
    JS_CFUNC_DEF("ocall", 5, any_ocall),
    JS_CFUNC_DEF("ocallBytes", 5, any_ocall_slow),
    JS_CFUNC_DEF("ocallWait", 4, any_ocall_wait),
    JS_CFUNC_DEF("programArguments", 0, program_arguments),
    JS_CFUNC_DEF("programEnvironment", 0, program_environment),
    JS_CFUNC_DEF("exitProgram", 1, exit_program),
    JS_CFUNC_DEF("runJobs", 0, run_jobs),
    JS_CFUNC_DEF("takeId", 0, take_id),
    JS_CFUNC_DEF("limitRun", 2, limit_run),
    JS_CFUNC_DEF("interrupted", 0, is_interrupted),
    JS_CFUNC_DEF("attempt", 1, attempt),
};
const int native_host_count = sizeof(native_host_functions) / sizeof(native_host_functions[0]);
