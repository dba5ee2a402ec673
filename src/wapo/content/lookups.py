"""Lookups: questions to upstreams for content that nobody here has, and of which nobody knows whether it exists.

Anybody can make such questions up, and a gateway that searches a network for what does not exist may take a minute to
say so. So lookups share a number of places of their own, and nobody waits for one: when all are taken, the lookup that
has gone without an answer for longest makes room, if it has had some seconds; else the newcomer is told to come back.
What is here already, and what an upstream has begun to give, is never in anybody's way.

That content was not found is remembered for a few seconds, so that asking again and again is one question. It is never
remembered for longer: a gateway that was down for a minute must not make an agent disappear for an hour.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from wapo.content.cid import Cid
from wapo.content.errors import (
    BlockTooLarge,
    ContentNotFound,
    HashMismatch,
    TooManyLookups,
    UpstreamUnreachable,
)

__all__ = ["Lookups"]

_MOST: Final = 128
_SURE_S: Final = 2.0
_REMEMBER_S: Final = 3.0
_MOST_REMEMBERED: Final = 10_000
_Miss = ContentNotFound | UpstreamUnreachable | HashMismatch | BlockTooLarge


class _Lookup:
    def __init__(self, started_s: float, room: "Lookups") -> None:
        self.started_s = started_s
        self.deadline = asyncio.timeout(None)
        self.evicted = False
        self._room = room

    def answered(self) -> None:
        """An upstream has it: from now on it is a transfer, which has limits of its own."""
        self._room.silent.pop(self, None)

    def evict(self) -> None:
        self.evicted = True
        self.deadline.reschedule(asyncio.get_running_loop().time())


class Lookups:
    """Places for lookups, and what was not found a moment ago.

    Args:
        most: lookups at once.
        sure_s: how long a lookup goes on whoever comes meanwhile.
        remember_s: how long a failure is the answer to the next who ask.
    """

    def __init__(
        self, most: int = _MOST, *, sure_s: float = _SURE_S, remember_s: float = _REMEMBER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.most = most
        #: Those that nobody has answered, the oldest first.
        self.silent: OrderedDict[_Lookup, None] = OrderedDict()
        self._taken: set[_Lookup] = set()
        self._sure_s = sure_s
        self._remember_s = remember_s
        self._clock = clock
        self._missed: OrderedDict[bytes, tuple[float, _Miss]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._taken)

    @asynccontextmanager
    async def place(self, cid: Cid) -> AsyncIterator[Callable[[], None]]:
        """A place for the lookup of ``cid``, for a block. What it gives is to be called when an upstream has begun to
        send the content.

        Raises:
            TooManyLookups: there is none, or others needed it.
            what the last lookup of ``cid`` raised, if that was a moment ago.
        """
        self._recall(cid)
        if len(self._taken) >= self.most:
            self._make_room()
        lookup = _Lookup(self._clock(), self)
        self._taken.add(lookup)
        self.silent[lookup] = None
        try:
            async with lookup.deadline:
                yield lookup.answered
        except TimeoutError:
            if not lookup.evicted:
                raise
            raise TooManyLookups(f"{cid} was not found in time: others are being looked for.") from None
        except (ContentNotFound, UpstreamUnreachable, HashMismatch, BlockTooLarge) as failure:
            self._remember(cid, failure)
            raise
        finally:
            self._taken.discard(lookup)
            self.silent.pop(lookup, None)

    def _make_room(self) -> None:
        oldest = next(iter(self.silent), None)
        if oldest is None or self._clock() - oldest.started_s < self._sure_s:
            raise TooManyLookups(f"{self.most} programs are being looked for; ask again in a moment.")
        oldest.evict()
        del self.silent[oldest]
        self._taken.discard(oldest)

    def _remember(self, cid: Cid, failure: _Miss) -> None:
        self._missed[cid.multihash] = self._clock() + self._remember_s, failure
        self._missed.move_to_end(cid.multihash)
        if len(self._missed) > _MOST_REMEMBERED:
            self._missed.popitem(last=False)

    def _recall(self, cid: Cid) -> None:
        now = self._clock()
        while self._missed and next(iter(self._missed.values()))[0] <= now:
            self._missed.popitem(last=False)
        known = self._missed.get(cid.multihash)
        if known is not None:
            raise type(known[1])(str(known[1]))
