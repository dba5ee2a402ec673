"""What the output of a script means, for the conventions that answer with one (node-and-gateway 1.3.7).

Scripts of the original leave JSON text, MessagePack bytes or a plain object in ``scriptOutput``, or return them:
``{status, headers, body}``. The rules are its NEW ones: the status defaults to 200 where the value has a body or
headers, a bare string that is not JSON is a text body, bodies may be bytes or any JSON value.

An output is a stranger's: three bytes of it can be sixty in our memory once they are objects, and nothing interrupts
the decoder. So only the members of the outermost object are taken apart, the body stays the bytes that it is, and what
has very many parts is refused.
"""

import math
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import msgspec

from wapo.agents.messages import AgentFailed, AgentResponse, Header, UnreadableOutput
from wapo.vm.http_client import valid_header

__all__ = ["OutputKind", "clean_headers", "response_of"]

_HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
     b"content-length")
)  # fmt: skip


class OutputKind(IntEnum):
    """How the guest hands an output over (docs/abi.md, 1004)."""

    NOTHING = 0
    JSON = 1
    """JSON text of a value that is neither a string nor bytes."""
    TEXT = 2
    BYTES = 3


class _Output(msgspec.Struct):
    """The members that matter, still encoded; empty where there is none."""

    status: msgspec.Raw = msgspec.Raw()
    headers: msgspec.Raw = msgspec.Raw()
    body: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    success: msgspec.Raw = msgspec.Raw()


#: About 10 ns each; commas and backslashes inside strings count too, because telling them apart is the work itself.
_MAX_JSON_PARTS: Final = 4_000_000
_JSON_PARTS: Final = (b"[", b"{", b",", b"\\")
_MAX_MESSAGEPACK_BYTES: Final = 32 << 20
_MAX_HEADERS_BYTES: Final = 256 << 10
_MAX_STRUCTURE_BYTES: Final = 1 << 20
_MAX_NUMBER_BYTES: Final = 64
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def response_of(kind: OutputKind, data: bytes) -> AgentResponse:
    """The response that an output stands for.

    Raises:
        AgentFailed: there is none, or it does not describe a response.
        UnreadableOutput: bytes that are not MessagePack.
    """
    if kind is OutputKind.NOTHING:
        raise AgentFailed("the script ended without an output")
    if kind is OutputKind.TEXT:
        if data.startswith(b"0x"):  # engines that handed bytes over as hex text; programs rely on it
            try:
                data = bytes.fromhex(data[2:].decode("ascii"))
            except ValueError:
                return _text_response(data)
            kind = OutputKind.BYTES
        elif not _is_json(data):
            return _text_response(data)
    return _messagepack_response(data) if kind is OutputKind.BYTES else _json_response(data)


def _text_response(data: bytes) -> AgentResponse:
    return AgentResponse(200, [(b"content-type", b"text/plain;charset=UTF-8")], data)


def _is_json(data: bytes) -> bool:
    _check_parts(data)
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except _UNDECODABLE:
        return False
    return True


def _check_parts(data: bytes) -> None:
    if len(data) > _MAX_JSON_PARTS and sum(map(data.count, _JSON_PARTS)) > _MAX_JSON_PARTS:
        raise AgentFailed("the script's output has too many parts; return a Response instead")


def _json_response(data: bytes) -> AgentResponse:
    _check_parts(data)
    try:
        output = msgspec.json.decode(data, type=_Output)
    except msgspec.ValidationError as error:
        raise AgentFailed(f"the script's output is no object with status, headers and body: {error}") from None
    except _UNDECODABLE as error:
        raise AgentFailed(f"the script's output cannot be read: {error}") from None
    body, content_type = _json_body(bytes(output.body))
    return _described(output, msgspec.json.decode, body, content_type)


def _json_body(raw: bytes) -> tuple[bytes, bytes | None]:
    """A string is the body itself; any other value is sent as the JSON that it is."""
    if raw in (b"", b"null"):
        return b"", None
    if not raw.startswith(b'"'):
        return raw, b"application/json"
    try:
        return msgspec.json.decode(raw, type=str).encode(), None
    except _UNDECODABLE as error:
        raise AgentFailed(f"the body of the script's output cannot be read: {error}") from None


def _messagepack_response(data: bytes) -> AgentResponse:
    if len(data) > _MAX_MESSAGEPACK_BYTES:
        raise AgentFailed(f"the script's output has {len(data)} bytes of MessagePack; return a Response instead")
    try:
        output = msgspec.msgpack.decode(data, type=_Output)
    except msgspec.ValidationError as error:
        raise AgentFailed(f"the script's output is no object with status, headers and body: {error}") from None
    except _UNDECODABLE as error:
        raise UnreadableOutput(f"the script's output is bytes that are not MessagePack: {error}") from None
    body, content_type = _messagepack_body(bytes(output.body))
    return _described(output, msgspec.msgpack.decode, body, content_type)


def _messagepack_body(raw: bytes) -> tuple[bytes, bytes | None]:
    if not raw:
        return b"", None
    try:
        if _is_messagepack_bytes(raw[0]):
            return msgspec.msgpack.decode(raw, type=bytes), None
        if len(raw) > _MAX_STRUCTURE_BYTES:
            raise AgentFailed("the body of the script's output is a large structure; return a Response instead")
        body = msgspec.msgpack.decode(raw)
        return (b"", None) if body is None else (msgspec.json.encode(body), b"application/json")
    except (*_UNDECODABLE, TypeError, ValueError) as error:
        raise AgentFailed(f"the body of the script's output cannot be read: {error}") from None


def _is_messagepack_bytes(first: int) -> bool:
    """str and bin formats: https://github.com/msgpack/msgpack/blob/master/spec.md."""
    return 0xA0 <= first <= 0xBF or 0xC4 <= first <= 0xC6 or 0xD9 <= first <= 0xDB


Decode = Callable[[bytes], Any]


def _described(output: _Output, decode: Decode, body: bytes, content_type: bytes | None) -> AgentResponse:
    status = _member(output.status, decode, _MAX_NUMBER_BYTES, "status")
    if status is None or status is False or status == 0:
        error = _member(output.error, decode, _MAX_STRUCTURE_BYTES, "error")
        if error is not None and not _member(output.success, decode, _MAX_STRUCTURE_BYTES, "success"):
            raise AgentFailed(f"the script's output is an error: {_shown(error)}")
        if not output.body and not output.headers:
            raise AgentFailed("the script's output has neither a status nor a body nor headers")
        status = 200
    if isinstance(status, bool) or not isinstance(status, int | float) or not math.isfinite(status):
        raise AgentFailed(f"the status of the script's output is {_kind_of(status)}; expected a number from 200 to 599")
    headers = _headers(_member(output.headers, decode, _MAX_HEADERS_BYTES, "headers"))
    if content_type is not None and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", content_type))
    return AgentResponse(min(max(int(status), 200), 599), headers, body)


def _member(raw: msgspec.Raw, decode: Decode, limit: int, name: str) -> Any:
    """A member's value; None if it is not there."""
    data = bytes(raw)
    if not data:
        return None
    if len(data) > limit:
        raise AgentFailed(f"the {name} of the script's output is too large")
    try:
        return decode(data)
    except _UNDECODABLE as error:
        raise AgentFailed(f"the {name} of the script's output cannot be read: {error}") from None


def _shown(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return _kind_of(value)


def _headers(value: Any) -> list[Header]:
    """Names in lower case; an array as a value repeats the header; what cannot be sent is an error."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise AgentFailed(f"the headers of the script's output are {_kind_of(value)}; expected an object")
    headers: list[Header] = []
    for name, content in value.items():
        for item in content if isinstance(content, list) else [content]:
            pair = (str(name).lower().encode(), (item if isinstance(item, str) else _shown(item)).encode())
            if not valid_header(*pair):
                raise AgentFailed(f"the script's output has an illegal header {name!r}")
            headers.append(pair)
    return clean_headers(headers)


def clean_headers(headers: list[Header]) -> list[Header]:
    """Without those that belong to the connection and not to the response (RFC 9110 7.6.1)."""
    return [header for header in headers if header[0] not in _HOP_BY_HOP]


def _kind_of(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string",
             list: "an array", dict: "an object", bytes: "bytes"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
