/* Where the platform's objects lie: what requests write of them is kept together.
 *
 * Every page that a request writes is copied once by the kernel and once back when the machine is reset. A request
 * writes few of the platform's objects (a reference count here, a property there), but these lie scattered among all
 * others. Which ones they are can be told in advance: the platform starts in the same way every time, so the n-th
 * allocation is the same object every time. guest/train.py finds the numbers out (heap_layout.txt); while the platform
 * starts, allocations are counted, and those of these numbers are taken from an arena.
 *
 * Where the count is not what it was in training, other objects lie in the arena. That costs locality, nothing else.
 */
#ifndef WAPOJS_LAYOUT_H
#define WAPOJS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many allocations it is until the next one that is to be taken from the arena. */
extern uint32_t layout_countdown;

/* A block in the arena for the allocation whose turn it is; NULL if it does not fit. `headed`: as heap.c wants it, eight
 * bytes behind a multiple of sixteen; others at a multiple of eight. `bytes` is a multiple of eight. */
void *layout_take(size_t bytes, bool headed);

/* Counts an allocation. Its block, if it has a place in the arena; NULL for nearly all. */
static inline void *layout_count(size_t bytes, bool headed)
{
    return --layout_countdown ? NULL : layout_take(bytes, headed);
}

/* The platform has started: nothing that comes later has a place. */
void layout_seal(void);

#endif
