"""The receipts of a node: written in the background, found again by request, logged where nothing can be taken back.

The request's own path adds a tuple to a list. A few times a second what has come together is written in one
transaction: its hashes go into a Merkle tree over all receipts of all the node's processes (``wapo.trust.merkle``), the
receipts themselves into a chunk, sealed. Nothing is signed until somebody asks: the key says the same an hour later.

The last :data:`KEPT` receipts are kept, each for a week; hashes for as long as there is room for them. What the disk
does not take is lost and counted, and its requests have no receipt.
"""

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from wapo.errors import CallerError
from wapo.log import Log
from wapo.node.identities import Identities
from wapo.store.connections import AsyncConnection
from wapo.store.database import Database, StoreDamaged, StoreFailed
from wapo.store.receipts import open_receipts
from wapo.store.schema import NewerSchema
from wapo.trust.keys import NodeKeys
from wapo.trust.merkle import (
    HASH_BYTES,
    TILE,
    MissingTiles,
    TreeHead,
    consistency_proof,
    extend,
    inclusion_proof,
    leaf_hash,
    right_edge,
    root_of,
)
from wapo.trust.receipts import Receipt, sign
from wapo.trust.seal import Sealer

__all__ = ["KEPT", "Entry", "LoggedReceipt", "NoSuchReceipt", "NotInTheLog", "ReceiptBook"]

#: Receipts that can be asked for: some 50 MB on disk, and a megabyte of ids to look through.
KEPT: Final = 65_536
_KEPT_S: Final = 7 * 86_400.0
#: Tiles of leaves that are kept: half a GB of hashes. Of what is older the tree has the hashes of whole tiles.
_LEAF_TILES: Final = 1 << 16
_WRITE_AFTER_S: Final = 0.25
_AT_ONCE: Final = 1024
#: Between two of so many receipts that are encoded and hashed, others get their turn.
_PIECE: Final = 64
_MAX_PENDING: Final = 1 << 15
_MAX_PENDING_BYTES: Final = 32 << 20
_COMPLAIN_EVERY_S: Final = 10.0
_log = Log("wapo.receipts")

#: The values of a :class:`Receipt`, in order.
Entry = tuple[Any, ...]
_ID, _TARGET = 1, 4
_ENTRIES: Final = msgspec.msgpack.Decoder(list[bytes])
_T = TypeVar("_T")


class NoSuchReceipt(CallerError):
    """No receipt is kept of that request: there was none, it is too old, or nobody wanted one."""

    code = "receipt_not_found"
    status = 404


class NotInTheLog(CallerError):
    """The log has not as many leaves, or not these any more."""

    code = "not_in_the_log"
    status = 404


@dataclass(frozen=True, slots=True)
class LoggedReceipt:
    """A receipt, its signature, and which leaf of the log it is."""

    receipt: Receipt
    signature: bytes
    index: int


async def _nobody() -> None:
    """There are no other processes."""


class ReceiptBook:
    """All receipts of a node, as one of its processes sees them. Its database is opened when it is first needed.

    Attributes:
        lost: how many were not written.
    """

    def __init__(self, data_dir: Path, keys: NodeKeys, identities: Identities) -> None:
        self._data_dir = data_dir
        self._identities = identities
        self._sealer = Sealer(keys.derive("receipts/v1"))
        self._stack = AsyncExitStack()
        self._database: Database | None = None
        self._opening = asyncio.Lock()
        self._pending: list[Entry] = []
        self._pending_bytes = 0
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._pruned_at = 0
        self._last_complaint: float | None = None
        self.lost = 0
        #: As :meth:`write_out`, in other processes of the node.
        self.write_out_others: Callable[[], Awaitable[object]] = _nobody

    def add(self, entry: Entry) -> None:
        """Keeps a receipt, which will be written soon."""
        pending = self._pending
        self._pending_bytes += len(entry[_TARGET])
        if len(pending) >= _MAX_PENDING or self._pending_bytes > _MAX_PENDING_BYTES:
            self.lost += 1
            return
        pending.append(entry)
        if len(pending) == 1:
            self._wake.set()

    async def run(self) -> None:
        """Writes for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_WRITE_AFTER_S)
            with suppress(StoreFailed, NewerSchema):  # which it has told
                await self.write_out()

    async def aclose(self) -> None:
        """Writes what is left."""
        with suppress(StoreFailed, NewerSchema):
            await self.write_out()
        self._database = None
        await self._stack.aclose()

    async def write_out(self) -> None:
        """Returns when what was added by now has been written.

        Raises:
            StoreFailed, NewerSchema: it is lost.
        """
        async with self._writing:
            while self._pending:
                batch, self._pending = self._pending[:_AT_ONCE], self._pending[_AT_ONCE:]
                self._pending_bytes = sum(len(entry[_TARGET]) for entry in self._pending)
                try:
                    await self._write(batch)
                except (StoreFailed, NewerSchema) as error:
                    self._complain(len(batch), error)
                    raise

    def _complain(self, lost: int, error: Exception) -> None:
        self.lost += lost
        now = time.monotonic()
        if self._last_complaint is None or now - self._last_complaint > _COMPLAIN_EVERY_S:
            _log.error("receipts were lost", lost=self.lost, cause=str(error))
            self._last_complaint = now

    async def _opened(self) -> Database:
        async with self._opening:
            if self._database is None:
                self._database = await self._stack.enter_async_context(open_receipts(self._data_dir))
        return self._database

    async def _write(self, batch: list[Entry]) -> None:
        entries: list[bytes] = []
        for start in range(0, len(batch), _PIECE):
            entries += [Receipt(*values).canonical() for values in batch[start : start + _PIECE]]
            await asyncio.sleep(0)
        leaves = [leaf_hash(entry) for entry in entries]
        ids = b"".join([bytes.fromhex(entry[_ID].replace("-", "")) for entry in batch])
        now = time.time_ns() // 1_000_000
        database = await self._opened()
        async with database.writing() as connection:
            name, first = await _state(connection)
            if not name:
                name = secrets.token_hex(16)
                await connection.exec_driver_sql("INSERT INTO log VALUES (?, ?)", (name, first))
            edge = right_edge(first)
            tiles = await _tiles(connection, edge)
            if any(len(tiles.get(tile, b"")) != first // TILE ** tile[0] % TILE * HASH_BYTES for tile in edge):
                raise StoreDamaged("the log of receipts has lost hashes")
            extend(tiles, first, leaves)
            for (level, number), hashes in tiles.items():
                await connection.exec_driver_sql("REPLACE INTO tiles VALUES (?, ?, ?)", (level, number, hashes))
            sealed = self._sealer.seal(msgspec.msgpack.encode(entries), f"{name}/{first}")
            await connection.exec_driver_sql(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)", (first, len(entries), now, ids, sealed)
            )
            size = first + len(entries)
            await connection.exec_driver_sql("UPDATE log SET size = ?", (size,))
            if size - self._pruned_at > KEPT // 16 or not self._pruned_at:
                self._pruned_at = size
                await _prune(connection, size, now)

    # What others ask

    async def find(self, request_id: str) -> LoggedReceipt:
        """The receipt of a request.

        Raises:
            NoSuchReceipt.
            StoreFailed: it cannot be looked for.
        """
        try:
            raw = uuid.UUID(request_id)
        except ValueError:
            raise NoSuchReceipt("a receipt goes by the request's id, the X-Request-Id of its response") from None
        await self._all_written()
        async with (await self._opened()).reading() as connection:
            name, _ = await _state(connection)
            query = "SELECT first, ids, data FROM chunks WHERE instr(ids, ?) ORDER BY first DESC"
            rows: Sequence[Any] = (await connection.exec_driver_sql(query, (raw.bytes,))).all()
            for first, ids, data in rows:
                at = _position(ids, raw.bytes)
                if at is not None:
                    return self._logged(_ENTRIES.decode(self._sealer.open(data, f"{name}/{first}"))[at], first + at)
        raise NoSuchReceipt(f"there is no receipt of the request {raw}: none was asked for, or it is gone")

    def _logged(self, entry: bytes, index: int) -> LoggedReceipt:
        receipt = Receipt.parse(entry)
        identity = self._identities.by_key(receipt.key_id)
        if identity is None:
            raise StoreDamaged(f"a receipt names the key {receipt.key_id}, which is none of this node's")
        return LoggedReceipt(receipt, sign(identity, receipt), index)

    async def head(self) -> tuple[TreeHead, bytes]:
        """The log at this moment, signed."""
        await self._all_written()
        async with (await self._opened()).reading() as connection:
            name, size = await _state(connection)
            root = await _computed(connection, size, lambda tiles: root_of(tiles, size))
        identity = self._identities.current
        head = TreeHead(name, size, root, time.time_ns() // 1_000_000, identity.key_id)
        return head, identity.sign(head.canonical())

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that a leaf is in the tree of that size.

        Raises:
            NotInTheLog.
        """
        if not 0 <= index < size:
            raise NotInTheLog(f"a tree of {size} leaves has none of the number {index}")
        return await self._proof(size, lambda tiles: inclusion_proof(tiles, index, size))

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that one tree is the beginning of the other.

        Raises:
            NotInTheLog.
        """
        if not 0 <= first <= second:
            raise NotInTheLog(f"a tree of {first} leaves is not the beginning of one of {second}")
        return await self._proof(second, lambda tiles: consistency_proof(tiles, first, second))

    async def tile(self, level: int, number: int) -> bytes:
        """Hashes of the tree, one after the other; fewer than 256 if they are the last ones.

        Raises:
            NotInTheLog.
        """
        async with (await self._opened()).reading() as connection:
            found = await _tiles(connection, [(level, number)])
        if not found:
            raise NotInTheLog(f"the log has no tile {number} of level {level}, or not any more")
        return found[level, number]

    async def _proof(self, size: int, work: Callable[[dict[tuple[int, int], bytes]], _T]) -> _T:
        async with (await self._opened()).reading() as connection:
            _, there = await _state(connection)
            if size > there:
                raise NotInTheLog(f"the log has {there} leaves, not {size}")
            return await _computed(connection, size, work)

    async def _all_written(self) -> None:
        await asyncio.gather(self.write_out(), self.write_out_others())


def _position(ids: bytes, wanted: bytes) -> int | None:
    at = ids.find(wanted)
    while at >= 0 and at % 16:
        at = ids.find(wanted, at + 1)
    return None if at < 0 else at // 16


async def _state(connection: AsyncConnection) -> tuple[str, int]:
    """The log's name, and how many leaves it has. There is none before the first receipt."""
    row: Any = (await connection.exec_driver_sql("SELECT name, size FROM log")).first()
    return ("", 0) if row is None else (row[0], row[1])


async def _tiles(connection: AsyncConnection, names: list[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    found = {}
    for level, number in names:
        query = "SELECT hashes FROM tiles WHERE level = ? AND number = ?"
        row: Any = (await connection.exec_driver_sql(query, (level, number))).first()
        if row is not None:
            found[level, number] = row[0]
    return found


async def _computed(connection: AsyncConnection, size: int, work: Callable[[dict[tuple[int, int], bytes]], _T]) -> _T:
    """The result of work on the tree of that size, of which the tiles are read that it needs."""
    try:
        return work({})
    except MissingTiles as missing:
        tiles = await _tiles(connection, sorted(missing.wanted))
    try:
        return work(tiles)
    except MissingTiles:
        raise NotInTheLog(f"of the tree of {size} leaves, hashes that are needed are not kept any more") from None


async def _prune(connection: AsyncConnection, size: int, now_ms: int) -> None:
    await connection.exec_driver_sql(
        "DELETE FROM chunks WHERE first < ? OR written_ms < ?", (size - KEPT, now_ms - int(_KEPT_S * 1000))
    )
    await connection.exec_driver_sql("DELETE FROM tiles WHERE level = 0 AND number < ?", (size // TILE - _LEAF_TILES,))
