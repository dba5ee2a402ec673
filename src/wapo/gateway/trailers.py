"""Trailers of a response (RFC 9110 6.5), which the server has no message for."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from wapo.gateway.replies import Headers, Scope, Send

__all__ = ["TRAILERS", "end_with_trailers", "takes_trailers"]

#: The extension of a scope whose ``send`` takes ``http.response.trailers`` instead of the last piece of a body.
TRAILERS: Final = "wapo.trailers"


def takes_trailers(scope: Scope, send: Send) -> bool:
    """Whether a response whose length is not known can have trailers (RFC 9112 7.1.2)."""
    if TRAILERS in scope.get("extensions", ()):
        return True
    return scope["http_version"] == "1.1" and isinstance(getattr(send, "__self__", None), RequestResponseCycle)


async def end_with_trailers(send: Send, trailers: Headers) -> None:
    """Instead of the last message of a response that :func:`takes_trailers`: uvicorn has no such thing.

    Args:
        send: as the server gave it.
        trailers: names and values that can be sent.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        await send({"type": "http.response.trailers", "headers": trailers})
        return
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    lines = [b"%b: %b\r\n" % trailer for trailer in trailers]
    cycle.transport.write(b"".join((b"0\r\n", *lines, b"\r\n")))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
