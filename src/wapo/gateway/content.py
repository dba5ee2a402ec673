"""Content over HTTP: blocks and archives for other nodes, and publishing for the operator."""

import hmac
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from wapo.content.cid import Cid
from wapo.content.trustless import CAR_TYPE, RAW_TYPE, Answer, answer, parse_request
from wapo.errors import CallerError, WapoError
from wapo.gateway.logs import bearer_token
from wapo.gateway.replies import Headers, Reply, Scope, Send, common_headers, error_reply, json_reply
from wapo.node.node import Node

__all__ = ["ContentRoutes"]

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


class ContentRoutes:
    """Endpoints for content."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @staticmethod
    def wants_blocks(headers: Headers) -> str | None:
        """The Accept header, if it asks for blocks or archives and not for the agent. Clients that want them send it;
        a query parameter ``format`` may be the agent's own."""
        for name, value in headers:
            if name == b"accept" and any(kind in value for kind in _TYPES):
                return value.decode("latin-1")
        return None

    async def blocks(self, scope: Scope, send: Send, request_id: str, started: float, path: str, accept: str) -> None:
        """Answers from the local store only. ``path`` is what follows ``/ipfs/``, decoded."""
        head = scope["method"] == "HEAD"
        try:
            cid_text, _, rest = path.partition("/")
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            asked = parse_request(Cid.parse(cid_text), rest.split("/") if rest else (), query, accept)
            assert asked is not None
            found = await answer(asked, self._node.library.blocks)
        except WapoError as error:
            await error_reply(error, request_id).send(send, request_id, started, head=head)
            return
        await _send_answer(found, send, request_id, started, head)

    async def publish(self, request: Request) -> Reply:
        """``POST /ipfs``: the program as the body, or as a form's part ``file``. Answers ``{"uri", "cid"}``."""
        token = bearer_token(request)
        if token is None or not hmac.compare_digest(token.encode(), self._node.operator_token.encode()):
            raise PublishForbidden("publishing needs the operator's token, as Authorization: Bearer <token>")
        limit = self._node.settings.limits.program_bytes
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=1, max_fields=4) as form:
                part = form.get("file")
                if part is None or isinstance(part, str):
                    raise NothingToPublish("the form has no part named file")
                data = await part.read(limit + 1)
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
            raise ProgramTooLarge(f"the program is larger than {limit} bytes")
        cid = await self._node.library.publish(data)
        return json_reply(200, {"uri": f"ipfs://{cid}", "cid": str(cid)})


async def _send_answer(found: Answer, send: Send, request_id: str, started: float, head: bool) -> None:
    headers: Headers = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
    if found.length is not None:
        headers.append((b"content-length", b"%d" % found.length))
    headers += common_headers(request_id, started)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if not head:
        body: AsyncIterator[bytes] = found.body
        async for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
