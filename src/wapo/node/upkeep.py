"""What a node does from time to time so that it can run for years: its content stays within bounds."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from wapo.content.library import Library
from wapo.errors import WapoError
from wapo.log import Log

__all__ = ["keep_content_within"]

_log = Log("wapo.node")
_EVERY_S: Final = 600.0
_CLOCK_WAS_SET_S: Final = 60.0


async def keep_content_within(
    library: Library, max_bytes: int, every_s: float = _EVERY_S, *, clock: Callable[[], float] = time.time
) -> None:
    """Removes the oldest fetched blocks whenever the store has outgrown ``max_bytes``; runs until cancelled.

    What was published here is pinned and stays. Several processes may do this to one store.

    Args:
        every_s: seconds between two looks; the first is after that time.
        clock: by which files have their times. What is too young to be removed cannot be told after it has been set:
            then nothing is removed until the next look.
    """
    while True:
        offset = clock() - time.monotonic()
        await asyncio.sleep(every_s)
        if abs(clock() - time.monotonic() - offset) > _CLOCK_WAS_SET_S:
            _log.warning("the clock was set: content is not removed until it has gone on for a while")
            continue
        try:
            removed = await library.prune(max_bytes)
        except (WapoError, OSError) as error:
            _log.error("the content store could not be pruned", cause=str(error))
            continue
        if removed:
            _log.info("content was removed to stay within the limit", bytes=removed, max_bytes=max_bytes)
