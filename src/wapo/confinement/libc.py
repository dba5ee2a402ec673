"""The C library's ways into the kernel that Python has no module for."""

import ctypes
import os
from typing import Final

__all__ = ["prctl", "system_call"]

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def system_call(number: int, *arguments: int) -> int:
    """A system call by its number; addresses are integers, too.

    Raises:
        OSError: the kernel refuses.
    """
    return _result(_libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2). Missing arguments are 0, as the newer options demand.

    Raises:
        OSError: the kernel refuses.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _result(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, padded)))


def _result(value: int) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return value
