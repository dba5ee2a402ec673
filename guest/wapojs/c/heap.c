/* malloc for a machine that starts from a memory image.
 *
 * libc's allocator gives each size its own 64 KiB page, so a short request touches dozens of pages all over the heap,
 * and every page that is touched must be copied by the kernel once and back again afterwards. Here everything that a
 * request allocates lies side by side: heap_seal, called before an image is taken, sets the holes that loading has left
 * aside. Which of the platform's blocks lie together is layout.c's business.
 *
 * Blocks have an 8-byte header and are 16-byte aligned. Small and medium sizes come from free lists by class, filled
 * from chunks, and so do the engine's small blocks, which have a header of its own (heap.h). Large ones are runs of
 * pages, first fit, joined with their free neighbours. All of it is plain memory: an image holds its state like anything
 * else.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "heap.h"
#include "layout.h"

#define WASM_PAGE 65536u
#define PAGE 4096u
#define CHUNK_BYTES 65536u

/* Classes 0 to 64: usable sizes 8, 24, 40, ... 1032. Then four classes a doubling, up to 32 KiB a block. */
#define SMALL_CLASSES 65
#define MEDIUM_CLASSES 20
#define CLASSES (SMALL_CLASSES + MEDIUM_CLASSES)
#define MAX_MEDIUM_BLOCK 32768u
#define LARGE 0xffffu

typedef struct {
    uint32_t size;  /* usable bytes */
    uint32_t class; /* or LARGE */
} header;

typedef struct free_block {
    struct free_block *next;
} free_block;

/* A free run of pages; lies at its own beginning. The list is in order of addresses. */
typedef struct run {
    struct run *next;
    size_t bytes;
} run;

static free_block *lists[CLASSES];
void *heap_small_lists[HEAP_SMALL_SIZES];
static uint8_t *chunk, *chunk_end;
static run *runs;
static bool exhausted;

/* Room that is given up when memory runs out: for the exception that says so, with its stack, and a line in the log. */
#define RESERVE_BYTES (4 * CHUNK_BYTES)
static uint8_t *reserve;

static inline header *header_of(void *pointer)
{
    return (header *)pointer - 1;
}

/* The usable size of a medium class: a block of (4 + step) * 2^shift bytes, less the header. */
static uint32_t medium_size(uint32_t class)
{
    uint32_t index = class - SMALL_CLASSES;
    return ((5 + index % 4) << (8 + index / 4)) - 8;
}

static uint32_t usable_size(uint32_t class)
{
    return class < SMALL_CLASSES ? class * 16 + 8 : medium_size(class);
}

static uint32_t class_of(size_t size)
{
    if (size <= 1032)
        return (uint32_t)(size + 7) >> 4;
    uint32_t block = (uint32_t)size + 8; /* in (1040, 32768] */
    uint32_t shift = 29 - (uint32_t)__builtin_clz(block - 1); /* block <= 8 << shift */
    uint32_t step = (block - 1) >> shift;                     /* 4 to 7 */
    return SMALL_CLASSES + (shift - 8) * 4 + (step - 4);
}

/* Puts a run into the list, joined with the runs that it touches. */
static void free_run(uint8_t *at, size_t bytes)
{
    run **link = &runs, *before = NULL;
    while (*link && (uint8_t *)*link < at) {
        before = *link;
        link = &before->next;
    }
    run *after = *link, *this = (run *)at;
    this->bytes = bytes;
    this->next = after;
    *link = this;
    if (after && at + bytes == (uint8_t *)after) {
        this->bytes += after->bytes;
        this->next = after->next;
    }
    if (before && (uint8_t *)before + before->bytes == at) {
        before->bytes += this->bytes;
        before->next = this->next;
    }
}

/* Takes pages from the host. What it gives need not follow what it gave before: libc may have taken some. */
static bool grow(size_t bytes)
{
    size_t pages = (bytes + WASM_PAGE - 1) / WASM_PAGE;
    size_t at = __builtin_wasm_memory_grow(0, pages);
    if (at == (size_t)-1)
        return false;
    free_run((uint8_t *)(at * WASM_PAGE), pages * WASM_PAGE);
    return true;
}

/* A run of a multiple of PAGE bytes: the first that is large enough. */
static uint8_t *take_run(size_t bytes)
{
    for (int tries = 0; tries < 2; tries++) {
        for (run **link = &runs; *link; link = &(*link)->next) {
            run *found = *link;
            if (found->bytes < bytes)
                continue;
            if (found->bytes == bytes) {
                *link = found->next;
            } else {
                run *rest = (run *)((uint8_t *)found + bytes);
                rest->bytes = found->bytes - bytes;
                rest->next = found->next;
                *link = rest;
            }
            return (uint8_t *)found;
        }
        if (!grow(bytes))
            break;
    }
    return NULL;
}

void heap_reserve(void)
{
    if (!reserve)
        reserve = take_run(RESERVE_BYTES);
}

void heap_give_up_reserve(void)
{
    if (reserve)
        free_run(reserve, RESERVE_BYTES);
    reserve = NULL;
}

static void *take_large(size_t size)
{
    if (size > SIZE_MAX - 2 * PAGE)
        return NULL;
    size_t bytes = (size + 16 + PAGE - 1) & ~(size_t)(PAGE - 1);
    uint8_t *at = take_run(bytes);
    if (!at)
        return NULL;
    header *h = (header *)(at + 8);
    h->size = (uint32_t)(bytes - 16);
    h->class = LARGE;
    return h + 1;
}

/* Makes the chunk longer, if what follows it is free; otherwise begins another one, and what is left of it is lost. */
static bool more_chunk(void)
{
    uint8_t *fresh = take_run(CHUNK_BYTES);
    if (!fresh)
        return false;
    if (fresh != chunk_end + 8)
        chunk = fresh + 8;
    chunk_end = fresh + CHUNK_BYTES - 8;
    return true;
}

/* New memory from the chunk, at a multiple of eight. `headed`: for a header, so that what follows it is 16-byte aligned. */
static uint8_t *carve(size_t bytes, bool headed)
{
    do {
        uint8_t *block = headed && ((uintptr_t)chunk & 8) == 0 ? chunk + 8 : chunk;
        if (chunk_end - block >= (ptrdiff_t)bytes) {
            chunk = block + bytes;
            return block;
        }
    } while (more_chunk());
    return NULL;
}

void *heap_carve_small(size_t bytes)
{
    void *block = carve(bytes, false);
    if (!block)
        exhausted = true;
    return block;
}

/* A block of a class, without having been counted. */
static void *take_block(uint32_t class)
{
    free_block *first = lists[class];
    if (first) {
        lists[class] = first->next;
        return first;
    }
    uint32_t size = usable_size(class);
    header *h = (header *)carve(size + 8, true);
    if (!h)
        return NULL;
    h->size = size;
    h->class = class;
    return h + 1;
}

void *malloc(size_t size)
{
    void *pointer;
    if (size + 8 > MAX_MEDIUM_BLOCK || size > SIZE_MAX - 8) {
        layout_count(SIZE_MAX - 8, true);
        pointer = take_large(size);
    } else {
        uint32_t class = class_of(size);
        header *h = layout_count(usable_size(class) + 8, true);
        if (h) {
            h->size = usable_size(class);
            h->class = class;
            return h + 1;
        }
        pointer = take_block(class);
    }
    if (!pointer) {
        exhausted = true;
        errno = ENOMEM;
    }
    return pointer;
}

bool heap_exhausted(void)
{
    return exhausted;
}

void free(void *pointer)
{
    if (!pointer)
        return;
    header *h = header_of(pointer);
    if (h->class == LARGE) {
        free_run((uint8_t *)h - 8, (size_t)h->size + 16);
    } else {
        free_block *block = pointer;
        block->next = lists[h->class];
        lists[h->class] = block;
    }
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *pointer = malloc(bytes);
    if (pointer)
        memset(pointer, 0, bytes);
    return pointer;
}

/* Makes a large block larger where it is, if the run behind it is free. */
static bool extend(header *h, size_t size)
{
    size_t bytes = (size + 16 + PAGE - 1) & ~(size_t)(PAGE - 1), now = (size_t)h->size + 16;
    uint8_t *end = (uint8_t *)h - 8 + now;
    for (run **link = &runs; *link && (uint8_t *)*link <= end; link = &(*link)->next) {
        run *behind = *link;
        if ((uint8_t *)behind != end || behind->bytes < bytes - now)
            continue;
        size_t left = behind->bytes - (bytes - now);
        if (left) {
            run *rest = (run *)(end + (bytes - now));
            rest->next = behind->next;
            rest->bytes = left;
            *link = rest;
        } else {
            *link = behind->next;
        }
        h->size = (uint32_t)(bytes - 16);
        return true;
    }
    return false;
}

void *realloc(void *pointer, size_t size)
{
    if (!pointer)
        return malloc(size);
    if (!size) {
        free(pointer);
        return NULL;
    }
    header *h = header_of(pointer);
    if (size <= h->size && size >= h->size / 4)
        return pointer;
    if (h->class == LARGE && size > h->size && size <= SIZE_MAX - 2 * PAGE && extend(h, size)) {
        layout_count(SIZE_MAX - 8, true); /* as the move that it would be elsewhere: counts must not depend on places */
        return pointer;
    }
    void *moved = malloc(size);
    if (moved) {
        memcpy(moved, pointer, size < h->size ? size : h->size);
        free(pointer);
    }
    return moved;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return alignment <= 16 ? malloc(size) : NULL;
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
    void *pointer = aligned_alloc(alignment, size);
    if (!pointer)
        return ENOMEM;
    *result = pointer;
    return 0;
}

size_t malloc_usable_size(void *pointer)
{
    return pointer ? header_of(pointer)->size : 0;
}

void heap_seal(size_t spare)
{
    layout_seal();
    memset(lists, 0, sizeof(lists));
    memset(heap_small_lists, 0, sizeof(heap_small_lists));
    runs = NULL;
    heap_reserve();
    /* A request goes on where loading has ended, if there is room for a short one. Another chunk is taken now: to note
     * that the run got shorter is a page written. */
    if (spare && grow(spare) && chunk_end - chunk < (ptrdiff_t)CHUNK_BYTES / 2)
        more_chunk();
}
