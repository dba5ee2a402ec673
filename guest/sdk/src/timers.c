/* Timers: one of the host's for all tasks, armed for whatever is due first.
 *
 * A look at the clock costs as much as an ocall, so waits are counted in milliseconds first, and become times
 * together at the end of the poll in which they began: never early, and late by no more than that poll took. Tasks
 * that wait for a time are in a heap by that time. Arming is lazy: a time that moves away, as the timeout of a
 * connection does with each of its reads, costs no call; the host's timer then goes off early, once, and is armed
 * anew.
 */
#include <stdlib.h>
#include <time.h>
#include "internal.h"

static task **heap, **waits; /* `waits`: tasks whose waits are to be counted */
static size_t count, wait_count, capacity;
static int timer = -1;
static bool watched;          /* the host holds a registration for TIMER_TASK */
static int64_t armed = NEVER; /* when the host's timer goes off, as far as we care */
static int64_t now;
static bool now_is_known;

static int64_t look_at_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    now_is_known = true;
    return now;
}

int64_t wapo_clock_ms(void)
{
    return look_at_clock() / 1000;
}

int64_t timers_now(void)
{
    return now_is_known ? now : look_at_clock();
}

bool timers_reserve(size_t tasks)
{
    if (tasks <= capacity)
        return true;
    task **larger = realloc(heap, tasks * sizeof(task *));
    if (!larger)
        return false;
    heap = larger;
    larger = realloc(waits, tasks * sizeof(task *));
    if (!larger)
        return false;
    waits = larger;
    capacity = tasks;
    return true;
}

int timers_start(void)
{
    timer = wapo_ocall_create_timer(-1); /* never */
    return timer;
}

/* The heap */

static void place(task *t, size_t index)
{
    heap[index] = t;
    t->heap_index = index;
}

/* Moves an entry to where it belongs after its time has changed. */
static void settle(size_t index)
{
    task *t = heap[index];
    for (; index && heap[(index - 1) / 2]->due > t->due; index = (index - 1) / 2)
        place(heap[(index - 1) / 2], index);
    for (;;) {
        size_t child = 2 * index + 1;
        if (child + 1 < count && heap[child + 1]->due < heap[child]->due)
            child++;
        if (child >= count || heap[child]->due >= t->due)
            break;
        place(heap[child], index);
        index = child;
    }
    place(t, index);
}

static void leave_heap(task *t)
{
    size_t index = t->heap_index;
    if (index == ABSENT)
        return;
    t->heap_index = ABSENT;
    task *last = heap[--count];
    if (last != t) {
        place(last, index);
        settle(index);
    }
}

/* Puts a task where the times that it waits for are due. */
static void schedule(task *t)
{
    int64_t due = t->timeout ? t->timeout->deadline_ : NEVER;
    if (t->operation.kind == SLEEPING && t->operation.until < due)
        due = t->operation.until;
    t->due = due;
    if (due == NEVER) {
        leave_heap(t);
        return;
    }
    if (t->heap_index == ABSENT)
        place(t, count++);
    settle(t->heap_index);
}

/* Waits */

void timers_begin(task *t)
{
    if (t->new_index != ABSENT)
        return;
    t->new_index = wait_count;
    waits[wait_count++] = t;
}

static void leave_waits(task *t)
{
    size_t index = t->new_index;
    if (index == ABSENT)
        return;
    t->new_index = ABSENT;
    task *last = waits[--wait_count];
    if (last != t) {
        waits[index] = last;
        last->new_index = index;
    }
}

static int64_t after(int64_t milliseconds)
{
    return milliseconds < (NEVER - now) / 1000 ? now + milliseconds * 1000 : NEVER;
}

/* A timeout's deadline: its own or that of one around it, whichever is nearer. Those around it are counted first. */
static int64_t count_timeout(wapo_point *point)
{
    if (!point)
        return NEVER;
    if (point->milliseconds_ != COUNTED) {
        int64_t outer = count_timeout(point->outer_), own = after(point->milliseconds_);
        point->deadline_ = own < outer ? own : outer;
        point->milliseconds_ = COUNTED;
    }
    return point->deadline_;
}

static void count_wait(task *t)
{
    leave_waits(t);
    count_timeout(t->timeout);
    operation *o = &t->operation;
    if (o->kind == SLEEPING && o->milliseconds != COUNTED) {
        o->until = after(o->milliseconds);
        o->milliseconds = COUNTED;
    }
    schedule(t);
}

void timers_changed(task *t)
{
    if (t->heap_index != ABSENT)
        schedule(t);
}

void timers_forget(task *t)
{
    leave_heap(t);
    leave_waits(t);
}

/* Polls */

void timers_poll_begins(void)
{
    now_is_known = false;
}

void timers_fired(void)
{
    watched = false;
    armed = NEVER;
    int64_t time = look_at_clock();
    while (count && heap[0]->due <= time) {
        task *t = heap[0];
        leave_heap(t);
        make_ready(t);
    }
}

static void arm(void)
{
    armed = heap[0]->due;
    int64_t wait = (armed - look_at_clock() + 999) / 1000;
    wapo_ocall_reset_timer(timer, (int32_t)(wait < 0 ? 0 : wait > INT32_MAX ? INT32_MAX : wait));
    if (watched)
        return;
    wapo_current_task = TIMER_TASK;
    char none;
    watched = wapo_ocall_poll_read(TIMER_TASK, timer, &none, 0) == WAPO_PENDING;
    if (!watched) /* it has gone off already */
        wapo_ocall_mark_task_ready(TIMER_TASK);
}

void timers_poll_ends(void)
{
    if (wait_count)
        look_at_clock();
    while (wait_count)
        count_wait(waits[0]);
    if (count && heap[0]->due < armed)
        arm();
}
