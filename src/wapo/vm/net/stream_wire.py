"""A connected socket, perhaps with TLS, as a :class:`~wapo.vm.net.websocket.Wire`."""

import asyncio
import socket
import ssl

from wapo.vm.net.websocket import LOW_WATER_BYTES

__all__ = ["StreamWire"]

_READ_BYTES = 64 << 10


class StreamWire:
    """Made by :meth:`over`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = b""

    @classmethod
    async def over(cls, connected: socket.socket, tls: tuple[ssl.SSLContext, str] | None) -> "StreamWire":
        """The socket belongs to the wire from now on.

        Args:
            tls: whom to trust, and whose certificate it must be.

        Raises:
            OSError: the handshake failed (``ssl.SSLError`` is one).
        """
        context, name = tls or (None, None)
        reader, writer = await asyncio.open_connection(
            sock=connected, limit=_READ_BYTES, ssl=context, server_hostname=name
        )
        writer.transport.set_write_buffer_limits(high=LOW_WATER_BYTES)
        return cls(reader, writer)

    def unread(self, data: bytes) -> None:
        """What has been read too far comes again."""
        self._unread = data

    async def read(self) -> bytes:
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return await self._reader.read(_READ_BYTES)

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def write_end(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()

    @property
    def unsent(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    async def drained(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()
