"""The host functions of WASI preview 1 and preview 0, assembled (wapo-abi.md 1.4).

A function is ``call(guest, ...)`` or, where it needs the guest's descriptors, ``call(guest, state, ...)``. Here is the
border: what goes wrong inside becomes an error number, and no argument of a guest's may make anything else of it.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wapo.engine.instance import MemoryFault
from wapo.engine.linker import HostFunction
from wapo.engine.suspension import Suspension
from wapo.vm.wasi import fd_calls, path_calls, process
from wapo.vm.wasi.clocks import read_clock
from wapo.vm.wasi.errno import Errno, Failure, errno_of
from wapo.vm.wasi.layout import PREVIEW_0, PREVIEW_1, U64, Layout
from wapo.vm.wasi.poll import poll_oneoff
from wapo.vm.wasi.state import WasiState

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CLOCK_READ", "MAX_RANDOM_BYTES", "RANDOM_READ", "wasi_functions"]

MAX_RANDOM_BYTES: Final = 1 << 20

CLOCK_READ: Final = "clock"
RANDOM_READ: Final = "entropy"

#: Called with the guest and what it read, so that an image under construction knows (see ``agents.making``).
Watch = Callable[["Guest", str], None]
Call = Callable[..., Any]

_FAULT, _INVAL = int(Errno.FAULT), int(Errno.INVAL)
_ONE_NANOSECOND: Final = U64.pack(1)


def _clock_functions(watch: Watch | None) -> tuple[Call, Call]:
    """The one that tells the time is the one that programs call most: it has nothing around it."""

    def clock_time_get(guest: "Guest", clock: int, precision: int, result: int) -> int:
        now = read_clock(clock)
        if now is None:
            return _INVAL
        if watch is not None:
            watch(guest, CLOCK_READ)
        try:
            guest.instance.write(result, now.to_bytes(8, "little"))
        except MemoryFault:
            return _FAULT
        return 0

    def clock_res_get(guest: "Guest", clock: int, result: int) -> int:
        if read_clock(clock) is None:
            return _INVAL
        guest.instance.write(result, _ONE_NANOSECOND)
        return 0

    return clock_time_get, _checked(clock_res_get)


def _random_function(watch: Watch | None) -> Call:
    def random_get(guest: "Guest", buffer: int, length: int) -> int:
        guest.instance.check(buffer, length)
        if length > MAX_RANDOM_BYTES:
            return _INVAL
        if watch is not None:
            watch(guest, RANDOM_READ)
        guest.instance.write(buffer, os.urandom(length))
        return 0

    return _checked(random_get)


def _error_number(error: Exception) -> int:
    """What an error of ours, of the host's or of a pointer is to the guest. Anything else is a bug, and goes on."""
    if isinstance(error, Failure):
        return error.errno
    if isinstance(error, MemoryFault):
        return _FAULT
    if isinstance(error, OSError):
        return errno_of(error)
    raise error


def _checked(call: Call) -> Call:
    def checked(guest: "Guest", *arguments: int) -> Any:
        try:
            return call(guest, *arguments)
        except (Failure, MemoryFault, OSError) as error:
            return _error_number(error)

    return checked


def _on_descriptors(call: Call) -> Call:
    """A function that needs the guest's descriptors, which are made when they are first needed."""

    def checked(guest: "Guest", *arguments: int) -> Any:
        state = guest.wasi
        if state is None:
            state = guest.wasi = WasiState(guest)
        try:
            result = call(guest, state, *arguments)
        except (Failure, MemoryFault, OSError) as error:
            return _error_number(error)
        if type(result) is Suspension:
            return result.catch(_error_number)
        return result

    return checked


def _always(answer: Errno) -> Call:
    return lambda guest, *arguments: int(answer)


class _Function(NamedTuple):
    """One function of the interface. ``suspends``: whether it may have to wait."""

    name: str
    params: tuple[str, ...]
    call: Call
    suspends: bool = False


_I, _L = "i32", "i64"


def _descriptor_functions(layout: Layout) -> Iterable[_Function]:
    """``fd_*``, ``path_*`` and ``sock_*``."""
    fd, path = fd_calls, path_calls
    table: tuple[tuple[str, tuple[str, ...], Call], ...] = (
        ("fd_advise", (_I, _L, _L, _I), fd.fd_advise),
        ("fd_allocate", (_I, _L, _L), fd.fd_allocate),
        ("fd_close", (_I,), fd.fd_close),
        ("fd_datasync", (_I,), fd.fd_datasync),
        ("fd_filestat_get", (_I, _I), partial(fd.fd_filestat_get, layout)),
        ("fd_filestat_set_size", (_I, _L), fd.fd_filestat_set_size),
        ("fd_filestat_set_times", (_I, _L, _L, _I), fd.fd_filestat_set_times),
        ("fd_pread", (_I, _I, _I, _L, _I), fd.fd_pread),
        ("fd_pwrite", (_I, _I, _I, _L, _I), fd.fd_pwrite),
        ("fd_read", (_I, _I, _I, _I), fd.fd_read),
        ("fd_readdir", (_I, _I, _I, _L, _I), fd.fd_readdir),
        ("fd_renumber", (_I, _I), fd.fd_renumber),
        ("fd_seek", (_I, _L, _I, _I), partial(fd.fd_seek, layout)),
        ("fd_sync", (_I,), fd.fd_sync),
        ("fd_write", (_I, _I, _I, _I), fd.fd_write),
        ("path_create_directory", (_I, _I, _I), path.path_create_directory),
        ("path_filestat_get", (_I, _I, _I, _I, _I), partial(path.path_filestat_get, layout)),
        ("path_filestat_set_times", (_I, _I, _I, _I, _L, _L, _I), path.path_filestat_set_times),
        ("path_link", (_I, _I, _I, _I, _I, _I, _I), path.path_link),
        ("path_open", (_I, _I, _I, _I, _I, _L, _L, _I, _I), path.path_open),
        ("path_readlink", (_I, _I, _I, _I, _I, _I), path.path_readlink),
        ("path_remove_directory", (_I, _I, _I), path.path_remove_directory),
        ("path_rename", (_I, _I, _I, _I, _I, _I), path.path_rename),
        ("path_symlink", (_I, _I, _I, _I, _I), path.path_symlink),
        ("path_unlink_file", (_I, _I, _I), path.path_unlink_file),
    )
    for name, params, call in table:
        yield _Function(name, params, _on_descriptors(call), suspends=True)
    table = (
        ("fd_fdstat_get", (_I, _I), fd.fd_fdstat_get),
        ("fd_fdstat_set_flags", (_I, _I), fd.fd_fdstat_set_flags),
        ("fd_fdstat_set_rights", (_I, _L, _L), fd.fd_fdstat_set_rights),
        ("fd_prestat_dir_name", (_I, _I, _I), fd.fd_prestat_dir_name),
        ("fd_prestat_get", (_I, _I), fd.fd_prestat_get),
        ("fd_tell", (_I, _I), fd.fd_tell),
        ("sock_recv", (_I, _I, _I, _I, _I, _I), fd.no_socket),
        ("sock_send", (_I, _I, _I, _I, _I), fd.no_socket),
        ("sock_shutdown", (_I, _I), fd.no_socket),
    )
    if layout is PREVIEW_1:
        table = (*table, ("sock_accept", (_I, _I, _I), fd.no_socket))
    for name, params, call in table:
        yield _Function(name, params, _on_descriptors(call))


def _process_functions(layout: Layout, watch: Watch | None, *, waits: bool) -> Iterable[_Function]:
    """What has nothing to do with descriptors, and waiting."""
    clock_time_get, clock_res_get = _clock_functions(watch)
    yield _Function("clock_time_get", (_I, _L, _I), clock_time_get)
    yield _Function("clock_res_get", (_I, _I), clock_res_get)
    yield _Function("random_get", (_I, _I), _random_function(watch))
    for name in ("args_get", "args_sizes_get", "environ_get", "environ_sizes_get"):
        yield _Function(name, (_I, _I), _checked(getattr(process, name)))
    yield _Function("proc_raise", (_I,), process.proc_raise)
    params = (_I, _I, _I, _I)
    if waits:
        yield _Function("poll_oneoff", params, _on_descriptors(partial(poll_oneoff, layout)), suspends=True)
        yield _Function("sched_yield", (), process.sched_yield, suspends=True)
    else:
        yield _Function("poll_oneoff", params, _always(Errno.NOTSUP))


def wasi_functions(watch: Watch | None = None, *, suspends: bool = False) -> list[HostFunction]:
    """The functions of both previews.

    Args:
        watch: hears of clock and randomness reads.
        suspends: whether they may wait. Without, there is nothing to wait for: ``poll_oneoff`` is not supported,
            ``sched_yield`` ends the slice and no more, and guests that are linked to them must not be given
            directories or an input.
    """
    functions = []
    for layout in (PREVIEW_1, PREVIEW_0):
        functions.append(HostFunction(layout.module, "proc_exit", (_I,), (), process.proc_exit))
        if not suspends:
            functions.append(HostFunction(layout.module, "sched_yield", (), (_I,), process.end_slice, suspends=True))
        for part in (_process_functions(layout, watch, waits=suspends), _descriptor_functions(layout)):
            functions += [
                HostFunction(layout.module, name, params, (_I,), call, waits and suspends)
                for name, params, call, waits in part
            ]
    return functions
