"""``/app/<address>/<path>``: HTTP to an app (node-and-gateway 2.8).

Both directions are pumped at once. Cookies are taken away in both, because all apps share one origin.
"""

import asyncio
import contextlib
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from wapo.abi.manifest import ADDRESS_BYTES
from wapo.abi.messages import HttpResponseHead
from wapo.errors import CallerError, WapoError
from wapo.gateway.listener import ListenerScope, header
from wapo.gateway.replies import Headers, Receive, Reply, ResponseCut, text_reply
from wapo.gateway.upgrade import RawConnection, raw_connection
from wapo.node.apps.http import AppExchange, NoAppResponse, app_exchange
from wapo.node.apps.worker import AppNotFound, Worker
from wapo.trust.response_signature import BODY_SIGNATURE_HEADER, EXCHANGE_SIGNATURE_HEADER
from wapo.vm.http_client import valid_header
from wapo.vm.resources.pipe import PipeBroken

__all__ = ["AppRoutes", "InvalidAppAddress", "InvalidAppPath", "app_path"]

_HEX: Final = re.compile(rb"(?:0x)?([0-9a-fA-F]*)")
_CONNECTION_HEADERS: Final = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
#: What only the node says: its signatures, of which an app could show an old one, and what is about the origin, which
#: all apps share.
_OF_THE_NODE: Final = frozenset((
    "date", "server", "x-cost-time", "x-request-id", "x-wapo-error", BODY_SIGNATURE_HEADER.lower(),
    EXCHANGE_SIGNATURE_HEADER.lower(), "set-cookie", "alt-svc", "clear-site-data", "service-worker-allowed",
    "strict-transport-security", "x-content-type-options",
))  # fmt: skip
_NO_BODY_STATUS: Final = frozenset((204, 304))
_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")


class InvalidAppAddress(CallerError):
    """An app's address in a path has 64 hex digits."""

    code = "invalid_app_address"


class InvalidAppPath(CallerError):
    """A path with segments that apps are not given."""

    code = "invalid_app_path"
    status = 422


def app_path(raw: bytes) -> str:
    """The path below an app, decoded and normalised: empty segments go, ``..`` takes the one before with it.

    Raises:
        InvalidAppPath: a segment begins with ``.`` or ``*``, ends with ``:``, ``<`` or ``>``, has an encoded slash, or
            is not UTF-8.
    """
    segments: list[str] = []
    for part in raw.split(b"/"):
        if not part:
            continue
        try:
            segment = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            raise InvalidAppPath("the path is not UTF-8") from None
        if segment == "..":
            del segments[-1:]
        elif segment.startswith((".", "*")) or segment.endswith((":", "<", ">")) or "/" in segment:
            raise InvalidAppPath(f"the path segment {segment!r} is not allowed")
        else:
            segments.append(segment)
    return "/".join(segments)


def _address(raw: bytes) -> bytes:
    match = _HEX.fullmatch(raw)
    if match is None or len(match[1]) % 2:
        raise InvalidAppPath("an app's address is hex")
    address = bytes.fromhex(match[1].decode())
    if len(address) != ADDRESS_BYTES:
        raise InvalidAppAddress("invalid address")
    return address


def _wants_upgrade(headers: Headers) -> bool:
    values = [value for name, value in headers if name == b"connection"]
    return any(token.strip().lower() == b"upgrade" for value in values for token in value.split(b","))


class AppRoutes:
    """The part of the user listener that talks to apps."""

    def __init__(self, worker: Worker, extra: Headers | None = None) -> None:
        self._worker = worker
        self._extra = extra or []

    async def handle(self, request: ListenerScope, rest: bytes) -> Reply | None:
        """``rest`` is what follows ``/app/``, as sent."""
        raw_address, slash, raw_path = rest.partition(b"/")
        if not slash:
            target = b"/app/" + raw_address + b"/" + (b"?" + request.query if request.query else b"")
            return Reply(308, b"text/plain", b"", [(b"location", target)])
        address, path = _address(raw_address), app_path(raw_path)
        host = (header(request.headers, b"host") or b"").decode("latin-1")
        url = f"http://{host}/{path}" + (f"?{request.query.decode('latin-1')}" if request.query else "")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers if name != b"cookie"
        ]
        raw = raw_connection(request.scope) if _wants_upgrade(request.headers) else None
        has_body = raw is None and _has_body(request.headers)
        try:
            app = self._worker.app(address)
            async with app_exchange(
                app,
                request.method,
                url,
                headers,
                has_body=has_body or raw is not None,
                channel_wait_s=self._worker.settings.channel_wait_s,
            ) as exchange:
                return await self._exchange(request, exchange, raw, has_body=has_body)
        except NoAppResponse as error:
            return _failure(500, error)
        except AppNotFound as error:
            return _failure(404, error)
        except WapoError as error:  # it could not be prepared
            return _failure(error.status if error.status in (503, 504) else 404, error)

    async def _exchange(
        self, request: ListenerScope, exchange: AppExchange, raw: RawConnection | None, *, has_body: bool
    ) -> Reply | None:
        loop = asyncio.get_running_loop()
        gone = loop.create_task(
            _take(request.receive, exchange, has_body=has_body) if raw is None else _watch(raw, exchange)
        )
        head_task = loop.create_task(exchange.head())
        try:
            await asyncio.wait({head_task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not head_task.done():
                return None  # the client went away
            head = head_task.result()
            if head.status == 101:
                gone.cancel()
                return await self._switch(head, exchange, raw)
            await self._respond(request, head, exchange)
            return None
        finally:
            for task in (gone, head_task):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, WapoError):
                    await task

    async def _respond(self, request: ListenerScope, head: HttpResponseHead, exchange: AppExchange) -> None:
        headers, length = _response_headers(head)
        said = {name for name, _ in headers}
        extra = [pair for pair in (*self._extra, _NOSNIFF) if pair[0] not in said]
        await request.send({
            "type": "http.response.start", "status": head.status, "headers": [*headers, *extra, *request.common()],
        })  # fmt: skip
        if request.method == "HEAD" or head.status in _NO_BODY_STATUS:
            await request.send({"type": "http.response.body", "body": b""})
            return
        sent = 0
        try:
            while chunk := await exchange.response.read():
                if length is not None and sent + len(chunk) > length:
                    raise ResponseCut("the app sends more than it has announced")
                sent += len(chunk)
                await request.send({"type": "http.response.body", "body": chunk, "more_body": True})
        except PipeBroken:
            raise ResponseCut("the app failed in the middle of its response") from None
        if length is not None and sent < length:
            raise ResponseCut("the app sends less than it has announced")
        await request.send({"type": "http.response.body", "body": b""})

    async def _switch(self, head: HttpResponseHead, exchange: AppExchange, raw: RawConnection | None) -> Reply | None:
        protocol = next((value for name, value in head.headers if name.lower() == "upgrade"), None)
        if raw is None or protocol is None:
            return text_reply(503, "the app switches to a protocol that nobody asked for")
        upgrade = b"upgrade", protocol.encode("utf-8", "surrogatepass")
        if not valid_header(*upgrade):
            raise NoAppResponse("the app answered with an illegal header 'upgrade'")
        headers, _ = _response_headers(head)
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        await raw.switch([(b"connection", b"upgrade"), upgrade, *headers])
        inwards = asyncio.get_running_loop().create_task(_inwards(raw, exchange))
        try:
            while chunk := await exchange.response.read():
                await raw.write_all(chunk)
            raw.write_end()
            await inwards
        except (PipeBroken, ConnectionResetError):
            pass
        finally:
            inwards.cancel()
            await asyncio.gather(inwards, return_exceptions=True)
            raw.close()
        return None


def _has_body(headers: Headers) -> bool:
    if header(headers, b"transfer-encoding") is not None:
        return True
    declared = header(headers, b"content-length")
    return declared is not None


async def _take(receive: Receive, exchange: AppExchange, *, has_body: bool) -> None:
    """Gives the app the request's body, and returns when the client has gone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.body.end()
            exchange.response.break_()
            return
        try:
            if data := message.get("body", b""):
                await exchange.body.write(data)
        except PipeBroken:
            pass  # the app does not want it; the rest is read and dropped
        if has_body and not message.get("more_body", False):
            exchange.body.end()


async def _watch(raw: RawConnection, exchange: AppExchange) -> None:
    """Returns when the client has gone from a connection that was not switched."""
    await raw.wait_lost()
    exchange.body.end()
    exchange.response.break_()


async def _inwards(raw: RawConnection, exchange: AppExchange) -> None:
    with contextlib.suppress(PipeBroken):
        while data := await raw.read():
            await exchange.body.write(data)
    exchange.body.end()


def _response_headers(head: HttpResponseHead) -> tuple[Headers, int | None]:
    """What can be passed on, and the length that the app has announced.

    Raises:
        NoAppResponse: a status or a header that cannot be sent.
    """
    if not (200 <= head.status <= 599 or head.status == 101):
        raise NoAppResponse(f"the app answered with status {head.status}; allowed are 101 and 200 to 599")
    headers: Headers = []
    length: int | None = None
    for name, value in head.headers:
        lower = name.lower()
        if lower in _CONNECTION_HEADERS or lower in _OF_THE_NODE:
            continue
        pair = lower.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")
        if not valid_header(*pair):
            raise NoAppResponse(f"the app answered with an illegal header {name!r}")
        if lower == "content-length":
            if not value.isascii() or not value.isdigit() or length is not None:
                raise NoAppResponse("the app answered with an illegal content-length")
            length = int(value)
        headers.append(pair)
    return headers, length


def _failure(status: int, error: WapoError) -> Reply:
    reply = text_reply(status, str(error))
    reply.headers.append((b"x-wapo-error", error.code.encode()))
    return reply
