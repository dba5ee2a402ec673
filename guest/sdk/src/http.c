#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wapo/http.h>
#include "headers.h"
#include "internal.h"

/* Ends a text of a message, whose length is in front of it, with a NUL. To be called when the bytes behind it have been
 * read: its end is the next field's length. */
static const char *ended(const char *text, size_t length)
{
    ((char *)text)[length] = 0;
    return text;
}

/* The smallest header is two empty texts. */
enum { LEAST_HEADER = 2 };

static int read_request(wapo_reader *reader, wapo_http_request *request)
{
    size_t method_length, url_length, count;
    const char *method = wapo_get_text(reader, &method_length);
    const char *url = wapo_get_text(reader, &url_length);
    count = wapo_get_count(reader, LEAST_HEADER);
    wapo_reader headers_from = *reader;
    for (size_t i = 0; i < 2 * count; i++)
        wapo_get_bytes(reader, &(size_t){ 0 });
    request->head = wapo_get_i32(reader);
    request->stream = wapo_get_i32(reader);
    if (reader->failed)
        return WAPO_MALFORMED;
    wapo_header *headers = malloc((count ? count : 1) * sizeof(wapo_header));
    if (!headers)
        return WAPO_NO_MEMORY;
    const char *before = NULL;
    size_t before_length = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        size_t length;
        const char *text = (const char *)wapo_get_bytes(&headers_from, &length);
        if (i % 2)
            headers[i / 2].value = text;
        else
            headers[i / 2].name = text;
        if (before)
            ended(before, before_length);
        before = text;
        before_length = length;
    }
    if (before)
        ended(before, before_length);
    request->method = ended(method, method_length);
    request->url = ended(url, url_length);
    request->headers = headers;
    request->header_count = count;
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    request->path = path ? path : "/";
    return 0;
}

int wapo_http_next(int requests, wapo_http_request *request)
{
    wapo_reader reader;
    *request = (wapo_http_request){ .stream = -1, .head = -1 };
    int result = take_message(requests, &request->message_, &reader);
    if (result < 0)
        return result;
    result = read_request(&reader, request);
    if (result < 0)
        wapo_http_close(request);
    return result;
}

const char *wapo_http_header(const wapo_http_request *request, const char *name)
{
    return find_header(request->headers, request->header_count, name);
}

int wapo_http_respond_with(wapo_http_request *request, int status, const wapo_header *headers, size_t count)
{
    if (status < 100 || status > 999)
        return WAPO_INVALID_PARAMETER;
    wapo_writer writer = { 0 };
    wapo_put_u16(&writer, (uint16_t)status);
    wapo_put_compact(&writer, count);
    for (size_t i = 0; i < count; i++) {
        wapo_put_text(&writer, headers[i].name);
        wapo_put_text(&writer, headers[i].value);
    }
    int result = writer.failed ? WAPO_NO_MEMORY : wapo_ocall_oneshot_send(request->head, writer.data, writer.length);
    wapo_writer_free(&writer);
    return result;
}

int wapo_http_respond(wapo_http_request *request, int status, ...)
{
    wapo_header headers[MAX_LISTED_HEADERS];
    va_list list;
    va_start(list, status);
    int count = list_headers(headers, list);
    va_end(list);
    return count < 0 ? count : wapo_http_respond_with(request, status, headers, (size_t)count);
}

void wapo_http_close(wapo_http_request *request)
{
    if (!request->message_)
        return;
    wapo_ocall_close(request->head);
    wapo_ocall_close(request->stream);
    free((void *)request->headers);
    free(request->message_);
    *request = (wapo_http_request){ .stream = -1, .head = -1 };
}
