"""One piece of work for all who want its result at the same time.

Nothing is remembered: once the work is done, well or badly, the next to ask starts it anew. The work belongs to all
its waiters together: one that is cancelled leaves it to the others, the last one to leave cancels it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

__all__ = ["SingleFlight"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Flight(Generic[V]):
    def __init__(self, task: asyncio.Task[V]) -> None:
        self.task = task
        self.waiters = 0


class SingleFlight(Generic[K, V]):
    """Runs work by key. Its owner closes it, and no work outlives that."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}
        self._tasks: set[asyncio.Task[V]] = set()

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of ``work``, or of the work that is under way for ``key``.

        Raises:
            whatever the work raises, to everyone who waits for it.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work)
        flight.waiters += 1
        try:
            # Not shield(): this leaves the work alone when the waiter is cancelled, and nothing else.
            await asyncio.wait((flight.task,))
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                flight.task.cancel()
                self._forget(key, flight)
        return flight.task.result()

    async def aclose(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> _Flight[V]:
        flight = _Flight(asyncio.get_running_loop().create_task(work()))
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: K, flight: _Flight[V], task: asyncio.Task[V]) -> None:
        self._tasks.discard(task)
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # seen, even if every waiter has gone: asyncio would log it otherwise

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        # A flight that everybody left may still be landing while the next one for its key is under way.
        if self._flights.get(key) is flight:
            del self._flights[key]
