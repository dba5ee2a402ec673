/* What the program may ask of its allocator beside malloc and its kin. */
#ifndef WAPOJS_HEAP_H
#define WAPOJS_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Before a memory image is taken: from now on everything is allocated in a fresh stretch of memory, of which `spare`
 * bytes are there already. Memory that was free before is not used again. */
void heap_seal(size_t spare);

/* Sets a little memory aside, which is given up when an allocation fails: so that running out of memory is an exception
 * that can be made, and told. */
void heap_reserve(void);

/* Whether an allocation has ever failed in this machine. */
bool heap_exhausted(void);

#endif
