"""Names to addresses, with the system's resolver, for guests who may ask for names that nobody answers for.

The system's resolver blocks a thread for each name, up to half a minute. The threads are divided among owners, so one
who asks for a thousand slow names keeps nobody else's from being looked up; and nobody ever waits for a lookup that was
another's idea.
"""

import asyncio
import functools
import socket
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from wapo.vm.shares import FairShare

__all__ = ["Found", "Resolver"]

_THREADS: Final = 32
_FRESH_S: Final = 10.0
_KEPT: Final = 1000
#: Of one name. A name server may tell thousands, and they are kept in memory for everybody.
_MAX_ADDRESSES: Final = 64

Found = list[tuple[socket.AddressFamily, int, Any]]
"""Family, protocol and socket address (of port 0), in the system's order."""

_Question = tuple[str, int]


class Resolver:
    """One a process. Answers are kept for some seconds; where they may lead is not its business."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="wapo-dns")
        self._share = FairShare(threads)
        self._known: OrderedDict[_Question, tuple[float, Found]] = OrderedDict()
        self._asked: dict[tuple[str, _Question], asyncio.Task[Found]] = {}

    async def find(self, host: str, owner: str = "", family: socket.AddressFamily = socket.AF_UNSPEC) -> Found:
        """The addresses of a name.

        Args:
            owner: on whose behalf.

        Raises:
            OSError: it cannot be resolved.
            UnicodeError: it is no name at all.
        """
        if any(character <= " " for character in host):  # the system would look up what stands before a NUL
            raise UnicodeError(f"{host!r} is not a name")
        question = (host, int(family))
        known = self._known.get(question)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        key = owner, question
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._look_up(*key))
            task.add_done_callback(functools.partial(self._answered, key))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[str, _Question], task: "asyncio.Task[Found]") -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone away since

    async def _look_up(self, owner: str, question: _Question) -> Found:
        host, family = question
        lookup = functools.partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM, family=family)
        async with self._share.place(owner):
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        found: Found = [(kind, protocol, address) for kind, _, protocol, _, address in answer[:_MAX_ADDRESSES]]
        self._known[question] = (time.monotonic() + _FRESH_S, found)
        self._known.move_to_end(question)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found

    async def aclose(self) -> None:
        """Idempotent."""
        tasks = tuple(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
