"""Messages between the processes of one node, with descriptors, over Unix sockets that keep their borders.

Two kinds of socket, both ``SOCK_SEQPACKET``: a :class:`Channel` in both directions for what the processes have to say
to each other, and one in one direction for clients' connections, which is read by whoever gets to it first. Unlike the
processes, what is in a socket does not die: the supervisor holds both ends, and takes back what a worker has not taken.
"""

import array
import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from wapo.processes.messages import FromSupervisor, FromWorker

__all__ = ["MAX_DESCRIPTORS", "Channel", "receive_descriptors", "send_descriptors", "socket_pair"]

#: In one message. The kernel takes 253 (``SCM_MAX_FD``).
MAX_DESCRIPTORS: Final = 32
_MAX_BYTES: Final = 128 << 10
_SPACE: Final = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
#: Of somebody who does not read: then there is no use in asking.
_CLOGGED: Final = 256
#: Descriptors on their way count against a limit of the user's (unix(7), ETOOMANYREFS).
_FULL: Final = frozenset((errno.ENOMEM, errno.ENOBUFS, errno.ETOOMANYREFS))


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends that keep the borders of messages and never wait."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setblocking(False)
    return pair


def send_descriptors(end: socket.socket, data: bytes, descriptors: Sequence[int] = ()) -> bool:
    """Sends a message; False if it finds no room now. The descriptors are still the caller's to close.

    Raises:
        OSError: nobody holds the other end any more.
    """
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    try:
        end.sendmsg([data], control, socket.MSG_NOSIGNAL)
    except (BlockingIOError, InterruptedError):
        return False
    except OSError as error:
        if error.errno in _FULL:
            return False
        raise
    return True


def receive_descriptors(end: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next message and its descriptors, which are the caller's then; None if there is none now. Empty at the end.

    Raises:
        OSError: the other end was closed in a bad way.
    """
    try:
        data, ancillary, _flags, _address = end.recvmsg(_MAX_BYTES, _SPACE, socket.MSG_CMSG_CLOEXEC)
    except (BlockingIOError, InterruptedError):
        return None
    descriptors = array.array("i")
    for level, kind, packed in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(packed[: len(packed) - len(packed) % descriptors.itemsize])
    return data, descriptors.tolist()


class Channel:
    """One end of a conversation, read on the running loop.

    Args:
        kinds: what the other side says: ``FromWorker`` or ``FromSupervisor``.
        received: called with each message and its descriptors, which are then the callee's.
        ended: called once, when the other side is gone.
    """

    def __init__(
        self, end: socket.socket, kinds: Any, received: Callable[[Any, list[int]], None], ended: Callable[[], None]
    ) -> None:
        self._end = end
        self._decoder = msgspec.msgpack.Decoder(kinds)
        self._received = received
        self._ended: Callable[[], None] | None = ended
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self.read)

    @property
    def clogged(self) -> bool:
        """Whether the other side has not read for long."""
        return len(self._waiting) >= _CLOGGED

    def send(self, message: FromWorker | FromSupervisor, descriptors: Sequence[int] = ()) -> None:
        """Sends a message, later if it finds no room now; the descriptors stay the caller's. Somebody who is gone hears
        nothing."""
        if self._end.fileno() < 0:
            return
        data = msgspec.msgpack.encode(message)
        try:
            if not self._waiting and send_descriptors(self._end, data, descriptors):
                return
        except OSError:
            return  # its end is told by what reads
        if not self._waiting:
            self._loop.add_writer(self._end.fileno(), self._write)
        self._waiting.append((data, [os.dup(number) for number in descriptors]))

    def _write(self) -> None:
        try:
            while self._waiting:
                data, descriptors = self._waiting[0]
                if not send_descriptors(self._end, data, descriptors):
                    return
                self._drop_first()
        except OSError:
            while self._waiting:
                self._drop_first()
        self._loop.remove_writer(self._end.fileno())

    def _drop_first(self) -> None:
        for number in self._waiting.popleft()[1]:
            os.close(number)

    def read(self) -> None:
        """Hears what is there by now; the loop calls it."""
        while self._end.fileno() >= 0:
            try:
                found = receive_descriptors(self._end)
            except OSError:
                found = b"", []
            if found is None:
                return
            data, descriptors = found
            if not data:
                self._finish()
                return
            self._received(self._decoder.decode(data), descriptors)

    def _finish(self) -> None:
        ended, self._ended = self._ended, None
        self.close()
        if ended is not None:
            ended()

    def close(self) -> None:
        """Idempotent."""
        self._ended = None
        if self._end.fileno() >= 0:
            self._loop.remove_reader(self._end.fileno())
            self._loop.remove_writer(self._end.fileno())
            with contextlib.suppress(OSError):
                self._end.close()
        while self._waiting:
            self._drop_first()
