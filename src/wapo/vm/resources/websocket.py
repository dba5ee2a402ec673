"""WebSockets as resources (docs/abi.md, 1110 to 1114): those that a guest opens, and those that its client has asked
for."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.protocol import CONNECTING
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure
from wapo.vm.net.accounting import TCP_CONNECT, TLS_CONNECT
from wapo.vm.net.failures import connect_failure
from wapo.vm.net.network import Network
from wapo.vm.net.stream_wire import StreamWire
from wapo.vm.net.websocket import WebSocketLink, server_protocol
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["ServedWebSocket", "WebSocketClient", "WebSocketRequest", "WebSocketResource"]

_CONNECT_S: Final = 30.0

#: What is parsed at once until the handshake is over: frames that a server sends with it are parsed with it, and many
#: servers may do that to one guest in the same pass of the loop.
_HANDSHAKE_PIECE_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class WebSocketRequest:
    """An opening handshake that has been checked; ``headers`` beside those that make it one."""

    uri: WebSocketURI
    headers: list[tuple[str, str]]
    subprotocols: list[str]


def _holder(guest: "Guest") -> Callable[[int], bool]:
    """Accounts what is kept for a guest, together with the bodies of its requests."""

    def hold(change: int) -> bool:
        guest.held_body_bytes += change
        return change <= 0 or guest.held_body_bytes <= guest.limits.held_body_bytes

    return hold


class WebSocketResource(Resource):
    """The guest's end of a link."""

    kind: ClassVar[str] = "websocket"
    __slots__ = ("_slot", "link")

    def __init__(self, link: WebSocketLink) -> None:
        self._slot = Slot()
        self.link = link
        link.on_event = self._slot.wake

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    @property
    def failure(self) -> str | None:
        """Why the connection failed, if it has."""
        return self.link.failure

    def poll_event(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        """The next event, ``PENDING``, or 12 after the last."""
        event = self.link.next_event()
        if event is None:
            if self.link.finished:
                return ERR | OcallError.END_OF_FILE
            self._slot.set(guest.registration(task, waker))
            return PENDING
        kind, data = event
        guest.meter.net_ingress += len(data)
        return kind.to_bytes(4, "little") + data

    def send_message(self, guest: "Guest", opcode: Opcode, pointer: int, length: int) -> int:
        """How much of the message was taken, or ``PENDING``.

        Raises:
            OcallFailure: 3 it does not fit to what was sent before.
        """
        count = self.link.room(length)
        if count < 0:
            return PENDING
        guest.count_egress(count)
        try:
            self.link.send(opcode, guest.instance.read(pointer, count), last=count == length)
        except ValueError:
            raise OcallFailure(OcallError.INVALID_PARAMETER) from None
        return count

    def close(self) -> None:
        self._slot.drop()
        self.link.abandon()


class ServedWebSocket(WebSocketResource):
    """The server's side, for the request that a guest was started with. Whoever has the client's connection runs the
    link on it."""

    kind: ClassVar[str] = "served-websocket"
    __slots__ = ()

    def __init__(self, guest: "Guest") -> None:
        super().__init__(
            WebSocketLink(server_protocol(guest.limits.websocket_message_bytes), guest.scheduler.intake, _holder(guest))
        )


class WebSocketClient(WebSocketResource):
    """The client's side. Its place in the budget is taken already, and given back when the connection is gone.

    Args:
        size: of the opening request, which the host keeps for as long.
    """

    kind: ClassVar[str] = "websocket-client"
    __slots__ = ("_guest", "_protocol", "_task")

    def __init__(self, guest: "Guest", network: Network, request: WebSocketRequest, size: int) -> None:
        self._protocol = ClientProtocol(
            request.uri,
            subprotocols=[Subprotocol(name) for name in request.subprotocols] or None,
            max_size=guest.limits.websocket_message_bytes,
        )
        super().__init__(WebSocketLink(self._protocol, guest.scheduler.intake, _holder(guest)))
        self._guest = guest
        guest.websockets += 1
        owner, budget = guest.owner, network.budget
        self._task = asyncio.get_running_loop().create_task(self._run(network, request, owner))
        hold = _holder(guest)
        hold(size)

        def gone(_task: "asyncio.Task[None]") -> None:
            budget.give_back(owner)
            hold(-size)

        self._task.add_done_callback(gone)

    async def _run(self, network: Network, request: WebSocketRequest, owner: str) -> None:
        wire: StreamWire | None = None
        try:
            async with asyncio.timeout(_CONNECT_S):
                wire = await _connect(network, request.uri, owner)
                self._guest.meter.net_ingress += TLS_CONNECT if request.uri.secure else TCP_CONNECT
                failure = await self._shake_hands(wire, request)
        except OSError as error:  # a timeout is one
            failure = connect_failure(error, request.uri.host, request.uri.port)
        except BaseException:
            if wire is not None:
                wire.abort()
            raise
        if failure is not None or wire is None:
            if wire is not None:
                wire.abort()
            self.link.refuse(failure or "")
            return
        await self.link.run(wire, (self._protocol.subprotocol or "").encode())

    async def _shake_hands(self, wire: StreamWire, request: WebSocketRequest) -> str | None:
        """None when the connection is open, or why it will not be (RFC 6455 4.1; WebSockets standard, "establish a
        WebSocket connection")."""
        protocol = self._protocol
        opening = protocol.connect()
        for name, value in request.headers:
            opening.headers[name] = value
        protocol.send_request(opening)
        for data in protocol.data_to_send():
            wire.write(data)
        received = b""
        while not self._answered:
            if not received:
                received = await wire.read()
                if not received:
                    return "the server closed the connection without an answer"
            intake = self._guest.scheduler.intake
            while intake.full:  # noqa: ASYNC110 - it is the next pass of the loop that is waited for
                await asyncio.sleep(0)
            began = time.perf_counter()
            protocol.receive_data(received[:_HANDSHAKE_PIECE_BYTES])
            intake.spend(time.perf_counter() - began)
            received = received[_HANDSHAKE_PIECE_BYTES:]
        wire.unread(received)
        # Frames that came with the response stay where they are, for the link.
        protocol.events = [event for event in protocol.events if not isinstance(event, Response)]
        if isinstance(protocol.handshake_exc, InvalidStatus):
            return f"the server answered {protocol.handshake_exc.response.status_code} instead of 101"
        if protocol.handshake_exc is not None:
            return f"the server's answer is no WebSocket handshake: {protocol.handshake_exc}"
        if request.subprotocols and protocol.subprotocol is None:
            return "the server has chosen none of the subprotocols"
        return None

    @property
    def _answered(self) -> bool:
        return self._protocol.state is not CONNECTING or self._protocol.handshake_exc is not None

    def close(self) -> None:
        self._guest.websockets -= 1
        opened = self._protocol.state is not CONNECTING
        super().close()
        if not opened:
            self._task.cancel()


async def _connect(network: Network, uri: WebSocketURI, owner: str) -> StreamWire:
    if uri.secure:
        await network.roots.load()
    connected = await network.dialer.connect(uri.host, uri.port, owner)
    try:
        return await StreamWire.over(connected, (network.roots.context, uri.host) if uri.secure else None)
    except BaseException:
        connected.close()
        raise
