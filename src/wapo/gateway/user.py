"""The user listener: RPC for everybody, and HTTP to apps; whole responses are signed (node-and-gateway 2.1, 2.9)."""

from collections.abc import Mapping
from typing import Final

from wapo.gateway.app_http import AppRoutes
from wapo.gateway.listener import BodyRoom, Listener, ListenerScope, error_page, header, read_body
from wapo.gateway.replies import Headers, Reply
from wapo.gateway.rpc.transport import answer, body_limit, mode_of
from wapo.gateway.rpc.user import user_methods
from wapo.node.apps.worker import Worker
from wapo.trust.response_signature import (
    BODY_SIGNATURE_HEADER,
    EXCHANGE_SIGNATURE_HEADER,
    MAX_SIGNED_BODY_BYTES,
    NONCE_HEADER,
    exchange_message,
    sign_body,
    sign_exchange,
)

__all__ = ["UserListener"]

_RPC: Final = b"/prpc/"
_APP: Final = b"/app/"
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_EXPOSED: Final = (
    b"access-control-expose-headers",
    f"X-Request-Id, {BODY_SIGNATURE_HEADER}, {EXCHANGE_SIGNATURE_HEADER}".encode(),
)
_APP_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_MAX_NONCE_BYTES: Final = 256


class UserListener(Listener):
    """Answers ``/prpc/User.*`` and ``/app/...``.

    Args:
        max_bodies_bytes: of the long arguments of all calls that are under way; others are told to come later.
    """

    def __init__(
        self, worker: Worker, *, limits: Mapping[str, int] | None = None, ident: str = "Wapod",
        max_bodies_bytes: int = 128 << 20,
    ) -> None:  # fmt: skip
        super().__init__(ident)
        self._room = BodyRoom(max_bodies_bytes)
        self._worker = worker
        self._methods = user_methods(worker, limits)
        self._apps = AppRoutes(worker, [_ANY_ORIGIN, _EXPOSED])

    async def handle(self, request: ListenerScope) -> Reply | None:
        request.scope["wapo.body"] = b""
        wanted = header(request.headers, b"access-control-request-method")
        if request.method == "OPTIONS" and wanted is not None and header(request.headers, b"origin") is not None:
            return _preflight(request, wanted)
        if request.path.startswith(_RPC):
            return await self._rpc(request)
        if request.path.startswith(_APP) and len(request.path) > len(_APP):
            return await self._apps.handle(request, request.path[len(_APP) :])
        return error_page(404, request.headers)

    async def _rpc(self, request: ListenerScope) -> Reply:
        if request.method not in ("GET", "HEAD", "POST"):
            return error_page(404, request.headers)
        mode = mode_of(request.method, request.query, request.headers)
        if mode is None:
            return error_page(422, request.headers)
        name = request.path[len(_RPC) :].decode("latin-1")
        with self._room.place() as have:
            body = await read_body(request.headers, request.receive, body_limit(self._methods, name), have)
            request.scope["wapo.body"] = body
            return await answer(self._methods, name, request.method, mode, body)

    def decorate(self, request: ListenerScope, reply: Reply) -> None:
        """CORS for any origin, without credentials; and the worker's signatures."""
        if header(request.headers, b"origin") is not None and not any(
            name == _ANY_ORIGIN[0] for name, _ in reply.headers
        ):
            reply.headers += (_ANY_ORIGIN, _EXPOSED)
        body = b"" if request.method == "HEAD" else reply.body
        if len(body) > MAX_SIGNED_BODY_BYTES:
            return
        nonce = header(request.headers, NONCE_HEADER.lower().encode()) or b""
        target = request.path + (b"?" + request.query if request.query else b"")
        message = exchange_message(
            request.method, target.decode("latin-1"), request.scope["wapo.body"], nonce[:_MAX_NONCE_BYTES],
            reply.status, body,
        )  # fmt: skip
        key = self._worker.key
        reply.headers += (
            (BODY_SIGNATURE_HEADER.lower().encode(), sign_body(key, body).encode()),
            (EXCHANGE_SIGNATURE_HEADER.lower().encode(), sign_exchange(key, message).encode()),
        )


def _preflight(request: ListenerScope, wanted: bytes) -> Reply:
    """A browser asks whether it may (2.6)."""
    to_app = request.path.startswith(_APP)
    if not wanted.isalpha():
        return error_page(400, request.headers)
    if not to_app and wanted.upper() not in (b"GET", b"POST"):
        return error_page(403, request.headers)
    headers: Headers = [
        _ANY_ORIGIN,
        (b"access-control-allow-methods", _APP_METHODS if to_app else b"GET, POST"),
    ]
    asked = header(request.headers, b"access-control-request-headers")
    if asked is not None:
        headers.append((b"access-control-allow-headers", asked))
    reply = Reply(204, b"text/plain", b"")
    reply.headers = headers  # no content, no type
    return reply
