"""Images: a guest's linear memory, kept once and mapped copy-on-write by any number of instances.

An image is right only because of three things, and each is somebody's duty:

* it is taken and restored between polls, when no guest frame is on a stack (the stack pointer global is then what it
  was after instantiation);
* the allocator of memories is the on-demand one, which unmaps a dropped memory whole, our mapping included;
* memories never move (``memory_may_move`` is off).
"""

import ctypes
import fcntl
import mmap
import os
from typing import Final

from wapo.engine.errors import OutOfMappings
from wapo.engine.instance import Instance

__all__ = ["MemoryImage"]

_PAGE: Final = 4096
_ZERO_PAGE: Final = bytes(_PAGE)
_MAP_FIXED: Final = 0x10
_MADV_POPULATE_WRITE: Final = 23
_MAP_FAILED: Final = ctypes.c_void_p(-1).value
_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

_libc: Final = ctypes.PyDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_madvise = _libc.madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class MemoryImage:
    """The memory of one instance at one moment, in a sealed memory file: nobody can change it afterwards.

    Attributes:
        size: bytes of linear memory.
        stored_bytes: bytes that it really occupies; pages of zeros occupy none.
    """

    def __init__(self, descriptor: int, size: int, stored_bytes: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self.stored_bytes = stored_bytes
        self._hot: list[tuple[int, int]] = []

    @classmethod
    def capture(cls, instance: Instance) -> "MemoryImage":
        """Copies the memory of an instance that is between polls.

        Raises:
            OutOfMappings: no memory for the copy.
        """
        size = instance.memory_size
        descriptor = os.memfd_create("wapo-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            stored = _write_pages(descriptor, instance.view(0, size))
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            os.close(descriptor)
            raise OutOfMappings(f"no memory for an image of {size} bytes: {error.strerror}") from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, size, stored)

    def restore(self, instance: Instance) -> None:
        """Makes the memory of a fresh instance of the same module equal to this image, without copying it.

        Raises:
            InvalidModule: the image is larger than the instance's limit.
            OutOfMappings: the kernel refuses the mapping; close the instance.
        """
        if instance.memory_size < self.size:
            instance.grow_to(self.size)
        base = instance.base
        address = _mmap(
            base, self.size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED, self._descriptor, 0
        )
        if address != base:
            raise OutOfMappings(f"the kernel refused to map an image: {os.strerror(ctypes.get_errno())}")
        for offset, length in self._hot:
            _madvise(base + offset, length, _MADV_POPULATE_WRITE)

    def learn_hot_pages(self, instance: Instance, gap_pages: int = 4, max_ranges: int = 8) -> int:
        """Remembers which pages a run changed, to touch them in advance for the next ones; returns their number.

        One call that populates a range costs less than the page faults one by one. Ranges closer than ``gap_pages``
        are joined, and of the result the ``max_ranges`` longest are kept.
        """
        original = mmap.mmap(self._descriptor, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        try:
            before, after = memoryview(original), instance.view(0, self.size)
            changed = [at for at in range(0, self.size, _PAGE) if before[at : at + _PAGE] != after[at : at + _PAGE]]
            before.release()
        finally:
            original.close()
        ranges: list[tuple[int, int]] = []
        for at in changed:
            if ranges and at - (ranges[-1][0] + ranges[-1][1]) <= gap_pages * _PAGE:
                ranges[-1] = (ranges[-1][0], at + _PAGE - ranges[-1][0])
            else:
                ranges.append((at, _PAGE))
        ranges.sort(key=lambda r: -r[1])
        self._hot = sorted(ranges[:max_ranges])
        return len(changed)

    def close(self) -> None:
        """Frees the file. Instances that have mapped it keep their pages. Idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _write_pages(descriptor: int, memory: memoryview) -> int:
    """Writes every page that is not all zeros at its own offset; returns the bytes written."""
    written, start = 0, -1
    size = len(memory)
    for at in range(0, size + _PAGE, _PAGE):
        empty = at >= size or memory[at : at + _PAGE] == _ZERO_PAGE
        if empty and start >= 0:
            while start < at:
                count = os.pwrite(descriptor, memory[start:at], start)
                written += count
                start += count
            start = -1
        elif not empty and start < 0:
            start = at
    return written
