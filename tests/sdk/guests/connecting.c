/* Attempts to connect that are given up leave no connector: a task that is cancelled, a timeout. */
#include "check.h"

struct attempt {
    wapo_point point;
    bool tls;
};

WAPO_ASYNC(attempt)
{
    int result;

    WAPO_BEGIN;
    if (self->tls)
        WAPO_AWAIT(result, wapo_tls_connect("silent.example", 443));
    else
        WAPO_AWAIT(result, wapo_tcp_connect("silent.example", 80));
    CHECK_EQUAL(result, 0xbad);
    WAPO_END;
}

struct all {
    wapo_point point;
    int first, second;
};

WAPO_ASYNC(all)
{
    int result;

    WAPO_BEGIN;
    self->first = wapo_spawn(attempt, .tls = false);
    self->second = wapo_spawn(attempt, .tls = true);
    WAPO_SLEEP(5);
    CHECK_EQUAL(wapo_ocall_create_timer(1), 3); /* behind the library's timer and two connectors */
    CHECK_EQUAL(wapo_close(3), 0);
    CHECK_EQUAL(wapo_cancel(self->first), 0);
    CHECK_EQUAL(wapo_cancel(self->second), 0);
    WAPO_AWAIT_TIMEOUT(result, 5, wapo_tcp_connect("silent.example", 80));
    CHECK_EQUAL(result, WAPO_TIMED_OUT);
    CHECK_EQUAL(wapo_ocall_create_timer(1), 1);
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(all)
