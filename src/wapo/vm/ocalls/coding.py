"""Compression for guests (docs/abi.md, 1080 to 1082): zlib does the work, one bounded piece a call.

A *coder* is a resource: pieces go in with 1081, and what comes out is taken with 1082 until that answers 0, which means
that it needs more. A host function cannot be interrupted, so both move at most 64 KiB.
"""

import zlib
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.resources.base import Resource

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CODING", "MAX_CODERS", "MAX_PIECE_BYTES"]

MAX_PIECE_BYTES: Final = 64 << 10

#: Coders that one guest has at once.
MAX_CODERS: Final = 32

#: The most of the host's memory that one takes (zlib's manual: 256 KiB to compress, a little more for us).
_CODER_BYTES: Final = 256 << 10

#: zlib's ``wbits``: RFC 1950, RFC 1951, RFC 1952.
_WINDOW_BITS: Final = {1: zlib.MAX_WBITS, 2: -zlib.MAX_WBITS, 3: zlib.MAX_WBITS | 16}


class _Coder(Resource):
    """One direction. What has come out waits to be read, and no more goes in meanwhile."""

    kind: ClassVar[str] = "coder"
    __slots__ = ("_guest", "failed", "last")

    def __init__(self) -> None:
        self._guest: Guest | None = None
        self.failed = False
        self.last = False

    def keep_for(self, guest: "Guest") -> None:
        """Its memory counts among what the host keeps for a guest, until it is closed.

        Raises:
            OcallFailure: 10 that is too much.
        """
        if guest.held_body_bytes + _CODER_BYTES > guest.limits.held_body_bytes:
            raise OcallFailure(OcallError.RESOURCE_LIMITED)
        self._guest = guest
        guest.held_body_bytes += _CODER_BYTES

    def take(self, piece: bytes, last: bool) -> None:
        """Another piece.

        Raises:
            OcallFailure: 3 after the last one, or before all output was read.
        """
        if self.failed or self.last or self.busy:
            raise OcallFailure(OcallError.INVALID_PARAMETER)
        self.last = last
        self._take(piece)

    def give(self, room: int) -> bytes:
        """At most so many bytes of what comes out; none when it needs more input.

        Raises:
            OcallFailure: 9 the input is malformed.
        """
        try:
            if not self.failed:
                return self._output(min(room, MAX_PIECE_BYTES)) if room else b""
        except (zlib.error, ValueError):
            self.failed = True
        raise OcallFailure(OcallError.IO_ERROR)

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether there may be output to read."""

    @abstractmethod
    def _take(self, piece: bytes) -> None: ...

    @abstractmethod
    def _output(self, room: int) -> bytes:
        """At most so many bytes; none when it needs more input.

        Raises:
            zlib.error, ValueError: the input is not what it is said to be.
        """

    def close(self) -> None:
        if self._guest is not None:
            self._guest.held_body_bytes -= _CODER_BYTES
            self._guest = None


class _Encoder(_Coder):
    __slots__ = ("_state", "_waiting")

    def __init__(self, window_bits: int) -> None:
        super().__init__()
        self._state = zlib.compressobj(wbits=window_bits)
        self._waiting = b""

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def _take(self, piece: bytes) -> None:
        self._waiting = self._state.compress(piece)
        if self.last:
            self._waiting += self._state.flush()

    def _output(self, room: int) -> bytes:
        output, self._waiting = self._waiting[:room], self._waiting[room:]
        return output


class _Decoder(_Coder):
    __slots__ = ("_input", "_state")

    def __init__(self, window_bits: int) -> None:
        super().__init__()
        self._state = zlib.decompressobj(wbits=window_bits)
        self._input: bytes | None = None

    @property
    def busy(self) -> bool:
        return self._input is not None

    def _take(self, piece: bytes) -> None:
        self._input = piece

    def _output(self, room: int) -> bytes:
        if self._input is None:
            return b""
        output = self._state.decompress(self._input, room)
        self._input = self._state.unconsumed_tail
        if output:
            return output
        self._input = None
        if self._state.unused_data:
            raise ValueError("there is more after the end")
        if self.last and not self._state.eof:
            raise ValueError("it ends too early")
        return b""


_CODERS: Final[dict[int, Callable[[int], _Coder]]] = {0: _Encoder, 1: _Decoder}


def coder_open(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1080: a coder for format p0 (1 zlib, 2 deflate, 3 gzip) that encodes (p1 0) or decodes (p1 1)."""
    guest.meter.gas += 2000
    if p0 not in _WINDOW_BITS or p1 not in _CODERS:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    if sum(isinstance(resource, _Coder) for resource in guest.table) >= MAX_CODERS:
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    coder = _CODERS[p1](_WINDOW_BITS[p0])
    coder.keep_for(guest)
    return guest.table.add(coder)


def _coder(guest: "Guest", number: int) -> _Coder:
    coder = guest.table.get(number)
    if not isinstance(coder, _Coder):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return coder


def coder_write(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1081: ``[p1, p1+p2)`` goes into coder p0; p3 1 says that it is the last."""
    guest.instance.check(p1, p2)
    coder = _coder(guest, p0)
    if p2 > MAX_PIECE_BYTES or p3 > 1:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    guest.meter.gas += 1000 + p2
    coder.take(guest.instance.read(p1, p2), p3 == 1)
    return 0


def coder_read(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1082: at most p2 bytes of what comes out of coder p0 go to p1; their number is the result."""
    guest.instance.check(p1, p2)
    output = _coder(guest, p0).give(p2)
    guest.meter.gas += 500 + len(output) // 4
    guest.instance.write(p1, output)
    return len(output)


CODING: Final[Handlers] = {1080: coder_open, 1081: coder_write, 1082: coder_read}
