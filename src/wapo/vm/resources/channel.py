"""Input channels (wapo-abi.md 3.2, 9.1): messages from the host, at most 20 waiting."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CAPACITY", "Channel"]

CAPACITY: Final = 20


class Channel(Resource):
    """The receiving end that a guest holds; the host offers messages."""

    kind: ClassVar[str] = "channel"
    __slots__ = ("_capacity", "_messages", "_sender_gone", "_slot", "closed")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._messages: deque[tuple[bytes, Callable[[], None]]] = deque()
        self._capacity = capacity
        self._slot = Slot()
        self._sender_gone = False
        self.closed = False

    def offer(self, message: bytes, lost: Callable[[], None]) -> bool:
        """Appends a message; False when 20 are waiting, or the guest has closed its end.

        Args:
            lost: called if the guest closes its end without having read the message.
        """
        if self.closed or len(self._messages) >= self._capacity:
            return False
        self._messages.append((message, lost))
        self._slot.wake()
        return True

    @property
    def full(self) -> bool:
        """Whether as many messages wait as may."""
        return len(self._messages) >= self._capacity

    def finish(self) -> None:
        """No message will come any more; the guest reads EndOfFile when it has read the rest."""
        self._sender_gone = True
        self._slot.wake()

    def poll(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        if self._messages:
            return self._messages.popleft()[0]
        if self._sender_gone:
            return ERR | OcallError.END_OF_FILE
        self._slot.set(guest.registration(task, waker))
        return PENDING

    def close(self) -> None:
        self.closed = True
        self._slot.drop()
        messages, self._messages = self._messages, deque()
        for _, lost in messages:
            lost()
