"""RSA: RSASSA-PKCS1-v1_5, RSASSA-PSS, RSAES-OAEP and RSAES-PKCS1-v1_5 of RFC 8017.

A public key crosses the border as SPKI, a private key as PKCS #8, both DER; their numbers as big-endian integers, each
after its u32 length: n, e, and of a private key d, p, q, dp, dq, qi too.
"""

import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS, PKCS1v15

from wapo.vm.crypto.request import Operation, Request, invalid, limited

__all__ = ["MAX_GENERATED_BITS", "MAX_MODULUS_BITS", "RSA"]

#: Generating takes seconds and more with the length: what is used today, and is done within a second or two.
MAX_GENERATED_BITS: Final = 4096
MIN_GENERATED_BITS: Final = 1024
#: Signing with this many takes tens of milliseconds.
MAX_MODULUS_BITS: Final = 8192
#: As OpenSSL has it for long moduli: a public operation with a longer exponent takes as long as a private one.
_MAX_EXPONENT_BITS: Final = 64
#: A private key of 2048 bits has 1217 bytes, and signs in less than a millisecond; longer ones do not.
_SHORT_KEY_BYTES: Final = 1300
_MAX_KEY_BYTES: Final = 16 << 10

_DER: Final = serialization.Encoding.DER
#: rsaEncryption. The library also reads keys that are not wrapped as SPKI or PKCS #8, or for PSS only: without it.
_OID: Final = bytes.fromhex("06092a864886f70d010101")
_OID_WITHIN: Final = 24
_PUBLIC_NUMBERS: Final = 2
#: As long as fits; of a signature, whatever it has.
_ANY_SALT: Final = 0xFFFFFFFF
_PRIVATE_NUMBERS: Final = 8


def _check_public(numbers: rsa.RSAPublicNumbers) -> None:
    if numbers.n.bit_length() > MAX_MODULUS_BITS or numbers.e.bit_length() > _MAX_EXPONENT_BITS:
        limited()
    if numbers.e < 3 or not numbers.e & 1 or not numbers.n & 1:
        invalid()


def _check_private(numbers: rsa.RSAPrivateNumbers) -> None:
    """Whether the numbers are related as RFC 8017 section 3.2 says.

    The library's own check tests the primes too, for which it keeps the interpreter's lock for 0.3 s with a key of
    4096 bits. Keys whose factors are no primes harm nobody but their owner.
    """
    _check_public(numbers.public_numbers)
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    d, p, q = numbers.d, numbers.p, numbers.q
    if not (1 < p < n and 1 < q < n and 1 < d < n and p * q == n):
        invalid()
    if numbers.dmp1 != d % (p - 1) or numbers.dmq1 != d % (q - 1) or not 0 < numbers.iqmp < p:
        invalid()
    if numbers.iqmp * q % p != 1 or d * e % (p - 1) != 1 or d * e % (q - 1) != 1:
        invalid()


def _load_public(der: bytes) -> rsa.RSAPublicKey:
    if len(der) > _MAX_KEY_BYTES:
        limited()
    if _OID not in der[:_OID_WITHIN]:
        invalid()
    key = serialization.load_der_public_key(der)
    if not isinstance(key, rsa.RSAPublicKey):
        invalid()
    _check_public(key.public_numbers())
    return key


def _load_private(der: bytes) -> rsa.RSAPrivateKey:
    if len(der) > _MAX_KEY_BYTES:
        limited()
    if _OID not in der[:_OID_WITHIN]:
        invalid()
    key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        invalid()
    _check_private(key.private_numbers())
    return key


def _spki(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pkcs8(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(_DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _generate(request: Request) -> bytes:
    if request.a > MAX_GENERATED_BITS or len(request.param) > _MAX_KEY_BYTES:
        limited()
    if request.a < MIN_GENERATED_BITS:
        invalid()
    return _pkcs8(rsa.generate_private_key(int.from_bytes(request.param), request.a))


def _public_of(request: Request) -> bytes:
    return _spki(_load_private(request.key).public_key())


def _pkcs1_sign(request: Request) -> bytes:
    return _load_private(request.key).sign(request.data, PKCS1v15(), request.hash)


def _pkcs1_verify(request: Request) -> bytes:
    key, algorithm = _load_public(request.key), request.hash
    try:
        key.verify(request.param, request.data, PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return b"\0"
    return b"\1"


def _pss_sign(request: Request) -> bytes:
    if request.b > MAX_MODULUS_BITS and request.b != _ANY_SALT:
        invalid()
    salt = PSS.MAX_LENGTH if request.b == _ANY_SALT else request.b
    return _load_private(request.key).sign(request.data, PSS(MGF1(request.hash), salt), request.hash)


def _pss_verify(request: Request) -> bytes:
    key, algorithm = _load_public(request.key), request.hash
    if request.b > MAX_MODULUS_BITS and request.b != _ANY_SALT:
        return b"\0"
    salt = PSS.AUTO if request.b == _ANY_SALT else request.b
    try:
        key.verify(request.param, request.data, PSS(MGF1(algorithm), salt), algorithm)
    except (InvalidSignature, ValueError):  # the latter: a salt that cannot fit
        return b"\0"
    return b"\1"


def _oaep(request: Request) -> OAEP:
    return OAEP(MGF1(request.hash), request.hash, request.param or None)


def _encrypt(request: Request) -> bytes:
    return _load_public(request.key).encrypt(request.data, _oaep(request))


def _decrypt(request: Request) -> bytes:
    return _load_private(request.key).decrypt(request.data, _oaep(request))


def _encrypt_pkcs1(request: Request) -> bytes:
    return _load_public(request.key).encrypt(request.data, PKCS1v15())


def _decrypt_pkcs1(request: Request) -> bytes:
    """What is no encryption gives other bytes each time: OpenSSL rejects implicitly."""
    return _load_private(request.key).decrypt(request.data, PKCS1v15())


def _import_spki(request: Request) -> bytes:
    return _spki(_load_public(request.data))


def _import_pkcs8(request: Request) -> bytes:
    return _pkcs8(_load_private(request.data))


def _list(numbers: tuple[int, ...]) -> bytes:
    parts = [number.to_bytes((number.bit_length() + 7) // 8) for number in numbers]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def _public_numbers(request: Request) -> bytes:
    numbers = _load_public(request.key).public_numbers()
    return _list((numbers.n, numbers.e))


def _private_numbers(request: Request) -> bytes:
    own = _load_private(request.key).private_numbers()
    public = own.public_numbers
    return _list((public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp))


def _from_numbers(request: Request) -> bytes:
    if len(request.data) > _MAX_KEY_BYTES:
        limited()
    found: list[int] = []
    at = 0
    while at < len(request.data):
        (length,) = struct.unpack_from("<I", request.data, at)
        at += 4 + length
        if at > len(request.data) or len(found) == _PRIVATE_NUMBERS:
            invalid()
        found.append(int.from_bytes(request.data[at - length : at]))
    if len(found) not in (_PUBLIC_NUMBERS, _PRIVATE_NUMBERS):
        invalid()
    public = rsa.RSAPublicNumbers(n=found[0], e=found[1])
    _check_public(public)
    if len(found) == _PUBLIC_NUMBERS:
        return _spki(public.public_key())
    d, p, q, dmp1, dmq1, iqmp = found[2:]
    numbers = rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=dmp1, dmq1=dmq1, iqmp=iqmp, public_numbers=public)
    _check_private(numbers)
    return _pkcs8(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def _has_long_key(request: Request) -> bool:
    return len(request.key) > _SHORT_KEY_BYTES


RSA: Final = {
    50: Operation(_generate, lambda request: MIN_GENERATED_BITS <= request.a <= MAX_GENERATED_BITS, draws_entropy=True),
    51: Operation(_public_of),
    52: Operation(_pkcs1_sign, _has_long_key),
    53: Operation(_pkcs1_verify),
    54: Operation(_pss_sign, _has_long_key, draws_entropy=True),
    55: Operation(_pss_verify),
    56: Operation(_encrypt, draws_entropy=True),
    57: Operation(_decrypt, _has_long_key),
    58: Operation(_import_spki),
    59: Operation(_import_pkcs8),
    60: Operation(_public_numbers),
    61: Operation(_private_numbers),
    62: Operation(_from_numbers),
    63: Operation(_encrypt_pkcs1, draws_entropy=True),
    64: Operation(_decrypt_pkcs1, _has_long_key),
}
