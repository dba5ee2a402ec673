"""What the output of a script means, for the conventions that answer with one (node-and-gateway 1.3.7).

Scripts of the original leave JSON text, MessagePack bytes or a plain object in ``scriptOutput``, or return them:
``{status, headers, body}``. The rules are its NEW ones: the status defaults to 200 where the value has a body or
headers, a bare string that is not JSON is a text body, bodies may be bytes or any JSON value.

An output is a stranger's: three bytes of it can be sixty in our memory once they are objects, and nothing interrupts
the decoder. So only the members of the outermost object are taken apart, the body stays the bytes that it is, and what
has very many parts is refused.
"""

import json
from binascii import unhexlify
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
_JSON_KINDS: Final = {b'"': "a string", b"[": "an array", b"t": "a boolean", b"f": "a boolean", b"n": "null"}
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def response_of(kind: OutputKind, data: bytes) -> AgentResponse:
    """The response that an output stands for.

    Raises:
        AgentFailed: there is none, or it does not describe a response.
        UnreadableOutput: bytes that are not MessagePack.
    """
    if kind is OutputKind.NOTHING:
        raise AgentFailed("the script ended without an output")
    if kind is OutputKind.TEXT and data.startswith(b"0x"):  # as engines handed bytes over; programs rely on it
        try:
            data = unhexlify(data[2:])
        except ValueError:
            return _text_response(data)
        kind = OutputKind.BYTES
    if kind is OutputKind.BYTES:
        return _messagepack_response(data)
    mended = _as_json(data)
    if mended is not None:
        return _json_response(mended)
    if kind is OutputKind.TEXT:
        return _text_response(data)
    raise AgentFailed("the script's output cannot be read: it is not JSON")


def _text_response(data: bytes) -> AgentResponse:
    return AgentResponse(200, [(b"content-type", b"text/plain;charset=UTF-8")], data)


def _as_json(data: bytes) -> bytes | None:
    """JSON text as JavaScript reads it, in a form that everybody reads; None if it is none."""
    _check_parts(data)
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except _UNDECODABLE:
        pass
    else:
        if b"\\ud" not in data and b"\\uD" not in data:
            return data
    return _mended(data)


def _mended(data: bytes) -> bytes | None:
    """Without halves of characters, which JavaScript's strings may have and cut texts do."""
    try:
        value = json.loads(data.decode(), parse_constant=_refuse_constant)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_parts(data: bytes) -> None:
    if len(data) > _MAX_JSON_PARTS and sum(map(data.count, _JSON_PARTS)) > _MAX_JSON_PARTS:
        raise AgentFailed("the script's output has too many parts; return a Response instead")


def _json_response(data: bytes) -> AgentResponse:
    try:
        output = msgspec.json.decode(data, type=_Output)
    except msgspec.ValidationError:
        raise _no_object(_JSON_KINDS.get(data.lstrip()[:1], "a number")) from None
    except _UNDECODABLE as error:
        raise AgentFailed(f"the script's output cannot be read: {error}") from None
    body, content_type = _json_body(bytes(output.body))
    return _described(output, msgspec.json.decode, body, content_type)


def _no_object(kind: str) -> AgentFailed:
    return AgentFailed(f"the script's output is {kind}; expected an object with status, headers and body")


def _messagepack_kind(first: int) -> str:
    """What a MessagePack value is that is no map, by its first byte (the formats of its specification)."""
    if _is_messagepack_bytes(first):
        return "bytes" if 0xC4 <= first <= 0xC6 else "a string"
    if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
        return "an array"
    return {0xC0: "null", 0xC2: "a boolean", 0xC3: "a boolean"}.get(first, "a number")


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
    except msgspec.ValidationError:
        raise _no_object(_messagepack_kind(data[0])) from None
    except _UNDECODABLE as error:
        raise UnreadableOutput(f"the script's output is bytes that are not MessagePack: {error}") from None
    body, content_type = _messagepack_body(bytes(output.body))
    return _described(output, msgspec.msgpack.decode, body, content_type)


def _messagepack_body(raw: bytes) -> tuple[bytes, bytes | None]:
    if not raw:
        return b"", None
    try:
        if _is_messagepack_text(raw[0]):
            return msgspec.msgpack.decode(raw, type=str).encode(), None
        if _is_messagepack_bytes(raw[0]):
            text: str | bytes = msgspec.msgpack.decode(raw)
            return (text.encode() if isinstance(text, str) else text), None
        if len(raw) > _MAX_STRUCTURE_BYTES:
            raise AgentFailed("the body of the script's output is a large structure; return a Response instead")
        body = msgspec.msgpack.decode(raw)
    except (*_UNDECODABLE, ValueError) as error:
        raise AgentFailed(f"the body of the script's output cannot be read: {error}") from None
    try:
        return (b"", None) if body is None else (msgspec.json.encode(body), b"application/json")
    except (TypeError, ValueError, RecursionError) as error:
        raise AgentFailed(f"the body of the script's output cannot be sent as JSON: {error}") from None


def _is_messagepack_text(first: int) -> bool:
    """str formats: https://github.com/msgpack/msgpack/blob/master/spec.md."""
    return 0xA0 <= first <= 0xBF or 0xD9 <= first <= 0xDB


def _is_messagepack_bytes(first: int) -> bool:
    """bin formats."""
    return 0xC4 <= first <= 0xC6


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
    if isinstance(status, bool) or not isinstance(status, int | float) or status != status:
        raise AgentFailed(f"the status of the script's output is {_kind_of(status)}; expected a number from 200 to 599")
    headers = _headers(_member(output.headers, decode, _MAX_HEADERS_BYTES, "headers"))
    if content_type is not None and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", content_type))
    return AgentResponse(int(min(max(status, 200), 599)), headers, body)


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
    """Without those that belong to the connection and not to the response (RFC 9110 7.6.1), names in lower case.

    The guest's own names are; but that is its word, and ``Transfer-Encoding`` beside our length would split answers.
    """
    return [(lower, value) for name, value in headers if (lower := name.lower()) not in _HOP_BY_HOP]


def _kind_of(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string",
             list: "an array", dict: "an object", bytes: "bytes"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
