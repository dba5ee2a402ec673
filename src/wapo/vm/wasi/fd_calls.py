"""The functions on descriptors (``fd_*``, ``sock_*``): arguments, rights, results."""

from typing import TYPE_CHECKING, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import rights
from wapo.vm.wasi.descriptors import Descriptor, DescriptorTable
from wapo.vm.wasi.directories import OpenDirectory
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.host_descriptor import HostDescriptor
from wapo.vm.wasi.layout import FDSTAT, PRESTAT, U32, U64, Layout, Status
from wapo.vm.wasi.memory import Buffers
from wapo.vm.wasi.state import WasiState, close_all
from wapo.vm.wasi.system_calls import NOW
from wapo.vm.wasi.waiting import after, awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = [
    "fd_advise", "fd_allocate", "fd_close", "fd_datasync", "fd_fdstat_get", "fd_fdstat_set_flags",
    "fd_fdstat_set_rights", "fd_filestat_get", "fd_filestat_set_size", "fd_filestat_set_times", "fd_pread",
    "fd_prestat_dir_name", "fd_prestat_get", "fd_pwrite", "fd_read", "fd_readdir", "fd_renumber", "fd_seek",
    "fd_sync", "fd_tell", "fd_write", "no_socket", "times_of",
]  # fmt: skip

Answer = int | Suspension

FLAGS: Final = 0x1F  # all of $fdflags
_SEEK_CUR: Final = 1

# $fstflags
_ACCESSED, _ACCESSED_NOW, _MODIFIED, _MODIFIED_NOW = 1, 2, 4, 8


def _held(state: WasiState, number: int, needed: int) -> Descriptor:
    """The descriptor of that number, with the rights that are needed as far as its kind has them: to read a directory
    is not forbidden, it is impossible."""
    found = state.table.get(number)
    rights.require(found.base, needed & found.possible)
    return found


def _count_at(guest: "Guest", pointer: int, value: Answer) -> Answer:
    """Writes a u32 result."""

    def write(count: int) -> int:
        guest.instance.write(pointer, U32.pack(count))
        return 0

    return after(value, write)


def _offset_at(guest: "Guest", pointer: int, value: Answer) -> Answer:
    """Writes a u64 result."""

    def write(offset: int) -> int:
        guest.instance.write(pointer, U64.pack(offset))
        return 0

    return after(value, write)


# Data


def fd_read(guest: "Guest", state: WasiState, fd: int, buffers: int, count: int, result: int) -> Answer:
    file = _held(state, fd, rights.FD_READ)
    wanted = Buffers(guest.instance, buffers, count)
    guest.instance.check(result, 4)
    return _count_at(guest, result, file.read(guest, wanted, None))


def fd_pread(guest: "Guest", state: WasiState, fd: int, buffers: int, count: int, at: int, result: int) -> Answer:
    file = _held(state, fd, rights.FD_READ | rights.FD_SEEK)
    wanted = Buffers(guest.instance, buffers, count)
    guest.instance.check(result, 4)
    return _count_at(guest, result, file.read(guest, wanted, at))


def fd_write(guest: "Guest", state: WasiState, fd: int, buffers: int, count: int, result: int) -> Answer:
    file = _held(state, fd, rights.FD_WRITE)
    given = Buffers(guest.instance, buffers, count)
    guest.instance.check(result, 4)
    return _count_at(guest, result, file.write(guest, given, None))


def fd_pwrite(guest: "Guest", state: WasiState, fd: int, buffers: int, count: int, at: int, result: int) -> Answer:
    file = _held(state, fd, rights.FD_WRITE | rights.FD_SEEK)
    given = Buffers(guest.instance, buffers, count)
    guest.instance.check(result, 4)
    return _count_at(guest, result, file.write(guest, given, at))


def fd_readdir(
    guest: "Guest", state: WasiState, fd: int, buffer: int, room: int, cookie: int, result: int
) -> Answer:  # fmt: skip
    directory = state.table.get(fd)
    if not isinstance(directory, OpenDirectory):
        raise Failure(Errno.NOTDIR if isinstance(directory, HostDescriptor) else Errno.BADF)
    rights.require(directory.base, rights.FD_READDIR)
    guest.instance.check(buffer, room)
    guest.instance.check(result, 4)

    def write(entries: bytes) -> int:
        guest.instance.write(buffer, entries)
        guest.instance.write(result, U32.pack(len(entries)))
        return 0

    return after(directory.entries(cookie, room), write)


# Position


def fd_seek(
    layout: Layout, guest: "Guest", state: WasiState, fd: int, offset: int, whence: int, result: int
) -> Answer:  # fmt: skip
    if whence > 2:
        raise Failure(Errno.INVAL)
    origin = layout.whence[whence]
    needed = rights.FD_SEEK
    if origin == _SEEK_CUR and offset == 0 and not state.table.get(fd).base & needed:
        needed = rights.FD_TELL
    file = _held(state, fd, needed)
    guest.instance.check(result, 8)
    signed = offset - (1 << 64) if offset >> 63 else offset
    return _offset_at(guest, result, file.seek(guest, signed, origin))


def fd_tell(guest: "Guest", state: WasiState, fd: int, result: int) -> Answer:
    needed = rights.FD_TELL if not state.table.get(fd).base & rights.FD_SEEK else rights.FD_SEEK
    file = _held(state, fd, needed)
    guest.instance.check(result, 8)
    return _offset_at(guest, result, file.seek(guest, 0, _SEEK_CUR))


def fd_advise(guest: "Guest", state: WasiState, fd: int, offset: int, length: int, advice: int) -> Answer:
    return _held(state, fd, rights.FD_ADVISE).advise(guest, offset, length, advice)


def fd_allocate(guest: "Guest", state: WasiState, fd: int, offset: int, length: int) -> Answer:
    return _held(state, fd, rights.FD_ALLOCATE).allocate(guest, offset, length)


def fd_sync(guest: "Guest", state: WasiState, fd: int) -> Answer:
    return _held(state, fd, rights.FD_SYNC).synchronise(guest, data_only=False)


def fd_datasync(guest: "Guest", state: WasiState, fd: int) -> Answer:
    return _held(state, fd, rights.FD_DATASYNC).synchronise(guest, data_only=True)


# What it is


def fd_fdstat_get(guest: "Guest", state: WasiState, fd: int, result: int) -> int:
    found = state.table.get(fd)
    guest.instance.write(result, FDSTAT.pack(found.filetype, found.flags, found.base, found.inheriting))
    return 0


def fd_fdstat_set_flags(guest: "Guest", state: WasiState, fd: int, flags: int) -> int:
    found = _held(state, fd, rights.FD_FDSTAT_SET_FLAGS)
    if flags & ~FLAGS:
        raise Failure(Errno.INVAL)
    found.flags = flags
    return 0


def fd_fdstat_set_rights(guest: "Guest", state: WasiState, fd: int, base: int, inheriting: int) -> int:
    """Rights can be given up only."""
    found = state.table.get(fd)
    rights.require(found.base, base)
    rights.require(found.inheriting, inheriting)
    found.base, found.inheriting = base, inheriting
    return 0


def fd_filestat_get(layout: Layout, guest: "Guest", state: WasiState, fd: int, result: int) -> Answer:
    found = _held(state, fd, rights.FD_FILESTAT_GET)
    guest.instance.check(result, layout.status.size)

    def write(status: Status) -> int:
        guest.instance.write(result, layout.pack_status(status))
        return 0

    return after(found.status(guest), write)


def fd_filestat_set_size(guest: "Guest", state: WasiState, fd: int, size: int) -> Answer:
    return _held(state, fd, rights.FD_FILESTAT_SET_SIZE).set_size(guest, size)


def times_of(accessed: int, modified: int, flags: int) -> tuple[int | None, int | None]:
    """What ``$fstflags`` ask for, as ``set_times`` has it."""
    if flags & ~0xF or flags & (both := _ACCESSED | _ACCESSED_NOW) == both:
        raise Failure(Errno.INVAL)
    if flags & (both := _MODIFIED | _MODIFIED_NOW) == both:
        raise Failure(Errno.INVAL)
    return (
        accessed if flags & _ACCESSED else NOW if flags & _ACCESSED_NOW else None,
        modified if flags & _MODIFIED else NOW if flags & _MODIFIED_NOW else None,
    )


def fd_filestat_set_times(
    guest: "Guest", state: WasiState, fd: int, accessed: int, modified: int, flags: int
) -> Answer:  # fmt: skip
    found = _held(state, fd, rights.FD_FILESTAT_SET_TIMES)
    times = times_of(accessed, modified, flags)
    return found.set_times(guest, *times)


# Numbers


def _closed(state: WasiState, found: Descriptor) -> Answer:
    found.close()
    if not found.held:
        return 0

    return awaiting(state.jobs.surely_run(lambda: close_all((found,)))).then(lambda _none: 0)


def fd_close(guest: "Guest", state: WasiState, fd: int) -> Answer:
    return _closed(state, state.table.remove(fd))


def fd_renumber(guest: "Guest", state: WasiState, fd: int, to: int) -> Answer:
    """``to`` must be open too: numbers are given out by ``path_open`` alone."""
    table = state.table
    table.get(to)
    table.get(fd)
    if fd == to:
        return 0
    replaced = table.remove(to)
    table.set(to, table.remove(fd))
    return _closed(state, replaced)


def _pre_opened(table: DescriptorTable, fd: int) -> bytes:
    """The name of a directory that the guest began with. Anything else ends a libc's search for those."""
    found = table.get(fd)
    if not isinstance(found, OpenDirectory) or found.name is None:
        raise Failure(Errno.BADF)
    return found.name


def fd_prestat_get(guest: "Guest", state: WasiState, fd: int, result: int) -> int:
    guest.instance.write(result, PRESTAT.pack(0, len(_pre_opened(state.table, fd))))
    return 0


def fd_prestat_dir_name(guest: "Guest", state: WasiState, fd: int, buffer: int, room: int) -> int:
    name = _pre_opened(state.table, fd)
    if room < len(name):
        raise Failure(Errno.NAMETOOLONG)
    guest.instance.write(buffer, name)
    return 0


def no_socket(guest: "Guest", state: WasiState, fd: int, *_: int) -> int:
    """``sock_*``: nothing that is open is a socket."""
    state.table.get(fd)
    raise Failure(Errno.NOTSOCK)
