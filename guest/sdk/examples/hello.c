/* Says hello three times, a fifth of a second apart, and ends. */
#include <wapo.h>

struct hello {
    wapo_point point; /* where it stands */
    int count;        /* what must survive a wait */
};

WAPO_ASYNC(hello)
{
    WAPO_BEGIN;
    for (self->count = 1; self->count <= 3; self->count++) {
        wapo_log(WAPO_INFO, "hello, number %d", self->count);
        WAPO_SLEEP(200);
    }
    WAPO_END;
}

WAPO_MAIN(hello)
