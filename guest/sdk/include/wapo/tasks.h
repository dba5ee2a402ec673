/* Async functions and tasks: how a program waits for many things at once in one thread.
 *
 * WebAssembly cannot put a C function aside in the middle, so a function that waits returns, and is called again when
 * there is something to do. An *async function* hides that. It is a struct with what must survive a wait, and a body of
 * the same name in which WAPO_AWAIT may stand anywhere a statement may:
 *
 *     struct echo {
 *         wapo_point point; // where it stands: every async function has this member
 *         int client, length;
 *         char buffer[4096];
 *     };
 *
 *     WAPO_ASYNC(echo)
 *     {
 *         int result;
 *         WAPO_BEGIN;
 *         wapo_defer_close(self->client);
 *         for (;;) {
 *             WAPO_AWAIT(self->length, wapo_read(self->client, self->buffer, sizeof self->buffer));
 *             if (self->length <= 0)
 *                 break;
 *             WAPO_AWAIT(result, wapo_write_all(self->client, self->buffer, self->length));
 *             if (result < 0)
 *                 break;
 *         }
 *         WAPO_END;
 *     }
 *
 * A *task* is an async function that the executor runs: wapo_spawn(echo, .client = client) starts one more. An async
 * function can also be awaited by another, like any operation:
 *
 *     struct session { wapo_point point; struct login login; ... };
 *     ...
 *     self->login = (struct login){ .stream = self->stream };
 *     WAPO_AWAIT(result, login(&self->login));
 *
 * The rules:
 *
 *  1. What must survive an await is a member of the struct, and `self` points to it. A local variable is forgotten by
 *     each await that waits; as the result of an await it is fine. Declare locals before WAPO_BEGIN, without
 *     initialisers: then the compiler reports uses of forgotten ones (-Wconditional-uninitialized, which build.py asks
 *     for). In a block without awaits of its own anything goes.
 *  2. What is awaited is called until it answers something else than WAPO_PENDING, so its arguments are evaluated each
 *     time: `self->at` is fine, `self->at++` is not. One operation an await: two need two, or an async function.
 *  3. No await inside a `switch` of the body: WAPO_BEGIN opens one. The program traps, and its log says so.
 *  4. WAPO_RETURN leaves, not `return`.
 *
 * Tasks run one at a time, until they wait: between two awaits nothing else happens, so data that tasks share needs no
 * lock. A task that never has to wait gives way to others by itself, every few dozen awaits. Computing for long keeps
 * the program's other tasks waiting (not other programs), and the node ends a program that computes for longer than its
 * burst limit without returning to the host: split long work with WAPO_YIELD.
 */
#ifndef WAPO_TASKS_H
#define WAPO_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wapo/ocalls.h>
#include <wapo/results.h>

/* Most tasks at once, the main task included. */
#define WAPO_MAX_TASKS 16384

/* Most clean-ups that a task can have at once. */
#define WAPO_MAX_DEFERRED 8

/* Where an async function stands. All zeros: at its beginning. */
typedef struct wapo_point {
    int place_;
    int unused_;
    /* The timeout that is being awaited here, if one is. */
    struct wapo_point *outer_;
    int64_t milliseconds_; /* counted from the end of the poll in which the wait begins; -1 when that is over */
    int64_t deadline_;
} wapo_point;

/* Defines the async function `name`, for which `struct name` exists: int name(struct name *self).
 * It answers WAPO_PENDING when it waits, and its result when it is done; then it stands at its beginning again. */
#define WAPO_ASYNC(name)                                                                                   \
    static int name(struct name *self);                                                                    \
    __attribute__((unused)) static int name##_task_(void *state) { return name((struct name *)state); }   \
    static int name(struct name *self)

#define WAPO_BEGIN                 \
    switch (self->point.place_) {  \
    default: wapo_lost_(__func__); \
    case 0:

/* The end of the body; its result is 0. */
#define WAPO_END            \
    }                       \
    self->point.place_ = 0; \
    return 0

/* Leaves the async function with a result. */
#define WAPO_RETURN(result)          \
    do {                             \
        int wapo_result_ = (result); \
        self->point.place_ = 0;      \
        return wapo_result_;         \
    } while (0)

/* Waits until `operation`, any expression of type int, is something else than WAPO_PENDING, and assigns it. */
#define WAPO_AWAIT(result, operation) WAPO_AWAIT_AT_(__COUNTER__ + 1, result, operation)

#define WAPO_AWAIT_AT_(place, result, operation) \
    do {                                         \
        self->point.place_ = (place);            \
        if (wapo_turn_is_over_())                \
            return WAPO_PENDING;                 \
        __attribute__((fallthrough));            \
    case (place): {                              \
        int wapo_answer_ = (operation);          \
        if (wapo_answer_ == WAPO_PENDING)        \
            return WAPO_PENDING;                 \
        (result) = wapo_answer_;                 \
    }                                            \
    } while (0)

/* As WAPO_AWAIT, for at most so many milliseconds: the result is WAPO_TIMED_OUT if `operation` had to wait longer.
 * The operation is given up; a wapo_write_all has then written some part. Timeouts nest: the nearest end counts.
 * What need not wait costs nothing more than without. */
#define WAPO_AWAIT_TIMEOUT(result, milliseconds, operation)       \
    do {                                                          \
        wapo_enter_timeout_(&self->point, milliseconds);          \
        WAPO_AWAIT(result, operation);                            \
        wapo_leave_timeout_(&self->point);                        \
    } while (0)

/* Waits so many milliseconds, or until an outer timeout is over. */
#define WAPO_SLEEP(milliseconds) WAPO_AWAIT(self->point.unused_, wapo_sleep(milliseconds))

/* Lets the host and the other tasks go on. */
#define WAPO_YIELD WAPO_AWAIT(self->point.unused_, wapo_yield())

/* The program: its main task is the async function `name`, with a state of zeros. When that is done so is the program,
 * whatever its other tasks are doing: with the exit code that it returns (0 to 125), or 1 if it returns an error, which
 * is logged. Stands once in a program, at file scope. */
#define WAPO_MAIN(name)                                                               \
    __attribute__((export_name("wapo_poll"))) int32_t wapo_poll(void);                \
    int32_t wapo_poll(void) { return wapo_poll_(name##_task_, sizeof(struct name)); }

/* Starts a task: wapo_spawn(echo, .client = client, ...). The state is the struct with these members set and all others
 * zero; it is copied (through the stack: a state of many kilobytes belongs into memory of its own). The task begins
 * when the current one waits.
 *
 * Returns a handle (> 0) for wapo_join and wapo_cancel, or WAPO_NO_MEMORY, or WAPO_RESOURCE_LIMITED when there are
 * WAPO_MAX_TASKS already; then what the state would have owned is still the caller's. */
#define wapo_spawn(name, ...) \
    wapo_spawn_(name##_task_, sizeof(struct name), &(struct name){ .point = { 0 }, __VA_ARGS__ })

/* The handle of the current task. */
int wapo_self(void);

/* Operation: waits until a task is over, however it ended. 0, also if it has been over for long. */
int wapo_join(int handle);

/* Ends a task where it waits, now: its clean-ups are run, its state is freed, nothing of it runs any more. Harmless
 * if it is over. WAPO_INVALID_PARAMETER for the current task (which should WAPO_RETURN) and for the main one. */
int wapo_cancel(int handle);

/* Has `clean_up(argument)` called when the current task ends, by itself or by wapo_cancel; the latest first. Here
 * belongs what the task holds: a task may be cancelled at any await. WAPO_RESOURCE_LIMITED beyond WAPO_MAX_DEFERRED. */
int wapo_defer(void (*clean_up)(void *argument), void *argument);

/* wapo_defer for a resource, which is closed, and for memory of malloc, which is freed. */
int wapo_defer_close(int resource);
int wapo_defer_free(void *memory);

/* Operation: 0 after so many milliseconds, or WAPO_TIMED_OUT if an outer timeout is over first. */
int wapo_sleep(int64_t milliseconds);

/* Operation: 0 when all others have had a turn, the host included. */
int wapo_yield(void);

/* Milliseconds of a clock that only goes forward. */
int64_t wapo_clock_ms(void);

/* An event: something that tasks wait for and other tasks bring about. All zeros: nobody waits. It must outlive those
 * who wait for it. */
typedef struct wapo_event {
    struct wapo_task_ *first_, *last_;
} wapo_event;

/* Operation: waits until `condition` holds, looking at it now and whenever the event is notified. 0. */
#define wapo_until(event, condition) ((condition) ? 0 : wapo_wait_(event))

/* Wakes all who wait for the event. The memory of it is not touched afterwards. */
void wapo_notify(wapo_event *event);

/* For operations of one's own: what they return when they have to wait, having made sure that they will be called again
 * (by an ocall that answered WAPO_PENDING, or an event). WAPO_PENDING, or WAPO_TIMED_OUT when the time is up. */
int wapo_pending(void);

/* An ocall's result as an operation's. */
static inline int wapo_or_pending_(int result)
{
    return __builtin_expect(result == WAPO_PENDING, 0) ? wapo_pending() : result;
}

/* What the macros are made of. */
extern uint32_t wapo_turns_left_;
int32_t wapo_poll_(int (*main_task)(void *state), size_t state_size);
int wapo_spawn_(int (*body)(void *state), size_t state_size, const void *state);
int wapo_wait_(wapo_event *event);
void wapo_enter_timeout_(wapo_point *point, int64_t milliseconds);
void wapo_leave_timeout_(wapo_point *point);
void wapo_end_turn_(void);
_Noreturn void wapo_lost_(const char *function);

static inline bool wapo_turn_is_over_(void)
{
    if (__builtin_expect(wapo_turns_left_ != 0, 1)) {
        wapo_turns_left_--;
        return false;
    }
    wapo_end_turn_();
    return true;
}

#endif
