"""Messages as JSON (node-and-gateway 2.4): snake_case names, bytes as ``0x`` and hex, 64-bit integers as numbers."""

import binascii
from typing import Any, Final

import msgspec

from wapo.errors import CallerError
from wapo.gateway.rpc.schema import FIELDS, MESSAGES, Message

__all__ = ["UndecodableMessage", "from_json", "to_json"]

_MAXIMA: Final = {"u32": (1 << 32) - 1, "u64": (1 << 64) - 1}


class UndecodableMessage(CallerError):
    """The argument of a call is not the message that the method takes."""

    code = "undecodable_message"


def to_json(name: str, message: Message) -> Any:
    """The message as a JSON value: all fields, an absent message as ``null``."""
    return {field: _shown(message, field, kind) for field, kind, _ in FIELDS[name]}


def _shown(message: Message, field: str, kind: str) -> Any:
    value = getattr(message, field)
    if kind.startswith("repeated "):
        return [_value_shown(item, kind.removeprefix("repeated ")) for item in value]
    if kind in FIELDS and not message.HasField(field):
        return None
    return _value_shown(value, kind)


def _value_shown(value: Any, kind: str) -> Any:
    if kind == "bytes":
        return "0x" + value.hex()
    return to_json(kind, value) if kind in FIELDS else value


def from_json(name: str, data: bytes) -> Message:
    """The message of a JSON text; the default one for an empty text.

    Raises:
        UndecodableMessage: says where, and what is expected.
    """
    if not data.strip():
        return MESSAGES[name]()
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableMessage(f"not JSON: {error}") from None
    return _message(name, value, name)


def _message(name: str, value: Any, where: str) -> Message:
    if name == "StringPair" and isinstance(value, list):  # as old deploy scripts write them
        if len(value) != 2:
            raise UndecodableMessage(f"{where}: a pair has two strings")
        value = {"key": value[0], "value": value[1]}
    if not isinstance(value, dict):
        raise UndecodableMessage(f"{where}: expected an object")
    message = MESSAGES[name]()
    for field, kind, _ in FIELDS[name]:
        if field in value:
            _set(message, field, kind, value[field], f"{where}.{field}")
    return message


def _set(message: Message, field: str, kind: str, value: Any, where: str) -> None:
    if kind.startswith("repeated "):
        if not isinstance(value, list):
            raise UndecodableMessage(f"{where}: expected an array")
        kind = kind.removeprefix("repeated ")
        items = [_value(kind, item, f"{where}[{index}]") for index, item in enumerate(value)]
        getattr(message, field).extend(items)
    elif kind in FIELDS:
        if value is not None:
            getattr(message, field).CopyFrom(_message(kind, value, where))
    else:
        setattr(message, field, _value(kind, value, where))


def _value(kind: str, value: Any, where: str) -> Any:
    if kind in FIELDS:
        return _message(kind, value, where)
    if kind == "bool":
        if not isinstance(value, bool):
            raise UndecodableMessage(f"{where}: expected true or false")
        return value
    if kind in _MAXIMA:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAXIMA[kind]:
            raise UndecodableMessage(f"{where}: expected a whole number from 0 to {_MAXIMA[kind]}")
        return value
    if not isinstance(value, str):
        raise UndecodableMessage(f"{where}: expected a string")
    if kind == "bytes":
        return _unhex(value, where)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UndecodableMessage(f"{where}: not a Unicode text") from None
    return value


def _unhex(text: str, where: str) -> bytes:
    """Texts are long, and anybody's: each is gone through by the library, once."""
    prefixes = 2 * text.count("0x")
    try:
        if text[:prefixes] != "0x" * (prefixes // 2):  # one is elsewhere
            raise ValueError
        return binascii.unhexlify(text[prefixes:])
    except ValueError:
        raise UndecodableMessage(f"{where}: expected an even number of hex digits after 0x") from None
