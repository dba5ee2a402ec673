"""A connection that the host itself reads and writes for a guest, plain or TLS."""

import contextlib
import socket
import ssl

from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.readiness import HostWaiter, Readiness

__all__ = ["ByteStream"]

_READ_BYTES = 65536


class ByteStream:
    """A connected, non-blocking socket, with its place in the budget. One task may read while another writes."""

    def __init__(self, connected: "socket.socket | ssl.SSLSocket", budget: SocketBudget, owner: str) -> None:
        self._socket = connected
        self._budget = budget
        self._owner = owner
        self._ready = Readiness(connected.fileno())
        self._closed = False

    async def _read_wait(self, *, for_writing: bool = False) -> None:
        waiter = HostWaiter()
        self._ready.wait_read(waiter, for_writing=for_writing)
        await waiter.future

    async def _write_wait(self, *, for_reading: bool = False) -> None:
        waiter = HostWaiter()
        self._ready.wait_write(waiter, for_reading=for_reading)
        await waiter.future

    async def handshake(self) -> None:
        """Ends TLS's beginning; nothing for a plain connection.

        Raises:
            OSError: it failed.
        """
        while isinstance(self._socket, ssl.SSLSocket):
            try:
                self._socket.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self._read_wait()
            except ssl.SSLWantWriteError:
                await self._read_wait(for_writing=True)
            except ValueError as error:  # what the library makes of a socket that the peer has reset
                raise ConnectionResetError(str(error)) from None

    async def receive(self) -> bytes:
        """What has come; empty at the end.

        Raises:
            OSError: the connection is lost, or was closed here.
        """
        while True:
            if self._closed:
                raise ConnectionAbortedError
            try:
                return self._socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._read_wait()
            except ssl.SSLWantWriteError:
                await self._read_wait(for_writing=True)
            except ValueError as error:
                raise ConnectionResetError(str(error)) from None

    async def send(self, data: bytes) -> None:
        """All of it, waiting while the peer does not read.

        Raises:
            OSError: the connection is lost, or was closed here.
        """
        rest = memoryview(data)
        while rest:
            if self._closed:
                raise ConnectionAbortedError
            try:
                rest = rest[self._socket.send(rest) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._write_wait()
            except ssl.SSLWantReadError:
                await self._write_wait(for_reading=True)
            except ValueError as error:
                raise ConnectionResetError(str(error)) from None

    def end(self) -> None:
        """Nothing more will be sent. TLS has no half of a connection, so that ends altogether."""
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.unwrap()
            else:
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Idempotent; who waits gets an error."""
        if self._closed:
            return
        self._closed = True
        self.end()
        self._ready.close()
        self._socket.close()
        self._budget.give_back(self._owner)
