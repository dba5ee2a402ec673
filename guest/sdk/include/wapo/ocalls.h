/* The border: the two imports of a Wapo program, and every call there is, under its name in the ABI.
 *
 * Numbers and layouts: the Wapo ABI (below 1000) and docs/abi.md (from 1000). Each function here makes exactly one
 * ocall and returns its result (wapo/results.h). The calls marked S leave bytes in the return slot: their result is
 * the length, and wapo_ocall_get_return fetches them, with exactly that length, before anything else does. Calls
 * with a waker may answer WAPO_PENDING; then the host queues the task in wapo_current_task when it is worth trying
 * again.
 *
 * Programs seldom need this header: the others are made of it.
 */
#ifndef WAPO_OCALLS_H
#define WAPO_OCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <wapo/results.h>

__attribute__((import_module("wapo"), import_name("ocall_fast_return")))
int64_t wapo_ocall_fast_return_(int32_t task, int32_t number, int32_t p0, int32_t p1, int32_t p2, int32_t p3);

__attribute__((import_module("wapo"), import_name("ocall")))
int64_t wapo_ocall_(int32_t task, int32_t number, int32_t p0, int32_t p1, int32_t p2, int32_t p3);

/* The task on whose behalf calls are made. The executor sets it; a program with a wapo_poll of its own does so
 * itself. */
extern int32_t wapo_current_task;

/* A result word (upper half: 0 for Ok) as a result. */
static inline int wapo_result(int64_t word)
{
    int32_t low = (int32_t)(uint32_t)word;
    return (uint64_t)word >> 32 ? -low : low;
}

#define WAPO_POINTER_(pointer) ((int32_t)(uintptr_t)(pointer))

static inline int wapo_fast_(int32_t number, int32_t p0, int32_t p1, int32_t p2, int32_t p3)
{
    return wapo_result(wapo_ocall_fast_return_(wapo_current_task, number, p0, p1, p2, p3));
}

static inline int wapo_slow_(int32_t number, int32_t p0, int32_t p1, int32_t p2, int32_t p3)
{
    return wapo_result(wapo_ocall_(wapo_current_task, number, p0, p1, p2, p3));
}

/* 0: takes what the last call marked S has left. `size` must be its length; the bytes are gone whatever happens. */
static inline int wapo_ocall_get_return(void *bytes, size_t size)
{
    return wapo_fast_(0, WAPO_POINTER_(bytes), (int32_t)size, 0, 0);
}

/* Resources. */

static inline int wapo_ocall_close(int resource)
{
    return wapo_fast_(101, resource, 0, 0, 0);
}

/* S: a message, as Vec<u8>. */
static inline int wapo_ocall_poll(int waker, int channel)
{
    return wapo_slow_(102, waker, channel, 0, 0);
}

static inline int wapo_ocall_poll_read(int waker, int resource, void *buffer, size_t size)
{
    return wapo_fast_(103, waker, resource, WAPO_POINTER_(buffer), (int32_t)size);
}

static inline int wapo_ocall_poll_write(int waker, int resource, const void *data, size_t length)
{
    return wapo_fast_(104, waker, resource, WAPO_POINTER_(data), (int32_t)length);
}

static inline int wapo_ocall_poll_shutdown(int waker, int resource)
{
    return wapo_fast_(105, waker, resource, 0, 0);
}

/* A new resource, of a connector. */
static inline int wapo_ocall_poll_res(int waker, int connector)
{
    return wapo_fast_(106, waker, connector, 0, 0);
}

/* Tasks and wakers. */

static inline int wapo_ocall_mark_task_ready(int task)
{
    return wapo_fast_(109, task, 0, 0, 0);
}

static inline int wapo_ocall_next_ready_task(void)
{
    return wapo_fast_(110, 0, 0, 0, 0);
}

/* One line in the log for each call from now on. */
static inline int wapo_ocall_enable_ocall_trace(int on)
{
    return wapo_fast_(111, on, 0, 0, 0);
}

/* S: Vec<i32>. */
static inline int wapo_ocall_awake_wakers(void)
{
    return wapo_slow_(112, 0, 0, 0, 0);
}

/* At most 1 MiB. */
static inline int wapo_ocall_getrandom(void *bytes, size_t size)
{
    return wapo_fast_(113, WAPO_POINTER_(bytes), (int32_t)size, 0, 0);
}

/* Timers: poll_read answers 0 when one has expired. */

static inline int wapo_ocall_create_timer(int32_t milliseconds)
{
    return wapo_fast_(201, milliseconds, 0, 0, 0);
}

static inline int wapo_ocall_reset_timer(int timer, int32_t milliseconds)
{
    return wapo_fast_(203, timer, milliseconds, 0, 0);
}

/* One-shots: the reply to a query or to an HTTP request. */

static inline int wapo_ocall_oneshot_send(int oneshot, const void *data, size_t length)
{
    return wapo_fast_(202, oneshot, WAPO_POINTER_(data), (int32_t)length, 0);
}

static inline int wapo_ocall_oneshot_send_error(int oneshot, const char *text, size_t length)
{
    return wapo_fast_(204, oneshot, WAPO_POINTER_(text), (int32_t)length, 0);
}

/* Network. 210, 214 and 215 take their arguments SCALE-encoded. */

static inline int wapo_ocall_tcp_listen(const void *arguments, size_t length)
{
    return wapo_fast_(210, WAPO_POINTER_(arguments), (int32_t)length, 0, 0);
}

/* S: i32 resource, String address of the peer. */
static inline int wapo_ocall_tcp_accept(int waker, int listener)
{
    return wapo_slow_(211, waker, listener, 0, 0);
}

static inline int wapo_ocall_tcp_accept_no_addr(int waker, int listener)
{
    return wapo_fast_(212, waker, listener, 0, 0);
}

static inline int wapo_ocall_tcp_connect(const char *host, size_t length, int port)
{
    return wapo_fast_(213, WAPO_POINTER_(host), (int32_t)length, port, 0);
}

static inline int wapo_ocall_tcp_connect_tls(const void *arguments, size_t length)
{
    return wapo_fast_(214, WAPO_POINTER_(arguments), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_tls_listen_sni(const void *arguments, size_t length)
{
    return wapo_fast_(215, WAPO_POINTER_(arguments), (int32_t)length, 0, 0);
}

/* The program and its node. */

static inline int wapo_ocall_log(int level, const char *text, size_t length)
{
    return wapo_fast_(220, level, WAPO_POINTER_(text), (int32_t)length, 0);
}

/* S: i32 resource. */
static inline int wapo_ocall_create_input_channel(int number)
{
    return wapo_slow_(240, number, 0, 0, 0);
}

/* S: 32 bytes. */
static inline int wapo_ocall_app_address(void)
{
    return wapo_slow_(242, 0, 0, 0, 0);
}

static inline int wapo_ocall_emit_program_output(const void *data, size_t length)
{
    return wapo_fast_(243, WAPO_POINTER_(data), (int32_t)length, 0, 0);
}

/* S: Vec<u8>. */
static inline int wapo_ocall_blob_get(const char *name, size_t length)
{
    return wapo_slow_(244, WAPO_POINTER_(name), (int32_t)length, 0, 0);
}

/* S: Vec<u8>. */
static inline int wapo_ocall_sign(const void *data, size_t length)
{
    return wapo_slow_(250, WAPO_POINTER_(data), (int32_t)length, 0, 0);
}

/* S: 32 bytes. */
static inline int wapo_ocall_worker_pubkey(void)
{
    return wapo_slow_(251, 0, 0, 0, 0);
}

/* S: Option<Vec<u8>>. */
static inline int wapo_ocall_sgx_quote(const void *data, size_t length)
{
    return wapo_slow_(252, WAPO_POINTER_(data), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_tip(uint64_t amount)
{
    return wapo_fast_(253, (int32_t)(uint32_t)(amount >> 32), (int32_t)(uint32_t)amount, 0, 0);
}

/* S: u64 gas; u64 sequence number, 32 bytes session, 32 bytes nonce. */
static inline int wapo_ocall_app_gas_consumed(void)
{
    return wapo_slow_(254, 0, 0, 0, 0);
}

/* S: 64 bytes. */
static inline int wapo_ocall_derive_secret(const void *path, size_t length)
{
    return wapo_slow_(255, WAPO_POINTER_(path), (int32_t)length, 0, 0);
}

/* S: Option<Vec<u8>>. */
static inline int wapo_ocall_read_boot_data(void)
{
    return wapo_slow_(260, 0, 0, 0, 0);
}

/* S: nothing. */
static inline int wapo_ocall_write_boot_data(const void *data, size_t length)
{
    return wapo_slow_(261, WAPO_POINTER_(data), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_app_try_lock(const char *name, size_t length)
{
    return wapo_fast_(262, WAPO_POINTER_(name), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_app_unlock(const char *name, size_t length)
{
    return wapo_fast_(263, WAPO_POINTER_(name), (int32_t)length, 0, 0);
}

/* From here on: this host's own calls. Others answer WAPO_UNKNOWN_CALL_NUMBER. */

/* Empties the ready queue and writes waker messages; their number. For programs with one task. */
static inline int wapo_ocall_drain_wakers(int32_t *wakers, size_t room)
{
    return wapo_fast_(1000, WAPO_POINTER_(wakers), (int32_t)room, 0, 0);
}

/* What the host fills before each poll; `count` says how many tasks are ready. */
struct wapo_ready_list {
    uint32_t count;
    int32_t tasks[];
};

/* From now on ready tasks are written to the list before each poll, and there are no waker messages. The memory belongs
 * to the host until the program ends. */
static inline int wapo_ocall_ready_list(struct wapo_ready_list *list, size_t room)
{
    return wapo_fast_(1008, WAPO_POINTER_(list), (int32_t)room, 0, 0);
}

static inline int wapo_ocall_hash(int algorithm, const void *data, size_t length, uint8_t *digest)
{
    return wapo_fast_(1020, algorithm, WAPO_POINTER_(data), (int32_t)length, WAPO_POINTER_(digest));
}

static inline int wapo_ocall_hash_open(int algorithm)
{
    return wapo_fast_(1021, algorithm, 0, 0, 0);
}

static inline int wapo_ocall_hash_update(int hash, const void *data, size_t length)
{
    return wapo_fast_(1022, hash, WAPO_POINTER_(data), (int32_t)length, 0);
}

static inline int wapo_ocall_hash_finish(int hash, uint8_t *digest)
{
    return wapo_fast_(1023, hash, WAPO_POINTER_(digest), 0, 0);
}

static inline int wapo_ocall_crypto(const void *request, size_t length, void *result, size_t room)
{
    return wapo_fast_(1030, WAPO_POINTER_(request), (int32_t)length, WAPO_POINTER_(result), (int32_t)room);
}

/* The same, however long it takes: the program stands still. The length of the result, which is in the return slot. */
static inline int wapo_ocall_crypto_wait(const void *request, size_t length)
{
    return wapo_slow_(1033, WAPO_POINTER_(request), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_crypto_start(const void *request, size_t length)
{
    return wapo_fast_(1031, WAPO_POINTER_(request), (int32_t)length, 0, 0);
}

static inline int wapo_ocall_crypto_result(int waker, int job, void *result, size_t room)
{
    return wapo_fast_(1032, waker, job, WAPO_POINTER_(result), (int32_t)room);
}

/* Compression: format 1 zlib, 2 deflate, 3 gzip; pieces go in, and what comes out is read until there is none. */
static inline int wapo_ocall_coder_open(int format, int decode)
{
    return wapo_fast_(1080, format, decode, 0, 0);
}

static inline int wapo_ocall_coder_write(int coder, const void *piece, size_t length, int last)
{
    return wapo_fast_(1081, coder, WAPO_POINTER_(piece), (int32_t)length, last);
}

static inline int wapo_ocall_coder_read(int coder, void *buffer, size_t size)
{
    return wapo_fast_(1082, coder, WAPO_POINTER_(buffer), (int32_t)size, 0);
}

static inline int wapo_ocall_http_open(const void *request, size_t length)
{
    return wapo_fast_(1100, WAPO_POINTER_(request), (int32_t)length, 0, 0);
}

/* The length of the head, which is in `head` if it fits into `size`, and in the return slot otherwise. */
static inline int wapo_ocall_http_head(int waker, int exchange, void *head, size_t size)
{
    return wapo_fast_(1101, waker, exchange, WAPO_POINTER_(head), (int32_t)size);
}

/* As http_head: why an exchange has failed. */
static inline int wapo_ocall_error_text(int exchange, char *text, size_t size)
{
    return wapo_fast_(1102, exchange, WAPO_POINTER_(text), (int32_t)size, 0);
}

/* JavaScript in a machine of its own, as docs/abi.md describes it. Polled, the resource gives the result. */
static inline int wapo_ocall_isolate_open(const void *request, size_t length)
{
    return wapo_fast_(1200, WAPO_POINTER_(request), (int32_t)length, 0, 0);
}

/* The host speaks HTTP/1.1 with the listener's clients; its number is a channel's from now on. */
static inline int wapo_ocall_http_serve(int listener)
{
    return wapo_fast_(1210, listener, 0, 0, 0);
}

/* A lookup of a name: polled, it gives the addresses, joined by NUL. */
static inline int wapo_ocall_name_lookup(const char *name, size_t length)
{
    return wapo_fast_(1121, WAPO_POINTER_(name), (int32_t)length, 0, 0);
}

/* The port that a TCP listener has. */
static inline int wapo_ocall_listener_port(int listener)
{
    return wapo_fast_(1211, listener, 0, 0, 0);
}

/* WebSockets (docs/abi.md): a handshake is u32 lengths of URL, headers and subprotocols, and then these. */
static inline int wapo_ocall_websocket_open(const void *handshake, size_t length)
{
    return wapo_fast_(1110, WAPO_POINTER_(handshake), (int32_t)length, 0, 0);
}

/* The length of the next event, which is in `event` if it fits into `size`, and in the return slot otherwise. */
static inline int wapo_ocall_websocket_event(int waker, int websocket, void *event, size_t size)
{
    return wapo_fast_(1111, waker, websocket, WAPO_POINTER_(event), (int32_t)size);
}

/* How much of the message was taken; kind is 1 for text, 2 for bytes, 0 for the rest of what was not. */
static inline int wapo_ocall_websocket_send(int websocket, int kind, const void *data, size_t length)
{
    return wapo_fast_(1112, websocket, kind, WAPO_POINTER_(data), (int32_t)length);
}

static inline int wapo_ocall_websocket_close(int websocket, int code, const char *reason, size_t length)
{
    return wapo_fast_(1113, websocket, code, WAPO_POINTER_(reason), (int32_t)length);
}

/* TLS over a TCP stream, which is gone then; the result is resolved like that of tcp_connect_tls. */
static inline int wapo_ocall_start_tls(int stream, const char *host, size_t length)
{
    return wapo_fast_(1120, stream, WAPO_POINTER_(host), (int32_t)length, 0);
}

#endif
