#include <stdlib.h>
#include <string.h>
#include <wapo/queries.h>
#include "internal.h"

enum { QUERY_CHANNEL = 3, HTTP_CHANNEL = 4 };

static int open_channel(int number)
{
    uint8_t id[4];
    int result = take_exactly(wapo_ocall_create_input_channel(number), id, sizeof id);
    if (result < 0)
        return result;
    wapo_reader reader = wapo_reader_of(id, sizeof id);
    return wapo_get_i32(&reader);
}

int wapo_queries_open(void)
{
    return open_channel(QUERY_CHANNEL);
}

int wapo_http_open(void)
{
    return open_channel(HTTP_CHANNEL);
}

int wapo_queries_next(int queries, wapo_query *query)
{
    wapo_reader reader;
    *query = (wapo_query){ .reply = -1 };
    int result = take_message(queries, &query->message_, &reader);
    if (result < 0)
        return result;
    query->origin = wapo_get_bool(&reader) ? wapo_get_fixed(&reader, 32) : NULL;
    query->path = wapo_get_text(&reader, &query->path_length);
    query->payload = (const char *)wapo_get_bytes(&reader, &query->payload_length);
    query->reply = wapo_get_i32(&reader);
    if (reader.failed) {
        free(query->message_);
        *query = (wapo_query){ .reply = -1 };
        return WAPO_MALFORMED;
    }
    /* Each text is followed by a byte of the message that has been read, so there is room for its end. */
    ((char *)query->path)[query->path_length] = 0;
    ((char *)query->payload)[query->payload_length] = 0;
    return 0;
}

void wapo_query_drop(wapo_query *query)
{
    if (!query->message_)
        return;
    wapo_ocall_close(query->reply);
    free(query->message_);
    *query = (wapo_query){ .reply = -1 };
}

int wapo_query_reply(wapo_query *query, const void *data, size_t length)
{
    int result = query->message_ ? wapo_ocall_oneshot_send(query->reply, data, length) : WAPO_NOT_FOUND;
    wapo_query_drop(query);
    return result;
}

int wapo_query_refuse(wapo_query *query, const char *text)
{
    int result = query->message_ ? wapo_ocall_oneshot_send_error(query->reply, text, strlen(text)) : WAPO_NOT_FOUND;
    wapo_query_drop(query);
    return result;
}
