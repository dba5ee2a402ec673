"""System calls that Python does not have. All of them may block, and raise ``OSError``."""

import ctypes
import errno
import os
import platform
import stat
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

__all__ = [
    "NOW", "RESOLVE_BENEATH", "RESOLVE_NO_MAGICLINKS", "Entry", "allocate", "list_directory", "openat2", "set_times",
]  # fmt: skip

_libc: Final = ctypes.CDLL(None, use_errno=True)
_c_int, _c_long, _c_char_p, _c_void_p = ctypes.c_int, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p

_SYS_OPENAT2: Final = 437  # the same on every architecture that Linux has got since 2019
_SYS_GETDENTS64: Final = {"x86_64": 217, "aarch64": 61, "riscv64": 61}

RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_BENEATH: Final = 0x08

_syscall: Final = _libc.syscall
_syscall.restype = _c_long


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat2(directory: int, path: bytes, flags: int, mode: int, resolve: int) -> int:
    """``openat2(2)``: a descriptor, closed on exec. The path must have no NUL in it."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    return _check(
        _syscall(
            _c_long(_SYS_OPENAT2), _c_long(directory), _c_char_p(path), ctypes.byref(how),
            _c_long(ctypes.sizeof(how)),
        )
    )  # fmt: skip


# Allocation

_fallocate: Final = _libc.fallocate64 if hasattr(_libc, "fallocate64") else _libc.fallocate
_fallocate.restype = _c_int
_fallocate.argtypes = (_c_int, _c_int, ctypes.c_int64, ctypes.c_int64)


def allocate(descriptor: int, offset: int, length: int) -> None:
    """``fallocate(2)``. Not ``posix_fallocate``, which writes every block where a file system cannot allocate."""
    _check(_fallocate(descriptor, 0, offset, length))


# Times

#: In place of nanoseconds: the time at which it is set.
NOW: Final = -1

_UTIME_NOW: Final = (1 << 30) - 1
_UTIME_OMIT: Final = (1 << 30) - 2
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
_BILLION: Final = 1_000_000_000


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", _c_long))


_utimensat: Final = _libc.utimensat
_utimensat.restype = _c_int
_utimensat.argtypes = (_c_int, _c_char_p, _c_void_p, _c_int)
_futimens: Final = _libc.futimens
_futimens.restype = _c_int
_futimens.argtypes = (_c_int, _c_void_p)


def _time_spec(time: int | None) -> _TimeSpec:
    if time is None:
        return _TimeSpec(0, _UTIME_OMIT)
    return _TimeSpec(0, _UTIME_NOW) if time == NOW else _TimeSpec(*divmod(time, _BILLION))


def set_times(descriptor: int, accessed: int | None, modified: int | None, name: bytes | None = None) -> None:
    """Of an open file (``O_PATH`` is enough), or of what has that name in an open directory: a symlink there is not
    followed.

    Args:
        accessed, modified: nanoseconds since 1970, ``NOW``, or None to leave one as it is.
    """
    times = (_TimeSpec * 2)(_time_spec(accessed), _time_spec(modified))
    address = ctypes.addressof(times)
    if name is not None:
        _check(_utimensat(descriptor, name, address, _AT_SYMLINK_NOFOLLOW))
        return
    try:
        _check(_futimens(descriptor, address))
    except OSError as error:
        if error.errno != errno.EBADF:  # what the kernel says of O_PATH here
            raise
        try:
            _check(_utimensat(descriptor, b"", address, _AT_EMPTY_PATH))
        except OSError as other:
            if other.errno != errno.EINVAL:
                raise
            _check(_utimensat(-1, f"/proc/self/fd/{descriptor}".encode(), address, 0))  # before Linux 5.8


# Directories


class Entry(NamedTuple):
    """One name in a directory. ``next`` is the place after it, ``mode`` its type as ``stat`` has it, 0 for unknown."""

    inode: int
    next: int
    mode: int
    name: bytes


_LISTING_BYTES: Final = 32768
_HEADER_BYTES: Final = 19


def _getdents64(descriptor: int, buffer: Any) -> int:
    if hasattr(_libc, "getdents64"):
        return _check(_libc.getdents64(_c_int(descriptor), buffer, ctypes.c_size_t(len(buffer))))
    number = _SYS_GETDENTS64[platform.machine()]
    return _check(_syscall(_c_long(number), _c_long(descriptor), buffer, _c_long(len(buffer))))


def list_directory(descriptor: int, place: int) -> Iterator[Entry]:
    """The entries of an open directory from a place on, as its file system orders them, ``.`` and ``..`` too.

    A place is 0 for the beginning, or the ``next`` of an entry. Moves the position of the descriptor.
    """
    os.lseek(descriptor, place, os.SEEK_SET)
    buffer = ctypes.create_string_buffer(_LISTING_BYTES)
    while size := _getdents64(descriptor, buffer):
        data = buffer.raw[:size]
        at = 0
        while at < size:  # linux_dirent64: u64 inode, s64 next, u16 length of the record, u8 type, name, NUL
            length = int.from_bytes(data[at + 16 : at + 18], "little")
            yield Entry(
                int.from_bytes(data[at : at + 8], "little"),
                int.from_bytes(data[at + 8 : at + 16], "little"),
                stat.S_IFMT(data[at + 18] << 12),
                data[at + _HEADER_BYTES : data.index(0, at + _HEADER_BYTES)],
            )
            at += length
