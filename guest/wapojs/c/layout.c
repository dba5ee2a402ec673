/* The arena of layout.h: a stretch for each group of blocks that heap_layout.txt names, one behind the other. */
#include "layout.h"

/* A block's first byte in a stretch that goes on at `at`. */
static uint8_t *place(uint8_t *at, bool headed)
{
    return headed && ((uintptr_t)at & 8) == 0 ? at + 8 : at;
}

#ifdef LAYOUT_TRAINING

/* Every block has an address of its own, also those that come after others were freed, so what is written says which
 * allocation it belongs to. guest/train.py reads these; the map has a byte for each eight of memory. */
enum { TRAINING_BLOCKS = 1 << 20, TRAINING_BYTES = 64 << 20, TRAINING_MAX_BLOCK = 32768, MAPPED_BYTES = 128 << 20 };
uint32_t layout_blocks[TRAINING_BLOCKS];
uint32_t layout_block_count, layout_sealed_at;
uint8_t layout_map[MAPPED_BYTES / 8];
_Alignas(16) uint8_t layout_arena[TRAINING_BYTES];

uint32_t layout_countdown = 1;

void *layout_take(size_t bytes, bool headed)
{
    static size_t used;
    layout_countdown = 1;
    uint32_t number = ++layout_block_count;
    if (bytes > TRAINING_MAX_BLOCK || number >= TRAINING_BLOCKS || used + bytes + 8 > TRAINING_BYTES)
        return NULL;
    uint8_t *block = place(layout_arena + used, headed);
    used = (size_t)(block - layout_arena) + bytes;
    layout_blocks[number] = (uint32_t)(uintptr_t)block;
    return block;
}

void layout_seal(void)
{
    if (!layout_sealed_at)
        layout_sealed_at = layout_block_count;
}

#else

typedef struct {
    uint32_t number : 24, group : 8;
} hot_block;

#include "layout_table.h"

static _Alignas(16) uint8_t arena[HOT_BYTES];
static size_t next, used[HOT_GROUPS];

uint32_t layout_countdown = HOT_FIRST;

void *layout_take(size_t bytes, bool headed)
{
    if (next == HOT_COUNT)
        return NULL;
    hot_block found = hot_blocks[next++];
    layout_countdown = next < HOT_COUNT ? hot_blocks[next].number - found.number : 0;
    uint8_t *begin = arena + hot_groups[found.group], *end = arena + hot_groups[found.group + 1];
    uint8_t *block = place(begin + used[found.group], headed);
    if (bytes > (size_t)(end - begin) || block + bytes > end)
        return NULL;
    used[found.group] = (size_t)(block - begin) + bytes;
    return block;
}

void layout_seal(void)
{
    next = HOT_COUNT;
    layout_countdown = 0; /* that is 2^32 */
}

#endif
