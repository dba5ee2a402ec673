/* Tasks: order, ends, clean-ups, handles, limits. */
#include <stdlib.h>
#include <string.h>
#include "check.h"

static char trail[256];

static void note(char what)
{
    size_t length = strlen(trail);
    if (length + 1 < sizeof trail)
        trail[length] = what;
}

static bool trail_is(const char *expected)
{
    bool same = !strcmp(trail, expected);
    if (!same)
        wapo_log(WAPO_ERROR, "the trail is %s", trail);
    memset(trail, 0, sizeof trail);
    return same;
}

static void note_it(void *what)
{
    note((char)(intptr_t)what);
}

/* Notes its letter, so many times, giving way each time. */
struct letters {
    wapo_point point;
    char letter;
    int times;
};

WAPO_ASYNC(letters)
{
    WAPO_BEGIN;
    wapo_defer(note_it, (void *)(intptr_t)(self->letter - 'a' + 'A'));
    for (; self->times; self->times--) {
        note(self->letter);
        WAPO_YIELD;
    }
    WAPO_END;
}

/* Waits for good. */
struct forever {
    wapo_point point;
    wapo_event never;
    const char *letters; /* of its clean-ups */
};

WAPO_ASYNC(forever)
{
    int result;

    WAPO_BEGIN;
    for (const char *letter = self->letters; letter && *letter; letter++)
        CHECK_EQUAL(wapo_defer(note_it, (void *)(intptr_t)*letter), 0);
    WAPO_AWAIT(result, wapo_until(&self->never, false));
    CHECK_EQUAL(result, 0xbad); /* nothing of a cancelled task runs any more */
    WAPO_END;
}

/* Is over before it has begun. */
struct nothing {
    wapo_point point;
    int number;
};

WAPO_ASYNC(nothing)
{
    WAPO_BEGIN;
    WAPO_RETURN(WAPO_IO_ERROR); /* a task's result is nobody's business */
    WAPO_END;
}

/* Joins, and notes. */
struct joiner {
    wapo_point point;
    int handle;
    char letter;
};

WAPO_ASYNC(joiner)
{
    int result;

    WAPO_BEGIN;
    WAPO_AWAIT(result, wapo_join(self->handle));
    CHECK_EQUAL(result, 0);
    note(self->letter);
    WAPO_END;
}

/* Never has to wait. */
struct greedy {
    wapo_point point;
    long rounds;
    bool stop;
};

WAPO_ASYNC(greedy)
{
    int result;

    WAPO_BEGIN;
    while (!self->stop) {
        self->rounds++;
        WAPO_AWAIT(result, 0);
    }
    WAPO_END;
}

/* An async function that counts down by awaiting itself in a smaller copy. */
struct depth {
    wapo_point point;
    struct depth *inner;
    int levels;
};

WAPO_ASYNC(depth)
{
    int result;

    WAPO_BEGIN;
    WAPO_YIELD;
    if (!self->levels)
        WAPO_RETURN(0);
    self->inner = calloc(1, sizeof *self->inner);
    self->inner->levels = self->levels - 1;
    WAPO_AWAIT(result, depth(self->inner));
    CHECK_EQUAL(self->inner->point.place_, 0);
    free(self->inner);
    WAPO_RETURN(result + 1);
    WAPO_END;
}

struct all {
    wapo_point point;
    int first, second, third, result, count, most, stale;
    struct depth depth;
    size_t memory;
};

static int constructed;
__attribute__((constructor)) static void construct(void)
{
    constructed++;
}

WAPO_ASYNC(all)
{
    int result;

    WAPO_BEGIN;
    CHECK_EQUAL(constructed, 1);

    /* Tasks begin when the current one waits, in order, and take turns. */
    self->first = wapo_spawn(letters, .letter = 'a', .times = 2);
    self->second = wapo_spawn(letters, .letter = 'b', .times = 3);
    CHECK(self->first > 0 && self->second > 0 && self->first != self->second);
    CHECK(trail_is(""));
    WAPO_AWAIT(result, wapo_join(self->second));
    CHECK_EQUAL(result, 0);
    CHECK(trail_is("ababAbB"));

    /* Who is over is joined at once; and is no other by the same slot. */
    WAPO_AWAIT(result, wapo_join(self->first));
    CHECK_EQUAL(result, 0);
    self->third = wapo_spawn(forever, .letters = NULL);
    CHECK(self->third != self->first && self->third != self->second);
    CHECK_EQUAL(wapo_cancel(self->first), 0);
    CHECK_EQUAL(wapo_cancel(self->second), 0);
    CHECK_EQUAL(wapo_join(self->third), WAPO_PENDING);
    CHECK_EQUAL(wapo_cancel(self->third), 0);
    CHECK_EQUAL(wapo_join(self->third), 0);

    /* Nonsense is nobody. */
    CHECK_EQUAL(wapo_join(0), 0);
    CHECK_EQUAL(wapo_join(-5), 0);
    CHECK_EQUAL(wapo_join(0x7fffffff), 0);
    CHECK_EQUAL(wapo_cancel(0x7fffffff), 0);

    /* Not oneself. */
    CHECK_EQUAL(wapo_join(wapo_self()), WAPO_INVALID_PARAMETER);
    CHECK_EQUAL(wapo_cancel(wapo_self()), WAPO_INVALID_PARAMETER);

    /* Clean-ups, the latest first: of a task that waits, and none of one that has not begun. */
    self->first = wapo_spawn(forever, .letters = "xyz");
    self->second = wapo_spawn(forever, .letters = "pq");
    WAPO_YIELD;
    self->third = wapo_spawn(forever, .letters = "never");
    CHECK_EQUAL(wapo_cancel(self->first), 0);
    CHECK(trail_is("zyx"));
    CHECK_EQUAL(wapo_cancel(self->first), 0);
    CHECK_EQUAL(wapo_cancel(self->third), 0);
    CHECK(trail_is(""));
    CHECK_EQUAL(wapo_cancel(self->second), 0);
    CHECK(trail_is("qp"));

    /* No more clean-ups than there is room for. */
    for (self->count = 0; self->count < WAPO_MAX_DEFERRED; self->count++)
        CHECK_EQUAL(wapo_defer(note_it, NULL), 0);
    CHECK_EQUAL(wapo_defer(note_it, NULL), WAPO_RESOURCE_LIMITED);

    /* Several join one. */
    self->first = wapo_spawn(forever, .letters = NULL);
    wapo_spawn(joiner, .handle = self->first, .letter = '1');
    wapo_spawn(joiner, .handle = self->first, .letter = '2');
    self->second = wapo_spawn(joiner, .handle = self->first, .letter = '3');
    WAPO_YIELD;
    wapo_cancel(self->first);
    CHECK(trail_is(""));
    WAPO_AWAIT(result, wapo_join(self->second));
    CHECK(trail_is("123"));

    /* A joiner that is cancelled is not missed. */
    self->first = wapo_spawn(forever, .letters = NULL);
    self->second = wapo_spawn(joiner, .handle = self->first, .letter = '1');
    self->third = wapo_spawn(joiner, .handle = self->first, .letter = '2');
    WAPO_YIELD;
    wapo_cancel(self->second);
    wapo_cancel(self->first);
    WAPO_AWAIT(result, wapo_join(self->third));
    CHECK(trail_is("2"));

    /* One that never has to wait gives way all the same. */
    self->first = wapo_spawn(greedy, .stop = false);
    self->second = wapo_spawn(letters, .letter = 'g', .times = 3);
    WAPO_AWAIT(result, wapo_join(self->second));
    wapo_cancel(self->first);
    CHECK(trail_is("gggG"));

    /* Async functions in async functions. */
    self->depth.levels = 50;
    WAPO_AWAIT(result, depth(&self->depth));
    CHECK_EQUAL(result, 50);
    CHECK_EQUAL(self->depth.point.place_, 0);

    /* So many and no more; and all of them end. */
    for (self->count = 0, self->most = 0; self->most < 2 * WAPO_MAX_TASKS; self->most++) {
        result = wapo_spawn(nothing, .number = self->most);
        if (result < 0)
            break;
        self->stale = result;
    }
    CHECK_EQUAL(result, WAPO_RESOURCE_LIMITED);
    CHECK_EQUAL(self->most, WAPO_MAX_TASKS - 1);
    WAPO_AWAIT(result, wapo_join(self->stale));
    CHECK(wapo_spawn(nothing, .number = 0) > 0);

    /* Nothing leaks: the memory has what it needs for good. */
    for (self->count = 0; self->count < 20000; self->count++) {
        self->first = wapo_spawn(nothing, .number = self->count);
        CHECK(self->first > 0);
        WAPO_AWAIT(result, wapo_join(self->first));
        if (self->count == 1000)
            self->memory = __builtin_wasm_memory_size(0);
    }
    CHECK_EQUAL(__builtin_wasm_memory_size(0), self->memory);

    /* A handle that is out of date stays so, however often the slot has had another task. */
    CHECK(self->stale != self->first);
    CHECK_EQUAL(wapo_join(self->stale), 0);
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(all)
