"""Where a program's standard output and error go: to its log, or to what the foreground runner was given."""

import os
import select
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from wapo.vm.net.readiness import wait_writable
from wapo.vm.wasi import layout
from wapo.vm.wasi.inputs import can_be_polled

__all__ = ["DescriptorOutput", "Output"]

# What can be written to a pipe without waiting once poll(2) says that there is room at all (POSIX, PIPE_BUF).
_ATOMIC_BYTES: Final = select.PIPE_BUF


class Output(ABC):
    """Something that takes bytes.

    Attributes:
        filetype: ``$filetype``.
    """

    filetype: int = layout.CHARACTER_DEVICE

    @abstractmethod
    def give(self, data: bytes) -> int | None:
        """How many of the bytes (1 or more) were taken; None if none can be at this moment. Never blocks.

        Raises:
            OSError: nobody takes them any more.
        """

    @abstractmethod
    async def wait(self) -> None:
        """Returns when :meth:`give` is worth another attempt."""


class DescriptorOutput(Output):
    """A descriptor of the host's: its own standard output. It is neither closed nor made non-blocking, because its
    open file may be another process's too.

    Args:
        broken: called when nobody reads it any more. A program of the host's would be sent SIGPIPE.

    Raises (constructor):
        OSError: there is no such descriptor.
    """

    def __init__(self, descriptor: int, broken: Callable[[], None] | None = None) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self.filetype = layout.filetype_of(os.fstat(descriptor).st_mode)
        self._pollable = can_be_polled(descriptor, select.EPOLLOUT)

    def give(self, data: bytes) -> int | None:
        try:
            if not self._pollable:  # regular files and /dev/null take everything at once
                return os.write(self._descriptor, data)
            given = 0
            while given < len(data) and self._writable():
                given += os.write(self._descriptor, data[given : given + _ATOMIC_BYTES])
            return given or None
        except BlockingIOError:
            return None
        except BrokenPipeError:
            if self._broken is not None:
                self._broken()
            raise

    async def wait(self) -> None:
        await wait_writable(self._descriptor)

    def _writable(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))
