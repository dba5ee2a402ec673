"""HKDF (RFC 5869), PBKDF2 (RFC 8018) and scrypt (RFC 7914)."""

import hashlib
import threading
from typing import Final

from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.vm.crypto.request import HASH_BYTES, HASH_NAMES, Operation, Request, invalid, limited

__all__ = ["DERIVATION", "MAX_PBKDF2_ROUNDS", "MAX_SCRYPT_BYTES"]

#: Iterations times blocks of output: a few seconds of a thread. OWASP's advice of 2023 is 600,000 for SHA-256.
MAX_PBKDF2_ROUNDS: Final = 10_000_000
#: Bytes that are hashed anew for each block of output, the salt of one and the info of the other, together.
_MAX_HASHED_BYTES: Final = 256 << 20
_MAX_OUTPUT_BYTES: Final = 1 << 20
#: Of 128 N r: what the strong setting of Ethereum's key files takes. It is the host's memory.
MAX_SCRYPT_BYTES: Final = 256 << 20
#: Of N r p: about three seconds of a thread.
_MAX_SCRYPT_WORK: Final = 4 << 20
_MAX_SCRYPT_PARALLEL: Final = 1024
#: All programs' threads together have that memory once.
_scrypt_memory: Final = threading.Lock()
#: Less than a millisecond.
_SHORT_ROUNDS: Final = 2000
_SHORT_BYTES: Final = 256 << 10


def _blocks(request: Request) -> int:
    size = HASH_BYTES.get(request.a)
    if size is None:
        invalid()
    return -(-request.b // size)


def _hashed(request: Request, repeated: bytes) -> int:
    return _blocks(request) * (len(repeated) + 64)


def _hkdf_is_long(request: Request) -> bool:
    return _hashed(request, request.extra) > _SHORT_BYTES


def _hkdf(request: Request) -> bytes:
    if _hashed(request, request.extra) > _MAX_HASHED_BYTES:
        limited()
    if request.b == 0:
        return b""
    return HKDF(request.hash, request.b, request.param, request.extra).derive(request.key)


def _pbkdf2_is_long(request: Request) -> bool:
    rounds, hashed = request.c * _blocks(request), _hashed(request, request.param)
    return _is_allowed(request) and (rounds > _SHORT_ROUNDS or hashed > _SHORT_BYTES)


def _is_allowed(request: Request) -> bool:
    return (
        request.b <= _MAX_OUTPUT_BYTES
        and request.c * _blocks(request) <= MAX_PBKDF2_ROUNDS
        and _hashed(request, request.param) <= _MAX_HASHED_BYTES
    )


def _pbkdf2(request: Request) -> bytes:
    if request.c == 0 or request.a not in HASH_NAMES:
        invalid()
    if not _is_allowed(request):
        limited()
    if request.b == 0:
        return b""
    return hashlib.pbkdf2_hmac(HASH_NAMES[request.a], request.key, request.param, request.c, request.b)


def _scrypt(request: Request) -> bytes:
    n, r, p = request.b, request.c & 0xFFFF, request.c >> 16
    if n < 2 or n & (n - 1) or r == 0 or p == 0:
        invalid()
    # Beside N blocks there are p of them, and the password and the salt are hashed for each block of output.
    hashed = (request.a // 32 + 1) * (len(request.param) + 128 * r * p + 64) + len(request.key)
    if (
        request.a > _MAX_OUTPUT_BYTES or 128 * n * r > MAX_SCRYPT_BYTES or p > _MAX_SCRYPT_PARALLEL
        or n * r * p > _MAX_SCRYPT_WORK or hashed > _MAX_HASHED_BYTES
    ):  # fmt: skip
        limited()
    if request.a == 0:
        return b""
    with _scrypt_memory:
        return hashlib.scrypt(
            request.key, salt=request.param, n=n, r=r, p=p, dklen=request.a, maxmem=MAX_SCRYPT_BYTES + (256 << 20)
        )


DERIVATION: Final = {
    20: Operation(_hkdf, _hkdf_is_long),
    21: Operation(_pbkdf2, _pbkdf2_is_long),
    22: Operation(_scrypt, lambda request: True),
}
