"""The kinds of signatures that a query may carry (node-and-gateway 3.6.2), and whom each of them speaks for.

The work is done by ``cryptography`` (Ed25519), schnorrkel (sr25519) and libsecp256k1 (the rest, through ``coincurve``).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidSignature as CryptographyInvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wapo.lazy import library
from wapo.trust import schnorr
from wapo.trust.ed25519_points import is_usable_point
from wapo.trust.keccak import keccak256
from wapo.trust.query_errors import InvalidPublicKey, InvalidSignature
from wapo.trust.query_signature import SignatureType

if TYPE_CHECKING:
    import coincurve
else:
    coincurve = library("coincurve")

__all__ = ["Signable", "evm_address", "identity", "verify"]

_WRAPPED: Final = {
    SignatureType.ED25519_WRAP_BYTES: SignatureType.ED25519,
    SignatureType.SR25519_WRAP_BYTES: SignatureType.SR25519,
    SignatureType.ECDSA_WRAP_BYTES: SignatureType.ECDSA,
    SignatureType.EVM_ECDSA_WRAP_BYTES: SignatureType.EVM_ECDSA,
}
_EVM_SUFFIX: Final = b"@evm_address"


class Signable(Protocol):
    """Something that is signed: as bytes by most kinds, as typed data by EIP-712."""

    def message(self) -> bytes:
        """The context byte and the SCALE value."""

    def typed_data_digest(self) -> bytes:
        """32 bytes (EIP-712)."""


def verify(kind: SignatureType, public: bytes, signature: bytes, signed: Signable) -> None:
    """Returns if the signature is that key's.

    Raises:
        InvalidPublicKey: it is none of this kind, or one that everybody can sign for.
        InvalidSignature: it is not.
    """
    if kind is SignatureType.EIP712:
        _verify_eip712(public, signature, signed.typed_data_digest())
        return
    message = signed.message()
    if kind in _WRAPPED:
        kind, message = _WRAPPED[kind], b"<Bytes>" + message + b"</Bytes>"
    match kind:
        case SignatureType.ED25519:
            _verify_ed25519(public, signature, message)
        case SignatureType.SR25519:
            _verify_sr25519(public, signature, message)
        case _:
            _verify_ecdsa(public, signature, hashlib.blake2b(message, digest_size=32).digest())


def identity(kind: SignatureType, public: bytes) -> bytes:
    """The 32 bytes that an app sees as the origin of a query signed with that key, once it has been verified.

    Raises:
        InvalidPublicKey: it is none of this kind.
    """
    match _WRAPPED.get(kind, kind):
        case SignatureType.ED25519 | SignatureType.SR25519:
            return public
        case SignatureType.ECDSA:
            return hashlib.blake2b(public, digest_size=32).digest()
        case _:
            return evm_address(_point(public)) + _EVM_SUFFIX


def evm_address(key: coincurve.PublicKey) -> bytes:
    """20 bytes: the end of Keccak-256 of the uncompressed point."""
    return keccak256(key.format(compressed=False)[1:])[12:]


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    if not is_usable_point(public):
        raise InvalidPublicKey
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except CryptographyInvalidSignature:
        raise InvalidSignature from None


def _verify_sr25519(public: bytes, signature: bytes, message: bytes) -> None:
    if len(public) != schnorr.PUBLIC_BYTES or not any(public):
        raise InvalidPublicKey
    if not schnorr.verify(public, message, signature):
        raise InvalidSignature


def _verify_ecdsa(public: bytes, signature: bytes, digest: bytes) -> None:
    if len(public) != 33:
        raise InvalidPublicKey("a compressed key of 33 bytes is expected")
    if _recover(signature, digest) != _point(public):
        raise InvalidSignature


def _verify_eip712(public: bytes, signature: bytes, digest: bytes) -> None:
    if signature[-1:] in (b"\x1b", b"\x1c"):  # wallets say 27 and 28
        signature = signature[:-1] + bytes((signature[-1] - 27,))
    elif signature[-1:] not in (b"\x00", b"\x01"):
        raise InvalidSignature
    if evm_address(_recover(signature, digest)) != evm_address(_point(public)):
        raise InvalidSignature


def _point(public: bytes) -> coincurve.PublicKey:
    try:
        return coincurve.PublicKey(public)
    except ValueError:
        raise InvalidPublicKey("no point of secp256k1") from None


def _recover(signature: bytes, digest: bytes) -> coincurve.PublicKey:
    """The key behind ``r | s | v``, 65 bytes, v from 0 to 3."""
    try:
        return coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError:
        raise InvalidSignature from None
