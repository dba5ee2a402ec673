/* Modules: the platform's, which are data of this program, and the user's program.
 *
 * The platform's modules are named "wapo:<path>", import each other by relative path, and get the C functions from
 * "wapo:native". A user's program can import none of them, but for those in "wapo:node/" (node_modules.c); what else it
 * can import, imports.c knows.
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

/* What a user's program can import, and the platform's module that it is. */
static const char *const public_modules[][2] = {
    { "cloudflare:sockets", "wapo:socket-module.js" },
    { "wapo:sockets", "wapo:wapo/socket-module.js" },
};

static const char *public_module(const char *name)
{
    for (size_t i = 0; i < sizeof(public_modules) / sizeof(public_modules[0]); i++)
        if (!strcmp(name, public_modules[i][0]))
            return public_modules[i][1];
    return NULL;
}

static bool is_platform(const char *name)
{
    return strncmp(name, PREFIX, PREFIX_LENGTH) == 0;
}

static const platform_module *find_platform(const char *name)
{
    for (size_t i = 0; i < platform_module_count; i++)
        if (!strcmp(name, platform_modules[i].name))
            return &platform_modules[i];
    return NULL;
}

bool loader_has(const char *name)
{
    return find_platform(name) != NULL;
}

/* What a user's program imports: the only way from a specifier of its own to a module. */
static char *user_specifier(JSContext *ctx, const char *base, const char *name)
{
    if (public_module(name))
        return js_strdup(ctx, public_module(name));
    if (!is_platform(name)) {
        char *node = node_specifier(ctx, name);
        if (!node || is_platform(node))
            return node;
        js_free(ctx, node);
    }
    char *found = is_platform(name) ? NULL : imports_name(ctx, base, name);
    if (found ? is_platform(found) : is_platform(name)) { /* a file may have such a name, too */
        js_free(ctx, found);
        JS_ThrowTypeError(ctx, "cannot import '%s': it belongs to the runtime", name);
        return NULL;
    }
    return found;
}

/* "wapo:a/b.js" + "./c.js" -> "wapo:a/c.js". */
static char *normalize(JSContext *ctx, const char *base, const char *name, void *opaque)
{
    if (!is_platform(base))
        return user_specifier(ctx, base, name);
    if (name[0] != '.')
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

/* What "wapo:native" exports, file by file. */
static const struct {
    const JSCFunctionListEntry *functions;
    const int *count;
} native_lists[] = {
    { native_text_functions, &native_text_count },
    { native_url_functions, &native_url_count },
    { native_url_pattern_functions, &native_url_pattern_count },
    { native_io_functions, &native_io_count },
    { native_crypto_functions, &native_crypto_count },
    { native_misc_functions, &native_misc_count },
    { native_coding_functions, &native_coding_count },
    { native_scale_functions, &native_scale_count },
    { native_host_functions, &native_host_count },
    { native_net_functions, &native_net_count },
    { native_wasm_functions, &native_wasm_count },
    { native_loader_functions, &native_loader_count },
    { native_node_functions, &native_node_count },
    { native_messages_functions, &native_messages_count },
};

static int native_init(JSContext *ctx, JSModuleDef *module)
{
    for (size_t i = 0; i < sizeof(native_lists) / sizeof(native_lists[0]); i++)
        JS_SetModuleExportList(ctx, module, native_lists[i].functions, *native_lists[i].count);
    return native_messages_init(ctx) || native_url_pattern_init(ctx) ? -1 : 0;
}

static JSModuleDef *native_module(JSContext *ctx)
{
    JSModuleDef *module = JS_NewCModule(ctx, NATIVE_MODULE, native_init);
    if (!module)
        return NULL;
    for (size_t i = 0; i < sizeof(native_lists) / sizeof(native_lists[0]); i++)
        JS_AddModuleExportList(ctx, module, native_lists[i].functions, *native_lists[i].count);
    return module;
}

static bool compiling; /* the user's program, and with it the graph of what it imports */

JSModuleDef *loader_compile(JSContext *ctx, const char *name)
{
    const platform_module *m = find_platform(name + PREFIX_LENGTH);
    if (!m) {
        JS_ThrowReferenceError(ctx, "there is no module '%s'", name);
        return NULL;
    }
    JSValue compiled =
        JS_Eval(ctx, (const char *)m->source, m->length, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(compiled))
        return NULL;
    JSModuleDef *module = JS_VALUE_GET_PTR(compiled);
    JS_FreeValue(ctx, compiled); /* the context keeps it */
    return module;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes)
{
    if (is_platform(name)) { /* user code cannot name these, but for Node's: see normalize */
        if (!strcmp(name, NATIVE_MODULE))
            return native_module(ctx);
        if (!strncmp(name, NODE_PREFIX, NODE_PREFIX_LENGTH))
            return node_module(ctx, name);
        return loader_compile(ctx, name);
    }
    return imports_load(ctx, name, attributes, !compiling);
}

void loader_init(JSContext *ctx)
{
    JS_SetModuleLoaderFunc2(JS_GetRuntime(ctx), normalize, load, imports_check_attributes, NULL);
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

/* compile(source, file name, as module): keeps the program for evaluate(), instead of one that was kept before. Whether
 * it is a module that imports or exports something, which no script can. Throws a SyntaxError; what was kept stays. */
static JSValue compile(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *source = JS_ToCStringLen(ctx, &length, argv[0]), *name = JS_ToCString(ctx, argv[1]);
    JSValue compiled = JS_EXCEPTION;
    bool as_module = JS_ToBool(ctx, argv[2]) > 0;
    if (source && name) {
        compiling = true;
        compiled = JS_Eval(ctx, source, length, name,
                           (as_module ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL) | JS_EVAL_FLAG_COMPILE_ONLY);
        compiling = false;
        if (JS_IsException(compiled)) {
            if (as_module)
                imports_forget(ctx);
        } else if (as_module && imports_set_url(ctx, JS_VALUE_GET_PTR(compiled), name)) {
            compiled = JS_EXCEPTION;
        }
    }
    JS_FreeCString(ctx, source);
    JS_FreeCString(ctx, name);
    if (JS_IsException(compiled))
        return compiled;
    bool instead_of_module = program_is_module && !JS_IsUndefined(program);
    JS_FreeValue(ctx, program);
    if (instead_of_module)
        imports_forget(ctx);
    program = compiled;
    program_is_module = as_module;
    return JS_NewBool(ctx, as_module && wapojs_has_declarations(JS_VALUE_GET_PTR(compiled)));
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

/* setHandlers(load, request, rejection, report, settled, idle, ticks, run, program, isolate): see enum handler. */
static JSValue set_handlers(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    for (int i = 0; i < HANDLER_COUNT && i < argc; i++)
        wapojs_set_handler((enum handler)i, argv[i]);
    return JS_UNDEFINED;
}

const JSCFunctionListEntry native_loader_functions[] = {
    JS_CFUNC_DEF("compile", 3, compile),
    JS_CFUNC_DEF("evaluate", 0, evaluate),
    JS_CFUNC_DEF("setHandlers", 10, set_handlers),
};
const int native_loader_count = sizeof(native_loader_functions) / sizeof(native_loader_functions[0]);
