"""One-shot senders (wapo-abi.md 3.2): the reply side of a query or of an HTTP request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from wapo.abi.results import ERR, OcallError
from wapo.vm.resources.base import Resource

__all__ = ["Closed", "Oneshot", "Refused", "Reply", "Sent"]


@dataclass(frozen=True, slots=True)
class Sent:
    """The guest answered with bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The guest answered with an error text."""

    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The guest closed it unused, or ended."""


Reply = Sent | Refused | Closed


class Oneshot(Resource):
    """Calls ``deliver`` exactly once. The number stays occupied until the guest closes it."""

    kind: ClassVar[str] = "oneshot"
    __slots__ = ("_deliver",)

    def __init__(self, deliver: Callable[[Reply], None]) -> None:
        self._deliver: Callable[[Reply], None] | None = deliver

    def abandon(self) -> None:
        """The waiting side has gone: sending answers an error from now on."""
        self._deliver = None

    def send(self, data: bytes, *, error: bool) -> int:
        deliver, self._deliver = self._deliver, None
        if deliver is None:
            return ERR | OcallError.IO_ERROR
        deliver(Refused(data.decode()) if error else Sent(data))
        return 0

    def close(self) -> None:
        deliver, self._deliver = self._deliver, None
        if deliver is not None:
            deliver(Closed())
