/* Fetches a URL; the node does the HTTP.
 *
 *     --url https://example.com/
 *
 * The body is the program's output.
 */
#include <stdlib.h>
#include <wapo.h>

struct program {
    wapo_point point;
    int exchange, length;
    wapo_fetch_response response;
    wapo_writer body;
    char buffer[16384];
};

WAPO_ASYNC(program)
{
    const char *type;
    char why[256];
    int result;

    WAPO_BEGIN;
    self->exchange = wapo_fetch("GET", wapo_option("url", "https://example.com/"), NULL, 0, "accept", "*/*", NULL);
    if (self->exchange < 0)
        WAPO_RETURN(self->exchange);
    WAPO_AWAIT_TIMEOUT(result, 15000, wapo_fetch_head(self->exchange, &self->response));
    if (result < 0) {
        wapo_log(WAPO_ERROR, "%s", wapo_fetch_error(self->exchange, why, sizeof why) > 0 ? why : wapo_strerror(result));
        WAPO_RETURN(1);
    }
    type = wapo_fetch_header(&self->response, "content-type");
    wapo_log(WAPO_INFO, "%d %s, %s", self->response.status, self->response.reason, type ? type : "of no type");
    wapo_fetch_free(&self->response);
    do {
        WAPO_AWAIT_TIMEOUT(self->length, 15000, wapo_read(self->exchange, self->buffer, sizeof self->buffer));
        if (self->length < 0)
            WAPO_RETURN(self->length);
        wapo_put_fixed(&self->body, self->buffer, (size_t)self->length);
    } while (self->length);
    if (self->body.failed)
        WAPO_RETURN(WAPO_NO_MEMORY);
    wapo_output(self->body.data, self->body.length);
    WAPO_END;
}

WAPO_MAIN(program)
