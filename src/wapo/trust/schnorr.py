"""sr25519: Schnorr signatures on Ristretto, with the signing context ``substrate``, and hard derivation.

Nobody else imports the binding (schnorrkel in Rust). Keys are plain bytes: a seed of 32, a secret of 64 (scalar and
nonce, node-and-gateway 5.1), a public key of 32, a signature of 64.

The binding holds the interpreter's lock for as long as it computes: 30 us, and 8 ms a MiB of message.
"""

from functools import cache
from typing import Final

import sr25519

from wapo.errors import HostError

__all__ = [
    "PUBLIC_BYTES",
    "SECRET_BYTES",
    "SEED_BYTES",
    "SIGNATURE_BYTES",
    "CryptoUnusable",
    "hard_derive",
    "public_of",
    "secret_of_seed",
    "sign",
    "verify",
]

SEED_BYTES: Final = 32
SECRET_BYTES: Final = 64
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_IDENTITY: Final = bytes(PUBLIC_BYTES)


class CryptoUnusable(HostError):
    """A cryptographic library cannot be loaded, or does not compute what it must."""

    code = "crypto_unusable"


def secret_of_seed(seed: bytes) -> bytes:
    """The secret of a 32-byte seed, expanded in Ed25519 mode."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    secret: bytes = sr25519.pair_from_seed(seed)[1]
    return secret


def public_of(secret: bytes) -> bytes:
    """The public key of a secret.

    Raises:
        ValueError: another length, a scalar that is not reduced, or zero (whose public key everybody can sign for).
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret key has {SECRET_BYTES} bytes, not {len(secret)}")
    public: bytes = sr25519.public_from_secret_key(secret)
    if public == _IDENTITY:
        raise ValueError("the secret key is zero")
    return public


def sign(secret: bytes, public: bytes, message: bytes) -> bytes:
    """A signature, another one each time. ``public`` must be that of ``secret``."""
    signature: bytes = sr25519.sign((public, secret), message)
    return signature


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's for exactly that message. False for anything malformed, too.

    The identity is nobody's key: the signature of zeros (with its marker bit) would be valid under it for any message.
    """
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES or public == _IDENTITY:
        return False
    try:
        valid: bool = sr25519.verify(signature, message, public)
    except ValueError:  # not a point, not a reduced scalar, or without schnorrkel's marker bit
        return False
    return valid


def hard_derive(secret: bytes, public: bytes, chain_code: bytes) -> tuple[bytes, bytes]:
    """Substrate's ``//hard`` derivation with a raw 32-byte junction: the child's secret and public key.

    The same inputs always give the same 64 bytes (node-and-gateway 5.3). The binding's documentation says that the
    nonce half were random; its code expands a derived seed, as it should, and that is checked once a process: stored
    data is encrypted with what comes out here.

    Raises:
        CryptoUnusable: the installed version does something else.
    """
    _check_hard_derivation()
    return _hard_derive(secret, public, chain_code)


def _hard_derive(secret: bytes, public: bytes, chain_code: bytes) -> tuple[bytes, bytes]:
    _, child_public, child_secret = sr25519.hard_derive_keypair((chain_code, public, secret), b"")
    return child_secret, child_public


@cache
def _check_hard_derivation() -> None:
    """The example of node-and-gateway 10: seed 0..31, that app, path ``hello``."""
    secret, public = secret_of_seed(bytes(range(32))), b""
    for chain_code in (
        "d730f762de6e0d2a013e4a0f32e83341d0588c9b849cf9c9a5cf40343f987afd",
        "324dcf027dd4a30a932c441f365a25e86b173defa4b8e58948253471b81b72cf",
    ):
        secret, public = _hard_derive(secret, public or public_of(secret), bytes.fromhex(chain_code))
    expected = (
        "7cd3a69fefd6701eb279458eed79491bda8774edf912fdb7c444bfb9d936bd0a"
        "0c16119767f6f6f2cdf1a1e9d4db53c0cb1809543c8019390c5af8a2fd7dd1ec"
    )
    if secret.hex() != expected:
        raise CryptoUnusable("this version of py-sr25519-bindings derives other keys; constraints.txt names a good one")
