"""Sealing: authenticated encryption of what is stored, AES-256-GCM with a random nonce.

Layout: version byte 1, nonce (12 bytes), ciphertext with tag. The associated data says what the record is and whose,
so that a record copied into another's place does not open.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wapo.errors import HostError

__all__ = ["Sealer", "Unsealable"]

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


class Unsealable(HostError):
    """A sealed record was damaged, moved, or sealed with another key."""

    code = "unsealable"


class Sealer:
    """Seals and opens records with one key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, context: str) -> bytes:
        """Encrypts; ``context`` must be given again to open."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypts.

        Raises:
            Unsealable: any bit or the context is another.
        """
        if sealed[:1] != _VERSION:
            raise Unsealable("a sealed record has an unknown format")
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, context.encode())
        except (InvalidTag, ValueError):
            raise Unsealable("a sealed record cannot be opened: it is damaged, or the node's key is another") from None
