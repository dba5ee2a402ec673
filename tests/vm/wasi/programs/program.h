/* program.h - a program that checks things and then ends, as a Wapo program: its one poll runs them all.
 *
 *   PROGRAM { CHECK(1 + 1 == 2); }
 *
 * What is not so is a line of its output; the last line is "done". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHECK(what) \
    do { \
        errno = 0; \
        if (!(what)) \
            printf("line %d: %s (%s)\n", __LINE__, #what, strerror(errno)); \
    } while (0)

/* That a call fails, and how. */
#define FAILS(call, number) \
    do { \
        errno = 0; \
        long long result_ = (long long)(call); \
        if (result_ != -1 || errno != (number)) \
            printf("line %d: %s = %lld (%s), not %s\n", __LINE__, #call, result_, strerror(errno), #number); \
    } while (0)

static void program(void);

__attribute__((export_name("wapo_poll"))) int wapo_poll(void)
{
    program();
    printf("done\n");
    fflush(stdout);
    return 1;
}

#define PROGRAM static void program(void)
