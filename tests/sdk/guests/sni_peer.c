/* Is one of two that talk: it has a name of its own on the shared TLS port, and says hello to the other's.
 *
 *     --name one.example --peer two.example --port 443
 *
 * CERTIFICATE and KEY, PEM texts, are in the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

struct answer {
    wapo_point point;
    int stream, result;
    wapo_input input;
    char room[256], text[512];
};

WAPO_ASYNC(answer)
{
    WAPO_BEGIN;
    wapo_defer_close(self->stream);
    self->input = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
    WAPO_AWAIT(self->result, wapo_read_until(&self->input, "\n"));
    if (self->result > 0) {
        snprintf(self->text, sizeof self->text, "%s heard %.*s", wapo_option("name", "?"), self->result, self->room);
        WAPO_AWAIT(self->result, wapo_write_all(self->stream, self->text, strlen(self->text)));
        WAPO_AWAIT(self->result, wapo_shutdown(self->stream));
    }
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener, stream;
};

WAPO_ASYNC(server)
{
    WAPO_BEGIN;
    for (;;) {
        WAPO_AWAIT(self->stream, wapo_accept(self->listener));
        if (self->stream < 0 || wapo_spawn(answer, .stream = self->stream) < 0)
            WAPO_RETURN(self->stream);
    }
    WAPO_END;
}

struct program {
    wapo_point point;
    int listener, stream, result;
    wapo_input input;
    char room[512], hello[256];
};

WAPO_ASYNC(program)
{
    WAPO_BEGIN;
    self->listener = wapo_tls_listen_sni(wapo_option("name", "?"), getenv("CERTIFICATE"), getenv("KEY"));
    if (self->listener < 0) {
        wapo_log(WAPO_ERROR, "no listener: %s", wapo_strerror(self->listener));
        WAPO_RETURN(1);
    }
    wapo_spawn(server, .listener = self->listener);
    snprintf(self->hello, sizeof self->hello, "hello from %s\n", wapo_option("name", "?"));
    for (;;) {
        WAPO_AWAIT(self->stream, wapo_tls_connect(wapo_option("peer", "?"), (int)wapo_option_number("port", 443, 1, 65535)));
        if (self->stream >= 0) {
            self->input = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
            WAPO_AWAIT(self->result, wapo_write_all(self->stream, self->hello, strlen(self->hello)));
            if (self->result >= 0)
                WAPO_AWAIT(self->result, wapo_read_until(&self->input, "\n"));
            if (self->result > 1) {
                wapo_log(WAPO_INFO, "%.*s", self->result - 1, self->room);
                break;
            }
            wapo_close(self->stream);
        }
        WAPO_SLEEP(20); /* the other may not listen yet */
    }
    WAPO_AWAIT(self->result, wapo_sleep(3600000)); /* the other may not have asked yet */
    WAPO_END;
}

WAPO_MAIN(program)
