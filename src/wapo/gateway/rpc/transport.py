"""One call over HTTP (node-and-gateway 2.3): its mode, its argument, its result or its error. No I/O: a request's parts
come in, a reply goes out."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from google.protobuf.message import DecodeError

from wapo.errors import HostError, WapoError
from wapo.gateway.replies import Headers, Reply, text_reply
from wapo.gateway.rpc.json_form import UndecodableMessage, from_json, to_json
from wapo.gateway.rpc.schema import MESSAGES, Message
from wapo.log import Log

__all__ = ["Method", "Methods", "Mode", "answer", "body_limit", "mode_of"]

DEFAULT_LIMIT_BYTES: Final = 10 << 20
_JSON: Final = b"application/json"
_BINARY: Final = b"application/octet-stream"
_TRUE: Final = ("", "true", "on", "yes")
_FALSE: Final = ("false", "off", "no")
_log = Log("wapo.rpc")


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        argument, result: names of messages.
        call: does it.
        reads_only: whether it changes nothing, and so may be a GET.
        limit_bytes: of the encoded argument.
        doing: what failed, in front of the cause of a failure; empty: the cause alone.
    """

    argument: str
    result: str
    call: Callable[[Message], Awaitable[Message]]
    reads_only: bool = False
    limit_bytes: int = DEFAULT_LIMIT_BYTES
    doing: str = ""


Methods = Mapping[str, Method]
"""By full name: ``Service.Method``."""


class Mode:
    """How a call is written: ``json`` or protobuf."""

    def __init__(self, *, json: bool) -> None:
        self.json = json


def mode_of(http_method: str, query_string: bytes, headers: Headers) -> Mode | None:
    """The mode of a call; None if the query says something that is neither yes nor no."""
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        if name == "json":
            if value.lower() in _TRUE:
                return Mode(json=True)
            if value.lower() not in _FALSE:
                return None
            break
    if http_method in ("GET", "HEAD"):
        return Mode(json=True)
    content_types = [value for name, value in headers if name == b"content-type"]
    return Mode(json=any(value.split(b";")[0].strip().lower() == _JSON for value in content_types))


def body_limit(methods: Methods, name: str) -> int:
    """Bytes that the argument of a call may have."""
    method = methods.get(name)
    return method.limit_bytes if method is not None else DEFAULT_LIMIT_BYTES


async def answer(methods: Methods, name: str, http_method: str, mode: Mode, body: bytes) -> Reply:
    """Makes a call. Every failure is a reply."""
    method = methods.get(name)
    if method is None:
        return _failure(mode, 404, "method Not Found")
    if http_method in ("GET", "HEAD") and not method.reads_only:
        reply = text_reply(405, f"405 Method Not Allowed: {name} changes something; use POST")
        reply.headers.append((b"allow", b"POST"))
        return reply
    try:
        argument = _decode(method.argument, mode, b"" if http_method in ("GET", "HEAD") else body)
    except UndecodableMessage as error:
        return _failure(mode, 400, f"DecodeError({error})", error.code)
    try:
        result = await method.call(argument)
    except WapoError as error:
        if isinstance(error, HostError):
            _log.error("a call failed", method=name, code=error.code, cause=str(error))
        return _failure(mode, 400, _chain(method.doing, str(error)), error.code)
    except Exception:
        _log.exception("a call failed unexpectedly", method=name)
        return _failure(mode, 500, "internal error")
    return _success(method.result, mode, result)


def _decode(name: str, mode: Mode, body: bytes) -> Message:
    if name == "Empty":
        return MESSAGES[name]()
    if mode.json:
        return from_json(name, body)
    try:
        return MESSAGES[name].FromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise UndecodableMessage(f"not a {name} message: {error}") from None


def _success(name: str, mode: Mode, result: Message) -> Reply:
    if mode.json:
        value: Any = None if name == "Empty" else to_json(name, result)
        return Reply(200, _JSON, msgspec.json.encode(value))
    return Reply(200, _BINARY, result.SerializeToString())


def _failure(mode: Mode, status: int, text: str, code: str | None = None) -> Reply:
    headers: Headers = [(b"x-wapo-error", code.encode())] if code is not None else []
    if mode.json:
        return Reply(status, _JSON, json.dumps({"error": text}, indent=2, ensure_ascii=False).encode(), headers)
    return Reply(status, _BINARY, MESSAGES["Error"](message=text).SerializeToString(), headers)


def _chain(outer: str, cause: str) -> str:
    """An error and its cause, as the original's debug form shows them."""
    return f"{outer}\n\nCaused by:\n    {cause}" if outer else cause
