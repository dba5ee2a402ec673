"""The shared TLS port (wapo-abi.md 6.5): one listener for all programs, routed by the server name that clients ask for.

A name belongs to one owner (an app). The owner's instances subscribe to it; each subscription has a queue of
connections whose handshake is done. An owner that wants an instance a connection gets its connections parked, and is
asked for an instance; the next subscription takes what is parked.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from wapo.log import Log
from wapo.vm.net.addresses import format_peer
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.options import send_at_once
from wapo.vm.net.readiness import wait_readable, wait_writable
from wapo.vm.net.tls_config import Identity
from wapo.vm.net.tls_socket import wrap

__all__ = ["Arrival", "NameTaken", "Subscription", "TlsPort", "TooManyNames", "is_noise"]

QUEUE: Final = 32
#: Names of one owner. Each has a certificate of its own in the host's memory.
MAX_NAMES: Final = 64
#: Handshakes at a time; fewer where the process has few descriptors, of which half as many as guests may have.
_HANDSHAKES: Final = 1024
#: How long nobody is accepted when the process has no descriptor for another connection.
_PAUSE_S: Final = 0.25
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_HANDSHAKE_S: Final = 10.0
_PARKED_S: Final = 5.0
_BACKLOG: Final = 1024

_log = Log("wapo.tls")


class NameTaken(Exception):
    """The server name is another owner's."""


class TooManyNames(Exception):
    """An owner has as many names as one may have."""


def is_noise(unraisable: "sys.UnraisableHookArgs") -> bool:
    """For ``sys.unraisablehook``: whether a client has asked for a server name that is no text.

    The library refuses it before anybody here is asked, and tells the interpreter's error output; as often as the
    client likes.
    """
    return isinstance(unraisable.exc_value, UnicodeDecodeError) and isinstance(unraisable.object, bytes)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection whose handshake is done, with a place in the budget that is its owner's. ``peer`` as ``accept``
    tells it."""

    connection: ssl.SSLSocket
    peer: str


class Subscription:
    """One instance's queue of connections for a name.

    Attributes:
        on_arrival: called when a connection has come, or when none will come any more.
    """

    def __init__(self, name: str, owner: str, leave: Callable[["Subscription"], None]) -> None:
        self.name = name
        self.owner = owner
        self.arrivals: deque[Arrival] = deque()
        self.on_arrival: Callable[[], None] | None = None
        self.finished = False
        self._leave: Callable[[Subscription], None] | None = leave

    def offer(self, arrival: Arrival) -> bool:
        """Queues a connection; False if the queue is full."""
        if self.finished or len(self.arrivals) >= QUEUE:
            return False
        self.arrivals.append(arrival)
        self.notify()
        return True

    def notify(self) -> None:
        if self.on_arrival is not None:
            self.on_arrival()

    def close(self) -> None:
        """Gives the subscription back; with the last one the name is free again, at once. Idempotent."""
        self.finished = True
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)


@dataclass(slots=True)
class _Name:
    """A name that is subscribed to."""

    owner: str
    context: ssl.SSLContext
    wanted: Callable[[], None] | None
    subscriptions: list[Subscription] = field(default_factory=list)
    parked: deque[tuple[float, Arrival]] = field(default_factory=deque)


class TlsPort:
    """Use it as an async context manager: it listens for as long as the block lasts.

    Args:
        host, port: where; port 0 lets the system choose.
        opened: the descriptor of a socket that listens there already, and stays open.
    """

    def __init__(self, host: str, port: int, budget: SocketBudget, opened: int | None = None) -> None:
        self._address = (host, port)
        self._opened = opened
        self._budget = budget
        self._names: dict[str, _Name] = {}
        self._listener: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._most_handshakes = min(_HANDSHAKES, max(8, budget.total // 2))
        self._handshakes: set[asyncio.Task[None]] = set()
        self.port = port

    async def __aenter__(self) -> "TlsPort":
        listener = self._bound() if self._opened is None else socket.socket(fileno=os.dup(self._opened))
        listener.setblocking(False)
        self._listener = listener
        self.port = listener.getsockname()[1]
        self._listen()
        return self

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            send_at_once(listener)
            listener.bind(self._address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener

    async def __aexit__(self, *_: object) -> None:
        listener, self._listener = self._listener, None
        if self._pause is not None:
            self._pause.cancel()
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener.fileno())
            listener.close()
        for task in list(self._handshakes):
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)
        for name in list(self._names.values()):
            for subscription in list(name.subscriptions):
                subscription.finished = True
                subscription.notify()
            self._drop_parked(name)
        self._names.clear()

    # Names

    def subscribe(
        self, name: str, identity: Identity, owner: str, wanted: Callable[[], None] | None = None
    ) -> Subscription:
        """A queue of the connections to a server name. An owner that has the name gets another queue, and its
        certificate is replaced.

        Args:
            wanted: asks for another instance for a connection that was parked; None: instances take turns.

        Raises:
            NameTaken: somebody else has it.
            TooManyNames: the owner has 64 others.
            InvalidTlsConfig: the certificate or the key cannot be used.
        """
        key = name.lower().removesuffix(".")
        entry = self._names.get(key)
        if entry is not None and entry.owner != owner:
            raise NameTaken(f"{name} is somebody else's")
        if entry is None and sum(other.owner == owner for other in self._names.values()) >= MAX_NAMES:
            raise TooManyNames(f"a program may have {MAX_NAMES} server names")
        context = identity.context()
        if entry is None:
            entry = self._names[key] = _Name(owner, context, wanted)
        entry.context, entry.wanted = context, wanted
        subscription = Subscription(key, owner, self._leave)
        entry.subscriptions.append(subscription)
        now = asyncio.get_running_loop().time()
        while entry.parked:
            until, arrival = entry.parked.popleft()
            if until > now:
                subscription.offer(arrival)
                break
            self._drop(entry.owner, [arrival])
        return subscription

    def _leave(self, subscription: Subscription) -> None:
        self._drop(subscription.owner, subscription.arrivals)
        entry = self._names.get(subscription.name)
        if entry is None or subscription not in entry.subscriptions:
            return  # the port was closed before
        entry.subscriptions.remove(subscription)
        if not entry.subscriptions:
            self._drop_parked(entry)
            del self._names[subscription.name]

    def _drop_parked(self, entry: _Name) -> None:
        parked, entry.parked = entry.parked, deque()  # so that the end of their time finds none of them
        self._drop(entry.owner, [arrival for _, arrival in parked])

    def _drop(self, owner: str, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            arrival.connection.close()
            self._budget.give_back(owner)

    # Connections

    def _front(self) -> ssl.SSLContext:
        """How a connection begins. A client that asks for no name, or for one that nobody has, sees an alert.

        One for each connection, because sessions belong to a context: OpenSSL would resume one that was begun under
        another name, or with the name's owner of before, and the client take the answer for that one's.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        context.num_tickets = 0  # nobody could use them
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: Any, name: str | None, _context: ssl.SSLContext) -> int | None:
        entry = self._names.get(name.lower()) if name is not None else None
        if entry is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = entry.context
        connection.wapo_name = entry
        return None

    def _listen(self) -> None:
        self._pause = None
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(64):  # then others have their turn
            try:
                connected, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    continue  # the client's fault, or its network's
                _log.warning("a connection to the TLS port could not be accepted", cause=str(error))
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._listener.fileno())  # it would be called again at once, and again
                self._pause = loop.call_later(_PAUSE_S, self._listen)
                return
            if len(self._handshakes) >= self._most_handshakes:
                connected.close()
                continue
            connected.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._welcome(connected, format_peer(address)))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _welcome(self, connected: socket.socket, peer: str) -> None:
        connection: ssl.SSLSocket | None = None
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                connection = wrap(connected, self._front())
                await _handshake(connection)
            self._route(connection, peer)
        except (OSError, ValueError, TimeoutError):
            (connection or connected).close()
        except BaseException:
            (connection or connected).close()
            raise

    def _route(self, connection: ssl.SSLSocket, peer: str) -> None:
        entry: _Name | None = getattr(connection, "wapo_name", None)
        if entry is None or not entry.subscriptions or not self._budget.take(entry.owner):
            connection.close()
            return
        arrival = Arrival(connection, peer)
        if entry.wanted is not None:
            self._park(entry, arrival)
        elif not any(subscription.offer(arrival) for subscription in entry.subscriptions):
            self._drop(entry.owner, [arrival])

    def _park(self, entry: _Name, arrival: Arrival) -> None:
        if len(entry.parked) >= QUEUE:
            self._drop(entry.owner, [arrival])
            return
        loop = asyncio.get_running_loop()
        item = (loop.time() + _PARKED_S, arrival)
        entry.parked.append(item)
        loop.call_later(_PARKED_S, self._expire, entry, item)
        assert entry.wanted is not None
        entry.wanted()

    def _expire(self, entry: _Name, item: tuple[float, Arrival]) -> None:
        with contextlib.suppress(ValueError):
            entry.parked.remove(item)
            self._drop(entry.owner, [item[1]])


async def _handshake(connection: ssl.SSLSocket) -> None:
    while True:
        try:
            connection.do_handshake()
            return
        except ssl.SSLWantReadError:
            await wait_readable(connection.fileno())
        except ssl.SSLWantWriteError:
            await wait_writable(connection.fileno())
