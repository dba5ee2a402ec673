"""The life of a guest: how it ends, what limits do, what it leaves behind."""

import asyncio
import gc
import os

import pytest

from tests.vm.support import END_OF_LOG, PRELUDE, Recorder, Results, fast, guest_of, link, run_to_end, run_until
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule, UnknownImport
from wapo.engine.instance import Instance, StoreLimits
from wapo.vm.ends import End, EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler

SPIN = '(func (export "wapo_poll") (result i32) (loop $l (br $l)) (i32.const 0))'
WAIT = '(func (export "wapo_poll") (result i32) (i32.const 0))'
EXIT = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
"""


def returning(value: int) -> str:
    return f'(func (export "wapo_poll") (result i32) (i32.const {value}))'


async def test_returning_1_is_a_clean_end(engine: Engine) -> None:
    end = await run_to_end(guest_of(engine, returning(1)))
    assert (end.reason, str(end)) == (EndReason.EXITED, "Exited(0)")


@pytest.mark.parametrize("value", [2, 7, -1, 1 << 30])
async def test_returning_anything_else_is_a_trap(engine: Engine, value: int) -> None:
    end = await run_to_end(guest_of(engine, returning(value)))
    assert end.reason is EndReason.TRAP
    assert str(value) in end.detail


@pytest.mark.parametrize(
    ("code", "reason"), [(0, EndReason.EXITED), (125, EndReason.EXITED), (126, EndReason.TRAP), (200, EndReason.TRAP)]
)
async def test_proc_exit(engine: Engine, code: int, reason: EndReason) -> None:
    """0 to 125 are exit codes, anything else is an error."""
    body = f'(func (export "wapo_poll") (result i32) (call $exit (i32.const {code})) (i32.const 0))'
    end = await run_to_end(guest_of(engine, body, prelude=EXIT + PRELUDE))
    assert end.reason is reason
    assert reason is EndReason.TRAP or end.code == code


async def test_a_trap_names_its_cause(engine: Engine) -> None:
    end = await run_to_end(guest_of(engine, '(func (export "wapo_poll") (result i32) unreachable)'))
    assert end.reason is EndReason.TRAP
    assert "unreachable" in end.detail


async def test_deep_recursion_is_a_trap(engine: Engine) -> None:
    body = "(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))"
    end = await run_to_end(guest_of(engine, body + '(func (export "wapo_poll") (result i32) (call $f (i32.const 1)))'))
    assert end.reason is EndReason.TRAP
    assert "stack" in end.detail


async def test_a_busy_loop_is_ended_at_the_burst_limit(engine: Engine) -> None:
    end = await run_to_end(guest_of(engine, SPIN, limits=GuestLimits(burst_s=0.05)))
    assert end.reason is EndReason.BURST_LIMIT


async def test_a_busy_loop_is_ended_at_the_time_limit(engine: Engine) -> None:
    end = await run_to_end(guest_of(engine, SPIN, limits=GuestLimits(burst_s=None, time_s=0.05)))
    assert end.reason is EndReason.TIME_LIMIT


async def test_waiting_does_not_count_as_a_burst(engine: Engine) -> None:
    """A guest that waits is ended by the time limit alone."""
    end = await run_to_end(guest_of(engine, WAIT, limits=GuestLimits(burst_s=0.001, time_s=0.05)))
    assert end.reason is EndReason.TIME_LIMIT


async def test_a_busy_loop_keeps_nobody_waiting(engine: Engine) -> None:
    """While one guest burns, timers of the loop fire and another guest runs to its end."""
    scheduler = Scheduler()
    burning = guest_of(engine, SPIN, scheduler=scheduler, limits=GuestLimits(burst_s=None), owner="burning")
    burning.request_poll()
    for number in range(20):
        await asyncio.sleep(0.001)
        other = guest_of(engine, returning(1), scheduler=scheduler, owner=f"other-{number}")
        assert (await run_to_end(other)).reason is EndReason.EXITED
    assert burning.ended is None
    scheduler.stop_all()
    assert burning.ended is not None


async def test_owners_share_the_cpu_whatever_the_number_of_their_guests(engine: Engine) -> None:
    """One agent with eight busy requests gets no more than one with a single busy request."""
    scheduler = Scheduler()
    limits = GuestLimits(burst_s=None, time_s=None)
    many = [guest_of(engine, SPIN, scheduler=scheduler, limits=limits, owner="many") for _ in range(8)]
    single = guest_of(engine, SPIN, scheduler=scheduler, limits=limits, owner="single")
    for guest in [*many, single]:
        guest.request_poll()
    await run_until(single, lambda: single.meter.cpu_s > 0.1)
    together = sum(guest.meter.cpu_s for guest in many)
    scheduler.stop_all()
    assert 0.5 < together / single.meter.cpu_s < 2.0


async def test_memory_cannot_grow_beyond_its_limit(engine: Engine) -> None:
    """memory.grow answers -1; the guest goes on."""
    body = f"""(func (export "wapo_poll") (result i32)
      (call $note (i64.extend_i32_s (memory.grow (i32.const 8))))
      (call $note (i64.extend_i32_s (memory.grow (i32.const 100)))) {END_OF_LOG} (i32.const 1))"""
    guest = guest_of(engine, body, limits=GuestLimits(memory_bytes=1 << 20))
    results = Results(guest)
    await run_to_end(guest)
    assert results.words[0] == 2
    assert len(results.words) == 1  # -1 looks like the end of the log


async def test_a_module_that_needs_more_than_its_limit_is_refused(engine: Engine) -> None:
    linked = link(
        engine, '(module (memory (export "memory") 100) (func (export "wapo_poll") (result i32) (i32.const 1)))'
    )
    with pytest.raises(InvalidModule, match="memory"):
        Instance(linked, StoreLimits(memory_bytes=1 << 20))


async def test_a_module_without_a_poll_function_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidModule, match="wapo_poll"):
        guest_of(engine, "")


async def test_the_predecessors_poll_function_is_the_fallback(engine: Engine) -> None:
    body = '(func (export "sidevm_poll") (result i32) (i32.const 1))'
    assert (await run_to_end(guest_of(engine, body))).reason is EndReason.EXITED


async def test_unknown_imports_are_named(engine: Engine) -> None:
    with pytest.raises(UnknownImport, match="nowhere"):
        link(engine, '(module (import "nowhere" "f" (func)))')


async def test_calls_without_an_exported_memory_end_the_guest(engine: Engine) -> None:
    """There is nowhere to read from: that is not reported as an error code."""
    prelude = PRELUDE.replace('(memory (export "memory") 2)', "(memory 2)")
    body = f'(func (export "wapo_poll") (result i32) {fast(113, 1024, 8)} (i32.const 1))'
    end = await run_to_end(guest_of(engine, body, prelude=prelude))
    assert end.reason is EndReason.TRAP


async def test_stdout_and_stderr_are_log_lines(engine: Engine) -> None:
    prelude = (
        '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))' + PRELUDE
    )
    body = r"""
      (data (i32.const 0) "\10\00\00\00\0a\00\00\00") (data (i32.const 16) "one\ntwo\nth")
      (data (i32.const 32) "\28\00\00\00\04\00\00\00") (data (i32.const 40) "ree\n")
      (func (export "wapo_poll") (result i32)
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
        (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64)))
        (drop (call $write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 64)))
        (i32.const 1))"""
    services = Recorder()
    await run_to_end(guest_of(engine, body, prelude=prelude, services=services))
    assert services.lines == [(3, "one"), (3, "two"), (3, "three"), (1, "ree")]


async def test_stopping_a_guest_in_the_middle_of_a_poll_frees_everything(engine: Engine) -> None:
    """Stack, store and memory of 300 guests in endless loops are gone after stop: descriptors, mappings, objects."""
    scheduler = Scheduler()
    limits = GuestLimits(burst_s=None)

    def mappings() -> int:
        with open("/proc/self/maps") as file:
            return sum(1 for _ in file)

    async def burn() -> None:
        guests = [guest_of(engine, SPIN, scheduler=scheduler, limits=limits, owner=str(i % 7)) for i in range(100)]
        for guest in guests:
            guest.request_poll()
        await run_until(guests[0], lambda: all(guest.meter.polls for guest in guests))
        for guest in guests:
            guest.stop(End(EndReason.STOPPED, "enough"))

    await burn()
    gc.collect()
    before = mappings(), len(os.listdir("/proc/self/fd"))
    await burn()
    await burn()
    gc.collect()
    after = mappings(), len(os.listdir("/proc/self/fd"))
    assert after[0] - before[0] < 50
    assert after[1] == before[1]


async def test_a_host_function_that_fails_ends_one_guest_only(engine: Engine) -> None:
    """A bug in the host is that guest's end, with its name in the reason, and nobody else's."""

    class Broken(Recorder):
        def log(self, guest: object, level: int, text: str) -> None:
            raise RuntimeError("a bug")

    scheduler = Scheduler()
    body = f'(func (export "wapo_poll") (result i32) {fast(220, 3, 1024, 0)} (i32.const 1))'
    broken = guest_of(engine, body, services=Broken(), scheduler=scheduler)
    good = guest_of(engine, body, scheduler=scheduler)
    ends = await asyncio.gather(run_to_end(broken), run_to_end(good))
    assert ends[0].reason is EndReason.HOST_FAILURE
    assert "a bug" in ends[0].detail
    assert ends[1].reason is EndReason.EXITED
