"""A request as it crosses the border, and what operations may raise."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from cryptography.hazmat.primitives import hashes

from wapo.abi.results import OcallError, OcallFailure

__all__ = [
    "HASHES",
    "HASH_BYTES",
    "HASH_NAMES",
    "HEAD_BYTES",
    "Operation",
    "Request",
    "invalid",
    "limited",
    "unsupported",
]

_HEAD: Final = struct.Struct("<8I")
HEAD_BYTES: Final = _HEAD.size

#: By the numbers that 1020 uses too.
HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    1: hashes.SHA1(),
    2: hashes.SHA256(),
    3: hashes.SHA384(),
    4: hashes.SHA512(),
}
HASH_NAMES: Final = {1: "sha1", 2: "sha256", 3: "sha384", 4: "sha512"}
HASH_BYTES: Final = {1: 20, 2: 32, 3: 48, 4: 64}


@dataclass(frozen=True, slots=True)
class Request:
    """``operation`` and the three numbers mean what docs/abi.md says; so do the four parts."""

    operation: int
    a: int
    b: int
    c: int
    key: bytes
    param: bytes
    data: bytes
    extra: bytes

    @classmethod
    def decode(cls, message: bytes) -> "Request":
        """Eight u32: operation, three numbers, lengths of the four parts; then the parts.

        Raises:
            OcallFailure: ``INVALID_PARAMETER``: the lengths are not those of the message.
        """
        if len(message) < HEAD_BYTES:
            invalid()
        operation, a, b, c, *lengths = _HEAD.unpack_from(message)
        if sum(lengths) != len(message) - HEAD_BYTES:
            invalid()
        parts = []
        at = HEAD_BYTES
        for length in lengths:
            parts.append(message[at : at + length])
            at += length
        return cls(operation, a, b, c, *parts)

    @property
    def hash(self) -> hashes.HashAlgorithm:
        """The digest of number ``a``."""
        return hash_of(self.a)


def hash_of(number: int) -> hashes.HashAlgorithm:
    """Raises ``INVALID_PARAMETER`` where there is none of that number."""
    found = HASHES.get(number)
    if found is None:
        invalid()
    return found


def _never(request: Request) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done for a number.

    Attributes:
        perform: gives the result, or raises ``OcallFailure``; what libraries raise means that the input was wrong.
        is_long: whether it takes longer than the event loop can wait (about a millisecond).
        gas: of one call, beside what its bytes cost.
        draws_entropy: whether the result differs from call to call.
    """

    perform: Callable[[Request], bytes]
    is_long: Callable[[Request], bool] = _never
    gas: int = 1000
    draws_entropy: bool = False


def invalid() -> NoReturn:
    """The data or the key is not what it must be."""
    raise OcallFailure(OcallError.INVALID_PARAMETER)


def limited() -> NoReturn:
    """More than this host does for a guest."""
    raise OcallFailure(OcallError.RESOURCE_LIMITED)


def unsupported() -> NoReturn:
    """What the libraries do not have."""
    raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
