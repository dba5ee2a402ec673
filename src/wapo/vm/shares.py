"""Something that there is only so much of, divided among owners who do not ask how much the others need.

An owner may take as long as it holds no more than what is left for everybody else. So one alone gets a half, two get a
third each, and so on: whatever those who are there already do, somebody who comes now gets something. (The rule is that
of "dynamic thresholds" for the buffers of network switches: Choudhury and Hahne, 1998.)
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["FairShare"]


class FairShare:
    """``total`` pieces of something. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def held(self, owner: str) -> int:
        """What an owner has now."""
        return self._held[owner]

    def _fits(self, owner: str, amount: int) -> bool:
        return self._held[owner] + amount <= self.total - self.taken

    def take(self, owner: str, amount: int = 1) -> bool:
        """Takes a piece if it is the owner's to take; to be given back with :meth:`give_back`."""
        if not self._fits(owner, amount):
            return False
        self._take(owner, amount)
        return True

    def _take(self, owner: str, amount: int) -> None:
        self.taken += amount
        self._held[owner] += amount

    def give_back(self, owner: str, amount: int = 1) -> None:
        """Gives back what was taken; whoever waits for it, and may have it now, gets it."""
        self.taken -= amount
        self._held[owner] -= amount
        if not self._held[owner]:
            del self._held[owner]
        if self._waiting:
            self._serve()

    def _serve(self) -> None:
        """One owner after the other, and the one that was served goes to the end."""
        for owner in tuple(self._waiting):
            queue = self._waiting[owner]
            while queue and queue[0].done():
                queue.popleft()
            if queue and self._fits(owner, 1):
                self._take(owner, 1)
                queue.popleft().set_result(None)
                self._waiting.move_to_end(owner)
            if not queue:
                del self._waiting[owner]

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """One piece for a block; waits for it, in the order of the owner's requests."""
        if owner in self._waiting or not self.take(owner):
            await self._wait(owner)
        try:
            yield
        finally:
            self.give_back(owner)

    async def _wait(self, owner: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given, and nobody takes it
                self.give_back(owner)
            raise
