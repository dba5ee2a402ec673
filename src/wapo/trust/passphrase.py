"""Sealing under a passphrase: for a key that leaves its machine, in a backup.

Layout: version byte 1, salt (16 bytes), and what ``Sealer`` makes of the data under the key that scrypt (RFC 7914) has
made of passphrase and salt, with N = 2**17, r = 8, p = 1: 128 MiB and half a second for each guess.
"""

import os
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from wapo.errors import CallerError
from wapo.trust.seal import Sealer, Unsealable

__all__ = ["WrongPassphrase", "open_with_passphrase", "seal_with_passphrase"]

_VERSION: Final = b"\x01"
_SALT_BYTES: Final = 16
_N: Final = 1 << 17


class WrongPassphrase(CallerError):
    """The passphrase is another, or what it should open is damaged: the two cannot be told apart."""

    code = "wrong_passphrase"


def seal_with_passphrase(data: bytes, passphrase: bytes, context: str) -> bytes:
    """Encrypts; ``context`` must be given again to open."""
    salt = os.urandom(_SALT_BYTES)
    return _VERSION + salt + _sealer(passphrase, salt).seal(data, context)


def open_with_passphrase(sealed: bytes, passphrase: bytes, context: str) -> bytes:
    """Decrypts.

    Raises:
        WrongPassphrase.
    """
    salt, text = sealed[1 : 1 + _SALT_BYTES], sealed[1 + _SALT_BYTES :]
    try:
        if sealed[:1] != _VERSION or len(salt) != _SALT_BYTES:
            raise Unsealable("unknown format")
        return _sealer(passphrase, salt).open(text, context)
    except Unsealable:
        raise WrongPassphrase("the passphrase is wrong, or what it opens is damaged") from None


def _sealer(passphrase: bytes, salt: bytes) -> Sealer:
    return Sealer(Scrypt(salt=salt, length=32, n=_N, r=8, p=1).derive(passphrase))
