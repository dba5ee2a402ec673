"""The operations that a guest may try on a resource (wapo-abi.md 5.3).

Each answers a result word (``abi.results``). The default of every operation is ``UnsupportedOperation``, so a kind
implements just what it has. An operation that answers ``PENDING`` has kept the registration that it was given the
means to make; in every other case the dispatcher releases the waker.
"""

from typing import TYPE_CHECKING, ClassVar

from wapo.abi.results import ERR, OcallError

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Resource"]

_UNSUPPORTED = ERR | OcallError.UNSUPPORTED_OPERATION


class Resource:
    """A resource. ``kind`` is for logs and for people.

    ``task`` and ``waker`` of a waiting operation are what the guest gave: ``guest.registration(task, waker)`` makes
    the registration to be kept in a slot.
    """

    kind: ClassVar[str] = "resource"
    __slots__ = ()

    @property
    def waiting(self) -> bool:
        """Whether somebody waits here for what the world does by itself: time, a peer, a server."""
        return False

    def poll(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        """Ocall 102: a message, or a result word."""
        return _UNSUPPORTED

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        """Ocall 103. The range has been checked."""
        return _UNSUPPORTED

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        """Ocall 104. The range has been checked."""
        return _UNSUPPORTED

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        """Ocall 105."""
        return _UNSUPPORTED

    def resolve(self, guest: "Guest", task: int, waker: int) -> int:
        """Ocall 106: the number of a new resource."""
        return _UNSUPPORTED

    def accept(self, guest: "Guest", task: int, waker: int) -> "int | tuple[Resource, str]":
        """Ocalls 211 and 212: a connection and its peer's address, or a result word."""
        return _UNSUPPORTED

    def send(self, data: bytes, *, error: bool) -> int:
        """Ocalls 202 and 204."""
        return _UNSUPPORTED

    def close(self) -> None:
        """Destroys the resource: what it holds is freed, who waits for it is dropped. Called once."""
