"""Makes a WebAssembly module note what it writes: every store marks the 8 bytes of memory that it falls on.

A snapshot before and after cannot tell that: a reference count that goes up and down again leaves no trace but a
written page. So each store instruction of the module is replaced by a call of a function that marks and stores.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wasm_binary import Reader, leb, sections

__all__ = ["GRANULE", "exported_addresses", "with_marked_stores"]

#: Bytes of memory for each byte of the map.
GRANULE: Final = 8

_TYPE, _FUNCTION, _GLOBAL, _EXPORT, _CODE = 1, 3, 6, 7, 10
_IMPORT: Final = 2
_I32, _I64, _F32, _F64, _V128 = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B

#: Store instructions: what they store, and how many bytes of it.
_STORES: Final = {
    b"\x36": (_I32, 4), b"\x37": (_I64, 8), b"\x38": (_F32, 4), b"\x39": (_F64, 8), b"\x3a": (_I32, 1),
    b"\x3b": (_I32, 2), b"\x3c": (_I64, 1), b"\x3d": (_I64, 2), b"\x3e": (_I64, 4), b"\xfd\x0b": (_V128, 16),
    b"\xfd\x58": (_V128, 1), b"\xfd\x59": (_V128, 2), b"\xfd\x5a": (_V128, 4), b"\xfd\x5b": (_V128, 8),
}  # fmt: skip
_MEMORY_COPY, _MEMORY_FILL = b"\xfc\x0a", b"\xfc\x0b"

# What the added functions are made of.
_GET: Final = (b"\x20\x00", b"\x20\x01", b"\x20\x02")
_SET: Final = (b"\x21\x00", b"\x21\x01", b"\x21\x02")
_ADD, _SUBTRACT, _SHIFT_RIGHT, _LESS, _IS_ZERO, _SELECT = b"\x6a", b"\x6b", b"\x76", b"\x49", b"\x45", b"\x1b"
_BLOCK, _LOOP, _IF, _END, _LEAVE, _REPEAT = b"\x02\x40", b"\x03\x40", b"\x04\x40", b"\x0b", b"\x0d\x01", b"\x0c\x00"
_STORE_BYTE: Final = b"\x3a\x00"


def _signed_leb(value: int) -> bytes:
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def _constant(value: int) -> bytes:
    return b"\x41" + _signed_leb(value)


def _vector(body: bytes, more: list[bytes]) -> bytes:
    """A section's content with more entries."""
    reader = Reader(body)
    count = reader.unsigned()
    return leb(count + len(more)) + body[reader.at :] + b"".join(more)


def exported_addresses(module: bytes) -> dict[str, int]:
    """What the module's exported globals are, by name: addresses of data."""
    values: list[int] = []
    found: dict[str, int] = {}
    for number, body in sections(module):
        reader = Reader(body)
        if number == _GLOBAL:
            for _ in range(reader.unsigned()):
                reader.at += 2
                if reader.byte() != 0x41:
                    raise SystemExit("a global of the module is no i32.const")
                values.append(reader.unsigned())  # signed, which makes no difference to an address below 2 GiB
                reader.at += 1
        if number == _EXPORT:
            for _ in range(reader.unsigned()):
                name, kind, index = reader.name(), reader.byte(), reader.unsigned()
                if kind == 3:
                    found[name] = values[index]
    return found


@dataclass
class _Helpers:
    """The functions that are added, by the instruction that each stands for."""

    first: int
    map_address: int
    types: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)

    def number(self, instruction: bytes, lane: bytes = b"") -> int:
        """The function that marks and stores, which takes the offset as its last argument."""
        key = instruction + lane
        if key not in self.known:
            self.known[key] = self.first + len(self.bodies)
            kind, body = (
                self._block(instruction)
                if instruction in (_MEMORY_COPY, _MEMORY_FILL)
                else self._one(instruction, lane)
            )
            self.types.append(b"\x60\x03" + bytes(kind) + b"\x00")
            code = b"\x00" + body + _END
            self.bodies.append(leb(len(code)) + code)
        return self.known[key]

    def _mark(self, address: bytes) -> bytes:
        """Marks the byte that the code ``address`` gives the address of."""
        return address + _constant(3) + _SHIFT_RIGHT + _constant(1) + _STORE_BYTE + leb(self.map_address)

    def _one(self, instruction: bytes, lane: bytes) -> tuple[list[int], bytes]:
        """(address, value, offset): a store."""
        value, size = _STORES[instruction]
        where = _GET[0] + _GET[2] + _ADD + _SET[0]
        offsets = sorted({*range(0, size, GRANULE), size - 1})
        marks = b"".join(self._mark(_GET[0] + _constant(offset) + _ADD) for offset in offsets)
        return [_I32, value, _I32], where + marks + _GET[0] + _GET[1] + instruction + b"\x00\x00" + lane

    def _block(self, instruction: bytes) -> tuple[list[int], bytes]:
        """(address, source or value, length): memory.copy, memory.fill."""
        does = b"".join(_GET) + instruction + (b"\x00\x00" if instruction == _MEMORY_COPY else b"\x00")
        last = _IF + self._mark(_GET[0] + _GET[2] + _ADD + _constant(1) + _SUBTRACT) + _END
        step = _GET[2] + _constant(GRANULE) + _GET[2] + _constant(GRANULE) + _LESS + _SELECT  # min(length, GRANULE)
        each = self._mark(_GET[0]) + _GET[2] + step + _SUBTRACT + _GET[0] + step + _ADD + _SET[0] + _SET[2]
        loop = _BLOCK + _LOOP + _GET[2] + _IS_ZERO + _LEAVE + each + _REPEAT + _END + _END
        return [_I32, _I32, _I32], does + _GET[2] + last + loop


def _immediates(reader: Reader, opcode: int) -> None:
    """Passes over what follows an opcode."""
    number = reader.unsigned
    if 0x45 <= opcode <= 0xC4:
        return
    if opcode in (0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x0C, 0x0D, 0x10, 0x41, 0x42, 0x02, 0x03, 0x04, 0xD0, 0xD2):
        number()
    elif 0x28 <= opcode <= 0x3E or opcode == 0x11:
        number()
        number()
    elif opcode == 0x0E:
        for _ in range(number() + 1):
            number()
    elif opcode == 0x1C:
        reader.at += number()
    elif opcode in (0x3F, 0x40):
        reader.at += 1
    elif opcode == 0x43:
        reader.at += 4
    elif opcode == 0x44:
        reader.at += 8
    elif opcode == 0xFC:
        for _ in range((0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1)[number()]):
            number()
    elif opcode == 0xFD:
        sub = number()
        if sub <= 11 or 84 <= sub <= 93:
            number()
            number()
            reader.at += 84 <= sub <= 91
        elif sub in (12, 13):
            reader.at += 16
        elif 21 <= sub <= 34:
            reader.at += 1
    elif opcode not in (0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1):
        raise SystemExit(f"an instruction that guest/stores.py does not know: {opcode:#x}")


def _rewritten(body: bytes, helper: Callable[[bytes, bytes], int]) -> bytes:
    """A function's body, its size first."""
    reader = Reader(body)
    for _ in range(reader.unsigned()):
        reader.unsigned()
        reader.byte()
    out, copied = bytearray(), 0
    while reader.at < len(body):
        start = reader.at
        opcode = reader.byte()
        if opcode < 0x36 or (opcode > 0x3E and opcode < 0xFC):
            _immediates(reader, opcode)
            continue
        if opcode <= 0x3E:
            instruction = bytes((opcode,))
        else:
            sub = reader.unsigned()
            instruction = bytes((opcode, sub)) if sub < 0x80 else b""
            reader.at = start + 1
        if instruction in _STORES:
            reader.at = start + len(instruction)
            reader.unsigned()
            offset = reader.unsigned()
            lane = b""
            if instruction[0] == 0xFD and instruction[1] != 0x0B:
                lane = bytes((reader.byte(),))
            out += body[copied:start] + _constant(offset) + b"\x10" + leb(helper(instruction, lane))
            copied = reader.at
        else:
            _immediates(reader, opcode)
            if instruction in (_MEMORY_COPY, _MEMORY_FILL):
                out += body[copied:start] + b"\x10" + leb(helper(instruction, b""))
                copied = reader.at
    out += body[copied:]
    return leb(len(out)) + bytes(out)


def with_marked_stores(module: bytes, map_address: int) -> bytes:
    """The module, whose every store at ``a`` also sets the byte ``map_address + a // GRANULE`` to 1."""
    all_sections = list(sections(module))
    counts = {number: Reader(body).unsigned() for number, body in all_sections if number in (_TYPE, _FUNCTION)}
    imported = 0
    for number, body in all_sections:
        if number == _IMPORT:
            imported = _imported_functions(body)
    helpers = _Helpers(imported + counts[_FUNCTION], map_address)
    code = b""
    for number, body in all_sections:
        if number == _CODE:
            reader = Reader(body)
            parts = []
            for _ in range(reader.unsigned()):
                size = reader.unsigned()
                parts.append(_rewritten(body[reader.at : reader.at + size], helpers.number))
                reader.at += size
            code = leb(len(parts) + len(helpers.bodies)) + b"".join(parts) + b"".join(helpers.bodies)
    out = bytearray(module[:8])
    for number, body in all_sections:
        if number == _TYPE:
            body = _vector(body, helpers.types)
        elif number == _FUNCTION:
            body = _vector(body, [leb(counts[_TYPE] + index) for index in range(len(helpers.types))])
        elif number == _CODE:
            body = code
        out += bytes((number,)) + leb(len(body)) + body
    return bytes(out)


def _imported_functions(body: bytes) -> int:
    reader = Reader(body)
    functions = 0
    for _ in range(reader.unsigned()):
        reader.name()
        reader.name()
        kind = reader.byte()
        if kind != 0:
            raise SystemExit("guest/stores.py knows imports of functions only")
        reader.unsigned()
        functions += 1
    return functions
