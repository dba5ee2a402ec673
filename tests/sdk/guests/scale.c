/* Reads the payload of each query as the path says, and answers with the same written anew; or refuses it. */
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

/* A message with one field of each kind. Lengths and counts are looked at before anything is allocated. */
static bool fields(wapo_reader *in, wapo_writer *out)
{
    size_t text_length, bytes_length, count;
    uint8_t u8 = wapo_get_u8(in);
    uint16_t u16 = wapo_get_u16(in);
    uint32_t u32 = wapo_get_u32(in);
    uint64_t u64 = wapo_get_u64(in);
    int32_t i32 = wapo_get_i32(in);
    int64_t i64 = wapo_get_i64(in);
    bool flag = wapo_get_bool(in);
    const char *text = wapo_get_text(in, &text_length);
    const uint8_t *bytes = wapo_get_bytes(in, &bytes_length);
    count = wapo_get_count(in, 4);
    uint32_t *numbers = malloc((count + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < count; i++)
        numbers[i] = wapo_get_u32(in);
    bool there = wapo_get_bool(in);
    uint8_t option = there ? wapo_get_u8(in) : 0;
    const uint8_t *fixed = wapo_get_fixed(in, 4);
    if (in->failed) {
        free(numbers);
        return false;
    }
    wapo_put_u8(out, u8);
    wapo_put_u16(out, u16);
    wapo_put_u32(out, u32);
    wapo_put_u64(out, u64);
    wapo_put_i32(out, i32);
    wapo_put_i64(out, i64);
    wapo_put_bool(out, flag);
    wapo_put_bytes(out, text, text_length);
    wapo_put_bytes(out, bytes, bytes_length);
    wapo_put_compact(out, count);
    for (size_t i = 0; i < count; i++)
        wapo_put_u32(out, numbers[i]);
    wapo_put_bool(out, there);
    if (there)
        wapo_put_u8(out, option);
    wapo_put_fixed(out, fixed, 4);
    free(numbers);
    return true;
}

static bool convert(const char *path, wapo_reader *in, wapo_writer *out)
{
    if (!strcmp(path, "/fields"))
        return fields(in, out);
    if (!strcmp(path, "/compact"))
        wapo_put_compact(out, wapo_get_compact(in));
    else if (!strcmp(path, "/text")) {
        size_t length;
        const char *text = wapo_get_text(in, &length);
        wapo_put_bytes(out, text, length);
    }
    return !in->failed;
}

/* After a failure a reader answers nothing but zeros, and moves no more. */
static bool stays_failed(wapo_reader reader)
{
    size_t length = 1;
    const uint8_t *at = reader.at;
    return !wapo_get_u64(&reader) && !wapo_get_compact(&reader) && !wapo_get_bool(&reader) &&
           !wapo_get_bytes(&reader, &length) && !length && !*wapo_get_text(&reader, &length) &&
           !wapo_get_fixed(&reader, 0) && !wapo_get_count(&reader, 1) && reader.failed && reader.at == at;
}

/* A writer that stays within a buffer writes what fits, and nothing behind it. */
static bool stays_within(const wapo_writer *whole, size_t size)
{
    uint8_t *buffer = malloc(size + 8);
    memset(buffer, 0xee, size + 8);
    wapo_writer writer = wapo_writer_into(buffer, size);
    wapo_put_bytes(&writer, whole->data, whole->length);
    wapo_put_u32(&writer, 7);
    bool right = writer.length <= size;
    for (size_t i = 0; i < 8; i++)
        right = right && buffer[size + i] == 0xee;
    free(buffer);
    return right;
}

struct service {
    wapo_point point;
    int queries;
    wapo_query query;
};

WAPO_ASYNC(service)
{
    int result;

    WAPO_BEGIN;
    self->queries = wapo_queries_open();
    for (;;) {
        WAPO_AWAIT(result, wapo_queries_next(self->queries, &self->query));
        if (result < 0)
            break;
        wapo_reader reader = wapo_reader_of(self->query.payload, self->query.payload_length);
        wapo_writer writer = { 0 };
        bool converted = convert(self->query.path, &reader, &writer);
        if (!converted && !stays_failed(reader))
            wapo_query_refuse(&self->query, "a failed reader goes on");
        else if (!converted)
            wapo_query_refuse(&self->query, "malformed");
        else if (!stays_within(&writer, writer.length / 2) || writer.failed)
            wapo_query_refuse(&self->query, "a writer left its buffer");
        else
            wapo_query_reply(&self->query, writer.data, writer.length);
        wapo_writer_free(&writer);
    }
    WAPO_END;
}

WAPO_MAIN(service)
