/* Operations that answered "pending", by waker id: when the host wakes one, it is tried again.
 *
 * A wake is a hint. An entry is freed as soon as its operation is over; a wake that comes late for a number that has
 * been given out again just tries the new operation once more, which is harmless.
 */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

enum { HEAD_BUFFER = 8192, MAX_DEFERRED_A_POLL = 256 };

typedef struct {
    bool used;
    bool deferred;    /* not tried yet */
    wait_kind kind;
    uint32_t resource;
    uint32_t limit;   /* WAIT_READ: most bytes */
    uint32_t offset;  /* WAIT_WRITE: bytes written so far */
    JSValue callback; /* (error text or null, value) */
    JSValue bytes;    /* WAIT_WRITE: what is written; kept alive, and looked up anew at each try */
    bool background;  /* does not keep the program alive */
    /* WAIT_CALL keeps the number of the call in limit, and in offset whether it is a slow one */
} wait;

static wait *waits; /* index + 1 is the waker: 0 is the timer's */
static uint32_t capacity;
static int used;
static int deferred;
static int deferred_room;

int waits_count(void)
{
    return used;
}

bool waits_keep_alive(void)
{
    for (uint32_t i = 0; i < capacity; i++)
        if (waits[i].used && !waits[i].background)
            return true;
    return false;
}

void waits_set_background(uint32_t resource, bool background)
{
    for (uint32_t i = 0; i < capacity; i++)
        if (waits[i].used && waits[i].resource == resource)
            waits[i].background = background;
}

static wait *allocate(JSContext *ctx)
{
    for (uint32_t i = 0; i < capacity; i++)
        if (!waits[i].used)
            return &waits[i];
    uint32_t grown = capacity ? capacity * 2 : 16;
    wait *larger = realloc(waits, grown * sizeof(wait));
    if (!larger) {
        JS_ThrowOutOfMemory(ctx);
        return NULL;
    }
    memset(larger + capacity, 0, (grown - capacity) * sizeof(wait));
    waits = larger;
    wait *first = &waits[capacity];
    capacity = grown;
    return first;
}

/* Frees the entry, then calls back: the callback may start another operation and get the same number. */
static void finish(wait *w, JSValue error, JSValue value)
{
    JSContext *ctx = wapojs_context;
    JSValue callback = w->callback;
    if (JS_IsException(error) || JS_IsException(value)) { /* there is no memory for it, which is no argument of a call */
        JS_FreeValue(ctx, error);
        JS_FreeValue(ctx, value);
        JS_FreeValue(ctx, JS_GetException(ctx));
        error = JS_NewString(ctx, "out of memory");
        if (JS_IsException(error)) { /* not for the words either */
            JS_FreeValue(ctx, JS_GetException(ctx));
            error = JS_NewInt32(ctx, ERROR_NO_MEMORY);
        }
        value = JS_NULL;
    }
    JS_FreeValue(ctx, w->bytes);
    w->used = false;
    used--;
    JSValue args[] = { error, value };
    wapojs_call(callback, 2, args);
    JS_FreeValue(ctx, callback);
}

/* The host's sentence for a resource that failed, or the general one for the code. */
static JSValue failure_text(uint32_t resource, int error)
{
    char text[1024];
    ocall_result length = ocall(OCALL_ERROR_TEXT, (int32_t)resource, OCALL_POINTER(text), sizeof(text), 0);
    if (!length.error && length.value && length.value <= sizeof(text))
        return JS_NewStringLen(wapojs_context, text, length.value);
    return JS_NewString(wapojs_context, ocall_error_text(error));
}

static void try_read(wait *w, uint32_t waker)
{
    uint32_t limit = w->limit < SCRATCH_BYTES ? w->limit : SCRATCH_BYTES;
    ocall_result got = ocall(OCALL_POLL_READ, (int32_t)waker, (int32_t)w->resource, OCALL_POINTER(wapojs_scratch), (int32_t)limit);
    if (got.error == ERROR_PENDING)
        return;
    if (got.error)
        finish(w, failure_text(w->resource, got.error), JS_NULL);
    else
        finish(w, JS_NULL, got.value ? JS_NewUint8ArrayCopy(wapojs_context, wapojs_scratch, got.value) : JS_NULL);
}

static void try_write(wait *w, uint32_t waker)
{
    for (;;) {
        size_t length;
        uint8_t *data = wapojs_bytes(wapojs_context, w->bytes, &length);
        if (!data && JS_HasException(wapojs_context)) { /* detached meanwhile */
            JS_FreeValue(wapojs_context, JS_GetException(wapojs_context));
            finish(w, JS_NewString(wapojs_context, "the buffer was detached while it was written"), JS_NULL);
            return;
        }
        if (w->offset >= length) {
            finish(w, JS_NULL, JS_UNDEFINED);
            return;
        }
        ocall_result put = ocall(OCALL_POLL_WRITE, (int32_t)waker, (int32_t)w->resource,
                                 OCALL_POINTER(data + w->offset), (int32_t)(length - w->offset));
        if (put.error == ERROR_PENDING)
            return;
        if (put.error) { /* the resource's fault: with a code, unlike ours above */
            finish(w, failure_text(w->resource, put.error), JS_NewInt32(wapojs_context, put.error));
            return;
        }
        w->offset += put.value;
    }
}

/* The head of a response: (null, [status, minor version, reason, headers]). */
static void try_head(wait *w, uint32_t waker)
{
    JSContext *ctx = wapojs_context;
    uint8_t small[HEAD_BUFFER], *head = small;
    ocall_result length = ocall(OCALL_HTTP_HEAD, (int32_t)waker, (int32_t)w->resource, OCALL_POINTER(small), HEAD_BUFFER);
    if (length.error == ERROR_PENDING)
        return;
    if (length.error) {
        finish(w, failure_text(w->resource, length.error), JS_NULL);
        return;
    }
    if (length.value > HEAD_BUFFER) {
        head = malloc(length.value);
        if (!head || ocall(OCALL_GET_RETURN, OCALL_POINTER(head), (int32_t)length.value, 0, 0).error) {
            free(head);
            finish(w, JS_NewString(ctx, "out of memory"), JS_NULL);
            return;
        }
    }
    uint16_t numbers[2];
    uint32_t lengths[2];
    memcpy(numbers, head, 4);
    memcpy(lengths, head + 4, 8);
    JSValue parts[] = {
        JS_NewInt32(ctx, numbers[0]),
        JS_NewInt32(ctx, numbers[1]),
        wapojs_latin1_string(ctx, head + 12, lengths[0]),
        wapojs_latin1_string(ctx, head + 12 + lengths[0], lengths[1]),
    };
    if (head != small)
        free(head);
    finish(w, JS_NULL, JS_NewArrayFrom(ctx, 4, parts));
}

/* What a thread of the host has computed. */
static void try_crypto(wait *w, uint32_t waker)
{
    JSContext *ctx = wapojs_context;
    ocall_result length = ocall(OCALL_CRYPTO_RESULT, (int32_t)waker, (int32_t)w->resource, OCALL_POINTER(wapojs_scratch),
                                SCRATCH_BYTES);
    if (length.error == ERROR_PENDING)
        return;
    uint8_t *result = wapojs_scratch;
    if (!length.error && length.value > SCRATCH_BYTES) {
        result = malloc(length.value);
        if (!result)
            length.error = ERROR_NO_MEMORY;
        else
            length.error = ocall(OCALL_GET_RETURN, OCALL_POINTER(result), (int32_t)length.value, 0, 0).error;
    }
    ocall(OCALL_CLOSE, (int32_t)w->resource, 0, 0, 0);
    JSValue bytes = length.error ? JS_NULL : JS_NewUint8ArrayCopy(ctx, result, length.value);
    if (result != wapojs_scratch)
        free(result);
    if (JS_IsException(bytes)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        bytes = JS_NULL;
        length.error = ERROR_NO_MEMORY;
    }
    finish(w, length.error ? JS_NewInt32(ctx, length.error) : JS_NULL, bytes);
}

/* Any call with a waker and a resource: (error code or 0, result). */
static void try_call(wait *w, uint32_t waker)
{
    JSContext *ctx = wapojs_context;
    bool slow = w->offset;
    ocall_result got = slow ? ocall_slow((int)w->limit, (int32_t)waker, (int32_t)w->resource, 0, 0)
                            : ocall((int)w->limit, (int32_t)waker, (int32_t)w->resource, 0, 0);
    if (got.error == ERROR_PENDING)
        return;
    JSValue value = JS_NULL;
    if (!got.error)
        value = slow ? wapojs_take_return(ctx, got.value) : JS_NewUint32(ctx, got.value);
    if (JS_IsException(value)) { /* there is no memory for it */
        JS_FreeValue(ctx, JS_GetException(ctx));
        got.error = ERROR_LIMITED;
        value = JS_NULL;
    }
    finish(w, JS_NewInt32(ctx, got.error), value);
}

/* What a connector has become. */
static void try_resolve(wait *w, uint32_t waker)
{
    ocall_result got = ocall(OCALL_POLL_RES, (int32_t)waker, (int32_t)w->resource, 0, 0);
    if (got.error == ERROR_PENDING)
        return;
    if (got.error)
        finish(w, failure_text(w->resource, got.error), JS_NULL);
    else
        finish(w, JS_NULL, JS_NewUint32(wapojs_context, got.value));
}

/* An event of a WebSocket: (null, [kind, bytes]). */
static void try_event(wait *w, uint32_t waker)
{
    JSContext *ctx = wapojs_context;
    uint8_t *event = wapojs_scratch;
    ocall_result length = ocall(OCALL_WEBSOCKET_EVENT, (int32_t)waker, (int32_t)w->resource,
                                OCALL_POINTER(wapojs_scratch), SCRATCH_BYTES);
    if (length.error == ERROR_PENDING)
        return;
    if (length.error) {
        finish(w, failure_text(w->resource, length.error), JS_NULL);
        return;
    }
    if (length.value > SCRATCH_BYTES) {
        event = malloc(length.value);
        if (!event || ocall(OCALL_GET_RETURN, OCALL_POINTER(event), (int32_t)length.value, 0, 0).error) {
            free(event);
            finish(w, JS_NewString(ctx, "out of memory"), JS_NULL);
            return;
        }
    }
    uint32_t kind;
    memcpy(&kind, event, sizeof(kind));
    JSValue data = JS_NewUint8ArrayCopy(ctx, event + sizeof(kind), length.value - sizeof(kind));
    if (event != wapojs_scratch)
        free(event);
    if (JS_IsException(data)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        finish(w, JS_NewString(ctx, "out of memory"), JS_NULL);
        return;
    }
    JSValue parts[] = { JS_NewUint32(ctx, kind), data };
    finish(w, JS_NULL, JS_NewArrayFrom(ctx, 2, parts));
}

static void try_again(wait *w)
{
    uint32_t waker = (uint32_t)(w - waits) + 1;
    switch (w->kind) {
    case WAIT_READ: try_read(w, waker); break;
    case WAIT_WRITE: try_write(w, waker); break;
    case WAIT_HEAD: try_head(w, waker); break;
    case WAIT_CRYPTO: try_crypto(w, waker); break;
    case WAIT_CALL: try_call(w, waker); break;
    case WAIT_RESOLVE: try_resolve(w, waker); break;
    case WAIT_EVENT: try_event(w, waker); break;
    case WAIT_TIMER: break;
    }
}

void waits_wake(uint32_t waker)
{
    if (waker == TIMER_WAKER)
        timers_fire();
    else if (waker <= capacity && waits[waker - 1].used)
        try_again(&waits[waker - 1]);
}

static JSValue begin(JSContext *ctx, wait_kind kind, uint32_t resource, uint32_t limit, JSValueConst bytes,
                     JSValueConst callback)
{
    if (!JS_IsFunction(ctx, callback))
        return JS_ThrowTypeError(ctx, "the callback is not a function");
    wait *w = allocate(ctx);
    if (!w)
        return JS_EXCEPTION;
    bool later = kind == WAIT_EVENT;
    *w = (wait){ true, later, kind, resource, limit, 0, JS_DupValue(ctx, callback), JS_DupValue(ctx, bytes),
                 false };
    used++;
    deferred += later;
    if (!later)
        try_again(w);
    return JS_UNDEFINED;
}

void waits_begin_poll(void)
{
    deferred_room = MAX_DEFERRED_A_POLL;
}

bool waits_left_deferred(void)
{
    return deferred > 0;
}

bool waits_try_deferred(void)
{
    for (uint32_t i = 0; deferred && deferred_room && i < capacity; i++)
        if (waits[i].used && waits[i].deferred) {
            waits[i].deferred = false;
            deferred--;
            deferred_room--;
            try_again(&waits[i]);
            return true;
        }
    return false;
}

JSValue waits_read(JSContext *ctx, uint32_t resource, uint32_t limit, JSValueConst callback)
{
    return begin(ctx, WAIT_READ, resource, limit, JS_UNDEFINED, callback);
}

JSValue waits_write(JSContext *ctx, uint32_t resource, JSValueConst bytes, JSValueConst callback)
{
    return begin(ctx, WAIT_WRITE, resource, 0, bytes, callback);
}

JSValue waits_head(JSContext *ctx, uint32_t resource, JSValueConst callback)
{
    return begin(ctx, WAIT_HEAD, resource, 0, JS_UNDEFINED, callback);
}

JSValue waits_crypto(JSContext *ctx, uint32_t resource, JSValueConst callback)
{
    return begin(ctx, WAIT_CRYPTO, resource, 0, JS_UNDEFINED, callback);
}

JSValue waits_call(JSContext *ctx, uint32_t call, bool slow, uint32_t resource, JSValueConst callback)
{
    if (!JS_IsFunction(ctx, callback))
        return JS_ThrowTypeError(ctx, "the callback is not a function");
    wait *w = allocate(ctx);
    if (!w)
        return JS_EXCEPTION;
    *w = (wait){ .used = true, .kind = WAIT_CALL, .resource = resource, .limit = call, .offset = slow,
                 .callback = JS_DupValue(ctx, callback), .bytes = JS_UNDEFINED };
    used++;
    try_again(w);
    return JS_UNDEFINED;
}

JSValue waits_resolve(JSContext *ctx, uint32_t resource, JSValueConst callback)
{
    return begin(ctx, WAIT_RESOLVE, resource, 0, JS_UNDEFINED, callback);
}

JSValue waits_event(JSContext *ctx, uint32_t resource, JSValueConst callback)
{
    return begin(ctx, WAIT_EVENT, resource, 0, JS_UNDEFINED, callback);
}

static void drop(JSContext *ctx, wait *w)
{
    w->used = false;
    deferred -= w->deferred;
    used--;
    JS_FreeValue(ctx, w->callback);
    JS_FreeValue(ctx, w->bytes);
}

void waits_cancel(JSContext *ctx, uint32_t resource)
{
    for (uint32_t i = 0; i < capacity; i++)
        if (waits[i].used && waits[i].resource == resource)
            drop(ctx, &waits[i]);
}

void waits_cancel_all(JSContext *ctx)
{
    for (uint32_t i = 0; i < capacity; i++)
        if (waits[i].used)
            drop(ctx, &waits[i]);
}
