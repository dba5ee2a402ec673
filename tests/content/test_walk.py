"""Every block under a root, once."""

import pytest

from tests.content.samples import TINY, TINY_WRAPPED, content, file_in, link, pb_block, raw_block
from wapo.content.blocks import Block, InThreads, MemoryBlocks
from wapo.content.cid import RAW, Cid
from wapo.content.errors import MalformedContent
from wapo.content.importer import Layout
from wapo.content.multihash import IDENTITY
from wapo.content.unixfs import DIRECTORY_DATA, encode_file
from wapo.content.walk import walk, walk_names


async def all_blocks(store: MemoryBlocks, root: Cid) -> list[Block]:
    async def get(cid: Cid) -> bytes:
        data = store.get(cid)
        assert data is not None
        return data

    return [block async for block in walk(get, root)]


@pytest.mark.parametrize("layout", [TINY, TINY_WRAPPED], ids=["raw", "wrapped"])
async def test_a_file_is_walked_in_the_order_of_its_bytes(layout: Layout) -> None:
    """A peer can use an archive while it arrives."""
    store = MemoryBlocks()
    root = file_in(store, content(1000), layout)
    blocks = await all_blocks(store, root)
    assert blocks[0].cid == root
    assert {block.cid.multihash for block in blocks} == {entry.multihash for entry in store.entries()}
    assert await walk_names(InThreads(store).get, root) == {entry.multihash for entry in store.entries()}
    if layout is TINY:
        assert b"".join(block.data for block in blocks if block.cid.codec == RAW) == content(1000)


async def test_blocks_used_often_are_walked_once() -> None:
    """A billion laughs are ten blocks."""
    leaf = raw_block(b"ha")
    blocks, top, size = [leaf], leaf, 2
    for _ in range(9):
        top = pb_block([link(top)] * 10, encode_file(b"", [size] * 10))
        blocks.append(top)
        size *= 10
    store = MemoryBlocks()
    store.put_verified(blocks)
    assert await all_blocks(store, top.cid) == blocks[::-1]


async def test_the_same_bytes_as_a_leaf_do_not_hide_what_they_link_to() -> None:
    """One block may be linked both as bytes and as a node."""
    leaf = raw_block(b"below")
    node = pb_block([link(leaf, "x")], DIRECTORY_DATA)
    as_bytes = Block(Cid(1, RAW, node.cid.multihash), node.data)
    top = pb_block([link(as_bytes, "a"), link(node, "b")], DIRECTORY_DATA)
    store = MemoryBlocks()
    store.put_verified([leaf, node, top])
    assert await all_blocks(store, top.cid) == [top, as_bytes, node, leaf]
    assert await walk_names(InThreads(store).get, top.cid) == {block.cid.multihash for block in (top, node, leaf)}


async def test_inline_blocks_are_left_out() -> None:
    """They are in no store and in no archive."""
    inline = Block(Cid.of(b"inline", function=IDENTITY), b"inline")
    top = pb_block([link(inline, "a")], DIRECTORY_DATA)
    store = MemoryBlocks()
    store.put_verified([top])
    assert await all_blocks(store, top.cid) == [top]


async def test_what_is_missing_or_broken_shows() -> None:
    """A clean-up goes on without what is missing; an archive does not."""
    leaf = raw_block(b"missing")
    top = pb_block([link(leaf, "a")], DIRECTORY_DATA)
    store = MemoryBlocks()
    store.put_verified([top])
    assert await walk_names(InThreads(store).get, top.cid) == {top.cid.multihash, leaf.cid.multihash}
    broken = Cid.of(b"no node", codec=0x70)
    store.put(broken, b"no node")
    with pytest.raises(MalformedContent):
        await all_blocks(store, broken)
