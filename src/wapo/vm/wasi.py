"""WASI preview 1 (wapo-abi.md 1.4): arguments, environment, clocks, randomness; stdout and stderr become log lines.

No file system and no sockets: every other descriptor is ``EBADF``. Nothing here blocks.
"""

import os
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wapo.engine.errors import GuestExited
from wapo.engine.instance import MemoryFault
from wapo.engine.linker import HostFunction

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CLOCK_READ", "RANDOM_READ", "wasi_functions"]

_OK, _EBADF, _EFAULT, _EINVAL, _ENOSYS, _ENOTSUP, _ESPIPE = 0, 8, 21, 28, 52, 58, 70
_CHARACTER_DEVICE: Final = 2
_MAX_RANDOM_BYTES: Final = 1 << 20
_MAX_IOVECS: Final = 1024
_MAX_LINE_BYTES: Final = 64 << 10

CLOCK_READ: Final = "clock"
RANDOM_READ: Final = "entropy"

#: Called with the guest and what it read, so that an image under construction knows (see ``agents.images``).
Watch = Callable[["Guest", str], None]


def _strings(guest: "Guest", items: list[bytes], pointers: int, buffer: int) -> int:
    at = buffer
    for index, item in enumerate(items):
        guest.instance.write(pointers + 4 * index, struct.pack("<I", at))
        guest.instance.write(at, item)
        at += len(item)
    return _OK


def _sizes(guest: "Guest", items: list[bytes], count: int, size: int) -> int:
    guest.instance.write(count, struct.pack("<I", len(items)))
    guest.instance.write(size, struct.pack("<I", sum(map(len, items))))
    return _OK


def _args(guest: "Guest") -> list[bytes]:
    return [arg.encode() + b"\0" for arg in guest.args]


def _env(guest: "Guest") -> list[bytes]:
    return [f"{key}={value}".encode() + b"\0" for key, value in guest.env]


def _write_lines(guest: "Guest", descriptor: int, data: bytes) -> None:
    """Whole lines go to the log, the rest waits for its end (or is cut off where it gets too long)."""
    lines = (guest.stdio.get(descriptor, b"") + data).split(b"\n")
    rest = lines.pop()
    if len(rest) > _MAX_LINE_BYTES:
        lines.append(rest)
        rest = b""
    guest.stdio[descriptor] = rest
    for line in lines:
        guest.services.log(guest, 3 if descriptor == 1 else 1, line[:_MAX_LINE_BYTES].decode("utf-8", "replace"))


def fd_write(guest: "Guest", descriptor: int, iovecs: int, count: int, written: int) -> int:
    if descriptor not in (1, 2):
        return _EBADF
    if count > _MAX_IOVECS:
        return _EINVAL
    parts = []
    for pointer, length in struct.iter_unpack("<II", guest.instance.read(iovecs, 8 * count)):
        guest.instance.check(pointer, length)
        parts.append((pointer, length))
    total = 0
    for pointer, length in parts:
        _write_lines(guest, descriptor, guest.instance.read(pointer, min(length, 1 << 20)))
        total += length
    guest.instance.write(written, struct.pack("<I", total & 0xFFFFFFFF))
    return _OK


def fd_read(guest: "Guest", descriptor: int, iovecs: int, count: int, read: int) -> int:
    if descriptor != 0:
        return _EBADF
    guest.instance.write(read, struct.pack("<I", 0))
    return _OK


def fd_fdstat_get(guest: "Guest", descriptor: int, pointer: int) -> int:
    if descriptor > 2:
        return _EBADF
    rights = 2 if descriptor == 0 else 64
    guest.instance.write(pointer, struct.pack("<BxHxxxxQQ", _CHARACTER_DEVICE, 0, rights, 0))
    return _OK


def fd_filestat_get(guest: "Guest", descriptor: int, pointer: int) -> int:
    if descriptor > 2:
        return _EBADF
    guest.instance.write(pointer, struct.pack("<QQB7xQQQQQ", 0, 0, _CHARACTER_DEVICE, 1, 0, 0, 0, 0))
    return _OK


def _clock_ns(clock: int) -> int | None:
    if clock == 0:
        return time.time_ns()
    return time.monotonic_ns() if clock == 1 else None


def wasi_functions(watch: Watch | None = None) -> list[HostFunction]:
    """The functions under both module names. ``watch`` hears of clock and randomness reads."""

    def clock_time_get(guest: "Guest", clock: int, precision: int, pointer: int) -> int:
        now = _clock_ns(clock)
        if now is None:
            return _EINVAL
        if watch is not None:
            watch(guest, CLOCK_READ)
        guest.instance.write(pointer, now.to_bytes(8, "little"))
        return _OK

    def clock_res_get(guest: "Guest", clock: int, pointer: int) -> int:
        if clock > 1:
            return _EINVAL
        guest.instance.write(pointer, (1).to_bytes(8, "little"))
        return _OK

    def random_get(guest: "Guest", pointer: int, length: int) -> int:
        guest.instance.check(pointer, length)
        if length > _MAX_RANDOM_BYTES:
            return _EINVAL
        if watch is not None:
            watch(guest, RANDOM_READ)
        guest.instance.write(pointer, os.urandom(length))
        return _OK

    def proc_exit(guest: "Guest", code: int) -> None:
        raise GuestExited(code)

    def stdio_only(answer: int) -> Callable[..., int]:
        return lambda guest, descriptor, *rest: answer if descriptor <= 2 else _EBADF

    def always(answer: int) -> Callable[..., int]:
        return lambda guest, *rest: answer

    i, l = "i32", "i64"  # noqa: E741
    table: list[tuple[str, tuple[str, ...], Callable[..., Any]]] = [
        ("args_get", (i, i), lambda g, p, b: _strings(g, _args(g), p, b)),
        ("args_sizes_get", (i, i), lambda g, c, s: _sizes(g, _args(g), c, s)),
        ("environ_get", (i, i), lambda g, p, b: _strings(g, _env(g), p, b)),
        ("environ_sizes_get", (i, i), lambda g, c, s: _sizes(g, _env(g), c, s)),
        ("clock_res_get", (i, i), clock_res_get),
        ("clock_time_get", (i, l, i), clock_time_get),
        ("random_get", (i, i), random_get),
        ("fd_write", (i, i, i, i), fd_write),
        ("fd_read", (i, i, i, i), fd_read),
        ("fd_fdstat_get", (i, i), fd_fdstat_get),
        ("fd_filestat_get", (i, i), fd_filestat_get),
        ("fd_close", (i,), stdio_only(_OK)),
        ("fd_sync", (i,), stdio_only(_EINVAL)),
        ("fd_datasync", (i,), stdio_only(_EINVAL)),
        ("fd_fdstat_set_flags", (i, i), stdio_only(_OK)),
        ("fd_fdstat_set_rights", (i, l, l), stdio_only(_ENOTSUP)),
        ("fd_seek", (i, l, i, i), stdio_only(_ESPIPE)),
        ("fd_tell", (i, i), stdio_only(_ESPIPE)),
        ("fd_advise", (i, l, l, i), stdio_only(_ESPIPE)),
        ("fd_allocate", (i, l, l), stdio_only(_EINVAL)),
        ("fd_filestat_set_size", (i, l), stdio_only(_EINVAL)),
        ("fd_filestat_set_times", (i, l, l, i), stdio_only(_EINVAL)),
        ("fd_pread", (i, i, i, l, i), stdio_only(_ESPIPE)),
        ("fd_pwrite", (i, i, i, l, i), stdio_only(_ESPIPE)),
        ("fd_prestat_get", (i, i), always(_EBADF)),
        ("fd_prestat_dir_name", (i, i, i), always(_EBADF)),
        ("fd_readdir", (i, i, i, l, i), always(_EBADF)),
        ("fd_renumber", (i, i), always(_EBADF)),
        ("path_create_directory", (i, i, i), always(_EBADF)),
        ("path_filestat_get", (i, i, i, i, i), always(_EBADF)),
        ("path_filestat_set_times", (i, i, i, i, l, l, i), always(_EBADF)),
        ("path_link", (i, i, i, i, i, i, i), always(_EBADF)),
        ("path_open", (i, i, i, i, i, l, l, i, i), always(_EBADF)),
        ("path_readlink", (i, i, i, i, i, i), always(_EBADF)),
        ("path_remove_directory", (i, i, i), always(_EBADF)),
        ("path_rename", (i, i, i, i, i, i), always(_EBADF)),
        ("path_symlink", (i, i, i, i, i), always(_EBADF)),
        ("path_unlink_file", (i, i, i), always(_EBADF)),
        ("poll_oneoff", (i, i, i, i), always(_ENOTSUP)),
        ("sched_yield", (), always(_OK)),
        ("sock_accept", (i, i, i), always(_EBADF)),
        ("sock_recv", (i, i, i, i, i, i), always(_EBADF)),
        ("sock_send", (i, i, i, i, i), always(_EBADF)),
        ("sock_shutdown", (i, i), always(_EBADF)),
        ("proc_raise", (i,), always(_ENOSYS)),
    ]
    functions = []
    for module in ("wasi_snapshot_preview1", "wasi_unstable"):
        functions.append(HostFunction(module, "proc_exit", (i,), (), proc_exit))
        functions += [HostFunction(module, name, params, (i,), _checked(call)) for name, params, call in table]
    return functions


def _checked(call: Callable[..., Any]) -> Callable[..., Any]:
    def checked(guest: "Guest", *arguments: int) -> Any:
        try:
            return call(guest, *arguments)
        except MemoryFault:
            return _EFAULT

    return checked
