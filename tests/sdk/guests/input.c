/* Splits what clients send at a mark, and tells them how: "<length>:<piece>|" for each piece, and what was left. */
#include <stdio.h>
#include <string.h>
#include <wapo.h>

struct session {
    wapo_point point;
    int stream, length;
    wapo_input input;
    char room[16], head[32], rest[3];
};

WAPO_ASYNC(session)
{
    int result;

    WAPO_BEGIN;
    wapo_defer_close(self->stream);
    self->input = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
    for (;;) {
        WAPO_AWAIT(self->length, wapo_read_until(&self->input, "\r\n"));
        if (self->length <= 0 && self->length != WAPO_TOO_LARGE)
            break;
        snprintf(self->head, sizeof self->head, "%d:", self->length);
        WAPO_AWAIT(result, wapo_write_all(self->stream, self->head, strlen(self->head)));
        if (self->length > 0)
            WAPO_AWAIT(result, wapo_write_all(self->stream, self->room, (size_t)self->length));
        WAPO_AWAIT(result, wapo_write_all(self->stream, "|", 1));
        if (self->length == 6 && !memcmp(self->room, "stop\r\n", 6))
            break;
    }
    /* The rest, three bytes at a time at most; what was read ahead comes first. */
    do {
        WAPO_AWAIT(self->length, wapo_read_input(&self->input, self->rest, sizeof self->rest));
        if (self->length > 0)
            WAPO_AWAIT(result, wapo_write_all(self->stream, self->rest, (size_t)self->length));
    } while (self->length > 0);
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener;
};

WAPO_ASYNC(server)
{
    int stream;

    WAPO_BEGIN;
    self->listener = wapo_tcp_listen("127.0.0.1:0");
    if (self->listener < 0)
        WAPO_RETURN(self->listener);
    for (;;) {
        WAPO_AWAIT(stream, wapo_accept(self->listener));
        if (stream >= 0 && wapo_spawn(session, .stream = stream) < 0)
            wapo_close(stream);
    }
    WAPO_END;
}

WAPO_MAIN(server)
