"""Replies that the gateway makes itself, and the headers that every response carries (node-and-gateway 1.2, 1.3.8)."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from wapo.agents.messages import UnreadableOutput
from wapo.errors import GuestError, WapoError

__all__ = ["Receive", "Reply", "Scope", "Send", "common_headers", "error_reply", "json_reply", "text_reply"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_TEXT: Final = b"text/plain; charset=UTF-8"
_JSON: Final = b"application/json"


class Reply:
    """A whole response of the gateway's own."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, content_type: bytes, body: bytes, headers: Headers | None = None) -> None:
        self.status = status
        self.headers: Headers = [(b"content-type", content_type), *(headers or ())]
        self.body = body

    async def send(self, send: Send, request_id: str, started: float, *, head: bool = False) -> None:
        """Sends it, with the headers that every response carries."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body)), *common_headers(request_id, started)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


def common_headers(request_id: str, started: float) -> Headers:
    """``started`` is of ``time.perf_counter``."""
    return [
        (b"x-request-id", request_id.encode()),
        (b"x-powered-by", b"wapo-gateway"),
        (b"server-timing", b'total;dur=%.1f;desc="Total Response Time"' % ((time.perf_counter() - started) * 1000)),
    ]


def text_reply(status: int, text: str) -> Reply:
    return Reply(status, _TEXT, text.encode())


def json_reply(status: int, value: Any, headers: Headers | None = None) -> Reply:
    """Compact JSON, members in the order of the dict: clients of the original match on it."""
    return Reply(status, _JSON, msgspec.json.encode(value), headers)


def error_reply(error: WapoError, request_id: str) -> Reply:
    """The one table from errors to responses. ``X-Wapo-Error`` names the error for machines.

    What went wrong inside an agent is its owner's business and stays in the log; the caller gets the request's id.
    """
    code: Headers = [(b"x-wapo-error", error.code.encode())]
    retry: Headers = [(b"retry-after", b"1")] if error.status in (429, 503) else []
    if isinstance(error, UnreadableOutput):
        return Reply(error.status, _TEXT, b"Bad request", code)
    if isinstance(error, GuestError):
        return Reply(error.status, _TEXT, f"Server Error\nRequest ID: {request_id}".encode(), code)
    return json_reply(error.status, {"error": str(error), "succeed": False}, code + retry)
