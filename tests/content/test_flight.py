"""One piece of work for many waiters, whoever of them leaves."""

import asyncio

import pytest

from wapo.content.flight import SingleFlight


class Work:
    """Runs until told to end; counts how often it was started and cancelled."""

    def __init__(self) -> None:
        self.started = self.cancelled = 0
        self.running = asyncio.Event()
        self.end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.started += 1
        self.running.set()
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return self.started


async def waiters(flight: SingleFlight[str, int], work: Work, count: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flight.run("key", work)) for _ in range(count)]
    await work.running.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_at_once_share_one_run() -> None:
    """A popular program is fetched once."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    tasks = await waiters(flight, work, 10)
    work.end.set()
    assert await asyncio.gather(*tasks) == [1] * 10


async def test_other_keys_have_their_own() -> None:
    """And do not wait."""
    flight: SingleFlight[str, int] = SingleFlight()
    slow, quick = Work(), Work()
    (task,) = await waiters(flight, slow, 1)
    quick.end.set()
    assert await flight.run("other", quick) == 1
    slow.end.set()
    await task


async def test_nothing_is_remembered() -> None:
    """Neither results nor failures: that is for caches, which know what may be kept."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.end.set()
    assert await flight.run("key", work) == 1
    assert await flight.run("key", work) == 2
    work.error = ValueError("once")
    with pytest.raises(ValueError, match="once"):
        await flight.run("key", work)
    work.error = None
    assert await flight.run("key", work) == 4


async def test_a_failure_reaches_all_who_wait() -> None:
    """None of them hangs."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.error = ValueError("for all")
    tasks = await waiters(flight, work, 3)
    work.end.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["for all"] * 3


@pytest.mark.parametrize("who", [0, 1, 2])
async def test_a_waiter_that_is_cancelled_leaves_the_work_to_the_others(who: int) -> None:
    """Also the one that began it: its client hung up, the others' did not."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    tasks = await waiters(flight, work, 3)
    tasks[who].cancel()
    await asyncio.wait([tasks[who]])
    work.end.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for index, result in enumerate(results) if index != who] == [1, 1]
    assert isinstance(results[who], asyncio.CancelledError)
    assert work.cancelled == 0


async def test_the_last_to_leave_cancels_the_work() -> None:
    """Nobody wants it any more. Who comes after that starts anew."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    tasks = await waiters(flight, work, 2)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    work.end.set()
    assert await flight.run("key", work) == 2
    assert work.cancelled == 1


async def test_a_failure_that_nobody_waits_for_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio would log an exception that was never retrieved."""
    flight: SingleFlight[str, int] = SingleFlight()
    running = asyncio.Event()

    async def stubborn() -> int:
        running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("failed while being cancelled") from None
        return 0

    task = asyncio.create_task(flight.run("key", stubborn))
    await running.wait()
    task.cancel()
    await asyncio.wait([task])
    await flight.aclose()
    assert caplog.text == ""


async def test_closing_ends_all_work() -> None:
    """No task outlives its owner; waiters are told."""
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    tasks = await waiters(flight, work, 2)
    await flight.aclose()
    assert work.cancelled == 1
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await flight.aclose()
