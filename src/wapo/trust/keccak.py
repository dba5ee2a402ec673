"""Keccak-256 as Ethereum uses it, with the padding from before FIPS 202 (SHA3-256 is another function)."""

from typing import TYPE_CHECKING

from wapo.lazy import library

if TYPE_CHECKING:
    from Crypto.Hash import keccak
else:
    keccak = library("Crypto.Hash.keccak")

__all__ = ["keccak256"]


def keccak256(data: bytes) -> bytes:
    """32 bytes."""
    digest: bytes = keccak.new(digest_bits=256, data=data).digest()
    return digest
