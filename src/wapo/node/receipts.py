"""The receipts of a node: written in the background, found again by request, logged where nothing can be taken back.

The request's own path adds a tuple to a list. A few times a second what has come together is written in one
transaction: its hashes go into a Merkle tree over all receipts of all the node's processes (``wapo.trust.merkle``), the
receipts themselves into a chunk, sealed. Nothing is signed until somebody asks: the key says the same an hour later.

The last :data:`KEPT` receipts are kept, each for a week at most; hashes for as long as there is room for them. What the
disk does not take is lost and counted, and its requests have no receipt.
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

from wapo.errors import CallerError
from wapo.log import Log
from wapo.node.identities import Identities
from wapo.node.receipt_chunks import Chunk, Common, Entry, WrittenChunk
from wapo.store.connections import AsyncConnection
from wapo.store.database import Database, StoreDamaged, StoreFailed
from wapo.store.receipts import FILE, open_receipts
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
    right_edge,
    root_of,
)
from wapo.trust.receipts import Receipt, sign
from wapo.trust.seal import Sealer

__all__ = [
    "KEPT",
    "LoggedReceipt",
    "NoSuchReceipt",
    "NotInTheLog",
    "ReceiptBook",
]

#: Receipts that can be asked for: some 50 MB on disk, and a megabyte of ids to look through.
KEPT: Final = 65_536
#: What they may take there: a target can be a thousand times as long as most are.
_KEPT_BYTES: Final = 256 << 20
_KEPT_MS: Final = 7 * 86_400_000
#: So often what is too old leaves the disk, also where little is written, or nothing.
_PRUNE_EVERY_S: Final = 3600.0
#: Tiles of leaves that are kept: half a GB of hashes. Of what is older the tree has the hashes of whole tiles.
_LEAF_TILES: Final = 1 << 16
_WRITE_AFTER_S: Final = 0.5
#: What may wait for the disk.
_MAX_CHUNKS: Final = 8
_REFRESH_EVERY_S: Final = 0.1
#: Between so many leaves that are added to the tree, others get their turn.
_PIECE: Final = 512
_COMPLAIN_EVERY_S: Final = 10.0
_log = Log("wapo.receipts")


_DELETE_TOO_MUCH: Final = (
    "DELETE FROM chunks WHERE first IN (SELECT first FROM ("
    "SELECT first, sum(length(data)) OVER (ORDER BY first DESC) AS with_later_ones FROM chunks) "
    "WHERE with_later_ones > ?)"
)

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
        self._refreshing = asyncio.Lock()
        self._refreshed = -_REFRESH_EVERY_S
        self._chunks: list[Chunk] = []
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._pruned_at = 0
        self._pruned_s = -_PRUNE_EVERY_S
        self._unpruned_bytes = 0
        #: Of all that are kept, 16 bytes each, from leaf ``_ids_from`` on.
        self._ids = bytearray()
        self._ids_from = 0
        self._edge: tuple[str, int, dict[tuple[int, int], bytes]] | None = None
        self._last_complaint: float | None = None
        self.lost = 0
        #: As :meth:`write_out`, in other processes of the node.
        self.write_out_others: Callable[[], Awaitable[object]] = _nobody

    def add(self, entry: Entry) -> None:
        """Keeps a receipt, which will be written soon. Its id is a UUID."""
        chunk = self._chunk()
        if chunk is None:
            self.lost += 1
        else:
            chunk.add(entry)

    def add_brief(self, common: Common, request_id: str, content: bytes, started: float) -> None:
        """As :meth:`add`, of a GET without content whose response is complete now, in a tenth of the time.

        Args:
            started: when the exchange began, of ``time.perf_counter``.
        """
        chunks = self._chunks
        chunk = self._chunk() if not chunks or chunks[-1].full else chunks[-1]
        if chunk is None:
            self.lost += 1
        else:
            chunk.add_brief(common, request_id, content, time.perf_counter() - started)

    def _chunk(self) -> Chunk | None:
        """The one that receipts are added to; None if as many wait as may."""
        chunks = self._chunks
        if not chunks or chunks[-1].full:
            if len(chunks) >= _MAX_CHUNKS:
                return None
            chunks.append(Chunk())
            self._wake.set()
        return chunks[-1]

    async def run(self) -> None:
        """Writes for ever."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _PRUNE_EVERY_S)
            with suppress(StoreFailed, NewerSchema):  # which it has told
                if self._wake.is_set():
                    await asyncio.sleep(_WRITE_AFTER_S)
                    self._wake.clear()
                    await self.write_out()
                elif await asyncio.to_thread((self._data_dir / FILE).exists):
                    await self.forget()

    async def forget(self) -> None:
        """Takes off the disk what is too old.

        Raises:
            StoreFailed, NewerSchema.
        """
        async with (await self._opened()).writing() as connection:
            _, size = await _state(connection)
            await self._prune(connection, size, time.time_ns() // 1_000_000)

    async def aclose(self) -> None:
        """Writes what is left."""
        with suppress(StoreFailed, NewerSchema):
            await self.write_out()
        self._database = None
        await self._stack.aclose()

    async def write_out(self) -> None:
        """Returns when what was added by now has been written; goes on if whoever waits for it does not.

        Raises:
            StoreFailed, NewerSchema: it is lost.
        """
        work = asyncio.ensure_future(self._write_out())
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(work)

    async def _write_out(self) -> None:
        async with self._writing:
            try:
                # What comes meanwhile is for the next time, or a busy node would never stop writing a few.
                for _ in range(len(self._chunks)):
                    await self._write_one(self._chunks.pop(0))
            finally:
                if self._chunks:
                    self._wake.set()

    async def _write_one(self, chunk: Chunk) -> None:
        chunk.settle()
        if not len(chunk):
            return
        try:
            await self._write(chunk)
        except (StoreFailed, NewerSchema) as error:
            self._complain(len(chunk), error)
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

    async def _write(self, chunk: Chunk) -> None:
        leaves, now = bytes(chunk.leaves), time.time_ns() // 1_000_000
        data = chunk.encoded()
        database = await self._opened()
        async with database.writing() as connection:
            name, first = await _state(connection)
            if not name:
                name = secrets.token_hex(16)
                await connection.exec_driver_sql("INSERT INTO log VALUES (?, ?)", (name, first))
            tiles = await self._edge_of(connection, name, first)
            for start in range(0, len(chunk), _PIECE):
                extend(tiles, first + start, leaves[start * HASH_BYTES : (start + _PIECE) * HASH_BYTES])
                await asyncio.sleep(0)
            rows = [(level, number, hashes) for (level, number), hashes in tiles.items()]
            await connection.exec_driver_sql("REPLACE INTO tiles VALUES (?, ?, ?)", rows)
            row = first, len(chunk), now, chunk.ids(), self._sealer.seal(data, f"{name}/{first}")
            await connection.exec_driver_sql("INSERT INTO chunks VALUES (?, ?, ?, ?, ?)", row)
            size = first + len(chunk)
            await connection.exec_driver_sql("UPDATE log SET size = ?", (size,))
            self._unpruned_bytes += len(data)
            if (
                size - self._pruned_at > KEPT // 16
                or self._unpruned_bytes > _KEPT_BYTES // 16
                or time.monotonic() - self._pruned_s >= _PRUNE_EVERY_S
            ):
                await self._prune(connection, size, now)
        self._edge = name, size, {tile: tiles[tile] for tile in right_edge(size)}

    async def _prune(self, connection: AsyncConnection, size: int, now_ms: int) -> None:
        self._pruned_at, self._pruned_s, self._unpruned_bytes = size, time.monotonic(), 0
        too_old = size - KEPT, now_ms - _KEPT_MS
        await connection.exec_driver_sql("DELETE FROM chunks WHERE first + count <= ? OR written_ms < ?", too_old)
        await connection.exec_driver_sql(_DELETE_TOO_MUCH, (_KEPT_BYTES,))
        last = size // TILE - _LEAF_TILES
        await connection.exec_driver_sql("DELETE FROM tiles WHERE level = 0 AND number < ?", (last,))

    async def _edge_of(self, connection: AsyncConnection, name: str, size: int) -> dict[tuple[int, int], bytes]:
        """The tiles that are not full. They are known if no other process has written since."""
        if self._edge is not None and self._edge[:2] == (name, size):
            return dict(self._edge[2])
        edge = right_edge(size)
        tiles = await _tiles(connection, edge)
        if any(len(tiles.get(tile, b"")) != size // TILE ** tile[0] % TILE * HASH_BYTES for tile in edge):
            raise StoreDamaged("the log of receipts has lost hashes")
        return tiles

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
        # Most that is asked for has been written; and a stranger who asks for what is not there keeps nobody busy.
        found = await self._look_for(raw)
        if found is None:
            await self._refresh()
            found = await self._look_for(raw)
        if found is None:
            raise NoSuchReceipt(f"there is no receipt of the request {raw}: none was asked for, or it is gone")
        return await self._logged(*found)

    async def _look_for(self, raw: uuid.UUID) -> tuple[bytes, int] | None:
        """The receipt's canonical form, and which leaf it is."""
        async with (await self._opened()).reading() as connection:
            name = await self._learn_ids(connection)
            at = _position(self._ids, raw.bytes)
            if at is None:
                return None
            index = self._ids_from + at
            query = "SELECT first, count, written_ms, data FROM chunks WHERE first <= ? ORDER BY first DESC LIMIT 1"
            row: Any = (await connection.exec_driver_sql(query, (index,))).first()
            if row is None or index >= row[0] + row[1] or row[2] < time.time_ns() // 1_000_000 - _KEPT_MS:
                return None
            return WrittenChunk(self._sealer.open(row[3], f"{name}/{row[0]}"))[index - row[0]], index

    async def _learn_ids(self, connection: AsyncConnection) -> str:
        """Reads the ids of chunks that are new, and forgets those that are gone: a megabyte in all. Returns the log's
        name."""
        name, _ = await _state(connection)
        oldest: Any = (await connection.exec_driver_sql("SELECT min(first) FROM chunks")).scalar()
        query = "SELECT first, ids FROM chunks WHERE first >= ? ORDER BY first"
        rows: Sequence[Any] = (await connection.exec_driver_sql(query, (self._ids_to,))).all()
        # From here on nobody else has a turn; somebody who had one meanwhile may have learned the same, or more.
        gone = 0 if oldest is None else max(0, oldest - self._ids_from)
        del self._ids[: 16 * gone]
        self._ids_from += gone
        for first, ids in rows:
            if first >= self._ids_to:
                self._ids += bytes(16 * (first - self._ids_to)) + ids
        return name

    @property
    def _ids_to(self) -> int:
        return self._ids_from + len(self._ids) // 16

    async def _logged(self, entry: bytes, index: int) -> LoggedReceipt:
        receipt = Receipt.parse(entry)
        identity = self._identities.by_key(receipt.key_id)
        if identity is None:  # another process may have noticed before this one that there is a new one
            await self._identities.load()
            identity = self._identities.by_key(receipt.key_id)
        if identity is None:
            raise StoreDamaged(f"a receipt names the key {receipt.key_id}, which is none of this node's")
        return LoggedReceipt(receipt, sign(identity, receipt), index)

    async def head(self) -> tuple[TreeHead, bytes]:
        """The log at this moment, signed."""
        with suppress(StoreFailed):  # what could not be written is not in the log, which is what it was
            await self._refresh()
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

    async def _refresh(self) -> None:
        """Returns when what all processes had by now has been written. Who asks often waits for a moment: each time is
        a transaction, and on the disk."""
        asked = time.monotonic()
        async with self._refreshing:
            if self._refreshed < asked:
                await asyncio.sleep(max(0, self._refreshed + _REFRESH_EVERY_S - asked))
                self._refreshed = time.monotonic()
                await asyncio.gather(self.write_out(), self.write_out_others())


def _position(ids: bytearray, wanted: bytes) -> int | None:
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
