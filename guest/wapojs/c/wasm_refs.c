/* References, and what keeps alive what they refer to.
 *
 * A table or a global owns what it refers to. Slots of running code do not: what gets into them from elsewhere is put on
 * a list of roots, which is cleared when no code runs any more. When the list becomes long, the stack is searched for
 * the roots: those that are in none of its slots are dropped. A number that looks like a reference only keeps something
 * longer than need be.
 */
#include <stdlib.h>
#include <string.h>
#include "wasm.h"

typedef struct {
    uint64_t first, last; /* the values of a slot that stand for it */
    JSValue owner;
    wasm_instance *instance; /* or NULL */
    bool found;
} root;

enum { FEWEST_ROOTS = 1024, MOST_ROOTS = 1 << 24 };

static root *roots;
static uint32_t root_count, root_room, root_limit = FEWEST_ROOTS;

wasm_ref wasm_hold(JSContext *ctx, uint8_t type, uint64_t bits)
{
    wasm_ref ref = { bits, JS_UNDEFINED };
    if (type == EXTERNREF || type == EXNREF)
        ref.owner = JS_DupValue(ctx, wasm_extern_value(bits));
    else if (type == FUNCREF && bits)
        ref.owner = JS_DupValue(ctx, ((wasm_function *)(uintptr_t)bits)->instance->self);
    return ref;
}

void wasm_set_ref(JSContext *ctx, wasm_ref *place, uint8_t type, uint64_t bits)
{
    JSValue before = place->owner;
    *place = wasm_hold(ctx, type, bits);
    JS_FreeValue(ctx, before);
}

static int by_first(const void *a, const void *b)
{
    uint64_t x = ((const root *)a)->first, y = ((const root *)b)->first;
    return x < y ? -1 : x > y;
}

static void find_root(uint64_t value)
{
    uint32_t low = 0, high = root_count; /* the last one that begins at or before the value */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (roots[middle].first <= value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low && value <= roots[low - 1].last)
        roots[low - 1].found = true;
}

static void drop(JSContext *ctx, const root *r)
{
    if (r->instance)
        r->instance->rooted = false;
    JS_FreeValue(ctx, r->owner);
}

static void search_stack(JSContext *ctx)
{
    const wasm_stack *t = &wasm_thread;
    const uint64_t *end = t->top;
    qsort(roots, root_count, sizeof(*roots), by_first);
    for (uint32_t i = 0; i < t->depth; i++) {
        const wasm_frame *frame = &t->frames[i];
        find_root((uintptr_t)frame->function);
        if (frame->slots + frame->function->code->slots > end)
            end = frame->slots + frame->function->code->slots;
    }
    for (const uint64_t *slot = t->slots; slot < end; slot++)
        find_root(*slot);
    uint32_t kept = 0, count = root_count;
    root_count = 0; /* while objects are freed the list is nobody's business */
    for (uint32_t i = 0; i < count; i++) {
        root r = roots[i];
        if (!r.found) {
            drop(ctx, &r);
            continue;
        }
        r.found = false;
        roots[kept++] = r;
    }
    root_count = kept;
    root_limit = kept * 2 + (uint32_t)(end - t->slots) / 8;
    if (root_limit < FEWEST_ROOTS)
        root_limit = FEWEST_ROOTS;
}

/* Without memory for the list, what is referred to is never freed. */
static bool make_room(JSContext *ctx)
{
    if (root_count >= root_limit)
        search_stack(ctx);
    if (root_count < root_room)
        return true;
    uint32_t room = root_room ? root_room * 2 : FEWEST_ROOTS;
    root *larger = room > MOST_ROOTS ? NULL : realloc(roots, room * sizeof(*roots));
    if (!larger)
        return false;
    roots = larger;
    root_room = room;
    return true;
}

void wasm_root_instance(JSContext *ctx, wasm_instance *instance)
{
    if (instance->rooted)
        return;
    JSValue owner = JS_DupValue(ctx, instance->self);
    if (!make_room(ctx))
        return;
    size_t size = sizeof(*instance) + instance->own_count * sizeof(wasm_function);
    uint64_t first = (uintptr_t)instance, last = first + size;
    roots[root_count++] = (root){ first, last - 1, owner, instance, false };
    instance->rooted = true;
}

void wasm_root(JSContext *ctx, uint8_t type, uint64_t bits)
{
    if (type == FUNCREF && bits) {
        wasm_root_instance(ctx, ((wasm_function *)(uintptr_t)bits)->instance);
    } else if ((type == EXTERNREF || type == EXNREF) && JS_VALUE_HAS_REF_COUNT(wasm_extern_value(bits))) {
        JSValue owner = JS_DupValue(ctx, wasm_extern_value(bits));
        if (make_room(ctx))
            roots[root_count++] = (root){ bits, bits, owner, NULL, false };
    }
}

void wasm_unroot(JSContext *ctx)
{
    uint32_t count = root_count;
    root_count = 0;
    for (uint32_t i = 0; i < count; i++)
        drop(ctx, &roots[i]);
    if (root_room > FEWEST_ROOTS) {
        free(roots);
        roots = NULL;
        root_room = 0;
    }
    root_limit = FEWEST_ROOTS;
}
