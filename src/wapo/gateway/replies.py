"""Replies that the gateway makes itself, and the headers that every response carries (node-and-gateway 1.2, 1.3.8)."""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from wapo.agents.messages import UnreadableOutput
from wapo.errors import GuestError, HostError, WapoError
from wapo.log import Log
from wapo.node.admission import NodeFull

__all__ = [
    "NO_BODY_STATUS", "OWN_HEADERS", "Headers", "Receive", "Reply", "ResponseCut", "Scope", "Send", "common_headers",
    "common_lines", "error_reply", "failure_reply", "json_reply", "new_id", "text_reply",
]  # fmt: skip

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: Of every response, and only the server's to set.
OWN_HEADERS: Final = frozenset((b"date", b"x-request-id", b"x-powered-by", b"x-wapo-error", b"wapo-receipt"))

#: Responses with these have no content.
NO_BODY_STATUS: Final = frozenset((204, 205, 304))

_log = Log("wapo.gateway")
_TEXT: Final = b"text/plain; charset=UTF-8"
_JSON: Final = b"application/json"


_random: Final[list[bytearray]] = []


def new_id() -> str:
    """A random UUID (RFC 9562, version 4), in a tenth of the time that ``uuid.uuid4`` takes: entropy comes in larger
    pieces, for a system call costs more than the rest."""
    if not _random:
        piece = bytearray(os.urandom(16 * 256))
        piece[6::16] = bytes(byte & 0x0F | 0x40 for byte in piece[6::16])  # the version
        piece[8::16] = bytes(byte & 0x3F | 0x80 for byte in piece[8::16])  # the variant
        _random.extend(piece[at : at + 16] for at in range(0, len(piece), 16))
    h = _random.pop().hex("-", 2)
    return f"{h[:4]}{h[5:29]}{h[30:34]}{h[35:]}"


class ResponseCut(Exception):
    """A response failed in the middle: the connection is closed, so that nobody takes it for whole."""


class Reply:
    """A whole response of the gateway's own."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, content_type: bytes | None, body: bytes, headers: Headers | None = None) -> None:
        """``content_type`` is None if there is no content (204)."""
        self.status = status
        self.headers: Headers = list(headers or ())
        if content_type is not None:
            self.headers[:0] = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        self.body = body

    async def send(self, send: Send, request_id: str, started: float, *, head: bool = False) -> None:
        """Sends it, with the headers that every response carries."""
        headers = [*self.headers, *common_headers(request_id, started)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


def common_headers(request_id: str, started: float) -> Headers:
    """``started`` is of ``time.perf_counter``."""
    return [
        (b"x-request-id", request_id.encode()),
        (b"x-powered-by", b"wapo-gateway"),
        (b"server-timing", b'total;dur=%.1f;desc="Total Response Time"' % ((time.perf_counter() - started) * 1000)),
    ]


def common_lines(request_id: str, started: float, length: int) -> bytes:
    """The lines of :func:`common_headers` and of the Content-Length, for whoever writes a head himself."""
    return (
        b"x-request-id: %b\r\nx-powered-by: wapo-gateway\r\n"
        b'server-timing: total;dur=%.1f;desc="Total Response Time"\r\ncontent-length: %d\r\n'
    ) % (request_id.encode(), (time.perf_counter() - started) * 1000, length)


def text_reply(status: int, text: str) -> Reply:
    return Reply(status, _TEXT, text.encode())


def json_reply(status: int, value: Any, headers: Headers | None = None) -> Reply:
    """Compact JSON, members in the order of the dict: clients of the original match on it."""
    return Reply(status, _JSON, msgspec.json.encode(value), headers)


def error_reply(error: WapoError, request_id: str) -> Reply:
    """The one table from errors to responses. ``X-Wapo-Error`` names the error for machines.

    What went wrong inside an agent is its owner's business and stays in the log; the caller gets the request's id.
    """
    more: Headers = [(b"x-wapo-error", error.code.encode())]
    if error.status in (429, 503):
        more.append((b"retry-after", b"%d" % error.retry_after_s))
    elif error.status == 401:
        more.append((b"www-authenticate", b"Bearer"))  # RFC 9110 11.6.1
    if isinstance(error, UnreadableOutput):
        return Reply(error.status, _TEXT, b"Bad request", more)
    if isinstance(error, GuestError):
        return Reply(error.status, _TEXT, f"Server Error\nRequest ID: {request_id}".encode(), more)
    message = str(error).encode("utf-8", "replace").decode()  # may quote an address that is not UTF-8
    return json_reply(error.status, {"error": message, "succeed": False}, more)


def failure_reply(error: Exception, request_id: str) -> Reply:
    """The response to whatever went wrong. What is ours to see to, gets into the node's log."""
    if not isinstance(error, WapoError):
        _log.error("a request failed unexpectedly", request_id=request_id, exc_info=error)
        return text_reply(500, "Internal Server Error")
    if isinstance(error, HostError) and not isinstance(error, NodeFull):
        _log.error("a request failed", request_id=request_id, code=error.code, cause=str(error))
    return error_reply(error, request_id)
