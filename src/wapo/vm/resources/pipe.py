"""Bounded byte pipes between a guest and the host, one direction each, with back-pressure.

The guest's end is polled (``try_read``, ``try_write``), the host's end is awaited. A :class:`Pipe` never holds more
than its capacity, whoever writes; a duplex stream (wapo-abi.md 5.3, 1024 bytes a direction) is two of them.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["DUPLEX_BYTES", "DuplexStream", "Pipe", "PipeBroken"]

DUPLEX_BYTES: Final = 1024
_IO_ERROR: Final = ERR | OcallError.IO_ERROR


class PipeBroken(Exception):
    """The reading end has gone, or the writing end failed."""


class Pipe:
    """One direction. ``capacity`` is the most that it holds, in bytes.

    Attributes:
        ended: the writer has finished; what is buffered can still be read.
        broken: the reader has gone; writes fail.
        failed: why the writer gave up half-way; a reader gets an error after what is buffered.
    """

    __slots__ = ("_chunks", "_host_waiter", "_size", "broken", "capacity", "ended", "failed", "guest_slot")

    def __init__(self, capacity: int = DUPLEX_BYTES) -> None:
        self.capacity = capacity
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.ended = False
        self.broken = False
        self.failed: OcallError | None = None
        self.guest_slot = Slot()  # the guest waits on one end, the host on the other
        self._host_waiter: asyncio.Future[None] | None = None

    @property
    def buffered(self) -> int:
        return self._size

    # Both ends

    def push(self, data: bytes) -> None:
        """Appends data that fits (``len(data) <= capacity - buffered``)."""
        self._chunks.append(data)
        self._size += len(data)
        self._notify()

    def pull(self, limit: int) -> bytes:
        """Takes up to ``limit`` bytes, as much as is there without copying more than once."""
        chunks = self._chunks
        if not chunks or limit <= 0:
            return b""
        first = chunks.popleft()
        if len(first) > limit:
            chunks.appendleft(first[limit:])
            first = first[:limit]
        elif chunks and len(first) < limit:
            parts, room = [first], limit - len(first)
            while chunks and room:
                piece = chunks.popleft()
                if len(piece) > room:
                    chunks.appendleft(piece[room:])
                    piece = piece[:room]
                parts.append(piece)
                room -= len(piece)
            first = b"".join(parts)
        self._size -= len(first)
        self._notify()
        return first

    def end(self) -> None:
        """The writer has finished."""
        self.ended = True
        self._notify()

    def fail(self, why: OcallError = OcallError.IO_ERROR) -> None:
        """The writer has failed: readers get an error once they have read what is there."""
        self.failed, self.ended = why, True
        self._notify()

    def break_(self) -> None:
        """The reader has gone."""
        self.broken = True
        self._chunks.clear()
        self._size = 0
        self._notify()

    def _notify(self) -> None:
        self.guest_slot.wake()
        waiter, self._host_waiter = self._host_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # The host's end

    async def _wait(self) -> None:
        self._host_waiter = asyncio.get_running_loop().create_future()
        await self._host_waiter

    async def read(self, limit: int = 1 << 16) -> bytes:
        """The next bytes that the guest wrote; empty at the end.

        Raises:
            PipeBroken: the writer failed, or the pipe was broken from another side.
        """
        while not self._size and not self.ended and not self.broken:
            await self._wait()
        if self.broken:
            raise PipeBroken
        if self._size:
            return self.pull(limit)
        if self.failed is not None:
            raise PipeBroken
        return b""

    async def write(self, data: bytes) -> None:
        """Gives the guest all of ``data``, waiting for room.

        Raises:
            PipeBroken: the guest has closed its end.
        """
        at = 0
        while at < len(data):
            while self._size >= self.capacity and not self.broken:
                await self._wait()
            if self.broken:
                raise PipeBroken
            piece = data[at : at + self.capacity - self._size]
            at += len(piece)
            self.push(piece)

    # The guest's end

    def try_read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        """Ocall 103 on this pipe."""
        if self._size:
            data = self.pull(length)
            guest.instance.write(pointer, data)
            guest.meter.net_ingress += len(data)
            return len(data)
        if self.failed is not None:
            return ERR | self.failed
        if self.ended or length == 0:
            return 0
        self.guest_slot.set(guest.registration(task, waker))
        return PENDING

    def try_write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        """Ocall 104 on this pipe."""
        if self.broken or self.ended:
            return _IO_ERROR
        if length == 0:
            return 0
        room = self.capacity - self._size
        if room <= 0:
            self.guest_slot.set(guest.registration(task, waker))
            return PENDING
        count = min(room, length)
        guest.count_egress(count)
        self.push(guest.instance.read(pointer, count))
        return count


class DuplexStream(Resource):
    """The guest's end of a pair of pipes: it reads ``incoming`` and writes ``outgoing``."""

    kind: ClassVar[str] = "duplex"
    __slots__ = ("incoming", "outgoing")

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self.incoming = incoming
        self.outgoing = outgoing

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        return self.incoming.try_read(guest, task, waker, pointer, length)

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        return self.outgoing.try_write(guest, task, waker, pointer, length)

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        """Half-close: our later writes fail, the peer drains the buffer and sees the end."""
        self.outgoing.end()
        guest.meter.net_egress += 128
        return 0

    def close(self) -> None:
        self.incoming.guest_slot.drop()
        self.outgoing.guest_slot.drop()
        self.outgoing.end()
        self.incoming.break_()
