#include <stdlib.h>
#include <string.h>
#include <wapo/scale.h>

/* Reading */

const uint8_t *wapo_get_fixed(wapo_reader *reader, size_t size)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += size;
    return bytes;
}

/* A little-endian number of up to 8 bytes; 0 on failure. */
static uint64_t get_number(wapo_reader *reader, size_t size)
{
    const uint8_t *bytes = wapo_get_fixed(reader, size);
    uint64_t value = 0;
    for (size_t i = size; bytes && i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t wapo_get_u8(wapo_reader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint16_t wapo_get_u16(wapo_reader *reader)
{
    return (uint16_t)get_number(reader, 2);
}

uint32_t wapo_get_u32(wapo_reader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t wapo_get_u64(wapo_reader *reader)
{
    return get_number(reader, 8);
}

int32_t wapo_get_i32(wapo_reader *reader)
{
    return (int32_t)wapo_get_u32(reader);
}

int64_t wapo_get_i64(wapo_reader *reader)
{
    return (int64_t)wapo_get_u64(reader);
}

bool wapo_get_bool(wapo_reader *reader)
{
    uint8_t value = wapo_get_u8(reader);
    if (value > 1)
        reader->failed = true;
    return value == 1;
}

/* How compact numbers are written: one, two or four bytes with the mode in their lowest two bits, or a byte that
 * says how many bytes follow. */
enum { MODE_1, MODE_2, MODE_4, MODE_BIG };

uint64_t wapo_get_compact(wapo_reader *reader)
{
    if (reader->failed || reader->at == reader->end) {
        reader->failed = true;
        return 0;
    }
    uint64_t value, least;
    switch (*reader->at & 3) {
    case MODE_1:
        return get_number(reader, 1) >> 2;
    case MODE_2:
        value = get_number(reader, 2) >> 2;
        least = 1 << 6;
        break;
    case MODE_4:
        value = get_number(reader, 4) >> 2;
        least = 1 << 14;
        break;
    default: {
        size_t size = (size_t)(get_number(reader, 1) >> 2) + 4;
        if (size > 8) {
            reader->failed = true;
            return 0;
        }
        value = get_number(reader, size);
        least = size == 4 ? 1 << 30 : (uint64_t)1 << (8 * (size - 1));
    }
    }
    if (reader->failed || value < least) { /* there is a shorter form */
        reader->failed = true;
        return 0;
    }
    return value;
}

size_t wapo_get_count(wapo_reader *reader, size_t least)
{
    uint64_t count = wapo_get_compact(reader);
    if (count > (size_t)(reader->end - reader->at) / least) {
        reader->failed = true;
        return 0;
    }
    return (size_t)count;
}

const uint8_t *wapo_get_bytes(wapo_reader *reader, size_t *length)
{
    *length = wapo_get_count(reader, 1);
    return wapo_get_fixed(reader, *length);
}

const char *wapo_get_text(wapo_reader *reader, size_t *length)
{
    const uint8_t *bytes = wapo_get_bytes(reader, length);
    if (bytes && wapo_is_utf8(bytes, *length))
        return (const char *)bytes;
    reader->failed = true;
    *length = 0;
    return "";
}

bool wapo_is_utf8(const void *data, size_t length)
{
    const uint8_t *at = data, *end = at + length;
    while (at < end) {
        uint8_t first = *at++;
        if (first < 0x80)
            continue;
        size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if (first < 0xC2 || first > 0xF4 || (size_t)(end - at) < more)
            return false;
        /* RFC 3629, section 4: what may follow a first byte is narrower than any continuation for four of them. */
        uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        for (; more; more--, low = 0x80, high = 0xBF) {
            uint8_t next = *at++;
            if (next < low || next > high)
                return false;
        }
    }
    return true;
}

/* Writing */

static uint8_t *room(wapo_writer *writer, size_t size)
{
    if (writer->failed)
        return NULL;
    if (size > writer->capacity - writer->length) {
        size_t capacity = writer->capacity;
        if (writer->fixed || size > SIZE_MAX / 4 || capacity > SIZE_MAX / 4) {
            writer->failed = true;
            return NULL;
        }
        capacity = capacity * 2 > writer->length + size ? capacity * 2 : writer->length + size;
        uint8_t *larger = realloc(writer->data, capacity < 64 ? 64 : capacity);
        if (!larger) {
            writer->failed = true;
            return NULL;
        }
        writer->data = larger;
        writer->capacity = capacity < 64 ? 64 : capacity;
    }
    uint8_t *at = writer->data + writer->length;
    writer->length += size;
    return at;
}

static void put_number(wapo_writer *writer, uint64_t value, size_t size)
{
    uint8_t *at = room(writer, size);
    for (size_t i = 0; at && i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void wapo_put_u8(wapo_writer *writer, uint8_t value)
{
    put_number(writer, value, 1);
}

void wapo_put_u16(wapo_writer *writer, uint16_t value)
{
    put_number(writer, value, 2);
}

void wapo_put_u32(wapo_writer *writer, uint32_t value)
{
    put_number(writer, value, 4);
}

void wapo_put_u64(wapo_writer *writer, uint64_t value)
{
    put_number(writer, value, 8);
}

void wapo_put_i32(wapo_writer *writer, int32_t value)
{
    put_number(writer, (uint32_t)value, 4);
}

void wapo_put_i64(wapo_writer *writer, int64_t value)
{
    put_number(writer, (uint64_t)value, 8);
}

void wapo_put_bool(wapo_writer *writer, bool value)
{
    put_number(writer, value, 1);
}

void wapo_put_compact(wapo_writer *writer, uint64_t value)
{
    if (value < 1 << 6) {
        put_number(writer, value << 2 | MODE_1, 1);
    } else if (value < 1 << 14) {
        put_number(writer, value << 2 | MODE_2, 2);
    } else if (value < 1 << 30) {
        put_number(writer, value << 2 | MODE_4, 4);
    } else {
        size_t size = 4;
        while (size < 8 && value >> (8 * size))
            size++;
        put_number(writer, (size - 4) << 2 | MODE_BIG, 1);
        put_number(writer, value, size);
    }
}

void wapo_put_fixed(wapo_writer *writer, const void *data, size_t size)
{
    uint8_t *at = room(writer, size);
    if (at && size)
        memcpy(at, data, size);
}

void wapo_put_bytes(wapo_writer *writer, const void *data, size_t length)
{
    wapo_put_compact(writer, length);
    wapo_put_fixed(writer, data, length);
}

void wapo_put_text(wapo_writer *writer, const char *text)
{
    wapo_put_bytes(writer, text, strlen(text));
}

void wapo_writer_free(wapo_writer *writer)
{
    if (!writer->fixed)
        free(writer->data);
    *writer = (wapo_writer){ 0 };
}
