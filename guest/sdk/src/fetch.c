/* Outgoing HTTP: the layouts are those of docs/abi.md, 1100 to 1102. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wapo/fetch.h>
#include "headers.h"
#include "internal.h"

enum { DECODE_CONTENT = 2, HAS_BODY = 4 };
enum { HEAD_SIZE = 12 };

static int open_exchange(const char *method, const char *url, const void *body, size_t length,
                         const wapo_header *headers, size_t count)
{
    wapo_writer writer = { 0 };
    size_t headers_length = 0;
    for (size_t i = 0; i < count; i++)
        headers_length += strlen(headers[i].name) + strlen(headers[i].value) + 2;
    if (count)
        headers_length--; /* NULs stand between, not behind */
    wapo_put_u32(&writer, DECODE_CONTENT | (body ? HAS_BODY : 0));
    wapo_put_u32(&writer, (uint32_t)strlen(method));
    wapo_put_u32(&writer, (uint32_t)strlen(url));
    wapo_put_u32(&writer, (uint32_t)headers_length);
    wapo_put_u32(&writer, body ? (uint32_t)length : 0);
    wapo_put_fixed(&writer, method, strlen(method));
    wapo_put_fixed(&writer, url, strlen(url));
    for (size_t i = 0; i < count; i++) {
        wapo_put_fixed(&writer, headers[i].name, strlen(headers[i].name) + 1);
        wapo_put_fixed(&writer, headers[i].value, strlen(headers[i].value) + (i + 1 < count));
    }
    if (body)
        wapo_put_fixed(&writer, body, length);
    int result = writer.failed ? WAPO_NO_MEMORY : wapo_ocall_http_open(writer.data, writer.length);
    wapo_writer_free(&writer);
    return result;
}

int wapo_fetch(const char *method, const char *url, const void *body, size_t length, ...)
{
    wapo_header headers[MAX_LISTED_HEADERS];
    va_list list;
    va_start(list, length);
    int count = list_headers(headers, list);
    va_end(list);
    return count < 0 ? count : open_exchange(method, url, body, length, headers, (size_t)count);
}

/* Takes apart `name NUL value NUL name NUL value`, which ends with a NUL of ours. */
static int split_headers(char *at, const char *end, wapo_fetch_response *response)
{
    size_t fields = at < end;
    for (const char *c = at; c < end; c++)
        fields += !*c;
    wapo_header *headers = malloc((fields / 2 + 1) * sizeof(wapo_header));
    if (!headers)
        return WAPO_NO_MEMORY;
    size_t count = 0;
    for (; count < fields / 2; count++) {
        headers[count].name = at;
        at += strlen(at) + 1;
        headers[count].value = at;
        at += strlen(at) + 1;
    }
    response->headers = headers;
    response->header_count = count;
    return 0;
}

int wapo_fetch_head(int exchange, wapo_fetch_response *response)
{
    *response = (wapo_fetch_response){ 0 };
    char none;
    int length = wapo_or_pending_(wapo_ocall_http_head(wapo_current_task, exchange, &none, 0));
    length = take(length, &response->message_);
    if (length < 0)
        return length;
    wapo_reader reader = wapo_reader_of(response->message_, (size_t)length);
    int status = wapo_get_u16(&reader);
    wapo_get_u16(&reader); /* minor version */
    size_t reason_length = wapo_get_u32(&reader), headers_length = wapo_get_u32(&reader);
    if (reader.failed || reason_length + headers_length != (size_t)length - HEAD_SIZE) {
        wapo_fetch_free(response);
        return WAPO_MALFORMED;
    }
    /* The reason moves over the lengths, which have been read, to make room for its end. */
    char *reason = memmove(response->message_, reader.at, reason_length);
    reason[reason_length] = 0;
    response->reason = reason;
    response->status = status;
    char *headers = (char *)reader.at + reason_length;
    int result = split_headers(headers, headers + headers_length, response);
    if (result < 0) {
        wapo_fetch_free(response);
        return result;
    }
    return status;
}

const char *wapo_fetch_header(const wapo_fetch_response *response, const char *name)
{
    return find_header(response->headers, response->header_count, name);
}

void wapo_fetch_free(wapo_fetch_response *response)
{
    free((void *)response->headers);
    free(response->message_);
    *response = (wapo_fetch_response){ 0 };
}

int wapo_fetch_error(int exchange, char *text, size_t size)
{
    if (!size)
        return WAPO_INVALID_PARAMETER;
    void *whole;
    char none;
    int length = take(wapo_ocall_error_text(exchange, &none, 0), &whole);
    if (length < 0)
        return length;
    if ((size_t)length >= size)
        length = (int)size - 1;
    memcpy(text, whole, (size_t)length);
    text[length] = 0;
    free(whole);
    return length;
}
