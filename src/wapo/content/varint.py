"""Unsigned varints (https://github.com/multiformats/unsigned-varint): little-endian, 7 bits a byte, at most 9 bytes.

Written here because the reader of a stream must tell *more bytes are needed* from *this is wrong*, which the libraries
on PyPI do not; ``tests/content/test_varint.py`` holds it against ``multiformats``.
"""

from collections.abc import Sequence

__all__ = ["MAX_VARINT_BYTES", "BadVarint", "ShortVarint", "decode_varint", "encode_varint"]

# The specification's limit "for security, to avoid memory attacks"; 63 bits are more than any length or code needs.
MAX_VARINT_BYTES = 9


class BadVarint(ValueError):
    """Not a varint: over 9 bytes, or longer than need be."""


class ShortVarint(BadVarint):
    """The bytes end inside a varint; with more of them it may become one."""


def encode_varint(value: int) -> bytes:
    """Encode 0 <= ``value`` < 2**63."""
    assert 0 <= value < 1 << 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: Sequence[int], at: int = 0) -> tuple[int, int]:
    """Read one varint from ``data`` at offset ``at``.

    Args:
        data: bytes, bytearray or memoryview.
    Returns:
        The value, and the offset after it.
    Raises:
        ShortVarint: ``data`` ends first.
        BadVarint: no varint starts with these bytes.
    """
    value = 0
    for index in range(MAX_VARINT_BYTES):
        if at + index >= len(data):
            raise ShortVarint("the bytes end inside a varint")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index:
                # "Implementations must only accept minimal encodings": one number, one spelling, one hash.
                raise BadVarint("a varint is longer than it need be")
            return value, at + index + 1
    raise BadVarint(f"a varint is longer than {MAX_VARINT_BYTES} bytes")
