"""Images: a guest's linear memory, kept once and mapped copy-on-write by any number of instances.

An image is right only because of three things, and each is somebody's duty:

* it is taken and restored between polls, when no guest frame is on a stack (the stack pointer global is then what it
  was after instantiation);
* the allocator of memories is the on-demand one, which unmaps a dropped memory whole, our mapping included;
* memories never move (``memory_may_move`` is off).

An instance whose run is over can be reset to its image instead of being made anew. Of a private mapping, the pages
that were written are the process's own, and all others are still the file's; the kernel tells which are which, so
copying the former back makes every byte what it was. A page that is the process's own stays so; where this thread has
had no page fault since the last reset, the answer is what it was then, and the kernel is not asked (``faults``).
"""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Final

from wapo.engine import capi
from wapo.engine.errors import OutOfMappings
from wapo.engine.faults import page_faults
from wapo.engine.instance import Instance

__all__ = ["MAX_RESET_BYTES", "MemoryImage", "can_reset", "open_page_map", "own_pages"]

_PAGE: Final = 4096
_ZERO_PAGE: Final = bytes(_PAGE)
_SECTOR: Final = 512
_WRITTEN_AT_ONCE: Final = 256 << 10
_MAP_FIXED: Final = 0x10

#: Of an image in a file: its size and how many runs of pages there are; where each is, and its length.
_HEADER: Final = struct.Struct("<QQ")
_RUN: Final = struct.Struct("<QQ")

#: What is copied at a time: about a millisecond.
_PIECE: Final = 1 << 20
_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

#: An instance that has written more than this is not worth resetting.
MAX_RESET_BYTES: Final = 4 << 20

# PAGEMAP_SCAN (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst): ranges of pages that match.
_PAGEMAP_SCAN: Final = 0xC0606610
_IS_FILE: Final = 1 << 2
_IS_PRESENT: Final = 1 << 3
_IS_SWAPPED: Final = 1 << 4
_SCAN: Final = struct.Struct("<12Q")
_REGION: Final = struct.Struct("<3Q")
_MAX_REGIONS: Final = 512

#: Written ranges with fewer bytes than this between them are copied back as one: those pages then become the
#: process's own too, so it happens once.
_JOIN_BYTES: Final = 2 * _PAGE

_libc: Final = ctypes.PyDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


class _Scanner:
    """The kernel's answer to "which pages of this range are our own?"; None on kernels without it."""

    def __init__(self) -> None:
        self._regions = ctypes.create_string_buffer(_REGION.size * _MAX_REGIONS)
        self._address = ctypes.addressof(self._regions)
        self._pid = -1
        self._descriptor = -1
        self._works = True

    def own_pages(self, start: int, end: int) -> list[tuple[int, int]] | None:
        """Ranges of pages in ``[start, end)`` that were written since they were mapped; None if it cannot be told, or
        there are too many."""
        if not self._works:
            return None
        if self._pid != os.getpid():  # /proc/self was another process's
            self.open()
        argument = bytearray(_SCAN.pack(
            _SCAN.size, 0, start, end, 0, self._address, _MAX_REGIONS, 0,
            _IS_FILE, _IS_FILE, _IS_PRESENT | _IS_SWAPPED, _IS_FILE,
        ))  # fmt: skip
        try:
            count = fcntl.ioctl(self._descriptor, _PAGEMAP_SCAN, argument)
        except OSError:
            self._works = False
            return None
        if count >= _MAX_REGIONS:
            return None
        return [(a, b) for a, b, _ in _REGION.iter_unpack(memoryview(self._regions)[: _REGION.size * count])]

    def open(self) -> None:
        """Before the first question, or in time: a process that others may not look into has not, either."""
        try:
            self._descriptor = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._works = False
        self._pid = os.getpid()


_scanner: Final = _Scanner()
own_pages: Final = _scanner.own_pages


def open_page_map() -> None:
    """Gets what resetting needs from the kernel, before this process is closed to others (``PR_SET_DUMPABLE``): then
    its page map is root's."""
    _scanner.open()


def can_reset() -> bool:
    """Whether this kernel tells which pages were written; without, each request gets a new machine."""
    with mmap.mmap(-1, _PAGE) as page:
        anchor = ctypes.c_char.from_buffer(page)
        address = ctypes.addressof(anchor)
        del anchor
        return _scanner.own_pages(address, address + _PAGE) is not None


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
        self._view: mmap.mmap | None = None
        self._address = 0

    @classmethod
    def capture(cls, instance: Instance) -> "MemoryImage":
        """Copies the memory of an instance that is between polls, in one go: 100 MB take about 0.1 s.

        Raises:
            OutOfMappings: no memory for the copy.
        """
        steps = cls.capturing(instance)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                image: MemoryImage = done.value
                return image

    @classmethod
    def capturing(cls, instance: Instance) -> Generator[None, None, "MemoryImage"]:
        """As :meth:`capture`, a piece at a time: yields between pieces, returns the image. Until then the instance may
        neither run nor be closed; a generator that is not run to its end is to be closed.

        Raises:
            OutOfMappings: no memory for the copy.
        """
        size = instance.memory_size
        descriptor = os.memfd_create("wapo-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            memory, stored = instance.view(0, size), 0
            for start in range(0, size, _PIECE):
                stored += _write_pages(descriptor, memory, start, min(start + _PIECE, size))
                yield
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            os.close(descriptor)
            raise OutOfMappings(f"no memory for an image of {size} bytes: {error.strerror}") from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, size, stored)

    @classmethod
    def sealed(cls, descriptor: int, stored_bytes: int) -> "MemoryImage":
        """An image that another process has made: the file that its :attr:`descriptor` stands for, which is this
        image's from now on.

        Raises:
            ValueError: somebody could change it. It is still the caller's then.
        """
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ValueError("an image that somebody could change")
        return cls(descriptor, os.fstat(descriptor).st_size, stored_bytes)

    @property
    def descriptor(self) -> int:
        """Of the memory file, for passing it on; it stays this image's."""
        return self._descriptor

    @classmethod
    def decode(cls, encoded: memoryview) -> "MemoryImage":
        """The image that :meth:`encode` was called on.

        Raises:
            OutOfMappings: no memory for it.
        """
        size, count = _HEADER.unpack_from(encoded)
        at = _HEADER.size + count * _RUN.size
        descriptor = os.memfd_create("wapo-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            for start, length in _RUN.iter_unpack(encoded[_HEADER.size : at]):
                _write_all(descriptor, encoded[at : at + length], start)
                at += length
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            os.close(descriptor)
            raise OutOfMappings(f"no memory for an image of {size} bytes: {error.strerror}") from error
        return cls(descriptor, size, len(encoded) - _HEADER.size - count * _RUN.size)

    def encode(self) -> bytes:
        """For a file: the size and the number of runs of pages, where each run is and how long, then all runs."""
        content = os.pread(self._descriptor, self.size, 0)
        pages = [at for at in range(0, self.size, _PAGE) if content[at : at + _PAGE] != _ZERO_PAGE]
        runs: list[tuple[int, int]] = []
        for at in pages:
            if runs and sum(runs[-1]) == at:
                runs[-1] = runs[-1][0], runs[-1][1] + _PAGE
            else:
                runs.append((at, _PAGE))
        parts = [_HEADER.pack(self.size, len(runs)), *(_RUN.pack(*run) for run in runs)]
        return b"".join(parts + [content[start : start + length] for start, length in runs])

    @classmethod
    def assembling(cls, size: int, pieces: Iterable[tuple[int, memoryview]]) -> Generator[None, None, "MemoryImage"]:
        """An image of ``size`` bytes with these pieces at these offsets, and zeros elsewhere; later pieces win. Yields
        between them, as :meth:`capturing` does.

        Raises:
            OutOfMappings: no memory for it.
        """
        descriptor = os.memfd_create("wapo-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            written = 0
            for at, piece in pieces:
                if os.pwrite(descriptor, piece, at) != len(piece):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += len(piece)
                if written >= _WRITTEN_AT_ONCE:
                    written = 0
                    yield
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            return cls(descriptor, size, os.fstat(descriptor).st_blocks * _SECTOR)
        except OSError as error:
            os.close(descriptor)
            raise OutOfMappings(f"no memory for an image of {size} bytes: {error.strerror}") from error
        except BaseException:
            os.close(descriptor)
            raise

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
        instance.touch_flag()
        instance.image = self

    def reset(self, instance: Instance) -> bool:
        """Makes the memory of an instance that was restored from this image, and has run, equal to it again.

        False if that is impossible or not worth while (its memory has grown, it has written a lot, an old kernel):
        close the instance then.
        """
        if instance.memory_size != self.size:
            return False
        source, memory = self._source(instance), capi.memory
        fresh = instance.own_pages is None or instance.faults != page_faults()
        if fresh:
            instance.own_pages = self._own_pages(instance)
        if instance.own_pages is None:
            return False
        for start, end in instance.own_pages:
            memory[start:end] = memory[source + start : source + end]
        if fresh:  # after the copy: into holes that were joined it brought new pages, which are listed
            instance.faults = page_faults()
        return True

    def _source(self, instance: Instance) -> int:
        """How far the image is from the instance's memory, in this process's addresses."""
        return self.address - instance.base

    def _own_pages(self, instance: Instance) -> list[tuple[int, int]] | None:
        """Ranges of addresses that hold all pages that are the process's own, small holes joined; None if it cannot be
        told, or they are too many to be worth while."""
        base = instance.base
        written = _scanner.own_pages(base, base + self.size)
        if written is None:
            return None
        joined: list[tuple[int, int]] = []
        start = end = 0
        for first, last in written:
            if first - end > _JOIN_BYTES:
                if end:
                    joined.append((start, end))
                start = first
            end = last
        if end:
            joined.append((start, end))
        return joined if sum(end - start for start, end in joined) <= MAX_RESET_BYTES else None

    @property
    def address(self) -> int:
        """Where the whole image is mapped, to be read and never written. Not of one that is closed."""
        if self._view is None:
            self._view = mmap.mmap(self._descriptor, self.size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
            anchor = ctypes.c_char.from_buffer(self._view)
            self._address = ctypes.addressof(anchor)
            del anchor
        return self._address

    def data_ranges(self) -> list[tuple[int, int]]:
        """Ranges of offsets in which there may be anything but zeros, in whole pages."""
        ranges, at = [], 0
        with suppress(OSError):  # there is none any more
            while at < self.size:
                start = os.lseek(self._descriptor, at, os.SEEK_DATA)
                at = os.lseek(self._descriptor, start, os.SEEK_HOLE)
                ranges.append((start, at))
        return ranges

    @property
    def closed(self) -> bool:
        return self._descriptor < 0

    def close(self) -> None:
        """Frees the file. Instances that have mapped it keep their pages. Idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            if self._view is not None:
                self._view.close()
                self._view = None
            os.close(descriptor)


def _write_pages(descriptor: int, memory: memoryview, first: int, end: int) -> int:
    """Writes every page of ``[first, end)`` that is not all zeros at its own offset; returns the bytes written."""
    written, start = 0, -1
    for at in range(first, end + _PAGE, _PAGE):
        # As bytes: memoryviews are compared one element at a time, thirty times as slowly.
        empty = at >= end or bytes(memory[at : at + _PAGE]) == _ZERO_PAGE
        if empty and start >= 0:
            _write_all(descriptor, memory[start:at], start)
            written += at - start
            start = -1
        elif not empty and start < 0:
            start = at
    return written


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count
