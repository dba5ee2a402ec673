"""Bytes into blocks, with exactly the CIDs that ``ipfs add`` gives.

A file is cut into chunks of equal size; each becomes a leaf; up to ``max_links`` nodes become the children of one
above, level by level, until one is left (Kubo's *balanced* layout). Every number in ``Layout`` changes the CID, so the
two layouts here are those that published agents have; ``tests/content/vectors`` has them from another implementation.

What makes blocks is a generator that yields each as soon as it is complete and returns the root: it does no waiting
and keeps no content, so the same one serves the event loop (``store``) and a command (``store_now``).
"""

import asyncio
from collections.abc import AsyncIterable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from wapo.content.blocks import AsyncBlocks, Block, Blocks
from wapo.content.cid import DAG_PB, RAW, Cid
from wapo.content.dagpb import Link, encode_node
from wapo.content.unixfs import encode_file

__all__ = [
    "KUBO",
    "KUBO_V1",
    "FileBuilder",
    "Imported",
    "Layout",
    "Packing",
    "node_block",
    "pack_bytes",
    "pack_file",
    "store",
    "store_now",
    "store_stream",
]

_READ_BYTES = 1024 * 1024
_BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is cut, and how its blocks are named."""

    cid_version: Literal[0, 1]
    raw_leaves: bool
    chunk_bytes: int = 262_144
    max_links: int = 174


# `ipfs add` without options: what most published agents have ("unixfs-v0-2015" in IPIP-499).
KUBO = Layout(cid_version=0, raw_leaves=False)
# `ipfs add --cid-version=1`, which implies raw leaves: a file of one chunk is a bare block.
KUBO_V1 = Layout(cid_version=1, raw_leaves=True)


class Imported(NamedTuple):
    """A finished node. ``size``: bytes of content. ``tsize``: bytes of all blocks, as links tell it."""

    cid: Cid
    size: int
    tsize: int


Packing = Generator[Block, None, Imported]


def node_block(layout: Layout, links: list[Link], data: bytes) -> tuple[Block, int]:
    """A DAG-PB block, and the ``tsize`` of the DAG under it."""
    block = encode_node(links, data)
    cid = Cid.of(block, codec=DAG_PB, version=layout.cid_version)
    return Block(cid, block), len(block) + sum(link.tsize for link in links)


class FileBuilder:
    """Turns a stream of bytes into blocks. Holds one chunk, and ``max_links`` identifiers a level."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._pending = bytearray()
        self._levels: list[list[Imported]] = [[]]
        self._any = False

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Block]:
        """The blocks that ``data`` completes. Exhaust the iterator before feeding more."""
        size = self._layout.chunk_bytes
        view = memoryview(data).cast("B")
        if self._pending:
            missing = size - len(self._pending)
            self._pending += view[:missing]
            view = view[missing:]
            if len(self._pending) == size:
                yield from self._leaf(bytes(self._pending))
                self._pending.clear()
        while len(view) >= size:
            yield from self._leaf(bytes(view[:size]))
            view = view[size:]
        self._pending += view

    def finish(self) -> Packing:
        """The remaining blocks; returns the file's root."""
        if self._pending or not self._any:
            yield from self._leaf(bytes(self._pending))
        for level, nodes in enumerate(self._levels):
            if level == len(self._levels) - 1 and len(nodes) == 1:
                break
            if nodes:
                yield from self._join(level)
        return self._levels[-1][0]

    def _leaf(self, chunk: bytes) -> Iterator[Block]:
        self._any = True
        if self._layout.raw_leaves:
            block, tsize = Block(Cid.of(chunk, codec=RAW), chunk), len(chunk)
        else:
            block, tsize = node_block(self._layout, [], encode_file(chunk))
        yield block
        yield from self._add(0, Imported(block.cid, len(chunk), tsize))

    def _add(self, level: int, node: Imported) -> Iterator[Block]:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(node)
        if len(self._levels[level]) == self._layout.max_links:
            yield from self._join(level)

    def _join(self, level: int) -> Iterator[Block]:
        """Make one node above of all nodes of a level."""
        nodes, self._levels[level] = self._levels[level], []
        links = [Link(node.cid.encode(), b"", node.tsize) for node in nodes]
        block, tsize = node_block(self._layout, links, encode_file(b"", [node.size for node in nodes]))
        yield block
        yield from self._add(level + 1, Imported(block.cid, sum(node.size for node in nodes), tsize))


def pack_bytes(data: bytes | bytearray | memoryview, layout: Layout = KUBO) -> Packing:
    """The blocks of a file in memory."""
    builder = FileBuilder(layout)
    yield from builder.feed(data)
    return (yield from builder.finish())


def pack_file(file: BinaryIO | Path, layout: Layout = KUBO) -> Packing:
    """The blocks of a file on disk, or of anything that ``read`` reads. Reading may block.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(file, Path):
        with file.open("rb", buffering=0) as opened:
            return (yield from pack_file(opened, layout))
    builder = FileBuilder(layout)
    while data := file.read(_READ_BYTES):
        yield from builder.feed(data)
    return (yield from builder.finish())


def store_now(blocks: Blocks, packing: Packing) -> Imported:
    """Run a packing to its end and keep its blocks; durable when this returns."""
    while True:
        batch, root = _batch(packing)
        blocks.put_verified(batch)
        if root is not None:
            return root


async def store(blocks: AsyncBlocks, packing: Packing) -> Imported:
    """The same for the event loop; the packing runs in a thread."""
    while True:
        batch, root = await asyncio.to_thread(_batch, packing)
        await blocks.put_verified(batch)
        if root is not None:
            return root


async def store_stream(blocks: AsyncBlocks, stream: AsyncIterable[bytes], layout: Layout = KUBO) -> Imported:
    """Keep a file whose bytes arrive one by one; pieces of any size. The sender waits while blocks are written."""
    builder = FileBuilder(layout)
    async for data in stream:
        batch = await asyncio.to_thread(list, builder.feed(data))
        if batch:
            await blocks.put_verified(batch)
    return await store(blocks, builder.finish())


def _batch(packing: Packing) -> tuple[list[Block], Imported | None]:
    """The next blocks, a few MiB of them, and the root if they are the last."""
    batch: list[Block] = []
    size = 0
    while size < _BATCH_BYTES:
        try:
            block = next(packing)
        except StopIteration as stop:
            return batch, stop.value
        batch.append(block)
        size += len(block.data)
    return batch, None
