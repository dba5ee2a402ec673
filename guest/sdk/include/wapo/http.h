/* HTTP in: requests that the node's front door hands to the program.
 *
 *     int requests = wapo_http_open();
 *     WAPO_AWAIT(result, wapo_http_next(requests, &self->request));
 *     wapo_http_respond(&self->request, 200, "content-type", "text/plain", NULL);
 *     WAPO_AWAIT(result, wapo_write_all(self->request.stream, "hello\n", 6));
 *     wapo_http_close(&self->request);
 *
 * The body of the request is read from `stream`, that of the response written to it. A request without a body has no
 * end there: its read ends when the client goes. An upgrade is the status 101 to a request that asked for it; from
 * then on the stream is the connection.
 */
#ifndef WAPO_HTTP_H
#define WAPO_HTTP_H

#include <stddef.h>

typedef struct wapo_header {
    const char *name, *value; /* NUL-terminated; names are in lower case */
} wapo_header;

/* A request. All pointers are into blocks that wapo_http_close frees. */
typedef struct wapo_http_request {
    const char *method;
    const char *url; /* absolute: http://host/path?query */
    const char *path; /* of the URL: from the / after the host to the end, query included */
    const wapo_header *headers;
    size_t header_count;
    int stream;
    int head; /* where the response's head is sent */
    void *message_;
} wapo_http_request;

/* The channel of requests. WAPO_ALREADY_EXISTS the second time in the life of a program. */
int wapo_http_open(void);

/* Operation: the next request; 0. Errors: as wapo_queries_next. */
int wapo_http_next(int requests, wapo_http_request *request);

/* The value of a header (name in lower case), the first if there are several; NULL if there is none. */
const char *wapo_http_header(const wapo_http_request *request, const char *name);

/* Sends the head of the response: status, then names and values, then NULL. 0; WAPO_IO_ERROR if it has been sent, or if
 * the client has gone. */
__attribute__((sentinel)) int wapo_http_respond(wapo_http_request *request, int status, ...);

/* The same with headers in an array. */
int wapo_http_respond_with(wapo_http_request *request, int status, const wapo_header *headers, size_t count);

/* Ends the response, and frees the request. Without a head that was sent, the client gets an error. A request that is
 * closed (or all zeros) may be closed again. */
void wapo_http_close(wapo_http_request *request);

#endif
