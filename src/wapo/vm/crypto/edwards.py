"""Ed25519 (RFC 8032) and X25519 (RFC 7748). Keys cross the border as those standards' 32 bytes."""

from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from wapo.trust.ed25519_points import POINT_BYTES, is_usable_point
from wapo.vm.crypto.request import Operation, Request, invalid

__all__ = ["EDWARDS"]

_PRIVATE: Final[dict[int, Any]] = {1: Ed25519PrivateKey, 2: X25519PrivateKey}
_PUBLIC: Final[dict[int, Any]] = {1: Ed25519PublicKey, 2: X25519PublicKey}
_DER: Final = serialization.Encoding.DER
_OID: Final = {1: bytes.fromhex("06032b6570"), 2: bytes.fromhex("06032b656e")}  # RFC 8410
_OID_WITHIN: Final = 20


def _public(request: Request) -> Any:
    kind = _PUBLIC.get(request.a)
    if kind is None:
        invalid()
    return kind.from_public_bytes(request.key)


def _private(request: Request) -> Any:
    kind = _PRIVATE.get(request.a)
    if kind is None:
        invalid()
    return kind.from_private_bytes(request.key)


def _public_of(request: Request) -> bytes:
    raw: bytes = _private(request).public_key().public_bytes_raw()
    return raw


def _sign(request: Request) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(request.key).sign(request.data)


def _verify(request: Request) -> bytes:
    """Points of small order are refused, in the key and in the signature: #ed25519-operations of Web Cryptography."""
    if not (is_usable_point(request.key) and is_usable_point(request.param[:POINT_BYTES])):
        return b"\0"
    try:
        Ed25519PublicKey.from_public_bytes(request.key).verify(request.param, request.data)
    except InvalidSignature:
        return b"\0"
    return b"\1"


def _agree(request: Request) -> bytes:
    """Fails where the result would be zeros: the other's point is of small order (RFC 7748 section 6.1)."""
    return X25519PrivateKey.from_private_bytes(request.key).exchange(X25519PublicKey.from_public_bytes(request.param))


def _export_spki(request: Request) -> bytes:
    data: bytes = _public(request).public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return data


def _export_pkcs8(request: Request) -> bytes:
    data: bytes = _private(request).private_bytes(_DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return data


def _check_kind(request: Request) -> None:
    """Only keys of the kind that is asked for are read: others take the library long (DH, RSA)."""
    if request.a not in _OID or _OID[request.a] not in request.data[:_OID_WITHIN]:
        invalid()


def _import_spki(request: Request) -> bytes:
    _check_kind(request)
    key = serialization.load_der_public_key(request.data)
    if not isinstance(key, _PUBLIC[request.a]):
        invalid()
    raw: bytes = key.public_bytes_raw()
    return raw


def _import_pkcs8(request: Request) -> bytes:
    _check_kind(request)
    key = serialization.load_der_private_key(request.data, None)
    if not isinstance(key, _PRIVATE[request.a]):
        invalid()
    raw: bytes = key.private_bytes_raw()
    return raw


EDWARDS: Final = {
    40: Operation(_public_of),
    41: Operation(_sign),
    42: Operation(_verify),
    43: Operation(_agree),
    44: Operation(_export_spki),
    45: Operation(_export_pkcs8),
    46: Operation(_import_spki),
    47: Operation(_import_pkcs8),
}
