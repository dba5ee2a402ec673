/* An HTTP application behind the node's front door.
 *
 *     GET /              a greeting
 *     GET /count?to=5    counts, one line every --tick-ms 200: the response is streamed
 *     POST /echo         the body, as it comes
 *     GET /upgrade       with "Upgrade: echo": the connection becomes an echo
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wapo.h>

/* An async function for others to await: what comes from a stream goes back to it, until it ends. */
struct echo {
    wapo_point point;
    int stream, length;
    char buffer[4096];
};

WAPO_ASYNC(echo)
{
    int result;

    WAPO_BEGIN;
    for (;;) {
        WAPO_AWAIT(self->length, wapo_read(self->stream, self->buffer, sizeof self->buffer));
        if (self->length <= 0)
            WAPO_RETURN(self->length);
        WAPO_AWAIT(result, wapo_write_all(self->stream, self->buffer, (size_t)self->length));
        if (result < 0)
            WAPO_RETURN(result);
    }
    WAPO_END;
}

/* One request. */
struct handler {
    wapo_point point;
    wapo_http_request request;
    long tick_ms;
    int count, to;
    char line[16];
    struct echo echo;
};

static void close_request(void *request)
{
    wapo_http_close(request);
}

static bool asks_for(const wapo_http_request *request, const char *method, const char *path)
{
    size_t length = strcspn(request->path, "?");
    return !strcmp(request->method, method) && strlen(path) == length && !strncmp(request->path, path, length);
}

WAPO_ASYNC(handler)
{
    const char *header;
    int result;

    WAPO_BEGIN;
    wapo_defer(close_request, &self->request);
    self->echo.stream = self->request.stream;
    if (asks_for(&self->request, "GET", "/")) {
        wapo_http_respond(&self->request, 200, "content-type", "text/plain", NULL);
        WAPO_AWAIT(result, wapo_write_all(self->request.stream, "Hello from Wapo\n", 16));
    } else if (asks_for(&self->request, "GET", "/count")) {
        header = strstr(self->request.path, "to=");
        self->to = header ? atoi(header + 3) : 5;
        wapo_http_respond(&self->request, 200, "content-type", "text/plain", "cache-control", "no-store", NULL);
        for (self->count = 1; self->count <= self->to; self->count++) {
            snprintf(self->line, sizeof self->line, "%d\n", self->count);
            WAPO_AWAIT(result, wapo_write_all(self->request.stream, self->line, strlen(self->line)));
            if (result < 0)
                WAPO_RETURN(0); /* the client has gone */
            WAPO_SLEEP(self->tick_ms);
        }
    } else if (asks_for(&self->request, "POST", "/echo")) {
        header = wapo_http_header(&self->request, "content-type");
        wapo_http_respond(&self->request, 200, "content-type", header ? header : "application/octet-stream", NULL);
        WAPO_AWAIT(result, echo(&self->echo));
    } else if (asks_for(&self->request, "GET", "/upgrade")) {
        header = wapo_http_header(&self->request, "upgrade");
        if (!header || strcasecmp(header, "echo")) {
            wapo_http_respond(&self->request, 426, "upgrade", "echo", NULL);
            WAPO_RETURN(0);
        }
        wapo_http_respond(&self->request, 101, "connection", "upgrade", "upgrade", "echo", NULL);
        WAPO_AWAIT(result, echo(&self->echo));
    } else {
        wapo_http_respond(&self->request, 404, "content-type", "text/plain", NULL);
        WAPO_AWAIT(result, wapo_write_all(self->request.stream, "There is nothing here.\n", 23));
    }
    WAPO_END;
}

struct application {
    wapo_point point;
    int requests;
    long tick_ms;
    wapo_http_request request;
};

WAPO_ASYNC(application)
{
    int result;

    WAPO_BEGIN;
    self->tick_ms = wapo_option_number("tick-ms", 200, 0, 60000);
    self->requests = wapo_http_open();
    if (self->requests < 0)
        WAPO_RETURN(self->requests);
    for (;;) {
        WAPO_AWAIT(result, wapo_http_next(self->requests, &self->request));
        if (result == WAPO_END_OF_FILE)
            break;
        if (result < 0) {
            wapo_log(WAPO_ERROR, "a request was lost: %s", wapo_strerror(result));
        } else if (wapo_spawn(handler, .request = self->request, .tick_ms = self->tick_ms) < 0) {
            wapo_http_respond(&self->request, 503, NULL);
            wapo_http_close(&self->request);
        }
    }
    WAPO_END;
}

WAPO_MAIN(application)
