"""Connections that leave HTTP (RFC 9110 7.8): after a 101 raw bytes flow, whatever protocol that is.

ASGI knows WebSockets only, and apps speak any protocol, so the server's connection hands itself over: a request with an
``Upgrade`` header gets an application call whose scope has the extension ``wapo.raw``, a :class:`RawConnection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httptools

from wapo.gateway.front_door import FrontDoor
from wapo.gateway.replies import Headers, Message, ResponseCut, Scope
from wapo.lazy import library

if TYPE_CHECKING:
    import h11
else:
    h11 = library("h11")

__all__ = ["EXTENSION", "AgentDoor", "RawConnection", "UpgradingDoor", "raw_connection"]

EXTENSION: Final = "wapo.raw"
_HIGH_WATER: Final = 64 << 10
#: Seconds of silence, seconds between questions, questions without an answer.
_KEEP_ALIVE: Final = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3))
#: For a client that does not read an answer that is no switch.
_STALLED_S: Final = 60.0


def raw_connection(scope: Scope) -> RawConnection | None:
    """The raw connection of a request that asks for an upgrade."""
    found: RawConnection | None = scope.get("extensions", {}).get(EXTENSION)
    return found


class RawConnection(asyncio.Protocol):
    """A connection whose request asks for an upgrade. It may be switched, or answered like any request and closed."""

    def __init__(self, early: bytes) -> None:
        self._chunks: deque[bytes] = deque((early,) if early else ())
        self._size = len(early)
        self._transport: asyncio.Transport | None = None
        self._ended = False
        self._lost = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._http = h11.Connection(h11.SERVER)
        self.switched = False
        self.on_shutdown: Callable[[], None] | None = None
        self._received = False

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > _HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
        self._arrived.set()

    def eof_received(self) -> bool:
        """Half-closed: what we have to say can still be said. But who has asked and then closes, as HTTP goes, is gone:
        nothing else would tell."""
        self._ended = True
        self._arrived.set()
        return self.switched

    def connection_lost(self, _error: Exception | None) -> None:
        self._ended = self._lost = True
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """The server stops."""
        if self.on_shutdown is not None:
            self.on_shutdown()
        elif self._transport is not None:
            self._transport.close()

    # What the application does

    def start(self, method: str, target: bytes, headers: Headers) -> None:
        """Tells the HTTP side of it which request is answered: it knows what answers are possible.

        Raises:
            h11.RemoteProtocolError: it is stricter than the parser that has let the request in.
        """
        self._http.receive_data(
            b"".join((method.encode(), b" ", target, b" HTTP/1.1\r\n",
                      *(part for name, value in headers for part in (name, b": ", value, b"\r\n")), b"\r\n"))
        )  # fmt: skip
        self._http.next_event()

    async def switch(self, headers: Headers) -> None:
        """Answers 101 with those headers; from now on bytes are nobody's but the application's."""
        self.switched = True
        self._look_after_peer()
        self._send(h11.InformationalResponse(status_code=101, headers=headers))
        await self._writable.wait()

    def _look_after_peer(self) -> None:
        """Has the system find out whether a client that is silent is there at all: some protocols never write."""
        connection = self._transport.get_extra_info("socket") if self._transport is not None else None
        if connection is None:
            return
        with contextlib.suppress(OSError):  # it has gone already, which whoever reads will learn
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEP_ALIVE:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)

    async def read(self) -> bytes:
        """What the client has sent; empty when it has finished."""
        while not self._chunks:
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._transport is not None and not self._lost:
            self._transport.resume_reading()
        return data

    async def write_all(self, data: bytes) -> None:
        """Sends, waiting while the client does not read.

        Raises:
            ConnectionResetError: it has gone.
        """
        await self._writable.wait()
        if self._lost or self._transport is None:
            raise ConnectionResetError
        self._transport.write(data)

    # As a wire (``vm.net.websocket``), beside read, write_end and close

    def write(self, data: bytes) -> None:
        """Sends without waiting."""
        if not self._lost and self._transport is not None:
            self._transport.write(data)

    @property
    def unsent(self) -> int:
        """What the client has not taken."""
        return self._transport.get_write_buffer_size() if self._transport is not None and not self._lost else 0

    def set_write_buffer_limit(self, limit: int) -> None:
        """More than that, and :meth:`drained` waits."""
        if not self._lost and self._transport is not None:
            self._transport.set_write_buffer_limits(high=limit)

    async def drained(self) -> None:
        """Waits while the client does not read."""
        await self._writable.wait()

    def abort(self) -> None:
        """Ends the connection now."""
        if self._transport is not None:
            self._transport.abort()

    # The end

    def write_end(self) -> None:
        """Half-closes the connection: nothing more will be sent."""
        if not self._lost and self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Idempotent."""
        if self._transport is not None:
            self._transport.close()

    async def wait_lost(self) -> None:
        """Returns when the client has closed the connection altogether."""
        while not self._lost:
            self._arrived.clear()
            await self._arrived.wait()

    # As an ASGI server, for answers that are no switch

    async def receive(self) -> Message:
        if not self._received and not self._ended:
            self._received = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"connection", b"close")]
            self._send(h11.Response(status_code=message["status"], headers=headers))
            return
        if body := message.get("body", b""):
            self._send(h11.Data(data=body))
            try:
                async with asyncio.timeout(_STALLED_S):
                    await self._writable.wait()
            except TimeoutError:
                self.abort()
        if not message.get("more_body", False):
            self._send(h11.EndOfMessage())
            self.close()
        await self._writable.wait()  # set again when the client has gone

    def _send(self, event: Any) -> None:
        data = self._http.send(event)
        if data and self._transport is not None and not self._lost:
            self._transport.write(data)


class UpgradingDoor(FrontDoor):
    """A client's connection, which hands itself over where an app may want to switch protocols."""

    prefixes: ClassVar[tuple[bytes, ...]] = (b"/app/",)

    def _should_upgrade(self) -> bool:
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # what was asked before is answered first; this one, as if nobody could upgrade
        if self.flow.write_paused:
            return False  # likewise: who watches over answers that are not read must not be left behind
        return self.url.startswith(self.prefixes) and any(name == b"upgrade" for name, _ in self.headers)

    def hand_over(self, early: bytes) -> None:
        self._stop_waiting()
        connection = RawConnection(early)
        connection.connection_made(self.transport)
        try:
            connection.start(self.scope["method"], self.url, self.headers)
        except h11.RemoteProtocolError:
            self._refuse(400, "this is not HTTP/1.1")
            return
        self.connections.discard(self)
        self.connections.add(connection)  # type: ignore[arg-type]
        self.transport.set_protocol(connection)
        parsed = httptools.parse_url(self.url)
        scope: Any = {
            **self.scope, "raw_path": parsed.path, "path": parsed.path.decode("ascii", "replace"),
            "query_string": parsed.query or b"", "extensions": {EXTENSION: connection},
        }  # fmt: skip
        task = self.loop.create_task(self._run(scope, connection))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _task: self.connections.discard(connection))

    async def _run(self, scope: Any, connection: RawConnection) -> None:
        try:
            await self.app(scope, connection.receive, connection.send)
        except ResponseCut:
            pass
        finally:
            connection.close()


class AgentDoor(UpgradingDoor):
    """The same where an agent may want to: only for WebSockets, which is what agents speak."""

    prefixes = (b"/ipfs/", b"/run_js_from_ipfs/", b"/local")

    def _should_upgrade(self) -> bool:
        return super()._should_upgrade() and any(
            name == b"upgrade" and value.strip().lower() == b"websocket" for name, value in self.headers
        )
