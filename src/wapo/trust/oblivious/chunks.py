"""The framing of chunks: each is preceded by its length, and the last one, which goes on to the end, by a zero."""

from collections.abc import Callable
from typing import Final

from wapo.trust.oblivious.suites import FINAL, MAX_CHUNK_BYTES, UndecryptableMessage
from wapo.trust.oblivious.varint import encode_varint, varint_length

__all__ = ["CHUNK_BYTES", "ChunkDecoder", "encode_chunk", "encode_last_chunk"]

#: What we put into a chunk: what every receiver takes.
CHUNK_BYTES: Final = 1 << 14


def encode_chunk(sealed: bytes) -> bytes:
    """A chunk that is not the last one."""
    return encode_varint(len(sealed)) + sealed


def encode_last_chunk(sealed: bytes) -> bytes:
    return b"\0" + sealed


class ChunkDecoder:
    """Framed chunks in, plaintext out.

    Args:
        unseal: opens a sealed chunk, with its associated data.
    """

    def __init__(self, unseal: Callable[[bytes, bytes], bytes]) -> None:
        self._unseal = unseal
        self._buffer = bytearray()
        self._last = False

    def feed(self, data: bytes) -> bytes:
        """The plaintext of the chunks that are complete by now.

        Raises:
            UndecryptableMessage: a chunk is damaged, too large, or not the next one.
        """
        buffer, at, opened = self._buffer, 0, []
        buffer += data
        while at < len(buffer) and not self._last:
            size = varint_length(buffer[at])
            if len(buffer) - at < size:
                break
            length = int.from_bytes(buffer[at : at + size], "big") & (1 << 8 * size - 2) - 1
            self._bound(length)
            if len(buffer) - at - size < length:
                break
            at += size
            if not length:
                self._last = True
                break
            opened.append(self._unseal(bytes(buffer[at : at + length]), b""))
            at += length
        del buffer[:at]
        if self._last:
            self._bound(len(buffer))
        return b"".join(opened)

    def finish(self) -> bytes:
        """The plaintext of the last chunk.

        Raises:
            UndecryptableMessage: the message has been cut short.
        """
        if not self._last:
            raise UndecryptableMessage("the message ends before its last chunk")
        return self._unseal(bytes(self._buffer), FINAL)

    def _bound(self, length: int) -> None:
        if length > MAX_CHUNK_BYTES:
            raise UndecryptableMessage(f"a chunk may have {MAX_CHUNK_BYTES} bytes")
