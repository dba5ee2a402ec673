"""Content codings of responses (RFC 9110 8.4.1), decoded in bounded pieces: a small body cannot become a large one
in the host's memory, because the next piece is only made when the guest has taken the last.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final, Protocol

import brotli

__all__ = ["ACCEPTED", "UndecodableBody", "decode", "decoders_of"]

#: What is asked for when a guest leaves the choice to the host.
ACCEPTED: Final = "gzip, deflate, br"

_PIECE: Final = 64 << 10

#: Nobody codes a body more than twice, and each decoder has tables of its own (curl takes five).
_MAX_CODINGS: Final = 5


class UndecodableBody(Exception):
    """The body is not what its Content-Encoding says."""


class _Decoder(Protocol):
    def pieces(self, data: bytes) -> "list[bytes] | AsyncIterator[bytes]": ...


class _Zlib:
    """gzip (several members too), zlib and raw deflate; which of the last two a server means by "deflate" is told
    by the first byte."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._state = zlib.decompressobj(wbits) if wbits else None

    def step(self, data: bytes) -> tuple[bytes, bytes]:
        """Some output, at most a piece, and the input that is left."""
        if self._state is None:
            self._state = zlib.decompressobj(15 if data[0] & 0x0F == 8 else -15)
        if self._state.eof:
            if self._wbits != 31:
                return b"", b""
            self._state = zlib.decompressobj(self._wbits)
        out = self._state.decompress(data, _PIECE)
        return out, self._state.unconsumed_tail or self._state.unused_data

    def drain(self) -> bytes:
        return b""

    @property
    def complete(self) -> bool:
        return self._state is None or self._state.eof


class _Brotli:
    def __init__(self) -> None:
        self._state = brotli.Decompressor()

    def step(self, data: bytes) -> tuple[bytes, bytes]:
        return self._state.process(data, output_buffer_limit=_PIECE), b""

    def drain(self) -> bytes:
        """Output that the limit held back; there may be some although all input was taken."""
        if self._state.is_finished():
            return b""
        out: bytes = self._state.process(b"", output_buffer_limit=_PIECE)
        return out

    @property
    def complete(self) -> bool:
        return bool(self._state.is_finished())


def decoders_of(content_encoding: str) -> list[_Zlib | _Brotli] | None:
    """Decoders in the order to apply; None if a coding is unknown (the body is then left as it is).

    Raises:
        UndecodableBody: there are more codings than anybody needs.
    """
    decoders: list[_Zlib | _Brotli] = []
    for coding in content_encoding.lower().split(","):
        name = coding.strip()
        if name in ("gzip", "x-gzip"):
            decoders.append(_Zlib(31))
        elif name == "deflate":
            decoders.append(_Zlib(0))
        elif name == "br":
            decoders.append(_Brotli())
        elif name not in ("", "identity"):
            return None
        if len(decoders) > _MAX_CODINGS:
            raise UndecodableBody("the body has too many content codings")
    decoders.reverse()
    return decoders


async def decode(decoder: _Zlib | _Brotli, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decodes a stream piece by piece.

    Raises:
        UndecodableBody: it is damaged or ends early.
    """
    seen = False
    try:
        async for chunk in chunks:
            rest = chunk
            while rest:
                seen = True
                out, rest = decoder.step(rest)
                if out:
                    yield out
                while out := decoder.drain():
                    yield out
    except (zlib.error, brotli.error) as error:
        raise UndecodableBody(f"the compressed body is damaged: {error}") from error
    if seen and not decoder.complete:
        raise UndecodableBody("the compressed body ends early")
