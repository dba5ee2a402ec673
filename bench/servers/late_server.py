"""An HTTP server that answers nobody until somebody asks for /release, and from then on everybody at once: with the path
that was asked for. Prints its port.
"""

import asyncio
from typing import Any, ClassVar

import uvloop


class Late(asyncio.Protocol):
    """One connection."""

    waiting: ClassVar["list[Late]"] = []
    released = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.received = b""
        self.path = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        if b"\r\n\r\n" not in self.received:
            return
        self.path, self.received = self.received.split(b" ", 2)[1], b""
        if self.path == b"/release":
            Late.released = True
            for other in Late.waiting:
                other.answer()
            Late.waiting.clear()
        if Late.released:
            self.answer()
        else:
            Late.waiting.append(self)

    def answer(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(self.path), self.path))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Late, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


uvloop.run(main())
