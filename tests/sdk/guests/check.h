/* Checks for programs that test the library from inside: a failure is logged, and the program's exit code is 1. */
#ifndef CHECK_H
#define CHECK_H

#include <wapo.h>

static int failures;

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            failures++;                                                                   \
            wapo_log(WAPO_ERROR, "%s:%d: %s", __FILE_NAME__, __LINE__, #condition);       \
        }                                                                                 \
    } while (0)

#define CHECK_EQUAL(value, expected)                                                                     \
    do {                                                                                                 \
        long long value_ = (long long)(value), expected_ = (long long)(expected);                        \
        if (value_ != expected_) {                                                                       \
            failures++;                                                                                  \
            wapo_log(WAPO_ERROR, "%s:%d: %s is %lld, not %lld", __FILE_NAME__, __LINE__, #value, value_, \
                     expected_);                                                                         \
        }                                                                                                \
    } while (0)

#endif
