"""Keeping a store within bounds, without losing what must stay."""

import os
import time
from pathlib import Path

import pytest

from tests.content.samples import TINY, TINY_WRAPPED, content, file_in, raw_block
from wapo.content.blocks import InThreads, MemoryBlocks
from wapo.content.cid import Cid
from wapo.content.disk import DiskBlocks
from wapo.content.importer import Layout
from wapo.content.pins import Pin
from wapo.content.upkeep import Usage, prune, usage

HOUR = 3600.0


def later() -> float:
    return time.time() + HOUR


async def test_usage_counts_blocks_and_bytes() -> None:
    """As they are on disk."""
    store = MemoryBlocks()
    store.put_verified([raw_block(b"12"), raw_block(b"345")])
    assert await usage(InThreads(store)) == Usage(2, 5)


@pytest.mark.parametrize("layout", [TINY, TINY_WRAPPED], ids=["raw", "wrapped"])
async def test_pinned_content_stays_and_other_content_goes(layout: Layout) -> None:
    """Whole DAGs, not only their roots."""
    store = MemoryBlocks()
    kept = file_in(store, content(1000), layout)
    wanted = {entry.multihash for entry in store.entries()}
    file_in(store, content(2000), layout)
    removed = await prune(InThreads(store), [Pin(kept, 0)], 0, clock=later)
    assert {entry.multihash for entry in store.entries()} == wanted
    assert removed >= 2000


async def test_no_more_goes_than_has_to(tmp_path: Path) -> None:
    """The longest ago written first."""
    store = DiskBlocks(tmp_path)
    blocks = [raw_block(bytes([n]) * 100) for n in range(10)]
    store.put_verified(blocks)
    for age, block in enumerate(blocks):
        name = block.cid.multihash.hex()
        written_s = time.time() - (10 - age) * HOUR
        os.utime(tmp_path / "blocks" / name[-2:] / name, (written_s, written_s))
    threads = InThreads(store)
    assert await prune(threads, [], 1000) == 0
    assert await prune(threads, [], 650) == 400
    assert [store.has(block.cid) for block in blocks] == [False] * 4 + [True] * 6


async def test_what_was_just_written_stays() -> None:
    """It may belong to something that is not pinned yet, or not read yet."""
    store = MemoryBlocks()
    store.put(*raw_block(b"new"))
    assert await prune(InThreads(store), [], 0) == 0
    assert await prune(InThreads(store), [], 0, clock=later) == 3


async def test_a_pin_of_something_that_is_not_here_is_no_obstacle() -> None:
    """It was removed by hand."""
    store = MemoryBlocks()
    store.put(*raw_block(b"old"))
    assert await prune(InThreads(store), [Pin(Cid.of(b"elsewhere", codec=0x70), 0)], 0, clock=later) == 3
