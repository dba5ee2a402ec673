"""The admin listener: RPC, blobs and the console for whoever runs the node (node-and-gateway 2.1, 2.2, 2.5)."""

import asyncio
import hmac
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from wapo.errors import HostError, WapoError
from wapo.gateway.listener import Listener, ListenerScope, Oversized, error_page, header, read_body
from wapo.gateway.replies import Reply, text_reply
from wapo.gateway.rpc.operation import operation_methods
from wapo.gateway.rpc.transport import answer, body_limit, mode_of
from wapo.node.apps.blobs import BlobName, BlobWriter
from wapo.node.apps.worker import Worker

__all__ = ["AdminListener"]

_RPC: Final = b"/prpc/"
_BLOB: Final = b"/blob/"
_PIECE: Final = 1 << 20
_READS: Final = ("GET", "HEAD")


class AdminListener(Listener):
    """Answers whoever has the token.

    Args:
        token: what ``Authorization: Bearer`` must carry; None: nobody is asked for one.
        hosts: names beside addresses and ``localhost`` that a ``Host`` header may have. A web page of somebody else's,
            whose name was made to lead here, has another.
        origins: web origins that may call, with credentials.
        max_blob_bytes: of one upload.
    """

    def __init__(
        self, worker: Worker, *, token: str | None, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = (),
        limits: Mapping[str, int] | None = None, ident: str = "Wapod", max_blob_bytes: int = 50 << 20,
    ) -> None:  # fmt: skip
        super().__init__(ident)
        self._worker = worker
        self._methods = operation_methods(worker, limits)
        self._token = token.encode() if token is not None else None
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._max_blob_bytes = max_blob_bytes

    async def handle(self, request: ListenerScope) -> Reply | None:
        if not self._host_is_ours(request):
            return error_page(421, request.headers, "this Host is not known here")
        if request.method == "OPTIONS":
            return self._preflight(request)
        if not self._authorised(request):
            reply = error_page(401, request.headers, "the admin token is missing or wrong")
            reply.headers.append((b"www-authenticate", b"Bearer"))
            return reply
        if request.path.startswith(_RPC) and request.method in (*_READS, "POST"):
            return await self._rpc(request)
        if request.path.startswith(_BLOB):
            rest = request.path[len(_BLOB) :].decode("latin-1")
            if request.method == "POST":
                return await self._upload(request, rest)
            if request.method in _READS:
                return await self._download(request, rest)
        return error_page(404, request.headers)

    def _host_is_ours(self, request: ListenerScope) -> bool:
        raw = (header(request.headers, b"host") or b"").decode("latin-1").lower()
        host = raw[1:].split("]")[0] if raw.startswith("[") else raw.rsplit(":", 1)[0]
        if host in ("", "localhost") or host in self._hosts:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def _authorised(self, request: ListenerScope) -> bool:
        if self._token is None:
            return True
        given = header(request.headers, b"authorization") or b""
        return hmac.compare_digest(given, b"Bearer " + self._token)

    async def _rpc(self, request: ListenerScope) -> Reply:
        mode = mode_of(request.method, request.query, request.headers)
        if mode is None:
            return error_page(422, request.headers)
        name = request.path[len(_RPC) :].decode("latin-1")
        body = await read_body(request.headers, request.receive, body_limit(self._methods, name))
        return await answer(self._methods, name, request.method, mode, body)

    # Blobs

    async def _upload(self, request: ListenerScope, rest: str) -> Reply:
        """``POST /blob/<algo>:[hex]``: the body as it is; answers with the full name."""
        limit = self._max_blob_bytes
        declared = header(request.headers, b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise Oversized
        try:
            name = BlobName.parse(rest, partial=True)
            writer = await asyncio.to_thread(self._worker.blobs.writer, name)
        except WapoError as error:
            return _failure(error)
        try:
            if not await _receive_into(request, writer, limit):
                return text_reply(500, "the upload was cut short")
            return text_reply(200, str(await asyncio.to_thread(writer.finish)))
        except WapoError as error:
            return _failure(error)
        finally:
            await asyncio.to_thread(writer.abort)

    async def _download(self, request: ListenerScope, rest: str) -> Reply | None:
        """``GET /blob/<hex>``, without an algorithm."""
        digest = rest.removeprefix("0x")
        if not digest or any(character not in "0123456789abcdefABCDEF" for character in digest):
            return error_page(422, request.headers)
        try:
            path = await asyncio.to_thread(self._worker.blobs.find, digest)
        except WapoError as error:
            return _failure(error)
        if path is None:
            return text_reply(404, "Object not found")
        file, size = await asyncio.to_thread(_open, path)
        with file:
            headers = [
                (b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % size), *request.common(),
            ]  # fmt: skip
            await request.send({"type": "http.response.start", "status": 200, "headers": headers})
            while request.method != "HEAD" and (piece := await asyncio.to_thread(file.read, _PIECE)):
                await request.send({"type": "http.response.body", "body": piece, "more_body": True})
        await request.send({"type": "http.response.body", "body": b""})
        return None

    # Browsers

    def _preflight(self, request: ListenerScope) -> Reply:
        origin = header(request.headers, b"origin")
        if origin is None or origin not in self._origins:
            return error_page(403, request.headers, "this origin may not call the admin listener")
        reply = Reply(204, b"text/plain", b"")
        reply.headers = [
            (b"access-control-allow-methods", b"GET, POST"), (b"access-control-allow-headers",
             header(request.headers, b"access-control-request-headers") or b"authorization, content-type"),
        ]  # fmt: skip
        return reply

    def decorate(self, request: ListenerScope, reply: Reply) -> None:
        origin = header(request.headers, b"origin")
        if origin is not None and origin in self._origins:
            reply.headers += (
                (b"access-control-allow-origin", origin), (b"vary", b"Origin"),
                (b"access-control-allow-credentials", b"true"),
            )  # fmt: skip


def _failure(error: WapoError) -> Reply:
    """500 as the original, whatever was wrong with the request; what is ours has its own status."""
    return text_reply(error.status if isinstance(error, HostError) else 500, str(error))


async def _receive_into(request: ListenerScope, writer: BlobWriter, limit: int) -> bool:
    """Writes the body; False if the client went away.

    Raises:
        Oversized, BlobStoreFailed.
    """
    pending, size = bytearray(), 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return False
        pending += message.get("body", b"")
        size += len(message.get("body", b""))
        if size > limit:
            raise Oversized
        last = not message.get("more_body", False)
        if pending and (last or len(pending) >= _PIECE):
            await asyncio.to_thread(writer.write, bytes(pending))
            pending.clear()
        if last:
            return True


def _open(path: Path) -> tuple[BinaryIO, int]:
    file = path.open("rb")
    return file, path.stat().st_size
