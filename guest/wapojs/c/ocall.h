/* The border: the two imports of a Wapo program, result words, and the calls that this guest makes.
 *
 * Numbers and layouts: docs/abi.md and, for those below 1000, the Wapo ABI. Pointers are borrowed for the duration of
 * the call. Nothing here keeps state except the buffers that are declared so.
 */
#ifndef WAPOJS_OCALL_H
#define WAPOJS_OCALL_H

#include <stddef.h>
#include <stdint.h>

enum {
    OCALL_GET_RETURN = 0,
    OCALL_CLOSE = 101,
    OCALL_POLL_READ = 103,
    OCALL_POLL_WRITE = 104,
    OCALL_POLL_SHUTDOWN = 105,
    OCALL_POLL_RES = 106,
    OCALL_MARK_TASK_READY = 109,
    OCALL_GETRANDOM = 113,
    OCALL_CREATE_TIMER = 201,
    OCALL_RESET_TIMER = 203,
    OCALL_TCP_CONNECT = 213,
    OCALL_TCP_CONNECT_TLS = 214,
    OCALL_LOG = 220,
    OCALL_DERIVE_SECRET = 255,
    OCALL_DRAIN_WAKERS = 1000,
    OCALL_NEXT_COMMAND = 1001,
    OCALL_LOADED = 1002,
    OCALL_RESPOND = 1003,
    OCALL_OUTPUT = 1004,
    OCALL_FAIL = 1005,
    OCALL_TOUCHED = 1006,
    OCALL_KEEP_ALIVE = 1007,
    OCALL_HASH = 1020,
    OCALL_HASH_OPEN = 1021,
    OCALL_HASH_UPDATE = 1022,
    OCALL_HASH_FINISH = 1023,
    OCALL_CRYPTO = 1030,
    OCALL_CRYPTO_START = 1031,
    OCALL_CRYPTO_RESULT = 1032,
    OCALL_CRYPTO_WAIT = 1033,
    OCALL_TIME_ZONE = 1040,
    OCALL_CODER_OPEN = 1080,
    OCALL_CODER_WRITE = 1081,
    OCALL_CODER_READ = 1082,
    OCALL_HTTP_OPEN = 1100,
    OCALL_HTTP_HEAD = 1101,
    OCALL_ERROR_TEXT = 1102,
    OCALL_WEBSOCKET_OPEN = 1110,
    OCALL_WEBSOCKET_EVENT = 1111,
    OCALL_WEBSOCKET_SEND = 1112,
    OCALL_WEBSOCKET_CLOSE = 1113,
    OCALL_WEBSOCKET_ACCEPT = 1114,
    OCALL_START_TLS = 1120,
    OCALL_MODULE_NAME = 1250,
    OCALL_MODULE_SOURCE = 1251,
};

enum {
    ERROR_UNKNOWN_CALL = 1,
    ERROR_INVALID_PARAMETER = 3,
    ERROR_NO_MEMORY = 5,
    ERROR_NOT_FOUND = 7,
    ERROR_UNSUPPORTED = 8,
    ERROR_IO = 9,
    ERROR_LIMITED = 10,
    ERROR_PENDING = 11,
    ERROR_END_OF_FILE = 12,
    ERROR_EXISTS = 15,
    ERROR_FORBIDDEN = 17,
};

/* error is 0 for Ok, and then value counts. */
typedef struct {
    int error;
    uint32_t value;
} ocall_result;

__attribute__((import_module("wapo"), import_name("ocall_fast_return")))
int64_t wapo_ocall_fast(int32_t task, int32_t id, int32_t p0, int32_t p1, int32_t p2, int32_t p3);

__attribute__((import_module("wapo"), import_name("ocall")))
int64_t wapo_ocall(int32_t task, int32_t id, int32_t p0, int32_t p1, int32_t p2, int32_t p3);

static inline ocall_result ocall_unpack(int64_t word)
{
    uint32_t low = (uint32_t)word;
    return (uint64_t)word >> 32 ? (ocall_result){ (int)low, 0 } : (ocall_result){ 0, low };
}

#define OCALL_POINTER(p) ((int32_t)(uintptr_t)(p))

/* This guest has one task, number 0. */
static inline ocall_result ocall(int id, int32_t p0, int32_t p1, int32_t p2, int32_t p3)
{
    return ocall_unpack(wapo_ocall_fast(0, id, p0, p1, p2, p3));
}

static inline ocall_result ocall_slow(int id, int32_t p0, int32_t p1, int32_t p2, int32_t p3)
{
    return ocall_unpack(wapo_ocall(0, id, p0, p1, p2, p3));
}

/* The sentence for an error code, for messages. Static storage. */
const char *ocall_error_text(int error);

/* Log levels of the ABI. */
enum { LOG_ERROR = 1, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

#endif
