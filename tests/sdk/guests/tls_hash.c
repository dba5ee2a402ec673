/* Downloads a page over TLS and logs how long it is and its SHA-256. It holds no more than one piece of it.
 *
 *     --host 127.0.0.1 --port 443 --path /
 */
#include <stdio.h>
#include <string.h>
#include <wapo.h>
#include <wapo/ocalls.h>

struct program {
    wapo_point point;
    int stream, hash, length;
    bool body;
    long long total;
    char request[512];
    wapo_input head;
    char room[4096], piece[1 << 18];
};

WAPO_ASYNC(program)
{
    const char *host = wapo_option("host", "127.0.0.1");
    uint8_t digest[WAPO_DIGEST_SIZE];
    char text[2 * 32 + 1];

    WAPO_BEGIN;
    WAPO_AWAIT(self->stream, wapo_tls_connect(host, (int)wapo_option_number("port", 443, 1, 65535)));
    if (self->stream < 0)
        WAPO_RETURN(self->stream);
    self->hash = wapo_ocall_hash_open(WAPO_SHA256);
    snprintf(self->request, sizeof self->request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", wapo_option("path", "/"), host);
    WAPO_AWAIT(self->length, wapo_write_all(self->stream, self->request, strlen(self->request)));
    self->head = (wapo_input){ .stream = self->stream, .data = self->room, .capacity = sizeof self->room };
    do
        WAPO_AWAIT(self->length, wapo_read_until(&self->head, "\r\n"));
    while (self->length > 2);
    while (self->length > 0) {
        WAPO_AWAIT(self->length, wapo_read_input(&self->head, self->piece, sizeof self->piece));
        if (self->length > 0) {
            wapo_ocall_hash_update(self->hash, self->piece, (size_t)self->length);
            self->total += self->length;
        }
    }
    if (self->length < 0)
        WAPO_RETURN(self->length);
    wapo_ocall_hash_finish(self->hash, digest);
    for (int at = 0; at < 32; at++)
        snprintf(text + 2 * at, 3, "%02x", digest[at]);
    wapo_log(WAPO_INFO, "%lld bytes, %s", self->total, text);
    WAPO_END;
}

WAPO_MAIN(program)
