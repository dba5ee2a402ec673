"""WebSockets that agents serve: the opening handshake (RFC 6455 4.2); then the client's connection is the agent's."""

from typing import Final

from websockets.datastructures import Headers as HandshakeHeaders
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.server import ServerProtocol

from wapo.gateway.replies import Headers, Scope
from wapo.gateway.upgrade import RawConnection, raw_connection
from wapo.vm.net.websocket import LOW_WATER_BYTES, WebSocketLink

__all__ = ["Handshake", "handshake_of"]

#: Of the handshake, and only ours to set. The subprotocol is the agent's to choose.
_OURS: Final = frozenset((b"connection", b"upgrade", b"sec-websocket-accept", b"sec-websocket-extensions"))


class Handshake:
    """The opening handshake of a client that may be answered with a WebSocket."""

    def __init__(self, raw: RawConnection, accept: str) -> None:
        self._raw = raw
        self._accept = accept

    async def serve(self, link: WebSocketLink, headers: Headers) -> None:
        """Answers it, and carries messages until the connection has ended and the agent knows."""
        raw = self._raw
        own = [header for header in headers if header[0] not in _OURS]
        answer = [
            (b"upgrade", b"websocket"), (b"connection", b"upgrade"), (b"sec-websocket-accept", self._accept.encode()),
            *own,
        ]  # fmt: skip
        await raw.switch(answer)
        raw.set_write_buffer_limit(LOW_WATER_BYTES)
        raw.on_shutdown = link.go_away
        protocol = next((value for name, value in own if name == b"sec-websocket-protocol"), b"")
        await link.run(raw, protocol)
        await link.told()


def handshake_of(scope: Scope) -> Handshake | None:
    """The handshake that a request is; None if it is another request, or one that is not quite right: the agent may
    answer that like any other."""
    raw = raw_connection(scope)
    if raw is None:
        return None
    headers = HandshakeHeaders((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    request = Request(scope["raw_path"].decode("latin-1"), headers, method=scope["method"])
    try:
        accept, _, _ = ServerProtocol().process_request(request)
    except InvalidHandshake:
        return None
    return Handshake(raw, accept)
