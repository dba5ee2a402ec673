/* A TCP server that sends back what it is sent.
 *
 *     --address 0.0.0.0   where to listen
 *     --port 7000
 *     --idle-ms 60000     a client that is silent for so long is sent away
 */
#include <stdio.h>
#include <wapo.h>

/* One client. */
struct echo {
    wapo_point point;
    int client, length;
    long idle_ms;
    char buffer[65536];
};

WAPO_ASYNC(echo)
{
    int result;

    WAPO_BEGIN;
    wapo_defer_close(self->client);
    for (;;) {
        WAPO_AWAIT_TIMEOUT(self->length, self->idle_ms, wapo_read(self->client, self->buffer, sizeof self->buffer));
        if (self->length <= 0) /* the end, an error, or silence */
            break;
        WAPO_AWAIT_TIMEOUT(result, self->idle_ms, wapo_write_all(self->client, self->buffer, (size_t)self->length));
        if (result < 0)
            break;
    }
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener;
    long idle_ms;
};

WAPO_ASYNC(server)
{
    int client;
    char address[128];

    WAPO_BEGIN;
    self->idle_ms = wapo_option_number("idle-ms", 60000, 1, 86400000);
    snprintf(address, sizeof address, "%s:%ld", wapo_option("address", "0.0.0.0"),
             wapo_option_number("port", 7000, 0, 65535));
    self->listener = wapo_tcp_listen(address);
    if (self->listener < 0) {
        wapo_log(WAPO_ERROR, "cannot listen on %s: %s", address, wapo_strerror(self->listener));
        WAPO_RETURN(1);
    }
    for (;;) {
        WAPO_AWAIT(client, wapo_accept(self->listener));
        if (client < 0) {
            WAPO_SLEEP(100); /* one connection was lost, or there are too many: it passes */
        } else if (wapo_spawn(echo, .client = client, .idle_ms = self->idle_ms) < 0) {
            wapo_close(client);
        }
    }
    WAPO_END;
}

WAPO_MAIN(server)
