"""Sessions of a worker (node-and-gateway 3.5.2): one accounting period each.

A session's id contains the last nonce of the period before, so that metrics of an abandoned period cannot be replayed.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError
from wapo.scale.primitives import Reader, encode_bytes, encode_fixed

__all__ = ["MAX_PREVIOUS_NONCE_BYTES", "NONCE_BYTES", "PreviousNonceTooLong", "SessionUpdate"]

NONCE_BYTES: Final = 32
MAX_PREVIOUS_NONCE_BYTES: Final = 64


class PreviousNonceTooLong(CallerError):
    """The previous metrics nonce that a session is to begin with has more than 64 bytes."""

    code = "previous_nonce_too_long"


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """What a worker signs (``ContentType.SESSION_UPDATE``) when a session begins; ``recipient`` is an account."""

    session: bytes
    nonce: bytes
    recipient: bytes

    @classmethod
    def begin(cls, nonce: bytes, previous_nonce: bytes, recipient: bytes) -> "SessionUpdate":
        """The session with that nonce (32 random bytes).

        Raises:
            PreviousNonceTooLong: more than 64 bytes.
        """
        if len(previous_nonce) > MAX_PREVIOUS_NONCE_BYTES:
            raise PreviousNonceTooLong(
                f"a previous nonce of {len(previous_nonce)} bytes; at most {MAX_PREVIOUS_NONCE_BYTES} are allowed"
            )
        return cls(hashlib.blake2b(nonce + previous_nonce, digest_size=32).digest(), nonce, recipient)

    def encode(self) -> bytes:
        """SCALE: 97 bytes with an account as recipient.

        Raises:
            ScaleError: session or nonce have not 32 bytes.
        """
        return encode_fixed(self.session, 32) + encode_fixed(self.nonce, NONCE_BYTES) + encode_bytes(self.recipient)

    @classmethod
    def decode(cls, encoded: bytes) -> "SessionUpdate":
        """Raises :class:`~wapo.scale.primitives.ScaleError` for anything else."""
        reader = Reader(encoded)
        return cls(reader.take(32), reader.take(NONCE_BYTES), reader.bytes())
