"""Directories and what they hold. What is done by path is in ``opening`` and ``names``."""

import os
import stat
import sys
from itertools import islice
from typing import TYPE_CHECKING, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import layout, rights
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.host_descriptor import HostDescriptor
from wapo.vm.wasi.layout import DIRENT, filetype_of
from wapo.vm.wasi.system_calls import Entry, list_directory
from wapo.vm.wasi.waiting import Jobs, awaiting

if TYPE_CHECKING:
    from wapo.vm.wasi.grants import OpenGrant

__all__ = ["MAX_LISTING_BYTES", "OpenDirectory", "pre_opened"]

#: Largest buffer for entries: to fill less of one than there is would mean that there are no more.
MAX_LISTING_BYTES: Final = 256 << 10
_KEPT_PLACES: Final = 1024


class OpenDirectory(HostDescriptor):
    """A directory.

    Args:
        root: device and inode of the directory that was granted: what is above that is nothing to the guest.
        name: what the guest knows it by, if it is one that it began with; its open file is then shared with others.
    """

    filetype = layout.DIRECTORY
    possible = rights.DIRECTORY
    refusal = Errno.ISDIR
    refusal_of_data = Errno.ISDIR
    __slots__ = ("_listing", "_places", "name", "root")

    def __init__(
        self, jobs: Jobs, descriptor: int, base: int, inheriting: int, flags: int, *,
        changeable: bool, root: tuple[int, int], name: bytes | None = None,
    ) -> None:  # fmt: skip
        super().__init__(jobs, descriptor, base, inheriting, flags, changeable=changeable)
        self.root = root
        self.name = name
        self._listing: int | None = None if name is not None else descriptor
        self._places: dict[int, int] = {}

    def entries(self, cookie: int, room: int) -> Suspension:
        """As many ``$dirent`` as fit into so many bytes, from a cookie on; the last one is cut off where room ends.

        A cookie is 0 for the beginning, and after an entry its number, from 1: a libc keeps it in 32 bits. The file
        system's own places are kept for the latest entries only, so that nothing grows with the directory; from an
        older cookie on, entries are counted from the beginning again.
        """
        if room > MAX_LISTING_BYTES:
            raise Failure(Errno.INVAL)
        return awaiting(self.jobs.run(lambda: self._entries(cookie, room)))

    def _entries(self, cookie: int, room: int) -> bytes:
        if self._listing is None:  # a position of its own
            self._listing = os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.descriptor)
        if not cookie:
            self._places.clear()
        place = self._places.get(cookie)
        skip = min(cookie, sys.maxsize) if place is None else 0
        packed = bytearray()
        for number, entry in enumerate(islice(list_directory(self._listing, place or 0), skip, None), cookie + 1):
            if len(packed) >= room:
                break
            self._remember(number, entry.next)
            packed += self._pack(entry, number)
        return bytes(packed[:room])

    def _remember(self, number: int, place: int) -> None:
        self._places.pop(number, None)
        self._places[number] = place
        if len(self._places) > _KEPT_PLACES:
            del self._places[next(iter(self._places))]

    def _pack(self, entry: Entry, number: int) -> bytes:
        inode, mode = entry.inode, entry.mode
        if entry.name == b"..":
            mode = stat.S_IFDIR
            found = os.fstat(self.descriptor)
            if (found.st_dev, found.st_ino) == self.root:
                inode = found.st_ino
        elif not mode:
            try:
                mode = os.stat(entry.name, dir_fd=self.descriptor, follow_symlinks=False).st_mode
            except OSError:
                mode = 0
        return DIRENT.pack(number, inode, len(entry.name), filetype_of(mode)) + entry.name

    @property
    def held(self) -> list[int]:
        return [self.descriptor] if self._listing in (None, self.descriptor) else [self.descriptor, self._listing]


def pre_opened(jobs: Jobs, grant: "OpenGrant") -> OpenDirectory:
    """A directory that a guest begins with. Does not block."""
    inheriting = rights.ALL
    if not grant.writable:
        # So that access() is right. FD_DATASYNC stays: by it ``opening`` sees that a libc, which leaves out what it
        # cannot have, was asked to open a file for writing.
        inheriting &= ~rights.WRITING
    return OpenDirectory(
        jobs, os.dup(grant.descriptor), rights.DIRECTORY, inheriting, 0,
        changeable=grant.writable, root=grant.identity, name=grant.name,
    )  # fmt: skip
