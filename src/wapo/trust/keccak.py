"""Keccak-256 as Ethereum uses it, with the padding from before FIPS 202 (SHA3-256 is another function)."""

from Crypto.Hash import keccak

__all__ = ["keccak256"]


def keccak256(data: bytes) -> bytes:
    """32 bytes."""
    digest: bytes = keccak.new(digest_bits=256, data=data).digest()
    return digest
