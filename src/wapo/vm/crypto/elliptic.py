"""ECDSA and ECDH on the curves of NIST (FIPS 186-5, SP 800-56A) and on secp256k1 (SEC 2).

A public key crosses the border as its uncompressed point, a private key as the scalar and the point after it.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from wapo.vm.crypto.request import Operation, Request, hash_of, invalid

__all__ = ["ELLIPTIC"]

_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    1: ec.SECP256R1(),
    2: ec.SECP384R1(),
    3: ec.SECP521R1(),
    4: ec.SECP256K1(),
}
_DER: Final = serialization.Encoding.DER
#: id-ecPublicKey. The library also reads keys that are not wrapped as SPKI or PKCS #8, which lack this.
_OID: Final = bytes.fromhex("06072a8648ce3d0201")
_OID_WITHIN: Final = 24


def _curve(request: Request) -> ec.EllipticCurve:
    found = _CURVES.get(request.a)
    if found is None:
        invalid()
    return found


def _size(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _scalar_and_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(_size(key.curve)) + _point(key.public_key())


def _public(request: Request, point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(_curve(request), point)


def _private(request: Request, key: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ``ValueError`` where the point is not the scalar's."""
    size = _size(_curve(request))
    if len(key) != 3 * size + 1:
        invalid()
    numbers = _public(request, key[size:]).public_numbers()
    return ec.EllipticCurvePrivateNumbers(int.from_bytes(key[:size]), numbers).private_key()


def _generate(request: Request) -> bytes:
    return _scalar_and_point(ec.generate_private_key(_curve(request)))


def _sign(request: Request) -> bytes:
    """r and s, each as long as the curve's order (IEEE P1363)."""
    key = _private(request, request.key)
    r, s = decode_dss_signature(key.sign(request.data, ec.ECDSA(hash_of(request.b))))
    size = _size(key.curve)
    return r.to_bytes(size) + s.to_bytes(size)


def _verify(request: Request) -> bytes:
    key, algorithm = _public(request, request.key), ec.ECDSA(hash_of(request.b))
    size = _size(key.curve)
    if len(request.param) != 2 * size:
        return b"\0"
    r, s = int.from_bytes(request.param[:size]), int.from_bytes(request.param[size:])
    try:
        key.verify(encode_dss_signature(r, s), request.data, algorithm)
    except InvalidSignature:
        return b"\0"
    return b"\1"


def _agree(request: Request) -> bytes:
    return _private(request, request.key).exchange(ec.ECDH(), _public(request, request.param))


def _checked_point(request: Request) -> bytes:
    return _point(_public(request, request.data))


def _checked_pair(request: Request) -> bytes:
    return _scalar_and_point(_private(request, request.data))


def _export_spki(request: Request) -> bytes:
    return _public(request, request.key).public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _export_pkcs8(request: Request) -> bytes:
    key = _private(request, request.key)
    return key.private_bytes(_DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _import_spki(request: Request) -> bytes:
    if _OID not in request.data[:_OID_WITHIN]:
        invalid()
    key = serialization.load_der_public_key(request.data)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != _curve(request).name:
        invalid()
    return _point(key)


def _import_pkcs8(request: Request) -> bytes:
    if _OID not in request.data[:_OID_WITHIN]:
        invalid()
    key = serialization.load_der_private_key(request.data, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != _curve(request).name:
        invalid()
    return _scalar_and_point(key)


ELLIPTIC: Final = {
    30: Operation(_generate, draws_entropy=True),
    31: Operation(_sign, draws_entropy=True),
    32: Operation(_verify),
    33: Operation(_agree),
    34: Operation(_checked_point),
    35: Operation(_checked_pair),
    36: Operation(_export_spki),
    37: Operation(_export_pkcs8),
    38: Operation(_import_spki),
    39: Operation(_import_pkcs8),
}
