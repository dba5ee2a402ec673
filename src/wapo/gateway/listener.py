"""What the worker's two listeners share (node-and-gateway 2.2, 2.6): headers of every response, error pages, bodies."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from wapo.errors import HostError, WapoError
from wapo.gateway.replies import Headers, Receive, Reply, ResponseCut, Scope, Send, text_reply
from wapo.log import Log

__all__ = ["BodyRoom", "Listener", "ListenerScope", "NoRoom", "Oversized", "error_page", "header", "read_body"]

_REASONS: Final = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    413: "Payload Too Large", 421: "Misdirected Request", 422: "Unprocessable Entity", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
#: Bodies that nobody counts.
_SHORT_BYTES: Final = 64 << 10
_log = Log("wapo.worker")


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first header of that name, in lower case."""
    return next((value for other, value in headers if other == name), None)


def error_page(status: int, headers: Headers, description: str = "") -> Reply:
    """An error that is not the RPC's: HTML, or JSON for clients that prefer it."""
    reason = _REASONS.get(status, "Error")
    text = description or reason
    accept = header(headers, b"accept") or b""
    if accept.split(b",")[0].split(b";")[0].strip().lower() == b"application/json":
        value = {"error": {"code": status, "reason": reason, "description": text}}
        return Reply(status, b"application/json", msgspec.json.format(msgspec.json.encode(value), indent=2))
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{status} {reason}</title></head>\n'
        f"<body><h1>{status}: {reason}</h1><p>{_escape(text)}</p></body>\n</html>\n"
    )
    return Reply(status, b"text/html; charset=utf-8", page.encode())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Oversized(Exception):
    """A body is longer than allowed."""


class ClientGone(Exception):
    """The client went away before its request was whole."""


class NoRoom(Exception):
    """Too many long bodies are in memory already."""


class BodyRoom:
    """Memory for the long bodies of all requests of a listener together. A connection is cheap for a client; what it
    sends is kept until all of it is there and has been worked on. Short bodies always find room."""

    def __init__(self, total_bytes: int) -> None:
        self._left = total_bytes

    @contextmanager
    def place(self) -> Iterator[Callable[[int], None]]:
        """What to call with the bytes of one body that have come, for as long as the body is kept.

        Raises (what is called):
            NoRoom.
        """
        taken = 0

        def have(size: int) -> None:
            nonlocal taken
            more = size - taken
            if size > _SHORT_BYTES and more > 0:
                if more > self._left:
                    raise NoRoom
                self._left -= more
                taken = size

        try:
            yield have
        finally:
            self._left += taken


async def read_body(headers: Headers, receive: Receive, limit: int, have: Callable[[int], None] | None = None) -> bytes:
    """The whole body.

    Args:
        have: told of how many bytes have come.

    Raises:
        Oversized, ClientGone; NoRoom, from ``have``.
    """
    declared = header(headers, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise Oversized
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        size += len(message.get("body", b""))
        if size > limit:
            raise Oversized
        if have is not None:
            have(size)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


class ListenerScope:
    """One request, and how it is answered.

    Attributes:
        common: headers that every response to it carries.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, common: Callable[[], Headers]) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self.common = common


class Listener:
    """An ASGI application. Subclasses answer requests; what they raise is answered here."""

    def __init__(self, ident: str = "Wapod") -> None:
        self._ident = ident.encode()
        self._numbers: Iterator[int] = itertools.count()

    async def handle(self, request: ListenerScope) -> Reply | None:
        """The reply to a request; None if it has been answered."""
        raise NotImplementedError

    def decorate(self, request: ListenerScope, reply: Reply) -> None:
        """Adds what replies of this listener carry."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        number, started = next(self._numbers), time.perf_counter_ns()

        def common() -> Headers:
            elapsed = (time.perf_counter_ns() - started) // 1000
            return [
                (b"server", self._ident), (b"x-request-id", b"%d" % number), (b"x-cost-time", b"%d" % elapsed),
            ]  # fmt: skip

        request = ListenerScope(scope, receive, send, common)
        try:
            reply = await self.handle(request)
        except ClientGone:
            return
        except ResponseCut:
            raise  # its head has been sent: the server closes the connection
        except Oversized:
            reply = text_reply(413, "Entity too large")
        except NoRoom:
            reply = text_reply(503, "Read body failed")
        except WapoError as error:
            if isinstance(error, HostError):
                _log.error("a request failed", path=request.path.decode("latin-1"), code=error.code, cause=str(error))
            reply = text_reply(error.status, str(error))
            reply.headers.append((b"x-wapo-error", error.code.encode()))
        except Exception:
            _log.exception("a request failed unexpectedly", path=request.path.decode("latin-1"))
            reply = error_page(500, request.headers)
        if reply is not None:
            self.decorate(request, reply)
            await send_reply(request, reply)


async def send_reply(request: ListenerScope, reply: Reply) -> None:
    """Sends a whole reply."""
    headers = [*reply.headers, *request.common()]
    if reply.status != 204 and header(headers, b"content-length") is None:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    await request.send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await request.send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})
