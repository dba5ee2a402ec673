/* An HTTPS server that says what it was asked: a certificate and a key, PEM texts, are in the environment.
 *
 *     --port 8443
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

struct session {
    wapo_point point;
    int stream, length;
    wapo_input input;
    char room[4096], line[256], answer[512];
};

WAPO_ASYNC(session)
{
    WAPO_BEGIN;
    wapo_defer_close(self->stream);
    self->input = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
    WAPO_AWAIT(self->length, wapo_read_until(&self->input, "\r\n\r\n"));
    if (self->length <= 0)
        WAPO_RETURN(0);
    sscanf(self->room, "%200[^\r]", self->line);
    *strrchr(self->line, ' ') = 0;
    snprintf(self->answer, sizeof self->answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(self->line), self->line);
    WAPO_AWAIT(self->length, wapo_write_all(self->stream, self->answer, strlen(self->answer)));
    WAPO_AWAIT(self->length, wapo_shutdown(self->stream));
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener;
};

WAPO_ASYNC(server)
{
    char address[64];
    int client;

    WAPO_BEGIN;
    snprintf(address, sizeof address, "127.0.0.1:%ld", wapo_option_number("port", 8443, 0, 65535));
    self->listener = wapo_tls_listen(address, getenv("CERTIFICATE"), getenv("KEY"));
    if (self->listener < 0)
        WAPO_RETURN(self->listener);
    for (;;) {
        WAPO_AWAIT(client, wapo_accept(self->listener));
        if (client >= 0 && wapo_spawn(session, .stream = client) < 0)
            wapo_close(client);
    }
    WAPO_END;
}

WAPO_MAIN(server)
