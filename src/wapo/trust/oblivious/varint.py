"""Integers of variable length, as QUIC has them (RFC 9000 16): the first two bits say how many bytes there are."""

from typing import Final

__all__ = ["encode_varint", "varint_length"]

_LARGEST: Final = 1 << 62


def encode_varint(value: int) -> bytes:
    """In as few bytes as it takes. ``value`` is below 2**62."""
    if value < 1 << 6:
        return bytes((value,))
    if value < 1 << 14:
        return (value | 1 << 14).to_bytes(2, "big")
    if value < 1 << 30:
        return (value | 2 << 30).to_bytes(4, "big")
    assert value < _LARGEST
    return (value | 3 << 62).to_bytes(8, "big")


def varint_length(first: int) -> int:
    """How many bytes an integer has whose first byte that is."""
    return 1 << (first >> 6)
