/* The context of asynchronous work, for AsyncLocalStorage: one value that follows promise reactions and awaits.
 *
 * The engine's promise hooks are not told of reactions. So the build puts one call into it (guest/sources.toml): where a
 * reaction is attached to a promise, wapojs_bind_context replaces its handler by one that runs in the context of now.
 * While there is no context, which is the rule, that is one comparison.
 */
#include "wapojs.h"

static JSValue current;

void async_context_init(void)
{
    current = JS_UNDEFINED;
}

void async_context_reset(JSContext *ctx)
{
    if (JS_IsUndefined(current))
        return;
    JS_FreeValue(ctx, current);
    current = JS_UNDEFINED;
}

JSValue async_context_get(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_DupValue(ctx, current);
}

/* setAsyncContext(value): the previous one */
JSValue async_context_set(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue previous = current;
    current = JS_DupValue(ctx, argv[0]);
    return previous;
}

static JSValue call_in_context(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int magic,
                               JSValueConst *data)
{
    JSValue previous = current;
    current = JS_DupValue(ctx, data[1]);
    JSValue result = JS_Call(ctx, data[0], this_value, argc, argv);
    JS_FreeValue(ctx, current); /* which may be another one by now */
    current = previous;
    return result;
}

/* Called by the engine. The function, or one that calls it in the context of now; never fails: without memory for a
 * binding the reaction runs without its context. */
JSValue wapojs_bind_context(JSContext *ctx, JSValueConst function)
{
    if (JS_IsUndefined(current) || JS_IsUndefined(function))
        return JS_DupValue(ctx, function);
    JSValueConst data[] = { function, current };
    JSValue bound = JS_NewCFunctionData(ctx, call_in_context, 2, 0, 2, data);
    if (!JS_IsException(bound))
        return bound;
    JS_FreeValue(ctx, JS_GetException(ctx));
    return JS_DupValue(ctx, function);
}
