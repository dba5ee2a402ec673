"""HTTP/1.1 for a guest, on a listener of its own (docs/abi.md, 1210): requests come as over the HTTP channel."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from wapo.abi.messages import encode_http_request
from wapo.log import Log
from wapo.vm.inputs import HttpInput
from wapo.vm.net.accounting import ACCEPT_INGRESS
from wapo.vm.net.byte_stream import ByteStream
from wapo.vm.net.http_connection import HttpConnection
from wapo.vm.resources.base import Resource
from wapo.vm.resources.channel import Channel
from wapo.vm.resources.oneshot import Oneshot, Reply
from wapo.vm.resources.pipe import DuplexStream, Pipe

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Acceptor", "HttpServer"]

#: In flight, each way: more than over the HTTP channel, whose bound programs know.
_BODY_BYTES: Final = 16 << 10
_GRACE_S: Final = 5.0
_log = Log("wapo.vm")


class Acceptor(Protocol):
    """A listener whose connections the host serves for the guest."""

    async def next_connection(self) -> ByteStream | None:
        """The next; its handshake may be still to come. None: there will be no more."""

    def close(self) -> None:
        """It is a resource."""


class HttpServer(Channel):
    """Takes the place of a listener in a guest's table. Polled, it gives the next request."""

    kind: ClassVar[str] = "http-server"
    __slots__ = ("_accepting", "_connections", "_guest", "_listener", "_room")

    def __init__(self, guest: "Guest", listener: Acceptor) -> None:
        super().__init__()
        self._guest = guest
        self._listener = listener
        self._room = asyncio.Event()
        self._connections: dict[asyncio.Task[None], HttpConnection] = {}
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        while (stream := await self._listener.next_connection()) is not None:
            self._guest.meter.net_ingress += ACCEPT_INGRESS
            connection = HttpConnection(stream, self._give)
            task = asyncio.get_running_loop().create_task(connection.serve())
            self._connections[task] = connection
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._connections.pop(task).close()  # it may have been cancelled before it began
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection to a program failed", program=self._guest.owner, cause=repr(error))

    async def _give(
        self, method: str, target: str, headers: list[tuple[str, str]], deliver: Callable[[Reply], None]
    ) -> HttpInput | None:
        """Queues a request for the guest, as soon as there is room for it; None if its table is full."""
        while not self.closed and self.full:
            self._room.clear()
            await self._room.wait()
        if self.closed or self._guest.table.room < 2:
            return None
        body, response = Pipe(_BODY_BYTES), Pipe(_BODY_BYTES)
        reply, duplex = Oneshot(deliver), DuplexStream(body, response)
        resources: list[Resource] = [reply, duplex]
        numbers = [self._guest.table.add(resource) for resource in resources]

        def take_back() -> None:
            for number, resource in zip(numbers, resources, strict=True):
                self._guest.table.discard(number, resource)

        message = encode_http_request(method, target, headers, *numbers)
        self._guest.meter.net_ingress += len(message)
        self.offer(message, take_back)
        return HttpInput(reply, body, response)

    def poll(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        answer = super().poll(guest, task, waker)
        self._room.set()
        return answer

    def close(self) -> None:
        """Answers that the guest has given are sent to their end, if that comes soon."""
        self._accepting.cancel()
        for task, connection in self._connections.items():
            connection.last = True
            if not connection.answering:
                task.cancel()
        if self._connections:
            asyncio.get_running_loop().call_later(_GRACE_S, self._cut)
        self._listener.close()
        super().close()
        self._room.set()

    def _cut(self) -> None:
        for task in self._connections:
            task.cancel()
