/* An HTTP/1.1 server on a plain TCP port, written out: heads, bodies by Content-Length, connections that are kept.
 *
 *     --address 0.0.0.0 --port 8080
 *     --head-ms 10000     how long a client may take for a request's head
 *     --body-ms 30000     and for each piece of a body
 *
 *     GET /           a greeting
 *     POST /shout     the body in capitals, as it comes
 *
 * (Where the node has a front door for programs, http_app.c is shorter.)
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wapo.h>

struct request {
    const char *method, *target;
    size_t length; /* of the body */
    bool keep;     /* the connection, for another request */
};

/* Takes a head apart, in place. 0, or the status of the refusal. */
static int parse(char *head, struct request *request)
{
    char *rest, *line = strtok_r(head, "\r\n", &rest), *words;
    if (!line)
        return 400;
    request->method = strtok_r(line, " ", &words);
    request->target = strtok_r(NULL, " ", &words);
    const char *version = strtok_r(NULL, " ", &words);
    if (!request->target || !version || strncmp(version, "HTTP/1.", 7))
        return 400;
    request->keep = !strcmp(version, "HTTP/1.1");
    request->length = 0;
    for (bool seen = false; (line = strtok_r(NULL, "\r\n", &rest));) {
        char *colon = strchr(line, ':');
        if (!colon || colon == line)
            return 400;
        *colon = 0;
        char *value = colon + 1 + strspn(colon + 1, " \t");
        if (!strcasecmp(line, "content-length")) {
            char *end;
            unsigned long long length = strtoull(value, &end, 10);
            if (seen || !isdigit((unsigned char)*value) || end[strspn(end, " \t")])
                return 400;
            if (length > 1ull << 30)
                return 413;
            request->length = (size_t)length;
            seen = true;
        } else if (!strcasecmp(line, "transfer-encoding")) {
            return 501; /* and whoever sends both is up to no good */
        } else if (!strcasecmp(line, "connection")) {
            request->keep = strcasecmp(value, "close") && (request->keep || !strcasecmp(value, "keep-alive"));
        }
    }
    return 0;
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    default: return "Bad Request";
    }
}

/* One client. */
struct connection {
    wapo_point point;
    int client;
    long head_ms, body_ms;
    wapo_input input;
    struct request request;
    size_t left;    /* of the body that is coming */
    int status, length;
    char room[8192]; /* the input's: the longest head */
    char out[4096];
};

/* Writes the head of the response, and a short body, to self->out. */
static void answer(struct connection *self, int status, size_t length, const char *body)
{
    self->length = snprintf(self->out, sizeof self->out,
                            "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                            reason(status), length, self->request.keep ? "" : "Connection: close\r\n", body);
}

WAPO_ASYNC(connection)
{
    int result;

    WAPO_BEGIN;
    wapo_defer_close(self->client);
    self->input = (wapo_input){ .stream = self->client, .data = self->room, .capacity = sizeof self->room };
    do {
        WAPO_AWAIT_TIMEOUT(result, self->head_ms, wapo_read_until(&self->input, "\r\n\r\n"));
        if (result <= 0 && result != WAPO_TOO_LARGE)
            WAPO_RETURN(0); /* the client has gone, or says nothing */
        if (result > 0) {
            self->room[result - 1] = 0; /* over the last newline */
            self->status = parse(self->room, &self->request);
        } else {
            self->status = 431;
        }
        if (self->status)
            break;
        self->left = self->request.length;
        if (!strcmp(self->request.target, "/shout")) {
            if (strcmp(self->request.method, "POST")) {
                self->status = 405;
                break;
            }
            answer(self, 200, self->left, "");
        } else if (strcmp(self->request.target, "/")) {
            self->status = 404;
            break;
        } else {
            if (strcmp(self->request.method, "GET") || self->left) {
                self->status = 405;
                break;
            }
            answer(self, 200, 16, "Hello from Wapo\n");
        }
        WAPO_AWAIT_TIMEOUT(result, self->body_ms, wapo_write_all(self->client, self->out, (size_t)self->length));
        if (result < 0)
            WAPO_RETURN(0);
        while (self->left) {
            WAPO_AWAIT_TIMEOUT(self->length, self->body_ms,
                               wapo_read_input(&self->input, self->out,
                                               self->left < sizeof self->out ? self->left : sizeof self->out));
            if (self->length <= 0)
                WAPO_RETURN(0);
            self->left -= (size_t)self->length;
            for (int i = 0; i < self->length; i++)
                self->out[i] = (char)toupper((unsigned char)self->out[i]);
            WAPO_AWAIT_TIMEOUT(result, self->body_ms, wapo_write_all(self->client, self->out, (size_t)self->length));
            if (result < 0)
                WAPO_RETURN(0);
        }
    } while (self->request.keep);

    if (self->status) {
        self->request.keep = false;
        answer(self, self->status, strlen(reason(self->status)) + 1, reason(self->status));
        self->out[self->length++] = '\n';
        WAPO_AWAIT_TIMEOUT(result, self->body_ms, wapo_write_all(self->client, self->out, (size_t)self->length));
    }
    /* Closing with input unread would reset the connection, and take the answer away from the client. */
    WAPO_AWAIT(result, wapo_shutdown(self->client));
    do
        WAPO_AWAIT_TIMEOUT(result, 1000, wapo_read(self->client, self->out, sizeof self->out));
    while (result > 0);
    WAPO_END;
}

struct server {
    wapo_point point;
    int listener;
    long head_ms, body_ms;
};

WAPO_ASYNC(server)
{
    int client;
    char address[128];

    WAPO_BEGIN;
    self->head_ms = wapo_option_number("head-ms", 10000, 1, 3600000);
    self->body_ms = wapo_option_number("body-ms", 30000, 1, 3600000);
    snprintf(address, sizeof address, "%s:%ld", wapo_option("address", "0.0.0.0"),
             wapo_option_number("port", 8080, 0, 65535));
    self->listener = wapo_tcp_listen(address);
    if (self->listener < 0) {
        wapo_log(WAPO_ERROR, "cannot listen on %s: %s", address, wapo_strerror(self->listener));
        WAPO_RETURN(1);
    }
    for (;;) {
        WAPO_AWAIT(client, wapo_accept(self->listener));
        if (client < 0)
            WAPO_SLEEP(100);
        else if (wapo_spawn(connection, .client = client, .head_ms = self->head_ms, .body_ms = self->body_ms) < 0)
            wapo_close(client);
    }
    WAPO_END;
}

WAPO_MAIN(server)
