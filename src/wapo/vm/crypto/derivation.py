"""HKDF (RFC 5869) and PBKDF2 (RFC 8018)."""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.vm.crypto.request import HASH_BYTES, HASH_NAMES, Operation, Request, invalid, limited

__all__ = ["DERIVATION", "MAX_PBKDF2_ROUNDS"]

#: Iterations times blocks of output: a few seconds of a thread. OWASP's advice of 2023 is 600,000 for SHA-256.
MAX_PBKDF2_ROUNDS: Final = 10_000_000
#: Less than a millisecond.
_SHORT_ROUNDS: Final = 2000


def _hkdf(request: Request) -> bytes:
    if request.b == 0:
        return b""
    return HKDF(request.hash, request.b, request.param, request.extra).derive(request.key)


def _rounds(request: Request) -> int:
    size = HASH_BYTES.get(request.a)
    if size is None or request.c == 0:
        invalid()
    return request.c * -(-request.b // size)


def _pbkdf2(request: Request) -> bytes:
    if _rounds(request) > MAX_PBKDF2_ROUNDS:
        limited()
    if request.b == 0:
        return b""
    return hashlib.pbkdf2_hmac(HASH_NAMES[request.a], request.key, request.param, request.c, request.b)


DERIVATION: Final = {
    20: Operation(_hkdf),
    21: Operation(_pbkdf2, lambda request: _SHORT_ROUNDS < _rounds(request) <= MAX_PBKDF2_ROUNDS),
}
