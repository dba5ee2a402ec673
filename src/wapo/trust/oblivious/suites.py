"""Algorithms of encrypted messages, and the key of a response (RFC 9458 4.4).

The KEM is X25519 with HKDF-SHA256, the KDF HKDF-SHA256. Numbers are those of RFC 9180 7.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.errors import CallerError
from wapo.lazy import library

if TYPE_CHECKING:
    import pyhpke
else:
    pyhpke = library("pyhpke")

__all__ = [
    "AEADS", "ENC_BYTES", "FINAL", "HEADER_BYTES", "KDF_ID", "KEM_ID", "MAX_CHUNK_BYTES", "ResponseCipher",
    "UndecryptableMessage", "exported", "hpke_suite", "info_of", "nonce_bytes",
]  # fmt: skip

KEM_ID: Final = 0x0020
KDF_ID: Final = 0x0001
#: The AEADs, the one that is preferred first: AES-128-GCM, ChaCha20Poly1305, AES-256-GCM.
AEADS: Final = (1, 3, 2)
ENC_BYTES: Final = 32
#: Before the encapsulated key: the key's identifier, KEM, KDF, AEAD.
HEADER_BYTES: Final = 7
#: What a sealed chunk may have. Senders stay below 2**14 and its tag; others put a message into a single chunk.
MAX_CHUNK_BYTES: Final = 256 << 10
#: The associated data of the last chunk, by which it cannot be left out.
FINAL: Final = b"final"

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = {1: 16, 2: 32, 3: 32}
_CIPHERS: Final[dict[int, type[AESGCM] | type[ChaCha20Poly1305]]] = {1: AESGCM, 2: AESGCM, 3: ChaCha20Poly1305}


class UndecryptableMessage(CallerError):
    """An encrypted message that is damaged, cut short, or encrypted to another key."""

    code = "undecryptable_message"


@cache
def hpke_suite(aead: int) -> Any:
    """The library's, for one of :data:`AEADS`."""
    return pyhpke.CipherSuite.new(pyhpke.KEMId.DHKEM_X25519_HKDF_SHA256, pyhpke.KDFId.HKDF_SHA256, pyhpke.AEADId(aead))


def info_of(header: bytes, *, chunked: bool) -> bytes:
    """What the context of a request is bound to."""
    return (b"message/bhttp chunked request" if chunked else b"message/bhttp request") + b"\0" + header


def nonce_bytes(aead: int) -> int:
    """How many bytes of nonce a response begins with."""
    return max(_KEY_BYTES[aead], _NONCE_BYTES)


def exported(context: Any, aead: int, *, chunked: bool) -> bytes:
    """The secret that the response's key is made from, out of the context of its request."""
    label = b"message/bhttp chunked response" if chunked else b"message/bhttp response"
    secret: bytes = context.export(label, nonce_bytes(aead))
    return secret


class ResponseCipher:
    """Seals or opens one response, whole or chunk by chunk.

    Args:
        secret: see :func:`exported`.
        enc: the encapsulated key of the request, 32 bytes.
        nonce: what the response begins with; see :func:`nonce_bytes`.
    """

    def __init__(self, aead: int, secret: bytes, enc: bytes, nonce: bytes) -> None:
        salt = enc + nonce
        self._cipher = _CIPHERS[aead](_expand(secret, salt, b"key", _KEY_BYTES[aead]))
        self._nonce = int.from_bytes(_expand(secret, salt, b"nonce", _NONCE_BYTES), "big")
        self._count = 0

    def _next_nonce(self) -> bytes:
        nonce = (self._nonce ^ self._count).to_bytes(_NONCE_BYTES, "big")
        self._count += 1
        return nonce

    def seal(self, data: bytes, label: bytes = b"") -> bytes:
        """The whole response, or its next chunk, of which the last one has the label :data:`FINAL`."""
        return self._cipher.encrypt(self._next_nonce(), data, label)

    def open(self, sealed: bytes, label: bytes = b"") -> bytes:
        """
        Raises:
            UndecryptableMessage.
        """
        try:
            return self._cipher.decrypt(self._next_nonce(), sealed, label)
        except (InvalidTag, ValueError):
            raise UndecryptableMessage("the response is damaged, or is none to this request") from None


def _expand(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
