/* Streams: TCP and TLS, in and out.
 *
 * A resource (a listener, a stream) is a small number, like a file descriptor; it stays open until wapo_close.
 * Functions marked "operation" may answer WAPO_PENDING: await them. At most one task may read a stream at a time,
 * and one write it.
 */
#ifndef WAPO_STREAMS_H
#define WAPO_STREAMS_H

#include <stddef.h>
#include <wapo/ocalls.h>
#include <wapo/results.h>
#include <wapo/tasks.h>

/* A peer's address, as NUL-terminated text: "1.2.3.4:5678" or "[2001:db8::1]:5678". */
typedef struct wapo_peer {
    char text[64];
} wapo_peer;

/* A listener on "1.2.3.4:80" or "[::1]:80"; the address is literal. WAPO_FORBIDDEN: a port outside of what the node
 * allows. WAPO_IO_ERROR: the port is taken. */
int wapo_tcp_listen(const char *address);

/* As wapo_tcp_listen, with TLS. `certificates` and `key` are PEM texts, the server's own certificate first.
 * WAPO_INVALID_PARAMETER: they cannot be used. */
int wapo_tls_listen(const char *address, const char *certificates, const char *key);

/* A listener for connections to a server name on the node's shared TLS port. WAPO_FORBIDDEN: there is no such port.
 * WAPO_INVALID_PARAMETER: the name is taken, or the certificate is not for it. */
int wapo_tls_listen_sni(const char *name, const char *certificates, const char *key);

/* Operation: a stream, of the next connection to a listener. WAPO_END_OF_FILE when there will be none. Any other error
 * is about one connection, or passes: go on accepting, after a pause. */
static inline int wapo_accept(int listener)
{
    return wapo_or_pending_(wapo_ocall_tcp_accept_no_addr(wapo_current_task, listener));
}

/* As wapo_accept; where the connection comes from is in *peer then. */
int wapo_accept_from(int listener, wapo_peer *peer);

/* Operation: a stream to a host, by name or address. Costs a resource more while it connects. WAPO_FORBIDDEN by the
 * node's policy, WAPO_IO_ERROR if it fails. There is no timeout but that of WAPO_AWAIT_TIMEOUT. */
int wapo_tcp_connect(const char *host, int port);

/* As wapo_tcp_connect, with TLS. A bad certificate is WAPO_IO_ERROR of the first read or write. */
int wapo_tls_connect(const char *host, int port);

/* Operation: reads what is there, at most `size` bytes (not 0). The number of bytes; 0 at the end of the stream. */
static inline int wapo_read(int stream, void *buffer, size_t size)
{
    return size ? wapo_or_pending_(wapo_ocall_poll_read(wapo_current_task, stream, buffer, size))
                : WAPO_INVALID_PARAMETER; /* the host's answer would look like the end */
}

/* Operation: writes what fits now; the number of bytes. WAPO_IO_ERROR when the peer is gone. */
static inline int wapo_write(int stream, const void *data, size_t length)
{
    return wapo_or_pending_(wapo_ocall_poll_write(wapo_current_task, stream, data, length));
}

/* Operation: writes everything; 0. To be awaited as it is, not from inside an operation of one's own. */
int wapo_write_all(int stream, const void *data, size_t length);

/* Operation: tells the peer that nothing more will come; 0. Reading goes on, but not with TLS, where it is the end of
 * both directions. */
static inline int wapo_shutdown(int stream)
{
    return wapo_or_pending_(wapo_ocall_poll_shutdown(wapo_current_task, stream));
}

/* Closes any resource. WAPO_NOT_FOUND if there is none of that number. */
static inline int wapo_close(int resource)
{
    return wapo_ocall_close(resource);
}

/* Input that is taken in pieces ending with a mark: lines, heads. */
typedef struct wapo_input {
    int stream;
    char *data;      /* what has been read; the caller's room */
    size_t capacity; /* of it, in bytes */
    size_t used;     /* bytes that are there */
    size_t taken_;   /* of them, that the last piece was */
    size_t searched_;
} wapo_input;

/* Operation: reads until `mark` is there, and drops what it answered the last time. The length of the piece at
 * input->data, mark included; 0 at the end of the stream (input->used says what came without a mark); WAPO_TOO_LARGE if
 * there is no mark in a full buffer, which the next call empties. */
int wapo_read_until(wapo_input *input, const char *mark);

/* Operation: as wapo_read, but what the input holds already comes first. */
int wapo_read_input(wapo_input *input, void *buffer, size_t size);

#endif
