"""The caller's side: requests sealed, responses opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wapo.lazy import library
from wapo.trust.oblivious.chunks import ChunkDecoder, encode_chunk, encode_last_chunk
from wapo.trust.oblivious.configuration import InvalidKeyConfiguration, KeyConfiguration
from wapo.trust.oblivious.suites import (
    FINAL,
    ResponseCipher,
    UndecryptableMessage,
    exported,
    hpke_suite,
    info_of,
    nonce_bytes,
)

if TYPE_CHECKING:
    import pyhpke
    from cryptography.hazmat.primitives.asymmetric import x25519
else:
    pyhpke = library("pyhpke")
    x25519 = library("cryptography.hazmat.primitives.asymmetric.x25519")

__all__ = ["Sender"]


class Sender:
    """One request to a key, and its response.

    Args:
        configuration: the key, and the algorithms that go with it, of which the first one is taken.

    Raises:
        InvalidKeyConfiguration: nothing can be encrypted to that key.
    """

    def __init__(self, configuration: KeyConfiguration, *, chunked: bool = False) -> None:
        aead = configuration.aeads[0]
        header = configuration.header(aead)
        self._aead, self._chunked = aead, chunked
        try:
            key = pyhpke.KEMKey.from_pyca_cryptography_key(
                x25519.X25519PublicKey.from_public_bytes(configuration.public)
            )
            self._enc, self._context = _context(aead, key, info_of(header, chunked=chunked))
        except (pyhpke.PyHPKEError, ValueError):
            raise InvalidKeyConfiguration("nothing can be encrypted to the node's key") from None
        #: What the request begins with.
        self.prefix: bytes = header + self._enc
        self._began = b""
        self._chunks: ChunkDecoder | None = None

    def seal(self, message: bytes) -> bytes:
        """The whole request, a message of Binary HTTP."""
        sealed: bytes = self._context.seal(message)
        return self.prefix + sealed

    def seal_chunk(self, data: bytes, *, last: bool = False) -> bytes:
        """What follows the prefix of a request in chunks."""
        sealed: bytes = self._context.seal(data, FINAL if last else b"")
        return encode_last_chunk(sealed) if last else encode_chunk(sealed)

    def _cipher(self, nonce: bytes) -> ResponseCipher:
        secret = exported(self._context, self._aead, chunked=self._chunked)
        return ResponseCipher(self._aead, secret, self._enc, nonce)

    def open(self, response: bytes) -> bytes:
        """The whole response, a message of Binary HTTP.

        Raises:
            UndecryptableMessage.
        """
        length = nonce_bytes(self._aead)
        if len(response) < length:
            raise UndecryptableMessage("the encrypted response is cut short")
        return self._cipher(response[:length]).open(response[length:])

    def feed(self, data: bytes) -> bytes:
        """Of a response in chunks: the plaintext of those that are complete by now.

        Raises:
            UndecryptableMessage.
        """
        if self._chunks is None:
            self._began += data
            length = nonce_bytes(self._aead)
            if len(self._began) < length:
                return b""
            self._chunks = ChunkDecoder(self._cipher(self._began[:length]).open)
            data, self._began = self._began[length:], b""
        return self._chunks.feed(data)

    def finish(self) -> bytes:
        """The plaintext of its last chunk.

        Raises:
            UndecryptableMessage: it has been cut short.
        """
        if self._chunks is None:
            raise UndecryptableMessage("the encrypted response is cut short")
        return self._chunks.finish()


def _context(aead: int, key: Any, info: bytes) -> tuple[bytes, Any]:
    enc, context = hpke_suite(aead).create_sender_context(key, info)
    return enc, context
