"""Guests that end in the middle of something: what they had open is closed, and what was under way hurts nobody."""

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller, files_closed
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.wasi import Grant, WasiSettings, opened, rights
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.files import OpenFile
from wapo.vm.wasi.opening import CREATE, Opening
from wapo.vm.wasi.waiting import Jobs

STOPPED = End(EndReason.STOPPED, "enough")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def until_open(count: int) -> None:
    """Returns when so many descriptors are open."""
    async with asyncio.timeout(20):
        while descriptors() != count:
            await asyncio.sleep(0)


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Iterator[threading.Event]:
    """A method that runs on a thread, and takes until the block ends; the event is that it has begun."""
    method = getattr(owner, name)
    begun, free = threading.Event(), threading.Event()

    def slow(*arguments: object) -> object:
        begun.set()
        assert free.wait(20)
        return method(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, slow)
        try:
            yield begun
        finally:
            free.set()


async def test_everything_is_closed_at_the_end(engine: Engine, given: WasiSettings) -> None:
    async with Caller(engine, wasi=given):
        pass
    before = descriptors()
    for _ in range(3):
        async with Caller(engine, wasi=given) as guest:
            for number in range(20):
                await guest.open(f"f{number}", how=CREATE, base=rights.FD_WRITE)
            await guest.good("fd_readdir", 3, BUFFER, 100, 0, SCRATCH)
        assert descriptors() == before


async def test_a_slow_disk_holds_up_only_who_asked(
    engine: Engine, given: WasiSettings, granted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that takes long: the loop and other guests go on, and the guest can be stopped at once."""
    async with Caller(engine, wasi=given) as slow, Caller(engine, wasi=given) as other:
        file = await slow.open("slow", how=CREATE, base=rights.FD_WRITE)
        with held_up(monkeypatch, OpenFile, "_write") as begun:
            slow.put(b"text")
            slow.begin("fd_write", file, *slow.buffers([(BUFFER, 4)]), SCRATCH - 8)
            await slow.until(begun.is_set)
            assert slow.waits
            for _ in range(10):
                assert isinstance(await other.open("other", how=CREATE), int)
            before = descriptors()
            slow.guest.stop(STOPPED)
            assert slow.guest.ended is STOPPED
            assert descriptors() == before  # the write that is under way still has its file
        await files_closed(slow.guest)
        await slow.until(lambda: descriptors() < before)
    assert (granted / "slow").read_text() == "text"


async def test_a_file_that_is_opened_for_nobody_is_closed(
    engine: Engine, given: WasiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest ends while its open is under way on a thread."""
    async with Caller(engine, wasi=given):
        pass
    before = descriptors()
    async with Caller(engine, wasi=given) as guest:
        with held_up(monkeypatch, Opening, "_look") as begun:
            guest.begin("path_open", 3, 0, *guest.path("new"), CREATE, 0, 0, 0, SCRATCH)
            await guest.until(begun.is_set)
            guest.guest.stop(STOPPED)
            for _ in range(3):
                await asyncio.sleep(0)
    await until_open(before)


@pytest.mark.parametrize("turns", range(3))
async def test_a_file_that_is_being_closed_is_closed_although_the_guest_has_ended(
    engine: Engine, given: WasiSettings, turns: int
) -> None:
    """All threads are busy, and its close waits for one of them: its number is free, so nobody else would do it."""
    async with Caller(engine, wasi=given):
        pass
    before = descriptors()
    free = threading.Event()
    async with Caller(engine, wasi=given) as guest:
        file = await guest.open("file", how=CREATE, base=rights.FD_WRITE)
        busy = [asyncio.create_task(Jobs().run(lambda: free.wait(20))) for _ in range(8)]
        await asyncio.sleep(0)
        guest.begin("fd_close", file)
        await guest.until(lambda: guest.waits)
        for _ in range(turns):
            await asyncio.sleep(0)
        guest.guest.stop(STOPPED)
        await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*busy)
    await until_open(before)


async def test_a_read_for_nobody_writes_into_no_memory(
    engine: Engine, given: WasiSettings, granted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is gone by the time the disk answers."""
    (granted / "file").write_bytes(b"x" * 100)
    async with Caller(engine, wasi=given) as guest:
        file = await guest.open("file", base=rights.FD_READ)
        monkeypatch.setattr(OpenFile, "_read_cached", lambda *_: -1)
        with held_up(monkeypatch, OpenFile, "_read") as begun:
            guest.begin("fd_read", file, *guest.buffers([(BUFFER, 100)]), SCRATCH - 8)
            await guest.until(begun.is_set)
            guest.guest.stop(STOPPED)
            assert not guest.guest.instance.has_memory
        await files_closed(guest.guest)
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.mark.parametrize("cached", [True, False])
async def test_reading_whole_files(guest: Caller, granted: Path, cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the pages are at hand or not: a read is short at the end of the file only, however large."""
    if not cached:
        monkeypatch.setattr(OpenFile, "_read_cached", lambda *_: -1)
    data = os.urandom(3_000_000)
    (granted / "file").write_bytes(data)
    file = await guest.open("file", base=rights.FD_READ | rights.FD_SEEK)
    at = 1 << 20
    await guest.good("fd_read", file, *guest.buffers([(at, 1_500_001), (at + 1_500_001, 2_000_000)]), SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == len(data)
    assert guest.get(len(data), at) == data
    await guest.good("fd_read", file, *guest.buffers([(at, 10)]), SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 0
    await guest.good("fd_pread", file, *guest.buffers([(at, 2_500_000)]), 1_000_000, SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 2_000_000
    assert guest.get(2_000_000, at) == data[1_000_000:]


async def test_pages_at_hand_are_read_without_a_thread(
    guest: Caller, granted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (granted / "file").write_bytes(b"text")
    file = await guest.open("file", base=rights.FD_READ | rights.FD_SEEK)
    table = guest.guest.wasi.table  # type: ignore[union-attr]
    try:
        os.preadv(table.get(file).held[0], [bytearray(1)], 0, os.RWF_NOWAIT)
    except OSError:
        pytest.skip("this file system cannot read without waiting")

    def never(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(OpenFile, "_read", never)
    await guest.good("fd_pread", file, *guest.buffers([(BUFFER, 4)]), 0, SCRATCH - 8)
    assert guest.get(4) == b"text"


async def test_a_full_disk(guest: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before is counted; after that, the error."""
    file = await guest.open("f", how=CREATE, base=rights.FD_WRITE)
    write = OpenFile._write
    calls = 0

    def full(self: OpenFile, data: bytes, at: int | None) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(28, "No space left on device")
        return write(self, data, at)

    monkeypatch.setattr(OpenFile, "_write", full)
    await guest.good("fd_write", file, *guest.buffers([(0, 3 << 20)]), SCRATCH - 8)
    assert guest.u32(SCRATCH - 8) == 1 << 20
    assert await guest.write(file, b"x") is Errno.NOSPC


async def test_no_descriptor_left_for_a_directory(engine: Engine, given: WasiSettings) -> None:
    """The start fails, and leaves nothing."""
    before = descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    caller = Caller(engine, wasi=given)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))  # numbers from here on are none
    try:
        with pytest.raises(OSError, match="open files"):
            await caller.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert descriptors() == before


async def test_many_guests_with_files_at_once(engine: Engine, granted: Path) -> None:
    """More than there are threads: they take turns."""
    with opened([Grant(granted, ".")]) as directories:
        callers = [Caller(engine, wasi=WasiSettings(directories), owner=str(n)) for n in range(30)]
        for caller in callers:
            await caller.__aenter__()

        async def work(number: int) -> None:
            caller = callers[number]
            file = await caller.open(f"f{number}", how=CREATE, base=rights.FD_WRITE)
            for _ in range(5):
                assert await caller.write(file, b"x" * 1000) == 1000
            await caller.good("fd_close", file)

        await asyncio.gather(*(work(number) for number in range(30)))
        for caller in callers:
            await caller.__aexit__()
    assert {p.stat().st_size for p in granted.iterdir()} == {5000}
