"""Which files, ports and processes this process may still reach (landlock(7)).

What a ruleset handles is forbidden, but for what its rules allow; newer kernels handle more. It holds for the thread
that asks, and for threads that it starts afterwards.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from wapo.confinement.libc import system_call

__all__ = ["LEAST_ABI", "NETWORK_ABI", "SCOPES_ABI", "Ruleset", "abi_version"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION: Final = 1
_PATH_BENEATH, _NET_PORT = 1, 2

# linux/landlock.h
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(1, 6))
_MAKE_DIR, _MAKE_REG, _MAKE_SYM, _REFER, _TRUNCATE, _IOCTL_DEV = (1 << bit for bit in (7, 8, 12, 13, 14, 15))
_EXECUTE: Final = 1
_BIND_TCP: Final = 1
_ABSTRACT_UNIX, _SIGNAL = 1, 2

_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = (
    _READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER
)
#: What can be said of a file that is no directory.
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

#: Before it (Linux 5.19) nothing could be moved from one directory to another, which is how a store writes.
LEAST_ABI: Final = 2
_TRUNCATE_ABI: Final = 3  # Linux 6.2
NETWORK_ABI: Final = 4  # 6.7
_IOCTL_ABI: Final = 5  # 6.10
SCOPES_ABI: Final = 6  # 6.12


def abi_version() -> int:
    """What this kernel can do; 0: it has no Landlock, or it is switched off."""
    try:
        return system_call(_CREATE, 0, 0, _VERSION)
    except OSError:
        return 0


class Ruleset:
    """Rules in the making. A context manager: it holds a descriptor.

    Args:
        abi: at least :data:`LEAST_ABI`.

    Raises:
        OSError: the kernel refuses.
    """

    def __init__(self, abi: int) -> None:
        self._files = (1 << 13) - 1 | _REFER
        if abi >= _TRUNCATE_ABI:
            self._files |= _TRUNCATE
        if abi >= _IOCTL_ABI:
            self._files |= _IOCTL_DEV
        attributes = struct.pack("<Q", self._files)
        if abi >= NETWORK_ABI:
            attributes += struct.pack("<Q", _BIND_TCP)
        if abi >= SCOPES_ABI:
            attributes += struct.pack("<Q", _ABSTRACT_UNIX | _SIGNAL)
        buffer = ctypes.create_string_buffer(attributes, len(attributes))
        self._descriptor = system_call(_CREATE, ctypes.addressof(buffer), len(attributes), 0)
        self._ports = abi >= NETWORK_ABI

    def __enter__(self) -> "Ruleset":
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def allow_reading(self, paths: Iterable[Path]) -> None:
        """Reading of files, and of directories with all that is in them. Those that are missing are passed over.

        Raises:
            OSError: the kernel refuses a rule.
        """
        for path in paths:
            self._allow(path, _READ)

    def allow_writing(self, paths: Iterable[Path]) -> None:
        """As :meth:`allow_reading`; writing, making, moving and removing files and directories, too."""
        for path in paths:
            self._allow(path, _WRITE)

    def _allow(self, path: Path, rights: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            rights &= self._files
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= _OF_FILES
            self._add(_PATH_BENEATH, struct.pack("<Qi", rights, descriptor))
        finally:
            os.close(descriptor)

    def allow_listening(self, ports: Iterable[int]) -> None:
        """TCP ports; 0 stands for those that the system chooses. Nothing where the kernel does not handle ports."""
        if self._ports:
            for port in ports:
                self._add(_NET_PORT, struct.pack("<QQ", _BIND_TCP, port))

    def _add(self, kind: int, rule: bytes) -> None:
        buffer = ctypes.create_string_buffer(rule, len(rule))
        system_call(_ADD, self._descriptor, kind, ctypes.addressof(buffer), 0)

    def enforce(self) -> None:
        """From now on, for ever. Wants ``no_new_privs``.

        Raises:
            OSError: the kernel refuses.
        """
        system_call(_RESTRICT, self._descriptor, 0)
