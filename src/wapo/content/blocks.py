"""The interface of a block store, and one in memory.

A store keeps blocks by *multihash*: version 0 and version 1 identifiers of the same bytes find the same block. It
never hands out bytes that do not hash to what was asked for, and never takes foreign bytes unchecked.

To add a store, implement ``Blocks`` (it may block; ``InThreads`` gives it to the event loop) or, for one that is
asynchronous by nature, ``AsyncBlocks``. ``tests/content/test_blocks.py`` is the contract that both must pass.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from wapo.content.cid import Cid
from wapo.content.errors import BlockTooLarge, HashMismatch

__all__ = [
    "MAX_BLOCK_BYTES",
    "AsyncBlocks",
    "Block",
    "Blocks",
    "InThreads",
    "MemoryBlocks",
    "StoredBlock",
    "check_block",
    "check_block_size",
]

# What IPFS peers exchange: https://specs.ipfs.tech/bitswap-protocol/#block-sizes
MAX_BLOCK_BYTES = 2 * 1024 * 1024


class Block(NamedTuple):
    """A block and its identifier, of which is known that they belong together."""

    cid: Cid
    data: bytes


class StoredBlock(NamedTuple):
    """What a store says of a block without reading it. ``written_s``: Unix time of the last put."""

    multihash: bytes
    size: int
    written_s: float


class Blocks(Protocol):
    """A block store whose methods may block. Safe to call from several threads."""

    def get(self, cid: Cid) -> bytes | None:
        """The block, verified; None if it is not here."""
        ...

    def has(self, cid: Cid) -> bool:
        """Whether a block is here, going by its name alone."""
        ...

    def put(self, cid: Cid, data: bytes) -> None:
        """Keep foreign bytes.

        Raises:
            HashMismatch: ``data`` is not what ``cid`` says.
            BlockTooLarge: over the store's limit.
            BlockStoreFailed: it could not be written.
        """
        ...

    def put_verified(self, blocks: Iterable[Block]) -> None:
        """Keep blocks whose identifiers the caller computed or checked; durable when this returns.

        Raises:
            BlockTooLarge, BlockStoreFailed: as ``put``; blocks before the failing one may have been kept.
        """
        ...

    def remove(self, cid: Cid) -> bool:
        """Forget a block; False if it was not here."""
        ...

    def entries(self) -> Iterator[StoredBlock]:
        """All blocks, in no order. Blocks that come or go meanwhile may or may not be among them."""
        ...


class AsyncBlocks(Protocol):
    """The same for the event loop. See ``Blocks`` for what each method promises."""

    async def get(self, cid: Cid) -> bytes | None: ...

    async def has(self, cid: Cid) -> bool: ...

    async def put(self, cid: Cid, data: bytes) -> None: ...

    async def put_verified(self, blocks: Iterable[Block]) -> None: ...

    async def remove(self, cid: Cid) -> bool: ...

    async def entries(self) -> list[StoredBlock]: ...


def check_block_size(size: int, max_bytes: int = MAX_BLOCK_BYTES) -> None:
    """Raise ``BlockTooLarge`` for a block of more than ``max_bytes``."""
    if size > max_bytes:
        raise BlockTooLarge(f"A block of {size} bytes is over the limit of {max_bytes} bytes a block.")


def check_block(cid: Cid, data: bytes, sender: str) -> Block:
    """``data`` as the block that ``cid`` identifies.

    Raises:
        HashMismatch: it is not. ``sender`` is named in the message.
    """
    if not cid.matches(data):
        raise HashMismatch(f"The {len(data)} bytes that {sender} gave for {cid} have another hash.")
    return Block(cid, data)


class MemoryBlocks:
    """A block store in memory: for tests, and for what needs no disk."""

    def __init__(self, *, max_block_bytes: int = MAX_BLOCK_BYTES) -> None:
        self._max_block_bytes = max_block_bytes
        self._blocks: dict[bytes, tuple[bytes, float]] = {}

    def get(self, cid: Cid) -> bytes | None:
        inline = cid.inline
        if inline is not None:
            return inline
        found = self._blocks.get(cid.multihash)
        return None if found is None else found[0]

    def has(self, cid: Cid) -> bool:
        return cid.inline is not None or cid.multihash in self._blocks

    def put(self, cid: Cid, data: bytes) -> None:
        check_block_size(len(data), self._max_block_bytes)
        self.put_verified([check_block(cid, data, "the caller")])

    def put_verified(self, blocks: Iterable[Block]) -> None:
        for cid, data in blocks:
            check_block_size(len(data), self._max_block_bytes)
            if cid.inline is None:
                self._blocks[cid.multihash] = (bytes(data), time.time())

    def remove(self, cid: Cid) -> bool:
        return self._blocks.pop(cid.multihash, None) is not None

    def entries(self) -> Iterator[StoredBlock]:
        for multihash, (data, written_s) in list(self._blocks.items()):
            yield StoredBlock(multihash, len(data), written_s)


class InThreads:
    """Any ``Blocks`` as ``AsyncBlocks``: each call runs in a thread of the event loop's pool, about 60 us a call."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocking = blocks

    async def get(self, cid: Cid) -> bytes | None:
        inline = cid.inline
        return inline if inline is not None else await asyncio.to_thread(self.blocking.get, cid)

    async def has(self, cid: Cid) -> bool:
        return await asyncio.to_thread(self.blocking.has, cid)

    async def put(self, cid: Cid, data: bytes) -> None:
        await asyncio.to_thread(self.blocking.put, cid, data)

    async def put_verified(self, blocks: Iterable[Block]) -> None:
        await asyncio.to_thread(self.blocking.put_verified, blocks)

    async def remove(self, cid: Cid) -> bool:
        return await asyncio.to_thread(self.blocking.remove, cid)

    async def entries(self) -> list[StoredBlock]:
        return await asyncio.to_thread(lambda: list(self.blocking.entries()))
