/* Clocks and waiting through an ordinary libc. Input never comes: standard input is a pipe that stays open. */
#include "program.h"

#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

PROGRAM
{
    struct timespec time = {0, 30000000};
    long long before = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&time, NULL) == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 30000000);

    before = now(CLOCK_REALTIME) + 20000000;
    time.tv_sec = before / 1000000000;
    time.tv_nsec = before % 1000000000;
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) == 0);
    CHECK(now(CLOCK_REALTIME) >= before);

    before = now(CLOCK_MONOTONIC) + 20000000;
    time.tv_sec = before / 1000000000;
    time.tv_nsec = before % 1000000000;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0);
    CHECK(now(CLOCK_MONOTONIC) >= before);

    before = now(CLOCK_MONOTONIC);
    CHECK(usleep(10000) == 0 && sched_yield() == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 10000000);
    CHECK(clock_getres(CLOCK_MONOTONIC, &time) == 0 && time.tv_sec == 0 && time.tv_nsec == 1);

    struct pollfd waits[2] = {{.fd = 0, .events = POLLIN}, {.fd = 1, .events = POLLOUT}};
    CHECK(poll(waits, 1, 0) == 0);
    before = now(CLOCK_MONOTONIC);
    CHECK(poll(waits, 1, 25) == 0 && waits[0].revents == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 25000000);
    CHECK(poll(waits, 2, -1) == 1 && waits[0].revents == 0 && waits[1].revents == POLLOUT);
    waits[1].fd = 77;
    CHECK(poll(waits, 2, 1000) == 1 && waits[1].revents == POLLNVAL);
}
