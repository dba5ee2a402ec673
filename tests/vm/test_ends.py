"""How guests end (wapo-abi.md 1.10): the table, row by row, and what an end does."""

import asyncio

import pytest

from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import PRELUDE, Recorder, guest_of, run_to_end
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.oneshot import Closed, Reply

EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
POLL = '(func (export "wapo_poll") (result i32) {})'
SPIN = "(loop $l (br $l)) (i32.const 0)"


@pytest.mark.parametrize(
    ("code", "reason", "text"),
    [
        ("(i32.const 1)", EndReason.EXITED, "Exited(0)"),
        ("(call $exit (i32.const 0)) (i32.const 0)", EndReason.EXITED, "Exited(0)"),
        ("(call $exit (i32.const 125)) (i32.const 0)", EndReason.EXITED, "Exited(125)"),
        ("(call $exit (i32.const 126)) (i32.const 0)", EndReason.TRAP, "Trap"),
        ("(call $exit (i32.const -1)) (i32.const 0)", EndReason.TRAP, "Trap"),
        ("unreachable", EndReason.TRAP, "Trap"),
        ("(i32.div_u (i32.const 1) (i32.const 0))", EndReason.TRAP, "Trap"),
        ("(i32.load (i32.const -1))", EndReason.TRAP, "Trap"),
        ("(i32.const 2)", EndReason.TRAP, "Trap"),
        ("(i32.const -1)", EndReason.TRAP, "Trap"),
        (SPIN, EndReason.BURST_LIMIT, "BurstLimit"),
    ],
)
async def test_ends_that_a_guest_brings_about(engine: Engine, code: str, reason: EndReason, text: str) -> None:
    guest = guest_of(engine, POLL.format(code), prelude=EXIT + PRELUDE, limits=GuestLimits(burst_s=0.05))
    end = await run_to_end(guest)
    assert (end.reason, str(end)) == (reason, text)
    assert end.detail


@pytest.mark.parametrize("code", [SPIN, "(i32.const 0)"], ids=["spinning", "idle"])
async def test_the_time_limit_ends_what_spins_and_what_is_idle(engine: Engine, code: str) -> None:
    """The original's could do neither: it could not interrupt a poll, and it began anew with every command (quirk 19)."""
    guest = guest_of(engine, POLL.format(code), limits=GuestLimits(burst_s=None, time_s=0.05))
    assert (await run_to_end(guest)).reason is EndReason.TIME_LIMIT


@pytest.mark.parametrize("when", ["before its first poll", "in a poll", "idle", "from inside"])
async def test_a_stopped_guest_is_stopped_whatever_it_does(engine: Engine, when: str) -> None:
    """Always as `Stopped` (quirk 21), and told once."""
    stopped = End(EndReason.STOPPED, "enough")
    told: list[End] = []

    class FromInside(Recorder):
        def log(self, guest: object, level: int, text: str) -> None:
            puppet.guest.stop(stopped)
            puppet.guest.stop(End(EndReason.STOPPED, "again"))

    puppet = Puppet(engine, services=FromInside())
    puppet.guest.on_end(told.append)
    if when == "before its first poll":
        puppet.guest.stop(stopped)
    else:
        async with puppet:
            if when == "idle":
                await puppet.until(lambda: puppet.guest.settled)
                puppet.guest.stop(stopped)
            elif when == "in a poll":
                asking = asyncio.create_task(puppet.replay([(113, BUFFER, 1 << 20)] * 500))
                await puppet.until(lambda: puppet.guest.in_poll)
                puppet.guest.stop(stopped)
                assert await asking == []
            else:
                assert await puppet.replay([(220, 3, 0, 0), (220, 3, 0, 0)]) == []
    puppet.guest.stop(End(EndReason.TRAP, "too late"))
    assert told == [stopped]
    assert puppet.guest.ended == stopped
    late: list[End] = []
    puppet.guest.on_end(late.append)
    assert late == [stopped]


async def test_an_end_drops_everything_in_the_table(engine: Engine) -> None:
    """Callers hear that there will be no answer; timers are no more; nothing wakes anybody."""
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.replay([(240, 3), (201, 1), (103, 7, 1, 0, 0)])
        offer_query(puppet.guest, None, "/", b"", answers.append)
        assert await puppet.call(102, 1, 0) != err(11)
        await puppet.end()
        assert answers == [Closed()]
        assert len(puppet.guest.table) == 0
        polls = puppet.guest.meter.polls
        await asyncio.sleep(0.01)
        assert puppet.guest.meter.polls == polls
        assert not puppet.scheduler.busy
