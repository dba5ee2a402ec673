/* The end of a slice: guest/preemption.py puts a check of this byte, and the call, where code repeats. */
#include <sched.h>
#include <stdint.h>

/* Set by the host while this machine runs. */
volatile uint8_t wapo_slice_over;

__attribute__((export_name("wapo_end_slice"), noinline)) void wapo_end_slice(void)
{
    wapo_slice_over = 0;
    sched_yield();
}
