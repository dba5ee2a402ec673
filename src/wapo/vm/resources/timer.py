"""Timers (wapo-abi.md 3.2, 5.3): armed at the call; once expired they answer Ok until they are armed again."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import PENDING
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Timer"]

#: A negative number of milliseconds is sign-extended, which means "practically never"; the loop's clock is not asked
#: to hold such a time.
_NEVER_MS: Final = 1 << 31


class Timer(Resource):
    """A one-shot timer on the event loop's clock."""

    kind: ClassVar[str] = "timer"
    __slots__ = ("_expired", "_handle", "_slot")

    def __init__(self, milliseconds: int) -> None:
        self._slot = Slot()
        self._handle: asyncio.TimerHandle | None = None
        self._expired = False
        self.reset(milliseconds)

    def reset(self, milliseconds: int) -> None:
        """Arms it anew, ``milliseconds`` (signed) from now; who waits already goes on waiting."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._expired = False
        if 0 <= milliseconds < _NEVER_MS:
            self._handle = asyncio.get_running_loop().call_later(milliseconds / 1000, self._expire)

    def _expire(self) -> None:
        self._handle = None
        self._expired = True
        self._slot.wake()

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if self._expired:
            return 0
        self._slot.set(guest.registration(task, waker))
        return PENDING

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._slot.drop()
