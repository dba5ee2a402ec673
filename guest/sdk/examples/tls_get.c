/* Fetches a page over TLS, with a request that is written by hand.
 *
 *     --host example.com --port 443 --path / --timeout-ms 15000
 *
 * The body is the program's output, the status is logged; the exit code is 0 if there was an answer. (fetch.c lets the
 * node do the HTTP.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

enum { MOST = 4 << 20 };

/* An async function that the main task awaits: the whole answer, in memory that the caller frees. */
struct get {
    wapo_point point;
    const char *host, *path;
    int port;
    int stream;
    char request[1024];
    char *answer;
    size_t length, capacity;
};

WAPO_ASYNC(get)
{
    int result;

    WAPO_BEGIN;
    WAPO_AWAIT(self->stream, wapo_tls_connect(self->host, self->port));
    if (self->stream < 0)
        WAPO_RETURN(self->stream);
    wapo_defer_close(self->stream);
    result = snprintf(self->request, sizeof self->request,
                      "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept-Encoding: identity\r\n\r\n",
                      self->path, self->host);
    if ((size_t)result >= sizeof self->request)
        WAPO_RETURN(WAPO_TOO_LARGE);
    /* The first write does the handshake: a bad certificate is its error. */
    WAPO_AWAIT(result, wapo_write_all(self->stream, self->request, strlen(self->request)));
    while (result >= 0) {
        if (self->length == self->capacity) {
            if (self->capacity >= MOST)
                WAPO_RETURN(WAPO_TOO_LARGE);
            char *larger = realloc(self->answer, self->capacity += 65536);
            if (!larger)
                WAPO_RETURN(WAPO_NO_MEMORY);
            self->answer = larger;
        }
        WAPO_AWAIT(result, wapo_read(self->stream, self->answer + self->length, self->capacity - self->length));
        if (result <= 0)
            break;
        self->length += (size_t)result;
    }
    WAPO_RETURN(result);
    WAPO_END;
}

struct program {
    wapo_point point;
    struct get get;
};

WAPO_ASYNC(program)
{
    char *body;
    size_t length;
    int result;

    WAPO_BEGIN;
    self->get.host = wapo_option("host", "example.com");
    self->get.path = wapo_option("path", "/");
    self->get.port = (int)wapo_option_number("port", 443, 1, 65535);
    WAPO_AWAIT_TIMEOUT(result, wapo_option_number("timeout-ms", 15000, 1, 600000), get(&self->get));
    if (result < 0) {
        wapo_log(WAPO_ERROR, "https://%s:%d%s: %s", self->get.host, self->get.port, self->get.path,
                 wapo_strerror(result));
        WAPO_RETURN(1);
    }
    body = memmem(self->get.answer, self->get.length, "\r\n\r\n", 4);
    if (!body || memcmp(self->get.answer, "HTTP/1.", 7)) {
        wapo_log(WAPO_ERROR, "what came back is not HTTP");
        WAPO_RETURN(1);
    }
    body += 4;
    length = self->get.length - (size_t)(body - self->get.answer);
    wapo_log(WAPO_INFO, "status %.3s, %zu bytes", self->get.answer + 9, length);
    wapo_output(body, length);
    WAPO_END;
}

WAPO_MAIN(program)
