"""Rights of descriptors (``$rights`` of typenames.witx): what may be done with one, and what with those opened from it.

They are a program's own fence: it can give rights up, and never get them back. What keeps it inside its directories
is the kernel (``beneath``), and what keeps a read-only grant so is the grant (``directories``).
"""

from typing import Final

from wapo.vm.wasi.errno import Errno, Failure

__all__ = [
    "ALL", "DIRECTORY", "FD_ADVISE", "FD_ALLOCATE", "FD_DATASYNC", "FD_FDSTAT_SET_FLAGS", "FD_FILESTAT_GET",
    "FD_FILESTAT_SET_SIZE", "FD_FILESTAT_SET_TIMES", "FD_READ", "FD_READDIR", "FD_SEEK", "FD_SYNC", "FD_TELL",
    "FD_WRITE", "FILE", "INPUT", "OUTPUT", "PATH_CREATE_DIRECTORY", "PATH_CREATE_FILE", "PATH_FILESTAT_GET",
    "PATH_FILESTAT_SET_SIZE", "PATH_FILESTAT_SET_TIMES", "PATH_LINK_SOURCE", "PATH_LINK_TARGET", "PATH_OPEN",
    "PATH_READLINK", "PATH_REMOVE_DIRECTORY", "PATH_RENAME_SOURCE", "PATH_RENAME_TARGET", "PATH_SYMLINK",
    "PATH_UNLINK_FILE", "POLL_FD_READWRITE", "WRITING", "require",
]  # fmt: skip

FD_DATASYNC: Final = 1 << 0
FD_READ: Final = 1 << 1
FD_SEEK: Final = 1 << 2
FD_FDSTAT_SET_FLAGS: Final = 1 << 3
FD_SYNC: Final = 1 << 4
FD_TELL: Final = 1 << 5
FD_WRITE: Final = 1 << 6
FD_ADVISE: Final = 1 << 7
FD_ALLOCATE: Final = 1 << 8
PATH_CREATE_DIRECTORY: Final = 1 << 9
PATH_CREATE_FILE: Final = 1 << 10
PATH_LINK_SOURCE: Final = 1 << 11
PATH_LINK_TARGET: Final = 1 << 12
PATH_OPEN: Final = 1 << 13
FD_READDIR: Final = 1 << 14
PATH_READLINK: Final = 1 << 15
PATH_RENAME_SOURCE: Final = 1 << 16
PATH_RENAME_TARGET: Final = 1 << 17
PATH_FILESTAT_GET: Final = 1 << 18
PATH_FILESTAT_SET_SIZE: Final = 1 << 19
PATH_FILESTAT_SET_TIMES: Final = 1 << 20
FD_FILESTAT_GET: Final = 1 << 21
FD_FILESTAT_SET_SIZE: Final = 1 << 22
FD_FILESTAT_SET_TIMES: Final = 1 << 23
PATH_SYMLINK: Final = 1 << 24
PATH_REMOVE_DIRECTORY: Final = 1 << 25
PATH_UNLINK_FILE: Final = 1 << 26
POLL_FD_READWRITE: Final = 1 << 27
# 28 and 29 are those of sockets, which do not exist here.

ALL: Final = (1 << 30) - 1
#: Rights for which a file must be open for writing.
WRITING: Final = FD_WRITE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE
#: What applies to a regular file.
FILE: Final = (
    FD_DATASYNC | FD_READ | FD_SEEK | FD_FDSTAT_SET_FLAGS | FD_SYNC | FD_TELL | FD_WRITE | FD_ADVISE | FD_ALLOCATE
    | FD_FILESTAT_GET | FD_FILESTAT_SET_SIZE | FD_FILESTAT_SET_TIMES | POLL_FD_READWRITE
)  # fmt: skip
#: What applies to a directory.
DIRECTORY: Final = (
    FD_DATASYNC | FD_FDSTAT_SET_FLAGS | FD_SYNC | FD_READDIR | FD_FILESTAT_GET | FD_FILESTAT_SET_TIMES
    | PATH_CREATE_DIRECTORY | PATH_CREATE_FILE | PATH_LINK_SOURCE | PATH_LINK_TARGET | PATH_OPEN | PATH_READLINK
    | PATH_RENAME_SOURCE | PATH_RENAME_TARGET | PATH_FILESTAT_GET | PATH_FILESTAT_SET_SIZE | PATH_FILESTAT_SET_TIMES
    | PATH_SYMLINK | PATH_REMOVE_DIRECTORY | PATH_UNLINK_FILE
)  # fmt: skip
# A libc takes for a terminal what is a character device and cannot be sought in.
INPUT: Final = FD_READ | FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE
OUTPUT: Final = FD_WRITE | FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE


def require(held: int, needed: int) -> None:
    """Fails with ``NOTCAPABLE`` unless all of the needed rights are held."""
    if needed & ~held:
        raise Failure(Errno.NOTCAPABLE)
