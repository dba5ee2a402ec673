"""Guests that wait for long take little memory.

A request that waits for an upstream holds the pages that its machine has written; thousands of them hold gigabytes. So
whoever has waited for a while is folded (``engine/folding.py``), which costs half a millisecond of CPU, and half of
that again when it goes on. Few guests are not worth it, and one that wakes up again and again is left alone for longer
and longer.
"""

import asyncio
import time
from typing import Final

from wapo.vm.guest import Guest
from wapo.vm.scheduler import Scheduler

__all__ = ["Rest"]

#: How often guests are looked at. One is folded that has rested from one look to the next.
_EVERY_S: Final = 1.0

#: With fewer guests than this there is nothing to gain.
_MANY: Final = 64

#: Folding goes on for so long, and then as long as the other is left to the guests that run.
_WORK_S: Final = 0.001
_PAUSE_S: Final = 0.003

#: A guest that was folded n times is folded again after 2^n looks at rest, at most this many.
_MAX_PATIENCE: Final = 32


class _Known:
    """A guest that was seen at rest."""

    __slots__ = ("looks", "patience", "polls")

    def __init__(self, polls: int) -> None:
        self.polls = polls
        self.looks = 0
        self.patience = 1


class Rest:
    """Folds the guests of a process that wait."""

    def __init__(self, scheduler: Scheduler, many: int = _MANY) -> None:
        self._scheduler = scheduler
        self._many = many
        self._known: dict[Guest, _Known] = {}

    async def run(self) -> None:
        """Looks for as long as the node lives."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Looks once, and folds those that have waited since the last time."""
        guests = self._scheduler.guests
        if len(guests) < self._many:
            self._known.clear()
            return
        before, self._known = self._known, {}
        until = time.perf_counter() + _WORK_S
        for guest in guests:
            known = before.get(guest)
            if known is None:
                known = _Known(-1)
            if guest.ended is not None:
                continue
            self._known[guest] = known
            if not guest.folded and self._is_due(guest, known):
                guest.fold()
                known.patience = min(known.patience * 2, _MAX_PATIENCE)
            if time.perf_counter() > until:
                await asyncio.sleep(_PAUSE_S)
                until = time.perf_counter() + _WORK_S

    @staticmethod
    def _is_due(guest: Guest, known: _Known) -> bool:
        if known.polls != guest.meter.polls:
            known.polls, known.looks = guest.meter.polls, 0
            return False
        known.looks += 1
        return known.looks >= known.patience and guest.rests
