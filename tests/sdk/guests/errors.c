/* Errors are values, and nothing is left behind by what has failed. */
#include <string.h>
#include "check.h"

#define CHECK_AWAIT(operation, expected)     \
    do {                                     \
        WAPO_AWAIT(result, operation);       \
        CHECK_EQUAL(result, expected);       \
    } while (0)

struct all {
    wapo_point point;
    char buffer[4];
    wapo_peer peer;
    char host[400];
    wapo_input input;
};

WAPO_ASYNC(all)
{
    int result;

    WAPO_BEGIN;
    CHECK_EQUAL(wapo_tcp_listen("localhost:80"), WAPO_INVALID_PARAMETER);
    CHECK_EQUAL(wapo_tcp_listen(""), WAPO_INVALID_PARAMETER);
    CHECK_EQUAL(wapo_tls_listen("127.0.0.1:0", "no", "pem"), WAPO_INVALID_PARAMETER);
    CHECK_EQUAL(wapo_tls_listen_sni("x.example", "no", "pem"), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_read(99, self->buffer, 0), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_read(99, self->buffer, 4), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_read(-1, self->buffer, 4), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_write(99, "x", 1), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_write_all(99, "x", 1), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_write_all(99, "", 0), 0);
    CHECK_AWAIT(wapo_shutdown(99), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_accept(99), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_accept_from(99, &self->peer), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_accept(0), WAPO_UNSUPPORTED_OPERATION); /* the library's timer */
    CHECK_EQUAL(wapo_close(99), WAPO_NOT_FOUND);
    CHECK_AWAIT(wapo_tcp_connect("127.0.0.1", 70000), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_tls_connect("127.0.0.1", -1), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_tls_connect("not a name", 443), WAPO_INVALID_PARAMETER);
    memset(self->host, 'x', sizeof self->host - 1);
    CHECK_AWAIT(wapo_tcp_connect(self->host, 443), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_tls_connect(self->host, 443), WAPO_INVALID_PARAMETER);
    CHECK_AWAIT(wapo_tcp_connect("127.0.0.1", 1), WAPO_IO_ERROR);
    CHECK_AWAIT(wapo_read_until(&self->input, ""), WAPO_INVALID_PARAMETER);
    CHECK_EQUAL(wapo_http_respond(&(wapo_http_request){ .head = 99 }, 200, NULL), WAPO_NOT_FOUND);
    CHECK_EQUAL(wapo_query_reply(&(wapo_query){ 0 }, "", 0), WAPO_NOT_FOUND);

    /* Every error has a sentence of its own; numbers that are none have one too. */
    CHECK(!strcmp(wapo_strerror(0), "success") && !strcmp(wapo_strerror(7), "success"));
    CHECK(strcmp(wapo_strerror(WAPO_TIMED_OUT), wapo_strerror(WAPO_MALFORMED)));
    CHECK(!strcmp(wapo_strerror(-6), "an unknown error") && !strcmp(wapo_strerror(-1000), "an unknown error"));

    /* The timer is all that there is. */
    CHECK_EQUAL(wapo_ocall_create_timer(1), 1);
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(all)
