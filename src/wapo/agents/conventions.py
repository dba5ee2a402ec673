"""What the output of a script means, for the conventions that answer with one (node-and-gateway 1.3.7).

Scripts of the original leave JSON text, MessagePack bytes or a plain object in ``scriptOutput``, or return them:
``{status, headers, body}``. The rules are its NEW ones: the status defaults to 200 where the value has a body or
headers, a bare string that is not JSON is a text body, bodies may be bytes or any JSON value.
"""

import json
from binascii import unhexlify
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


def response_of(kind: OutputKind, data: bytes) -> AgentResponse:
    """The response that an output stands for.

    Raises:
        AgentFailed: there is none, or it does not describe a response.
        UnreadableOutput: bytes that are not MessagePack.
    """
    if kind is OutputKind.NOTHING:
        raise AgentFailed("the script ended without an output")
    if kind is OutputKind.TEXT:
        try:
            if data.startswith(b"0x"):  # engines that handed bytes over as hex text; programs rely on it
                data = unhexlify(data[2:])
                kind = OutputKind.BYTES
            else:
                return _described(_from_json(data))
        except ValueError:
            return _text_response(data)
    if kind is OutputKind.BYTES:
        try:
            value = msgspec.msgpack.decode(data)
        except (ValueError, RecursionError) as error:
            raise UnreadableOutput(f"the script's output is bytes that are not MessagePack: {error}") from None
        return _described(value)
    try:
        return _described(_from_json(data))
    except ValueError as error:
        raise AgentFailed(f"the script's output cannot be read: {error}") from None


def _from_json(data: bytes) -> Any:
    """The value of JSON text as JavaScript writes and reads it.

    Raises:
        ValueError: it is no JSON, or too deep.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError:
        # Half of a character, which JavaScript's strings may have and cut texts do, and numbers beyond a float's range.
        if b"\\u" not in data and b"e" not in data.lower():
            raise
    try:
        return _whole_characters(json.loads(data.decode(), parse_constant=_refuse_constant))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _whole_characters(value: Any) -> Any:
    """A value whose strings have U+FFFD for each half of a character, as ``TextEncoder`` writes them."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(name): _whole_characters(item) for name, item in value.items()}
    return value


def _to_json(value: Any, what: str) -> bytes:
    """
    Raises:
        AgentFailed: MessagePack has values that JSON has not.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise AgentFailed(f"{what} of the script's output cannot be sent as JSON: {error}") from None


def _text_response(data: bytes) -> AgentResponse:
    return AgentResponse(200, [(b"content-type", b"text/plain;charset=UTF-8")], data)


def _described(value: Any) -> AgentResponse:
    if not isinstance(value, dict):
        raise AgentFailed(f"the script's output is {_kind_of(value)}; expected an object with status, headers and body")
    status = value.get("status")
    if status is None or status is False or status == 0:
        if value.get("error") is not None and not value.get("success"):
            raise AgentFailed(f"the script's output is an error: {_to_json(value['error'], 'the error').decode()}")
        if "body" not in value and "headers" not in value:
            raise AgentFailed("the script's output has neither a status nor a body nor headers")
        status = 200
    if isinstance(status, bool) or not isinstance(status, int | float) or status != status:
        raise AgentFailed(f"the status of the script's output is {_kind_of(status)}; expected a number from 200 to 599")
    headers = _headers(value.get("headers"))
    body, content_type = _body(value.get("body"))
    if content_type is not None and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", content_type))
    return AgentResponse(int(min(max(status, 200), 599)), headers, body)


def _body(body: Any) -> tuple[bytes, bytes | None]:
    if body is None:
        return b"", None
    if isinstance(body, str):
        return body.encode(), None
    if isinstance(body, bytes):
        return body, None
    return _to_json(body, "the body"), b"application/json"


def _headers(value: Any) -> list[Header]:
    """Names in lower case; an array as a value repeats the header; what cannot be sent is an error."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise AgentFailed(f"the headers of the script's output are {_kind_of(value)}; expected an object")
    headers: list[Header] = []
    for name, content in value.items():
        for item in content if isinstance(content, list) else [content]:
            text = item.encode() if isinstance(item, str) else _to_json(item, f"header {name!r}")
            pair = (str(name).lower().encode(), text)
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
