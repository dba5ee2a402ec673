/* What the library's files share. Programs do not include this. */
#ifndef WAPO_INTERNAL_H
#define WAPO_INTERNAL_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wapo/results.h>
#include <wapo/scale.h>
#include <wapo/tasks.h>

/* Times are in microseconds, on a clock that only goes forward. */

/* "No deadline": later than any other. */
#define NEVER INT64_MAX

/* Task ids that are not a slot of the table. */
enum { TIMER_TASK = INT32_MAX };

/* What the awaited operation of a task remembers from one call to the next. One is enough: a task waits for one. */
enum operation_kind { NO_OPERATION, WRITING_ALL, CONNECTING, SLEEPING, YIELDING };

typedef struct operation {
    enum operation_kind kind;
    int resource;  /* CONNECTING: the connector, closed with the operation */
    size_t done;   /* WRITING_ALL: bytes */
    int64_t milliseconds; /* SLEEPING: until they are COUNTED */
    int64_t until;        /* SLEEPING */
} operation;

/* A number of milliseconds that has become a time. */
#define COUNTED (-1)

struct deferred {
    void (*clean_up)(void *argument);
    void *argument;
};

typedef struct wapo_task_ {
    int32_t id; /* its slot in the table; what the host knows it by */
    int (*body)(void *state);
    /* A task that waits for its turn or for an event is in that list; never in two. */
    wapo_event *list;
    struct wapo_task_ *previous, *next;
    wapo_event ended; /* who waits for its end */
    wapo_point *timeout; /* the innermost that it is in */
    int64_t due;         /* when it is to be woken; its key in the heap of timers */
    size_t heap_index;   /* ABSENT, or where it is in the heap */
    size_t new_index;    /* ABSENT, or where it is among the tasks whose waits are to be counted */
    operation operation;
    uint32_t deferred_count;
    struct deferred deferred[WAPO_MAX_DEFERRED];
    alignas(max_align_t) unsigned char state[];
} task;

/* tasks.c */

/* The task that is running; never NULL while an operation is called. */
extern task *running;

/* Queues a task for its turn, taking it out of whatever list it is in. */
void make_ready(task *t);

/* The running task's operation, of that kind: as it was left, or fresh. What another one has left is given up. */
operation *operation_of(enum operation_kind kind);

/* The operation is over: frees what it holds. */
void finish_operation(task *t);

/* timers.c */

#define ABSENT SIZE_MAX

/* Makes room for the timers of so many tasks. */
bool timers_reserve(size_t tasks);

/* Creates the host's timer; once, before anything else is created. */
int timers_start(void);

/* A task begins to wait for what is not COUNTED yet: that will be done at the end of the poll, and the task be woken
 * when the time comes. */
void timers_begin(task *t);

/* What a task waits for has changed otherwise. */
void timers_changed(task *t);

/* The task goes. */
void timers_forget(task *t);

/* The host's timer has woken TIMER_TASK. */
void timers_fired(void);

/* A poll begins; a poll ends. */
void timers_poll_begins(void);
void timers_poll_ends(void);

/* The time, as of the beginning of this poll or later: for questions whose answer may come a little late. */
int64_t timers_now(void);

/* messages.c: what slow calls leave in the return slot. */

/* Takes a slow call's bytes into memory of malloc, NUL-terminated beyond their length. `result` is the call's: an
 * error is handed through. Returns the length. */
int take(int result, void **bytes);

/* Takes exactly `size` bytes; 0, or WAPO_MALFORMED if there are more or fewer. */
int take_exactly(int result, void *bytes, size_t size);

/* Polls an input channel: the next message in memory of malloc, and a reader of it. */
int take_message(int channel, void **message, wapo_reader *reader);

/* Takes an Option<Vec<u8>> or, with `always`, a Vec<u8>: 1 and the bytes in memory of malloc, NUL-terminated; or 0. */
int take_vector(int result, bool always, void **data, size_t *length);

#endif
