"""Turns: which guest runs next, and for how long the event loop is kept from its sockets.

The CPU goes round by owner, not by guest. Each owner has a virtual time that grows by the CPU its guests use; the
owner with the least runs next. An owner that was idle re-enters at the clock of the run queue, so it goes before those
that have been burning, and cannot save up. Within an owner, guests that begin a poll alternate with guests whose poll
was suspended at the end of a slice.
"""

import asyncio
import heapq
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from wapo.vm.ends import End, EndReason
from wapo.vm.host_work import HostWork
from wapo.vm.net.intake import Intake

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Scheduler"]

#: Guests run one after another for this long before the event loop gets to its sockets and timers. One slice may be
#: longer; many short ones share one pass of the loop, which costs several microseconds itself.
_TURN_S: Final = 0.001


class _Owner:
    __slots__ = ("fresh", "name", "queued", "suspended", "toggle", "virtual_s")

    def __init__(self, name: str) -> None:
        self.name = name
        self.virtual_s = 0.0
        self.fresh: deque[Guest] = deque()
        self.suspended: deque[Guest] = deque()
        self.queued = False
        self.toggle = False

    def next(self) -> "Guest | None":
        self.toggle = not self.toggle
        first, second = (self.fresh, self.suspended) if self.toggle else (self.suspended, self.fresh)
        if first:
            return first.popleft()
        return second.popleft() if second else None


class Scheduler:
    """Runs the guests of one process on the event loop's thread. Make it inside the running loop.

    Attributes:
        work: threads for what the host does for them and takes long.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owners: dict[str, _Owner] = {}
        self._heap: list[tuple[float, int, _Owner]] = []
        self._sequence = 0
        self._clock = 0.0
        self._scheduled = False
        self._guests: set[Guest] = set()
        self.running: Guest | None = None
        self.work = HostWork()
        self.intake = Intake()

    @property
    def busy(self) -> bool:
        """Whether guests are waiting for a turn."""
        return bool(self._heap)

    def submit(self, guest: "Guest", spent_s: float = 0.0) -> None:
        """Queues a guest for its next slice. The guest sees to it that it is queued once.

        Args:
            spent_s: what its owner has used meanwhile and nobody has counted.
        """
        owner = self._owners.get(guest.owner)
        if owner is None:
            owner = self._owners[guest.owner] = _Owner(guest.owner)
        (owner.suspended if guest.in_poll else owner.fresh).append(guest)
        if not owner.queued:
            owner.virtual_s = max(owner.virtual_s, self._clock) + spent_s
            self._push(owner)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def adopt(self, guest: "Guest") -> None:
        """A guest that lives here from now on, until :meth:`release`."""
        self._guests.add(guest)

    def release(self, guest: "Guest") -> None:
        """It has ended."""
        self._guests.discard(guest)

    @property
    def guests(self) -> "frozenset[Guest]":
        """Those who live here now."""
        return frozenset(self._guests)

    def stop_all(self) -> None:
        """Ends every guest: the process is going down."""
        for guest in list(self._guests):
            guest.stop(End(EndReason.STOPPED, "the node is stopping"))

    def _push(self, owner: _Owner) -> None:
        owner.queued = True
        self._sequence += 1
        heapq.heappush(self._heap, (owner.virtual_s, self._sequence, owner))

    def run_now(self, guest: "Guest") -> None:
        """Submits a guest that is not queued and, if nobody else waits, runs its first slice before returning.

        A request that needs no wait is then answered without another pass of the event loop.
        """
        if self._heap or self.running is not None:
            guest.request_poll()
            return
        started = time.perf_counter()
        self.running = guest
        try:
            again = guest.step()
        finally:
            self.running = None
        if again:
            self.submit(guest, time.perf_counter() - started)

    def _turn(self) -> None:
        self._scheduled = False
        until = time.perf_counter() + _TURN_S
        try:
            while self._heap:
                self._run_one()
                if time.perf_counter() >= until:
                    break
        finally:
            if self._heap and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._turn)

    def _run_one(self) -> None:
        _, _, owner = heapq.heappop(self._heap)
        owner.queued = False
        self._clock = owner.virtual_s
        guest = owner.next()
        while guest is not None and guest.ended is not None:
            guest = owner.next()
        try:
            if guest is not None:
                self._run(guest, owner)
        finally:  # whatever fails here is one guest's affair: the others go on
            if owner.fresh or owner.suspended:
                if not owner.queued:
                    self._push(owner)
            elif not self._heap:
                self._owners.clear()  # nobody waits, so nobody is ahead or behind

    def _run(self, guest: "Guest", owner: _Owner) -> None:
        again = False
        started = time.perf_counter()
        self.running = guest
        try:
            again = guest.step()
        finally:
            self.running = None
            owner.virtual_s += time.perf_counter() - started
            if again:
                (owner.suspended if guest.in_poll else owner.fresh).append(guest)
