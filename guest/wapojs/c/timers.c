/* JavaScript timers: a binary heap by deadline, on one timer of the host.
 *
 * Ids count up from 1. A timer that is cleared stays in the heap without a callback until it comes to the top.
 */
#include <stdlib.h>
#include <time.h>
#include "wapojs.h"

typedef struct {
    double deadline; /* ms, monotonic */
    double period;   /* ms, or a negative number for a timer that fires once */
    uint32_t order;  /* timers that are due at the same time fire in the order of their creation */
    int32_t id;
    bool counts;      /* whether the program goes on for its sake */
    JSValue callback; /* undefined once cleared */
} timer;

static timer *heap;
static int size, capacity, live;
static int32_t next_id = 1;
static uint32_t next_order;
static int32_t host_timer = -1;
static double armed = -1; /* the deadline that the host's timer is set to, or negative */

int timers_count(void)
{
    return live;
}

bool timers_armed(void)
{
    return host_timer >= 0;
}

double wapojs_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int32_t timers_take_id(void)
{
    return next_id++;
}

static bool before(const timer *a, const timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : (int32_t)(a->order - b->order) < 0;
}

static void up(int i)
{
    timer moved = heap[i];
    for (; i > 0 && before(&moved, &heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = moved;
}

static void down(int i)
{
    timer moved = heap[i];
    for (int child; (child = 2 * i + 1) < size; i = child) {
        if (child + 1 < size && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &moved))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

static timer pop(void)
{
    timer top = heap[0];
    heap[0] = heap[--size];
    if (size)
        down(0);
    return top;
}

/* Sets the host's timer to the first deadline and waits on it. */
static void arm(double now)
{
    while (size && JS_IsUndefined(heap[0].callback))
        pop();
    if (!size) {
        armed = -1;
        return;
    }
    if (armed == heap[0].deadline)
        return;
    double wait = heap[0].deadline - now;
    int32_t ms = wait <= 0 ? 0 : wait >= 2147483647.0 ? 2147483647 : (int32_t)wait + (wait > (int32_t)wait);
    if (host_timer < 0) {
        ocall_result made = ocall(OCALL_CREATE_TIMER, ms, 0, 0, 0);
        if (made.error)
            return;
        host_timer = (int32_t)made.value;
    } else {
        ocall(OCALL_RESET_TIMER, host_timer, ms, 0, 0);
    }
    armed = heap[0].deadline;
    if (ocall(OCALL_POLL_READ, TIMER_WAKER, host_timer, 0, 0).error != ERROR_PENDING)
        armed = -1;
}

JSValue timers_set(JSContext *ctx, JSValueConst callback, double milliseconds, bool repeat)
{
    if (size == capacity) {
        int grown = capacity ? capacity * 2 : 16;
        timer *larger = realloc(heap, (size_t)grown * sizeof(timer));
        if (!larger)
            return JS_ThrowOutOfMemory(ctx);
        heap = larger;
        capacity = grown;
    }
    double now = wapojs_monotonic_ms();
    if (!(milliseconds >= 0))
        milliseconds = 0;
    timer made = { now + milliseconds, repeat ? milliseconds : -1, next_order++, next_id++, true,
                   JS_DupValue(ctx, callback) };
    heap[size] = made;
    up(size++);
    live++;
    arm(now);
    return JS_NewInt32(ctx, made.id);
}

static timer *find(int32_t id)
{
    for (int i = 0; i < size; i++)
        if (heap[i].id == id && !JS_IsUndefined(heap[i].callback))
            return &heap[i];
    return NULL;
}

static void cancel(JSContext *ctx, timer *t)
{
    JS_FreeValue(ctx, t->callback);
    t->callback = JS_UNDEFINED;
    live -= t->counts;
}

void timers_clear(JSContext *ctx, int32_t id)
{
    timer *found = find(id);
    if (found)
        cancel(ctx, found);
}

void timers_clear_all(JSContext *ctx)
{
    for (int i = 0; i < size; i++)
        if (!JS_IsUndefined(heap[i].callback))
            cancel(ctx, &heap[i]);
}

void timers_unref(int32_t id)
{
    timer *found = find(id);
    if (found && found->counts) {
        found->counts = false;
        live--;
    }
}

/* Fires what is due now, each followed by its promise jobs; timers set meanwhile wait for the next time. */
void timers_fire(void)
{
    JSContext *ctx = wapojs_context;
    double now = wapojs_monotonic_ms();
    uint32_t limit = next_order;
    armed = -1;
    while (size && heap[0].deadline <= now && (int32_t)(heap[0].order - limit) < 0) {
        timer due = pop();
        if (JS_IsUndefined(due.callback))
            continue;
        JSValue callback = JS_DupValue(ctx, due.callback);
        if (due.period >= 0) {
            due.deadline = now + (due.period < 1 ? 1 : due.period);
            due.order = next_order++;
            heap[size] = due; /* room is there: it was popped */
            up(size++);
        } else {
            JS_FreeValue(ctx, due.callback);
            live -= due.counts;
        }
        wapojs_call(callback, 0, NULL);
        JS_FreeValue(ctx, callback);
        wapojs_run_jobs();
    }
    arm(wapojs_monotonic_ms());
}
