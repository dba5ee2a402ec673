"""``Library``: programs by hash, from wherever they are. The rest of Wapo talks to this.

Where a program is looked for: in memory, in the local store, at the upstreams. What was found once stays found: a
CID's content cannot change, so nothing here ever expires, it only makes room. What was not found is asked for again
a few seconds later; see ``wapo.content.lookups``.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wapo.content.blocks import MAX_BLOCK_BYTES, AsyncBlocks, InThreads
from wapo.content.cid import Cid
from wapo.content.dag import FileFetch
from wapo.content.disk import DiskBlocks
from wapo.content.errors import ContentNotFound, NotPublishable
from wapo.content.fetch import ConnectorFactory, Fetcher, open_fetcher
from wapo.content.flight import SingleFlight
from wapo.content.importer import KUBO, Imported, Layout, pack_bytes, store
from wapo.content.limits import DEFAULT_LIMITS, Limits, Meter
from wapo.content.lookups import Lookups
from wapo.content.lru import ByteLru
from wapo.content.nodes import Directory, File, Node, Shard, load_node
from wapo.content.paths import resolve
from wapo.content.pins import Pin, Pins
from wapo.content.reader import read_file
from wapo.content.tree import pack_path
from wapo.content.upkeep import Usage, prune, usage
from wapo.content.upstream import Timeouts
from wapo.content.walk import walk

__all__ = ["Library", "Program", "Stat", "open_library"]

_CACHE_BYTES = 256 * 1024 * 1024
# Files put together in memory at the same time; each may be as large as a program may be, twice.
_MAX_READS = 16
# What an entry of a directory, or a part of a file, takes in memory, roughly, beside its name.
_ENTRY_BYTES = 300


@dataclass(frozen=True, slots=True)
class Program:
    """A program and how it was addressed.

    ``cid``: its identity, always in version 1, so that all addresses of one file (in a directory or not, in either
        version) have the same. Caches, logs, secrets and derived keys go by it.
    ``size``: in bytes.
    ``rest``: the segments of the path that are the agent's own.
    """

    cid: Cid
    size: int
    rest: tuple[str, ...]
    _content: bytes = field(repr=False)

    def read(self) -> bytes:
        """The program's bytes; verified, in memory."""
        return self._content


@dataclass(frozen=True, slots=True)
class Stat:
    """What an identifier stands for. ``size``: a file's bytes. ``names``: a directory's entries; of a sharded one
    only those in the first shard."""

    cid: Cid
    kind: Literal["file", "directory"]
    size: int
    names: tuple[str, ...]
    pinned: bool


class Library:
    """Programs by hash. Made by ``open_library``; belongs to one event loop."""

    def __init__(
        self,
        blocks: AsyncBlocks,
        pins: Pins,
        fetcher: Fetcher | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        cache_bytes: int = _CACHE_BYTES,
        lookups: Lookups | None = None,
    ) -> None:
        """Without ``fetcher`` only what is in ``blocks`` is found. The caller calls ``aclose``."""
        self.blocks = blocks
        self.limits = limits
        self._pins = pins
        self._fetcher = fetcher
        self.lookups = Lookups() if lookups is None else lookups
        self._cache: ByteLru[Cid, Node] = ByteLru(cache_bytes)
        self._nodes: SingleFlight[Cid, Node] = SingleFlight()
        self._files: SingleFlight[Cid, File] = SingleFlight()
        self._reads = asyncio.Semaphore(_MAX_READS)

    async def program(self, cid: Cid, segments: Sequence[str] = ()) -> Program:
        """The program at ``/ipfs/<cid>/<segments>``; ``wapo.content.paths.resolve`` has the rules.

        Requests for the same content at the same time share one fetch.

        Raises:
            IsADirectory: the path ends at a directory.
            ContentNotFound: nobody has it.
            TooManyLookups: it is not here, and too much is being looked for.
            UpstreamUnreachable, HashMismatch: it could not be fetched, or not in its true form.
            ContentTooLarge, ContentTooComplex, ContentTooDeep: over ``limits``.
            MalformedContent, SizeMismatch, UnsupportedContent, InvalidCid: it is no file or makes no sense.
            BlockStoreFailed: the local store does not work.
        """
        meter = Meter(self.limits, str(cid))
        found = await resolve(self._load, cid, segments, meter)
        meter.size(found.file.size)
        identity = found.cid.v1()
        file = found.file
        if file.parts:
            file = await self._files.run(identity, lambda: self._whole(identity, found.file))
        return Program(identity, file.size, found.rest, file.data)

    async def publish(self, source: bytes | Path, *, layout: Layout = KUBO, hidden: bool = False) -> Cid:
        """Put a file, or a directory with all below it, into the local store, and pin it.

        Args:
            source: content, or where it is on the local disk.
            layout: decides the CID; ``ipfs add`` of the same content gives the same one.
            hidden: whether a directory's entries whose names begin with a dot are part of it.
        Raises:
            NotPublishable: it cannot be read, or is not made of files and directories only.
            BlockStoreFailed: it cannot be written.
        """
        imported = await self._import(source, layout, hidden)
        await asyncio.to_thread(self._pins.add, imported.cid)
        return imported.cid

    async def pin(self, cid: Cid) -> None:
        """Bring everything under ``cid`` into the local store, and see that it stays.

        Raises:
            as ``program``; a directory may be pinned as well, up to ``limits.max_blocks`` blocks.
        """
        meter = Meter(self.limits, str(cid))
        node = await self._load(cid)
        if isinstance(node, File) and node.parts:
            await self.program(cid)  # brings its blocks as an archive where there is one
        async for _ in walk(self._block, cid):
            meter.blocks(1, 0)
        await asyncio.to_thread(self._pins.add, cid)

    async def pinned(self) -> list[Pin]:
        """What is pinned, and since when."""
        return await asyncio.to_thread(lambda: [*self._pins])

    async def remove(self, cid: Cid) -> bool:
        """Unpin ``cid``; False if it was not pinned. Its blocks go when ``prune`` needs the room."""
        return await asyncio.to_thread(self._pins.remove, cid)

    async def prune(self, max_bytes: int) -> int:
        """Make the local store take at most ``max_bytes``, if pins allow it; see ``wapo.content.upkeep.prune``."""
        return await prune(self.blocks, await self.pinned(), max_bytes)

    async def usage(self) -> Usage:
        """How much the local store holds."""
        return await usage(self.blocks)

    async def stat(self, cid: Cid) -> Stat:
        """What ``cid`` stands for, going by its root block.

        Raises:
            as ``program``, except ``IsADirectory``.
        """
        node = await self._load(cid)
        pinned = any(pin.cid.v1() == cid.v1() for pin in await self.pinned())
        if isinstance(node, File):
            return Stat(cid, "file", node.size, (), pinned)
        return Stat(cid, "directory", 0, tuple(node.names()), pinned)

    async def aclose(self) -> None:
        """Cancel what is being fetched."""
        await self._nodes.aclose()
        await self._files.aclose()

    async def _import(self, source: bytes | Path, layout: Layout, hidden: bool) -> Imported:
        if isinstance(source, bytes):
            return await store(self.blocks, pack_bytes(source, layout))
        try:
            return await store(self.blocks, pack_path(source, layout, hidden=hidden))
        except OSError as error:
            where = error.filename or source
            raise NotPublishable(f"{where} cannot be read: {error.strerror or error}.") from error

    async def _load(self, cid: Cid) -> Node:
        """The node of a block, from memory if it is there."""
        key = cid.v1()
        node = self._cache.get(key)
        return node if node is not None else await self._nodes.run(key, lambda: self._load_slowly(cid))

    async def _load_slowly(self, cid: Cid) -> Node:
        node = await load_node(cid, await self._block(cid))
        self._cache.put(cid.v1(), node, _cost(node))
        return node

    async def _block(self, cid: Cid) -> bytes:
        """A block from the local store, or from an upstream into the local store."""
        data = await self.blocks.get(cid)
        if data is not None:
            return data
        if self._fetcher is None:
            raise _nowhere(cid)
        async with self.lookups.place(cid) as answered:
            block = await self._fetcher.lookup(cid, answered)
        await self.blocks.put_verified([block])
        return block.data

    async def _whole(self, cid: Cid, file: File) -> File:
        """A file of several blocks as one of one block, which takes its place in the cache."""
        try:
            whole = await self._read(cid, file)
        except ContentNotFound:
            if self._fetcher is None:
                raise
            await FileFetch(cid, file, self.blocks, self._fetcher, Meter(self.limits, str(cid))).run()
            whole = await self._read(cid, file)
        self._cache.put(cid, whole, _cost(whole))
        return whole

    async def _read(self, cid: Cid, file: File) -> File:
        async with self._reads:
            content = b"".join([data async for data in read_file(self._load_here, file, Meter(self.limits, str(cid)))])
        return File(content, (), len(content))

    async def _load_here(self, cid: Cid) -> Node:
        data = await self.blocks.get(cid)
        if data is None:
            raise _nowhere(cid)
        return await load_node(cid, data)


def _nowhere(cid: Cid) -> ContentNotFound:
    return ContentNotFound(f"{cid} is not in the local store, and no upstream is configured.")


def _cost(node: Node) -> int:
    """What a node takes in memory, roughly."""
    match node:
        case File(data, parts, _):
            return len(data) + _ENTRY_BYTES * (1 + len(parts))
        case Directory(entries=links) | Shard(links=links):
            return sum(map(len, links)) + _ENTRY_BYTES * (1 + len(links))


@asynccontextmanager
async def open_library(
    root: Path,
    upstreams: Sequence[str] = (),
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache_bytes: int = _CACHE_BYTES,
    max_block_bytes: int = MAX_BLOCK_BYTES,
    timeouts: Timeouts | None = None,
    connector_factory: ConnectorFactory | None = None,
    lookups: Lookups | None = None,
) -> AsyncIterator[Library]:
    """The library in the directory ``root``, which several processes may share.

    Args:
        upstreams: addresses of trustless gateways, in the order to ask them; without any, only local content is found.
        cache_bytes: of programs and directories kept in memory.
        connector_factory: see ``wapo.content.fetch.open_fetcher``.
        lookups: how many there may be at once, and for how long failures are remembered.
    Raises:
        BlockStoreFailed: the directory cannot be used.
        InvalidUpstream: one of ``upstreams`` is no address.
    """
    blocks = InThreads(await asyncio.to_thread(lambda: DiskBlocks(root, max_block_bytes=max_block_bytes)))
    pins = await asyncio.to_thread(Pins, root / "pins")
    async with open_fetcher(
        upstreams, connector_factory=connector_factory, timeouts=timeouts, max_block_bytes=max_block_bytes
    ) as fetcher:
        library = Library(
            blocks, pins, fetcher if upstreams else None, limits=limits, cache_bytes=cache_bytes, lookups=lookups
        )
        try:
            yield library
        finally:
            await library.aclose()
