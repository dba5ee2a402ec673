/* Makes many ocalls of each kind and prints what one takes, in nanoseconds: a JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wapo.h>
#include <wapo/ocalls.h>

enum { CALLS = 100000 };

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#define MEASURE(name, call)                                                    \
    do {                                                                       \
        double begin = now_ns();                                               \
        for (int i = 0; i < CALLS; i++)                                        \
            if ((call) < 0)                                                    \
                exit(1);                                                       \
        printf("%s\"%s\": %.1f", separator, name, (now_ns() - begin) / CALLS); \
        separator = ", ";                                                      \
    } while (0)

struct bench {
    wapo_point point;
};

WAPO_ASYNC(bench)
{
    const char *separator = "{";
    char bytes[32];
    struct timespec now;

    WAPO_BEGIN;
    int timer = wapo_ocall_create_timer(3600000);
    MEASURE("fast, nothing in memory (mark_task_ready)", wapo_ocall_mark_task_ready(0));
    MEASURE("fast, 32 bytes into memory (getrandom)", wapo_ocall_getrandom(bytes, sizeof bytes));
    MEASURE("slow, a number (reset_timer)", wapo_ocall_reset_timer(timer, 3600000));
    MEASURE("slow, then its result (app_address)", (wapo_ocall_app_address(), wapo_ocall_get_return(bytes, 32)));
    MEASURE("WASI (clock_gettime)", clock_gettime(CLOCK_MONOTONIC, &now));
    printf("}\n");
    WAPO_END;
}

WAPO_MAIN(bench)
