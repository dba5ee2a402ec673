"""Request bodies: small ones whole, others streamed with back-pressure, none larger than allowed."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from wapo.abi.results import OcallError
from wapo.agents.run import BODY_BUFFER_BYTES
from wapo.errors import CallerError
from wapo.gateway.replies import Headers, Receive
from wapo.vm.resources.pipe import Pipe, PipeBroken

__all__ = ["ClientGone", "Intake", "RequestTooLarge", "has_body", "take_body"]

_INLINE_BYTES: Final = 64 << 10
_LENGTH_DIGITS: Final = 19


class RequestTooLarge(CallerError):
    """The request's body is larger than the node allows."""

    code = "request_too_large"
    status = 413


class InvalidLength(CallerError):
    """The Content-Length is not a number."""

    code = "invalid_content_length"
    status = 400


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(slots=True)
class Intake:
    """What there is of a body. ``stream`` gets the rest, fed by ``pump``; ``oversized`` tells that the pump had to cut
    it, and that the request has failed by that, whatever the agent makes of it. ``digest`` (SHA-256), where somebody
    wants one, is of what the pump has taken."""

    body: bytes | None = None
    stream: Pipe | None = None
    pump: "asyncio.Task[None] | None" = None
    oversized: bool = False
    complete: bool = True
    digest: "hashlib._Hash | None" = None

    def close(self) -> None:
        """Nothing more is taken. An agent that reads on, in its ``waitUntil`` work say, is told so."""
        if self.pump is not None:
            self.pump.cancel()
        if self.stream is not None and not self.stream.ended:
            self.stream.fail()


def _declared(headers: Headers) -> tuple[int | None, bool]:
    """Content-Length, and whether there is a Transfer-Encoding."""
    length, chunked = None, False
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit() or len(value) > _LENGTH_DIGITS:
                raise InvalidLength("the Content-Length is not a number of bytes")
            length = int(value)
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked


def has_body(headers: Headers) -> bool:
    """Whether a body was announced."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)


async def take_body(headers: Headers, receive: Receive, limit: int, *, hashed: bool = False) -> Intake:
    """The body of a request, as it was declared; ``hashed`` as it is taken if that is not at once.

    Raises:
        RequestTooLarge: it is declared larger than ``limit``.
        ClientGone: the client went away while a small body was read.
    """
    length, chunked = _declared(headers)
    if length is not None and length > limit:
        raise RequestTooLarge(f"the request body has {length} bytes; at most {limit} are allowed")
    if length is None and not chunked:
        return Intake()
    if length is not None and length <= _INLINE_BYTES:
        parts = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return Intake(b"".join(parts))
    intake = Intake(stream=Pipe(BODY_BUFFER_BYTES), complete=False, digest=hashlib.sha256() if hashed else None)
    intake.pump = asyncio.get_running_loop().create_task(_pump(intake, receive, limit))
    return intake


async def _pump(intake: Intake, receive: Receive, limit: int) -> None:
    """Feeds the stream until the body ends, is too large, or nobody reads it any more."""
    assert intake.stream is not None
    taken = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            intake.stream.fail()
            return
        data = message.get("body", b"")
        taken += len(data)
        if intake.digest is not None:
            intake.digest.update(data)
        if taken > limit:
            intake.oversized = True
            intake.stream.fail(OcallError.RESOURCE_LIMITED)
            return
        try:
            if data and not intake.stream.broken:
                await intake.stream.write(data)
        except PipeBroken:
            pass  # the agent does not want it; the rest is read and dropped, so that the connection stays in step
        if not message.get("more_body", False):
            intake.complete = True
            intake.stream.end()
            return
