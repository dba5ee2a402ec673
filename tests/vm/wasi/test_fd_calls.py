"""Functions on descriptors: numbers, rights, flags, positions, listings."""

import os
import struct
from pathlib import Path

import pytest

from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller
from wapo.engine.engine import Engine
from wapo.vm.wasi import Grant, WasiSettings, opened, rights
from wapo.vm.wasi.directories import MAX_LISTING_BYTES
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.opening import CREATE, EXCLUSIVE, MUST_BE_DIRECTORY, TRUNCATE

READ_WRITE = rights.FD_READ | rights.FD_WRITE | rights.FD_SEEK | rights.FD_TELL


async def fdstat(guest: Caller, fd: int) -> tuple[int, int, int, int]:
    """File type, flags, rights, inheriting rights."""
    await guest.good("fd_fdstat_get", fd, BUFFER)
    return struct.unpack("<BxHxxxxQQ", guest.get(24))  # type: ignore[return-value]


# Without directories


async def test_without_directories_there_is_nothing_to_open(engine: Engine) -> None:
    """wapo-abi.md 1.4: descriptor 3 is BADF, and so is every operation on paths."""
    async with Caller(engine) as guest:
        assert await guest.call("fd_prestat_get", 3, BUFFER) is Errno.BADF
        assert await guest.call("fd_prestat_dir_name", 3, BUFFER, 100) is Errno.BADF
        assert await guest.try_open("x") is Errno.BADF
        assert await guest.on_path("path_create_directory", "x") is Errno.BADF
        assert await guest.on_path("path_unlink_file", "x", fd=0) is Errno.BADF
        assert await guest.call("path_rename", 3, *guest.path("x"), 3, *guest.path("y", 8192)) is Errno.BADF
        assert await guest.call("fd_readdir", 3, BUFFER, 100, 0, SCRATCH) is Errno.BADF


async def test_standard_descriptors(engine: Engine) -> None:
    async with Caller(engine) as guest:
        for fd in range(3):
            filetype, flags, base, inheriting = await fdstat(guest, fd)
            assert (filetype, flags, inheriting) == (2, 0, 0)
            assert bool(base & rights.FD_READ) == (fd == 0)
            assert bool(base & rights.FD_WRITE) == (fd > 0)
            assert await guest.call("fd_seek", fd, 0, 0, SCRATCH) is Errno.SPIPE
            assert await guest.call("fd_tell", fd, SCRATCH) is Errno.SPIPE
            assert await guest.call("fd_advise", fd, 0, 0, 0) is Errno.SPIPE
            assert await guest.call("fd_pread", fd, *guest.buffers([(BUFFER, 1)]), 0, SCRATCH) in (
                Errno.SPIPE, Errno.BADF,
            )  # fmt: skip
            assert await guest.call("fd_sync", fd) is Errno.INVAL
            assert await guest.call("fd_readdir", fd, BUFFER, 100, 0, SCRATCH) is Errno.BADF
            assert await guest.call("sock_shutdown", fd, 1) is Errno.NOTSOCK
            assert await guest.call("sock_recv", fd, 0, 0, 0, SCRATCH, SCRATCH) is Errno.NOTSOCK
            await guest.good("fd_filestat_get", fd, BUFFER)
            assert guest.get(1, BUFFER + 16) == b"\x02"
        assert await guest.write(0, b"x") is Errno.BADF
        assert await guest.call("fd_read", 1, *guest.buffers([(BUFFER, 1)]), SCRATCH) is Errno.BADF
        assert await guest.call("sock_shutdown", 9, 1) is Errno.BADF
        assert await guest.call("sock_accept", 9, 0, SCRATCH) is Errno.BADF
        assert await guest.read(0) == b""


async def test_closed_standard_descriptors_stay_closed(engine: Engine) -> None:
    async with Caller(engine) as guest:
        await guest.good("fd_close", 1)
        assert await guest.write(1, b"x\n") is Errno.BADF
        assert await guest.call("fd_close", 1) is Errno.BADF
        assert await guest.write(2, b"x\n") == 2
        await guest.good("fd_renumber", 2, 0)
        assert await guest.write(0, b"y\n") == 2
        assert await guest.write(2, b"x\n") is Errno.BADF
        assert guest.services.lines == [(1, "x"), (1, "y")]


# Numbers


async def test_numbers_are_the_lowest_free_ones_from_3(guest: Caller, granted: Path) -> None:
    (granted / "f").touch()
    assert [await guest.open("f") for _ in range(3)] == [4, 5, 6]
    await guest.good("fd_close", 0)
    await guest.good("fd_close", 5)
    assert await guest.open("f") == 5
    assert await guest.open("f") == 7


async def test_how_many_may_be_open(engine: Engine, granted: Path) -> None:
    (granted / "f").touch()
    with opened([Grant(granted, ".")]) as directories:
        async with Caller(engine, wasi=WasiSettings(directories, open_files=3)) as guest:
            assert [await guest.open("f") for _ in range(3)] == [4, 5, 6]
            assert await guest.try_open("f") is Errno.MFILE
            await guest.good("fd_close", 5)
            assert await guest.open("f") == 5


async def test_pre_opened_directories_have_names(engine: Engine, granted: Path, tmp_path: Path) -> None:
    with opened([Grant(granted, "/data"), Grant(tmp_path, ".", writable=False)]) as directories:
        async with Caller(engine, wasi=WasiSettings(directories)) as guest:
            for fd, name in ((3, b"/data"), (4, b".")):
                await guest.good("fd_prestat_get", fd, BUFFER)
                assert struct.unpack("<BxxxI", guest.get(8)) == (0, len(name))
                guest.put(b"#" * 10)
                await guest.good("fd_prestat_dir_name", fd, BUFFER, len(name) + 1)
                assert guest.get(10) == name.ljust(10, b"#")
                assert await guest.call("fd_prestat_dir_name", fd, BUFFER, len(name) - 1) is Errno.NAMETOOLONG
            assert await guest.call("fd_prestat_get", 5, BUFFER) is Errno.BADF
            assert await guest.call("fd_prestat_get", 0, BUFFER) is Errno.BADF
            inner = await guest.open(".", how=MUST_BE_DIRECTORY)
            assert await guest.call("fd_prestat_get", inner, BUFFER) is Errno.BADF


async def test_renumbering(guest: Caller, granted: Path) -> None:
    (granted / "one").write_text("one")
    (granted / "two").write_text("two")
    one, two = await guest.open("one", base=READ_WRITE), await guest.open("two", base=READ_WRITE)
    before = await fdstat(guest, one)
    await guest.good("fd_renumber", one, two)
    assert await guest.read(two) == b"one"
    assert await fdstat(guest, two) == before
    assert await guest.call("fd_fdstat_get", one, BUFFER) is Errno.BADF
    assert await guest.call("fd_renumber", two, one) is Errno.BADF
    assert await guest.call("fd_renumber", two, 1 << 31) is Errno.BADF
    await guest.good("fd_renumber", two, two)
    await guest.good("fd_renumber", two, 3)  # over the directory that it began with
    await guest.good("fd_seek", 3, 0, 0, SCRATCH)
    assert await guest.read(3) == b"one"
    assert await guest.call("fd_prestat_get", 3, BUFFER) is Errno.BADF


async def test_a_closed_pre_opened_directory_leaves_the_others(guest: Caller) -> None:
    inner = await guest.open(".", how=MUST_BE_DIRECTORY, base=rights.DIRECTORY, inheriting=rights.ALL)
    await guest.good("fd_close", 3)
    assert await guest.try_open("x") is Errno.BADF
    assert (await fdstat(guest, inner))[0] == 3
    assert await guest.open("x", fd=inner, how=CREATE) == 3


# Rights


async def test_rights_of_pre_opened_directories(guest: Caller) -> None:
    filetype, flags, base, inheriting = await fdstat(guest, 3)
    assert (filetype, flags) == (3, 0)
    assert base == rights.DIRECTORY
    assert base & (rights.FD_READ | rights.FD_WRITE | rights.FD_SEEK | rights.FD_FILESTAT_SET_SIZE) == 0
    assert inheriting == rights.ALL


async def test_rights_that_do_not_apply_are_left_out(guest: Caller) -> None:
    directory = await guest.open(".", how=MUST_BE_DIRECTORY, base=rights.FD_READ | rights.FD_SEEK | rights.FD_READDIR)
    assert (await fdstat(guest, directory))[2] == rights.FD_READDIR
    file = await guest.open("f", how=CREATE, base=rights.FD_READ | rights.PATH_OPEN, inheriting=rights.ALL)
    assert (await fdstat(guest, file))[2:] == (rights.FD_READ, rights.FILE)
    unknown = await guest.open("f", base=rights.FD_READ | 1 << 60, inheriting=1 << 50)
    assert (await fdstat(guest, unknown))[2:] == (rights.FD_READ, 0)


async def test_rights_are_given_up_for_good(guest: Caller) -> None:
    file = await guest.open("f", how=CREATE, base=READ_WRITE)
    assert await guest.write(file, b"text") == 4
    await guest.good("fd_fdstat_set_rights", file, rights.FD_SEEK, 0)
    assert (await fdstat(guest, file))[2:] == (rights.FD_SEEK, 0)
    await guest.good("fd_seek", file, 0, 0, SCRATCH)
    await guest.good("fd_tell", file, SCRATCH)  # which seeking includes
    assert await guest.write(file, b"text") is Errno.NOTCAPABLE
    assert await guest.call("fd_read", file, *guest.buffers([(BUFFER, 4)]), SCRATCH - 8) is Errno.NOTCAPABLE
    assert await guest.call("fd_fdstat_set_rights", file, READ_WRITE, 0) is Errno.NOTCAPABLE
    assert await guest.call("fd_fdstat_set_rights", file, 1 << 63, 0) is Errno.NOTCAPABLE


async def test_every_right_is_asked_for(guest: Caller, granted: Path) -> None:
    """A descriptor without rights can be told about and closed, nothing else."""
    file = await guest.open("f", how=CREATE)
    vector = guest.buffers([(BUFFER, 4)])
    for name, rest in {
        "fd_read": (*vector, SCRATCH - 8), "fd_write": (*vector, SCRATCH - 8), "fd_pread": (*vector, 0, SCRATCH - 8),
        "fd_pwrite": (*vector, 0, SCRATCH - 8), "fd_seek": (0, 1, SCRATCH - 8), "fd_tell": (SCRATCH - 8,),
        "fd_advise": (0, 0, 0), "fd_allocate": (0, 1), "fd_sync": (), "fd_datasync": (), "fd_fdstat_set_flags": (0,),
        "fd_filestat_get": (BUFFER,), "fd_filestat_set_size": (0,), "fd_filestat_set_times": (0, 0, 0),
    }.items():  # fmt: skip
        assert await guest.call(name, file, *rest) is Errno.NOTCAPABLE, name
    await guest.good("fd_fdstat_get", file, BUFFER)
    directory = await guest.open(".", how=MUST_BE_DIRECTORY)
    for name, after in {
        "path_create_directory": (), "path_filestat_get": (BUFFER,), "path_filestat_set_times": (0, 0, 0),
        "path_readlink": (BUFFER, 9, SCRATCH - 8), "path_remove_directory": (), "path_unlink_file": (),
    }.items():  # fmt: skip
        before = (0,) if "filestat" in name else ()
        assert await guest.on_path(name, "f", *after, fd=directory, before=before) is Errno.NOTCAPABLE, name
    assert await guest.try_open("f", fd=directory) is Errno.NOTCAPABLE
    assert await guest.call("fd_readdir", directory, BUFFER, 100, 0, SCRATCH) is Errno.NOTCAPABLE
    one, two = guest.path("f"), guest.path("g", 8192)
    assert await guest.call("path_link", directory, 0, *one, 3, *two) is Errno.NOTCAPABLE
    assert await guest.call("path_link", 3, 0, *one, directory, *two) is Errno.NOTCAPABLE
    assert await guest.call("path_rename", directory, *one, 3, *two) is Errno.NOTCAPABLE
    assert await guest.call("path_rename", 3, *one, directory, *two) is Errno.NOTCAPABLE
    assert await guest.call("path_symlink", *one, directory, *two) is Errno.NOTCAPABLE
    assert [p.name for p in granted.iterdir()] == ["f"]


async def test_what_is_opened_has_no_more_rights_than_its_directory_passes_on(guest: Caller) -> None:
    directory = await guest.open(
        ".", how=MUST_BE_DIRECTORY, base=rights.PATH_OPEN | rights.PATH_CREATE_FILE, inheriting=rights.FD_READ
    )
    assert await guest.try_open("f", fd=directory, how=CREATE, base=rights.FD_WRITE) is Errno.NOTCAPABLE
    assert await guest.try_open("f", fd=directory, how=CREATE, inheriting=rights.FD_WRITE) is Errno.NOTCAPABLE
    assert await guest.try_open("f", fd=directory, how=CREATE, flags=16) is Errno.NOTCAPABLE  # SYNC
    file = await guest.open("f", fd=directory, how=CREATE, base=rights.FD_READ)
    assert (await fdstat(guest, file))[2] == rights.FD_READ
    assert await guest.try_open("f", fd=directory, how=TRUNCATE) is Errno.NOTCAPABLE
    await guest.good("fd_fdstat_set_rights", directory, rights.PATH_OPEN, 0)
    assert await guest.try_open("g", fd=directory, how=CREATE) is Errno.NOTCAPABLE
    assert await guest.try_open("f", fd=directory, base=rights.FD_READ) is Errno.NOTCAPABLE
    assert await guest.open("f", fd=directory) > 3


async def test_truncating_asks_for_its_right(guest: Caller, granted: Path) -> None:
    (granted / "f").write_text("text")
    await guest.open("f", how=TRUNCATE)
    assert (granted / "f").read_text() == ""
    (granted / "f").write_text("text")
    kept = rights.DIRECTORY & ~rights.PATH_FILESTAT_SET_SIZE
    await guest.good("fd_fdstat_set_rights", 3, kept, rights.ALL)
    assert await guest.try_open("f", how=TRUNCATE) is Errno.NOTCAPABLE
    assert (granted / "f").read_text() == "text"


# Data


async def test_reading_and_writing_in_pieces(guest: Caller) -> None:
    file = await guest.open("f", how=CREATE, base=READ_WRITE)
    guest.put(b"abcdefgh")
    vector = guest.buffers([(BUFFER, 2), (BUFFER + 100, 0), (BUFFER + 4, 3), (BUFFER, 1)])
    await guest.good("fd_write", file, *vector, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 6
    guest.put(bytes(16))
    vector = guest.buffers([(BUFFER, 1), (BUFFER + 8, 1), (BUFFER + 2, 100)])
    await guest.good("fd_pread", file, *vector, 1, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 5
    assert guest.get(9) == b"b\0fga\0\0\0e"
    await guest.good("fd_tell", file, BUFFER)
    assert guest.u64(BUFFER) == 6
    for name, rest in (("fd_read", ()), ("fd_write", ()), ("fd_pread", (0,)), ("fd_pwrite", (0,))):
        await guest.good(name, file, SCRATCH, 0, *rest, SCRATCH - 8)
        assert guest.u32(SCRATCH - 8) == 0


async def test_bounds_of_lists_of_buffers(guest: Caller, granted: Path) -> None:
    file = await guest.open("f", how=CREATE, base=READ_WRITE)
    many = guest.put(struct.pack("<II", BUFFER, 1) * 1025, 1 << 20)
    for call in ("fd_read", "fd_write"):
        assert await guest.call(call, file, many, 1025, SCRATCH - 8) is Errno.INVAL
        await guest.good(call, file, many, 1024, SCRATCH - 8)
        end = guest.guest.instance.memory_size
        for wrong in ((end, 1), (end - 1, 2), (0xFFFFFFFF, 0xFFFFFFFF), (BUFFER, 0xFFFFFFFF)):
            vector = guest.buffers([(BUFFER, 1), wrong])
            assert await guest.call(call, file, *vector, SCRATCH - 8) is Errno.FAULT
        assert await guest.call(call, file, end - 8, 2, SCRATCH - 8) is Errno.FAULT
        assert await guest.call(call, file, *guest.buffers([(BUFFER, 1)]), end - 3) is Errno.FAULT
        await guest.good(call, file, *guest.buffers([(end, 0)]), SCRATCH - 8)
        whole = guest.buffers([(0, end)] * 600)  # more than 4 GiB in all
        assert await guest.call(call, file, *whole, SCRATCH - 8) is Errno.INVAL
    assert (granted / "f").stat().st_size == 1024


async def test_positions(guest: Caller) -> None:
    file = await guest.open("f", how=CREATE, base=READ_WRITE)
    assert await guest.write(file, b"0123456789") == 10

    async def seek(offset: int, whence: int) -> int | Errno:
        answer = await guest.call("fd_seek", file, offset, whence, BUFFER)
        return guest.u64(BUFFER) if answer is Errno.SUCCESS else answer

    assert [await seek(2, 0), await seek(3, 1), await seek(-1, 2), await seek(-9, 1)] == [2, 5, 9, 0]
    assert [await seek(-1, 1), await seek(-11, 2), await seek(0, 3), await seek(0, 255)] == [Errno.INVAL] * 4
    assert await seek(1 << 62, 0) in (1 << 62, Errno.INVAL)
    assert await seek(-1, 0) is Errno.INVAL
    assert await guest.call("fd_pread", file, *guest.buffers([(BUFFER, 4)]), 1 << 63, SCRATCH - 8) is Errno.INVAL
    assert await guest.call("fd_pwrite", file, *guest.buffers([(BUFFER, 4)]), 1 << 63, SCRATCH - 8) is Errno.INVAL
    assert await guest.call("fd_pread", file, *guest.buffers([(BUFFER, 4)]), (1 << 63) - 1, SCRATCH - 8) is Errno.INVAL
    await guest.good("fd_pread", file, *guest.buffers([(BUFFER, 4)]), 1 << 40, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 0
    assert await guest.call("fd_pwrite", file, *guest.buffers([(BUFFER, 4)]), (1 << 63) - 1, SCRATCH - 8) in (
        Errno.FBIG,
        Errno.INVAL,
    )


async def test_sizes_and_advice(guest: Caller, granted: Path) -> None:
    file = await guest.open("f", how=CREATE, base=rights.FILE)
    await guest.good("fd_filestat_set_size", file, 100)
    await guest.good("fd_allocate", file, 90, 20)
    assert (granted / "f").stat().st_size == 110
    for number in range(6):
        await guest.good("fd_advise", file, 0, 10, number)
    assert await guest.call("fd_advise", file, 0, 10, 6) is Errno.INVAL
    assert await guest.call("fd_advise", file, 1 << 63, 0, 0) is Errno.INVAL
    assert await guest.call("fd_allocate", file, 1 << 63, 1) is Errno.INVAL
    assert await guest.call("fd_allocate", file, 0, 0) is Errno.INVAL
    assert await guest.call("fd_allocate", file, 1 << 62, 1 << 61) in (Errno.FBIG, Errno.NOSPC)
    assert await guest.call("fd_filestat_set_size", file, 1 << 63) is Errno.INVAL
    assert await guest.call("fd_filestat_set_size", file, (1 << 63) - 1) in (Errno.FBIG, Errno.INVAL, Errno.SUCCESS)


async def test_flags(guest: Caller, granted: Path) -> None:
    for flags in (1, 2, 4, 8, 16, 31):
        file = await guest.open(f"f{flags}", how=CREATE, base=rights.FILE, flags=flags)
        assert (await fdstat(guest, file))[1] == flags
        assert await guest.write(file, b"one") == 3
        await guest.good("fd_seek", file, 0, 0, SCRATCH)
        assert await guest.write(file, b"two") == 3
        assert (granted / f"f{flags}").read_text() == ("onetwo" if flags & 1 else "two")
        await guest.good("fd_fdstat_set_flags", file, flags ^ 1)
        await guest.good("fd_seek", file, 0, 0, SCRATCH)
        assert await guest.write(file, b"red") == 3
        assert (granted / f"f{flags}").read_text() == ("redtwo" if flags & 1 else "twored")
    assert await guest.call("fd_fdstat_set_flags", file, 32) is Errno.INVAL
    assert await guest.try_open("f1", flags=32) is Errno.INVAL
    assert await guest.try_open("f1", flags=1 << 16) is Errno.INVAL


async def test_times(guest: Caller, granted: Path) -> None:
    file = await guest.open("f", how=CREATE, base=rights.FILE)
    await guest.good("fd_filestat_set_times", file, 5_000_000_001, 6_000_000_002, 1 | 4)
    found = (granted / "f").stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == (5_000_000_001, 6_000_000_002)
    await guest.good("fd_filestat_set_times", file, 1, 1, 8)
    found = (granted / "f").stat()
    assert found.st_atime_ns == 5_000_000_001
    assert found.st_mtime_ns > 6_000_000_002
    for flags in (3, 12, 16, 1 << 20):
        assert await guest.call("fd_filestat_set_times", file, 1, 1, flags) is Errno.INVAL
    assert await guest.call("fd_filestat_set_times", file, (1 << 64) - 1, 0, 1) in (Errno.SUCCESS, Errno.INVAL)
    assert await guest.call("fd_filestat_set_times", 3, 7, 7, 5) is Errno.SUCCESS
    assert await guest.call("fd_filestat_set_times", 0, 7, 7, 5) is Errno.SPIPE


async def test_directories_are_no_files(guest: Caller) -> None:
    vector = guest.buffers([(BUFFER, 4)])
    for name, rest in {
        "fd_read": (*vector, SCRATCH - 8), "fd_write": (*vector, SCRATCH - 8), "fd_pread": (*vector, 0, SCRATCH - 8),
        "fd_pwrite": (*vector, 0, SCRATCH - 8), "fd_seek": (0, 1, SCRATCH - 8), "fd_tell": (SCRATCH - 8,),
        "fd_allocate": (0, 1), "fd_filestat_set_size": (0,),
    }.items():  # fmt: skip
        assert await guest.call(name, 3, *rest) is Errno.ISDIR, name
    await guest.good("fd_sync", 3)
    await guest.good("fd_datasync", 3)


# Listings


def entries(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Whole entries: next cookie, inode, type, name."""
    found = []
    while len(data) >= 24:
        cookie, inode, length, kind = struct.unpack_from("<QQIB", data)
        if len(data) < 24 + length:
            break
        found.append((cookie, inode, kind, data[24 : 24 + length]))
        data = data[24 + length :]
    return found


async def listing(guest: Caller, fd: int, cookie: int, room: int) -> bytes:
    await guest.good("fd_readdir", fd, BUFFER, room, cookie, SCRATCH)
    return guest.get(guest.u32(SCRATCH))


async def test_listing_a_directory(guest: Caller, granted: Path) -> None:
    (granted / "file").touch()
    (granted / "dir").mkdir()
    (granted / "link").symlink_to("file")
    os.mkfifo(granted / "fifo")
    found = entries(await listing(guest, 3, 0, 4096))
    assert {(kind, name) for _, _, kind, name in found} == {
        (3, b"."), (3, b".."), (4, b"file"), (3, b"dir"), (7, b"link"), (0, b"fifo"),
    }  # fmt: skip
    inodes = {name: inode for _, inode, _, name in found}
    assert inodes[b"file"] == (granted / "file").stat().st_ino
    assert inodes[b".."] == inodes[b"."] == granted.stat().st_ino  # what is above is nothing to the guest
    inner = await guest.open("dir", how=MUST_BE_DIRECTORY, base=rights.FD_READDIR)
    found = entries(await listing(guest, inner, 0, 4096))
    assert {(inode, name) for _, inode, _, name in found} == {
        ((granted / "dir").stat().st_ino, b"."), (granted.stat().st_ino, b".."),
    }  # fmt: skip
    file = await guest.open("file", base=rights.ALL & ~rights.FD_READDIR)
    assert await guest.call("fd_readdir", file, BUFFER, 100, 0, SCRATCH) is Errno.NOTDIR


@pytest.mark.parametrize("room", [64, 100, 256, 4096])
async def test_listing_in_pieces(guest: Caller, granted: Path, room: int) -> None:
    """A buffer that is filled means that there is more; the last entry in it may be cut off."""
    for number in range(1100):
        (granted / f"file-{number}").touch()
    found, cookie = [], 0
    while True:
        data = await listing(guest, 3, cookie, room)
        found += entries(data)
        if len(data) < room:
            break
        cookie = found[-1][0]
    assert sorted(name for _, _, _, name in found) == sorted(
        [b".", b".."] + [f"file-{n}".encode() for n in range(1100)]
    )
    assert [number for number, *_ in found] == list(range(1, 1103))
    assert await listing(guest, 3, found[-1][0], room) == b""
    # From a place that is long gone by.
    assert entries(await listing(guest, 3, 5, 64))[0] == found[5]
    assert await listing(guest, 3, 5000, 64) == b""
    assert await listing(guest, 3, (1 << 64) - 1, 64) == b""
    assert await listing(guest, 3, 0, 10) == (await listing(guest, 3, 0, 64))[:10]
    assert await listing(guest, 3, 0, 0) == b""


async def test_removing_while_listing(guest: Caller, granted: Path) -> None:
    """As ``rm -r`` does: nothing is left out."""
    for number in range(300):
        (granted / f"file-{number}").touch()
    cookie = 0
    while True:
        data = await listing(guest, 3, cookie, 200)
        found = entries(data)
        for *_, name in found:
            if name not in (b".", b".."):
                assert await guest.on_path("path_unlink_file", name) is Errno.SUCCESS
        if len(data) < 200:
            break
        cookie = found[-1][0]
    assert list(granted.iterdir()) == []


async def test_names_that_are_not_utf8_are_listed_as_they_are(guest: Caller, granted: Path) -> None:
    """One such name does not make a directory unreadable. It cannot be opened: strings of WASI are UTF-8."""
    (Path(os.fsdecode(bytes(granted))) / os.fsdecode(b"na\xffme")).touch()
    assert b"na\xffme" in [name for *_, name in entries(await listing(guest, 3, 0, 4096))]
    assert await guest.try_open(b"na\xffme") is Errno.ILSEQ


async def test_bounds_of_listings(guest: Caller) -> None:
    end = guest.guest.instance.memory_size
    assert await guest.call("fd_readdir", 3, BUFFER, MAX_LISTING_BYTES + 1, 0, SCRATCH) is Errno.INVAL
    await guest.good("fd_readdir", 3, BUFFER, MAX_LISTING_BYTES, 0, SCRATCH)
    assert await guest.call("fd_readdir", 3, end - 10, 11, 0, SCRATCH) is Errno.FAULT
    assert await guest.call("fd_readdir", 3, BUFFER, 100, 0, end - 3) is Errno.FAULT


async def test_exclusive_creation(guest: Caller) -> None:
    await guest.open("f", how=CREATE | EXCLUSIVE)
    assert await guest.try_open("f", how=CREATE | EXCLUSIVE) is Errno.EXIST
    await guest.open("f", how=EXCLUSIVE)
