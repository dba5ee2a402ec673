"""Requests and responses of HTTP as one piece of bytes (Binary HTTP, RFC 9292). No I/O.

A message comes in either of two framings, with known lengths or in parts of which the last one is empty; a decoder
takes both, whole or in any pieces. It is as strict about names and values as HTTP/2 (RFC 9113 8.2.1), since what it
reads goes where everything else has been through the connection's own parser; only blanks around a value, which are no
part of it (RFC 9110 5.5), are taken off.
"""

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Final

from wapo.errors import CallerError
from wapo.trust.oblivious.varint import encode_varint, varint_length

__all__ = [
    "Content", "End", "Event", "Fields", "InvalidBinaryMessage", "MessageDecoder", "RequestHead", "ResponseHead",
    "encode_content", "encode_end", "encode_request", "encode_request_head", "encode_response", "encode_response_head",
    "is_field",
]  # fmt: skip

#: Names in lower case, and values, in order.
Fields = list[tuple[bytes, bytes]]

_KNOWN_REQUEST, _KNOWN_RESPONSE, _REQUEST, _RESPONSE = range(4)
#: RFC 9110 5.6.2, without capitals.
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
#: RFC 9110 5.5.
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INFORMATIONAL: Final = range(100, 200)
_FINAL: Final = range(200, 600)


class InvalidBinaryMessage(CallerError):
    """Bytes that are no message of Binary HTTP, or one larger than is taken."""

    code = "invalid_binary_message"


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request, before its content.

    Attributes:
        length: of the content in bytes; None if that is not known yet.
    """

    method: str
    scheme: bytes
    authority: bytes
    path: bytes
    fields: Fields
    length: int | None = None


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response, before its content. Informational ones before it are dropped."""

    status: int
    fields: Fields
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the content, of any length."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The message is complete."""

    trailers: Fields = field(default_factory=list)


Event = RequestHead | ResponseHead | Content | End


class MessageDecoder:
    """Bytes of one message in, events out: a head, content, an end.

    Args:
        max_head_bytes: of all that is no content: control data, fields, trailers.
        max_fields: headers, and trailers.

    Raises:
        InvalidBinaryMessage: ``feed`` and ``finish``; nothing can be done with the decoder after it.
    """

    def __init__(self, *, response: bool = False, max_head_bytes: int, max_fields: int) -> None:
        self._kinds = (_KNOWN_RESPONSE, _RESPONSE) if response else (_KNOWN_REQUEST, _REQUEST)
        self._spare = max_head_bytes
        self._max_head_bytes, self._max_fields = max_head_bytes, max_fields
        self._buffer = bytearray()
        self._at = 0
        self._finished = False
        self._events: list[Event] = []
        self._steps = self._message()
        next(self._steps)

    def feed(self, data: bytes) -> list[Event]:
        """What follows of the message."""
        self._buffer += data
        self._steps.send(None)
        del self._buffer[: self._at]
        self._at = 0
        events, self._events = self._events, []
        return events

    def finish(self) -> list[Event]:
        """The message has ended. The last event is an :class:`End`."""
        self._finished = True
        return self.feed(b"")

    # Steps: each waits for what it needs, and stops at what cannot be.

    def _message(self) -> Generator[None, None, None]:
        yield
        kind = yield from self._varint()
        if kind not in self._kinds:
            raise InvalidBinaryMessage(f"a message of Binary HTTP begins with {self._kinds[0]} or {self._kinds[1]}")
        known = kind in (_KNOWN_REQUEST, _KNOWN_RESPONSE)
        if kind in (_KNOWN_REQUEST, _REQUEST):
            control = []
            for _ in range(4):
                control.append((yield from self._bytes((yield from self._varint()))))
            method, scheme, authority, path = control
            if _METHOD.fullmatch(method) is None:
                raise InvalidBinaryMessage("the method of the request is none")
            fields = yield from self._fields(known)
            length = (yield from self._length()) if known else None
            self._events.append(RequestHead(method.decode(), scheme, authority, path, fields, length))
        else:
            while (status := (yield from self._varint())) in _INFORMATIONAL:
                yield from self._fields(known)
            if status not in _FINAL:
                raise InvalidBinaryMessage("the status of the response is none")
            fields = yield from self._fields(known)
            length = (yield from self._length()) if known else None
            self._events.append(ResponseHead(status, fields, length))
        if length is not None:
            yield from self._content(length)
        else:
            while True:
                self._whole_parts()
                count = yield from self._length()
                if not count:
                    break
                yield from self._content(count)
        trailers: Fields = []
        if not (yield from self._ended()):
            trailers = yield from self._fields(known)
        while not (yield from self._ended()):
            padding = self._buffer[self._at :]
            if any(padding):
                raise InvalidBinaryMessage("something follows the message that is no padding")
            self._at = len(self._buffer)
        self._events.append(End(trailers))
        while True:
            yield

    def _ended(self) -> Generator[None, None, bool]:
        """Whether nothing follows."""
        while self._at == len(self._buffer):
            if self._finished:
                return True
            yield
        return False

    def _need(self, count: int) -> Generator[None, None, None]:
        while len(self._buffer) - self._at < count:
            if self._finished:
                raise InvalidBinaryMessage("the message ends in the middle")
            yield

    def _varint(self, end: int | None = None) -> Generator[None, None, int]:
        self._within(1, end)
        yield from self._need(1)
        size = varint_length(self._buffer[self._at])
        self._within(size, end)
        yield from self._need(size)
        value = int.from_bytes(self._buffer[self._at : self._at + size], "big")
        self._at += size
        self._spend(size)
        return value & (1 << 8 * size - 2) - 1

    def _within(self, count: int, end: int | None) -> None:
        """A section of known length is there as a whole: within it, nothing is waited for."""
        if end is not None and self._at + count > end:
            raise InvalidBinaryMessage("a header is longer than its section")

    def _length(self) -> Generator[None, None, int]:
        """Of content, or of its next part. What may be left out at the end of a message is empty (RFC 9292 3.8)."""
        if (yield from self._ended()):
            return 0
        spare, value = self._spare, (yield from self._varint())
        self._spare = spare  # content may come in as many parts as it likes
        return value

    def _spend(self, count: int) -> None:
        self._spare -= count
        if self._spare < 0:
            raise InvalidBinaryMessage(f"a message's head may have {self._max_head_bytes} bytes")

    def _bytes(self, count: int, end: int | None = None) -> Generator[None, None, bytes]:
        self._within(count, end)
        self._spend(count)
        yield from self._need(count)
        value = bytes(self._buffer[self._at : self._at + count])
        self._at += count
        return value

    def _fields(self, known: bool) -> Generator[None, None, Fields]:
        found: Fields = []
        end = None
        if known:
            length = yield from self._varint()
            if length > self._spare:
                self._spend(length)  # before it is collected
            yield from self._need(length)
            end = self._at + length
        while self._at != end:
            size = yield from self._varint(end)
            if not size and not known:
                break
            name = yield from self._bytes(size, end)
            value = yield from self._bytes((yield from self._varint(end)), end)
            if _NAME.fullmatch(name) is None:
                raise InvalidBinaryMessage("the name of a header is none, or has capitals")
            if _VALUE.fullmatch(value) is None:
                raise InvalidBinaryMessage("the value of a header has characters that no value has")
            found.append((name, value.strip(b" \t")))
            if len(found) > self._max_fields:
                raise InvalidBinaryMessage(f"a message may have {self._max_fields} headers")
        return found

    def _whole_parts(self) -> None:
        """Takes the parts that are there, of which somebody may send millions, in a tenth of the time."""
        buffer, at, end, parts = self._buffer, self._at, len(self._buffer), []
        while at < end:
            length = buffer[at]
            size = varint_length(length)
            if size > 1:
                length = int.from_bytes(buffer[at : at + size], "big") & (1 << 8 * size - 2) - 1
            begin = at + size
            if not length or begin + length > end:
                break
            at = begin + length
            parts.append(buffer[begin:at])
        if parts:
            self._at = at
            self._events.append(Content(b"".join(parts)))

    def _content(self, length: int) -> Generator[None, None, None]:
        while length:
            yield from self._need(1)
            piece = bytes(self._buffer[self._at : self._at + length])
            self._at += len(piece)
            length -= len(piece)
            last = self._events[-1] if self._events else None
            if isinstance(last, Content) and len(last.data) + len(piece) <= _JOINED_BYTES:
                piece = last.data + piece  # of parts of a byte, nobody wants an event each
                self._events.pop()
            self._events.append(Content(piece))


_JOINED_BYTES: Final = 1 << 10


def is_field(name: bytes, value: bytes) -> bool:
    """Whether a decoder would take a header, or trailer, of that name."""
    return _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def encode_request(
    method: str, scheme: bytes, authority: bytes, path: bytes, fields: Iterable[tuple[bytes, bytes]], content: bytes
) -> bytes:
    """A request with known lengths."""
    return b"".join((
        encode_varint(_KNOWN_REQUEST), _control(method, scheme, authority, path), _section(fields), _sized(content),
        b"\0",
    ))  # fmt: skip


def encode_request_head(
    method: str, scheme: bytes, authority: bytes, path: bytes, fields: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """The beginning of a request whose content comes in parts."""
    return encode_varint(_REQUEST) + _control(method, scheme, authority, path) + _lines(fields) + b"\0"


def encode_response(
    status: int,
    fields: Iterable[tuple[bytes, bytes]],
    content: bytes,
    trailers: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """A response with known lengths."""
    return b"".join((
        encode_varint(_KNOWN_RESPONSE), encode_varint(status), _section(fields), _sized(content), _section(trailers),
    ))  # fmt: skip


def encode_response_head(status: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The beginning of a response whose content comes in parts."""
    return encode_varint(_RESPONSE) + encode_varint(status) + _lines(fields) + b"\0"


def encode_content(data: bytes) -> bytes:
    """The next part of a content; nothing, if it is empty."""
    return _sized(data) if data else b""


def encode_end(trailers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """What follows the last part."""
    return b"\0" + _lines(trailers) + b"\0"


def _sized(data: bytes) -> bytes:
    return encode_varint(len(data)) + data


def _control(method: str, scheme: bytes, authority: bytes, path: bytes) -> bytes:
    return b"".join(map(_sized, (method.encode(), scheme, authority, path)))


def _lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(_sized(name) + _sized(value) for name, value in fields)


def _section(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return _sized(_lines(fields))
