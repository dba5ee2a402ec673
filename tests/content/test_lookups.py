"""Places for lookups: bounded, nobody waits, and a failure is remembered for seconds."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.content.samples import raw_block
from wapo.content.errors import BlockStoreFailed, ContentNotFound, HashMismatch, TooManyLookups, UpstreamUnreachable
from wapo.content.lookups import Lookups


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Searching:
    """A lookup that goes on until it is told to end."""

    def __init__(self, lookups: Lookups, name: str) -> None:
        self.begun: Callable[[], None] | None = None
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._run(lookups, name))

    async def _run(self, lookups: Lookups, name: str) -> str:
        async with lookups.place(raw_block(name.encode()).cid) as answered:
            self.begun = answered
            await self.end.wait()
            return name


async def searching(lookups: Lookups, *names: str) -> list[Searching]:
    started = [Searching(lookups, name) for name in names]
    await asyncio.sleep(0)
    return started


async def fail(lookups: Lookups, name: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with lookups.place(raw_block(name.encode()).cid):
            raise error


async def test_a_newcomer_is_refused_while_all_have_had_too_little_time(clock: Clock) -> None:
    lookups = Lookups(2, sure_s=2, clock=clock)
    first, second = await searching(lookups, "a", "b")
    clock.now = 1.9
    (third,) = await searching(lookups, "c")
    with pytest.raises(TooManyLookups, match="2 programs are being looked for"):
        await third.task
    first.end.set()
    assert await first.task == "a"
    (fourth,) = await searching(lookups, "d")
    second.end.set()
    fourth.end.set()
    assert (await second.task, await fourth.task) == ("b", "d")
    assert len(lookups) == 0


async def test_the_oldest_without_an_answer_makes_room(clock: Clock) -> None:
    lookups = Lookups(2, sure_s=2, clock=clock)
    (first,) = await searching(lookups, "a")
    clock.now = 1.0
    (second,) = await searching(lookups, "b")
    clock.now = 2.5
    (third,) = await searching(lookups, "c")
    with pytest.raises(TooManyLookups, match="others are being looked for"):
        await first.task
    assert len(lookups) == 2
    (fourth,) = await searching(lookups, "d")
    with pytest.raises(TooManyLookups):
        await fourth.task
    for one in (second, third):
        one.end.set()
    assert (await second.task, await third.task) == ("b", "c")


async def test_what_is_being_sent_is_not_interrupted(clock: Clock) -> None:
    lookups = Lookups(2, sure_s=2, clock=clock)
    first, second = await searching(lookups, "a", "b")
    for one in (first, second):
        assert one.begun is not None
        one.begun()
    clock.now = 100
    (third,) = await searching(lookups, "c")
    with pytest.raises(TooManyLookups):
        await third.task
    first.end.set()
    second.end.set()
    assert (await first.task, await second.task) == ("a", "b")


async def test_a_flood_of_newcomers_leaves_each_its_time_and_nobody_waits(clock: Clock) -> None:
    """However many come: a place is held for as long as it is sure, and then it is the next one's."""
    lookups = Lookups(4, sure_s=2, clock=clock)
    answered = 0
    for turn in range(50):
        clock.now = turn * 0.5
        (one,) = await searching(lookups, str(turn))
        await asyncio.sleep(0)
        answered += not one.task.done()
        assert len(lookups) <= 4
    assert answered == 50  # 4 places, each 2 s: one every half a second
    await lookups_end(lookups)


async def lookups_end(lookups: Lookups) -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[operator]
        task.cancel()
        with suppress(asyncio.CancelledError, TooManyLookups):
            await task
    assert len(lookups) == 0
    assert not lookups.silent


async def test_who_leaves_gives_the_place_back(clock: Clock) -> None:
    lookups = Lookups(1, sure_s=2, clock=clock)
    (first,) = await searching(lookups, "a")
    first.task.cancel()
    await asyncio.wait([first.task])
    assert first.task.cancelled()
    (second,) = await searching(lookups, "b")
    second.end.set()
    assert await second.task == "b"


@pytest.mark.parametrize("error", [ContentNotFound("no"), UpstreamUnreachable("nobody"), HashMismatch("other")])
async def test_a_failure_is_the_answer_for_some_seconds(clock: Clock, error: Exception) -> None:
    lookups = Lookups(1, remember_s=3, clock=clock)
    await fail(lookups, "a", error)
    clock.now = 2.9
    with pytest.raises(type(error), match=str(error)):
        async with lookups.place(raw_block(b"a").cid):
            pytest.fail("it was looked for again")
    async with lookups.place(raw_block(b"b").cid):
        pass
    clock.now = 3.0
    async with lookups.place(raw_block(b"a").cid):
        pass


async def test_our_own_failures_and_refusals_are_not_remembered(clock: Clock) -> None:
    lookups = Lookups(1, sure_s=2, clock=clock)
    await fail(lookups, "a", BlockStoreFailed("full"))
    await fail(lookups, "a", TimeoutError())
    (first,) = await searching(lookups, "a")
    (second,) = await searching(lookups, "b")
    with pytest.raises(TooManyLookups):
        await second.task
    first.end.set()
    await first.task
    (second,) = await searching(lookups, "b")
    second.end.set()
    assert await second.task == "b"


async def test_what_is_remembered_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wapo.content.lookups._MOST_REMEMBERED", 3)
    lookups = Lookups(clock=clock)
    for name in "abcd":
        await fail(lookups, name, ContentNotFound("no"))
    async with lookups.place(raw_block(b"a").cid):
        pass
    with pytest.raises(ContentNotFound):
        async with lookups.place(raw_block(b"d").cid):
            pass
