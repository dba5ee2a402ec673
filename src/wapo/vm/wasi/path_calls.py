"""The functions on paths (``path_*``): arguments, rights, grants, results."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import names, rights
from wapo.vm.wasi.descriptors import DSYNC, RSYNC, SYNC
from wapo.vm.wasi.directories import OpenDirectory
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.fd_calls import FLAGS, times_of
from wapo.vm.wasi.host_descriptor import HostDescriptor
from wapo.vm.wasi.layout import U32, Layout
from wapo.vm.wasi.memory import read_path
from wapo.vm.wasi.opening import CREATE, MUST_BE_DIRECTORY, TRUNCATE, Opening
from wapo.vm.wasi.state import WasiState, close_all
from wapo.vm.wasi.waiting import awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = [
    "path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_link", "path_open",
    "path_readlink", "path_remove_directory", "path_rename", "path_symlink", "path_unlink_file",
]  # fmt: skip

_FOLLOW: Final = 1  # all of $lookupflags
_OPEN_FLAGS: Final = 0xF  # all of $oflags


def _directory(state: WasiState, fd: int, needed: int, *, change: bool = False) -> OpenDirectory:
    """The directory that a path begins in.

    Args:
        change: whether the call changes something: that a read-only grant has nothing to change is said before that
            a right is missing.
    """
    found = state.table.get(fd)
    if not isinstance(found, OpenDirectory):
        raise Failure(Errno.NOTDIR if isinstance(found, HostDescriptor) else Errno.BADF)
    if change:
        found.check_changeable()
    rights.require(found.base, needed)
    return found


def _follows(flags: int) -> bool:
    if flags & ~_FOLLOW:
        raise Failure(Errno.INVAL)
    return bool(flags & _FOLLOW)


def _do(state: WasiState, work: Callable[[], object]) -> Suspension:
    async def run() -> int:
        await state.jobs.run(work)
        return 0

    return awaiting(run())


def _give(state: WasiState, work: Callable[[], Any], write: Callable[[Any], int]) -> Suspension:
    return awaiting(state.jobs.run(work)).then(write)


def path_open(
    guest: "Guest", state: WasiState, fd: int, lookup: int, path: int, length: int, how: int, base: int,
    inheriting: int, flags: int, result: int,
) -> Suspension:  # fmt: skip
    follow = _follows(lookup)
    if how & ~_OPEN_FLAGS or flags & ~FLAGS or (how & CREATE and how & MUST_BE_DIRECTORY):
        raise Failure(Errno.INVAL)
    needed = rights.PATH_OPEN
    if how & CREATE:
        needed |= rights.PATH_CREATE_FILE
    if how & TRUNCATE:
        needed |= rights.PATH_FILESTAT_SET_SIZE
    within = _directory(state, fd, needed)
    name = read_path(guest.instance, path, length)
    guest.instance.check(result, 4)
    state.table.check_room()
    # Rights that no version of WASI has are not missed by anybody.
    base &= rights.ALL
    inheriting &= rights.ALL
    derived = base | inheriting
    if flags & DSYNC:
        derived |= rights.FD_DATASYNC
    if flags & (RSYNC | SYNC):
        derived |= rights.FD_SYNC
    if not within.changeable:
        derived &= ~rights.WRITING  # what is wrong with these is said when it is known what is to be opened
        inheriting &= ~rights.WRITING
    rights.require(within.inheriting, derived)
    opening = Opening(within, name, follow, how, base, inheriting, flags)

    async def open_it() -> int:
        opened = await state.jobs.run(opening.open, lambda item: close_all((item,)))
        guest.instance.write(result, U32.pack(state.table.add(opened)))
        return 0

    return awaiting(open_it())


def path_filestat_get(
    layout: Layout, guest: "Guest", state: WasiState, fd: int, lookup: int, path: int, length: int, result: int
) -> Suspension:  # fmt: skip
    follow = _follows(lookup)
    within = _directory(state, fd, rights.PATH_FILESTAT_GET).descriptor
    name = read_path(guest.instance, path, length)
    guest.instance.check(result, layout.status.size)

    def write(status: Any) -> int:
        guest.instance.write(result, layout.pack_status(status))
        return 0

    return _give(state, lambda: names.status(within, name, follow=follow), write)


def path_filestat_set_times(
    guest: "Guest", state: WasiState, fd: int, lookup: int, path: int, length: int, accessed: int, modified: int,
    flags: int,
) -> Suspension:  # fmt: skip
    follow = _follows(lookup)
    within = _directory(state, fd, rights.PATH_FILESTAT_SET_TIMES, change=True).descriptor
    name = read_path(guest.instance, path, length)
    times = times_of(accessed, modified, flags)
    return _do(state, lambda: names.touch(within, name, *times, follow=follow))


def path_create_directory(guest: "Guest", state: WasiState, fd: int, path: int, length: int) -> Suspension:
    within = _directory(state, fd, rights.PATH_CREATE_DIRECTORY, change=True).descriptor
    name = read_path(guest.instance, path, length)
    return _do(state, lambda: names.create_directory(within, name))


def path_remove_directory(guest: "Guest", state: WasiState, fd: int, path: int, length: int) -> Suspension:
    within = _directory(state, fd, rights.PATH_REMOVE_DIRECTORY, change=True).descriptor
    name = read_path(guest.instance, path, length)
    return _do(state, lambda: names.remove_directory(within, name))


def path_unlink_file(guest: "Guest", state: WasiState, fd: int, path: int, length: int) -> Suspension:
    within = _directory(state, fd, rights.PATH_UNLINK_FILE, change=True).descriptor
    name = read_path(guest.instance, path, length)
    return _do(state, lambda: names.unlink(within, name))


def path_rename(
    guest: "Guest", state: WasiState, fd: int, path: int, length: int, new_fd: int, new_path: int, new_length: int
) -> Suspension:  # fmt: skip
    within = _directory(state, fd, rights.PATH_RENAME_SOURCE, change=True).descriptor
    new_within = _directory(state, new_fd, rights.PATH_RENAME_TARGET, change=True).descriptor
    name = read_path(guest.instance, path, length)
    new_name = read_path(guest.instance, new_path, new_length)
    return _do(state, lambda: names.rename(within, name, new_within, new_name))


def path_link(
    guest: "Guest", state: WasiState, fd: int, lookup: int, path: int, length: int, new_fd: int, new_path: int,
    new_length: int,
) -> Suspension:  # fmt: skip
    """A file of a read-only grant has no second name in another, by which it could be written. Symlinks are not
    followed (as in wasmtime)."""
    if lookup:
        raise Failure(Errno.INVAL)
    within = _directory(state, fd, rights.PATH_LINK_SOURCE, change=True).descriptor
    new_within = _directory(state, new_fd, rights.PATH_LINK_TARGET, change=True).descriptor
    name = read_path(guest.instance, path, length)
    new_name = read_path(guest.instance, new_path, new_length)
    return _do(state, lambda: names.link(within, name, new_within, new_name))


def path_symlink(
    guest: "Guest", state: WasiState, target: int, target_length: int, fd: int, path: int, length: int
) -> Suspension:  # fmt: skip
    within = _directory(state, fd, rights.PATH_SYMLINK, change=True).descriptor
    text = read_path(guest.instance, target, target_length)
    name = read_path(guest.instance, path, length)
    return _do(state, lambda: names.symlink(text, within, name))


def path_readlink(
    guest: "Guest", state: WasiState, fd: int, path: int, length: int, buffer: int, room: int, result: int
) -> Suspension:  # fmt: skip
    """A target that is longer than the room is cut off."""
    within = _directory(state, fd, rights.PATH_READLINK).descriptor
    name = read_path(guest.instance, path, length)
    guest.instance.check(buffer, room)
    guest.instance.check(result, 4)

    def write(target: bytes) -> int:
        guest.instance.write(buffer, target[:room])
        guest.instance.write(result, U32.pack(min(len(target), room)))
        return 0

    return _give(state, lambda: names.read_link(within, name), write)
