"""Threads for what the host does for guests and takes long: the event loop does not wait for it.

Each guest has one piece of work done at a time, and the threads are divided among owners (``shares``). A thread cannot
be stopped, so whoever adds a kind of work bounds how long one piece takes.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from wapo.vm.shares import FairShare

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["HostWork"]

_Result = TypeVar("_Result")


class HostWork:
    """The threads of one event loop. They end when nobody refers to it any more and their work is done."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or max(2, (os.cpu_count() or 1) // 2)
        self._places = FairShare(self._threads)
        self._executor: ThreadPoolExecutor | None = None

    async def run(
        self, guest: "Guest", started: Callable[[], None], work: Callable[[], _Result], *, stands_still: bool = False
    ) -> _Result:
        """What ``work`` returns or raises, in a thread. Its CPU time is the guest's.

        Args:
            started: called when its turn has come: from then on cancelling would leave a thread unaccounted for.
            stands_still: whether the guest waits inside its call, so that this is a part of its burst.
        """
        async with guest.host_work, self._places.place(guest.owner):
            started()
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="wapo-work")
            result, error, cpu_s = await asyncio.get_running_loop().run_in_executor(self._executor, _timed, work)
        guest.charge(cpu_s, burst=stands_still)
        if error is not None:
            raise error
        assert result is not None
        return result


def _timed(work: Callable[[], _Result]) -> tuple[_Result | None, Exception | None, float]:
    begin = time.thread_time()
    try:
        return work(), None, time.thread_time() - begin
    except Exception as error:
        return None, error, time.thread_time() - begin
