"""What must not be taken twice."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wapo.node.replays import MAX_SKEW_S, ReplayedRequest, Replays, TooManyEncrypted, UnacceptableDate
from wapo.store.database import StoreFailed


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def replays(tmp_path: Path) -> AsyncIterator[Replays]:
    async with Replays(tmp_path, Clock()) as opened:
        yield opened


@pytest.fixture
def clock(replays: Replays) -> Clock:
    assert isinstance(replays._clock, Clock)
    return replays._clock


async def test_once(replays: Replays) -> None:
    await replays.take(b"one")
    await replays.take(b"another")
    for _ in range(2):
        with pytest.raises(ReplayedRequest):
            await replays.take(b"one")


async def test_once_at_the_same_time(tmp_path: Path) -> None:
    """In one process or in several, in whatever order: exactly one is taken."""
    async with Replays(tmp_path) as one, Replays(tmp_path) as other:
        taken = await asyncio.gather(
            *(replays.take(bytes([number])) for number in range(20) for replays in (one, one, other)),
            return_exceptions=True,
        )
    assert sum(outcome is None for outcome in taken) == 20
    assert all(outcome is None or isinstance(outcome, ReplayedRequest) for outcome in taken)


async def test_another_process_knows_and_one_that_was_started_again(tmp_path: Path) -> None:
    async with Replays(tmp_path) as replays:
        await replays.take(b"one")
    async with Replays(tmp_path) as replays:
        with pytest.raises(ReplayedRequest):
            await replays.take(b"one")


async def test_a_request_is_remembered_for_as_long_as_its_date_would_be_taken(replays: Replays, clock: Clock) -> None:
    date = clock.now + MAX_SKEW_S
    replays.check_date(date, needed=True)
    await replays.take(b"one")
    clock.now = date + MAX_SKEW_S
    replays.check_date(date, needed=True)
    with pytest.raises(ReplayedRequest):
        await replays.take(b"one")
    clock.now += 1
    with pytest.raises(UnacceptableDate):
        replays.check_date(date, needed=True)


async def test_what_is_forgotten_makes_room(replays: Replays, clock: Clock, tmp_path: Path) -> None:
    replays._most = 3
    for number in range(3):
        await replays.take(bytes([number]))
    with pytest.raises(TooManyEncrypted):
        await replays.take(b"one more")
    clock.now += 2 * MAX_SKEW_S + 61
    await replays.take(b"one more")
    assert sqlite3.connect(tmp_path / "replays.db").execute("SELECT count(*) FROM seen").fetchone() == (1,)


async def test_a_clock_that_was_set_back_forgets_nothing(replays: Replays, clock: Clock) -> None:
    await replays.take(b"one")
    clock.now -= 100_000
    with pytest.raises(ReplayedRequest):
        await replays.take(b"one")


def test_dates(replays: Replays, clock: Clock) -> None:
    replays.check_date(None, needed=False)
    with pytest.raises(UnacceptableDate, match="needs a Date header"):
        replays.check_date(None, needed=True)
    for off in (-MAX_SKEW_S, 0, MAX_SKEW_S):
        replays.check_date(clock.now + off, needed=True)
    for off in (-MAX_SKEW_S - 1, MAX_SKEW_S + 1):
        for needed in (False, True):
            with pytest.raises(UnacceptableDate, match="300 seconds from the node's time"):
                replays.check_date(clock.now + off, needed=needed)


async def test_what_cannot_be_remembered_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with Replays(folder) as replays:
        with pytest.raises(StoreFailed):  # the folder is not there
            await replays.take(b"one")
        folder.mkdir()
        await replays.take(b"one")
    with pytest.raises(StoreFailed):
        await replays.take(b"two")


async def test_who_waits_may_go(replays: Replays) -> None:
    """And the request counts as taken."""
    waiting = asyncio.create_task(replays.take(b"one"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ReplayedRequest):
        await replays.take(b"one")
