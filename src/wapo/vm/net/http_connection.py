"""HTTP/1.1 on a connection that a guest has accepted: requests to the guest, its responses back (wapojs-api.md 3.11).

h11 knows the protocol; here is who reads and who writes when. The body of a request goes into the guest while it
answers, since it may answer before it has read everything; a client that goes away is noticed while the guest works.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wapo.abi.messages import HttpResponseHead
from wapo.lazy import library
from wapo.scale.primitives import ScaleError
from wapo.vm.http_client import valid_header
from wapo.vm.inputs import HttpInput
from wapo.vm.net.byte_stream import ByteStream
from wapo.vm.resources.oneshot import Reply, Sent
from wapo.vm.resources.pipe import PipeBroken

if TYPE_CHECKING:
    import h11
else:
    h11 = library("h11")

__all__ = ["GiveRequest", "HttpConnection"]

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}

#: Takes method, target, headers and who is to have the reply; gives the request's pipes, or None if there is no room.
GiveRequest = Callable[
    [str, str, list[tuple[str, str]], Callable[[Reply], None]], Awaitable[HttpInput | None]
]  # fmt: skip

_MAX_HEAD_BYTES: Final = 64 << 10
_HEAD_S: Final = 30.0
_IDLE_S: Final = 75.0
_HANDSHAKE_S: Final = 10.0
#: How long the rest of a request is read that was answered before its end: a client that is cut off may lose the
#: answer.
_LINGER_S: Final = 2.0
#: A client that neither sends the body that it has announced nor reads what it has asked for is cut off.
_STALL_S: Final = 60.0
_OF_THE_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding")
)


class _Closed(Exception):
    """The connection is of no more use."""


class HttpConnection:
    """One connection.

    Attributes:
        answering: whether it is in the middle of a request.
        last: that request is the last.
    """

    def __init__(self, stream: ByteStream, give: GiveRequest) -> None:
        self.answering = False
        self.last = False
        self._stream = stream
        self._give = give
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._body_ended = asyncio.Event()

    async def serve(self) -> None:
        """Serves the connection to its end, and closes it."""
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                await self._stream.handshake()
            await self._run()
        except (OSError, TimeoutError, _Closed):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """At once. Idempotent."""
        self._stream.close()

    async def _run(self) -> None:
        limit_s = _HEAD_S
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    event = await self._next_event()
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            if not isinstance(event, h11.Request):
                return
            self.answering = True
            await self._answer(event)
            self.answering = False
            if self.last or self._http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                return
            self._http.start_next_cycle()
            limit_s = _IDLE_S

    async def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._stream.receive())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            async with asyncio.timeout(_STALL_S):
                await self._stream.send(data)

    async def _refuse(self, status: int) -> None:
        """An answer of the host's own, the last on this connection."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = [("content-length", "0"), ("connection", "close")]
        reason = _REASONS.get(status, "").encode()
        await self._send(h11.Response(status_code=status, headers=headers, reason=reason))
        await self._send(h11.EndOfMessage())

    async def _answer(self, request: h11.Request) -> None:
        """One request and its response.

        Raises:
            _Closed: the connection cannot be used after it.
        """
        loop = asyncio.get_running_loop()
        head: asyncio.Future[Reply] = loop.create_future()

        def deliver(reply: Reply) -> None:
            if not head.done():
                head.set_result(reply)

        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
        upgrade = any(name == "upgrade" for name, _ in headers)
        given = await self._give(request.method.decode(), request.target.decode("latin-1"), headers, deliver)
        if given is None:
            await self._refuse(503)
            raise _Closed
        self._body_ended.clear()
        incoming = loop.create_task(self._take_body(given, upgrade=upgrade))
        responding = loop.create_task(self._respond(request, given, head, upgrade=upgrade))
        try:
            await asyncio.wait({incoming, responding}, return_when=asyncio.FIRST_COMPLETED)
            if not responding.done() and (error := incoming.exception()) is not None:
                if isinstance(error, h11.RemoteProtocolError):
                    await self._refuse(error.error_status_hint)
                raise _Closed  # the client has gone, or sends what is no HTTP
            await responding
            given.body.break_()
            async with asyncio.timeout(_LINGER_S):
                await self._body_ended.wait()
        finally:
            for task in (incoming, responding):
                task.cancel()
            await asyncio.gather(incoming, responding, return_exceptions=True)
            given.reply.abandon()
            if not given.body.ended:
                given.body.fail()  # what there is of it is not all
            given.response.break_()

    async def _take_body(self, given: HttpInput, *, upgrade: bool) -> None:
        """The request's body into the guest; then watches the client.

        Raises:
            _Closed, OSError, TimeoutError: it has gone, or does not go on.
            h11.RemoteProtocolError
        """
        while True:
            async with asyncio.timeout(_STALL_S):
                event = await self._next_event()
            if isinstance(event, h11.Data):
                with contextlib.suppress(PipeBroken):  # the guest does not want it; the rest is read and dropped
                    await given.body.write(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise _Closed
        self._body_ended.set()
        if upgrade:
            return
        given.body.end()
        data = await self._stream.receive()
        self._http.receive_data(data)  # of the next request, which may wait: nothing more is read until then
        if not data:
            raise _Closed

    async def _respond(
        self, request: h11.Request, given: HttpInput, waiting: asyncio.Future[Reply], *, upgrade: bool
    ) -> None:
        reply = await waiting
        if not isinstance(reply, Sent):
            raise _Closed
        try:
            head = HttpResponseHead.decode(reply.data)
            headers = _headers(head)
        except (ScaleError, ValueError):
            await self._refuse(500)
            raise _Closed from None
        if head.status == 101 and upgrade:
            await self._switch(headers, given)
            raise _Closed
        if not 200 <= head.status <= 599:
            await self._refuse(500)
            raise _Closed
        if self.last:
            headers.append((b"connection", b"close"))
        if not any(name == b"date" for name, _ in headers):
            headers.append((b"date", formatdate(usegmt=True).encode()))
        try:
            reason = _REASONS.get(head.status, "").encode()
            response = h11.Response(status_code=head.status, headers=headers, reason=reason)
        except h11.LocalProtocolError:
            await self._refuse(500)
            raise _Closed from None
        try:
            await self._send(response)
            while chunk := await given.response.read():
                if request.method != b"HEAD":
                    await self._send(h11.Data(data=chunk))
            await self._send(h11.EndOfMessage())
        except (PipeBroken, h11.LocalProtocolError):  # it failed half-way, or is not as long as it has said
            raise _Closed from None

    async def _switch(self, headers: list[tuple[bytes, bytes]], given: HttpInput) -> None:
        """Bytes of whatever protocol, both ways."""
        await self._body_ended.wait()  # an upgrade should have none
        protocol = [(b"connection", b"upgrade"), *(pair for pair in headers if pair[0] != b"content-length")]
        await self._send(h11.InformationalResponse(status_code=101, headers=protocol))
        inwards = asyncio.get_running_loop().create_task(self._inwards(given, self._http.trailing_data[0]))
        try:
            while chunk := await given.response.read():
                await self._stream.send(chunk)
            self._stream.end()
            await inwards
        except PipeBroken:
            pass
        finally:
            inwards.cancel()
            await asyncio.gather(inwards, return_exceptions=True)

    async def _inwards(self, given: HttpInput, early: bytes) -> None:
        with contextlib.suppress(PipeBroken, OSError):
            data = early or await self._stream.receive()
            while data:
                await given.body.write(data)
                data = await self._stream.receive()
        given.body.end()


def _headers(head: HttpResponseHead) -> list[tuple[bytes, bytes]]:
    """What can be sent; what belongs to the connection is the host's.

    Raises:
        ValueError: there is something that cannot.
    """
    headers = []
    for name, value in head.headers:
        pair = name.lower().encode(), value.encode()
        if not valid_header(*pair):
            raise ValueError(name)
        if pair[0] not in _OF_THE_CONNECTION:
            headers.append(pair)
    return headers
