"""Archives out of a block store: the blocks along a path, and as much as is wanted of what the path leads to.

Always depth first, parents before children, each block once. A peer may ask for repetitions; with them, a small DAG
that uses one block over and over would make an endless answer.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, NamedTuple

from wapo.content.blocks import AsyncBlocks, Block
from wapo.content.car import car_header, car_section
from wapo.content.cid import Cid
from wapo.content.errors import ContentNotFound, MalformedContent, UnsupportedContent
from wapo.content.hamt import prefix_width
from wapo.content.limits import DEFAULT_LIMITS, Meter
from wapo.content.nodes import File, Node, Shard, load_node
from wapo.content.paths import find_entry
from wapo.content.walk import walk

__all__ = ["ByteRange", "Exporter", "Scope"]

# The block at the end of the path; what it takes to read that file or list that directory; everything under it.
Scope = Literal["block", "entity", "all"]


class ByteRange(NamedTuple):
    """``entity-bytes=first:last``, both inclusive; negative ones count from the end, ``last`` None is the end."""

    first: int
    last: int | None

    def of(self, size: int) -> tuple[int, int]:
        """As offsets in a file of ``size`` bytes, the second one exclusive."""
        first = self.first if self.first >= 0 else max(0, size + self.first)
        last = size if self.last is None else (self.last if self.last >= 0 else size + self.last) + 1
        return first, max(0, min(last, size))


class Exporter:
    """Reads blocks for one answer."""

    def __init__(self, blocks: AsyncBlocks) -> None:
        self._blocks = blocks

    async def get(self, cid: Cid) -> bytes:
        """A block.

        Raises:
            ContentNotFound: it is not here.
        """
        data = await self._blocks.get(cid)
        if data is None:
            raise ContentNotFound(f"{cid} is not in the local store.")
        return data

    async def follow(self, root: Cid, segments: Sequence[str]) -> list[Cid]:
        """The blocks on the way along ``segments``, what they lead to last.

        Raises:
            ContentNotFound: they lead nowhere, or a block on the way is not here.
            MalformedContent, UnsupportedContent, ContentTooComplex, InvalidCid: they cannot be followed.
        """
        trail = [root]

        async def load(cid: Cid) -> Node:
            trail.append(cid)
            return await self._load(cid)

        meter = Meter(DEFAULT_LIMITS, str(root))
        for depth, name in enumerate(segments, 1):
            node = await self._load(trail[-1])
            found = None if isinstance(node, File) else await find_entry(load, node, name, meter)
            if found is None:
                raise ContentNotFound(f"There is nothing at {'/'.join([str(root), *segments[:depth]])}.")
            meter.blocks(1, depth)
            trail.append(found)
        return trail

    async def archive(self, trail: Sequence[Cid], scope: Scope, byte_range: ByteRange | None) -> AsyncIterator[bytes]:
        """A CAR of ``trail`` and what its last block leads to, piece by piece.

        Raises:
            ContentNotFound, MalformedContent, ContentTooComplex: half-way, where the DAG breaks off.
        """
        yield car_header(trail[:1])
        sent: set[Cid] = set()
        async for block in self._blocks_of(trail, scope, byte_range):
            # "MUST NOT include virtual blocks identified by identity CIDs"
            if block.cid.inline is None and block.cid.v1() not in sent:
                sent.add(block.cid.v1())
                for piece in car_section(block):
                    yield piece

    async def _blocks_of(
        self, trail: Sequence[Cid], scope: Scope, byte_range: ByteRange | None
    ) -> AsyncIterator[Block]:
        for cid in trail:
            yield Block(cid, await self.get(cid))
        end = trail[-1]
        if scope == "block":
            return
        if scope == "all":
            async for block in walk(self.get, end):
                yield block
            return
        try:
            node = await self._load(end)
        except (MalformedContent, UnsupportedContent):
            return  # "For all queries that reference non-UnixFS data, entity is equivalent to block"
        if isinstance(node, Shard):
            parts = self._shards(node)
        elif isinstance(node, File):
            parts = walk(self.get, end) if byte_range is None else self._range(end, node, byte_range)
        else:
            return
        async for block in parts:
            yield block

    async def _shards(self, root: Shard) -> AsyncIterator[Block]:
        """The other shards of a directory."""
        width = prefix_width(root.fanout)
        meter = Meter(DEFAULT_LIMITS, "The directory")
        waiting: list[tuple[Shard | Cid, int]] = [(root, 0)]
        while waiting:
            node, depth = waiting.pop()
            if isinstance(node, Cid):
                data = await self.get(node)
                yield Block(node, data)
                found = await load_node(node, data)
                if not isinstance(found, Shard) or found.fanout != root.fanout:
                    continue
                node = found
            below = [Cid.decode(link) for name, link in node.links.items() if len(name) == width]
            meter.blocks(len(below), depth + 1)
            waiting += [(cid, depth + 1) for cid in reversed(below)]

    async def _range(self, cid: Cid, file: File, byte_range: ByteRange) -> AsyncIterator[Block]:
        """The blocks of a file that hold some of a range of its bytes."""
        first, end = byte_range.of(file.size)
        if end <= first:
            return  # "a zero-length range [...] is equivalent to dag-scope=block"
        meter = Meter(DEFAULT_LIMITS, str(cid))
        waiting: list[tuple[File | Cid, int, int]] = [(file, 0, 0)]
        while waiting:
            node, offset, depth = waiting.pop()
            if isinstance(node, Cid):
                data = await self.get(node)
                yield Block(node, data)
                found = await load_node(node, data)
                if not isinstance(found, File):
                    continue
                node = found
            offset += len(node.data)
            inside: list[tuple[File | Cid, int, int]] = []
            for part in node.parts:
                if offset < end and offset + part.size > first:
                    inside.append((part.cid, offset, depth + 1))
                offset += part.size
            meter.blocks(len(inside), depth + 1)
            waiting += reversed(inside)

    async def _load(self, cid: Cid) -> Node:
        return await load_node(cid, await self.get(cid))
