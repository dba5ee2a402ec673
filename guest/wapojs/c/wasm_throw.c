/* Exceptions: https://webassembly.github.io/spec/core/exec/instructions.html#exec-throw-ref
 *
 * An exception is an object of JavaScript (WebAssembly.Exception) and travels as what the engine has pending, through
 * functions of either language. What JavaScript throws has a tag of its own, so a clause for any exception, or for that
 * tag, catches it; as a reference it is wrapped like the others.
 */
#include "wasm.h"

static JSValue wrap(JSContext *ctx, wasm_tag *tag, const uint64_t *values)
{
    wasm_exception *exception;
    JSValue object = wasm_exception_object(ctx, tag, &exception);
    if (!JS_IsException(object))
        for (uint32_t k = 0; k < exception->count; k++)
            exception->values[k] = wasm_hold(ctx, tag->type->types[k], values[k]);
    return object;
}

wasm_trap wasm_throw(JSContext *ctx, wasm_tag *tag, const uint64_t *values)
{
    if (tag == wasm_js_tag()) {
        JS_Throw(ctx, JS_DupValue(ctx, wasm_extern_value(values[0])));
        return TRAP_EXCEPTION;
    }
    JSValue object = wrap(ctx, tag, values);
    if (!JS_IsException(object))
        JS_Throw(ctx, object);
    return TRAP_EXCEPTION;
}

wasm_trap wasm_throw_again(JSContext *ctx, uint64_t bits)
{
    JSValue object = wasm_extern_value(bits);
    const wasm_exception *exception = wasm_exception_of(object);
    if (!exception)
        return TRAP_NULL_EXCEPTION;
    if (exception->tag == wasm_js_tag())
        object = wasm_extern_value(exception->values[0].bits);
    JS_Throw(ctx, JS_DupValue(ctx, object));
    return TRAP_EXCEPTION;
}

/* The clause that catches what is thrown at a place of the code. */
static const wasm_clause *find_clause(const wasm_frame *frame, const wasm_tag *tag)
{
    const wasm_code *code = frame->function->code;
    uint32_t at = (uint32_t)(frame->pc - code->code), index = NO_INDEX;
    for (uint32_t k = code->try_count; k-- > 0;) {
        if (at > code->tries[k].begin && at <= code->tries[k].end) {
            index = k;
            break;
        }
    }
    for (; index != NO_INDEX; index = code->tries[index].outer) {
        const wasm_try *within = &code->tries[index];
        for (uint32_t k = 0; k < within->clause_count; k++) {
            uint32_t wanted = within->clauses[k].tag;
            if (wanted == NO_INDEX || frame->function->instance->tags[wanted] == tag)
                return &within->clauses[k];
        }
    }
    return NULL;
}

bool wasm_catch(JSContext *ctx, uint32_t bottom)
{
    wasm_stack *t = &wasm_thread;
    JSValue thrown = JS_GetException(ctx);
    wasm_exception *exception = wasm_exception_of(thrown);
    wasm_tag *tag = exception ? exception->tag : wasm_js_tag();
    for (uint32_t depth = t->depth; depth > bottom; depth--) {
        wasm_frame *frame = &t->frames[depth - 1];
        const wasm_clause *clause = frame->pc && tag ? find_clause(frame, tag) : NULL;
        if (!clause)
            continue;
        if (!exception && clause->reference != NO_SLOT) {
            uint64_t bits = wasm_extern_bits(thrown);
            JSValue wrapped = wrap(ctx, tag, &bits);
            if (JS_IsException(wrapped))
                break; /* out of memory is what is pending now */
            JS_FreeValue(ctx, thrown);
            thrown = wrapped;
            exception = wasm_exception_of(thrown);
        }
        t->depth = depth;
        if (clause->tag != NO_INDEX) {
            for (uint32_t k = 0; k < tag->type->params; k++) {
                uint64_t bits = exception ? exception->values[k].bits : wasm_extern_bits(thrown);
                frame->slots[clause->payload + k] = bits;
                wasm_root(ctx, tag->type->types[k], bits);
            }
        }
        if (clause->reference != NO_SLOT) {
            frame->slots[clause->reference] = wasm_extern_bits(thrown);
            wasm_root(ctx, EXNREF, wasm_extern_bits(thrown));
        }
        frame->pc = frame->function->code->code + clause->target;
        JS_FreeValue(ctx, thrown);
        return true;
    }
    if (JS_HasException(ctx))
        JS_FreeValue(ctx, thrown);
    else
        JS_Throw(ctx, thrown);
    return false;
}
