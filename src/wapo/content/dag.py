"""All blocks of one file into the local store: what is missing, as an archive if there is one, else block by block."""

import asyncio
import logging
from contextlib import aclosing
from typing import NamedTuple

from wapo.content.blocks import AsyncBlocks, Block
from wapo.content.cid import Cid
from wapo.content.fetch import Fetcher
from wapo.content.limits import Meter
from wapo.content.nodes import File, Part, check_part, load_node

__all__ = ["FileFetch"]

_PARALLEL = 8
_BATCH_BYTES = 4 * 1024 * 1024

_log = logging.getLogger(__name__)


class _Wanted(NamedTuple):
    part: Part
    depth: int


class FileFetch:
    """Fetches one file whose root is known. Used once.

    A block is kept only if a block that is already trusted links to it: whatever else an archive brings is dropped,
    so a gateway cannot fill the store with things that nobody asked for.
    """

    def __init__(self, cid: Cid, file: File, blocks: AsyncBlocks, fetcher: Fetcher, meter: Meter) -> None:
        self._cid = cid
        self._file = file
        self._blocks = blocks
        self._fetcher = fetcher
        self._meter = meter
        # By version 1 identifier: links and archives may spell the same block differently.
        self._missing: dict[Cid, _Wanted] = {}
        self._seen: set[Cid] = set()

    async def run(self) -> None:
        """Returns when every block of the file is in the store.

        Raises:
            ContentTooLarge, ContentTooComplex, ContentTooDeep: over the limits, as soon as that shows.
            MalformedContent, SizeMismatch: a part is not what its parent says.
            whatever ``Fetcher.block`` raises, for a block that nobody gave.
        """
        self._meter.size(self._file.size)
        await self._look_here(self._want(self._file, 1))
        if len(self._missing) > 1:
            await self._fetch_archive()
        if self._missing:
            await self._fetch_blocks()

    def _want(self, file: File, depth: int) -> list[_Wanted]:
        """Note the parts of ``file`` that were not seen before as missing."""
        new = {part.cid.v1(): _Wanted(part, depth) for part in file.parts if part.cid.v1() not in self._seen}
        self._meter.blocks(len(new), depth)
        self._seen.update(new)
        self._missing.update(new)
        return list(new.values())

    async def _arrived(self, wanted: _Wanted, data: bytes) -> list[_Wanted]:
        """Note that a block is there; returns what it links to."""
        node = check_part(wanted.part, await load_node(wanted.part.cid, data))
        del self._missing[wanted.part.cid.v1()]
        return self._want(node, wanted.depth + 1)

    async def _look_here(self, wanted: list[_Wanted]) -> None:
        while wanted:
            next_one = wanted.pop()
            data = await self._blocks.get(next_one.part.cid)
            if data is not None:
                wanted += await self._arrived(next_one, data)

    async def _fetch_archive(self) -> None:
        # The content, and what nodes and framing take in the worst case of tiny chunks.
        max_bytes = self._file.size + self._file.size // 4 + _BATCH_BYTES
        batch: list[Block] = []
        batch_bytes = 0
        try:
            async with aclosing(self._fetcher.archive(self._cid, max_bytes)) as blocks:
                async for block in blocks:
                    wanted = self._missing.get(block.cid.v1())
                    if wanted is None:
                        continue
                    self._meter.transfer(len(block.data))
                    await self._arrived(wanted, block.data)
                    batch.append(block)
                    batch_bytes += len(block.data)
                    if not self._missing:
                        break
                    if batch_bytes > _BATCH_BYTES:
                        full, batch, batch_bytes = batch, [], 0
                        await self._blocks.put_verified(full)
        finally:
            await self._blocks.put_verified(batch)
        if self._missing:
            _log.debug("archives of %s left out %d blocks", self._cid, len(self._missing))

    async def _fetch_blocks(self) -> None:
        queue: asyncio.Queue[_Wanted] = asyncio.Queue()
        for wanted in self._missing.values():
            queue.put_nowait(wanted)
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._work(queue)) for _ in range(_PARALLEL)]
                await queue.join()
                for worker in workers:
                    worker.cancel()
        except ExceptionGroup as failures:
            # The first to fail ended the others.
            raise failures.exceptions[0] from failures

    async def _work(self, queue: asyncio.Queue[_Wanted]) -> None:
        while True:
            wanted = await queue.get()
            data = await self._blocks.get(wanted.part.cid)
            if data is None:
                block = await self._fetcher.block(wanted.part.cid)
                self._meter.transfer(len(block.data))
                await self._blocks.put_verified([block])
                data = block.data
            for found in await self._arrived(wanted, data):
                queue.put_nowait(found)
            queue.task_done()
