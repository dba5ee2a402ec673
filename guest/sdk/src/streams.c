#include <string.h>
#include <wapo/streams.h>
#include "internal.h"

/* Writes a String, nothing, or a TlsServerConfig (variant 0) after it; and makes the call. */
static int listen_with(int (*ocall)(const void *, size_t), const char *name, bool option, const char *certificates,
                       const char *key)
{
    wapo_writer writer = { 0 };
    wapo_put_text(&writer, name);
    if (option)
        wapo_put_bool(&writer, certificates != NULL);
    if (certificates) {
        wapo_put_u8(&writer, 0);
        wapo_put_text(&writer, certificates);
        wapo_put_text(&writer, key);
    }
    int result = writer.failed ? WAPO_NO_MEMORY : ocall(writer.data, writer.length);
    wapo_writer_free(&writer);
    return result;
}

int wapo_tcp_listen(const char *address)
{
    return listen_with(wapo_ocall_tcp_listen, address, true, NULL, NULL);
}

int wapo_tls_listen(const char *address, const char *certificates, const char *key)
{
    return listen_with(wapo_ocall_tcp_listen, address, true, certificates, key);
}

int wapo_tls_listen_sni(const char *name, const char *certificates, const char *key)
{
    return listen_with(wapo_ocall_tls_listen_sni, name, false, certificates, key);
}

int wapo_accept_from(int listener, wapo_peer *peer)
{
    uint8_t answer[4 + 1 + sizeof peer->text];
    int length = wapo_or_pending_(wapo_ocall_tcp_accept(wapo_current_task, listener));
    if (length < 0)
        return length;
    if ((size_t)length > sizeof answer)
        return WAPO_MALFORMED; /* no address is so long */
    int result = take_exactly(length, answer, (size_t)length);
    if (result < 0)
        return result;
    wapo_reader reader = wapo_reader_of(answer, (size_t)length);
    int stream = wapo_get_i32(&reader);
    size_t text_length;
    const char *text = wapo_get_text(&reader, &text_length);
    if (reader.failed || text_length >= sizeof peer->text)
        text_length = 0; /* a connection from nowhere is a connection */
    memcpy(peer->text, text, text_length);
    peer->text[text_length] = 0;
    return stream;
}

/* Waits for a connector, which the first call creates. */
static int connect_with(const char *host, int port, bool tls)
{
    operation *o = operation_of(CONNECTING);
    if (o->resource < 0) {
        if (port < 0 || port > 65535) {
            o->resource = WAPO_INVALID_PARAMETER;
        } else if (tls) {
            uint8_t buffer[300];
            wapo_writer writer = wapo_writer_into(buffer, sizeof buffer);
            wapo_put_text(&writer, host);
            wapo_put_u16(&writer, (uint16_t)port);
            wapo_put_u8(&writer, 0); /* TlsClientConfig, variant 0 */
            o->resource = writer.failed ? WAPO_INVALID_PARAMETER : wapo_ocall_tcp_connect_tls(buffer, writer.length);
        } else {
            o->resource = wapo_ocall_tcp_connect(host, strlen(host), port);
        }
    }
    int result = o->resource;
    if (result >= 0)
        result = wapo_or_pending_(wapo_ocall_poll_res(wapo_current_task, o->resource));
    if (result != WAPO_PENDING)
        finish_operation(running);
    return result;
}

int wapo_tcp_connect(const char *host, int port)
{
    return connect_with(host, port, false);
}

int wapo_tls_connect(const char *host, int port)
{
    return connect_with(host, port, true);
}

int wapo_write_all(int stream, const void *data, size_t length)
{
    operation *o = NULL;
    size_t done = 0;
    if (running->operation.kind == WRITING_ALL)
        done = (o = &running->operation)->done;
    int result = 0;
    while (done < length) {
        result = wapo_write(stream, (const char *)data + done, length - done);
        if (result < 0)
            break;
        done += (size_t)result;
        result = 0;
    }
    if (result == WAPO_PENDING)
        operation_of(WRITING_ALL)->done = done;
    else if (o)
        finish_operation(running);
    return result;
}

static void drop_taken(wapo_input *input)
{
    if (!input->taken_)
        return;
    input->used -= input->taken_;
    memmove(input->data, input->data + input->taken_, input->used);
    input->taken_ = 0;
}

int wapo_read_until(wapo_input *input, const char *mark)
{
    size_t mark_length = strlen(mark);
    if (!mark_length)
        return WAPO_INVALID_PARAMETER;
    drop_taken(input);
    for (;;) {
        /* What has been searched needs no second look, but for a mark that is only there in part. */
        for (; input->searched_ + mark_length <= input->used; input->searched_++) {
            const char *from = input->data + input->searched_;
            const char *first = memchr(from, mark[0], input->used - input->searched_ - mark_length + 1);
            if (!first) {
                input->searched_ = input->used - mark_length + 1;
                break;
            }
            input->searched_ = (size_t)(first - input->data);
            if (!memcmp(first, mark, mark_length)) {
                input->taken_ = input->searched_ + mark_length;
                input->searched_ = 0;
                return (int)input->taken_;
            }
        }
        if (input->used == input->capacity) {
            input->taken_ = input->used;
            input->searched_ = 0;
            return WAPO_TOO_LARGE;
        }
        int result = wapo_read(input->stream, input->data + input->used, input->capacity - input->used);
        if (result <= 0)
            return result;
        input->used += (size_t)result;
    }
}

int wapo_read_input(wapo_input *input, void *buffer, size_t size)
{
    drop_taken(input);
    if (!input->used)
        return wapo_read(input->stream, buffer, size);
    if (!size)
        return WAPO_INVALID_PARAMETER;
    size_t length = input->used < size ? input->used : size;
    memcpy(buffer, input->data, length);
    input->taken_ = length;
    input->searched_ = 0;
    return (int)length;
}
