"""Whatever a guest passes to whatever function: it gets an error number, and nobody else gets anything.

No host exception, no waiting but for what waits, no byte of memory changed by a call that fails, nothing outside the
grants touched.
"""

import asyncio
import os
import resource
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.wasi.caller import FUNCTIONS, Caller
from tests.vm.wasi.test_poll import clock, ready
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.wasi import BytesInput, Grant, WasiSettings, opened, rights
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.opening import CREATE

END = 160 << 16
PATHS, VECTORS, EVENTS, ROOM = 0x10000, 0x20000, 0x30000, 0x40000
NAMES = [
    b"file", b"dir", b"dir/inner", b"link", b"up", b"new", b"../secret.txt", b"/", b".", b"..", b"a\0b", b"\xff",
    b"dir/", b"fifo",
]  # fmt: skip
_AT = {name: PATHS + 64 * at for at, name in enumerate(NAMES)}

#: What the parameters of a function are for. ``path``, ``list`` and ``room`` are two: a pointer and a size.
ROLES = {
    "args_get": "out out", "args_sizes_get": "out out", "environ_get": "out out", "environ_sizes_get": "out out",
    "clock_res_get": "small out", "clock_time_get": "small long out", "fd_advise": "fd long long small",
    "fd_allocate": "fd long long", "fd_close": "fd", "fd_datasync": "fd", "fd_fdstat_get": "fd out",
    "fd_fdstat_set_flags": "fd small", "fd_fdstat_set_rights": "fd rights rights", "fd_filestat_get": "fd out",
    "fd_filestat_set_size": "fd long", "fd_filestat_set_times": "fd long long small", "fd_pread": "fd list long out",
    "fd_prestat_get": "fd out", "fd_prestat_dir_name": "fd room", "fd_pwrite": "fd list long out",
    "fd_read": "fd list out", "fd_readdir": "fd room long out", "fd_renumber": "fd fd", "fd_seek": "fd long small out",
    "fd_sync": "fd", "fd_tell": "fd out", "fd_write": "fd list out", "path_create_directory": "dir path",
    "path_filestat_get": "dir bit path out", "path_filestat_set_times": "dir bit path long long small",
    "path_link": "dir bit path dir path", "path_open": "dir bit path small rights rights small out",
    "path_readlink": "dir path room out", "path_remove_directory": "dir path", "path_rename": "dir path dir path",
    "path_symlink": "path dir path", "path_unlink_file": "dir path", "poll_oneoff": "events out small out",
    "sched_yield": "", "random_get": "room", "sock_accept": "fd small out", "sock_recv": "fd list small out out",
    "sock_send": "fd list small out", "sock_shutdown": "fd small",
}  # fmt: skip

_wild = st.sampled_from(
    [0, 1, 3, 8, 16, 48, 4096, (1 << 20) + 1, 1 << 31, (1 << 32) - 1, END - 1, END - 8, END, END + 1]
)
_out = st.sampled_from([ROOM, ROOM + 1, ROOM + 64, ROOM + 4096, END - 24, END - 8])
_plausible: dict[str, st.SearchStrategy[int]] = {
    "fd": st.integers(0, 9),
    "dir": st.sampled_from([3, 3, 3, 4, 5, 7]),
    "small": st.integers(0, 6),
    "bit": st.integers(0, 1),
    "out": _out,
    "events": st.sampled_from([EVENTS, EVENTS + 48, EVENTS + 56]),
    "long": st.sampled_from([0, 1, 5, 100, 1 << 20, 1 << 24, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
    "rights": st.sampled_from([0, rights.FD_READ, rights.FILE, rights.DIRECTORY, rights.ALL, (1 << 64) - 1]),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """A call whose arguments mostly mean something."""
    name = draw(st.sampled_from(sorted(ROLES)))
    found: list[int] = []
    for role in ROLES[name].split():
        if role == "path":
            path = draw(st.sampled_from(NAMES))
            pair = (_AT[path], len(path))
        elif role == "list":
            pair = (VECTORS, draw(st.integers(0, 4)))
        elif role == "room":
            pair = (draw(_out), draw(st.sampled_from([0, 1, 10, 64, 4096, 1 << 20])))
        else:
            found.append(draw(_plausible[role]))
            continue
        found += pair
    for at in draw(st.lists(st.integers(0, 20), max_size=2)):
        if at < len(found):
            found[at] = draw(_wild)
    return name, tuple(found)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may become large: a guest with a grant may fill it, and this is not what is tested."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _prepare(guest: Caller, old: bool) -> None:
    for name, at in _AT.items():
        guest.put(name, at)
    guest.put(struct.pack("<IIIIIIII", ROOM, 10, ROOM + 100, 0, END - 4, 4, END - 4, 5), VECTORS)
    guest.put(
        clock(1, 0, old=old) + ready(2, 1, 3, old=old) + ready(3, 1, 5, old=old) + clock(4, 1 << 60, old=old), EVENTS
    )
    guest.put(b"pattern " * 8192, ROOM)


def _memory(guest: Caller) -> bytes:
    """What a call that fails leaves alone."""
    return guest.get(ROOM + (64 << 10) - PATHS, PATHS) + guest.get(4096, END - 4096)


async def _make(engine: Engine, granted: Path, listing: list[tuple[str, tuple[int, ...]]], old: bool) -> None:
    shown = granted.parent / "shown"
    with opened([Grant(granted, "/data"), Grant(shown, "/shown", writable=False)]) as directories:
        waiting = WasiSettings(directories, BytesInput(b"some input"), open_files=8)
        async with Caller(engine, old=old, wasi=waiting, args=("a", "b")) as guest:
            for name in ("file", "dir/inner"):
                await guest.open(name, how=CREATE, base=rights.FILE, inheriting=rights.ALL)
            await guest.open("file", fd=4, base=rights.FD_READ | rights.FD_SEEK)
            _prepare(guest, old)
            for name, arguments in listing:
                if old and name == "sock_accept":
                    continue
                before = _memory(guest)
                guest.begin(name, *arguments)
                for _ in range(2000):
                    await asyncio.sleep(0)
                    if guest.answered:
                        break
                else:
                    if name == "poll_oneoff":  # which may wait for very long
                        guest.guest.stop(End(EndReason.STOPPED, "enough"))
                        return
                answer = await guest.finish()
                partial = name in ("args_get", "environ_get", "args_sizes_get", "environ_sizes_get")
                if answer is not Errno.SUCCESS and not partial:
                    assert _memory(guest) == before, name


def test_every_function_that_answers_is_among_them() -> None:
    """But signals, which end the guest."""
    assert set(ROLES) == set(FUNCTIONS) - {"proc_raise"}


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("old", [False, True])
def test_no_argument_does_harm(engine: Engine, tmp_path: Path, old: bool) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    count = 0

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(calls(), min_size=10, max_size=40))
    def run(listing: list[tuple[str, tuple[int, ...]]]) -> None:
        nonlocal count
        count += 1
        area = tmp_path / f"area{count}"
        granted, shown = area / "granted", area / "shown"
        (granted / "dir").mkdir(parents=True)
        shown.mkdir()
        (area / "secret.txt").write_text("secret")
        (shown / "file").write_text("shown")
        (granted / "link").symlink_to("file")
        (granted / "up").symlink_to("..")
        os.mkfifo(granted / "fifo")
        before = sorted((str(p), p.lstat().st_mtime_ns) for p in (area / "secret.txt", shown, shown / "file"))
        asyncio.run(_make(engine, granted, listing, old))
        after = sorted((str(p), p.lstat().st_mtime_ns) for p in (area / "secret.txt", shown, shown / "file"))
        assert before == after
        assert {p.name for p in area.iterdir()} == {"granted", "shown", "secret.txt"}
        assert (shown / "file").read_text() == "shown"

    run()
    assert secret.read_text() == "secret"
