"""Functions on paths: what they do, how they fail, and that none leads out of a grant or changes a read-only one.

The expectations are those of the public WASI test suite where it has them.
"""

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest

from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller
from wapo.engine.engine import Engine
from wapo.vm.wasi import Grant, WasiSettings, beneath, opened, rights
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.opening import CREATE, EXCLUSIVE, MUST_BE_DIRECTORY, TRUNCATE, Opening

SECOND = 8192  # where the second path of a call is put


async def two(guest: Caller, call: str, old: str | bytes, new: str | bytes, *, fd: int = 3, to: int = 3) -> Errno:
    """``path_rename`` or ``path_link``."""
    flags = (0,) if call == "path_link" else ()
    return await guest.call(call, fd, *flags, *guest.path(old), to, *guest.path(new, SECOND))


async def symlink(guest: Caller, target: str | bytes, name: str | bytes, fd: int = 3) -> Errno:
    return await guest.call("path_symlink", *guest.path(target), fd, *guest.path(name, SECOND))


async def status(guest: Caller, name: str | bytes, *, follow: bool = False) -> Errno | tuple[int, ...]:
    """Device, inode, type, links, size, times; or why not."""
    answer = await guest.on_path("path_filestat_get", name, BUFFER, before=(int(follow),))
    return struct.unpack("<QQB7xQQQQQ", guest.get(64)) if answer is Errno.SUCCESS else answer


async def test_interesting_paths(guest: Caller, granted: Path) -> None:
    (granted / "dir" / "nested").mkdir(parents=True)
    (granted / "dir" / "nested" / "file").touch()
    assert await guest.try_open("/dir/nested/file") is Errno.PERM
    await guest.open("dir/.//nested/../../dir/nested/../nested///./file")
    assert await guest.try_open("dir/nested/file\0") is Errno.INVAL
    assert await guest.try_open("dir/nested\0/file") is Errno.INVAL
    assert await guest.try_open("dir/nested/file/") is Errno.NOTDIR
    assert await guest.try_open("dir/nested/file///") is Errno.NOTDIR
    await guest.open("dir/nested/")
    await guest.open("dir/nested///")
    assert await guest.try_open(f"dir/nested/../../../{granted.name}/dir/nested/file") is Errno.PERM
    assert await guest.try_open("") is Errno.NOENT
    assert await guest.try_open(b"\xff") is Errno.ILSEQ
    assert await guest.try_open("x" * 256) is Errno.NAMETOOLONG
    assert await guest.try_open(b"x/" * 2047 + b"x") is Errno.NOENT
    long = guest.put(b"x/" * 4000, 1 << 20)
    end = guest.guest.instance.memory_size
    for length in (4096, 8000, 1 << 22):
        answer = await guest.call("path_open", 3, 0, long, length, 0, 0, 0, 0, SCRATCH)
        assert answer is Errno.NAMETOOLONG, length
    assert await guest.call("path_open", 3, 0, end - 2, 3, 0, 0, 0, 0, SCRATCH) is Errno.FAULT
    assert await guest.call("path_open", 3, 0, 1 << 20, end, 0, 0, 0, 0, SCRATCH) is Errno.FAULT
    assert await guest.call("path_open", 3, 0, *guest.path("dir"), 0, 0, 0, 0, end - 3) is Errno.FAULT
    assert await guest.call("path_open", 3, 2, *guest.path("dir"), 0, 0, 0, 0, SCRATCH) is Errno.INVAL
    assert await guest.call("path_open", 3, 0, *guest.path("dir"), 16, 0, 0, 0, SCRATCH) is Errno.INVAL
    assert await guest.try_open("new", how=CREATE | MUST_BE_DIRECTORY) is Errno.INVAL


@pytest.mark.parametrize("walking", [False, True])
async def test_no_call_leads_out(
    guest: Caller, granted: Path, outside: Path, walking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by "..", nor by a leading slash, nor by a symlink: whatever is done with the path."""
    if walking:
        monkeypatch.setattr(beneath, "kernel_resolves", lambda: False)
    (granted.parent / "place").mkdir()
    (granted / "own").write_text("own")
    (granted / "dir").mkdir()
    (granted / "up").symlink_to("..")
    (granted / "link").symlink_to(outside)
    (granted / "relative").symlink_to("../secret.txt")
    before = {p: (p.lstat().st_mtime_ns, p.lstat().st_atime_ns, p.lstat().st_nlink) for p in (outside, granted.parent)}
    files = [str(outside), "../secret.txt", "dir/../../secret.txt", "up/secret.txt"]
    followed = ["link", "relative", "up/place/../secret.txt"]
    for name in [*files, *followed]:
        for how, base in ((0, rights.FD_READ), (TRUNCATE, rights.FD_WRITE), (CREATE, rights.FD_WRITE)):
            assert await guest.try_open(name, how=how, base=base) is Errno.PERM, name
        assert await status(guest, name, follow=True) is Errno.PERM, name
        touch = await guest.on_path("path_filestat_set_times", name, 0, 0, 5, before=(1,))
        assert touch is Errno.PERM, name
    for name in [*files, "..", "../", "up/.", "up/..", "/", "dir/../..", "up/place", "../place"]:
        assert await status(guest, name) is Errno.PERM, name
        for call in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
            assert await guest.on_path(call, name) is Errno.PERM, (call, name)
        assert await guest.on_path("path_readlink", name, BUFFER, 100, SCRATCH - 8) is Errno.PERM, name
        assert await guest.on_path("path_filestat_set_times", name, 0, 0, 5, before=(0,)) is Errno.PERM, name
        assert await two(guest, "path_rename", name, "stolen") is Errno.PERM, name
        assert await two(guest, "path_rename", "own", name) is Errno.PERM, name
        assert await two(guest, "path_link", name, "stolen") is Errno.PERM, name
        assert await two(guest, "path_link", "own", name) is Errno.PERM, name
        assert await symlink(guest, "own", name) is Errno.PERM, name
    for name in ["up/", "link/", "relative/"]:
        assert await status(guest, name) is Errno.PERM, name
        assert await guest.on_path("path_readlink", name, BUFFER, 100, SCRATCH - 8) is Errno.PERM, name
        assert await two(guest, "path_link", name, "stolen") is Errno.PERM, name
        assert await guest.on_path("path_filestat_set_times", name, 0, 0, 5, before=(0,)) is Errno.PERM, name
        assert await guest.on_path("path_create_directory", name) is Errno.EXIST, name
        assert await guest.on_path("path_remove_directory", name) is Errno.NOTDIR, name
    after = {p: (p.lstat().st_mtime_ns, p.lstat().st_atime_ns, p.lstat().st_nlink) for p in before}
    assert after == before
    assert outside.read_text() == "secret"
    assert sorted(p.name for p in granted.iterdir()) == ["dir", "link", "own", "relative", "up"]


async def test_a_descriptor_is_the_root_of_its_paths(guest: Caller, granted: Path) -> None:
    """From a directory inside the grant, nothing above it can be reached, though it is in the grant."""
    (granted / "file").touch()
    (granted / "dir").mkdir()
    inner = await guest.open("dir", how=MUST_BE_DIRECTORY, base=rights.DIRECTORY, inheriting=rights.ALL)
    assert await guest.try_open("../file", fd=inner) is Errno.PERM
    assert await guest.on_path("path_unlink_file", "../file", fd=inner) is Errno.PERM
    await guest.open("new", fd=inner, how=CREATE)
    assert (granted / "dir" / "new").exists()


async def test_paths_begin_in_directories(guest: Caller, granted: Path) -> None:
    (granted / "file").touch()
    file = await guest.open("file", base=rights.FD_READ)
    assert await guest.try_open("x", fd=file) is Errno.NOTDIR
    assert await guest.on_path("path_create_directory", "x", fd=file) is Errno.NOTDIR
    assert await guest.try_open("x", fd=0) is Errno.BADF
    assert await guest.try_open("x", fd=99) is Errno.BADF


async def test_opening_symlinks(guest: Caller, granted: Path) -> None:
    (granted / "target").mkdir()
    (granted / "symlink").symlink_to("target")
    (granted / "loop").symlink_to("loop")
    (granted / "dangling").symlink_to("nothing")
    for name in ("symlink", "loop", "dangling"):
        assert await guest.try_open(name, follow=False) is Errno.LOOP
        assert await guest.try_open(name, follow=False, how=MUST_BE_DIRECTORY) is Errno.NOTDIR
        assert await guest.try_open(name, follow=False, how=CREATE) is Errno.LOOP
        assert await guest.try_open(name, how=CREATE | EXCLUSIVE) is Errno.EXIST
    await guest.open("symlink", how=MUST_BE_DIRECTORY)
    assert await guest.try_open("loop") is Errno.LOOP
    assert await guest.try_open("dangling") is Errno.NOENT
    await guest.open("dangling", how=CREATE, base=rights.FD_WRITE)
    assert (granted / "nothing").is_file()
    assert await guest.try_open("dangling", how=MUST_BE_DIRECTORY) is Errno.NOTDIR


async def test_opening_directories(guest: Caller, granted: Path) -> None:
    """Never for writing."""
    (granted / "dir").mkdir()
    await guest.good("fd_fdstat_get", 3, BUFFER)
    base, inheriting = guest.u64(BUFFER + 8), guest.u64(BUFFER + 16)
    await guest.open(".", base=base, inheriting=inheriting)
    await guest.open(".", flags=4)
    await guest.open(".", how=MUST_BE_DIRECTORY, base=rights.FD_READ)
    for how in (0, MUST_BE_DIRECTORY):
        assert await guest.try_open(".", how=how, base=rights.FD_READ | rights.FD_WRITE) is Errno.ISDIR
        assert await guest.try_open("dir", how=how, base=rights.FD_WRITE) is Errno.ISDIR
    assert await guest.try_open("dir", how=TRUNCATE) is Errno.ISDIR
    assert await guest.try_open("dir", how=CREATE) is Errno.ISDIR
    assert await guest.try_open("new/", how=CREATE) is Errno.ISDIR


async def test_making_and_removing_directories(guest: Caller, granted: Path) -> None:
    for name in ("dir", "dir/", "dir//"):
        assert await guest.on_path("path_create_directory", name) is Errno.SUCCESS
        assert await guest.on_path("path_create_directory", name) is Errno.EXIST
        assert await guest.on_path("path_unlink_file", name) is Errno.ISDIR
        assert await guest.on_path("path_remove_directory", name) is Errno.SUCCESS
    (granted / "file").touch()
    for name in ("file", "file/"):
        assert await guest.on_path("path_remove_directory", name) is Errno.NOTDIR
        assert await guest.on_path("path_create_directory", name) is Errno.EXIST
    assert await guest.on_path("path_unlink_file", "file/") is Errno.NOTDIR
    assert await guest.on_path("path_unlink_file", "file") is Errno.SUCCESS
    assert await guest.on_path("path_unlink_file", "file") is Errno.NOENT
    assert await guest.on_path("path_create_directory", "no/dir") is Errno.NOENT
    for name in (".", "./", "dir/..", "x/."):
        (granted / "dir").mkdir(exist_ok=True)
        (granted / "x").mkdir(exist_ok=True)
        assert await guest.on_path("path_create_directory", name) is Errno.EXIST
        assert await guest.on_path("path_unlink_file", name) in (Errno.ISDIR, Errno.INVAL)
        assert await guest.on_path("path_remove_directory", name) in (Errno.INVAL, Errno.BUSY)
    assert sorted(p.name for p in granted.iterdir()) == ["dir", "x"]


async def test_renaming(guest: Caller, granted: Path) -> None:
    (granted / "source").mkdir()
    for old, new in (("source/", "target"), ("target", "source/"), ("source/", "target/"), ("target", "source")):
        assert await two(guest, "path_rename", old, new) is Errno.SUCCESS
    (granted / "target").mkdir()
    assert await two(guest, "path_rename", "source", "target") is Errno.SUCCESS  # over an empty directory
    (granted / "source").mkdir()
    (granted / "target" / "file").write_text("file")
    assert await two(guest, "path_rename", "source", "target") is Errno.NOTEMPTY
    assert await two(guest, "path_rename", "source", "target/file") is Errno.NOTDIR
    assert await two(guest, "path_rename", "target/file", "source") is Errno.ISDIR
    assert await two(guest, "path_rename", "target/file", "plain") is Errno.SUCCESS
    assert await two(guest, "path_rename", "plain/", "other") is Errno.NOTDIR
    assert await two(guest, "path_rename", "plain", "other/") is Errno.NOTDIR
    (granted / "other").write_text("other")
    assert await two(guest, "path_rename", "plain", "other") is Errno.SUCCESS
    assert (granted / "other").read_text() == "file"
    assert await two(guest, "path_rename", "nothing", "other") is Errno.NOENT
    assert await two(guest, "path_rename", ".", "other") is Errno.BUSY
    assert await two(guest, "path_rename", "source", "source/inside") is Errno.INVAL


async def test_hard_links(guest: Caller, granted: Path) -> None:
    (granted / "file").write_text("file")
    (granted / "dir").mkdir()
    assert await two(guest, "path_link", "file", "link") is Errno.SUCCESS
    assert (granted / "link").samefile(granted / "file")
    assert await two(guest, "path_link", "file", "dir/link") is Errno.SUCCESS
    assert await two(guest, "path_link", "file", "link") is Errno.EXIST
    assert await two(guest, "path_link", "file", "file") is Errno.EXIST
    assert await two(guest, "path_link", "file", "dir") is Errno.EXIST
    assert await two(guest, "path_link", "dir", "new") is Errno.PERM
    assert await two(guest, "path_link", "dir/", "new") is Errno.PERM
    assert await two(guest, "path_link", "file/", "new") is Errno.NOTDIR
    assert await two(guest, "path_link", "file", "new/") is Errno.NOENT
    (granted / "symlink").symlink_to("file")
    (granted / "loop").symlink_to("loop")
    for name in ("symlink", "loop"):  # links to the symlinks themselves
        assert await two(guest, "path_link", name, f"{name}2") is Errno.SUCCESS
        assert (granted / f"{name}2").is_symlink()
    assert await two(guest, "path_link", "file", "loop") is Errno.EXIST
    answer = await guest.call("path_link", 3, 1, *guest.path("symlink"), 3, *guest.path("new", SECOND))
    assert answer is Errno.INVAL


async def test_symlinks(guest: Caller, granted: Path) -> None:
    assert await symlink(guest, "target", "link") is Errno.SUCCESS
    assert str((granted / "link").readlink()) == "target"
    guest.put(b"#" * 10)
    await guest.good("path_readlink", 3, *guest.path("link"), BUFFER, 10, SCRATCH - 8)
    assert (guest.get(10), guest.u32(SCRATCH - 8)) == (b"target####", 6)
    await guest.good("path_readlink", 3, *guest.path("link"), BUFFER, 4, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 4
    await guest.good("path_readlink", 3, *guest.path("link"), BUFFER, 0, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 0
    assert await symlink(guest, "/", "absolute") is Errno.PERM
    assert await symlink(guest, "/etc/passwd", "absolute") is Errno.PERM
    assert await symlink(guest, "", "empty") is Errno.NOENT
    assert await symlink(guest, "x\0y", "nul") is Errno.INVAL
    assert await symlink(guest, "../up", "up") is Errno.SUCCESS  # it is not followed, see above
    assert await symlink(guest, "source", "new/") is Errno.NOENT
    (granted / "dir").mkdir()
    (granted / "file").touch()
    assert await symlink(guest, "source", "dir/") is Errno.EXIST
    assert await symlink(guest, "source", "dir") is Errno.EXIST
    assert await symlink(guest, "source", "file/") in (Errno.EXIST, Errno.NOTDIR)
    assert await symlink(guest, "source", "file") is Errno.EXIST
    for name, expected in (("dir", Errno.INVAL), ("file", Errno.INVAL), ("file/", Errno.NOTDIR), ("x", Errno.NOENT)):
        assert await guest.on_path("path_readlink", name, BUFFER, 10, SCRATCH - 8) is expected


async def test_status_and_times(guest: Caller, granted: Path) -> None:
    (granted / "file").write_text("text")
    (granted / "link").symlink_to("file")
    found = await status(guest, "file")
    assert isinstance(found, tuple)
    host = (granted / "file").stat()
    assert found == (
        host.st_dev, host.st_ino, 4, 1, 4, host.st_atime_ns, host.st_mtime_ns, host.st_ctime_ns
    )  # fmt: skip
    assert await status(guest, "link", follow=True) == found
    plain = await status(guest, "link")
    assert isinstance(plain, tuple)
    assert (plain[2], plain[4]) == (7, 4)
    assert (await status(guest, "."))[2] == 3  # type: ignore[index]
    assert await status(guest, "file/") is Errno.NOTDIR
    assert await status(guest, "nothing") is Errno.NOENT
    await guest.good("path_filestat_set_times", 3, 0, *guest.path("link"), 0, 11, 4)
    assert ((granted / "link").lstat().st_mtime_ns, (granted / "file").stat().st_mtime_ns) == (11, host.st_mtime_ns)
    await guest.good("path_filestat_set_times", 3, 1, *guest.path("link"), 12, 13, 5)
    assert ((granted / "link").lstat().st_mtime_ns, (granted / "file").stat().st_mtime_ns) == (11, 13)
    await guest.good("path_filestat_set_times", 3, 1, *guest.path("file"), 0, 0, 2 | 8)
    assert (granted / "file").stat().st_mtime_ns > 13
    for flags in (3, 12, 16):
        assert await guest.on_path("path_filestat_set_times", "file", 0, 0, flags, before=(0,)) is Errno.INVAL
    await guest.good("path_filestat_set_times", 3, 0, *guest.path("."), 20, 21, 5)
    assert granted.stat().st_mtime_ns == 21


@pytest.fixture
def special(granted: Path) -> object:
    """A FIFO, a socket, and a symlink to a FIFO in the grant."""
    os.mkfifo(granted / "fifo")
    (granted / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(granted, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
        yield


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("name", ["fifo", "socket", "link"])
async def test_neither_fifos_nor_sockets_are_opened(guest: Caller, name: str) -> None:
    """Opening one waits for somebody, or is seen by somebody. They have a status and can be removed."""
    for how, base in (
        (0, rights.FD_READ), (0, rights.FD_WRITE), (0, rights.FD_READ | rights.FD_WRITE), (CREATE, rights.FD_WRITE),
        (TRUNCATE, rights.FD_WRITE), (0, 0),
    ):  # fmt: skip
        assert await guest.try_open(name, how=how, base=base) is Errno.NOTSUP
    assert await guest.try_open(name, how=MUST_BE_DIRECTORY) is Errno.NOTDIR
    found = await status(guest, name, follow=True)
    assert isinstance(found, tuple)
    assert found[2] in (0, 6)
    assert await guest.on_path("path_unlink_file", name) is Errno.SUCCESS


@pytest.mark.parametrize("walking", [False, True])
async def test_a_fifo_that_takes_a_files_place_at_the_last_moment(
    guest: Caller, granted: Path, walking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was a file when it was looked at is opened without waiting, and looked at again."""
    if walking:
        monkeypatch.setattr(beneath, "kernel_resolves", lambda: False)
    look = Opening._look

    def look_and_swap(self: Opening) -> int | None:
        found = look(self)
        (granted / "file").unlink()
        os.mkfifo(granted / "file")
        return found

    monkeypatch.setattr(Opening, "_look", look_and_swap)
    for base in (rights.FD_READ, rights.FD_WRITE, rights.FD_READ | rights.FD_WRITE):
        (granted / "file").unlink(missing_ok=True)
        (granted / "file").touch()
        before = len(os.listdir("/proc/self/fd"))
        assert await guest.try_open("file", base=base, how=CREATE) is Errno.NOTSUP
        assert len(os.listdir("/proc/self/fd")) == before


# Read-only grants


async def test_nothing_in_a_read_only_grant_changes(reader: Caller, granted: Path) -> None:
    """Whatever flags and rights are asked for."""
    (granted / "file").write_text("text")
    (granted / "dir").mkdir()
    for base in (rights.FD_WRITE, rights.FD_ALLOCATE, rights.FD_FILESTAT_SET_SIZE, rights.ALL & ~rights.FD_READDIR):
        assert await reader.try_open("file", base=base) is Errno.ROFS
    for how in (TRUNCATE, TRUNCATE | CREATE):
        assert await reader.try_open("file", how=how) is Errno.ROFS
    assert await reader.try_open("new", how=CREATE) is Errno.ROFS
    assert await reader.try_open("new", how=CREATE | EXCLUSIVE) is Errno.ROFS
    assert await reader.try_open("file", how=CREATE | EXCLUSIVE) is Errno.EXIST
    file = await reader.open(
        "file",
        how=CREATE,
        base=rights.ALL & ~(rights.WRITING | rights.FD_DATASYNC),
        inheriting=rights.ALL,
        flags=1 | 16,
    )
    assert await reader.read(file) == b"text"
    assert await reader.write(file, b"x") is Errno.NOTCAPABLE
    assert await reader.call("fd_filestat_set_times", file, 0, 0, 5) is Errno.ROFS
    assert await reader.call("fd_filestat_set_size", file, 0) is Errno.NOTCAPABLE
    assert await reader.call("fd_allocate", file, 0, 100) is Errno.NOTCAPABLE
    await reader.good("fd_sync", file)
    await reader.good("fd_fdstat_set_flags", file, 1)
    assert await reader.call("fd_filestat_set_times", 3, 0, 0, 5) is Errno.ROFS
    assert await two(reader, "path_link", "file", "new") is Errno.ROFS
    assert await two(reader, "path_rename", "file", "new") is Errno.ROFS
    assert await symlink(reader, "file", "new") is Errno.ROFS
    inner = await reader.open("dir", how=MUST_BE_DIRECTORY, base=rights.DIRECTORY, inheriting=rights.ALL)
    assert await reader.try_open("new", fd=inner, how=CREATE, base=rights.FD_WRITE) is Errno.ROFS
    assert await reader.on_path("path_create_directory", "new", fd=inner) is Errno.ROFS
    assert (granted / "file").read_text() == "text"
    assert sorted(p.name for p in granted.rglob("*")) == ["dir", "file"]
    host = reader.guest.wasi.table.get(file).held[0]  # type: ignore[union-attr]
    assert Path(f"/proc/self/fd/{host}").readlink() == granted / "file"
    flags = int(Path(f"/proc/self/fdinfo/{host}").read_text().split()[3], 8)
    assert flags & os.O_ACCMODE == os.O_RDONLY


async def test_grants_side_by_side(engine: Engine, granted: Path, tmp_path: Path) -> None:
    """Files move between writable grants; those of a read-only one get no name in another."""
    others = {name: tmp_path / name for name in ("more", "shown")}
    for path in others.values():
        path.mkdir()
    (others["shown"] / "file").write_text("text")
    (granted / "own").touch()
    with opened(
        [Grant(granted, "/data"), Grant(others["more"], "/more"), Grant(others["shown"], "/shown", writable=False)]
    ) as directories:
        async with Caller(engine, wasi=WasiSettings(directories)) as guest:
            assert await two(guest, "path_rename", "own", "own", to=4) is Errno.SUCCESS
            assert await two(guest, "path_link", "own", "own", fd=4) is Errno.SUCCESS
            for call in ("path_link", "path_rename"):
                assert await two(guest, call, "file", "stolen", fd=5) is Errno.ROFS
                assert await two(guest, call, "own", "given", to=5) is Errno.ROFS
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "granted", "more", "own", "own", "shown"]


# Several at once


async def test_guests_list_one_grant_at_once(engine: Engine, granted: Path) -> None:
    """Each has a position of its own in it."""
    for number in range(200):
        (granted / f"file-{number}").touch()
    with opened([Grant(granted, "/data")]) as directories:
        async with (
            Caller(engine, wasi=WasiSettings(directories)) as one,
            Caller(engine, wasi=WasiSettings(directories)) as other,
        ):

            async def names(guest: Caller) -> int:
                cookie = count = 0
                while True:
                    await guest.good("fd_readdir", 3, BUFFER, 100, cookie, SCRATCH)
                    size = guest.u32(SCRATCH)
                    at = 0
                    while at + 24 <= size and at + 24 + guest.u32(BUFFER + at + 16) <= size:
                        cookie = guest.u64(BUFFER + at)
                        at += 24 + guest.u32(BUFFER + at + 16)
                        count += 1
                    if size < 100:
                        return count

            assert await asyncio.gather(names(one), names(other)) == [202, 202]
