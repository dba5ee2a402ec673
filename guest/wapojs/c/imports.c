/* Modules that a user's program imports. The host says what a specifier means (docs/abi.md, 1250) and gives the source
 * (1251), for which this machine stands still; the engine links.
 *
 * A graph is loaded as a whole or not at all: what a failed import had brought along is forgotten again, because modules
 * of a cycle point to each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

/* Modules that wait for one another's imports; each takes some of the stack. */
enum { MAX_DEPTH = 100 };
enum { ANSWER_GOOD = 0 };

static int depth;
static char *importer; /* of the import that is being resolved, for messages */

/* The host's answer in a malloc'ed buffer, a NUL after it; NULL with an exception pending. The first byte says whether
 * it is what was asked for or why not. */
static char *ask(JSContext *ctx, int call, const char *question, size_t length, size_t *answer_length)
{
    ocall_result got = ocall_slow(call, OCALL_POINTER(question), (int32_t)length, 0, 0);
    static const char unavailable[] = "\1nothing can be imported here";
    size_t size = got.error ? sizeof(unavailable) - 1 : got.value;
    char *answer = malloc(size + 1);
    if (!answer || (!got.error && ocall(OCALL_GET_RETURN, OCALL_POINTER(answer), (int32_t)size, 0, 0).error)) {
        free(answer);
        JS_ThrowOutOfMemory(ctx);
        return NULL;
    }
    if (got.error)
        memcpy(answer, unavailable, size);
    answer[size] = 0;
    *answer_length = size;
    return answer;
}

/* Throws a TypeError; the engine's own function cuts messages off. */
static void refuse(JSContext *ctx, const char *name, const char *why)
{
    static const char form[] = "cannot import '%s' from '%s': %s";
    const char *from = importer ? importer : "";
    size_t size = sizeof(form) + strlen(name) + strlen(from) + strlen(why);
    char *text = malloc(size);
    if (!text) {
        JS_ThrowOutOfMemory(ctx);
        return;
    }
    int length = snprintf(text, size, form, name, from, why);
    JS_ThrowTypeError(ctx, "an import failed");
    JSValue error = JS_GetException(ctx);
    JS_DefinePropertyValueStr(ctx, error, "message", JS_NewStringLen(ctx, text, (size_t)length),
                              JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
    JS_Throw(ctx, error);
    free(text);
}

char *imports_name(JSContext *ctx, const char *base, const char *specifier)
{
    size_t base_length = strlen(base), length = strlen(specifier), answer_length;
    char *question = malloc(base_length + length + 2);
    free(importer);
    importer = strdup(base);
    if (!question || !importer) {
        free(question);
        JS_ThrowOutOfMemory(ctx);
        return NULL;
    }
    memcpy(question, base, base_length + 1);
    memcpy(question + base_length + 1, specifier, length + 1);
    char *answer = ask(ctx, OCALL_MODULE_NAME, question, base_length + 1 + length, &answer_length);
    free(question);
    if (!answer)
        return NULL;
    char *name = NULL;
    if (answer[0] == ANSWER_GOOD)
        name = js_strdup(ctx, answer + 1);
    else
        refuse(ctx, specifier, answer + 1);
    free(answer);
    return name;
}

int imports_set_url(JSContext *ctx, JSModuleDef *module, const char *name)
{
    JSValue meta = JS_GetImportMeta(ctx, module);
    if (JS_IsException(meta))
        return -1;
    static const char scheme[] = "file:///";
    bool whole = strstr(name, "://") != NULL;
    char *url = malloc(sizeof(scheme) + strlen(name));
    int done = -1;
    if (url) {
        strcpy(url, whole ? "" : scheme);
        strcat(url, name);
        done = JS_DefinePropertyValueStr(ctx, meta, "url", JS_NewString(ctx, url), JS_PROP_C_W_E);
    } else {
        JS_ThrowOutOfMemory(ctx);
    }
    free(url);
    JS_FreeValue(ctx, meta);
    return done < 0 ? -1 : 0;
}

/* Import attributes: https://tc39.es/ecma262/#sec-allimportattributessupported */
int imports_check_attributes(JSContext *ctx, void *opaque, JSValueConst attributes)
{
    JSPropertyEnum *names;
    uint32_t count;
    if (JS_GetOwnPropertyNames(ctx, &names, &count, attributes, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return -1;
    int result = 0;
    for (uint32_t i = 0; i < count && !result; i++) {
        JSValue value = JS_GetProperty(ctx, attributes, names[i].atom);
        const char *name = JS_AtomToCString(ctx, names[i].atom), *text = JS_ToCString(ctx, value);
        if (!name || !text || strcmp(name, "type") || strcmp(text, "json")) {
            if (name && text)
                JS_ThrowTypeError(ctx, "the import attribute %.40s: '%.40s' is not supported; there is type: 'json'", name, text);
            result = -1;
        }
        JS_FreeCString(ctx, name);
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, value);
    }
    JS_FreePropertyEnum(ctx, names, count);
    return result;
}

/* JSON modules: https://tc39.es/ecma262/#sec-create-default-export-synthetic-module */
static int export_json(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExport(ctx, module, "default", JS_GetModulePrivateValue(ctx, module));
}

/* The attributes have been checked: `type` is json, or there is none. */
static bool is_json(JSContext *ctx, JSValueConst attributes)
{
    if (!JS_IsObject(attributes))
        return false;
    JSValue type = JS_GetPropertyStr(ctx, attributes, "type");
    bool there = JS_IsString(type);
    JS_FreeValue(ctx, type);
    return there;
}

static JSModuleDef *json_module(JSContext *ctx, const char *name, const char *source, size_t length)
{
    JSValue value = JS_ParseJSON(ctx, source, length, name);
    if (JS_IsException(value))
        return NULL;
    JSModuleDef *module = JS_NewCModule(ctx, name, export_json);
    if (!module || JS_AddModuleExport(ctx, module, "default")) {
        JS_FreeValue(ctx, value);
        return NULL;
    }
    JS_SetModulePrivateValue(ctx, module, value);
    return module;
}

static JSModuleDef *script_module(JSContext *ctx, const char *name, const char *source, size_t length)
{
    JSValue compiled = JS_Eval(ctx, source, length, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(compiled))
        return NULL;
    JSModuleDef *module = JS_VALUE_GET_PTR(compiled);
    JS_FreeValue(ctx, compiled); /* the context keeps it */
    return imports_set_url(ctx, module, name) ? NULL : module;
}

static bool is_users(JSContext *ctx, JSAtom name)
{
    const char *text = JS_AtomToCString(ctx, name);
    bool users = text && strncmp(text, "wapo:", 5);
    JS_FreeCString(ctx, text);
    return users;
}

void imports_forget(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    wapojs_free_unlinked_modules(ctx, is_users);
    JS_Throw(ctx, error);
}

JSModuleDef *imports_load(JSContext *ctx, const char *name, JSValueConst attributes, bool whole_graph)
{
    size_t length;
    JSModuleDef *module = NULL;
    if (depth >= MAX_DEPTH) {
        refuse(ctx, name, "so many modules import each other in a row that the stack has no room");
    } else {
        char *answer = ask(ctx, OCALL_MODULE_SOURCE, name, strlen(name), &length);
        if (answer && answer[0] != ANSWER_GOOD) {
            refuse(ctx, name, answer + 1);
        } else if (answer) {
            depth++;
            module = is_json(ctx, attributes) ? json_module(ctx, name, answer + 1, length - 1)
                                              : script_module(ctx, name, answer + 1, length - 1);
            depth--;
        }
        free(answer);
    }
    if (!module && depth == 0 && whole_graph)
        imports_forget(ctx);
    return module;
}
