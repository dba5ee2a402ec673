"""Names to addresses, with the system's resolver, for guests who may ask for names that nobody answers for.

The system's resolver blocks a thread for each name, up to half a minute. The threads are divided among owners, so one
who asks for a thousand slow names keeps nobody else's from being looked up; and nobody ever waits for a lookup that was
another's idea.
"""

import asyncio
import contextvars
import functools
import socket
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from wapo.vm.egress import EgressDenied, EgressPolicy
from wapo.vm.shares import FairShare

__all__ = ["Resolver", "asking"]

_THREADS: Final = 32
_FRESH_S: Final = 10.0
_KEPT: Final = 1000

#: On whose behalf the current task looks up names.
asking: contextvars.ContextVar[str] = contextvars.ContextVar("asking", default="")

_Found = list[tuple[Any, ...]]
_Question = tuple[str, int]


class Resolver(AbstractResolver):
    """Answers are kept for some seconds and checked against the policy each time."""

    def __init__(self, policy: EgressPolicy, threads: int = _THREADS) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="wapo-dns")
        self._share = FairShare(threads)
        self._known: OrderedDict[_Question, tuple[float, _Found]] = OrderedDict()
        self._asked: dict[tuple[str, _Question], asyncio.Task[_Found]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As the library wants it.

        Raises:
            OSError: the name cannot be resolved, or (``EgressDenied``) leads nowhere that is allowed.
        """
        results: list[ResolveResult] = []
        denied: EgressDenied | None = None
        for kind, _, protocol, _, address in await self._find((host, family)):
            try:
                self._policy.check_address(str(address[0]), host)
            except EgressDenied as error:
                denied = error
                continue
            results.append(
                ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol,
                              flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
            )  # fmt: skip
        if not results and denied is not None:
            raise denied
        return results

    async def _find(self, question: _Question) -> _Found:
        known = self._known.get(question)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        key = asking.get(), question
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._look_up(*key))
            task.add_done_callback(functools.partial(self._answered, key))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[str, _Question], task: "asyncio.Task[_Found]") -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone away since

    async def _look_up(self, owner: str, question: _Question) -> _Found:
        host, family = question
        lookup = functools.partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM, family=family)
        async with self._share.place(owner):
            found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        self._known[question] = (time.monotonic() + _FRESH_S, found)
        self._known.move_to_end(question)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found

    async def close(self) -> None:
        tasks = tuple(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
