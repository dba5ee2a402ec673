"""Keeping a block store within bounds.

A node that fetches whatever it is asked for keeps whatever it was ever asked for. ``prune`` is what a node runs from
time to time so that a stranger with a list of CIDs cannot fill its disk.
"""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from wapo.content.blocks import AsyncBlocks
from wapo.content.cid import RAW, Cid
from wapo.content.pins import Pin
from wapo.content.walk import walk_names

__all__ = ["Usage", "prune", "usage"]

# Blocks this young may belong to something that is being fetched, or published and not pinned yet.
_MIN_AGE_S = 600.0


class Usage(NamedTuple):
    """How many blocks, of how many bytes together."""

    blocks: int
    size: int


async def usage(blocks: AsyncBlocks) -> Usage:
    """How much a store holds."""
    entries = await blocks.entries()
    return Usage(len(entries), sum(entry.size for entry in entries))


async def prune(
    blocks: AsyncBlocks, pins: Iterable[Pin], max_bytes: int, *, clock: Callable[[], float] = time.time
) -> int:
    """Remove blocks, the longest ago written first, until a store is within ``max_bytes``.

    Blocks under a pin stay, and so do those that were written in the last ten minutes, if need be over the limit.
    Pinned DAGs are read to find what is under them: about a second a GiB of wrapped leaves.

    Returns:
        How many bytes were removed.
    """
    entries = await blocks.entries()
    excess = sum(entry.size for entry in entries) - max_bytes
    if excess <= 0:
        return 0
    kept: set[bytes] = set()
    for pin in pins:
        kept |= await walk_names(blocks.get, pin.cid)
    removed = 0
    for entry in sorted(entries, key=lambda entry: entry.written_s):
        if removed >= excess or entry.written_s > clock() - _MIN_AGE_S:
            break
        if entry.multihash not in kept and await blocks.remove(Cid(1, RAW, entry.multihash)):
            removed += entry.size
    return removed
