"""``GET /logs/all/<script id>`` (node-and-gateway 1.5): for whoever has a token of the program, or the operator's."""

import hmac
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request

from wapo.errors import CallerError
from wapo.gateway.replies import Reply, json_reply
from wapo.node.logs import LogRecord
from wapo.node.node import Node
from wapo.node.programs import LOCAL

__all__ = ["LogRoutes", "bearer_token", "is_operator", "iso_time", "text_line"]

_MAX: Final = 100

#: Everything that anybody might take for the end of a line (Unicode, as ``str.splitlines`` has it).
_LINE_ENDS: Final = str.maketrans(
    {"\n": "\\n", "\r": "\\r", "\v": "\\v", "\f": "\\f"}
    | {c: f"\\u{ord(c):04x}" for c in "\x1c\x1d\x1e\x85\u2028\u2029"}
)


class LogsForbidden(CallerError):
    """The logs of a program are its owner's."""

    code = "logs_forbidden"
    status = 401


class InvalidLogQuery(CallerError):
    """A query parameter is out of range."""

    code = "bad_log_query"
    status = 400


def is_operator(request: Request, node: Node) -> bool:
    """Whether a request has the operator's token."""
    token = bearer_token(request)
    return token is not None and hmac.compare_digest(token.encode(), node.operator_token.encode())


def bearer_token(request: Request) -> str | None:
    """The token of an ``Authorization: Bearer`` header (RFC 6750), or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def iso_time(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds and a Z."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def text_line(record: LogRecord) -> str:
    """One record on one line, whatever is in its message."""
    message = record.message.translate(_LINE_ENDS)
    return f"{iso_time(record.time_ms)} [{record.request_id}] [{record.level}] {message}"


class LogRoutes:
    """Endpoints for logs."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def read(self, request: Request) -> Reply:
        script_id: str = request.path_params["script_id"]
        if script_id != LOCAL and not script_id.startswith("ipfs/"):
            raise InvalidLogQuery("a script id is ipfs/<cid> or local")
        identity = await self._node.programs.identity_of(script_id)
        await self._authorise(request, identity)
        query = request.query_params
        form = query.get("format", "text")
        if form not in ("text", "json"):
            raise InvalidLogQuery("format is text or json")
        records = await self._node.logs.read(
            identity,
            limit=_number(query.get("limit"), "limit", _MAX),
            page=_number(query.get("page"), "page", 1),
            request_id=query.get("requestId"),
        )
        if form == "json":
            return json_reply(200, [
                {"script_id": script_id, "request_id": r.request_id, "level": r.level, "message": r.message,
                 "created_at": iso_time(r.time_ms)}
                for r in records
            ])  # fmt: skip
        lines = "\n".join(text_line(record) for record in records)
        return Reply(200, b"text/plain; charset=UTF-8", f"{lines}\n".encode())

    async def _authorise(self, request: Request, identity: str) -> None:
        if identity == LOCAL or self._node.settings.public_logs:
            return
        if is_operator(request, self._node):
            return
        token = bearer_token(request)
        if token is not None and await self._node.vaults.owns(identity, token):
            return
        raise LogsForbidden(
            "the logs of a program are for its owner: send a vault token of it, or the operator's token, as "
            "Authorization: Bearer <token>"
        )


def _number(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MAX)) or not 1 <= int(text) <= _MAX:
        raise InvalidLogQuery(f"{name} is a number from 1 to {_MAX}")
    return int(text)
