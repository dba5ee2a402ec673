"""``poll_oneoff`` and what else waits: events, and that a guest that stands still is in nobody's way."""

import asyncio
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.support import guest_of, run_to_end
from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller, run_text
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.wasi import BytesInput, DescriptorInput, WasiSettings, rights
from wapo.vm.wasi.errno import Errno
from wapo.vm.wasi.opening import CREATE

REALTIME, MONOTONIC, PROCESS_CPU, THREAD_CPU = range(4)
ABSOLUTE = 1
MS = 1_000_000

CLOCK, FD_READ, FD_WRITE = range(3)
Event = tuple[int, Errno, int, int, int]  # user data, error, type, bytes, flags


def clock(userdata: int, timeout: int, *, clock: int = MONOTONIC, flags: int = 0, old: bool = False) -> bytes:
    """A subscription to a clock."""
    identifier = b"identify" if old else b""
    body = struct.pack("<IxxxxQQH", clock, timeout & (2**64 - 1), 0, flags)
    return (struct.pack("<QBxxxxxxx", userdata, CLOCK) + identifier + body).ljust(56 if old else 48, b"\0")


def ready(userdata: int, kind: int, fd: int, *, old: bool = False) -> bytes:
    """A subscription to a descriptor."""
    return struct.pack("<QBxxxxxxxI", userdata, kind, fd).ljust(56 if old else 48, b"\0")


def begin(guest: Caller, *subscriptions: bytes) -> None:
    guest.put(b"".join(subscriptions), BUFFER)
    guest.begin("poll_oneoff", BUFFER, BUFFER + 100_000, len(subscriptions), SCRATCH)


async def finish(guest: Caller) -> list[Event]:
    assert await guest.finish() is Errno.SUCCESS
    data = guest.get(32 * guest.u32(SCRATCH), BUFFER + 100_000)
    return [
        (userdata, Errno(error), kind, count, flags)
        for userdata, error, kind, count, flags in struct.iter_unpack("<QHBxxxxxQHxxxxxx", data)
    ]


async def poll(guest: Caller, *subscriptions: bytes) -> list[Event]:
    begin(guest, *subscriptions)
    return await finish(guest)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


@pytest.mark.parametrize("clock_id", [REALTIME, MONOTONIC])
async def test_sleeping(engine: Engine, clock_id: int) -> None:
    async with Caller(engine) as guest:
        started = time.monotonic()
        assert await poll(guest, clock(7, 30 * MS, clock=clock_id)) == [(7, Errno.SUCCESS, CLOCK, 0, 0)]
        assert time.monotonic() - started >= 0.03


@pytest.mark.parametrize(("clock_id", "now"), [(REALTIME, time.time_ns), (MONOTONIC, time.monotonic_ns)])
async def test_sleeping_until_a_time(engine: Engine, clock_id: int, now: object) -> None:
    async with Caller(engine) as guest:
        until = now() + 30 * MS  # type: ignore[operator]
        assert len(await poll(guest, clock(7, until, clock=clock_id, flags=ABSOLUTE))) == 1
        assert now() >= until  # type: ignore[operator]
        begin(guest, clock(8, until - 50 * MS, clock=clock_id, flags=ABSOLUTE))  # it is over already
        assert await finish(guest) == [(8, Errno.SUCCESS, CLOCK, 0, 0)]


async def test_the_earliest_of_several_clocks(engine: Engine) -> None:
    async with Caller(engine) as guest:
        found = await poll(guest, clock(1, 3600_000 * MS), clock(2, 20 * MS), clock(3, 2**64 - 1), clock(4, 20 * MS))
        assert {userdata for userdata, *_ in found} <= {2, 4}
        assert found
        assert await poll(guest, clock(1, 3600_000 * MS), clock(2, 0), clock(3, 0, clock=REALTIME)) == [
            (2, Errno.SUCCESS, CLOCK, 0, 0), (3, Errno.SUCCESS, CLOCK, 0, 0),
        ]  # fmt: skip


async def test_clocks_of_cpu_time_are_an_error_each(engine: Engine) -> None:
    async with Caller(engine) as guest:
        assert await poll(
            guest,
            clock(1, 0, clock=PROCESS_CPU),
            clock(2, 3600_000 * MS),
            clock(3, 5, clock=THREAD_CPU, flags=ABSOLUTE),
        ) == [(1, Errno.INVAL, CLOCK, 0, 0), (3, Errno.INVAL, CLOCK, 0, 0)]
        for name in ("clock_time_get", "clock_res_get"):
            for number in (2, 3, 4, 0xFFFFFFFF):
                rest = (0, BUFFER) if name == "clock_time_get" else (BUFFER,)
                assert await guest.call(name, number, *rest) is Errno.INVAL
        await guest.good("clock_res_get", MONOTONIC, BUFFER)
        assert guest.u64(BUFFER) == 1
        await guest.good("clock_time_get", REALTIME, 0, BUFFER)
        assert abs(guest.u64(BUFFER) - time.time_ns()) < 60_000 * MS
        end = guest.guest.instance.memory_size
        assert await guest.call("clock_time_get", MONOTONIC, 0, end - 7) is Errno.FAULT
        assert await guest.call("clock_res_get", MONOTONIC, end - 7) is Errno.FAULT


async def test_calls_that_make_no_sense(engine: Engine) -> None:
    async with Caller(engine) as guest:
        end = guest.guest.instance.memory_size

        async def call(data: bytes, count: int, events: int = BUFFER + 100_000, stored: int = SCRATCH) -> Errno:
            return await guest.call("poll_oneoff", guest.put(data), events, count, stored)

        good = clock(1, 0)
        assert await call(b"", 0) is Errno.INVAL
        assert await call(good * 1025, 1025) is Errno.INVAL
        assert await call(good * 1024, 1024) is Errno.SUCCESS
        assert guest.u32(SCRATCH) == 1024
        assert await call(good, 0xFFFFFFFF) is Errno.INVAL
        assert await call(good, 1, events=end - 31) is Errno.FAULT
        assert await call(good, 1, stored=end - 3) is Errno.FAULT
        assert await guest.call("poll_oneoff", end - 47, BUFFER, 1, SCRATCH) is Errno.FAULT
        for wrong in (clock(1, 0, clock=4), clock(1, 0, flags=2), good[:8] + b"\x03" + good[9:]):
            assert await call(good + wrong, 2) is Errno.INVAL


async def test_descriptors(guest: Caller, granted: Path) -> None:
    """Files and outputs are always ready; what is wrong with a descriptor is its event's error."""
    (granted / "file").write_text("12345")
    ask = rights.FD_READ | rights.FD_WRITE | rights.POLL_FD_READWRITE | rights.FD_SEEK
    file = await guest.open("file", base=ask)
    no_poll = await guest.open("file", base=rights.FD_READ)
    await guest.good("fd_seek", file, 2, 0, SCRATCH)
    found = await poll(
        guest, ready(1, FD_READ, file), ready(2, FD_WRITE, file), ready(3, FD_READ, 77), ready(4, FD_WRITE, 1),
        ready(5, FD_READ, 1), ready(6, FD_READ, no_poll), ready(7, FD_READ, 3), clock(8, 3600_000 * MS),
        ready(9, FD_READ, 0), ready(10, FD_WRITE, 0),
    )  # fmt: skip
    byte_counts = {userdata: count for userdata, *_, count, _ in found}
    assert [(userdata, error, kind) for userdata, error, kind, *_ in found] == [
        (1, Errno.SUCCESS, FD_READ), (2, Errno.SUCCESS, FD_WRITE), (3, Errno.BADF, FD_READ),
        (4, Errno.SUCCESS, FD_WRITE), (5, Errno.NOTCAPABLE, FD_READ), (6, Errno.NOTCAPABLE, FD_READ),
        (7, Errno.NOTCAPABLE, FD_READ), (9, Errno.SUCCESS, FD_READ), (10, Errno.NOTCAPABLE, FD_WRITE),
    ]  # fmt: skip
    assert byte_counts[1] == 3
    assert byte_counts[2] > 0
    assert found[7][3:] == (0, 1)  # an empty input is at its end


async def test_input_that_is_there(engine: Engine) -> None:
    async with Caller(engine, wasi=WasiSettings(stdin=BytesInput(b"12345"))) as guest:
        assert await poll(guest, ready(1, FD_READ, 0)) == [(1, Errno.SUCCESS, FD_READ, 5, 0)]
        assert await guest.read(0, 2) == b"12"
        assert await guest.read(0, 100) == b"345"
        assert await poll(guest, ready(1, FD_READ, 0)) == [(1, Errno.SUCCESS, FD_READ, 0, 1)]
        assert await guest.read(0) == b""


async def test_input_that_comes_later(engine: Engine, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    async with Caller(engine, wasi=WasiSettings(stdin=DescriptorInput(reading))) as guest:
        assert await poll(guest, ready(1, FD_READ, 0), clock(2, 10 * MS)) == [(2, Errno.SUCCESS, CLOCK, 0, 0)]
        begin(guest, clock(1, 3600_000 * MS), ready(2, FD_READ, 0), ready(3, FD_READ, 0))
        await guest.until(lambda: guest.waits)
        os.write(writing, b"hello")
        assert await finish(guest) == [(2, Errno.SUCCESS, FD_READ, 5, 0), (3, Errno.SUCCESS, FD_READ, 5, 0)]
        assert await guest.read(0) == b"hello"
        guest.begin("fd_read", 0, *guest.buffers([(BUFFER, 3), (BUFFER + 10, 100)]), SCRATCH - 8)
        await guest.until(lambda: guest.waits)
        os.write(writing, b"more")
        assert await guest.finish() is Errno.SUCCESS
        assert (guest.u32(SCRATCH - 8), guest.get(3), guest.get(1, BUFFER + 10)) == (4, b"mor", b"e")
        await guest.good("fd_fdstat_set_flags", 0, 4)  # NONBLOCK
        assert await guest.call("fd_read", 0, *guest.buffers([(BUFFER, 3)]), SCRATCH - 8) is Errno.AGAIN
        begin(guest, ready(1, FD_READ, 0))
        await guest.until(lambda: guest.waits)
        os.close(writing)
        assert await finish(guest) == [(1, Errno.SUCCESS, FD_READ, 0, 1)]
        assert await guest.read(0) == b""


async def test_input_that_cannot_be_read_is_an_error_not_an_end(engine: Engine, tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    async with Caller(engine, wasi=WasiSettings(stdin=DescriptorInput(directory))) as guest:
        assert await guest.call("fd_read", 0, *guest.buffers([(BUFFER, 3)]), SCRATCH - 8) is Errno.ISDIR
    os.close(directory)


async def test_input_goes_on_where_an_ended_guest_left_it(engine: Engine, tmp_path: Path) -> None:
    """What was read ahead for a guest that is gone is the next one's."""
    (tmp_path / "input").write_bytes(b"x" * 70_000)
    file = os.open(tmp_path / "input", os.O_RDONLY)
    settings = WasiSettings(stdin=DescriptorInput(file))
    async with Caller(engine, wasi=settings) as guest:
        guest.begin("fd_read", 0, *guest.buffers([(BUFFER, 100)]), SCRATCH - 8)
        await guest.until(lambda: guest.waits or guest.answered)
        guest.guest.stop(End(EndReason.STOPPED, "restart"))
    total = 0
    async with Caller(engine, wasi=settings) as guest:
        while data := await guest.read(0, 50_000):
            total += len(data)
    os.close(file)
    assert total == 70_000


# Standing still


async def test_a_sleeping_guest_blocks_nobody(engine: Engine) -> None:
    """While hundreds sleep, the loop's timers come in time and others run."""
    scheduler = Scheduler()
    callers = [Caller(engine, scheduler=scheduler, owner=f"sleeper-{n}") for n in range(100)]
    for caller in callers:
        await caller.__aenter__()
        begin(caller, clock(1, 3600_000 * MS))
    await callers[0].until(lambda: all(caller.waits for caller in callers))
    assert not scheduler.busy
    polls = sum(caller.guest.meter.polls for caller in callers)
    loop = asyncio.get_running_loop()
    latest = 0.0
    for _ in range(20):
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        latest = max(latest, loop.time() - due)
        body = '(func (export "wapo_poll") (result i32) (i32.const 1))'
        assert (await run_to_end(guest_of(engine, body, scheduler=scheduler))).reason is EndReason.EXITED
    assert latest < 1.0
    assert sum(caller.guest.meter.polls for caller in callers) == polls
    scheduler.stop_all()


async def test_a_sleeping_guest_is_stopped_at_once(engine: Engine) -> None:
    """And leaves no timer behind."""
    async with Caller(engine) as guest:
        begin(guest, clock(1, 3600_000 * MS), clock(2, 2**63))
        await guest.until(lambda: guest.waits)
        handle = _timer_of(guest)
        guest.guest.stop(End(EndReason.STOPPED, "enough"))
        assert guest.guest.ended is not None
        assert guest.guest.ended.reason is EndReason.STOPPED
        assert handle.cancelled()


def _timer_of(guest: Caller) -> asyncio.TimerHandle:
    assert guest.guest._call is not None
    assert guest.guest._call.waiting is not None
    cancel = guest.guest._call.waiting._cancel
    handle = cancel.__self__._timer  # type: ignore[union-attr]
    assert isinstance(handle, asyncio.TimerHandle)
    return handle


async def test_a_sleeping_guest_is_ended_by_its_time_limit(engine: Engine) -> None:
    async with Caller(engine, limits=GuestLimits(time_s=0.2, burst_s=10)) as guest:
        begin(guest, clock(1, 3600_000 * MS))
        await guest.until(lambda: guest.guest.ended is not None)
        assert guest.guest.ended is not None
        assert guest.guest.ended.reason is EndReason.TIME_LIMIT


def program(step: str, rounds: int) -> str:
    """Works for some milliseconds and does something, again and again, in one poll."""
    return f"""
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 24) "\\01") (data (i32.const 32) "\\00\\09\\3d\\00")
      (func (export "wapo_poll") (result i32) (local $i i32) (local $n i32)
        (loop $round
          (local.set $n (i32.const 4000000))
          (loop $work (br_if $work (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          {step}
          (br_if $round (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {rounds}))))
        (i32.const 1))"""


SLEEP = "(drop (call $poll (i32.const 8) (i32.const 128) (i32.const 1) (i32.const 256)))"
YIELD = "(drop (call $yield))"


async def test_sleeping_uses_up_no_burst(engine: Engine) -> None:
    """CPU is counted from wait to wait: with a pause between, work goes on that would be too long without."""
    limits = GuestLimits(burst_s=0.25, time_s=60)
    end, _ = await run_text(engine, program("", 100_000), limits)
    assert end.reason is EndReason.BURST_LIMIT
    end, cpu_s = await run_text(engine, program(SLEEP, 400), limits)
    assert end.reason is EndReason.EXITED
    assert cpu_s > 0.25


async def test_yielding_is_no_rest(engine: Engine) -> None:
    """A guest that only lets others go first is computing nevertheless."""
    end, _ = await run_text(engine, program(YIELD, 100_000), GuestLimits(burst_s=0.25, time_s=60))
    assert end.reason is EndReason.BURST_LIMIT


async def test_yielding_lets_others_run(engine: Engine) -> None:
    """Guests of the same owner and the loop's callbacks, before it goes on."""
    scheduler = Scheduler()
    async with Caller(engine, scheduler=scheduler) as one, Caller(engine, scheduler=scheduler) as other:
        turns: list[str] = []
        loop = asyncio.get_running_loop()
        one.begin("sched_yield")
        await one.until(lambda: one.waits)
        loop.call_soon(turns.append, "loop")
        assert await other.call("clock_res_get", MONOTONIC, BUFFER) is Errno.SUCCESS
        assert await one.finish() is Errno.SUCCESS
        assert turns == ["loop"]
        for _ in range(100):
            assert await one.call("sched_yield") is Errno.SUCCESS


async def test_a_yielding_guest_can_be_stopped(engine: Engine) -> None:
    async with Caller(engine) as guest:
        guest.begin("sched_yield")
        await guest.until(lambda: guest.waits)
        guest.guest.stop(End(EndReason.STOPPED, "enough"))
        await asyncio.sleep(0)
        assert guest.guest.ended is not None


async def test_signals_wait_while_a_guest_sleeps(engine: Engine) -> None:
    """They are not lost: the guest is polled again when its poll is over."""
    async with Caller(engine) as guest:
        begin(guest, clock(1, 20 * MS))
        await guest.until(lambda: guest.waits)
        polls = guest.guest.meter.polls
        guest.guest.tasks.signal(5, 7)
        assert guest.waits
        await finish(guest)
        await guest.until(lambda: guest.guest.meter.polls > polls)


async def test_creating_file_descriptors_while_waiting_is_over(guest: Caller) -> None:
    """A wait in between changes nothing about what is open."""
    file = await guest.open("f", how=CREATE, base=rights.FD_WRITE)
    await poll(guest, clock(1, MS))
    assert await guest.write(file, b"x") == 1
