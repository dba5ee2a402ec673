/* One request after another: what the library makes of it, and what it lets a program answer. */
#include <stdio.h>
#include <string.h>
#include "check.h"

struct service {
    wapo_point point;
    int requests;
    size_t i;
    wapo_http_request request;
    wapo_header headers[200];
    char line[1024];
};

WAPO_ASYNC(service)
{
    int result;

    WAPO_BEGIN;
    self->requests = wapo_http_open();
    CHECK(self->requests >= 0);
    CHECK_EQUAL(wapo_http_open(), WAPO_ALREADY_EXISTS);
    for (;;) {
        WAPO_AWAIT(result, wapo_http_next(self->requests, &self->request));
        if (result < 0)
            break;
        if (!strcmp(self->request.path, "/end"))
            break;
        if (!strcmp(self->request.path, "/silent")) {
            wapo_http_close(&self->request);
            wapo_http_close(&self->request);
            CHECK(!self->request.url && self->request.stream == -1);
            continue;
        }
        if (!strcmp(self->request.path, "/many")) {
            for (self->i = 0; self->i < 200; self->i++)
                self->headers[self->i] = (wapo_header){ "x-many", "value" };
            CHECK_EQUAL(wapo_http_respond_with(&self->request, 200, self->headers, 200), 0);
        } else if (!strcmp(self->request.path, "/nonsense")) {
            CHECK_EQUAL(wapo_http_respond(&self->request, 99, NULL), WAPO_INVALID_PARAMETER);
            CHECK_EQUAL(wapo_http_respond(&self->request, 1000, NULL), WAPO_INVALID_PARAMETER);
            CHECK_EQUAL(wapo_http_respond(&self->request, 200, "odd", NULL, NULL), WAPO_INVALID_PARAMETER);
            CHECK_EQUAL(wapo_http_respond(&self->request, 204, NULL), 0);
            CHECK_EQUAL(wapo_http_respond(&self->request, 204, NULL), WAPO_IO_ERROR);
        } else {
            CHECK_EQUAL(wapo_http_respond(&self->request, 200, "x-a", "1", "x-b", "", NULL), 0);
        }
        /* What was asked, line by line. */
        snprintf(self->line, sizeof self->line, "%s %s %s\n", self->request.method, self->request.url,
                 self->request.path);
        WAPO_AWAIT(result, wapo_write_all(self->request.stream, self->line, strlen(self->line)));
        for (self->i = 0; self->i < self->request.header_count; self->i++) {
            snprintf(self->line, sizeof self->line, "%s=%s\n", self->request.headers[self->i].name,
                     self->request.headers[self->i].value);
            WAPO_AWAIT(result, wapo_write_all(self->request.stream, self->line, strlen(self->line)));
        }
        snprintf(self->line, sizeof self->line, "%s", wapo_http_header(&self->request, "twice")
                                                          ? wapo_http_header(&self->request, "twice") : "none");
        WAPO_AWAIT(result, wapo_write_all(self->request.stream, self->line, strlen(self->line)));
        wapo_http_close(&self->request);
    }
    wapo_http_close(&self->request);
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(service)
