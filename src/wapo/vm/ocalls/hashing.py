"""Digests for guests (docs/abi.md, 1020 to 1023): libraries do the work, one bounded piece a call.

A host function cannot be interrupted, so a guest hashes what is long in pieces of at most 1 MiB; its slice can end
between two of them.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.lazy import library
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.resources.base import Resource

if TYPE_CHECKING:
    from Crypto.Hash import keccak
else:
    keccak = library("Crypto.Hash.keccak")

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["HASHING", "MAX_PIECE_BYTES"]

MAX_PIECE_BYTES: Final = 1 << 20

_ALGORITHMS: Final[dict[int, Callable[[], Any]]] = {
    1: hashlib.sha1,
    2: hashlib.sha256,
    3: hashlib.sha384,
    4: hashlib.sha512,
    5: lambda: keccak.new(digest_bits=256, update_after_digest=True),
    6: lambda: hashlib.blake2b(digest_size=16),
    7: lambda: hashlib.blake2b(digest_size=32),
    8: lambda: hashlib.blake2b(digest_size=64),
    9: hashlib.md5,
}


class _Hash(Resource):
    kind: ClassVar[str] = "hash"
    __slots__ = ("state",)

    def __init__(self, state: Any) -> None:
        self.state = state


def _new(algorithm: int) -> Any:
    make = _ALGORITHMS.get(algorithm)
    if make is None:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    return make()


def _piece(guest: "Guest", pointer: int, length: int) -> bytes:
    guest.instance.check(pointer, length)
    if length > MAX_PIECE_BYTES:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    guest.meter.gas += 1000 + length // 16
    return guest.instance.read(pointer, length)


def hash_once(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1020: algorithm p0 of ``[p1, p1+p2)``; the digest goes to p3, its length is the result."""
    state = _new(p0)
    state.update(_piece(guest, p1, p2))
    digest: bytes = state.digest()
    guest.instance.write(p3, digest)
    return len(digest)


def hash_open(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1021: a running digest with algorithm p0."""
    guest.meter.gas += 500
    return guest.table.add(_Hash(_new(p0)))


def _running(guest: "Guest", number: int) -> _Hash:
    resource = guest.table.get(number)
    if not isinstance(resource, _Hash):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return resource


def hash_update(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1022: adds ``[p1, p1+p2)`` to digest p0."""
    _running(guest, p0).state.update(_piece(guest, p1, p2))
    return 0


def hash_finish(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1023: the digest of p0 so far goes to p1; its length is the result. The resource stays until closed."""
    digest: bytes = _running(guest, p0).state.digest()
    guest.instance.write(p1, digest)
    return len(digest)


HASHING: Final[Handlers] = {1020: hash_once, 1021: hash_open, 1022: hash_update, 1023: hash_finish}
