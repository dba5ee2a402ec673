/* A TLS server under a name of its own on the node's shared TLS port.
 *
 *     --name chat.example.com
 *     --idle-ms 60000     a client that says nothing for so long is sent away
 *
 * Its certificate and key are PEM texts in the environment: CERTIFICATE and KEY. Each client says one line, and gets
 * it back with its address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

struct session {
    wapo_point point;
    int stream, length;
    long idle_ms;
    wapo_peer peer;
    wapo_input input;
    char room[1024], answer[1200];
};

WAPO_ASYNC(session)
{
    int result;

    WAPO_BEGIN;
    wapo_defer_close(self->stream);
    self->input = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
    WAPO_AWAIT_TIMEOUT(self->length, self->idle_ms, wapo_read_until(&self->input, "\n"));
    if (self->length <= 0)
        WAPO_RETURN(0);
    snprintf(self->answer, sizeof self->answer, "%s said: %.*s", self->peer.text, self->length, self->room);
    WAPO_AWAIT_TIMEOUT(result, self->idle_ms, wapo_write_all(self->stream, self->answer, strlen(self->answer)));
    WAPO_AWAIT_TIMEOUT(result, self->idle_ms, wapo_shutdown(self->stream));
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener, stream;
    long idle_ms;
    wapo_peer peer;
};

WAPO_ASYNC(server)
{
    const char *name, *certificate, *key;

    WAPO_BEGIN;
    self->idle_ms = wapo_option_number("idle-ms", 60000, 1, 3600000);
    name = wapo_option("name", "localhost");
    certificate = getenv("CERTIFICATE");
    key = getenv("KEY");
    if (!certificate || !key) {
        wapo_log(WAPO_ERROR, "CERTIFICATE and KEY are not set");
        WAPO_RETURN(1);
    }
    self->listener = wapo_tls_listen_sni(name, certificate, key);
    if (self->listener < 0) {
        wapo_log(WAPO_ERROR, "cannot listen for %s: %s", name, wapo_strerror(self->listener));
        WAPO_RETURN(1);
    }
    wapo_log(WAPO_INFO, "listening for %s", name);
    for (;;) {
        WAPO_AWAIT(self->stream, wapo_accept_from(self->listener, &self->peer));
        if (self->stream == WAPO_END_OF_FILE)
            break; /* the port is gone */
        if (self->stream < 0)
            WAPO_SLEEP(100);
        else if (wapo_spawn(session, .stream = self->stream, .peer = self->peer, .idle_ms = self->idle_ms) < 0)
            wapo_close(self->stream);
    }
    WAPO_END;
}

WAPO_MAIN(server)
