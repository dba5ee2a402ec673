"""Directories too large for one block: a trie of shards, in which the hash of a name says where to look.

https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory. A shard has ``fanout`` places. A link's name starts with its
place in upper-case hex; nothing after it means another shard, anything after it is an entry's name. The hash is the
first half of murmur3-x64-128, which spreads names and protects nothing: the blocks' own hashes do that.
"""

from collections.abc import Iterator

import mmh3

__all__ = ["DEFAULT_FANOUT", "MAX_FANOUT", "places", "prefix_width", "shard_prefix"]

DEFAULT_FANOUT = 256
# CVE-2023-23625: a shard that claimed a huge fan-out made readers allocate it.
MAX_FANOUT = 1024

_HASH_BITS = 64


def places(name: bytes, fanout: int) -> Iterator[int]:
    """Where to look for ``name``: its place in the first shard, in the next below, and so on until the hash is used up.

    ``fanout`` is a power of two. With 256, eight shards are as deep as it goes.
    """
    width = fanout.bit_length() - 1
    value = int.from_bytes(mmh3.hash_bytes(name, x64arch=True)[:8], "little")
    for used in range(width, _HASH_BITS + 1, width):
        yield value >> (_HASH_BITS - used) & (fanout - 1)


def prefix_width(fanout: int) -> int:
    """How many hex digits a place takes in the names of a shard's links."""
    return len(f"{fanout - 1:X}")


def shard_prefix(place: int, fanout: int) -> bytes:
    """A place as the names of a shard's links begin with it."""
    return f"{place:0{prefix_width(fanout)}X}".encode()
