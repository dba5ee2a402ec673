"""The contract of a block store. Every store passes all of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.content.samples import content, raw_block
from wapo.content.blocks import MAX_BLOCK_BYTES, Block, Blocks, InThreads, MemoryBlocks
from wapo.content.cid import DAG_PB, Cid
from wapo.content.disk import DiskBlocks
from wapo.content.errors import BlockTooLarge, HashMismatch
from wapo.content.multihash import BLAKE2B_256, IDENTITY, SHA2_512

Make = Callable[..., Blocks]


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """How to open the store; on disk it is the same one each time."""
    if request.param == "memory":
        return MemoryBlocks
    return lambda **options: DiskBlocks(tmp_path / "store", **options)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_a_block_comes_back(make: Make, data: bytes) -> None:
    """For every allowed hash function."""
    store = make()
    for function in (BLAKE2B_256, SHA2_512):
        cid = Cid.of(data, function=function)
        store.put(cid, data)
        assert store.has(cid)
        assert store.get(cid) == data


def test_a_missing_block_is_none(make: Make) -> None:
    """Missing is not an error: the next place is asked."""
    cid = raw_block(b"nobody").cid
    assert make().get(cid) is None
    assert not make().has(cid)
    assert not make().remove(cid)


def test_foreign_bytes_are_checked(make: Make) -> None:
    """Or anyone could give a program to an address."""
    store, block = make(), raw_block(b"the truth")
    with pytest.raises(HashMismatch):
        store.put(block.cid, b"something else")
    assert store.get(block.cid) is None


def test_all_spellings_find_the_same_block(make: Make) -> None:
    """Links say version 0 where users say version 1."""
    store, data = make(), b"\n\x02\x08\x01"
    store.put(Cid.of(data, codec=DAG_PB, version=0), data)
    assert store.get(Cid.of(data, codec=DAG_PB)) == data
    assert store.get(Cid.of(data)) == data


def test_inline_content_is_always_there(make: Make) -> None:
    """And never takes room."""
    store, cid = make(), Cid.of(b"inline", function=IDENTITY)
    assert store.has(cid)
    assert store.get(cid) == b"inline"
    store.put(cid, b"inline")
    assert list(store.entries()) == []


@pytest.mark.parametrize("way", ["put", "put_verified"])
def test_a_block_over_the_limit_is_refused(make: Make, way: str) -> None:
    """The limit itself is allowed."""
    store = make(max_block_bytes=100)
    fits, over = raw_block(content(100)), raw_block(content(101))
    store.put(*fits)
    with pytest.raises(BlockTooLarge, match="101 bytes is over the limit of 100"):
        store.put(*over) if way == "put" else store.put_verified([over])
    assert store.get(over.cid) is None
    assert store.get(fits.cid) == fits.data


def test_the_default_limit_is_that_of_the_ecosystem(make: Make) -> None:
    """2 MiB blocks exist, larger ones nobody sends."""
    store = make()
    largest = raw_block(bytes(MAX_BLOCK_BYTES))
    store.put(*largest)
    assert store.get(largest.cid) == largest.data
    with pytest.raises(BlockTooLarge):
        store.put(*raw_block(bytes(MAX_BLOCK_BYTES + 1)))


def test_a_block_can_be_put_twice_and_removed_once(make: Make) -> None:
    """Two programs share it; the store does not count."""
    store, block = make(), raw_block(b"twice")
    store.put_verified([block, block])
    store.put(*block)
    assert [(entry.multihash, entry.size) for entry in store.entries()] == [(block.cid.multihash, 5)]
    assert store.remove(block.cid)
    assert not store.remove(block.cid)
    assert store.get(block.cid) is None


def test_entries_tell_all_blocks(make: Make) -> None:
    """Pruning goes by them."""
    store = make()
    blocks = [raw_block(content(size)) for size in range(50)]
    store.put_verified(blocks)
    entries = list(store.entries())
    assert {(entry.multihash, entry.size) for entry in entries} == {
        (block.cid.multihash, len(block.data)) for block in blocks
    }
    assert all(entry.written_s > 1e9 for entry in entries)


async def test_the_same_for_the_event_loop(make: Make) -> None:
    """``InThreads`` passes every method on."""
    store, block = InThreads(make()), raw_block(b"threads")
    assert await store.get(block.cid) is None
    await store.put(*block)
    assert await store.has(block.cid)
    assert await store.get(block.cid) == b"threads"
    await store.put_verified([Block(*raw_block(b"more"))])
    assert len(await store.entries()) == 2
    assert await store.remove(block.cid)
    assert await store.get(Cid.of(b"inline", function=IDENTITY)) == b"inline"
    with pytest.raises(HashMismatch):
        await store.put(block.cid, b"other")
