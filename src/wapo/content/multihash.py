"""Multihashes: which hash functions are allowed, and whether bytes are what a hash says.

https://github.com/multiformats/multihash: ``varint function, varint digest length, digest``.

The list is short on purpose. Each function on it is collision resistant at full length (``identity`` trivially so);
a truncated digest or a broken function would let two programs share one address, which is the one thing that an
address here must not allow.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from wapo.content.errors import InvalidCid
from wapo.content.varint import encode_varint

__all__ = [
    "BLAKE2B_256",
    "IDENTITY",
    "MAX_IDENTITY_BYTES",
    "SHA2_256",
    "SHA2_512",
    "HashFunction",
    "check_multihash",
    "hash_function",
    "inline_data",
    "multihash_matches",
]

# Kubo's limit (boxo verifcid.DefaultMaxIdentityDigestSize).
MAX_IDENTITY_BYTES = 128


def _blake2b_256(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def _sha2_256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sha2_512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


@dataclass(frozen=True, slots=True)
class HashFunction:
    """A function of the multicodec table. ``digest_bytes`` is the exact length of a digest, None where it varies."""

    code: int
    name: str
    digest_bytes: int | None
    digest: Callable[[bytes], bytes]

    def multihash(self, data: bytes) -> bytes:
        """The multihash of ``data``."""
        digest = self.digest(data)
        return encode_varint(self.code) + encode_varint(len(digest)) + digest


IDENTITY = HashFunction(0x00, "identity", None, bytes)
SHA2_256 = HashFunction(0x12, "sha2-256", 32, _sha2_256)
SHA2_512 = HashFunction(0x13, "sha2-512", 64, _sha2_512)
BLAKE2B_256 = HashFunction(0xB220, "blake2b-256", 32, _blake2b_256)

_FUNCTIONS = {function.code: function for function in (IDENTITY, SHA2_256, SHA2_512, BLAKE2B_256)}
_PREFIXES = tuple(
    (encode_varint(function.code) + encode_varint(function.digest_bytes), function)
    for function in _FUNCTIONS.values()
    if function.digest_bytes is not None
)


def check_multihash(code: int, digest_bytes: int) -> HashFunction:
    """The function for a code, for a digest of that many bytes.

    Raises:
        InvalidCid: the function is not allowed, or its digests have another length.
    """
    function = _FUNCTIONS.get(code)
    if function is None:
        allowed = ", ".join(known.name for known in _FUNCTIONS.values())
        raise InvalidCid(f"The identifier uses hash function 0x{code:x}; allowed are {allowed}.")
    if function is IDENTITY:
        if digest_bytes > MAX_IDENTITY_BYTES:
            raise InvalidCid(f"The identifier holds {digest_bytes} bytes inline; {MAX_IDENTITY_BYTES} are allowed.")
    elif digest_bytes != function.digest_bytes:
        raise InvalidCid(
            f"The identifier's {function.name} digest has {digest_bytes} bytes, not {function.digest_bytes}."
        )
    return function


def hash_function(multihash: bytes) -> HashFunction:
    """The function of a sound multihash, that is, of one that is part of a ``Cid``."""
    for prefix, function in _PREFIXES:
        if multihash.startswith(prefix):
            return function
    return IDENTITY


def inline_data(multihash: bytes) -> bytes | None:
    """The bytes that an identity multihash holds; None for every other function."""
    # The digest's length takes two bytes when it is 128, the limit.
    return multihash[3 if len(multihash) > 129 else 2 :] if multihash[0] == IDENTITY.code else None


def multihash_matches(multihash: bytes, data: bytes) -> bool:
    """Whether ``data`` is what a sound multihash says. Takes about 1 ms a MiB; the GIL is free meanwhile."""
    return hash_function(multihash).multihash(data) == multihash
