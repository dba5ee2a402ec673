"""A WebSocket connection between a guest and the world (RFC 6455), whichever side it is on.

The library's sans-I/O protocol makes and checks frames; a :class:`Wire` carries the bytes; what the guest is to know
are events, which it takes when it likes. Both directions are bounded: nothing is read while events wait, nothing is
taken from the guest while the peer does not read, and a message is assembled in no more memory than is left for the
guest's bodies and messages.

No extensions: a few compressed bytes can be a long time of the event loop's. Pings are answered here, whatever the
guest does meanwhile, and a peer that is not there any more is noticed.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final, Protocol

from websockets.exceptions import PayloadTooBig
from websockets.frames import CTRL_OPCODES, Frame, Opcode
from websockets.protocol import OPEN, SEND_EOF, SERVER
from websockets.protocol import Protocol as FrameProtocol

from wapo.vm.net.intake import TURN_S, Intake

__all__ = ["LOW_WATER_BYTES", "PIECE_BYTES", "EventKind", "WebSocketLink", "Wire", "server_protocol"]

#: A wire that has so much unsent must count as full (``Wire.drained`` waits), or its link would try for ever.
LOW_WATER_BYTES: Final = 32 << 10
_SEND_BYTES: Final = 64 << 10
#: Less room than this is not worth a frame of a longer message.
_WORTHWHILE_BYTES: Final = 4 << 10
#: What only pongs can have made of the wire's buffer.
_PONGS_BYTES: Final = 256 << 10

#: The parser gets its input in pieces, so that a flood of tiny frames does not keep the loop.
PIECE_BYTES: Final = 4 << 10
#: No peer has so many pings to send at a time.
_MAX_CONTROL_FRAMES: Final = 100

#: What waits for the guest before the peer is no longer read.
_QUEUE_BYTES: Final = 64 << 10
_QUEUE_EVENTS: Final = 256
#: What an event or a fragment takes beside its bytes.
_OVERHEAD_BYTES: Final = 64

_CLOSE_S: Final = 10.0
"""For the peer's answer to our Close."""
_HANG_UP_S: Final = 2.0
"""For the end of the connection when both have closed."""
_PING_S: Final = 20.0
"""A peer that has been silent for so long is sent a ping, and has as long again for its answer."""

_GOING_AWAY: Final = 1001
_TOO_BIG: Final = 1009
_POLICY: Final = 1008
_ABNORMAL: Final = 1006


class Wire(Protocol):
    """The bytes below."""

    async def read(self) -> bytes:
        """What has come, or nothing at the end. Raises OSError."""
        ...

    def write(self, data: bytes) -> None:
        """Never waits."""
        ...

    def write_end(self) -> None:
        """Nothing more will be written."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken."""
        ...

    async def drained(self) -> None:
        """Waits while there is more than ``LOW_WATER_BYTES`` unsent. Raises OSError."""
        ...

    def close(self) -> None:
        """Ends it, when what was written is sent. Idempotent."""
        ...

    def abort(self) -> None:
        """Ends it now."""
        ...


class EventKind(IntEnum):
    """What a guest is told (docs/abi.md, 1111)."""

    OPEN = 1
    TEXT = 2
    BINARY = 3
    CLOSING = 4
    CLOSED = 5
    ROOM = 6


_MESSAGES: Final = {Opcode.TEXT: EventKind.TEXT, Opcode.BINARY: EventKind.BINARY}


def server_protocol(max_message_bytes: int) -> FrameProtocol:
    """The server's side of a connection whose handshake has been made."""
    return FrameProtocol(SERVER, state=OPEN, max_size=max_message_bytes)


class WebSocketLink:
    """One connection.

    Args:
        intake: the process's.
        protocol: of one side; its handshake is over when :meth:`run` is called.
        hold: is told by how many bytes more (or less) are kept for the guest; False: those are too many.

    Attributes:
        on_event: called when there is something to take, or the connection has failed.
        failure: why it was not closed in an orderly way.
    """

    def __init__(self, protocol: FrameProtocol, intake: Intake, hold: Callable[[int], bool]) -> None:
        self.protocol = protocol
        self._intake = intake
        self.on_event: Callable[[], None] = lambda: None
        self.failure: str | None = None
        self._hold = hold
        self._wire: Wire | None = None
        self._events: deque[tuple[EventKind, bytes]] = deque()
        self._queued = 0
        self._fragments: list[bytes] = []
        self._message = EventKind.BINARY
        self._partial = 0  # bytes of a message that is not complete
        self._fed = 0  # bytes of a frame that is not
        self._held = 0
        self._taken = asyncio.Event()
        self._unwritten: list[bytes] = []  # frames of this pass of the loop: one write is cheaper than many
        self._unwritten_bytes = 0
        self._draining: asyncio.Task[None] | None = None
        self._wants_room = self._room_told = False
        self._closed_early: tuple[int | None, str] | None = None
        self._sending = False  # a message has been taken in part
        self._heard = self._pinged = False
        self._timer: asyncio.TimerHandle | None = None
        self._hang_up: asyncio.TimerHandle | None = None
        self._over = False
        self._told = asyncio.Event()

    # The guest's end

    def next_event(self) -> tuple[EventKind, bytes] | None:
        """The next event; None if there is none yet."""
        if not self._events:
            return None
        kind, data = self._events.popleft()
        self._queued -= len(data) + _OVERHEAD_BYTES
        self._keep()
        self._taken.set()
        if kind is EventKind.ROOM:
            self._room_told = False
        elif kind is EventKind.CLOSED:
            self._told.set()
        return kind, data

    @property
    def finished(self) -> bool:
        """Whether the guest knows all that there is to know."""
        return self._over and not self._events

    def room(self, length: int) -> int:
        """How much of the next ``length`` bytes can be taken; -1 if nothing (an empty message needs room, too). Where
        it is not all, an event will tell when there is more."""
        wire = self._wire
        if self.protocol.state is not OPEN and (self._over or wire is not None):
            return length  # nobody will read it: it is dropped
        free = _SEND_BYTES - wire.unsent - self._unwritten_bytes if wire is not None else 0
        if free > 0 and free >= length:
            return length
        self._wants_room = True
        if wire is not None and self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._tell_of_room(wire))
        return free if free >= _WORTHWHILE_BYTES else -1

    def send(self, opcode: Opcode, data: bytes, *, last: bool) -> None:
        """A message, or a part of one, for which there is room.

        Raises:
            ValueError: it does not fit to what was sent before.
        """
        if (opcode is Opcode.CONT) is not self._sending:
            raise ValueError("a message begins or goes on where it does not")
        self._sending = not last
        if self.protocol.state is not OPEN:
            return
        if opcode is Opcode.CONT:
            self.protocol.send_continuation(data, last)
        elif opcode is Opcode.TEXT:
            self.protocol.send_text(data, last)
        else:
            self.protocol.send_binary(data, last)
        self._flush()

    def close(self, code: int | None, reason: str) -> None:
        """Begins the closing handshake. Afterwards, or in the middle of a message, it has no effect."""
        if self._wire is None:
            self._closed_early = code, reason
        elif self.protocol.state is OPEN:
            self.protocol.send_close(code, reason)
            self._flush()

    def fail(self, code: int, reason: str) -> None:
        """The peer has done something that it must not."""
        self.failure = self.failure or reason
        self._fragments.clear()
        self._partial = self._fed = 0
        self._keep()
        if self.protocol.state is OPEN and self._wire is not None:
            self.protocol.fail(code, reason[:100])
            self._flush()
            self._hang_up_later(_HANG_UP_S)

    def refuse(self, why: str) -> None:
        """There will be no connection."""
        self._end(why)

    def abandon(self) -> None:
        """The guest has gone. The peer is told, and that is all."""
        self._told.set()
        wire = self._wire
        if wire is None or self._over:
            self._end(None)
            return
        if self.protocol.state is OPEN:
            self.protocol.send_close(_GOING_AWAY)
            self._flush()
        self._end(None)
        wire.close()
        asyncio.get_running_loop().call_later(_HANG_UP_S, wire.abort)

    # The wire's end

    def go_away(self) -> None:
        """The server stops."""
        self.close(_GOING_AWAY, "")
        self._hang_up_later(_HANG_UP_S)

    async def told(self) -> None:
        """Waits until the guest knows that the connection is over, or is gone itself; not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._told.wait()

    async def run(self, wire: Wire, opened: bytes) -> None:
        """Carries messages until the connection has ended; ``opened`` is for the event that it is open. The wire is
        closed then."""
        if self._over:  # the guest has gone meanwhile
            self.protocol.send_close(_GOING_AWAY)
            for data in self.protocol.data_to_send():
                wire.write(data)
            wire.close()
            return
        self._wire = wire
        self._emit(EventKind.OPEN, opened)
        if self._wants_room:
            self._emit_room()
        self._heard = True
        self._tick()
        if self._closed_early is not None:
            self.close(*self._closed_early)
        failure: str | None = None
        try:
            await self._pump(wire)
        except OSError as error:
            failure = f"the connection was lost: {error.strerror or error}"
        finally:
            self._end(failure)
            wire.close()

    async def _pump(self, wire: Wire) -> None:
        protocol = self.protocol
        await self._take(wire, b"")  # what came with the handshake
        while not self._over and (data := await wire.read()):
            self._heard = True
            await self._take(wire, data)
        if not self._over:
            protocol.receive_eof()
            self._flush()

    async def _take(self, wire: Wire, data: bytes) -> None:
        """Has the peer's bytes parsed, when it is this link's turn, as far as the guest takes what comes of them."""
        start = 0
        while True:
            while self._intake.full:  # noqa: ASYNC110 - it is the next pass of the loop that is waited for
                await asyncio.sleep(0)
            began = time.perf_counter()
            while True:
                self._parse(data[start : start + PIECE_BYTES])
                start += PIECE_BYTES
                if start >= len(data) or self._over or self._full or time.perf_counter() > began + TURN_S:
                    break
            self._intake.spend(time.perf_counter() - began)
            while self._full and not self._over:
                self._heard = True  # it is us who do not read
                self._taken.clear()
                await self._taken.wait()
            if wire.unsent > _PONGS_BYTES:
                await wire.drained()
            if start >= len(data) or self._over:
                return

    @property
    def _full(self) -> bool:
        return self._queued > _QUEUE_BYTES or len(self._events) > _QUEUE_EVENTS

    def _parse(self, piece: bytes) -> None:
        protocol = self.protocol
        if piece:
            protocol.receive_data(piece)
        self._fed = self._fed + len(piece) if protocol.state is OPEN else 0
        self._receive(protocol.events_received())
        self._flush()

    def _receive(self, frames: list[Any]) -> None:
        controls = 0
        for frame in frames:
            assert isinstance(frame, Frame)
            if frame.opcode in CTRL_OPCODES:
                controls += 1
                continue
            if frame.opcode is not Opcode.CONT:
                self._message = _MESSAGES[frame.opcode]
            if frame.fin and not self._fragments:
                self._emit(self._message, bytes(frame.data))
                continue
            self._fragments.append(bytes(frame.data))
            self._partial += len(frame.data) + _OVERHEAD_BYTES
            if frame.fin:
                message = b"".join(self._fragments)
                self._fragments.clear()
                self._partial = 0
                self._emit(self._message, message)
        if frames:
            self._fed = 0
        if controls > _MAX_CONTROL_FRAMES:
            self.fail(_POLICY, "too many pings")
        elif not self._keep():
            self.fail(_TOO_BIG, "the message does not fit into the memory that is left for it")
        elif isinstance(self.protocol.parser_exc, PayloadTooBig):
            self.failure = self.failure or "a message is larger than is allowed"
        elif self.protocol.parser_exc is not None and not isinstance(self.protocol.parser_exc, EOFError):
            self.failure = self.failure or f"the peer broke the protocol: {self.protocol.parser_exc}"

    def _keep(self) -> bool:
        """Has what is held for the guest accounted."""
        held = self._queued + self._partial + self._fed
        change, self._held = held - self._held, held
        return self._hold(change)

    def _emit(self, kind: EventKind, data: bytes) -> None:
        self._events.append((kind, data))
        self._queued += len(data) + _OVERHEAD_BYTES
        self.on_event()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data == SEND_EOF:
                self._write()
                assert self._wire is not None
                self._wire.write_end()
            else:
                if not self._unwritten:
                    asyncio.get_running_loop().call_soon(self._write)
                self._unwritten.append(data)
                self._unwritten_bytes += len(data)
        if self.protocol.state is not OPEN:
            self._closing()

    def _write(self) -> None:
        if self._unwritten and self._wire is not None:
            self._wire.write(b"".join(self._unwritten))
        self._unwritten.clear()
        self._unwritten_bytes = 0

    def _closing(self) -> None:
        """The closing handshake is under way: the guest is told, and it may not take for ever."""
        both = self.protocol.close_rcvd is not None or self.protocol.parser_exc is not None
        if self._hang_up is None:
            self._emit(EventKind.CLOSING, b"")
            self._hang_up_later(_HANG_UP_S if both else _CLOSE_S)
        elif both and self._hang_up.when() - asyncio.get_running_loop().time() > _HANG_UP_S:
            self._hang_up_later(_HANG_UP_S)

    def _hang_up_later(self, seconds: float) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
        if not self._over and self._wire is not None:
            self._hang_up = asyncio.get_running_loop().call_later(seconds, self._wire.abort)

    async def _tell_of_room(self, wire: Wire) -> None:
        try:
            self._write()
            await wire.drained()
        except OSError:
            return  # its end is told by the reader
        finally:
            self._draining = None
        if self._wants_room and not self._over:
            self._emit_room()

    def _emit_room(self) -> None:
        self._wants_room = False
        if not self._room_told:
            self._room_told = True
            self._emit(EventKind.ROOM, b"")

    def _tick(self) -> None:
        """Whether the peer is still there."""
        if self._pinged and not self._heard and self.protocol.state is OPEN:
            self.failure = self.failure or "the peer has not answered for a while"
            if self._wire is not None:
                self._wire.abort()
            return
        self._pinged = not self._heard and self.protocol.state is OPEN
        self._heard = False
        if self._pinged:
            self.protocol.send_ping(b"")
            self._flush()
        self._timer = asyncio.get_running_loop().call_later(_PING_S, self._tick)

    def _end(self, failure: str | None) -> None:
        """The connection is over; the guest is told, and nothing is held any more."""
        if self._over:
            return
        self._write()
        self._over = True
        self.failure = self.failure or failure
        for timer in (self._timer, self._hang_up):
            if timer is not None:
                timer.cancel()
        if self._draining is not None:
            self._draining.cancel()
        self._fragments.clear()
        self._partial = self._fed = 0
        close = self.protocol.close_rcvd
        if close is None:
            self.failure = self.failure or "the connection ended without a closing handshake"
        clean = close is not None and self.protocol.close_sent is not None and self.failure is None
        code, reason = (close.code, close.reason) if close is not None and self.failure is None else (_ABNORMAL, "")
        self._emit(EventKind.CLOSED, _closed(code, reason, self.failure or "", clean=clean))
        self._keep()
        self._taken.set()


def _closed(code: int, reason: str, failure: str, *, clean: bool) -> bytes:
    """u16 code, u8 whether both have said so, u8 length of the reason; the reason, and why it failed, if it has."""
    text = reason.encode()
    return code.to_bytes(2, "little") + bytes((clean, len(text))) + text + failure.encode("utf-8", "replace")
