"""Messages of the input channels (wapo-abi.md 4.5), in SCALE."""

from dataclasses import dataclass
from typing import Final

from wapo.scale.primitives import Reader, ScaleError, encode_bytes, encode_compact, encode_text

__all__ = [
    "MAX_HEAD_BYTES",
    "HttpResponseHead",
    "encode_http_request",
    "encode_legacy_query_request",
    "encode_query_request",
]

MAX_HEAD_BYTES: Final = 256 << 10
"""Of a response's head. The ABI has no limit, but it is read while everybody waits, and no client takes more."""
MAX_HEADERS: Final = 1024
"""Of a response."""


def encode_query_request(origin: bytes | None, path: str, payload: bytes, reply_tx: int) -> bytes:
    """A query for channel 3. ``origin`` is the verified account (32 bytes); ``reply_tx`` a one-shot's resource id."""
    return _origin(origin) + encode_text(path) + encode_bytes(payload) + _resource(reply_tx)


def encode_legacy_query_request(origin: bytes | None, payload: bytes, reply_tx: int) -> bytes:
    """As the predecessor's programs know it: without a path (11.4)."""
    return _origin(origin) + encode_bytes(payload) + _resource(reply_tx)


def _origin(origin: bytes | None) -> bytes:
    return b"\x00" if origin is None else b"\x01" + origin


def _resource(number: int) -> bytes:
    return number.to_bytes(4, "little", signed=True)


def encode_http_request(
    method: str, url: str, headers: list[tuple[str, str]], response_tx: int, io_stream: int
) -> bytes:
    """A request for channel 4. Header names are in lower case; repeated names are repeated pairs."""
    parts = [encode_text(method), encode_text(url), encode_compact(len(headers))]
    for name, value in headers:
        parts += (encode_text(name), encode_text(value))
    parts += (_resource(response_tx), _resource(io_stream))
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class HttpResponseHead:
    """What a guest sends on ``response_tx``."""

    status: int
    headers: list[tuple[str, str]]

    @classmethod
    def decode(cls, data: bytes) -> "HttpResponseHead":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else, and for more than that."""
        if len(data) > MAX_HEAD_BYTES:
            raise ScaleError(f"a head of {len(data)} bytes; at most {MAX_HEAD_BYTES} are allowed")
        reader = Reader(data)
        status = reader.unsigned(2)
        return cls(status, reader.vec(lambda: (reader.text(), reader.text()), at_most=MAX_HEADERS))
