"""Preview 0: the same functions under ``wasi_unstable``, where structures are laid out as they were then."""

import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller
from tests.vm.wasi.test_poll import ABSOLUTE, CLOCK, FD_READ, MONOTONIC, MS, clock, finish, ready
from wapo.engine.engine import Engine
from wapo.vm.wasi import BytesInput, WasiSettings, rights, wasi_functions
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.layout import PREVIEW_0, PREVIEW_1, Status
from wapo.vm.wasi.opening import CREATE

# The functions of the two witx documents, with the types of their parameters and result in WebAssembly.
_OLD = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii", "clock_res_get": "ii",
    "clock_time_get": "ili", "fd_advise": "illi", "fd_allocate": "ill", "fd_close": "i", "fd_datasync": "i",
    "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "ill", "fd_filestat_get": "ii",
    "fd_filestat_set_size": "il", "fd_filestat_set_times": "illi", "fd_pread": "iiili", "fd_prestat_get": "ii",
    "fd_prestat_dir_name": "iii", "fd_pwrite": "iiili", "fd_read": "iiii", "fd_readdir": "iiili", "fd_renumber": "ii",
    "fd_seek": "ilii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii", "path_create_directory": "iii",
    "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiilli", "path_link": "iiiiiii",
    "path_open": "iiiiillii", "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
    "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i", "proc_raise": "i",
    "sched_yield": "", "random_get": "ii", "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}  # fmt: skip
_NEW = _OLD | {"sock_accept": "iii"}


@pytest.fixture
async def old(engine: Engine, given: WasiSettings) -> AsyncIterator[Caller]:
    """A guest of preview 0 with ``/data``."""
    async with Caller(engine, old=True, wasi=given) as caller:
        yield caller


@pytest.mark.parametrize("suspends", [False, True])
def test_every_function_is_there_with_its_type(suspends: bool) -> None:
    for layout, expected in ((PREVIEW_0, _OLD), (PREVIEW_1, _NEW)):
        found = {
            item.name: "".join("l" if kind == "i64" else "i" for kind in item.params)
            for item in wasi_functions(suspends=suspends)
            if item.module == layout.module
        }
        assert found == expected
    for item in wasi_functions(suspends=suspends):
        assert item.results == (() if item.name == "proc_exit" else ("i32",))
        assert suspends or not item.suspends or item.name == "sched_yield"


def test_the_status_of_a_file() -> None:
    status = Status(1, 2, 4, 1 << 40, 5, 6, 7, 8)
    assert PREVIEW_1.pack_status(status) != PREVIEW_0.pack_status(status)
    assert len(PREVIEW_0.pack_status(status)) == 56
    assert len(PREVIEW_1.pack_status(Status())) == 64


async def test_status_in_preview_0(old: Caller, granted: Path) -> None:
    (granted / "file").write_text("text")
    (granted / "again").hardlink_to(granted / "file")
    host = (granted / "file").stat()
    expected = (host.st_dev, host.st_ino, 4, 2, 4, host.st_atime_ns, host.st_mtime_ns, host.st_ctime_ns)
    old.put(b"#" * 64)
    assert await old.on_path("path_filestat_get", "file", BUFFER, before=(0,)) is Errno.SUCCESS
    assert struct.unpack("<QQBxxxIQQQQ", old.get(56)) == expected
    assert old.get(8, BUFFER + 56) == b"#" * 8
    file = await old.open("file", base=rights.FD_READ | rights.FD_FILESTAT_GET)
    await old.good("fd_filestat_get", file, BUFFER)
    assert struct.unpack("<QQBxxxIQQQQ", old.get(56)) == expected
    end = old.guest.instance.memory_size
    assert await old.call("fd_filestat_get", file, end - 55) is Errno.FAULT
    await old.good("fd_filestat_get", file, end - 56)


async def test_whence_in_preview_0(old: Caller) -> None:
    """Current, end, start; not start, current, end."""
    file = await old.open("f", how=CREATE, base=rights.FILE)
    assert await old.write(file, b"0123456789") == 10
    for offset, whence, expected in ((-3, 0, 7), (-1, 1, 9), (4, 2, 4)):
        await old.good("fd_seek", file, offset, whence, SCRATCH)
        assert old.u64(SCRATCH) == expected
    await old.good("fd_tell", file, SCRATCH)
    assert old.u64(SCRATCH) == 4
    assert await old.call("fd_seek", file, 0, 3, SCRATCH) is Errno.INVAL


async def test_subscriptions_in_preview_0(engine: Engine) -> None:
    """A clock has an identifier of its own in front, and a subscription is 56 bytes."""
    async with Caller(engine, old=True, wasi=WasiSettings(stdin=BytesInput(b"abc"))) as guest:

        async def poll(*subscriptions: bytes) -> list[tuple[int, Errno, int, int, int]]:
            guest.put(b"".join(subscriptions), BUFFER)
            guest.begin("poll_oneoff", BUFFER, BUFFER + 100_000, len(subscriptions), SCRATCH)
            return await finish(guest)

        assert await poll(clock(1, 3600_000 * MS, old=True), clock(2, 15 * MS, clock=0, old=True)) == [
            (2, Errno.SUCCESS, CLOCK, 0, 0)
        ]
        assert await poll(clock(1, 5, old=True, flags=ABSOLUTE), ready(2, FD_READ, 0, old=True)) == [
            (1, Errno.SUCCESS, CLOCK, 0, 0), (2, Errno.SUCCESS, FD_READ, 3, 0),
        ]  # fmt: skip
        assert await poll(clock(1, 5, clock=2, old=True)) == [(1, Errno.INVAL, CLOCK, 0, 0)]
        assert await guest.call("poll_oneoff", BUFFER, BUFFER, 0, SCRATCH) is Errno.INVAL
        await guest.good("clock_time_get", MONOTONIC, 0, BUFFER)


async def test_files_in_preview_0(old: Caller, granted: Path) -> None:
    """The rest is the same."""
    (granted / "dir").mkdir()
    file = await old.open("dir/../file", how=CREATE, base=rights.FILE)
    assert await old.write(file, b"text") == 4
    assert await old.call("path_rename", 3, *old.path("file"), 3, *old.path("dir/file", 8192)) is Errno.SUCCESS
    assert (granted / "dir" / "file").read_text() == "text"
    assert await old.try_open("../x") is Errno.PERM
