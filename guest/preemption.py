"""Lets the host end a slice of wapojs.wasm at any time: a check at every turn of a loop and on every way round in the
graph of calls.

wasmtime's epochs do this for any module, at five instructions in each function and each turn of a loop, with two
values that must be kept at hand: a sixth of the time of JavaScript. Here the check is a byte of the guest's own memory
that the host sets (``wapo_slice_over``), one compare and one branch, and functions have it only where a chain of calls
could go round without one:

    i32.const 0; i32.load8_u wapo_slice_over; if; call wapo_end_slice; end

Whatever repeats without end turns in a loop or in a cycle of calls, so nothing runs for long without a check: the same
promise as epochs make, up to what an acyclic piece of code takes. Branch hints tell the compiler that the call is rare.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from wasm_binary import Reader, leb, sections

__all__ = ["FLAG", "YIELD", "UnknownInstruction", "instrument"]

#: What the module exports: the byte that the host sets (a global with its address), and what is called then.
FLAG = "wapo_slice_over"
YIELD = "wapo_end_slice"

_HINTS = b"metadata.code.branch_hint"
_CUSTOM, _IMPORTS, _FUNCTIONS, _GLOBALS, _EXPORTS, _ELEMENTS, _CODE = 0, 2, 3, 6, 7, 9, 10


class UnknownInstruction(ValueError):
    """The compiler made code that this file has no entry for: add it."""


# Immediates by opcode: n a number, m a memory argument, 4 and 8 and 16 so many bytes.
_PLAIN = {
    **dict.fromkeys((0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5)), ""),
    **dict.fromkeys((0x02, 0x03, 0x04, 0x0C, 0x0D, 0x10, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0, 0xD2), "n"),
    0x11: "nn",
    **dict.fromkeys(range(0x28, 0x3F), "m"),
    0x43: "4",
    0x44: "8",
    0xD1: "",
}
_SATURATING_AND_BULK = {**dict.fromkeys(range(8), ""), 8: "nn", 9: "n", 10: "nn", 11: "n"}


def _vector_immediates(opcode: int) -> str:
    if opcode <= 11 or opcode in (92, 93):
        return "m"
    if opcode in (12, 13):
        return "16"
    if 84 <= opcode <= 91:
        return "m1"
    if 21 <= opcode <= 34:
        return "1"
    if opcode <= 255:
        return ""
    raise UnknownInstruction(f"vector instruction {opcode}")


@dataclass
class _Body:
    """What matters of a function: where its code begins and its loops do, and what it calls."""

    start: int = 0
    loops: list[int] = field(default_factory=list)
    calls: set[int] = field(default_factory=set)
    indirect: set[int] = field(default_factory=set)
    referenced: set[int] = field(default_factory=set)


def _scan(code: bytes) -> _Body:
    """One pass over a body; positions are behind the ``loop`` with its type."""
    r, body = Reader(code), _Body()
    for _ in range(r.unsigned()):
        r.skip_number()
        r.byte()
    body.start = r.at
    end = len(code)
    while r.at < end:
        opcode = r.byte()
        if opcode == 0x10:
            body.calls.add(r.unsigned())
            continue
        if opcode == 0x11:
            body.indirect.add(r.unsigned())
            r.skip_number()
            continue
        if opcode == 0xD2:
            body.referenced.add(r.unsigned())
            continue
        if opcode == 0x0E:
            for _ in range(r.unsigned() + 1):
                r.skip_number()
            continue
        if opcode == 0x1C:
            r.take(r.unsigned())
            continue
        if opcode == 0xFC:
            shape = _SATURATING_AND_BULK.get(number := r.unsigned())
            if shape is None:
                raise UnknownInstruction(f"0xfc {number}")
        elif opcode == 0xFD:
            shape = _vector_immediates(r.unsigned())
        else:
            shape = _PLAIN.get(opcode)
            if shape is None:
                raise UnknownInstruction(f"{opcode:#x}")
        _skip(r, shape)
        if opcode == 0x03:
            body.loops.append(r.at)
    return body


def _skip(r: Reader, shape: str) -> None:
    if shape == "16":
        r.take(16)
        return
    for kind in shape:
        if kind == "n":
            r.skip_number()
        elif kind == "m":
            r.skip_number()
            r.skip_number()
        else:
            r.take(int(kind))


def _imported_functions(section: bytes) -> list[int]:
    """Their types. Memories, tables and globals are not imported by what we link."""
    r, types = Reader(section), []
    for _ in range(r.unsigned()):
        r.name()
        r.name()
        if r.byte() != 0:
            raise UnknownInstruction("an import that is not a function")
        types.append(r.unsigned())
    return types


def _numbers(section: bytes) -> list[int]:
    r = Reader(section)
    return [r.unsigned() for _ in range(r.unsigned())]


def _constant(r: Reader) -> int:
    """The value of ``i32.const``, which addresses and positions in tables are."""
    if r.byte() != 0x41:
        raise UnknownInstruction("an initial value that is not an i32.const")
    result = shift = 0
    while True:
        byte = r.byte()
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    r.byte()  # end
    return result & 0xFFFFFFFF


def _globals(section: bytes) -> list[int]:
    r, values = Reader(section), []
    for _ in range(r.unsigned()):
        r.take(2)
        values.append(_constant(r))
    return values


def _exports(section: bytes) -> dict[str, tuple[int, int]]:
    r, exports = Reader(section), {}
    for _ in range(r.unsigned()):
        name = r.name()
        exports[name] = r.byte(), r.unsigned()
    return exports


def _table(section: bytes) -> set[int]:
    """The functions that an indirect call can reach."""
    r, found = Reader(section), set()
    for _ in range(r.unsigned()):
        if r.unsigned() != 0:
            raise UnknownInstruction("a segment of elements other than the linker's")
        _constant(r)
        found.update(r.unsigned() for _ in range(r.unsigned()))
    return found


def _components(nodes: set[int], edges: dict[int, set[int]]) -> Iterator[list[int]]:
    """The strongly connected components that have a cycle (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(edges[root] & nodes))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for target in following:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(edges[target] & nodes)))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    if len(component) > 1 or node in edges[node]:
                        yield component


def _on_every_cycle(edges: dict[int, set[int]]) -> set[int]:
    """Functions without which the graph of calls has no cycle: in each component, again and again, the busiest."""
    chosen: set[int] = set()
    left = [set(edges)]
    while left:
        nodes = left.pop()
        for component in _components(nodes, edges):
            members = set(component)
            arriving: dict[int, int] = defaultdict(int)
            for node in component:
                for target in edges[node] & members:
                    arriving[target] += 1
            busiest = max(sorted(component), key=lambda n: arriving[n] * len(edges[n] & members))
            chosen.add(busiest)
            left.append(members - {busiest})
    return chosen


def instrument(module: bytes) -> bytes:
    """The module with its checks.

    Raises:
        UnknownInstruction: it has code, or sections, of a kind that this file does not know.
    """
    parts_of_module = list(sections(module))
    by_kind = {kind: data for kind, data in parts_of_module if kind != _CUSTOM}
    types = _imported_functions(by_kind[_IMPORTS])
    imported = len(types)
    types += _numbers(by_kind[_FUNCTIONS])
    exports = _exports(by_kind[_EXPORTS])
    flag = _globals(by_kind[_GLOBALS])[exports[FLAG][1]]
    end_slice = exports[YIELD][1]

    r = Reader(by_kind[_CODE])
    codes = [r.take(r.unsigned()) for _ in range(r.unsigned())]
    bodies = [_scan(code) for code in codes]
    reachable = _table(by_kind[_ELEMENTS]).union(*(body.referenced for body in bodies))
    by_type: dict[int, set[int]] = defaultdict(set)
    for function in reachable:
        by_type[types[function]].add(function)
    edges = {
        number: body.calls.union(*(by_type[kind] for kind in body.indirect))
        for number, body in enumerate(bodies, imported)
    }
    at_entry = _on_every_cycle(edges) - {end_slice}

    load = b"\x41\x00\x2d\x00" + leb(flag)
    check = load + b"\x04\x40\x10" + leb(end_slice) + b"\x0b"
    patched, hints = [], []
    for number, (code, body) in enumerate(zip(codes, bodies, strict=True), imported):
        places = [] if number == end_slice else [*([body.start] if number in at_entry else []), *body.loops]
        parts, done, length, unlikely = [], 0, 0, []
        for place in places:
            parts += [code[done:place], check]
            length += place - done
            unlikely.append(length + len(load))
            length += len(check)
            done = place
        parts.append(code[done:])
        whole = b"".join(parts)
        patched.append(leb(len(whole)) + whole)
        if unlikely:
            entries = b"".join(leb(offset) + b"\x01\x00" for offset in unlikely)
            hints.append(leb(number) + leb(len(unlikely)) + entries)

    out = [module[:8]]
    for kind, data in parts_of_module:
        new = data
        if kind == _CODE:
            new = leb(len(patched)) + b"".join(patched)
            hint = leb(len(_HINTS)) + _HINTS + leb(len(hints)) + b"".join(hints)
            out += [bytes([_CUSTOM]), leb(len(hint)), hint]
        out += [bytes([kind]), leb(len(new)), new]
    return b"".join(out)
