/* Sleeps, timeouts and events. */
#include <string.h>
#include "check.h"

static char trail[64];

struct sleeper {
    wapo_point point;
    int milliseconds;
    char letter;
};

WAPO_ASYNC(sleeper)
{
    WAPO_BEGIN;
    WAPO_SLEEP(self->milliseconds);
    trail[strlen(trail)] = self->letter;
    WAPO_END;
}

static wapo_event event;
static int value;

struct setter {
    wapo_point point;
    int after, to;
};

WAPO_ASYNC(setter)
{
    WAPO_BEGIN;
    WAPO_SLEEP(self->after);
    value = self->to;
    wapo_notify(&event);
    WAPO_END;
}

/* Waits in a timeout of its own until `value` is what it wants; tries so often. */
struct patient {
    wapo_point point;
    int wanted, milliseconds, tries, timeouts;
};

WAPO_ASYNC(patient)
{
    int result;

    WAPO_BEGIN;
    for (; self->tries; self->tries--) {
        WAPO_AWAIT_TIMEOUT(result, self->milliseconds, wapo_until(&event, value == self->wanted));
        if (result == 0)
            WAPO_RETURN(7);
        CHECK_EQUAL(result, WAPO_TIMED_OUT);
        self->timeouts++;
    }
    WAPO_RETURN(WAPO_TIMED_OUT);
    WAPO_END;
}

struct all {
    wapo_point point;
    int64_t start, length;
    int last, count, count2;
    struct patient patient;
};

WAPO_ASYNC(all)
{
    int result;

    WAPO_BEGIN;
    /* Who sleeps less wakes first, whoever went to sleep first. */
    self->start = wapo_clock_ms();
    self->last = wapo_spawn(sleeper, .milliseconds = 90, .letter = 'd');
    wapo_spawn(sleeper, .milliseconds = 60, .letter = 'c');
    wapo_spawn(sleeper, .milliseconds = 0, .letter = 'a');
    wapo_spawn(sleeper, .milliseconds = 30, .letter = 'b');
    wapo_spawn(sleeper, .milliseconds = -1, .letter = 'a');
    wapo_cancel(wapo_spawn(sleeper, .milliseconds = 10, .letter = 'x'));
    self->count = wapo_spawn(sleeper, .milliseconds = 20, .letter = 'y');
    WAPO_YIELD;
    wapo_cancel(self->count);
    WAPO_AWAIT(result, wapo_join(self->last));
    if (strcmp(trail, "aabcd")) {
        wapo_log(WAPO_ERROR, "the trail is %s", trail);
        failures++;
    }
    self->length = wapo_clock_ms() - self->start;
    CHECK(self->length >= 90);

    /* A sleep is as long as it says, however long the task has been busy before. */
    self->start = wapo_clock_ms();
    while (wapo_clock_ms() - self->start < 60)
        ;
    self->start = wapo_clock_ms();
    WAPO_SLEEP(50);
    CHECK(wapo_clock_ms() - self->start >= 49);

    /* And so is a timeout. */
    self->start = wapo_clock_ms();
    while (wapo_clock_ms() - self->start < 60)
        ;
    self->start = wapo_clock_ms();
    WAPO_AWAIT_TIMEOUT(result, 50, wapo_until(&event, false));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    CHECK(wapo_clock_ms() - self->start >= 49);

    /* What is there in time is not timed out; what need not wait never is. */
    wapo_spawn(setter, .after = 5, .to = 1);
    WAPO_AWAIT_TIMEOUT(result, 60000, wapo_until(&event, value == 1));
    CHECK_EQUAL(result, 0);
    WAPO_AWAIT_TIMEOUT(result, 0, wapo_until(&event, true));
    CHECK_EQUAL(result, 0);
    WAPO_AWAIT_TIMEOUT(result, 0, wapo_until(&event, false));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    WAPO_AWAIT_TIMEOUT(result, -5, wapo_until(&event, false));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    WAPO_AWAIT_TIMEOUT(result, INT64_MAX, wapo_until(&event, true));
    CHECK_EQUAL(result, 0);

    /* The end of a timeout that is over disturbs nobody later. */
    wapo_spawn(setter, .after = 1, .to = 2);
    WAPO_AWAIT_TIMEOUT(result, 20, wapo_until(&event, value == 2));
    CHECK_EQUAL(result, 0);
    wapo_spawn(setter, .after = 60, .to = 3);
    WAPO_AWAIT(result, wapo_until(&event, value == 3));
    CHECK_EQUAL(result, 0);

    /* An inner timeout that is nearer: the outer one goes on. */
    self->patient = (struct patient){ .wanted = 99, .milliseconds = 15, .tries = 3 };
    WAPO_AWAIT_TIMEOUT(result, 60000, patient(&self->patient));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    CHECK_EQUAL(self->patient.timeouts, 3);
    CHECK(!self->patient.tries);

    /* An outer one that is nearer: nothing inside waits any more, and it comes to its end. */
    self->start = wapo_clock_ms();
    self->patient = (struct patient){ .wanted = 99, .milliseconds = 60000, .tries = 1000 };
    WAPO_AWAIT_TIMEOUT(result, 20, patient(&self->patient));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    CHECK_EQUAL(self->patient.timeouts, 1000);
    CHECK(wapo_clock_ms() - self->start < 20000);

    /* After all of that there is no timeout left. */
    wapo_spawn(setter, .after = 30, .to = 4);
    WAPO_AWAIT(result, wapo_until(&event, value == 4));
    CHECK_EQUAL(result, 0);

    /* A sleep inside a timeout that is over does not sleep. */
    self->start = wapo_clock_ms();
    WAPO_AWAIT_TIMEOUT(result, 10, wapo_sleep(60000));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    CHECK(wapo_clock_ms() - self->start < 20000);

    /* Many timers. */
    memset(trail, 0, sizeof trail);
    for (self->count = 0; self->count < 2000; self->count++)
        self->last = wapo_spawn(sleeper, .milliseconds = (self->count * 7919) % 50 + 1, .letter = 0);
    self->last = wapo_spawn(sleeper, .milliseconds = 60, .letter = 'z');
    WAPO_AWAIT(result, wapo_join(self->last));
    CHECK(!strcmp(trail, "z"));
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(all)
