"""The subset of SCALE that the guest ABI and the node's messages use (wapo-abi.md 4.4).

Integers are little-endian; lengths are compact: one, two or four bytes, or five from 2**30 on.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from wapo.errors import CallerError

__all__ = [
    "Reader",
    "ScaleError",
    "encode_bytes",
    "encode_compact",
    "encode_fixed",
    "encode_option",
    "encode_text",
    "encode_unsigned",
    "encode_vec",
]

_T = TypeVar("_T")

_U16: Final = struct.Struct("<H").pack
_U32: Final = struct.Struct("<I").pack


class ScaleError(CallerError):
    """Bytes that are not the SCALE encoding of the type that is wanted, or a value that the type does not have."""

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
    """``String``: as ``Vec<u8>``, in UTF-8.

    Raises:
        ScaleError: half a surrogate pair, which JSON can spell and UTF-8 cannot.
    """
    try:
        return encode_bytes(text.encode())
    except UnicodeEncodeError as error:
        raise ScaleError(f"a string that has no UTF-8: {error.reason}") from error


def encode_unsigned(value: int, size: int) -> bytes:
    """A fixed unsigned integer of ``size`` bytes.

    Raises:
        ScaleError: negative, or too large.
    """
    try:
        return value.to_bytes(size, "little")
    except OverflowError as error:
        raise ScaleError(f"{value} does not fit into u{8 * size}") from error


def encode_fixed(data: bytes, size: int) -> bytes:
    """``[u8; size]``: the bytes.

    Raises:
        ScaleError: there are more or fewer.
    """
    if len(data) != size:
        raise ScaleError(f"{size} bytes are expected, not {len(data)}")
    return data


def encode_option(encoded: bytes | None) -> bytes:
    """``Option``: of an encoded value, or of none."""
    return b"\0" if encoded is None else b"\1" + encoded


def encode_vec(items: Iterable[bytes]) -> bytes:
    """``Vec`` of encoded items."""
    parts = list(items)
    return encode_compact(len(parts)) + b"".join(parts)


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

    def boolean(self) -> bool:
        """``bool``."""
        return self.variant("bool", 2) == 1

    def vec(self, item: Callable[[], _T], at_most: int | None = None) -> list[_T]:
        """``Vec`` of what ``item`` reads, at least one byte each; with ``at_most``, ``BoundedVec``.

        Raises:
            ScaleError: more items than the bound, or than there are bytes.
        """
        count = self.compact()
        if at_most is not None and count > at_most:
            raise ScaleError(f"a list of {count} items; at most {at_most} are allowed")
        if count > self.remaining:
            raise ScaleError(f"a list of {count} items in {self.remaining} bytes")
        return [item() for _ in range(count)]
