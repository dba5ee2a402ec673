"""What a guest points at: lists of buffers and paths. Every pointer is checked, and what is read is bounded.

What raises ``MemoryFault`` becomes ``FAULT`` at the border (``functions``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.layout import IOVEC

if TYPE_CHECKING:
    from wapo.engine.instance import Instance

__all__ = ["MAX_BUFFERS", "MAX_PATH_BYTES", "Buffers", "read_path"]

#: Linux's IOV_MAX.
MAX_BUFFERS: Final = 1024
#: Linux's PATH_MAX, without the NUL.
MAX_PATH_BYTES: Final = 4095

_MAX_TOTAL: Final = (1 << 32) - 1


class Buffers:
    """The ranges of a list of ``$iovec`` or ``$ciovec``, as one run of bytes.

    Attributes:
        total: bytes in all of them together.

    Raises (constructor):
        MemoryFault: the list or one of the ranges is not inside the memory.
        Failure: ``INVAL``: more ranges than ``MAX_BUFFERS``, or more bytes than a guest can count.
    """

    __slots__ = ("_instance", "_ranges", "total")

    def __init__(self, instance: "Instance", pointer: int, count: int) -> None:
        if count > MAX_BUFFERS:
            raise Failure(Errno.INVAL)
        self._instance = instance
        self._ranges: list[tuple[int, int]] = list(IOVEC.iter_unpack(instance.read(pointer, IOVEC.size * count)))
        self.total = 0
        for start, length in self._ranges:
            instance.check(start, length)
            self.total += length
        if self.total > _MAX_TOTAL:
            raise Failure(Errno.INVAL)

    def _pieces(self, skip: int, length: int) -> Iterator[tuple[int, int]]:
        """The ranges of ``length`` bytes after the first ``skip``."""
        for start, size in self._ranges:
            if skip >= size:
                skip -= size
                continue
            piece = min(size - skip, length)
            if not piece:
                return
            yield start + skip, piece
            skip = 0
            length -= piece

    def gather(self, skip: int, length: int) -> bytes:
        """A copy of at most ``length`` bytes after the first ``skip``."""
        return b"".join(self._instance.read(start, size) for start, size in self._pieces(skip, length))

    def scatter(self, skip: int, data: bytes) -> None:
        """Writes ``data`` after the first ``skip`` bytes."""
        at = 0
        for start, size in self._pieces(skip, len(data)):
            self._instance.write(start, data[at : at + size])
            at += size

    def views(self, skip: int, length: int) -> list[memoryview]:
        """Windows on at most ``length`` bytes after the first ``skip``, valid until the guest runs again."""
        return [self._instance.view(start, size) for start, size in self._pieces(skip, length)]


def read_path(instance: "Instance", pointer: int, length: int) -> bytes:
    """A path as the kernel takes it.

    Raises:
        MemoryFault: it is not inside the memory.
        Failure: ``NAMETOOLONG``; ``ILSEQ``: it is not UTF-8, which strings of WASI are; ``INVAL``: there is a NUL in
            it; ``NOENT``: it is empty.
    """
    instance.check(pointer, length)
    if length > MAX_PATH_BYTES:
        raise Failure(Errno.NAMETOOLONG)
    path = instance.read(pointer, length)
    if not path:
        raise Failure(Errno.NOENT)
    if b"\0" in path:
        raise Failure(Errno.INVAL)
    try:
        path.decode()
    except UnicodeDecodeError:
        raise Failure(Errno.ILSEQ) from None
    return path
