"""When a guest is polled, and when it is left alone (wapo-abi.md 1.8)."""

import asyncio

from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import Recorder, fast, guest_of, run_until, slow
from wapo.engine.engine import Engine
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.oneshot import Reply, Sent
from wapo.vm.resources.pipe import DuplexStream, Pipe
from wapo.vm.scheduler import Scheduler

FLAG = 64
#: Goes on when the host has written the flag. A slice ends in it, however long it takes.
SPIN_UNTIL_FLAG = f"(loop $spin (br_if $spin (i32.eqz (i32.load (i32.const {FLAG})))))"
#: What a program that does its duty begins each poll with.
DRAIN = """
  (drop (call $slow (i32.const 0) (i32.const 112) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (loop $more (br_if $more (i64.lt_u
    (call $fast (i32.const 0) (i32.const 110) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (i64.const 4294967296))))
"""
UNLIMITED = GuestLimits(burst_s=None)


def first_poll(calls: str) -> str:
    """A guest that drains its queues, and in its first poll makes some calls."""
    return f"""
      (func (export "wapo_poll") (result i32)
        (global.set $polls (i32.add (global.get $polls) (i32.const 1)))
        {DRAIN}
        (if (i32.eq (global.get $polls) (i32.const 1)) (then {calls}))
        (i32.const 0))"""


async def idle(guest: Guest) -> None:
    """Waits until nothing is left to do, and then some."""
    await run_until(guest, lambda: guest.settled and not guest.scheduler.busy)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not guest.scheduler.busy


async def test_any_number_of_requests_before_a_poll_are_one(engine: Engine) -> None:
    guest = guest_of(engine, first_poll(""))
    for _ in range(7):
        guest.request_poll()
    await idle(guest)
    assert guest.meter.polls == 1
    guest.request_poll()
    guest.request_poll()
    await idle(guest)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_request_in_the_middle_of_a_poll_causes_one_more(engine: Engine) -> None:
    """What has happened may be something that this poll has already looked for."""
    guest = guest_of(engine, first_poll(SPIN_UNTIL_FLAG), limits=UNLIMITED)
    guest.request_poll()
    await run_until(guest, lambda: guest.in_poll)
    for _ in range(3):
        guest.request_poll()
    guest.instance.write(FLAG, b"\1")
    await idle(guest)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_signal_from_inside_a_poll_causes_one_more(engine: Engine) -> None:
    """Also where the poll takes more than one slice: a guest must not stand in the queue twice."""
    calls = fast(104, 1, 0, 0, 2048) + fast(104, 1, 0, 0, 1) + fast(105, 2, 0) + SPIN_UNTIL_FLAG
    guest = guest_of(engine, first_poll(calls), limits=UNLIMITED)
    guest.table.add(DuplexStream(Pipe(), Pipe()))
    guest.request_poll()
    await run_until(guest, lambda: guest.meter.cpu_s > 0.01)
    assert (guest.in_poll, guest.meter.polls) == (True, 1)
    assert guest.instance.read(4096, 24) == b"".join(
        word.to_bytes(8, "little") for word in (1024, err(11), 0)
    )  # the write that waited was woken by the shutdown
    guest.instance.write(FLAG, b"\1")
    await idle(guest)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_guest_whose_queues_are_empty_is_left_alone(engine: Engine) -> None:
    guest = guest_of(engine, first_poll(fast(201, 1) + fast(103, 1, 0, 0, 0)))
    guest.request_poll()
    await run_until(guest, lambda: guest.meter.polls == 2)  # the timer
    await idle(guest)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_task_that_was_marked_ready_causes_another_poll(engine: Engine) -> None:
    """109 does not ask for a poll by itself, but the queue is not empty when the poll is over."""
    guest = guest_of(engine, first_poll(fast(109, 5)))
    guest.request_poll()
    await idle(guest)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_guest_is_settled_when_both_queues_are_empty(engine: Engine) -> None:
    """Commands are for guests that have had their first poll, and whatever polls that one caused."""
    guest = guest_of(engine, first_poll(fast(109, 5)))
    settled_at: list[int] = []
    guest.on_wait = lambda: settled_at.append(guest.meter.polls)
    assert not guest.settled
    guest.request_poll()
    await idle(guest)
    assert settled_at == [2]
    assert guest.settled
    guest.scheduler.stop_all()


async def test_commands_have_their_turn_although_a_guest_never_drains(engine: Engine) -> None:
    """It is polled in a busy loop, and a query gets to it nevertheless."""
    answers: list[Reply] = []
    async with Puppet(engine, drain=False) as puppet:
        await puppet.fetch(240, 3)
        await puppet.until(lambda: puppet.guest.meter.polls > 50)
        assert not puppet.guest.settled
        offer_query(puppet.guest, None, "/", b"", answers.append)
        assert await puppet.fetch(102, 0, 0)
        assert await puppet.call(202, 1, *puppet.put(b"yes")) == 0
    assert answers == [Sent(b"yes")]


async def test_signals_for_a_guest_that_is_gone_are_ignored(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        pipe = Pipe()
        puppet.guest.table.add(DuplexStream(pipe, Pipe()))
        assert await puppet.call(103, 1, 0, BUFFER, 10) == err(11)
        polls = puppet.guest.meter.polls
        puppet.guest.stop(End(EndReason.STOPPED, "enough"))
        pipe.push(b"late")
        puppet.guest.request_poll()
        puppet.guest.tasks.signal(0, 0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert puppet.guest.meter.polls == polls
        assert not puppet.scheduler.busy


async def test_the_task_that_is_queued_is_the_calls_argument(engine: Engine) -> None:
    """Not the one that was popped last."""
    calls = fast(109, 3) + fast(110) + fast(201, 1, task=3) + fast(103, 1, 0, 0, 0, task=77)
    body = f"""
      (func (export "wapo_poll") (result i32)
        (global.set $polls (i32.add (global.get $polls) (i32.const 1)))
        (if (i32.eq (global.get $polls) (i32.const 1))
          (then {fast(110)} {calls})
          (else {slow(112)} {fast(110)} (return (i32.const 1))))
        (i32.const 0))"""
    words: list[int] = []
    guest = guest_of(engine, body, services=Recorder())
    guest.on_end(lambda _end: None)
    guest._release = lambda instance, _clean: (
        words.extend(int.from_bytes(instance.read(4096 + 8 * i, 8), "little") for i in range(7)), instance.close()
    )  # fmt: skip
    guest.request_poll()
    await run_until(guest, lambda: guest.ended is not None)
    assert words == [0, 0, 3, 0, err(11), 9, 77]


async def test_a_failure_of_the_host_while_one_guest_ends_keeps_nobody_from_running(engine: Engine) -> None:
    """Whoever is told of the end of a guest may have a bug. It is heard of, and the other guests have their turns."""
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context["exception"]))
    scheduler = Scheduler()
    ending = '(func (export "wapo_poll") (result i32) (i32.const 1))'
    guests = [guest_of(engine, ending, scheduler=scheduler, owner=owner) for owner in ("one", "one", "two")]
    bug = RuntimeError("a bug")

    def fail(_end: End) -> None:
        raise bug

    guests[0].on_end(fail)
    for guest in guests:
        guest.request_poll()
    await run_until(guests[0], lambda: all(guest.ended is not None for guest in guests))
    assert heard == [bug]
    assert not scheduler.busy
