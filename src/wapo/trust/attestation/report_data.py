"""What a node's quote is bound to: its keys, the programs that it is made of, and the caller's nonce.

The 64 bytes are ``SHA-512(canonical("wapo-attestation/v1", "Ed25519", public, "X25519", agreement_public, programs,
nonce))``. So a quote that carries them was made after the nonce was known, for these keys, by a machine whose measured
software chose to say so.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError
from wapo.trust.attestation.canonical import canonical

__all__ = ["DOMAIN", "MAX_NONCE_BYTES", "MIN_NONCE_BYTES", "Bound", "EarlierKey", "UnusableNonce", "parse_nonce"]

DOMAIN: Final = "wapo-attestation/v1"
_STATEMENT: Final = "wapo-attestation/v1/statement"

MIN_NONCE_BYTES: Final = 16
MAX_NONCE_BYTES: Final = 64


class UnusableNonce(CallerError):
    """A nonce that is missing, too short to be fresh, too long, or no hex."""

    code = "unusable_nonce"


@dataclass(frozen=True)
class EarlierKey:
    """An Ed25519 key (32 bytes) that the node signed with, from and until when, in seconds since the epoch."""

    public: bytes
    from_s: int
    until_s: int


@dataclass(frozen=True)
class Bound:
    """What a quote speaks about.

    Attributes:
        public: the node's Ed25519 public key (32 bytes).
        agreement_public: its X25519 public key (32 bytes).
        programs: the version of the set of programs that it is made of.
        nonce: the caller's, 16 to 64 bytes.
    """

    public: bytes
    agreement_public: bytes
    programs: str
    nonce: bytes

    def report_data(self) -> bytes:
        """64 bytes."""
        return hashlib.sha512(
            canonical(
                DOMAIN, b"Ed25519", self.public, b"X25519", self.agreement_public, self.programs.encode(), self.nonce
            )
        ).digest()

    def statement(self, kind: str, quote: bytes, earlier: Iterable["EarlierKey"] = ()) -> bytes:
        """What the node signs with its own key, with a quote or without: that it holds the key, now, and which keys it
        signed with before.

        Args:
            quote: empty if there is none.
        """
        keys = [key.public + key.from_s.to_bytes(8, "big") + key.until_s.to_bytes(8, "big") for key in earlier]
        quoted = hashlib.sha512(quote).digest()
        return canonical(_STATEMENT, b"Ed25519", kind.encode(), self.report_data(), quoted, *keys)


def parse_nonce(text: str | None) -> bytes:
    """A nonce from its hex digits.

    Raises:
        UnusableNonce.
    """
    if not text:
        raise UnusableNonce(
            f"a nonce of your own is needed, fresh and random: ?nonce=<{2 * MIN_NONCE_BYTES} to "
            f"{2 * MAX_NONCE_BYTES} hex digits>"
        )
    try:
        nonce = bytes.fromhex(text) if text.isalnum() else None
    except ValueError:
        nonce = None
    if nonce is None:
        raise UnusableNonce("the nonce is not an even number of hex digits")
    if not MIN_NONCE_BYTES <= len(nonce) <= MAX_NONCE_BYTES:
        raise UnusableNonce(
            f"the nonce has {len(nonce)} bytes; {MIN_NONCE_BYTES} to {MAX_NONCE_BYTES} are allowed (in hex)"
        )
    return nonce
