"""Structures of WASI in memory, from the witx definitions; where preview 0 lays them out differently, in both forms.

Little-endian, with C's alignment. What differs: the status of a file (its number of links is a u32 in preview 0), a
subscription to a clock (which had an identifier of its own), and the numbers of ``whence``.
"""

import os
import stat
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = [
    "CHARACTER_DEVICE", "DIRECTORY", "DIRENT", "EVENT", "FDSTAT", "IOVEC", "PRESTAT", "PREVIEW_0", "PREVIEW_1",
    "REGULAR_FILE", "SYMBOLIC_LINK", "U32", "U64", "UNKNOWN", "ClockSubscription", "Layout", "Status", "filetype_of",
    "status_of",
]  # fmt: skip

# $filetype
UNKNOWN: Final = 0
BLOCK_DEVICE: Final = 1
CHARACTER_DEVICE: Final = 2
DIRECTORY: Final = 3
REGULAR_FILE: Final = 4
SOCKET_STREAM: Final = 6
SYMBOLIC_LINK: Final = 7

U32: Final = struct.Struct("<I")
U64: Final = struct.Struct("<Q")
#: $iovec and $ciovec: pointer, length.
IOVEC: Final = struct.Struct("<II")
#: $fdstat: file type, flags, rights, rights of what is opened from it.
FDSTAT: Final = struct.Struct("<BxHxxxxQQ")
#: $prestat: the tag of a directory, the length of its name.
PRESTAT: Final = struct.Struct("<BxxxI")
#: $dirent, without the name that follows: next cookie, inode, length of the name, file type.
DIRENT: Final = struct.Struct("<QQIBxxx")
#: $event: user data, error, event type, bytes, flags.
EVENT: Final = struct.Struct("<QHBxxxxxQHxxxxxx")

_U64: Final = (1 << 64) - 1
_FILETYPES: Final = {
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFCHR: CHARACTER_DEVICE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFREG: REGULAR_FILE,
    stat.S_IFSOCK: SOCKET_STREAM,
    stat.S_IFLNK: SYMBOLIC_LINK,
}


def filetype_of(mode: int) -> int:
    """$filetype of a mode as ``stat`` has it; a FIFO has none."""
    return _FILETYPES.get(stat.S_IFMT(mode), UNKNOWN)


class Status(NamedTuple):
    """$filestat. Times are nanoseconds since 1970."""

    device: int = 0
    inode: int = 0
    filetype: int = UNKNOWN
    links: int = 1
    size: int = 0
    accessed: int = 0
    modified: int = 0
    changed: int = 0


def status_of(found: os.stat_result) -> Status:
    """What the host says of a file. Times before 1970 come out as very late, which is how C casts them."""
    return Status(
        found.st_dev & _U64, found.st_ino & _U64, filetype_of(found.st_mode), found.st_nlink, found.st_size,
        found.st_atime_ns & _U64, found.st_mtime_ns & _U64, found.st_ctime_ns & _U64,
    )  # fmt: skip


class ClockSubscription(NamedTuple):
    """The part of $subscription_clock that matters; how late an event may come is not used."""

    clock: int
    timeout: int
    flags: int


@dataclass(frozen=True)
class Layout:
    """What differs between the previews.

    Attributes:
        module: the name that it is imported by.
        status: $filestat.
        subscription_bytes: size of $subscription; it begins with user data and a tag in both.
        clock: $subscription_clock, at 16 inside of $subscription.
        whence: ``os.SEEK_*`` by the guest's number.
    """

    module: str
    status: struct.Struct
    subscription_bytes: int
    clock: struct.Struct
    whence: tuple[int, int, int]

    def pack_status(self, status: Status) -> bytes:
        """Where the number of links does not fit, it is the largest that does."""
        links = min(status.links, 0xFFFFFFFF)
        return self.status.pack(*status[:3], links, *status[4:])

    def clock_subscription(self, subscription: bytes) -> ClockSubscription:
        """Of a subscription whose tag says that it is one to a clock."""
        return ClockSubscription(*self.clock.unpack_from(subscription, 16))


PREVIEW_0: Final = Layout(
    "wasi_unstable", struct.Struct("<QQBxxxIQQQQ"), 56, struct.Struct("<8xIxxxxQ8xH"),
    (os.SEEK_CUR, os.SEEK_END, os.SEEK_SET),
)  # fmt: skip
PREVIEW_1: Final = Layout(
    "wasi_snapshot_preview1", struct.Struct("<QQB7xQQQQQ"), 48, struct.Struct("<IxxxxQ8xH"),
    (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END),
)  # fmt: skip
