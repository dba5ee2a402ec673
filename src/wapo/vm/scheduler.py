"""Turns: which guest runs next, and for how long the event loop is kept from its sockets.

The CPU goes round by owner (``RunQueue``). Guests that have not computed for long since they last waited go before
those that have: somebody waits for the former, and they will be done soon. The latter get a part of the CPU all the
same (docs/decisions/turns.md).
"""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from wapo.vm.ends import End, EndReason
from wapo.vm.host_work import HostWork
from wapo.vm.net.intake import Intake
from wapo.vm.run_queue import RunQueue

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Scheduler"]

#: Guests run one after another for this long before the event loop gets to its sockets and timers. One slice may be
#: longer; many short ones share one pass of the loop, which costs several microseconds itself.
_TURN_S: Final = 0.001
_LONGEST_TURN_S: Final = 0.005

#: Of the time that the others use, what is owed to those that burn; and when it is paid, about a slice.
_BURNING_SHARE: Final = 0.25
_PAID_AT_S: Final = 0.002


class Scheduler:
    """Runs the guests of one process on the event loop's thread. Make it inside the running loop.

    Attributes:
        work: threads for what the host does for them and takes long.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._brief = RunQueue()
        self._burning = RunQueue()
        self._owed_s = 0.0  # to those that burn
        self._scheduled = False
        self._since_s = 0.0
        self._guests: set[Guest] = set()
        self.running: Guest | None = None
        self.work = HostWork()
        self.intake = Intake()

    @property
    def busy(self) -> bool:
        """Whether guests are waiting for a turn."""
        return bool(self._brief or self._burning)

    def submit(self, guest: "Guest", spent_s: float = 0.0) -> None:
        """Queues a guest for its next slice. The guest sees to it that it is queued once.

        Args:
            spent_s: what its owner has used meanwhile and nobody has counted.
        """
        (self._burning if guest.burns else self._brief).add(guest, spent_s)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._since_s = time.perf_counter()
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

    def run_now(self, guest: "Guest") -> None:
        """Submits a guest that is not queued and, if nobody like it waits, runs its first slice before returning.

        A request that needs no wait is then answered without another pass of the event loop.
        """
        if self._brief or self.running is not None:
            guest.request_poll()
            return
        started = time.perf_counter()
        self.running = guest
        try:
            again = guest.step()
        finally:
            self.running = None
        if self._burning or again:
            used = time.perf_counter() - started
            self._owe(used)
            if again:
                self.submit(guest, used)

    def _owe(self, used_s: float) -> None:
        self._owed_s = self._owed_s + used_s * _BURNING_SHARE if self._burning else 0.0

    def _turn(self) -> None:
        self._scheduled = False
        now = time.perf_counter()
        # Where the rest of a pass takes long, guests get as much of it: what is done for one must not starve others.
        until = now + min(max(_TURN_S, now - self._since_s), _LONGEST_TURN_S)
        try:
            while self._brief or self._burning:
                self._run_one()
                if time.perf_counter() >= until:
                    break
        finally:
            if self.busy:
                self._schedule()

    def _run_one(self) -> None:
        burning = not self._brief or self._owed_s >= _PAID_AT_S
        queue = self._burning if burning and self._burning else self._brief
        owner, guest = queue.take()
        again = False
        started = time.perf_counter()
        try:
            if guest is not None:
                self.running = guest
                again = guest.step()
        finally:  # whatever fails here is one guest's affair: the others go on
            self.running = None
            used = time.perf_counter() - started
            if queue is self._burning:
                self._owed_s = max(0.0, self._owed_s - used)
            else:
                self._owe(used)
            if again and guest is not None:
                if guest.burns is (queue is self._burning):
                    owner.add(guest)
                else:
                    self.submit(guest)
            queue.took(owner, used)
