"""Where a program's standard input comes from: from nowhere, or from what the foreground runner was given."""

import asyncio
import errno
import fcntl
import os
import select
import stat
import termios
from abc import ABC, abstractmethod
from typing import Final

from wapo.vm.net.readiness import wait_readable
from wapo.vm.wasi import layout

__all__ = ["BytesInput", "DescriptorInput", "Input", "can_be_polled"]

_PREFETCH_BYTES: Final = 64 << 10


class Input(ABC):
    """Bytes that arrive. One guest at a time reads them; a restarted one goes on where the last one stopped.

    Attributes:
        filetype: ``$filetype``.
    """

    filetype: int = layout.CHARACTER_DEVICE

    @abstractmethod
    def take(self, room: int) -> bytes | None:
        """At most ``room`` bytes (1 or more), empty at the end; None if there are none yet. Never blocks."""

    @abstractmethod
    def ready(self) -> tuple[int, bool] | None:
        """How many bytes there are at least, and whether these are the last; None if :meth:`take` would be None."""

    @abstractmethod
    async def wait(self) -> None:
        """Returns when :meth:`take` is worth another attempt."""


class BytesInput(Input):
    """Bytes that are there from the beginning; none: an input that is at its end."""

    def __init__(self, data: bytes = b"") -> None:
        self._rest = memoryview(data)

    def take(self, room: int) -> bytes:
        data = bytes(self._rest[:room])
        self._rest = self._rest[len(data) :]
        return data

    def ready(self) -> tuple[int, bool]:
        return len(self._rest), not self._rest

    async def wait(self) -> None:
        return


class DescriptorInput(Input):
    """A descriptor of the host's: its own standard input. It is neither closed nor made non-blocking, because its open
    file may be another process's too.

    What epoll cannot wait for (regular files, ``/dev/null``) is read ahead on a thread.

    Raises (constructor):
        OSError: there is no such descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.filetype = layout.filetype_of(os.fstat(descriptor).st_mode)
        self._pollable = can_be_polled(descriptor, select.EPOLLIN)
        self._ahead = b""
        self._ended = False
        self._error: OSError | None = None
        self._reading: asyncio.Future[bytes] | None = None

    def take(self, room: int) -> bytes | None:
        """Raises :class:`OSError` if reading failed."""
        if self._ahead:
            data, self._ahead = self._ahead[:room], self._ahead[room:]
            return data
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._ended:
            return b""
        if not self._pollable or not self._readable():
            return None
        try:
            return self._read_without_waiting(min(room, _PREFETCH_BYTES))
        except BlockingIOError:  # somebody else has taken what was there
            return None

    def ready(self) -> tuple[int, bool] | None:
        if self._ahead or self._ended or self._error is not None:
            return len(self._ahead), not self._ahead
        if not self._pollable or not self._readable():
            return None
        try:
            count = int.from_bytes(fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4)), "little")
        except OSError:
            return 1, False
        return count, not count

    async def wait(self) -> None:
        try:
            if self._pollable:
                await wait_readable(self._descriptor)
            else:
                await self._read_ahead()
        except OSError as error:
            self._error = error

    async def _read_ahead(self) -> None:
        if self._reading is None:
            loop = asyncio.get_running_loop()
            self._reading = loop.run_in_executor(None, os.read, self._descriptor, _PREFETCH_BYTES)
        reading = self._reading
        await asyncio.wait((reading,))  # not cancelled with a guest that ends: what is read is the next one's
        if self._reading is reading:
            self._reading = None
            self._ahead = reading.result()
            self._ended = not self._ahead

    def _read_without_waiting(self, room: int) -> bytes:
        buffer = bytearray(room)
        try:
            return bytes(buffer[: os.preadv(self._descriptor, [buffer], -1, os.RWF_NOWAIT)])
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
        return os.read(self._descriptor, room)  # a terminal: nobody else reads it while this is its foreground job

    def _readable(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(0))


def can_be_polled(descriptor: int, events: int) -> bool:
    """Whether epoll can wait for events of a descriptor: for those of pipes, sockets and terminals."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    with select.epoll() as epoll:
        try:
            epoll.register(descriptor, events)
        except OSError:
            return False
    return True
