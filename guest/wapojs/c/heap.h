/* What the program may ask of its allocator beside malloc and its kin. */
#ifndef WAPOJS_HEAP_H
#define WAPOJS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include "layout.h"

/* Small blocks that have no header of ours, for the engine, which has one of its own in each (guest/sources.toml). Blocks
 * of all sizes come from common chunks, in the order in which they are asked for; freed ones go onto a list by size. */
#define HEAP_SMALL_SIZES 31

/* Each free block begins with the next one. */
extern void *heap_small_lists[HEAP_SMALL_SIZES];
void *heap_carve_small(size_t bytes);

/* A block of a size, given as its index and its bytes, a multiple of eight; NULL if there is no memory. */
static inline void *heap_take_small(unsigned size, size_t bytes)
{
    void *block = layout_count(bytes, false);
    if (block)
        return block;
    block = heap_small_lists[size];
    if (!block)
        return heap_carve_small(bytes);
    heap_small_lists[size] = *(void **)block;
    return block;
}

static inline void heap_free_small(unsigned size, void *block)
{
    *(void **)block = heap_small_lists[size];
    heap_small_lists[size] = block;
}

/* Before a memory image is taken, the first time of the platform, then of a program: what was freed before is not used
 * again, so what is allocated from now on lies side by side. `spare` bytes for it are there already. */
void heap_seal(size_t spare);

/* Sets a little memory aside for when there is none left: so that running out of memory is an exception that can be
 * made, and told. The engine gives it up when it throws that, not when an allocation fails: there are some that it can do
 * without, and tries again and again (a larger table of shapes). */
void heap_reserve(void);
void heap_give_up_reserve(void);

/* Whether an allocation has ever failed in this machine. */
bool heap_exhausted(void);

#endif
