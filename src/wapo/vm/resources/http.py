"""Outgoing HTTP requests (docs/abi.md, 1100 to 1102): one resource is a request and its response.

Reading it gives the response body, writing it the request body where that is streamed; ``http_head`` answers once the
head is there. What goes wrong is kept as a sentence for ``error_text``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from yarl import URL

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.lazy import library
from wapo.vm.credentials.asking import CredentialRefused
from wapo.vm.http_client import MAX_HEAD_BYTES, TOO_LARGE, HttpClient, asking, describe_failure
from wapo.vm.http_decoding import ACCEPTED, UndecodableBody, decode, decoders_of
from wapo.vm.resources.base import Resource
from wapo.vm.resources.pipe import Pipe, PipeBroken
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = library("aiohttp")

if TYPE_CHECKING:
    from wapo.vm.credentials.outgoing import Guard
    from wapo.vm.guest import Guest

__all__ = ["HttpExchange", "HttpRequest", "WrongLength"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR
_BUFFER_BYTES: Final = 64 << 10
_HEAD: Final = struct.Struct("<HHII").pack


class WrongLength(Exception):
    """A streamed body is longer or shorter than its Content-Length."""


@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """A request that has been checked. ``body`` is None where there is none or where it is streamed.

    ``stream_bytes`` is the length that the guest has promised for a stream, if it has.
    """

    method: str
    url: URL
    headers: list[tuple[str, str]]
    body: bytes | None
    stream_body: bool
    stream_bytes: int | None
    decode: bool


class HttpExchange(Resource):
    """A request under way. ``head`` is the encoded head once it is there; ``failure`` why there will be none.

    What the host has of it counts as kept for the guest: the request until it is sent, the response's head, and of the
    body what nobody has read when all of it is there. So many answers that nobody looks at cannot fill the host.

    Args:
        size: of the request, body and all.
        guard: puts credentials on it, and takes them out of what comes back.
        refusal: why it is not even sent.
    """

    kind: ClassVar[str] = "http"
    __slots__ = ("_guest", "_head_slot", "_held_bytes", "_task", "_upload", "download", "failure", "head")

    def __init__(
        self,
        guest: Guest,
        client: HttpClient,
        request: HttpRequest,
        size: int,
        guard: Guard | None = None,
        refusal: str | None = None,
    ) -> None:
        self._head_slot = Slot()
        self._upload = Pipe(_BUFFER_BYTES) if request.stream_body else None
        self.download = Pipe(_BUFFER_BYTES)
        self.head: bytes | None = None
        self.failure: str | None = None
        self._guest = guest
        self._held_bytes = 0
        self._hold(size)
        self._task: asyncio.Task[None] | None = asyncio.get_running_loop().create_task(
            self._take_turn(guest, client, request, guard) if refusal is None else self._refuse(refusal)
        )
        self._task.add_done_callback(lambda _task: self._settle())

    async def _refuse(self, refusal: str) -> None:
        self._settle()
        self._fail(refusal)

    async def _take_turn(self, guest: Guest, client: HttpClient, request: HttpRequest, guard: Guard | None) -> None:
        """Waits until the guest, and then its owner, may have another connection."""
        asking.set(guest.owner)
        async with guest.requests, client.connections.place(guest.owner):
            await client.prepare()
            assert client.session is not None
            failure = await self._run(client.session, request, guard)
        self._settle()  # before the guest learns of the end, and may hand over another
        if failure is None:
            self.download.end()
        else:
            self._fail(failure)

    def _hold(self, size: int) -> None:
        self._guest.held_body_bytes += size - self._held_bytes
        self._held_bytes = size

    def _settle(self) -> None:
        """The request is over: what is left is what has come and was not read; nothing, if the guest has closed it."""
        self._hold(0 if self._task is None else len(self.head or b"") + self.download.buffered)

    async def _run(self, session: aiohttp.ClientSession, request: HttpRequest, guard: Guard | None) -> str | None:
        """The whole exchange: None when it is complete or the guest has closed it, else why it failed."""
        try:
            if guard is not None:
                request = await guard.applied(request)
            decodes = request.decode or guard is not None
            headers = request.headers
            if decodes and not any(name.lower() == "accept-encoding" for name, _ in headers):
                headers = [*headers, ("Accept-Encoding", ACCEPTED)]
            body: bytes | AsyncIterator[bytes] | None = request.body
            length = request.stream_bytes
            if self._upload is not None:
                body = self._uploaded(self._upload, length)
            elif request.body is not None and len(request.body) > _BUFFER_BYTES:
                body, length = _in_pieces(request.body), len(request.body)
            if length is not None:
                headers = [*headers, ("Content-Length", str(length))]
            async with session.request(
                request.method, request.url, headers=headers, data=body, allow_redirects=False
            ) as response:
                head = await _encode_head(response, guard)
                if len(head) > MAX_HEAD_BYTES:
                    return TOO_LARGE
                if self._guest.held_body_bytes + len(head) > self._guest.limits.held_body_bytes:
                    return "too much is kept for this program already: responses that nobody has read"
                self._hold(self._held_bytes + len(head))
                self.head = head
                self._head_slot.wake()
                chunks: AsyncIterator[bytes] = response.content.iter_any()
                if decodes:
                    decoders = decoders_of(",".join(response.headers.getall("Content-Encoding", ())))
                    if guard is not None and (decoders is None or not guard.can_see_through(response.headers)):
                        return "the answer has a coding in which a credential could not be seen"
                    for decoder in decoders or ():
                        chunks = decode(decoder, chunks)
                if guard is not None:
                    chunks = guard.cleaned(chunks)
                async for chunk in chunks:
                    await self.download.write(chunk)
        except PipeBroken:
            pass  # the guest has closed it
        except (UndecodableBody, CredentialRefused) as error:
            return str(error)
        except Exception as error:  # whatever the library raises becomes the guest's network error
            cause = error.__cause__
            return str(cause) if isinstance(cause, WrongLength) else describe_failure(error, quote=guard is None)
        return None

    @staticmethod
    async def _uploaded(upload: Pipe, promised: int | None) -> AsyncIterator[bytes]:
        """The streamed body; raising ends the connection, so that nobody takes what follows for the rest of it."""
        sent = 0
        while chunk := await upload.read():
            sent += len(chunk)
            if promised is not None and sent > promised:
                raise WrongLength(f"the request body has more than the {promised} bytes of its content-length")
            yield chunk
        if promised is not None and sent < promised:
            raise WrongLength(f"the request body has {sent} bytes, and its content-length is {promised}")

    def _fail(self, text: str) -> None:
        self.failure = text
        if self._upload is not None:
            self._upload.break_()
        self.download.fail()
        self._head_slot.wake()

    @property
    def waiting(self) -> bool:
        pipes = (self.download, self._upload)
        return not self._head_slot.empty or any(pipe is not None and not pipe.guest_slot.empty for pipe in pipes)

    def poll_head(self, guest: Guest, task: int, waker: int) -> bytes | int:
        """The encoded head, ``PENDING``, or an error whose text is in ``failure``."""
        if self.head is not None:
            return self.head
        if self.failure is not None:
            return _IO_ERROR
        self._head_slot.set(guest.registration(task, waker))
        return PENDING

    def read(self, guest: Guest, task: int, waker: int, pointer: int, length: int) -> int:
        return self.download.try_read(guest, task, waker, pointer, length)

    def write(self, guest: Guest, task: int, waker: int, pointer: int, length: int) -> int:
        if self._upload is None:
            return _IO_ERROR
        return self._upload.try_write(guest, task, waker, pointer, length)

    def shutdown(self, guest: Guest, task: int, waker: int) -> int:
        if self._upload is not None:
            self._upload.end()
        return 0

    def close(self) -> None:
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
        else:
            self._hold(0)
        self._head_slot.drop()
        self.download.guest_slot.drop()
        self.download.break_()
        if self._upload is not None:
            self._upload.guest_slot.drop()


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A large body, so that the loop is not kept, and what the other side does not read is not copied."""
    for start in range(0, len(body), _BUFFER_BYTES):
        yield body[start : start + _BUFFER_BYTES]


async def _encode_head(response: aiohttp.ClientResponse, guard: Guard | None) -> bytes:
    """u16 status, u16 HTTP version (minor), u32 length of the reason, u32 length of the headers; then both.

    Headers are ``name NUL value`` pairs joined by NUL, names in lower case, in the order of arrival.
    """
    reason = (response.reason or "").encode("latin-1", "replace")
    pairs = [(name.lower(), value) for name, value in response.raw_headers]
    if guard is not None:
        pairs = await guard.clean_headers(pairs, head=response.method == "HEAD")
        reason = await guard.clean(reason)
    headers = b"\0".join(part for pair in pairs for part in pair)
    minor = response.version.minor if response.version is not None else 1
    return _HEAD(response.status, minor, len(reason), len(headers)) + reason + headers
