/* Modules: the platform's, which are data of this program, and the user's program.
 *
 * The platform's modules are named "wapo:<path>", import each other by relative path, and get the C functions from
 * "wapo:native". A user's program can import none of them.
 */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

typedef struct {
    const char *name; /* without "wapo:" */
    const unsigned char *source;
    size_t length; /* a NUL follows */
} platform_module;

#include "platform_modules.h" /* written by the build: platform_modules[], platform_module_count */

#define PREFIX "wapo:"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define NATIVE_MODULE "wapo:native"
#ifdef WAPOJS_TESTS /* tests/guest: its files import the platform's by their path in the repository */
#define MAIN_MODULE "wapo:tests/guest/entry.js"
#define PLATFORM_FOLDER "guest/wapojs/js/"
#else
#define MAIN_MODULE "wapo:main.js"
#endif

/* The user's program between compilation and evaluation: a module or byte code; undefined otherwise. */
static JSValue program = JS_UNDEFINED;
static bool program_is_module;
static bool platform_running;

static bool is_platform(const char *name)
{
    return strncmp(name, PREFIX, PREFIX_LENGTH) == 0;
}

/* "wapo:a/b.js" + "./c.js" -> "wapo:a/c.js". A user's specifier is left as it is. */
static char *normalize(JSContext *ctx, const char *base, const char *name, void *opaque)
{
    if (!is_platform(base) && is_platform(name)) {
        JS_ThrowReferenceError(ctx, "cannot import '%s': it belongs to the runtime", name);
        return NULL;
    }
    if (name[0] != '.' || !is_platform(base))
        return js_strdup(ctx, name);
    const char *slash = strrchr(base, '/');
    size_t keep = slash ? (size_t)(slash - base) + 1 : PREFIX_LENGTH;
    char *path = js_malloc(ctx, keep + strlen(name) + 1);
    if (!path)
        return NULL;
    memcpy(path, base, keep);
    for (;;) {
        if (!strncmp(name, "./", 2)) {
            name += 2;
        } else if (!strncmp(name, "../", 3)) {
            name += 3;
            if (keep > PREFIX_LENGTH)
                for (keep--; keep > PREFIX_LENGTH && path[keep - 1] != '/';)
                    keep--;
        } else {
            break;
        }
    }
    strcpy(path + keep, name);
#ifdef WAPOJS_TESTS
    size_t folder = sizeof(PLATFORM_FOLDER) - 1;
    if (!strncmp(path + PREFIX_LENGTH, PLATFORM_FOLDER, folder))
        memmove(path + PREFIX_LENGTH, path + PREFIX_LENGTH + folder, strlen(path + PREFIX_LENGTH + folder) + 1);
#endif
    return path;
}

static int native_init(JSContext *ctx, JSModuleDef *module)
{
    JS_SetModuleExportList(ctx, module, native_text_functions, native_text_count);
    JS_SetModuleExportList(ctx, module, native_url_functions, native_url_count);
    JS_SetModuleExportList(ctx, module, native_io_functions, native_io_count);
    JS_SetModuleExportList(ctx, module, native_misc_functions, native_misc_count);
    JS_SetModuleExportList(ctx, module, native_wasm_functions, native_wasm_count);
    JS_SetModuleExportList(ctx, module, native_loader_functions, native_loader_count);
    return native_url_init(ctx, module);
}

static JSModuleDef *native_module(JSContext *ctx)
{
    JSModuleDef *module = JS_NewCModule(ctx, NATIVE_MODULE, native_init);
    if (!module)
        return NULL;
    JS_AddModuleExportList(ctx, module, native_text_functions, native_text_count);
    JS_AddModuleExportList(ctx, module, native_url_functions, native_url_count);
    JS_AddModuleExportList(ctx, module, native_io_functions, native_io_count);
    JS_AddModuleExportList(ctx, module, native_misc_functions, native_misc_count);
    JS_AddModuleExportList(ctx, module, native_wasm_functions, native_wasm_count);
    JS_AddModuleExportList(ctx, module, native_loader_functions, native_loader_count);
    JS_AddModuleExport(ctx, module, "urlOffsets");
    return module;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque)
{
    if (is_platform(name)) { /* user code cannot name these: see normalize */
        if (!strcmp(name, NATIVE_MODULE))
            return native_module(ctx);
        for (size_t i = 0; i < platform_module_count; i++) {
            const platform_module *m = &platform_modules[i];
            if (strcmp(name + PREFIX_LENGTH, m->name))
                continue;
            JSValue compiled = JS_Eval(ctx, (const char *)m->source, m->length, name,
                                       JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
            if (JS_IsException(compiled))
                return NULL;
            JSModuleDef *module = JS_VALUE_GET_PTR(compiled);
            JS_FreeValue(ctx, compiled);
            return module;
        }
    }
    JS_ThrowReferenceError(ctx, "cannot import '%s': a program is one file; bundle what it needs into it", name);
    return NULL;
}

void loader_init(JSContext *ctx)
{
    JS_SetModuleLoaderFunc(JS_GetRuntime(ctx), normalize, load, NULL);
}

static void log_exception(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx), stack = JS_GetPropertyStr(ctx, error, "stack");
    const char *text = JS_ToCString(ctx, error), *where = JS_ToCString(ctx, stack);
    if (text)
        ocall(OCALL_LOG, LOG_ERROR, OCALL_POINTER(text), (int32_t)strlen(text), 0);
    if (where)
        ocall(OCALL_LOG, LOG_ERROR, OCALL_POINTER(where), (int32_t)strlen(where), 0);
    JS_FreeCString(ctx, text);
    JS_FreeCString(ctx, where);
    JS_FreeValue(ctx, stack);
    JS_FreeValue(ctx, error);
}

bool loader_start_platform(JSContext *ctx)
{
    static const char source[] = "import '" MAIN_MODULE "';";
    JSValue promise = JS_Eval(ctx, source, sizeof(source) - 1, "wapo:start", JS_EVAL_TYPE_MODULE);
    if (!JS_IsException(promise)) {
        wapojs_run_jobs();
        if (JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED)
            JS_Throw(ctx, JS_PromiseResult(ctx, promise));
        else
            platform_running = true;
    }
    JS_FreeValue(ctx, promise);
    if (!platform_running)
        log_exception(ctx);
    return platform_running;
}

/* compile(source, file name, as module): keeps the program for evaluate(). Throws a SyntaxError. */
static JSValue compile(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *source = JS_ToCStringLen(ctx, &length, argv[0]), *name = JS_ToCString(ctx, argv[1]);
    JSValue compiled = JS_EXCEPTION;
    if (source && name) {
        program_is_module = JS_ToBool(ctx, argv[2]) > 0;
        compiled = JS_Eval(ctx, source, length, name,
                           (program_is_module ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL) | JS_EVAL_FLAG_COMPILE_ONLY);
    }
    JS_FreeCString(ctx, source);
    JS_FreeCString(ctx, name);
    if (JS_IsException(compiled))
        return compiled;
    program = compiled;
    return JS_UNDEFINED;
}

/* evaluate(): runs the compiled program, once. A script gives its completion value, a module [promise, namespace]. */
static JSValue evaluate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue compiled = program;
    program = JS_UNDEFINED;
    if (JS_IsUndefined(compiled))
        return JS_ThrowInternalError(ctx, "no program has been compiled");
    if (!program_is_module)
        return JS_EvalFunction(ctx, compiled);
    JSModuleDef *module = JS_VALUE_GET_PTR(compiled);
    JSValue promise = JS_EvalFunction(ctx, compiled);
    if (JS_IsException(promise))
        return promise;
    JSValue parts[] = { promise, JS_GetModuleNamespace(ctx, module) };
    return JS_NewArrayFrom(ctx, 2, parts);
}

/* setHandlers(load, request, rejection, report, settled, idle, ticks, run): see enum handler. */
static JSValue set_handlers(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    for (int i = 0; i < HANDLER_COUNT && i < argc; i++)
        wapojs_set_handler((enum handler)i, argv[i]);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_loader_functions[] = {
    JS_CFUNC_DEF("compile", 3, compile),
    JS_CFUNC_DEF("evaluate", 0, evaluate),
    JS_CFUNC_DEF("setHandlers", 8, set_handlers),
};
const int native_loader_count = sizeof(native_loader_functions) / sizeof(native_loader_functions[0]);
