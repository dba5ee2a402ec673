"""Standard input, output and error. What a program writes becomes lines of its log (wapo-abi.md 1.4)."""

from typing import TYPE_CHECKING, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import layout, rights
from wapo.vm.wasi.descriptors import NONBLOCK, Descriptor, Readiness
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.inputs import Input
from wapo.vm.wasi.layout import Status
from wapo.vm.wasi.memory import Buffers
from wapo.vm.wasi.outputs import Output
from wapo.vm.wasi.waiting import awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["LogOutput", "StandardInput", "StandardOutput"]

#: A line that gets longer becomes several.
MAX_LINE_BYTES: Final = 64 << 10
# Most that one call takes, so that no call keeps the event loop long: a libc writes the rest with another.
_MAX_WRITE_BYTES: Final = 64 << 10
_MAX_WRITE_LINES: Final = 256
_MAX_READ_BYTES: Final = 64 << 10


class LogOutput(Descriptor):
    """A descriptor whose whole lines go to the guest's log; the beginning of one waits for its end."""

    filetype = layout.CHARACTER_DEVICE
    possible = rights.OUTPUT
    refusal = Errno.SPIPE
    __slots__ = ("_guest", "_level", "_rest")

    def __init__(self, guest: "Guest", level: int) -> None:
        super().__init__(self.possible)
        self._guest = guest
        self._level = level
        self._rest = b""

    def write(self, guest: "Guest", buffers: Buffers, at: int | None) -> int:
        if at is not None:
            raise Failure(Errno.SPIPE)
        data = buffers.gather(0, _MAX_WRITE_BYTES)
        *lines, rest = data.split(b"\n", _MAX_WRITE_LINES)
        if len(lines) == _MAX_WRITE_LINES:
            data = data[: len(data) - len(rest)]
            rest = b""
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._log(line)
        return len(data)

    def _log(self, line: bytes) -> None:
        for start in range(0, len(line) or 1, MAX_LINE_BYTES):
            text = line[start : start + MAX_LINE_BYTES].decode("utf-8", "replace")
            self._guest.services.log(self._guest, self._level, text)

    def writable(self) -> Readiness:
        return _MAX_WRITE_BYTES, False

    def close(self) -> None:
        """What has no end yet is a line now."""
        rest, self._rest = self._rest, b""
        if rest:
            self._log(rest)


class StandardOutput(Descriptor):
    """A descriptor that writes to an output, byte by byte as the program does."""

    possible = rights.OUTPUT
    refusal = Errno.SPIPE
    __slots__ = ("_output", "filetype")

    def __init__(self, output: Output) -> None:
        super().__init__(self.possible)
        self._output = output
        self.filetype = output.filetype

    def write(self, guest: "Guest", buffers: Buffers, at: int | None) -> int | Suspension:
        if at is not None:
            raise Failure(Errno.SPIPE)
        data = buffers.gather(0, _MAX_WRITE_BYTES)
        if not data:
            return 0
        given = self._output.give(data)
        if given is None:
            if self.flags & NONBLOCK:
                raise Failure(Errno.AGAIN)
            return awaiting(self._write(data))
        return given

    async def _write(self, data: bytes) -> int:
        while True:
            await self._output.wait()
            given = self._output.give(data)
            if given is not None:
                return given

    def status(self, guest: "Guest") -> Status:
        return Status(filetype=self.filetype)

    def writable(self) -> Readiness:
        return _MAX_WRITE_BYTES, False


class StandardInput(Descriptor):
    """A descriptor that reads an input."""

    possible = rights.INPUT
    refusal = Errno.SPIPE
    __slots__ = ("_input", "filetype")

    def __init__(self, source: Input) -> None:
        super().__init__(self.possible)
        self._input = source
        self.filetype = source.filetype

    def read(self, guest: "Guest", buffers: Buffers, at: int | None) -> int | Suspension:
        if at is not None:
            raise Failure(Errno.SPIPE)
        room = min(buffers.total, _MAX_READ_BYTES)
        if not room:
            return 0
        data = self._input.take(room)
        if data is None:
            if self.flags & NONBLOCK:
                raise Failure(Errno.AGAIN)
            return awaiting(self._read(buffers, room))
        buffers.scatter(0, data)
        return len(data)

    async def _read(self, buffers: Buffers, room: int) -> int:
        while True:
            await self._input.wait()
            data = self._input.take(room)
            if data is not None:
                buffers.scatter(0, data)
                return len(data)

    def status(self, guest: "Guest") -> Status:
        return Status(filetype=self.filetype)

    def readable(self) -> Readiness | None:
        return self._input.ready()

    async def wait(self) -> None:
        """Returns when :meth:`readable` is worth another look."""
        await self._input.wait()
