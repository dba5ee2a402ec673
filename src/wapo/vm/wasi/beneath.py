"""Opening what is inside a directory, and never what is not.

A path is a guest's, and the tree that it names changes while it is looked at: a guest renames directories and plants
symlinks, and so may others. So paths are not examined and then opened; the kernel does both at once (``openat2`` with
``RESOLVE_BENEATH``), or, where it cannot, a walk does that opens one component at a time, follows symlinks itself, and
goes up only by returning to a directory through which it came. What other calls get is an open directory and the last
component, which they do not follow.

Everything here blocks: on threads only. Leading out of the directory, by ``..``, by a symlink or by a leading slash,
fails with ``PERM``, as wasmtime has it.
"""

import errno
import os
import stat
from functools import cache
from typing import Final

from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.system_calls import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, openat2

__all__ = ["locate", "open_beneath", "open_by_walking"]

_RESOLVE: Final = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
#: How often the kernel is asked again when it could not be sure because something was renamed meanwhile.
_ATTEMPTS: Final = 64
#: Linux's own limit.
_MAX_SYMLINKS: Final = 40
#: Directories that a walk has open at once.
_MAX_DEPTH: Final = 128
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_FDCWD: Final = -100


@cache
def kernel_resolves() -> bool:
    """Whether there is ``openat2``: since Linux 5.6, unless a container's filter of system calls forbids it."""
    try:
        os.close(openat2(_AT_FDCWD, b".", os.O_PATH, 0, _RESOLVE))
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL, errno.E2BIG)
    return True


def open_beneath(directory: int, path: bytes, flags: int, mode: int = 0) -> int:
    """A descriptor of what the path names from the directory on.

    Args:
        flags: as for ``open``; ``O_NOFOLLOW`` is about the last component only.
        mode: of a file that is created; 0 unless ``O_CREAT`` is set.

    Raises:
        OSError: as ``open`` does.
        Failure: ``PERM``: the path leads out of the directory.
    """
    if kernel_resolves():
        return _open_by_kernel(directory, path, flags, mode)
    return open_by_walking(directory, path, flags, mode)


def _open_by_kernel(directory: int, path: bytes, flags: int, mode: int) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            return openat2(directory, path, flags, mode, _RESOLVE)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise Failure(Errno.PERM) from None
            again = error.errno in (errno.EAGAIN, errno.EINTR)
            if not again or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def open_by_walking(directory: int, path: bytes, flags: int, mode: int) -> int:
    """The same, a component at a time."""
    if path.startswith(b"/"):
        raise Failure(Errno.PERM)
    entered: list[int] = []
    try:
        return _walk(directory, entered, path, flags | os.O_CLOEXEC, mode)
    finally:
        for descriptor in entered:
            os.close(descriptor)


def _components(path: bytes) -> list[bytes]:
    """The last one first. What a trailing slash means is ``.``: it must be a directory."""
    parts = path.split(b"/")
    if not parts[-1]:
        parts[-1] = b"."
    return [part for part in reversed(parts) if part]


def _walk(directory: int, entered: list[int], path: bytes, flags: int, mode: int) -> int:
    follow = not flags & os.O_NOFOLLOW and not (flags & os.O_CREAT and flags & os.O_EXCL)
    parts = _components(path)
    symlinks = 0
    while True:
        here = entered[-1] if entered else directory
        name = parts.pop()
        if name == b"..":
            if not entered:
                raise Failure(Errno.PERM)
            os.close(entered.pop())
            parts = parts or [b"."]
        elif name == b".":
            if not parts:
                if flags & os.O_CREAT:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                return os.open(b".", flags, dir_fd=here)
        elif not parts and not follow:
            return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=here)
        else:
            try:
                found = os.open(name, _LOOK, dir_fd=here)
            except FileNotFoundError:
                if flags & os.O_CREAT and not parts:
                    return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=here)
                if flags & os.O_CREAT and parts == [b"."]:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
                raise
            entered.append(found)
            if len(entered) > _MAX_DEPTH:
                raise Failure(Errno.NAMETOOLONG)
            kind = os.fstat(found).st_mode
            if stat.S_ISLNK(kind):
                target = os.readlink(b"", dir_fd=found)
                os.close(entered.pop())
                symlinks += 1
                if symlinks > _MAX_SYMLINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith(b"/"):
                    raise Failure(Errno.PERM)
                parts += _components(target)
            elif not parts:
                os.close(entered.pop())
                return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=here)
            elif not stat.S_ISDIR(kind):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def locate(directory: int, path: bytes) -> tuple[int, bytes]:
    """The directory that the last component of a path is in, open and the caller's to close, and that component.

    The component keeps one trailing slash, if there was one: calls that make, remove or rename do not follow a symlink
    for it, they insist on a directory; others must not be given it. A path that ends in ``.`` or ``..`` comes back as
    the directory that it names and ``.``, so nothing can go up.
    """
    if path.startswith(b"/"):
        raise Failure(Errno.PERM)
    body = path.rstrip(b"/")
    head, _, name = body.rpartition(b"/")
    if name in (b".", b".."):
        head, name = body, b"."
    elif len(body) < len(path):
        name += b"/"
    return open_beneath(directory, head or b".", os.O_PATH | os.O_DIRECTORY), name
