"""Regular files. The host's descriptor keeps the position, so it is the kernel's arithmetic.

Reads are first tried without waiting (``RWF_NOWAIT``): what is in the page cache goes straight into the guest's memory.
Everything else runs on threads, a bounded piece at a time, and never touches the guest's memory there: by the time a
disk answers, the guest may be gone.
"""

import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import layout, rights, system_calls
from wapo.vm.wasi.descriptors import APPEND, DSYNC, SYNC, Readiness
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.host_descriptor import HostDescriptor
from wapo.vm.wasi.memory import Buffers
from wapo.vm.wasi.waiting import awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["MAX_OFFSET", "OpenFile"]

#: The largest position or size that a file can have.
MAX_OFFSET: Final = (1 << 63) - 1

_PIECE_BYTES: Final = 1 << 20
_ADVICE: Final = (
    os.POSIX_FADV_NORMAL, os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM, os.POSIX_FADV_WILLNEED,
    os.POSIX_FADV_DONTNEED, os.POSIX_FADV_NOREUSE,
)  # fmt: skip
_CANNOT_TELL: Final = (errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
#: "Where the file is", for ``preadv2`` and ``pwritev2``.
_HERE: Final = -1


class OpenFile(HostDescriptor):
    """A regular file; its descriptor is open for what the rights allow."""

    filetype = layout.REGULAR_FILE
    possible = rights.FILE
    __slots__ = ()

    # Data

    def read(self, guest: "Guest", buffers: Buffers, at: int | None) -> int | Suspension:
        if not buffers.total:
            return 0
        if at is not None and at > MAX_OFFSET:
            raise Failure(Errno.INVAL)
        wanted = min(buffers.total, _PIECE_BYTES)
        count = self._read_cached(buffers, 0, wanted, at)
        if count == buffers.total or count == 0:
            return count
        return awaiting(self._read_on(buffers, max(count, 0), at))

    def _read_cached(self, buffers: Buffers, skip: int, wanted: int, at: int | None) -> int:
        """Bytes that were at hand, 0 at the end of the file; -1 if that cannot be told without waiting."""
        place = _HERE if at is None else at + skip
        if place > MAX_OFFSET:
            return 0
        try:
            return os.preadv(self.descriptor, buffers.views(skip, wanted), place, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno in _CANNOT_TELL:
                return -1
            raise

    async def _read_on(self, buffers: Buffers, count: int, at: int | None) -> int:
        while count < buffers.total:
            wanted = min(buffers.total - count, _PIECE_BYTES)
            place = None if at is None else at + count
            try:
                data = await self.jobs.run(partial(self._read, wanted, place))
            except OSError:
                if count:
                    break
                raise
            buffers.scatter(count, data)
            count += len(data)
            if len(data) < wanted:
                break
        return count

    def _read(self, wanted: int, at: int | None) -> bytes:
        if at is None:
            return os.read(self.descriptor, wanted)
        return os.pread(self.descriptor, wanted, at) if at <= MAX_OFFSET else b""

    def write(self, guest: "Guest", buffers: Buffers, at: int | None) -> int | Suspension:
        self.check_changeable()
        if at is not None and at > MAX_OFFSET:
            raise Failure(Errno.INVAL)
        if not buffers.total:
            return 0
        return awaiting(self._write_all(buffers, at))

    async def _write_all(self, buffers: Buffers, at: int | None) -> int:
        count = 0
        while count < buffers.total:
            data = buffers.gather(count, min(buffers.total - count, _PIECE_BYTES))
            place = None if at is None else at + count
            try:
                written = await self.jobs.run(partial(self._write, data, place))
            except OSError:
                if count:
                    break
                raise
            count += written
            if written < len(data):
                break
        return count

    def _write(self, data: bytes, at: int | None) -> int:
        """Writes at a place, or where the file is, or at its end; as durably as the flags want it."""
        if at is not None:
            if at > MAX_OFFSET:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            written = os.pwrite(self.descriptor, data, at)
        elif self.flags & APPEND:
            written = os.pwritev(self.descriptor, [data], _HERE, os.RWF_APPEND)
        else:
            written = os.write(self.descriptor, data)
        if self.flags & SYNC:
            os.fsync(self.descriptor)
        elif self.flags & DSYNC:
            os.fdatasync(self.descriptor)
        return written

    # Position and size

    def seek(self, guest: "Guest", offset: int, whence: int) -> int | Suspension:
        if whence != os.SEEK_END:  # arithmetic only
            return os.lseek(self.descriptor, offset, whence)
        return awaiting(self.jobs.run(lambda: os.lseek(self.descriptor, offset, whence)))

    def advise(self, guest: "Guest", offset: int, length: int, advice: int) -> Suspension:
        if advice >= len(_ADVICE) or offset > MAX_OFFSET or length > MAX_OFFSET:
            raise Failure(Errno.INVAL)
        return self.do(lambda: os.posix_fadvise(self.descriptor, offset, length, _ADVICE[advice]))

    def allocate(self, guest: "Guest", offset: int, length: int) -> Suspension:
        self.check_changeable()
        if offset > MAX_OFFSET or length > MAX_OFFSET:
            raise Failure(Errno.INVAL)
        return self.do(lambda: system_calls.allocate(self.descriptor, offset, length))

    def set_size(self, guest: "Guest", size: int) -> Suspension:
        self.check_changeable()
        if size > MAX_OFFSET:
            raise Failure(Errno.INVAL)
        return self.do(lambda: os.ftruncate(self.descriptor, size))

    def available(self) -> Readiness:
        """What can be read from here to the end. Blocks."""
        size = os.fstat(self.descriptor).st_size
        return max(size - os.lseek(self.descriptor, 0, os.SEEK_CUR), 0), False

    def readable(self) -> Readiness:
        return 1, False

    def writable(self) -> Readiness:
        return _PIECE_BYTES, False
