"""The subset of SCALE that the guest ABI and the node's messages use (wapo-abi.md 4.4).

Integers are little-endian; lengths are compact: one, two or four bytes, or five from 2**30 on.
"""

import struct
from typing import Final

from wapo.errors import CallerError

__all__ = ["Reader", "ScaleError", "encode_bytes", "encode_compact", "encode_text"]

_U16: Final = struct.Struct("<H").pack
_U32: Final = struct.Struct("<I").pack


class ScaleError(CallerError):
    """Bytes that are not the SCALE encoding of the type that is wanted."""

    code = "bad_scale"


def encode_compact(value: int) -> bytes:
    """The shortest compact form of a length, 0 to 2**32 - 1."""
    if value < 64:
        return bytes((value << 2,))
    if value < 1 << 14:
        return _U16(value << 2 | 1)
    if value < 1 << 30:
        return _U32(value << 2 | 2)
    return b"\x03" + _U32(value)


def encode_bytes(data: bytes) -> bytes:
    """``Vec<u8>``: compact length and the bytes."""
    return encode_compact(len(data)) + data


def encode_text(text: str) -> bytes:
    """``String``: as ``Vec<u8>``, in UTF-8."""
    return encode_bytes(text.encode())


class Reader:
    """Decodes values one after another. Bytes left over at the end are nobody's error (wapo-abi.md 4.4)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def remaining(self) -> int:
        """Bytes not yet decoded."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """That many raw bytes.

        Raises:
            ScaleError: fewer are left.
        """
        end = self._at + count
        if end > len(self._data):
            raise ScaleError(f"the encoding ends {end - len(self._data)} bytes early")
        data = self._data[self._at : end]
        self._at = end
        return data

    def unsigned(self, size: int) -> int:
        """A fixed unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A fixed signed integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def compact(self) -> int:
        """A compact length.

        Raises:
            ScaleError: a longer form than needed, or a length above 2**32 - 1.
        """
        first = self.unsigned(1)
        mode = first & 3
        if mode == 0:
            return first >> 2
        if mode == 1:
            value, least = (first | self.unsigned(1) << 8) >> 2, 64
        elif mode == 2:
            value, least = (first | self.unsigned(3) << 8) >> 2, 1 << 14
        elif first == 3:
            value, least = self.unsigned(4), 1 << 30
        else:
            raise ScaleError("a length above 2**32 - 1")
        if value < least:
            raise ScaleError("a length that is not in its shortest form")
        return value

    def bytes(self) -> bytes:
        """``Vec<u8>``."""
        return self.take(self.compact())

    def text(self) -> str:
        """``String``."""
        try:
            return self.bytes().decode()
        except UnicodeDecodeError as error:
            raise ScaleError(f"a string that is not UTF-8: {error.reason}") from error

    def variant(self, name: str, count: int) -> int:
        """The index of an enum's variant, below ``count``."""
        index = self.unsigned(1)
        if index >= count:
            raise ScaleError(f"{name} has no variant {index}")
        return index

    def option(self) -> bool:
        """Whether an ``Option`` holds a value, which follows then."""
        return self.variant("Option", 2) == 1
