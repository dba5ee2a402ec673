"""TCP listeners and streams (wapo-abi.md 5.3, 6.1, 6.2): non-blocking sockets, tried first and waited for only if that
would block. Data goes straight between the socket and the guest's memory."""

import socket
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.vm.net.accounting import ACCEPT_INGRESS, SHUTDOWN_EGRESS, TLS_ACCEPT
from wapo.vm.net.addresses import format_peer
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.byte_stream import ByteStream
from wapo.vm.net.readiness import HostWaiter, Readiness
from wapo.vm.net.tls_socket import wrap
from wapo.vm.resources.base import Resource
from wapo.vm.resources.tls import accepted

if TYPE_CHECKING:
    import ssl

    from wapo.vm.guest import Guest

__all__ = ["TcpListener", "TcpStream"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR
_RESOURCE_LIMITED: Final = ERR | OcallError.RESOURCE_LIMITED

#: Most that one call moves: a call cannot be interrupted.
_MAX_MOVED: Final = 1 << 20


class TcpStream(Resource):
    """A connected socket. Its place in the budget goes with it."""

    kind: ClassVar[str] = "tcp"
    __slots__ = ("_budget", "_drained", "_owner", "_ready", "_socket")

    def __init__(self, connected: socket.socket, budget: SocketBudget, owner: str) -> None:
        self._socket = connected
        self._drained = False  # the last read took all there was: the next had better wait than try
        self._budget = budget
        self._owner = owner
        self._ready = Readiness(connected.fileno())

    @property
    def waiting(self) -> bool:
        return self._ready.waiting

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if length == 0:
            return 0
        if self._drained:
            self._drained = False
            self._ready.wait_read(guest.registration(task, waker))
            return PENDING
        try:
            count = self._socket.recv_into(guest.instance.view(pointer, min(length, _MAX_MOVED)))
        except BlockingIOError:
            self._ready.wait_read(guest.registration(task, waker))
            return PENDING
        except OSError:
            return _IO_ERROR
        self._drained = 0 < count < min(length, _MAX_MOVED)
        guest.meter.net_ingress += count
        return count

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if length == 0:
            return 0
        try:
            count = self._socket.send(guest.instance.view(pointer, min(length, _MAX_MOVED)))
        except BlockingIOError:
            self._ready.wait_write(guest.registration(task, waker))
            return PENDING
        except OSError:
            return _IO_ERROR
        guest.meter.net_egress += count
        return count

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        """Half-close: the peer sees the end, reading goes on. Not being connected any more is no failure."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != 107:  # ENOTCONN
                return _IO_ERROR
        guest.meter.net_egress += SHUTDOWN_EGRESS
        return 0

    def detach(self) -> socket.socket:
        """The socket, for whoever goes on with it. This is closed for good; its place in the budget is free."""
        self._ready.close()
        taken = socket.socket(fileno=self._socket.detach())
        taken.setblocking(False)  # the descriptor is, and the new object does not know
        return taken

    def close(self) -> None:
        self._ready.close()
        self._socket.close()
        self._budget.give_back(self._owner)


class TcpListener(Resource):
    """A listening socket; with ``context``, what it accepts is a TLS stream whose handshake is still to come."""

    kind: ClassVar[str] = "tcp-listener"
    __slots__ = ("_budget", "_context", "_owner", "_ready", "_socket")

    def __init__(
        self, listening: socket.socket, budget: SocketBudget, owner: str, context: "ssl.SSLContext | None" = None
    ) -> None:
        self._socket = listening
        self._budget = budget
        self._owner = owner
        self._context = context
        self._ready = Readiness(listening.fileno())

    @property
    def port(self) -> int:
        """The port that is listened on, which the system chose if the guest asked for port 0."""
        port: int = self._socket.getsockname()[1]
        return port

    def accept(self, guest: "Guest", task: int, waker: int) -> "int | tuple[Resource, str]":
        if not self._budget.take(self._owner):
            return _RESOURCE_LIMITED
        try:
            connected, address = self._socket.accept()
        except BlockingIOError:
            self._budget.give_back(self._owner)
            self._ready.wait_read(guest.registration(task, waker))
            return PENDING
        except OSError:
            self._budget.give_back(self._owner)
            return _IO_ERROR
        connected.setblocking(False)
        guest.meter.net_ingress += ACCEPT_INGRESS
        if self._context is None:
            return TcpStream(connected, self._budget, self._owner), format_peer(address)
        guest.meter.net_ingress += TLS_ACCEPT
        guest.meter.net_egress += TLS_ACCEPT
        return accepted(connected, self._context, self._budget, self._owner), format_peer(address)

    async def next_connection(self) -> ByteStream | None:
        """As :meth:`accept`, for who serves the connection for the guest. A connection that the owner has no place for
        is closed."""
        while True:
            try:
                connected, _ = self._socket.accept()
            except BlockingIOError:
                waiter = HostWaiter()
                self._ready.wait_read(waiter)  # which ends with the listener, before its descriptor does
                await waiter.future
                continue
            except ConnectionError:
                continue
            except OSError:
                return None
            if not self._budget.take(self._owner):
                connected.close()
                continue
            connected.setblocking(False)
            try:
                served = connected if self._context is None else wrap(connected, self._context)
            except (OSError, ValueError):
                self._budget.give_back(self._owner)
                continue
            return ByteStream(served, self._budget, self._owner)

    def close(self) -> None:
        self._ready.close()
        self._socket.close()
        self._budget.give_back(self._owner)
