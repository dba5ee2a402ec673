"""Opening by path (``path_open``). Blocks: on threads only."""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final

from wapo.vm.wasi import rights
from wapo.vm.wasi.beneath import open_beneath
from wapo.vm.wasi.directories import OpenDirectory
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.files import OpenFile

__all__ = ["CREATE", "EXCLUSIVE", "MUST_BE_DIRECTORY", "TRUNCATE", "Opening"]

# $oflags
CREATE: Final = 1
MUST_BE_DIRECTORY: Final = 2
EXCLUSIVE: Final = 4
TRUNCATE: Final = 8

_NEW_FILE_MODE: Final = 0o666
#: Neither a FIFO without a writer nor a device may keep the open waiting, and no terminal becomes ours.
_CAREFULLY: Final = os.O_NONBLOCK | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class Opening:
    """What a guest wants open.

    Attributes:
        within: the directory that the path begins in.
        follow: whether a symlink as the last component is followed.
        how: ``$oflags``.
        base, inheriting: the rights that are wanted; those that what is found cannot have are left out.
        flags: ``$fdflags``.
    """

    within: OpenDirectory
    path: bytes
    follow: bool
    how: int
    base: int
    inheriting: int
    flags: int

    def open(self) -> OpenFile | OpenDirectory:
        """Opens it.

        Raises:
            OSError: as ``open`` does.
            Failure: ``PERM``: the path leads out; ``ROFS``: the grant is read-only; ``NOTSUP``: it is neither a file
                nor a directory, and some of those would block or do things when they are opened.
        """
        mode = self._look()
        if mode is None:
            return self._open_file(new=True)
        if stat.S_ISDIR(mode):
            return self._open_directory()
        return self._open_file(new=False)

    def _look(self) -> int | None:
        """The type of what is there, without opening it; None if nothing is, and it is to be made."""
        exclusive = self.how & CREATE and self.how & EXCLUSIVE
        flags = os.O_PATH if self.follow and not exclusive else os.O_PATH | os.O_NOFOLLOW
        try:
            found = open_beneath(self.within.descriptor, self.path, flags)
        except FileNotFoundError:
            if self.how & CREATE:
                return None
            raise
        try:
            mode = os.fstat(found).st_mode
        finally:
            os.close(found)
        if exclusive:
            raise Failure(Errno.EXIST)
        if stat.S_ISLNK(mode):
            raise Failure(Errno.NOTDIR if self.how & MUST_BE_DIRECTORY else Errno.LOOP)
        if not stat.S_ISDIR(mode):
            if self.how & MUST_BE_DIRECTORY:
                raise Failure(Errno.NOTDIR)
            if not stat.S_ISREG(mode):
                raise Failure(Errno.NOTSUP)
        return mode

    def _open_directory(self) -> OpenDirectory:
        if self.base & rights.WRITING or self.how & (CREATE | TRUNCATE):
            raise Failure(Errno.ISDIR)
        descriptor = self._open(os.O_RDONLY | os.O_DIRECTORY, stat.S_IFDIR)
        return OpenDirectory(
            self.within.jobs, descriptor, self.base & rights.DIRECTORY, self.inheriting, self.flags,
            changeable=self.within.changeable, root=self.within.root,
        )  # fmt: skip

    def _open_file(self, *, new: bool) -> OpenFile:
        writing = self.base & rights.WRITING
        if not self.within.changeable and (
            new or self.how & TRUNCATE or self.base & (rights.WRITING | rights.FD_DATASYNC)
        ):
            raise Failure(Errno.ROFS)
        flags = os.O_RDONLY
        if writing:
            flags = os.O_RDWR if self.base & rights.FD_READ else os.O_WRONLY
        if self.how & TRUNCATE:
            flags |= os.O_TRUNC
        if self.how & CREATE and self.within.changeable:
            flags |= os.O_CREAT
            if self.how & EXCLUSIVE:
                flags |= os.O_EXCL
        descriptor = self._open(flags, stat.S_IFREG)
        return OpenFile(
            self.within.jobs, descriptor, self.base & rights.FILE, self.inheriting & rights.FILE, self.flags,
            changeable=self.within.changeable,
        )  # fmt: skip

    def _open(self, flags: int, kind: int) -> int:
        """Opens what was looked at; something else may be there by now, so what has been opened is looked at again."""
        if not self.follow:
            flags |= os.O_NOFOLLOW
        mode = _NEW_FILE_MODE if flags & os.O_CREAT else 0
        try:
            descriptor = open_beneath(self.within.descriptor, self.path, flags | _CAREFULLY, mode)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a FIFO or a socket, just now
                raise Failure(Errno.NOTSUP) from None
            raise
        if stat.S_IFMT(os.fstat(descriptor).st_mode) != kind:
            os.close(descriptor)
            raise Failure(Errno.NOTSUP)
        return descriptor
