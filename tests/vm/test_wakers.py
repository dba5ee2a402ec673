"""Tasks and wakers (wapo-abi.md 1.6 to 1.8): each waker-taking call gives exactly one negative message."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.puppet import BUFFER, Puppet
from tests.vm.support import END_OF_LOG, Recorder, Results, err, fast, guest_of, results_of, run_to_end, run_until, slow
from wapo.engine.engine import Engine
from wapo.vm import tasks
from wapo.vm.ends import EndReason
from wapo.vm.tasks import Registration, Slot, TaskQueue

#: Notes the waker messages of ocall 112: their compact number, then each as i32.
DRAIN = (
    slow(112)
    + "(drop (call $fast (i32.const 0) (i32.const 0) (i32.const 2048) (i32.wrap_i64 (i64.load (i32.sub (global.get $at) (i32.const 8)))) (i32.const 0) (i32.const 0)))"
)
NOTE_32 = "(call $note (i64.load32_s (i32.const {at})))"


def signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


async def test_a_failing_call_releases_its_waker_at_once(engine: Engine) -> None:
    """poll_read on resource 99 with waker 4: 7, and 112 then delivers [-5]."""
    words = await results_of(engine, fast(103, 4, 99, 1024, 0) + DRAIN + NOTE_32.format(at=2049))
    assert words[0] == err(7)
    assert words[1] == 5  # compact length and one i32
    assert signed(words[2]) == -5


async def test_a_call_that_cannot_be_decoded_has_no_waker(engine: Engine) -> None:
    """A bad range in 103 never makes a registration, so no message follows."""
    assert await results_of(engine, fast(103, 4, 0, -1, 8) + slow(112)) == [err(3), 1]


async def test_a_newer_registration_displaces_the_older(engine: Engine) -> None:
    """Two pending reads on one timer with wakers 1 then 2: 112 delivers -2 at once."""
    calls = fast(201, 60_000) + fast(103, 1, 0, 0, 0) + fast(103, 2, 0, 0, 0) + DRAIN + NOTE_32.format(at=2049)
    words = await results_of(engine, calls)
    assert words[:4] == [0, err(11), err(11), 5]
    assert signed(words[4]) == -2


async def test_a_timer_wakes_the_task_that_polled_it(engine: Engine) -> None:
    """At expiry 112 delivers [w, -1-w] and 110 the task of the call, whatever ran in between."""
    body = f"""
      (func (export "wapo_poll") (result i32)
        (global.set $polls (i32.add (global.get $polls) (i32.const 1)))
        (if (i32.eq (global.get $polls) (i32.const 1)) (then
          (drop (call $slow (i32.const 0) (i32.const 112) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
          (drop (call $fast (i32.const 0) (i32.const 110) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
          {fast(201, 1)} {fast(103, 7, 0, 0, 0, task=5)}
          (return (i32.const 0))))
        {DRAIN} {NOTE_32.format(at=2049)} {NOTE_32.format(at=2053)} {fast(110)} {fast(110)} {fast(103, 8, 0, 0, 0)}
        {END_OF_LOG}
        (i32.const 1))
    """
    guest = guest_of(engine, body)
    results = Results(guest)
    await run_to_end(guest)
    words = results.words
    assert words[:3] == [0, err(11), 9]
    assert [signed(w) for w in words[3:5]] == [7, -8]
    assert words[5:] == [5, err(7), 0]  # the task; nothing more; an expired timer answers Ok


async def test_closing_a_waiting_timer_causes_one_more_poll(engine: Engine) -> None:
    """The negative message alone makes the host poll again; then it leaves the guest alone."""
    body = f"""
      (func (export "wapo_poll") (result i32)
        (global.set $polls (i32.add (global.get $polls) (i32.const 1)))
        (drop (call $slow (i32.const 0) (i32.const 112) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $fast (i32.const 0) (i32.const 110) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (if (i32.eq (global.get $polls) (i32.const 1)) (then
          {fast(201, 60_000)} {fast(103, 3, 0, 0, 0)} {fast(101, 0)}))
        (i32.const 0))
    """
    guest = guest_of(engine, body)
    guest.request_poll()
    await run_until(guest, lambda: guest.meter.polls == 2 and not guest.scheduler.busy)
    for _ in range(20):
        await run_until(guest, lambda: True)
    assert guest.meter.polls == 2
    guest.scheduler.stop_all()


async def test_a_guest_that_never_drains_does_not_keep_the_loop(engine: Engine) -> None:
    """Its undelivered messages poll it again and again, and the loop still turns in between."""
    body = f'(func (export "wapo_poll") (result i32) {fast(103, 4, 99, 1024, 0)} (global.set $at (i32.const 4096)) (i32.const 0))'
    guest = guest_of(engine, body, services=Recorder())
    guest.request_poll()
    await run_until(guest, lambda: guest.meter.polls > 100)
    guest.scheduler.stop_all()


ONE_MORE_MESSAGE = """(drop (call $fast
  (i32.const 0) (i32.const 103) (i32.const 4) (i32.const 99) (i32.const 0) (i32.const 0)))"""
ONE_MORE_TASK = """(global.set $polls (i32.add (global.get $polls) (i32.const 1))) (drop (call $fast
  (i32.const 0) (i32.const 109) (global.get $polls) (i32.const 0) (i32.const 0) (i32.const 0)))"""


@pytest.mark.parametrize("fill", [ONE_MORE_MESSAGE, ONE_MORE_TASK], ids=["messages", "tasks"])
@pytest.mark.parametrize("end", ["(br $again)", ""], ids=["one poll", "many polls"])
async def test_a_program_that_fills_its_queues_is_ended(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fill: str, end: str
) -> None:
    """The queues are the host's memory."""
    monkeypatch.setattr(tasks, "MAX_READY", 10_000)
    monkeypatch.setattr(tasks, "MAX_WAKERS", 10_000)
    guest = guest_of(engine, f'(func (export "wapo_poll") (result i32) (loop $again {fill} {end}) (i32.const 0))')
    ended = await run_to_end(guest)
    assert ended.reason is EndReason.TRAP
    assert "queues" in ended.detail
    assert max(len(guest.tasks.ready), len(guest.tasks.wakers)) < 30_000


async def test_very_many_messages_are_delivered_at_once(engine: Engine) -> None:
    """As many as a program may leave lying, without keeping the loop."""
    async with Puppet(engine, drain=False) as puppet:
        puppet.guest.instance.grow_to(32 << 20)
        puppet.guest.tasks.wakers.extend(range(tasks.MAX_WAKERS - 10))
        length = 4 + 4 * (tasks.MAX_WAKERS - 10)
        begin = time.perf_counter()
        assert await puppet.replay([(112,), (0, BUFFER, length)]) == [length, length]
        assert time.perf_counter() - begin < 2
        assert puppet.get(12) == b"\xda\xff\xff\x00" + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")


@given(st.lists(st.sampled_from(["set", "wake", "drop"]), max_size=40))
def test_every_registration_is_released_exactly_once(steps: list[str]) -> None:
    """Whatever happens to a slot, each registration gives one negative message, after its positive one if any."""
    queue = TaskQueue(lambda: None)
    slot = Slot()
    made = 0
    for step in steps:
        if step == "set":
            slot.set(Registration(queue, 0, made))
            made += 1
        elif step == "wake":
            slot.wake()
        else:
            slot.drop()
    slot.drop()
    messages = queue.drain_wakers()
    for waker in range(made):
        assert messages.count(-1 - waker) == 1
        assert messages.count(waker) <= 1
        if waker in messages:
            assert messages.index(waker) < messages.index(-1 - waker)


@given(st.lists(st.integers(-3, 12), max_size=60))
def test_the_ready_queue_is_fifo_without_recent_repeats(numbers: list[int]) -> None:
    """A task is not queued again while it is among the last eight."""
    queue = TaskQueue(lambda: None)
    queue.ready.clear()
    expected: list[int] = []
    for task in numbers:
        queue.push(task)
        if task not in expected[-8:]:
            expected.append(task)
    assert list(queue.ready) == expected


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-3, 12), max_size=60))
async def test_a_guest_gets_its_tasks_in_that_order(engine: Engine, numbers: list[int]) -> None:
    """The same, through 109 and 110."""
    expected: list[int] = []
    for number in numbers:
        if number not in expected[-8:]:
            expected.append(number)
    async with Puppet(engine, drain=False) as puppet:
        await puppet.call(110)
        marks = [(109, number) for number in numbers]
        words = await puppet.replay([*marks, *[(110,)] * (len(expected) + 1)])
        assert words[len(numbers) :] == [*(number & 0xFFFFFFFF for number in expected), err(7)]
