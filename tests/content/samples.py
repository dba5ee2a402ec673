"""Content that tests and other implementations can both generate, and DAGs made to measure."""

import hashlib

from wapo.content.blocks import Block, MemoryBlocks
from wapo.content.cid import DAG_PB, RAW, Cid
from wapo.content.dagpb import Link, encode_node
from wapo.content.importer import Layout, pack_bytes, store_now

# Small enough that a few kilobytes make several levels.
TINY = Layout(cid_version=1, raw_leaves=True, chunk_bytes=64, max_links=4)
TINY_WRAPPED = Layout(cid_version=0, raw_leaves=False, chunk_bytes=64, max_links=4)


def content(size: int) -> bytes:
    """``size`` bytes; tests/interop/helia/make_vectors.mjs makes the same."""
    return hashlib.shake_128(f"wapo {size}".encode()).digest(size)


def raw_block(data: bytes) -> Block:
    return Block(Cid.of(data, codec=RAW), data)


def pb_block(links: list[Link], data: bytes) -> Block:
    block = encode_node(links, data)
    return Block(Cid.of(block, codec=DAG_PB), block)


def link(block: Block, name: str = "") -> Link:
    return Link(block.cid.encode(), name.encode(), len(block.data))


def stored(*blocks: Block) -> MemoryBlocks:
    """A store with these blocks in it."""
    store = MemoryBlocks()
    store.put_verified(blocks)
    return store


def file_in(store: MemoryBlocks, data: bytes, layout: Layout = TINY) -> Cid:
    """Put a file into a store; its CID."""
    return store_now(store, pack_bytes(data, layout)).cid
