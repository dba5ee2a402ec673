/* Tasks and the executor: wapo_poll takes the ready tasks from the host and gives each its turn.
 *
 * Wakers are task-level (Wapo ABI 10.2): the host queues the task itself, and its messages about wakers are of no
 * interest. Where the host can, it writes the ready tasks into our memory before each poll, and a poll then needs no
 * ocalls but those of the tasks; elsewhere they are popped one by one, and the messages drained at the end of the poll,
 * so that the host need not poll again for their sake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo/node.h>
#include "internal.h"

/* Awaits of one task before the next has its turn, and of all tasks before the host has: sockets are looked at between
 * polls only, and a poll must not come near the burst limit. */
enum { AWAITS_A_TURN = 64, AWAITS_A_POLL = 1024 };

enum { READY_LIST_ROOM = 256 };

/* Handles are positive: 14 bits of slot below 16 bits of generation. */
enum { SLOT_BITS = 14, GENERATIONS = 1 << 16 };
_Static_assert(WAPO_MAX_TASKS <= 1 << SLOT_BITS, "a handle has room for every slot");

enum { NO_SLOT = -1 };

struct slot {
    task *task; /* NULL: free */
    int32_t next_free;
    uint32_t generation; /* from 1: 0 is in no handle */
};

int32_t wapo_current_task;
uint32_t wapo_turns_left_;
task *running;

static struct slot *slots;
static size_t slot_count, slot_capacity;
static int32_t first_free = NO_SLOT;
static wapo_event ready;
static int poll_budget;

static struct {
    uint32_t count;
    int32_t tasks[READY_LIST_ROOM];
} ready_list;
static bool list_is_filled;

/* Lists */

static void unlink_task(task *t)
{
    wapo_event *list = t->list;
    if (!list)
        return;
    if (t->previous)
        t->previous->next = t->next;
    else
        list->first_ = t->next;
    if (t->next)
        t->next->previous = t->previous;
    else
        list->last_ = t->previous;
    t->list = NULL;
    t->previous = t->next = NULL;
}

static void append(wapo_event *list, task *t)
{
    t->list = list;
    t->next = NULL;
    t->previous = list->last_;
    if (list->last_)
        list->last_->next = t;
    else
        list->first_ = t;
    list->last_ = t;
}

void make_ready(task *t)
{
    if (t->list == &ready)
        return;
    unlink_task(t);
    append(&ready, t);
}

void wapo_notify(wapo_event *event)
{
    while (event->first_)
        make_ready(event->first_);
}

/* The table */

static int handle_of(int32_t id)
{
    return (int)(slots[id].generation << SLOT_BITS) | id;
}

static task *task_of(int handle)
{
    int32_t id = handle & ((1 << SLOT_BITS) - 1);
    if (handle <= 0 || (size_t)id >= slot_count || handle_of(id) != handle)
        return NULL;
    return slots[id].task;
}

/* A free slot, or an error. */
static int32_t free_slot(void)
{
    if (first_free != NO_SLOT)
        return first_free;
    if (slot_count == WAPO_MAX_TASKS)
        return WAPO_RESOURCE_LIMITED;
    if (slot_count == slot_capacity) {
        size_t larger = slot_capacity ? slot_capacity * 2 : 16;
        struct slot *moved = realloc(slots, larger * sizeof(struct slot));
        if (!moved)
            return WAPO_NO_MEMORY;
        slots = moved;
        slot_capacity = larger;
    }
    if (!timers_reserve(slot_capacity))
        return WAPO_NO_MEMORY;
    slots[slot_count] = (struct slot){ NULL, NO_SLOT, 1 };
    first_free = (int32_t)slot_count++;
    return first_free;
}

int wapo_spawn_(int (*body)(void *), size_t state_size, const void *state)
{
    int32_t id = free_slot();
    if (id < 0)
        return id;
    task *t = malloc(sizeof(task) + state_size);
    if (!t)
        return WAPO_NO_MEMORY;
    *t = (task){ .id = id, .body = body, .heap_index = ABSENT, .new_index = ABSENT };
    if (state)
        memcpy(t->state, state, state_size);
    else
        memset(t->state, 0, state_size);
    first_free = slots[id].next_free;
    slots[id].task = t;
    append(&ready, t);
    return handle_of(id);
}

/* Ends a task that is not in the middle of anything. Its handle is of no use from the first clean-up on. */
static void end(task *t)
{
    struct slot *slot = &slots[t->id];
    slot->task = NULL;
    slot->generation = slot->generation % (GENERATIONS - 1) + 1;
    slot->next_free = first_free;
    first_free = t->id;
    unlink_task(t);
    finish_operation(t);
    timers_forget(t);
    while (t->deferred_count) {
        struct deferred d = t->deferred[--t->deferred_count];
        d.clean_up(d.argument);
    }
    wapo_notify(&t->ended);
    free(t);
}

int wapo_self(void)
{
    return handle_of(running->id);
}

int wapo_join(int handle)
{
    task *t = task_of(handle);
    if (!t)
        return 0;
    return t == running ? WAPO_INVALID_PARAMETER : wapo_wait_(&t->ended);
}

int wapo_cancel(int handle)
{
    task *t = task_of(handle);
    if (!t)
        return 0;
    if (t == running || t->id == 0)
        return WAPO_INVALID_PARAMETER;
    end(t);
    return 0;
}

int wapo_defer(void (*clean_up)(void *), void *argument)
{
    if (running->deferred_count == WAPO_MAX_DEFERRED)
        return WAPO_RESOURCE_LIMITED;
    running->deferred[running->deferred_count++] = (struct deferred){ clean_up, argument };
    return 0;
}

static void close_deferred(void *resource)
{
    wapo_ocall_close((int)(intptr_t)resource);
}

int wapo_defer_close(int resource)
{
    return wapo_defer(close_deferred, (void *)(intptr_t)resource);
}

int wapo_defer_free(void *memory)
{
    return wapo_defer(free, memory);
}

/* Waiting */

int wapo_pending(void)
{
    wapo_point *timeout = running->timeout;
    if (!timeout)
        return WAPO_PENDING;
    if (timeout->milliseconds_ != COUNTED) {
        timers_begin(running);
        return WAPO_PENDING;
    }
    return timers_now() < timeout->deadline_ ? WAPO_PENDING : WAPO_TIMED_OUT;
}

int wapo_wait_(wapo_event *event)
{
    int result = wapo_pending();
    if (result == WAPO_PENDING && running->list != &ready) { /* a task that is queued anyway will look again */
        unlink_task(running);
        append(event, running);
    }
    return result;
}

operation *operation_of(enum operation_kind kind)
{
    operation *o = &running->operation;
    if (o->kind != kind) {
        finish_operation(running);
        *o = (operation){ .kind = kind, .resource = -1 };
    }
    return o;
}

void finish_operation(task *t)
{
    operation *o = &t->operation;
    enum operation_kind kind = o->kind;
    o->kind = NO_OPERATION;
    if (kind == CONNECTING && o->resource >= 0)
        wapo_ocall_close(o->resource);
    if (kind == SLEEPING)
        timers_changed(t);
}

void wapo_enter_timeout_(wapo_point *point, int64_t milliseconds)
{
    point->outer_ = running->timeout;
    point->milliseconds_ = milliseconds < 0 ? 0 : milliseconds;
    running->timeout = point;
}

void wapo_leave_timeout_(wapo_point *point)
{
    running->timeout = point->outer_;
    timers_changed(running);
}

int wapo_sleep(int64_t milliseconds)
{
    operation *o = &running->operation;
    if (o->kind != SLEEPING) {
        operation_of(SLEEPING)->milliseconds = milliseconds < 0 ? 0 : milliseconds;
        o->until = NEVER;
        timers_begin(running);
    }
    int result = o->milliseconds == COUNTED && timers_now() >= o->until ? 0 : wapo_pending();
    if (result != WAPO_PENDING)
        finish_operation(running);
    return result;
}

int wapo_yield(void)
{
    if (running->operation.kind == YIELDING) {
        finish_operation(running);
        return 0;
    }
    operation_of(YIELDING);
    poll_budget = 0;
    wapo_end_turn_();
    return WAPO_PENDING;
}

/* Behind all others that are ready, even if somebody has queued it meanwhile. */
void wapo_end_turn_(void)
{
    unlink_task(running);
    append(&ready, running);
}

void wapo_lost_(const char *function)
{
    wapo_log(WAPO_ERROR, "%s: a WAPO_AWAIT is inside a switch, or its state was overwritten", function);
    __builtin_trap();
}

/* The executor */

/* The host calls neither _start nor _initialize (Wapo ABI 10.5), so static constructors are ours to run, once. */
extern void __wasm_call_ctors(void);

static void start(int (*main_task)(void *), size_t state_size)
{
    __wasm_call_ctors();
    list_is_filled = wapo_ocall_ready_list((struct wapo_ready_list *)&ready_list, READY_LIST_ROOM) >= 0;
    int result = timers_start();
    if (result >= 0)
        result = wapo_spawn_(main_task, state_size, NULL);
    if (result < 0) {
        wapo_log(WAPO_ERROR, "the program cannot start: %s", wapo_strerror(result));
        exit(1);
    }
}

/* The host says that a task is ready. Late words about tasks that are gone are no mistake. */
static void heard_of(int32_t id)
{
    if (id == TIMER_TASK)
        timers_fired();
    else if (id >= 0 && (size_t)id < slot_count && slots[id].task)
        make_ready(slots[id].task);
}

static void take_ready_tasks(void)
{
    if (list_is_filled) {
        for (uint32_t i = 0; i < ready_list.count; i++)
            heard_of(ready_list.tasks[i]);
        return;
    }
    for (int id; (id = wapo_ocall_next_ready_task()) >= 0;)
        heard_of(id);
}

static int32_t finish(int result)
{
    if (result < 0) {
        wapo_log(WAPO_ERROR, "the program failed: %s", wapo_strerror(result));
        exit(1);
    }
    if (result > 0)
        exit(result > 125 ? 1 : result);
    return 1;
}

int32_t wapo_poll_(int (*main_task)(void *), size_t state_size)
{
    static bool started;
    if (!started) {
        started = true;
        start(main_task, state_size);
    }
    timers_poll_begins();
    take_ready_tasks();
    poll_budget = AWAITS_A_POLL;
    while (ready.first_ && poll_budget > 0) {
        task *t = running = ready.first_;
        unlink_task(t);
        wapo_current_task = t->id;
        wapo_turns_left_ = AWAITS_A_TURN;
        int result = t->body(t->state);
        poll_budget -= 1 + AWAITS_A_TURN - (int)wapo_turns_left_;
        if (result == WAPO_PENDING)
            continue;
        if (t->id == 0)
            return finish(result);
        end(t);
    }
    running = NULL;
    timers_poll_ends();
    if (ready.first_)
        wapo_ocall_mark_task_ready(ready.first_->id);
    if (!list_is_filled)
        wapo_ocall_awake_wakers();
    return 0;
}
