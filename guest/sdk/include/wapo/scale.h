/* SCALE, the encoding of messages: fixed integers little-endian, compact lengths, fields in order without framing.
 *
 * Reading is bounded by the bytes that are there. A reader that meets what is no SCALE has failed: it answers zeros
 * and empty texts from then on, so that a message is read to its end and checked once:
 *
 *     wapo_reader reader = wapo_reader_of(data, length);
 *     uint32_t id = wapo_get_u32(&reader);
 *     const char *name = wapo_get_text(&reader, &name_length);
 *     if (!wapo_reader_ended(&reader))
 *         return WAPO_MALFORMED;
 *
 * Writing appends to a buffer that grows by malloc, or stays within a given one; a writer that has no room has
 * failed, and is checked once likewise.
 */
#ifndef WAPO_SCALE_H
#define WAPO_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wapo_reader {
    const uint8_t *at, *end;
    bool failed;
} wapo_reader;

/* A reader of bytes that it borrows. */
static inline wapo_reader wapo_reader_of(const void *data, size_t length)
{
    return (wapo_reader){ (const uint8_t *)data, (const uint8_t *)data + length, false };
}

/* Whether everything has been read, and nothing was wrong. */
static inline bool wapo_reader_ended(const wapo_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

uint8_t wapo_get_u8(wapo_reader *reader);
uint16_t wapo_get_u16(wapo_reader *reader);
uint32_t wapo_get_u32(wapo_reader *reader);
uint64_t wapo_get_u64(wapo_reader *reader);
int32_t wapo_get_i32(wapo_reader *reader);
int64_t wapo_get_i64(wapo_reader *reader);

/* 0 or 1; also what an Option begins with. Anything else fails. */
bool wapo_get_bool(wapo_reader *reader);

/* A compact number below 2^64, in its shortest form only. */
uint64_t wapo_get_compact(wapo_reader *reader);

/* The number of elements of a Vec, each of which takes at least `least` bytes (not 0): fails if so many cannot be
 * there, so that room for them may be allocated. */
size_t wapo_get_count(wapo_reader *reader, size_t least);

/* [u8; size]: borrowed, NULL on failure. */
const uint8_t *wapo_get_fixed(wapo_reader *reader, size_t size);

/* Vec<u8>: borrowed. NULL and 0 on failure. */
const uint8_t *wapo_get_bytes(wapo_reader *reader, size_t *length);

/* String: borrowed, UTF-8, not NUL-terminated. "" and 0 on failure. */
const char *wapo_get_text(wapo_reader *reader, size_t *length);

/* Whether bytes are UTF-8 as RFC 3629 has it. */
bool wapo_is_utf8(const void *data, size_t length);

typedef struct wapo_writer {
    uint8_t *data;
    size_t length, capacity;
    bool fixed; /* stays within `capacity`; `data` is the caller's */
    bool failed;
} wapo_writer;

/* A writer into a buffer of the caller's. One that grows is (wapo_writer){ 0 }. */
static inline wapo_writer wapo_writer_into(void *buffer, size_t size)
{
    return (wapo_writer){ (uint8_t *)buffer, 0, size, true, false };
}

void wapo_put_u8(wapo_writer *writer, uint8_t value);
void wapo_put_u16(wapo_writer *writer, uint16_t value);
void wapo_put_u32(wapo_writer *writer, uint32_t value);
void wapo_put_u64(wapo_writer *writer, uint64_t value);
void wapo_put_i32(wapo_writer *writer, int32_t value);
void wapo_put_i64(wapo_writer *writer, int64_t value);
void wapo_put_bool(wapo_writer *writer, bool value);
void wapo_put_compact(wapo_writer *writer, uint64_t value);
void wapo_put_fixed(wapo_writer *writer, const void *data, size_t size);
void wapo_put_bytes(wapo_writer *writer, const void *data, size_t length);
void wapo_put_text(wapo_writer *writer, const char *text);

/* Frees the memory of a writer that grows. */
void wapo_writer_free(wapo_writer *writer);

#endif
