"""Who waits for a socket, on the event loop.

A resource tries its operation first and waits only if that would block. The loop's registration is then kept for as
long as it is of use: a guest that reads, waits, reads, waits costs no system call for the waiting.
"""

import asyncio
from collections.abc import Callable

from wapo.vm.tasks import Registration, Slot

__all__ = ["HostWaiter", "Readiness", "wait_readable", "wait_writable"]


class HostWaiter(Registration):
    """Who waits is a task of the host: whatever happens, it tries again."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def drop(self) -> None:
        self.wake()


class Readiness:
    """Who reads from one socket and who writes to it, one waiting registration each.

    Under TLS either may have to wait for the other direction: a handshake reads for who wants to write.

    Close it before the socket's descriptor is closed.
    """

    __slots__ = (
        "_descriptor", "_loop", "_on_writable", "_read_needs_writing", "_reading", "_write_needs_reading", "_writing",
        "read_slot", "write_slot",
    )  # fmt: skip

    def __init__(self, descriptor: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._reading = False
        self._writing = False
        self._read_needs_writing = False
        self._write_needs_reading = False
        self._on_writable: Callable[[], bool] | None = None
        self.read_slot = Slot()
        self.write_slot = Slot()

    @property
    def waiting(self) -> bool:
        """Whether anybody waits, for either direction."""
        return not (self.read_slot.empty and self.write_slot.empty)

    def wait_read(self, registration: Registration, *, for_writing: bool = False) -> None:
        """Wakes who reads when the socket can be read (or written)."""
        self.read_slot.set(registration)
        self._read_needs_writing = for_writing
        if for_writing:
            self._watch_writes()
        else:
            self._watch_reads()

    def wait_write(self, registration: Registration, *, for_reading: bool = False) -> None:
        """Wakes who writes when the socket can be written (or read)."""
        self.write_slot.set(registration)
        self._write_needs_reading = for_reading
        if for_reading:
            self._watch_reads()
        else:
            self._watch_writes()

    def wake(self) -> None:
        """Wakes both: something has changed that the socket does not tell."""
        self.read_slot.wake()
        self.write_slot.wake()

    def on_writable(self, callback: Callable[[], bool]) -> None:
        """Calls back whenever the socket can be written, until that returns True; before any registration is woken."""
        self._on_writable = callback
        self._watch_writes()

    def _watch_reads(self) -> None:
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._readable)

    def _watch_writes(self) -> None:
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._descriptor, self._writable)

    def _readable(self) -> None:
        if not self._read_needs_writing and not self._write_needs_reading and not self.read_slot.empty:
            self.read_slot.wake()  # as nearly always, outside TLS
            return
        reads = not self.read_slot.empty and not self._read_needs_writing
        writes = not self.write_slot.empty and self._write_needs_reading
        if reads:
            self.read_slot.wake()
        if writes:
            self.write_slot.wake()
        if not reads and not writes:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def _writable(self) -> None:
        if self._on_writable is not None:
            if not self._on_writable():
                return
            self._on_writable = None
        reads = not self.read_slot.empty and self._read_needs_writing
        writes = not self.write_slot.empty and not self._write_needs_reading
        if reads:
            self.read_slot.wake()
        if writes:
            self.write_slot.wake()
        if not reads and not writes:
            self._writing = False
            self._loop.remove_writer(self._descriptor)

    def close(self) -> None:
        """Nobody is woken any more. Idempotent."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._descriptor)
        self._on_writable = None
        self.read_slot.drop()
        self.write_slot.drop()


async def wait_readable(descriptor: int) -> None:
    """Returns when a socket of the host's own can be read."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(descriptor, _set, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def wait_writable(descriptor: int) -> None:
    """Returns when a socket of the host's own can be written."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(descriptor, _set, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
