/* WebSockets and TCP for the platform's JavaScript (docs/abi.md, 1110 to 1114 and 1120; 213 and 214 of the Wapo ABI). */
#include <stdlib.h>
#include <string.h>
#include "wapojs.h"

enum { MAX_HOST = 253 };

/* websocketOpen(url, headers, protocols): the resource. headers and protocols are joined by NUL, code points 0-255. */
static JSValue websocket_open(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t lengths[3] = { 0 };
    JSValue answer = JS_EXCEPTION;
    const char *url = wapojs_to_utf8(ctx, argv[0], &lengths[0]);
    uint8_t *headers = url ? wapojs_to_latin1(ctx, argv[1], &lengths[1]) : NULL;
    uint8_t *protocols = headers ? wapojs_to_latin1(ctx, argv[2], &lengths[2]) : NULL;
    size_t total = 12 + lengths[0] + lengths[1] + lengths[2];
    uint8_t *message = protocols ? js_malloc(ctx, total) : NULL;
    if (message) {
        uint32_t numbers[3] = { (uint32_t)lengths[0], (uint32_t)lengths[1], (uint32_t)lengths[2] };
        memcpy(message, numbers, 12);
        memcpy(message + 12, url, lengths[0]);
        memcpy(message + 12 + lengths[0], headers, lengths[1]);
        memcpy(message + 12 + lengths[0] + lengths[1], protocols, lengths[2]);
        ocall_result opened = ocall(OCALL_WEBSOCKET_OPEN, OCALL_POINTER(message), (int32_t)total, 0, 0);
        js_free(ctx, message);
        answer = opened.error ? wapojs_throw_ocall(ctx, "the connection cannot be made", opened.error)
                              : JS_NewUint32(ctx, opened.value);
    }
    js_free(ctx, protocols);
    js_free(ctx, headers);
    JS_FreeCString(ctx, url);
    return answer;
}

/* websocketAccept(headers): answers the request with a WebSocket; its resource. */
static JSValue websocket_accept(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *headers = wapojs_to_latin1(ctx, argv[0], &length);
    if (!headers)
        return JS_EXCEPTION;
    ocall_result accepted = ocall(OCALL_WEBSOCKET_ACCEPT, OCALL_POINTER(headers), (int32_t)length, 0, 0);
    js_free(ctx, headers);
    if (accepted.error)
        return wapojs_throw_ocall(ctx, "the WebSocket cannot be accepted", accepted.error);
    return JS_NewUint32(ctx, accepted.value);
}

/* websocketEvent(resource, callback(error, [kind, bytes])) */
static JSValue websocket_event(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    return waits_event(ctx, resource, argv[1]);
}

/* websocketSend(resource, opcode, bytes): how many were taken, or -1 if none can be now. */
static JSValue websocket_send(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource, opcode;
    size_t length;
    if (JS_ToUint32(ctx, &resource, argv[0]) || JS_ToUint32(ctx, &opcode, argv[1]))
        return JS_EXCEPTION;
    uint8_t *data = wapojs_bytes(ctx, argv[2], &length);
    if (!data && JS_HasException(ctx))
        return JS_EXCEPTION;
    ocall_result sent = ocall(OCALL_WEBSOCKET_SEND, (int32_t)resource, (int32_t)opcode, OCALL_POINTER(data), (int32_t)length);
    if (sent.error == ERROR_PENDING)
        return JS_NewInt32(ctx, -1);
    if (sent.error)
        return wapojs_throw_ocall(ctx, "the message cannot be sent", sent.error);
    return JS_NewUint32(ctx, sent.value);
}

/* websocketClose(resource, code or 0, reason) */
static JSValue websocket_close(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource, code;
    size_t length;
    if (JS_ToUint32(ctx, &resource, argv[0]) || JS_ToUint32(ctx, &code, argv[1]))
        return JS_EXCEPTION;
    const char *reason = wapojs_to_utf8(ctx, argv[2], &length);
    if (!reason)
        return JS_EXCEPTION;
    ocall_result closed = ocall(OCALL_WEBSOCKET_CLOSE, (int32_t)resource, (int32_t)code, OCALL_POINTER(reason), (int32_t)length);
    JS_FreeCString(ctx, reason);
    if (closed.error)
        return wapojs_throw_ocall(ctx, "the connection cannot be closed", closed.error);
    return JS_UNDEFINED;
}

/* tcpConnect(host, port, tls): a connector. */
static JSValue tcp_connect(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t port;
    size_t length;
    if (JS_ToUint32(ctx, &port, argv[1]))
        return JS_EXCEPTION;
    const char *host = wapojs_to_utf8(ctx, argv[0], &length);
    if (!host)
        return JS_EXCEPTION;
    ocall_result made = { ERROR_INVALID_PARAMETER, 0 };
    if (length <= MAX_HOST && JS_ToBool(ctx, argv[2]) > 0) {
        /* SCALE: the name with its compact length, a u16 port, an enumeration of which there is one */
        uint8_t message[2 + MAX_HOST + 3], *at = message;
        if (length < 64) {
            *at++ = (uint8_t)(length << 2);
        } else {
            *at++ = (uint8_t)(length << 2 | 1);
            *at++ = (uint8_t)(length >> 6);
        }
        memcpy(at, host, length);
        at += length;
        *at++ = (uint8_t)port;
        *at++ = (uint8_t)(port >> 8);
        *at++ = 0;
        made = ocall(OCALL_TCP_CONNECT_TLS, OCALL_POINTER(message), (int32_t)(at - message), 0, 0);
    } else if (length <= MAX_HOST) {
        made = ocall(OCALL_TCP_CONNECT, OCALL_POINTER(host), (int32_t)length, (int32_t)port, 0);
    }
    JS_FreeCString(ctx, host);
    if (made.error)
        return wapojs_throw_ocall(ctx, "the connection cannot be made", made.error);
    return JS_NewUint32(ctx, made.value);
}

/* startTls(resource, host): a connector; the resource is gone. */
static JSValue start_tls(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    size_t length;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    const char *host = wapojs_to_utf8(ctx, argv[1], &length);
    if (!host)
        return JS_EXCEPTION;
    waits_cancel(ctx, resource);
    ocall_result made = ocall(OCALL_START_TLS, (int32_t)resource, OCALL_POINTER(host), (int32_t)length, 0);
    JS_FreeCString(ctx, host);
    if (made.error)
        return wapojs_throw_ocall(ctx, "TLS cannot be started", made.error);
    return JS_NewUint32(ctx, made.value);
}

/* resolve(resource, callback(error, the number of a new resource)): what a connector becomes */
static JSValue resolve(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint32_t resource;
    if (JS_ToUint32(ctx, &resource, argv[0]))
        return JS_EXCEPTION;
    return waits_resolve(ctx, resource, argv[1]);
}

/* taskNumber(): differs from one task to the next */
static JSValue task_number(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    return JS_NewUint32(ctx, wapojs_task_number());
}

const JSCFunctionListEntry native_net_functions[] = {
    JS_CFUNC_DEF("websocketOpen", 3, websocket_open),
    JS_CFUNC_DEF("websocketAccept", 1, websocket_accept),
    JS_CFUNC_DEF("websocketEvent", 2, websocket_event),
    JS_CFUNC_DEF("websocketSend", 3, websocket_send),
    JS_CFUNC_DEF("websocketClose", 3, websocket_close),
    JS_CFUNC_DEF("tcpConnect", 3, tcp_connect),
    JS_CFUNC_DEF("startTls", 2, start_tls),
    JS_CFUNC_DEF("resolve", 2, resolve),
    JS_CFUNC_DEF("taskNumber", 0, task_number),
};
const int native_net_count = sizeof(native_net_functions) / sizeof(native_net_functions[0]);
