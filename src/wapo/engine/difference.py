"""What one memory has that another has not: a few hundred bytes here and there, where whole pages would be copied.

A machine that has begun a request differs from its image in a hundred pages, and a small agent's image from the base
image in as many; but in most of those pages in a few bytes only: counts of references, links of lists.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from wapo.engine import capi

__all__ = ["PAGE", "Difference"]

PAGE: Final = 4096

#: What is compared at a time within a page. Smaller blocks take less room and more time.
_BLOCK: Final = 256
_QUARTER: Final = 1024
_QUARTERS: Final = range(0, PAGE, _QUARTER)
_ZEROS: Final = bytes(PAGE)
_COUNT: Final = struct.Struct("<I")

_memory = capi.memory


def _changed(at: int, before: bytes, now: bytes) -> Iterator[tuple[int, bytes]]:
    """Blocks of a page at ``at`` that are not as before; larger ones where there was nothing before."""
    new = before == _ZEROS
    for quarter in _QUARTERS:
        if now[quarter : quarter + _QUARTER] == before[quarter : quarter + _QUARTER]:
            continue
        if new:
            yield at + quarter, now[quarter : quarter + _QUARTER]
            continue
        for start in range(quarter, quarter + _QUARTER, _BLOCK):
            block = now[start : start + _BLOCK]
            if block != before[start : start + _BLOCK]:
                yield at + start, block


class Difference:
    """Blocks of a memory, and where they belong. Changed by nobody once it is made.

    Attributes:
        bytes_kept: what it takes.
    """

    __slots__ = ("_data", "_places")

    def __init__(self, places: "array[int]", data: bytes) -> None:
        self._places = places  # offset and length in turn, unsigned 32-bit
        self._data = data

    @classmethod
    def between(cls, old: int, old_bytes: int, new: int, pages: Iterable[tuple[int, int]]) -> "Difference":
        """What turns the memory at address ``old`` into the one at ``new``; beyond ``old_bytes`` the former has zeros.

        Args:
            pages: ranges of offsets that may differ, in whole pages.
        """
        places, parts = array("I"), []
        end = -1
        for first, last in pages:
            for at in range(first, last, PAGE):
                # As bytes: memoryviews are compared one element at a time.
                now = bytes(_memory[new + at : new + at + PAGE])
                before = bytes(_memory[old + at : old + at + PAGE]) if at < old_bytes else _ZEROS
                if now == before:
                    continue
                for start, block in _changed(at, before, now):
                    parts.append(block)
                    if start == end:
                        places[-1] += len(block)
                    else:
                        places.extend((start, len(block)))
                    end = start + len(block)
        return cls(places, b"".join(parts))

    @classmethod
    def joined(cls, differences: Iterable["Difference"]) -> "Difference":
        """Several of the same two memories, of different pages, as one."""
        places, parts = array("I"), []
        for difference in differences:
            places.extend(difference._places)
            parts.append(difference._data)
        return cls(places, b"".join(parts))

    def apply(self, address: int) -> None:
        """Turns the old memory, which is at that address, into the new one."""
        for offset, data in self.pieces():
            _memory[address + offset : address + offset + len(data)] = data

    def pieces(self) -> Iterator[tuple[int, memoryview]]:
        """What the new memory has, and at which offset."""
        places, data, at = self._places, memoryview(self._data), 0
        for offset, length in zip(places[::2], places[1::2], strict=True):
            yield offset, data[at : at + length]
            at += length

    @property
    def bytes_kept(self) -> int:
        return len(self._data) + 4 * len(self._places)

    def encode(self) -> bytes:
        """For a file that this process reads again."""
        return _COUNT.pack(len(self._places)) + self._places.tobytes() + self._data

    @classmethod
    def decode(cls, encoded: bytes) -> "Difference":
        """What :meth:`encode` gave."""
        (count,) = _COUNT.unpack_from(encoded)
        places = array("I")
        places.frombytes(encoded[_COUNT.size : _COUNT.size + 4 * count])
        return cls(places, encoded[_COUNT.size + 4 * count :])
