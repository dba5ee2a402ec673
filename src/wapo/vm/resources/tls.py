"""TLS streams (wapo-abi.md 5.3): handshaking, streaming, closed.

OpenSSL works on the non-blocking socket itself, so nothing is buffered here but at most one record that did not fit
into the socket: such a record counts as written, and is sent in the background. There is no half-close.
"""

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.vm.net.accounting import SHUTDOWN_EGRESS
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.failures import tls_failure
from wapo.vm.net.readiness import Readiness
from wapo.vm.net.tls_socket import wrap
from wapo.vm.resources.base import Resource

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["BrokenStream", "TlsStream", "accepted", "connected_to"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR
_RECORD_BYTES: Final = 16384
#: Most that one call moves: a call cannot be interrupted.
_MAX_MOVED: Final = 256 << 10


class BrokenStream(Resource):
    """A connection that was lost before its handshake could begin: every operation fails, as it would later."""

    kind: ClassVar[str] = "tls"
    __slots__ = ()

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        return _IO_ERROR

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        return _IO_ERROR

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        return _IO_ERROR


def accepted(connected: socket.socket, context: ssl.SSLContext, budget: SocketBudget, owner: str) -> Resource:
    """The server's side of a connection; the handshake is driven by the guest's first read or write. The place that
    the connection has in the budget goes with it."""
    return _wrapped(connected, context, budget, owner, None)


def connected_to(
    host: str, connected: socket.socket, context: ssl.SSLContext, budget: SocketBudget, owner: str
) -> Resource:
    """The client's side, as :func:`accepted`; ``host`` is whom the certificate must be for."""
    return _wrapped(connected, context, budget, owner, host)


def _wrapped(
    connected: socket.socket, context: ssl.SSLContext, budget: SocketBudget, owner: str, host: str | None
) -> Resource:
    try:
        wrapped = wrap(connected, context, host)
    except (OSError, ValueError):
        budget.give_back(owner)
        return BrokenStream()
    return TlsStream(wrapped, budget, owner, handshaking=True)


class TlsStream(Resource):
    """A TLS connection over a socket. Its place in the budget goes with it.

    Attributes:
        failure: why there is no TLS, where the handshake has told.
    """

    kind: ClassVar[str] = "tls"
    __slots__ = ("_budget", "_handshaking", "_open", "_owner", "_ready", "_socket", "_unsent", "failure")

    def __init__(self, wrapped: ssl.SSLSocket, budget: SocketBudget, owner: str, *, handshaking: bool) -> None:
        self._socket = wrapped
        self._budget = budget
        self._owner = owner
        self._handshaking = handshaking
        self._open = True
        self._unsent: bytes | None = None
        self.failure: str | None = None
        self._ready = Readiness(wrapped.fileno())

    @property
    def waiting(self) -> bool:
        return self._ready.waiting

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if not self._open:
            return _IO_ERROR
        try:
            if self._handshaking:
                self._handshake()
            if length == 0:
                return 0
            window = guest.instance.view(pointer, min(length, _MAX_MOVED))
            count = int(self._socket.read(len(window), window))
        except ssl.SSLWantReadError:
            self._ready.wait_read(guest.registration(task, waker))
            return PENDING
        except ssl.SSLWantWriteError:
            self._ready.wait_read(guest.registration(task, waker), for_writing=True)
            return PENDING
        except OSError:
            return self._failed()
        except ValueError:  # what the library makes of a socket that the peer has reset
            return self._failed()
        guest.meter.net_ingress += count
        return count

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if not self._open:
            return _IO_ERROR
        moved = 0
        try:
            if self._handshaking:
                self._handshake()
            if length == 0:
                return 0
            if self._unsent is not None and not self._flush():
                raise ssl.SSLWantWriteError
            end = min(length, _MAX_MOVED)
            while moved < end:
                record = guest.instance.view(pointer + moved, min(_RECORD_BYTES, end - moved))
                try:
                    moved += self._socket.send(record)
                except ssl.SSLWantWriteError:
                    # OpenSSL has sealed these bytes and will take no others: they are as good as sent.
                    self._unsent = bytes(record)
                    self._ready.on_writable(self._flush)
                    moved += len(record)
                    break
        except ssl.SSLWantReadError:
            if not moved:
                self._ready.wait_write(guest.registration(task, waker), for_reading=True)
                return PENDING
        except ssl.SSLWantWriteError:
            self._ready.wait_write(guest.registration(task, waker))
            return PENDING
        except OSError:
            return self._failed()
        except ValueError:
            return self._failed()
        guest.meter.net_egress += moved
        return moved

    def _handshake(self) -> None:
        try:
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (OSError, ValueError) as error:
            self.failure = tls_failure(error, self._socket.server_hostname or "the client")
            raise
        self._handshaking = False
        self._ready.wake()  # who waits for the handshake has nothing else to wait for now

    def _flush(self) -> bool:
        """Sends what is left of a record; True if nothing is left to do."""
        if self._unsent is None:
            return True
        try:
            sent = self._socket.send(self._unsent)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False
        except (OSError, ValueError):
            self._failed()
            return True
        self._unsent = self._unsent[sent:] or None
        return self._unsent is None

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        """Sends close_notify and closes the socket; nothing can be read afterwards."""
        if not self._open:
            return _IO_ERROR
        if not self._handshaking:
            if not self._flush():
                self._ready.wait_write(guest.registration(task, waker))
                return PENDING
            try:
                self._socket.unwrap()
            except ssl.SSLWantWriteError:
                self._ready.wait_write(guest.registration(task, waker))
                return PENDING
            except (OSError, ValueError):
                pass  # it is sent; the peer's own may come later, and nobody waits for it
        self._hang_up()
        guest.meter.net_egress += SHUTDOWN_EGRESS
        return 0

    def _failed(self) -> int:
        self._hang_up()
        return _IO_ERROR

    def _hang_up(self) -> None:
        self._open = False
        self._unsent = None
        self._ready.wake()  # whoever waits gets the error, too
        self._ready.close()
        with contextlib.suppress(OSError, ValueError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._open:
            self._flush()
        self._ready.close()
        self._socket.close()
        self._budget.give_back(self._owner)
