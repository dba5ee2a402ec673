"""What the ABI allows a host to answer: which errors a call may have, what it may write, what it leaves of its waker.

Taken from wapo-abi.md 3.1 and docs/abi.md, not from the code.
"""

from dataclasses import dataclass

from wapo.abi.calls import CALLS

__all__ = ["CREATES", "CREATES_SLOWLY", "ERRORS", "LEGACY_ERRORS", "SLICES", "WAKERS", "Call", "most", "written"]

FAST, SLOW, FETCHED = 0, 1, 2

#: Error codes by call, beside 1 for a number that is unknown or came through the wrong import.
ERRORS: dict[int, frozenset[int]] = {
    number: frozenset(codes)
    for number, codes in {
        1040: (3, 7),
        0: (3, 7), 101: (7,), 102: (7, 8, 11, 12), 103: (3, 7, 8, 9, 11), 104: (3, 7, 8, 9, 11), 105: (7, 8, 9, 11),
        106: (7, 8, 9, 10, 11), 109: (), 110: (7,), 111: (4,), 112: (), 113: (3,), 201: (10,), 202: (3, 7, 8, 9, 10),
        203: (3, 7), 204: (3, 4, 7, 8, 9, 10), 210: (3, 9, 10, 17), 211: (7, 8, 9, 10, 11, 12),
        212: (7, 8, 9, 10, 11, 12), 213: (3, 4, 10, 17), 214: (3, 10, 17), 215: (3, 10, 17), 220: (3, 4),
        240: (3, 10, 15), 242: (), 243: (3,), 244: (3, 4, 7, 9), 250: (3,), 251: (), 252: (3,), 253: (), 254: (),
        255: (3,), 260: (9,), 261: (3, 9), 262: (3, 4, 18), 263: (3, 4, 18), 1000: (3,), 1008: (3,), 1020: (3,), 1021: (3, 10),
        1022: (3, 7, 8), 1023: (3, 7, 8), 1100: (3, 8, 10, 17), 1101: (3, 7, 8, 9, 11), 1102: (3, 7, 8),
        1030: (3, 8, 10), 1031: (3, 8, 10), 1032: (3, 7, 8, 10, 11), 1033: (3, 6, 8, 10), 1080: (3, 10), 1081: (3, 7, 8),
        1082: (3, 7, 8, 9), 1110: (3, 8, 10, 17), 1111: (3, 7, 8, 9, 11, 12), 1112: (3, 7, 8, 9, 10, 11),
        1113: (3, 7, 8, 9), 1120: (3, 4, 7, 8, 9, 10, 17), 1121: (3, 4, 8, 10, 17), 1200: (3, 8, 10), 1210: (7, 8), 1211: (7, 8),
    }.items()
}  # fmt: skip
LEGACY_ERRORS: dict[int, frozenset[int]] = ERRORS | {
    203: frozenset(), 230: frozenset((3, 10)), 231: frozenset((3, 10)), 232: frozenset((3, 10)),
    233: frozenset((3, 10)),
}  # fmt: skip

#: Where pointer and length stand, for calls whose arguments are not decoded, so have no waker message, if that is bad.
SLICES = {103: (2, 3), 104: (2, 3), 1032: (2, 3), 1101: (2, 3), 1111: (2, 3)}
WAKERS = frozenset((102, 103, 104, 105, 106, 211, 212, 1032, 1101, 1111))
#: Fast calls whose result is a new resource, and slow ones whose bytes begin with one.
CREATES = frozenset((106, 201, 210, 212, 213, 214, 215, 1021, 1031, 1080, 1100, 1110, 1120, 1121, 1200))
CREATES_SLOWLY = frozenset((211, 240))


@dataclass(frozen=True)
class Call:
    """One record: how it is made (puppet.py), its number, its parameters as they were sent (unsigned)."""

    how: int
    number: int
    parameters: tuple[int, int, int, int]

    def known(self, errors: dict[int, frozenset[int]]) -> bool:
        """Whether the number exists, and belongs to the import."""
        return self.number in errors and CALLS[self.number].fast == (self.how == FAST)


def written(call: Call, value: int, buffer: int) -> tuple[int, int]:
    """The range of memory that a call may have written when it answered Ok(value); from and to."""
    p = call.parameters
    if call.how == FETCHED:
        return buffer, buffer + value
    start, length = {
        1040: (p[3], value),
        0: (p[0], value), 103: (p[2], value), 113: (p[0], p[1]), 1000: (p[0], 4 * value), 1020: (p[3], value),
        1023: (p[1], value), 1101: (p[2], value if value <= p[3] else 0), 1102: (p[1], value if value <= p[2] else 0),
        1111: (p[2], value if value <= p[3] else 0),
        1082: (p[1], value), 1030: (p[2], value if value <= p[3] else 0), 1032: (p[2], value if value <= p[3] else 0),
    }.get(call.number, (0, 0))  # fmt: skip
    return start, start + length


def most(call: Call) -> int:
    """The largest value that a call may answer with Ok."""
    p = call.parameters
    limits = {
        1040: 71,
        0: p[1], 103: p[3], 104: p[3], 1000: p[1], 111: 0, 101: 0, 105: 0, 109: 0, 113: 0, 202: 0, 203: 100, 204: 0,
        220: 0, 231: 0, 232: 0, 243: 0, 253: 0, 262: 0, 263: 0, 1008: 0, 1022: 0, 1020: 64, 1023: 64, 1081: 0, 1082: p[2],
        1210: 8191, 1211: 65535,
    }  # fmt: skip
    return limits.get(call.number, 8191 if call.number in CREATES else 0xFFFFFFFF)
