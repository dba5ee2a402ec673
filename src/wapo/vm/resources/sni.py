"""Subscriptions to a server name of the shared TLS port (wapo-abi.md 6.2, 6.5)."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.vm.net.accounting import SNI_ACCEPT
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.byte_stream import ByteStream
from wapo.vm.net.tls_port import Subscription
from wapo.vm.resources.base import Resource
from wapo.vm.resources.tls import TlsStream
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["SniSubscription"]

_END_OF_FILE: Final = ERR | OcallError.END_OF_FILE


class SniSubscription(Resource):
    """Accepts connections whose handshake is done."""

    kind: ClassVar[str] = "sni"
    __slots__ = ("_budget", "_owner", "_slot", "_subscription")

    def __init__(self, subscription: Subscription, budget: SocketBudget, owner: str) -> None:
        self._subscription = subscription
        self._budget = budget
        self._owner = owner
        self._slot = Slot()
        subscription.on_arrival = self._slot.wake

    def accept(self, guest: "Guest", task: int, waker: int) -> "int | tuple[Resource, str]":
        if not self._subscription.arrivals:
            if self._subscription.finished:
                return _END_OF_FILE
            self._slot.set(guest.registration(task, waker))
            return PENDING
        arrival = self._subscription.arrivals.popleft()
        guest.meter.net_ingress += SNI_ACCEPT
        guest.meter.net_egress += SNI_ACCEPT
        return TlsStream(arrival.connection, self._budget, self._owner, handshaking=False), arrival.peer

    async def next_connection(self) -> ByteStream | None:
        """As :meth:`accept`, for who serves the connection for the guest."""
        arrived = asyncio.Event()
        self._subscription.on_arrival = arrived.set
        while not self._subscription.arrivals:
            if self._subscription.finished:
                return None
            arrived.clear()
            await arrived.wait()
        return ByteStream(self._subscription.arrivals.popleft().connection, self._budget, self._owner)

    def close(self) -> None:
        self._subscription.on_arrival = None
        self._subscription.close()
        self._slot.drop()
