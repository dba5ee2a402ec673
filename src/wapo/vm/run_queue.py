"""Guests that wait for a turn: the CPU goes round by owner, not by guest.

Each owner has a virtual time that grows by the CPU its guests use; the owner with the least is next. An owner that was
idle re-enters at the clock of the queue, so it goes before those that have been running, and cannot save up. Within an
owner, guests that begin a poll alternate with guests whose poll was suspended at the end of a slice.
"""

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Owner", "RunQueue"]


class Owner:
    """Who runs guests, in one queue."""

    __slots__ = ("fresh", "name", "queued", "suspended", "toggle", "virtual_s")

    def __init__(self, name: str) -> None:
        self.name = name
        self.virtual_s = 0.0
        self.fresh: deque[Guest] = deque()
        self.suspended: deque[Guest] = deque()
        self.queued = False
        self.toggle = False

    def add(self, guest: "Guest") -> None:
        (self.suspended if guest.in_poll else self.fresh).append(guest)

    def next(self) -> "Guest | None":
        self.toggle = not self.toggle
        first, second = (self.fresh, self.suspended) if self.toggle else (self.suspended, self.fresh)
        if first:
            return first.popleft()
        return second.popleft() if second else None


class RunQueue:
    """A queue. True if anybody waits in it."""

    __slots__ = ("_clock", "_heap", "_owners", "_sequence")

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}
        self._heap: list[tuple[float, int, Owner]] = []
        self._sequence = 0
        self._clock = 0.0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, guest: "Guest", spent_s: float = 0.0) -> None:
        """Queues a guest, which is not queued.

        Args:
            spent_s: what its owner has used meanwhile and nobody has counted.
        """
        owner = self._owners.get(guest.owner)
        if owner is None:
            owner = self._owners[guest.owner] = Owner(guest.owner)
        owner.add(guest)
        if not owner.queued:
            owner.virtual_s = max(owner.virtual_s, self._clock) + spent_s
            self._push(owner)

    def take(self) -> "tuple[Owner, Guest | None]":
        """The owner that is next, and its guest, if it has one that has not ended; not of an empty queue. To be told
        with :meth:`took` what they used."""
        _, _, owner = heapq.heappop(self._heap)
        owner.queued = False
        self._clock = owner.virtual_s
        guest = owner.next()
        while guest is not None and guest.ended is not None:
            guest = owner.next()
        return owner, guest

    def took(self, owner: Owner, used_s: float) -> None:
        """What was taken has run for so long."""
        owner.virtual_s += used_s
        if owner.fresh or owner.suspended:
            if not owner.queued:
                self._push(owner)
        elif not self._heap:
            self._owners.clear()  # nobody waits, so nobody is ahead or behind

    def _push(self, owner: Owner) -> None:
        owner.queued = True
        self._sequence += 1
        heapq.heappush(self._heap, (owner.virtual_s, self._sequence, owner))
