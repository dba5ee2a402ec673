"""The binary form of WebAssembly modules, as much of it as the build looks at (WebAssembly Core Specification, 5)."""

from collections.abc import Iterator

__all__ = ["Reader", "leb", "sections"]


class Reader:
    """Reads on from a position. Of numbers beyond the end of the data: IndexError."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        """A number in LEB128 (5.2.2)."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def skip_number(self) -> None:
        """Passes a number, of either sign."""
        while self.byte() >= 0x80:
            pass

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def name(self) -> str:
        return self.take(self.unsigned()).decode()


def leb(value: int) -> bytes:
    """A number that is not negative, in LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Each section's number and content (5.5)."""
    reader = Reader(module, 8)
    while reader.at < len(module):
        number = reader.byte()
        yield number, reader.take(reader.unsigned())
