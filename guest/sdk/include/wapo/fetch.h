/* HTTP out. This host's own (docs/abi.md, 1100): elsewhere wapo_fetch answers WAPO_UNKNOWN_CALL_NUMBER.
 *
 *     self->exchange = wapo_fetch("GET", "https://example.com/", NULL, 0, "accept", "text/html", NULL);
 *     WAPO_AWAIT(result, wapo_fetch_head(self->exchange, &self->response));
 *     WAPO_AWAIT(result, wapo_read(self->exchange, self->buffer, sizeof self->buffer));
 */
#ifndef WAPO_FETCH_H
#define WAPO_FETCH_H

#include <stddef.h>
#include <wapo/http.h>

/* The head of a response. Pointers are into a block that wapo_fetch_free frees. */
typedef struct wapo_fetch_response {
    int status;
    const char *reason;
    const wapo_header *headers;
    size_t header_count;
    void *message_;
} wapo_fetch_response;

/* Starts a request; the exchange, from which the body of the response is read, and which is to be closed. `body` is
 * NULL where there is none; then names and values of headers, and NULL. Redirects are not followed, content codings
 * are undone. WAPO_INVALID_PARAMETER: malformed; WAPO_FORBIDDEN by the node's policy. */
__attribute__((sentinel)) int wapo_fetch(const char *method, const char *url, const void *body, size_t length, ...);

/* Operation: the head of the response; its status. WAPO_IO_ERROR if there will be none. */
int wapo_fetch_head(int exchange, wapo_fetch_response *response);

/* The value of a header (name in lower case), or NULL. */
const char *wapo_fetch_header(const wapo_fetch_response *response, const char *name);

/* Frees what the head points to. */
void wapo_fetch_free(wapo_fetch_response *response);

/* Why an exchange has failed, as a sentence: its length, cut to `size` - 1 and NUL-terminated. WAPO_NOT_FOUND if it has
 * not failed. */
int wapo_fetch_error(int exchange, char *text, size_t size);

#endif
