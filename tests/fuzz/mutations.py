"""Bytes that are nearly right: what a parser meets in the hands of somebody who means ill. Decided by a seed alone."""

from collections.abc import Sequence
from random import Random

__all__ = ["mutated"]

#: Where arithmetic goes wrong.
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 192, 254, 255)
_WIDE = (0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_LONGEST = 1 << 17


def mutated(random: Random, seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> bytes:
    """One of the seeds with a few things done to it; sometimes none of them at all.

    Args:
        tokens: words of the format, which chance alone would not find.
    """
    if random.random() < 0.03:
        return random.randbytes(random.choice((0, 1, 2, 8, 40, 300)))
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4, 8, 20))):
        _change(random, data, seeds, tokens)
    return bytes(data[:_LONGEST])


def _change(random: Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((1, 1, 1, 2, 2, 4, 8, 32, 200)))
    match random.randrange(11):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1 if at < len(data):
            data[at] = random.choice(_NUMBERS)
        case 2 if at < len(data):
            data[at] = (data[at] + random.choice((-2, -1, 1, 2))) & 0xFF
        case 3:
            del data[at:end]
        case 4:
            data[at:at] = random.randbytes(end - at or 1)
        case 5:
            data[at:at] = data[at:end] * random.choice((1, 1, 2, 3, 30))
        case 6:
            size = random.choice((2, 4, 8))
            value = random.choice(_WIDE) & ((1 << 8 * size) - 1)
            data[at : at + size] = value.to_bytes(size, random.choice(("little", "big")))
        case 7:
            other = random.choice(seeds)
            begin = random.randrange(len(other) + 1)
            data[at:end] = other[begin : begin + random.choice((1, 4, 16, 64, 300))]
        case 8:
            del data[at:]
        case 9 | 10 if tokens:
            token = random.choice(tokens)
            if random.random() < 0.5:
                data[at:at] = token
            else:
                data[at : at + len(token)] = token
