"""Connectors (wapo-abi.md 5.3, 6.4): a connection attempt that starts when it is first polled.

What it resolves to is a new resource; the connector stays until it is closed, and has nothing more to give.
"""

import asyncio
import socket
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.log import Log
from wapo.vm.egress import EgressDenied
from wapo.vm.net.accounting import TCP_CONNECT, TLS_CONNECT
from wapo.vm.net.failures import connect_failure
from wapo.vm.net.network import Network
from wapo.vm.resources.base import Resource
from wapo.vm.resources.tcp import TcpStream
from wapo.vm.resources.tls import connected_to
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["StartTls", "TcpConnect", "TlsConnect"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR
_RESOURCE_LIMITED: Final = ERR | OcallError.RESOURCE_LIMITED
_LOG_WARN: Final = 2
_log = Log("wapo.net")


class TcpConnect(Resource):
    """Resolves to a TCP stream. ``host`` and ``port`` have been checked."""

    kind: ClassVar[str] = "tcp-connect"
    __slots__ = ("_connected", "_failure", "_host", "_network", "_owner", "_port", "_slot", "_spent", "_task")

    ingress: ClassVar[int] = TCP_CONNECT

    def __init__(self, network: Network, host: str, port: int, owner: str) -> None:
        self._network = network
        self._host = host
        self._port = port
        self._owner = owner
        self._slot = Slot()
        self._task: asyncio.Task[None] | None = None
        self._connected: socket.socket | None = None
        self._failure: OSError | None = None
        self._spent = False

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    @property
    def failure(self) -> str | None:
        """Why it could not be made, if that is known."""
        return connect_failure(self._failure, self._host, self._port) if self._failure is not None else None

    def resolve(self, guest: "Guest", task: int, waker: int) -> int:
        if self._spent:
            return _IO_ERROR
        if self._task is None:
            if not self._network.budget.take(self._owner):
                return _RESOURCE_LIMITED
            self._task = asyncio.get_running_loop().create_task(self._run())
        if self._failure is not None:
            self._spent = True
            self._network.budget.give_back(self._owner)
            if isinstance(self._failure, EgressDenied):
                guest.services.log(guest, _LOG_WARN, str(self._failure))
            return _IO_ERROR
        if self._connected is None:
            self._slot.set(guest.registration(task, waker))
            return PENDING
        self._spent = True
        connected, self._connected = self._connected, None
        stream = self._stream(connected)  # the place in the budget is the stream's from here on
        number = guest.table.add(stream)
        guest.meter.net_ingress += self.ingress
        return number

    def _stream(self, connected: socket.socket) -> Resource:
        return TcpStream(connected, self._network.budget, self._owner)

    async def _prepare(self) -> None:
        """Whatever :meth:`_stream` needs."""

    async def _run(self) -> None:
        try:
            await self._prepare()
            self._connected = await self._network.dialer.connect(self._host, self._port, self._owner)
        except OSError as error:
            self._failure = error
        except Exception as error:  # a library's, or a bug: the program must not wait for ever
            _log.error("a connection failed unexpectedly", host=self._host, exc_info=error)
            self._failure = OSError(str(error))
        self._slot.wake()

    def close(self) -> None:
        self._slot.drop()
        if self._task is None or self._spent:
            return
        self._spent = True
        self._network.budget.give_back(self._owner)
        if self._connected is not None:
            self._connected.close()
        elif not self._task.done():
            self._task.cancel()


class TlsConnect(TcpConnect):
    """Resolves to a TLS stream as soon as TCP is up; the handshake is the guest's first read or write."""

    kind: ClassVar[str] = "tls-connect"
    __slots__ = ()

    ingress: ClassVar[int] = TLS_CONNECT

    async def _prepare(self) -> None:
        await self._network.roots.load()

    def _stream(self, connected: socket.socket) -> Resource:
        return connected_to(self._host, connected, self._network.roots.context, self._network.budget, self._owner)


class StartTls(TlsConnect):
    """Resolves to a TLS stream over a connection that is there already. Its place in the budget has been taken."""

    kind: ClassVar[str] = "start-tls"
    __slots__ = ("_plain",)

    ingress: ClassVar[int] = 0

    def __init__(self, network: Network, host: str, owner: str, plain: socket.socket) -> None:
        super().__init__(network, host, 0, owner)
        self._plain: socket.socket | None = plain
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._prepare()
        except OSError as error:
            self._failure = error
        else:
            self._connected, self._plain = self._plain, None
        self._slot.wake()

    def close(self) -> None:
        super().close()
        if self._plain is not None:
            self._plain.close()
