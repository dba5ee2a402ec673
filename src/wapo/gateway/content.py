"""Content over HTTP: blocks and archives for other nodes, and publishing for the operator."""

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException
from starlette.requests import Request

from wapo.content.cid import Cid
from wapo.content.errors import InvalidTrustlessRequest
from wapo.content.trustless import CAR_TYPE, RAW_TYPE, Answer, answer, parse_request
from wapo.errors import CallerError, WapoError
from wapo.gateway.cors import add_defaults
from wapo.gateway.logs import is_operator
from wapo.gateway.paths import ContentPath
from wapo.gateway.replies import (
    Headers,
    Reply,
    ResponseCut,
    Scope,
    Send,
    common_headers,
    failure_reply,
    json_reply,
)
from wapo.node.node import Node

__all__ = ["ContentRoutes"]

_TOO_LARGE: Final = "the program is larger than {} bytes"
_TYPES: Final = (RAW_TYPE.encode(), CAR_TYPE.encode())


class PublishForbidden(CallerError):
    """Publishing is for the operator."""

    code = "publish_forbidden"
    status = 401


class ProgramTooLarge(CallerError):
    """The program is larger than the node allows."""

    code = "program_too_large"
    status = 413


class NothingToPublish(CallerError):
    """There is no program in the request."""

    code = "nothing_to_publish"
    status = 400


class MalformedForm(CallerError):
    """The form is not what its Content-Type says."""

    code = "bad_form"
    status = 400


class ContentRoutes:
    """Endpoints for content."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @staticmethod
    def wants_blocks(headers: Headers) -> str | None:
        """The Accept header, if it asks for blocks or archives and not for the agent. Clients that want them send it;
        a query parameter ``format`` may be the agent's own."""
        for name, value in headers:
            if name == b"accept" and value != b"*/*" and any(kind in value for kind in _TYPES):
                return value.decode("latin-1")
        return None

    async def blocks(self, scope: Scope, send: Send, request_id: str, started: float, path: bytes, accept: str) -> None:
        """Answers from the local store only. ``path`` is what follows ``/ipfs/``, as sent."""
        head = scope["method"] == "HEAD"
        try:
            where = ContentPath.parse(path)
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            asked = parse_request(Cid.parse(where.cid), where.segments, query, accept)
            if asked is None:
                raise InvalidTrustlessRequest("blocks are asked for as raw or car, by the Accept header or by format")
            found = await answer(asked, self._node.library.blocks)
        except Exception as error:
            reply = failure_reply(error, request_id)
            add_defaults(reply.headers, error=True)
            await reply.send(send, request_id, started, head=head)
            return
        await _send_answer(found, send, request_id, started, head)

    async def publish(self, request: Request) -> Reply:
        """``POST /ipfs``: the program as the body, or as a form's part ``file``. Answers ``{"uri", "cid"}``."""
        if not is_operator(request, self._node):
            raise PublishForbidden("publishing needs the operator's token, as Authorization: Bearer <token>")
        limit = self._node.settings.limits.program_bytes
        if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            data = await _form_file(request, limit)
        else:
            buffer = bytearray()
            async for chunk in request.stream():
                buffer += chunk
                if len(buffer) > limit:
                    break
            data = bytes(buffer)
        if not data:
            raise NothingToPublish("the program is empty")
        if len(data) > limit:
            raise ProgramTooLarge(_TOO_LARGE.format(limit))
        cid = await self._node.library.publish(data)
        return json_reply(200, {"uri": f"ipfs://{cid}", "cid": str(cid)})


async def _form_file(request: Request, limit: int) -> bytes:
    """The part named ``file``; a little more than ``limit`` at most."""
    try:
        async with request.form(max_files=1, max_fields=4, max_part_size=limit + 1) as form:
            part = form.get("file")
            if part is None:
                raise NothingToPublish("the form has no part named file")
            return part.encode() if isinstance(part, str) else await part.read(limit + 1)
    except MultiPartException as error:
        if "exceeded maximum size" in error.message:  # a field; files are bounded above
            raise ProgramTooLarge(_TOO_LARGE.format(limit)) from None
        raise MalformedForm(f"the form cannot be read: {error.message}") from None


async def _send_answer(found: Answer, send: Send, request_id: str, started: float, head: bool) -> None:
    headers: Headers = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
    if found.length is not None:
        headers.append((b"content-length", b"%d" % found.length))
    add_defaults(headers)
    headers += common_headers(request_id, started)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if not head:
        body: AsyncIterator[bytes] = found.body
        try:
            async for piece in body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except WapoError as error:
            raise ResponseCut(f"an archive could not be completed, request {request_id}: {error}") from None
    await send({"type": "http.response.body", "body": b""})
