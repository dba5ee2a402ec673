"""What a node does from time to time: fetched content stays within bounds, whatever happens."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from wapo.content.errors import BlockStoreFailed
from wapo.content.library import Library
from wapo.content.upkeep import Usage
from wapo.node.upkeep import keep_content_within


async def keeping(library: Library, max_bytes: int, looks: int) -> list[dict[str, object]]:
    """Keeps content within bounds for so many looks; what the node's log has of it."""
    counted = 0
    done = asyncio.Event()
    prune = library.prune

    async def counting(limit: int) -> int:
        nonlocal counted
        try:
            return await prune(limit)
        finally:
            counted += 1
            if counted > looks:
                done.set()

    library.prune = counting  # type: ignore[method-assign]
    with capture_logs() as logs:
        task = asyncio.create_task(keep_content_within(library, max_bytes, every_s=0.001))
        await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return list(logs)  # type: ignore[arg-type]


async def test_what_was_fetched_goes_and_what_was_published_stays(library: Library, tmp_path: Path) -> None:
    kept = await library.publish(b"published here")
    fetched = await library.publish(b"x" * 100_000)
    await library.remove(fetched)
    an_hour_ago = time.time() - 3600  # what was just written stays in any case
    for file in (tmp_path / "content" / "blocks").rglob("*"):
        os.utime(file, (an_hour_ago, an_hour_ago))
    logs = await keeping(library, 1000, looks=2)
    assert (await library.program(kept)).read() == b"published here"
    usage: Usage = await library.usage()
    assert usage.size <= 1000
    (line,) = logs
    assert line["event"] == "content was removed to stay within the limit"
    assert line["max_bytes"] == 1000


async def test_nothing_is_said_where_nothing_is_done(library: Library) -> None:
    await library.publish(b"small")
    assert await keeping(library, 1 << 20, looks=2) == []


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), BlockStoreFailed("the store is broken")])
async def test_a_store_that_fails_for_a_while_is_looked_at_again(library: Library, failure: Exception) -> None:
    failures = [failure]
    prune = library.prune

    async def failing(max_bytes: int) -> int:
        if failures:
            raise failures.pop()
        return await prune(max_bytes)

    library.prune = failing  # type: ignore[method-assign]
    logs = await keeping(library, 1 << 20, looks=3)
    assert [line["event"] for line in logs] == ["the content store could not be pruned"]


async def test_nothing_is_removed_when_the_clock_was_set(library: Library) -> None:
    """All that is being published looks old by then, and is not pinned yet."""
    asked = 0

    def clock() -> float:
        """Before a look and after it, and so on: a day forward in the first, back in the second."""
        nonlocal asked
        asked += 1
        return time.time() + (86_400.0 if asked in (2, 3) else 0.0)

    pruned: list[int] = []

    async def prune(_: int) -> int:
        pruned.append(asked)
        return 0

    library.prune = prune  # type: ignore[method-assign]
    task = asyncio.create_task(keep_content_within(library, 0, every_s=0.001, clock=clock))
    while not pruned:
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert pruned == [6]  # neither the first look nor the second
