"""Logs of runs (node-and-gateway 1.5): written in the background, bounded, read newest first.

A run collects its records and hands them over when it ends, or about every second while it goes on. One task writes
what has been handed over, many runs a transaction. Reading waits for what was handed over before.

What the disk does not take is lost and counted; runs go on. A chunk has a checksum, so that one that was damaged is
told from one that says something else. Runs are in the order of their ends even where the clock was set back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final
from zlib import crc32

import msgspec
from sqlalchemy import RowMapping, delete, func, select, update

from wapo.log import Log
from wapo.store.connections import AsyncConnection
from wapo.store.database import Database, StoreFailed
from wapo.store.schema import log_chunks

__all__ = ["LEVELS", "LogBook", "LogRecord", "RunLog", "read_records", "records_since"]

#: Level names by the number of the guest ABI; REPORT is the gateway's own.
LEVELS: Final = {0: "REPORT", 1: "ERROR", 2: "WARN", 3: "INFO", 4: "DEBUG", 5: "DEBUG"}

_CHUNK_AFTER_S: Final = 1.0
_FLUSH_DELAY_S: Final = 0.02
#: In so many seconds an endless run may log once more what it may log at once.
_REFILL_S: Final = 64.0
#: What a row takes in memory beside its records, roughly.
_ROW_BYTES: Final = 1024
_RUNNING: Final = 1 << 62
_COLUMNS: Final = ("program", "request_id", "ended_ms", "records", "data")
_ROW: Final = f"({', '.join('?' * len(_COLUMNS))})"
_ROWS: Final = 200

# Values in the order of _COLUMNS.
_Row = list[Any]
_ENDED: Final = _COLUMNS.index("ended_ms")
#: Begins a chunk with a checksum: no MessagePack begins so. Those of before there were any begin with an array.
_SUMMED: Final = b"\xc1"
_SUM_BYTES: Final = 4
#: The latest end that has been written: among the last chunks, of which most have one.
_LATEST: Final = "SELECT max(ended_ms) FROM (SELECT ended_ms FROM log_chunks ORDER BY id DESC LIMIT 64)"
_COMPLAIN_EVERY_S: Final = 10.0
_RECORDS: Final = msgspec.msgpack.Decoder(list[tuple[int, int, str]])


@lru_cache(_ROWS)
def _insert(rows: int) -> str:
    """One statement for many rows. Of each statement the driver lets go of the interpreter lock once, and has to get it
    back from a thread that is busy."""
    return f"INSERT INTO log_chunks ({', '.join(_COLUMNS)}) VALUES {', '.join([_ROW] * rows)}"


_log = Log("wapo.logs")


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record. ``time_ms`` is milliseconds since the epoch."""

    program: str
    request_id: str
    time_ms: int
    level: str
    message: str


#: Of a run's log, for what the host itself has to say when there is no room left.
_OWN_BYTES: Final = 8 << 10


class RunLog:
    """The records of one run, until they are written. Of an endless run, what it may log comes back with time."""

    __slots__ = (
        "_book", "_bytes", "_chunks", "_endless", "_last_chunk", "_last_refill", "_max_bytes", "_own_room", "_records",
        "_room", "closed", "cut", "program", "request_id",
    )  # fmt: skip

    def __init__(
        self, book: "LogBook", program: str, request_id: str, max_bytes: int, *, endless: bool = False
    ) -> None:
        self._book = book
        self.program = program
        self.request_id = request_id
        self._records: list[tuple[int, int, str]] = []
        self._max_bytes = max_bytes
        self._room = max_bytes
        self._own_room = _OWN_BYTES
        self._endless = endless
        self._last_refill = self._last_chunk = time.monotonic()
        self._bytes = 0
        self._chunks = 0
        self.cut = 0
        self.closed = False

    def add(self, level: int, message: str) -> None:
        """A record, stamped now. What is beyond the run's limit is counted, and the count is reported at the end."""
        size = (len(message) if message.isascii() else len(message.encode("utf-8", "replace"))) + 32
        if level and size > self._room:
            self.cut += 1
            return
        self._room -= size
        self._bytes += size
        self._records.append((time.time_ns() // 1_000_000, level, message))

    def add_own(self, level: int, message: str) -> None:
        """A record of the host's: how the run ended must not be hidden by what it had logged before. A run that has
        used up its room still has some for these, shortened."""
        if len(message) + 32 <= self._room or not self._own_room:
            self.add(level, message)
            return
        message = message[: _OWN_BYTES // 8]
        size = len(message.encode("utf-8", "replace")) + 32
        self._own_room = max(0, self._own_room - size)
        self._bytes += size
        self._records.append((time.time_ns() // 1_000_000, level, message))

    def hand_over_old(self, now: float) -> None:
        """What has been collected for a while, so that a long run can be watched. ``now`` is of ``time.monotonic``."""
        if self._endless:
            earned = int(self._max_bytes * (now - self._last_refill) / _REFILL_S)
            self._room = min(self._max_bytes, self._room + earned)
            self._last_refill = now
            self._report_cut()
        if self._records and now - self._last_chunk > _CHUNK_AFTER_S:
            self._hand_over(None)

    def hand_over(self) -> None:
        """What has been collected, because somebody looks."""
        if self._records:
            self._hand_over(None)

    def _report_cut(self) -> None:
        if self.cut:
            text = f"{self.cut} more log lines were dropped: the limit of a run was reached"
            self._records.append((time.time_ns() // 1_000_000, 2, text))
            self.cut = 0

    def _hand_over(self, ended_ms: int | None) -> None:
        records, self._records = self._records, []
        size, self._bytes = self._bytes, 0
        self._last_chunk = time.monotonic()
        self._book.submit(self, records, size, ended_ms, self._chunks)
        self._chunks += 1

    def close(self) -> None:
        """The run is over."""
        self.closed = True
        self._report_cut()
        self._book.closed(self)
        self._hand_over(time.time_ns() // 1_000_000)


async def _nobody(_program: str) -> None:
    """There are no other processes."""


class LogBook:
    """All logs of a node. Start it with :meth:`run` in a task group; close it by cancelling after :meth:`flush`.

    Args:
        max_program_bytes: kept of one program; the oldest go.
        max_pending_bytes: waiting to be written. A program may have no more of it than it leaves for others.

    Attributes:
        dropped: runs, or parts of long runs, whose records were lost because the database could not keep up or the disk
            was full.
    """

    def __init__(
        self, database: Database, max_program_bytes: int = 16 << 20, max_pending_bytes: int = 64 << 20
    ) -> None:
        self._database = database
        self._max_program_bytes = max_program_bytes
        self._max_pending_bytes = max_pending_bytes
        self._pending: list[tuple[_Row, int]] = []
        self._pending_bytes = 0
        self._pending_of: dict[str, int] = {}
        self._open: set[RunLog] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._since_prune: dict[str, int] = {}
        self._last_look = time.monotonic()
        self._last_ended_ms = 0
        self._next_order_look = 0.0
        self._last_complaint: float | None = None
        self._untold = 0
        self.dropped = 0
        #: As :meth:`write_out`, in other processes that write to the same database.
        self.write_out_others: Callable[[str], Awaitable[object]] = _nobody

    def open(self, program: str, request_id: str, max_bytes: int, *, endless: bool = False) -> RunLog:
        """The log of a run that begins now. ``endless``: it may hold ``max_bytes`` at once, and that much more with
        time."""
        log = RunLog(self, program, request_id, max_bytes, endless=endless)
        self.watch(log)
        return log

    def open_brief(self, program: str, request_id: str, max_bytes: int) -> RunLog:
        """The log of a run that may be over before anybody can look; :meth:`watch` it if it is not."""
        return RunLog(self, program, request_id, max_bytes)

    def watch(self, log: RunLog) -> None:
        """Hands over what a run has logged so far, from time to time and when somebody looks."""
        if not log.closed:
            self._open.add(log)

    def closed(self, log: RunLog) -> None:
        """Nothing more will come."""
        self._open.discard(log)

    def submit(
        self, run: RunLog, records: list[tuple[int, int, str]], size: int, ended_ms: int | None, chunks: int
    ) -> None:
        """Hands records of so many bytes over to be written. A writer that cannot keep up drops records, rather than
        filling the node's memory."""
        size += _ROW_BYTES
        mine = self._pending_of.get(run.program, 0) + size
        if mine > self._max_pending_bytes - self._pending_bytes:
            self.dropped += 1
            return
        self._pending_of[run.program] = mine
        self._pending.append(([run.program, run.request_id, ended_ms, len(records), _encoded(records)], chunks))
        self._pending_bytes += size
        if not self._wake.is_set():
            self._idle.clear()
            self._wake.set()

    async def flush(self) -> None:
        """Returns when what was handed over before has been written (or dropped)."""
        await self._idle.wait()

    async def run(self) -> None:
        """Writes for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CHUNK_AFTER_S / 2):
                    await self._wake.wait()
            self._hand_over_old()
            if not self._wake.is_set():
                continue
            await asyncio.sleep(_FLUSH_DELAY_S)
            self._wake.clear()
            batch, self._pending = self._pending, []
            self._pending_bytes = 0
            self._pending_of.clear()
            if batch:
                try:
                    await self._write(batch)
                except StoreFailed as error:
                    self._lost(len(batch), error)
                else:
                    await self._prune_grown(batch)
            if not self._pending:
                self._idle.set()

    def _hand_over_old(self) -> None:
        now = time.monotonic()
        if now - self._last_look > _CHUNK_AFTER_S / 2:
            self._last_look = now
            for log in self._open:
                log.hand_over_old(now)

    def _lost(self, chunks: int, error: StoreFailed) -> None:
        """Counts, and says so from time to time: a disk that is full stays full for longer than a batch."""
        self.dropped += chunks
        self._untold += chunks
        now = time.monotonic()
        if self._last_complaint is None or now - self._last_complaint > _COMPLAIN_EVERY_S:
            _log.error("log records were lost", runs=self._untold, cause=str(error))
            self._last_complaint, self._untold = now, 0

    async def _write(self, batch: list[tuple[_Row, int]]) -> None:
        async with self._database.writing(synced=False) as connection:
            await self._put_in_order(connection, batch)
            # Straight to the driver: these are most of all rows that a node ever writes.
            for start in range(0, len(batch), _ROWS):
                rows = [row for row, _ in batch[start : start + _ROWS]]
                await connection.exec_driver_sql(_insert(len(rows)), tuple(chain.from_iterable(rows)))
            for (_, request_id, ended_ms, *_rest), chunks in batch:
                if chunks and ended_ms is not None:  # earlier chunks of a long run now have their end
                    await connection.execute(
                        update(log_chunks).where(log_chunks.c.request_id == request_id).values(ended_ms=ended_ms)
                    )

    async def _put_in_order(self, connection: AsyncConnection, batch: list[tuple[_Row, int]]) -> None:
        """No run ends before one that has been written: the clock may have been set back, and another process may have
        seen it as it was. Records keep their own times."""
        now, latest = time.monotonic(), self._last_ended_ms
        if self._next_order_look <= now:
            latest = max(latest, (await connection.exec_driver_sql(_LATEST)).scalar() or 0)
            self._next_order_look = now + _CHUNK_AFTER_S
        for row, _ in batch:
            if row[_ENDED] is not None:
                latest = row[_ENDED] = max(row[_ENDED], latest)
        self._last_ended_ms = latest

    async def _prune_grown(self, batch: list[tuple[_Row, int]]) -> None:
        for (program, *_others, data), _ in batch:
            size = self._since_prune.get(program, 0) + len(data)
            if size > self._max_program_bytes // 8:
                try:
                    await self._prune(program)
                except StoreFailed as error:
                    _log.error("old log records could not be removed", program=program, cause=str(error))
                    return  # and try again after the next batch
                size = 0
            self._since_prune[program] = size

    async def _prune(self, program: str) -> None:
        """Forgets the oldest records of a program that has more than its share."""
        mine = log_chunks.c.program == program
        newer = func.sum(func.length(log_chunks.c.data)).over(order_by=log_chunks.c.id.desc())
        sized = select(log_chunks.c.id, newer.label("newer")).where(mine).subquery()
        beyond = select(sized.c.id).where(sized.c.newer > self._max_program_bytes)
        async with self._database.writing(synced=False) as connection:
            await connection.execute(delete(log_chunks).where(log_chunks.c.id.in_(beyond)))

    async def write_out(self, program: str) -> None:
        """Returns when the records that a program's runs have made by now are where everybody can read them."""
        for log in self._open:
            if log.program == program:
                log.hand_over()
        await self.flush()

    async def read(
        self, program: str, *, limit: int = 100, page: int = 1, request_id: str | None = None
    ) -> list[LogRecord]:
        """Records, newest first: runs by their end, inside a run the last record first."""
        await asyncio.gather(self.write_out(program), self.write_out_others(program))
        return await read_records(self._database, program, limit=limit, page=page, request_id=request_id)


def _encoded(records: list[tuple[int, int, str]]) -> bytes:
    try:
        data = msgspec.msgpack.encode(records)
    except UnicodeEncodeError:  # half a character, from a file's name in an error
        mended = [(at, level, text.encode("utf-8", "replace").decode()) for at, level, text in records]
        data = msgspec.msgpack.encode(mended)
    return _SUMMED + crc32(data).to_bytes(_SUM_BYTES, "big") + data


def _decoded(row: RowMapping) -> list[tuple[int, int, str]]:
    """A chunk's records; one that says so if they are damaged."""
    data: bytes = row["data"]
    if data.startswith(_SUMMED):
        start = len(_SUMMED) + _SUM_BYTES
        expected, data = data[len(_SUMMED) : start], data[start:]
        if crc32(data).to_bytes(_SUM_BYTES, "big") != expected:
            data = b""
    try:
        return _RECORDS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = f"{row['records']} log lines were here; they were damaged on the node's disk"
        return [(row["ended_ms"] or 0, 2, text)]


async def records_since(
    database: Database, program: str, position: int | None, show: "Callable[[LogRecord], None] | None" = None
) -> int:
    """Shows what was written after ``position`` (of an earlier call; None: nothing), oldest first; the new position."""
    query = select(log_chunks).where(log_chunks.c.program == program).order_by(log_chunks.c.id)
    if position is None:
        query = select(func.max(log_chunks.c.id))
        async with database.reading() as connection:
            return (await connection.execute(query)).scalar() or 0
    async with database.reading() as connection:
        rows = (await connection.execute(query.where(log_chunks.c.id > position))).mappings().all()
    for row in rows:
        position = row["id"]
        for at, level, message in _decoded(row) if show is not None else ():
            assert show is not None
            show(LogRecord(program, row["request_id"], at, LEVELS.get(level, "DEBUG"), message))
    return position


async def read_records(
    database: Database,
    program: str,
    *,
    limit: int = 100,
    page: int = 1,
    request_id: str | None = None,
    up_to: int | None = None,
) -> list[LogRecord]:
    """As :meth:`LogBook.read`, of what has been written; ``page`` counts from 1.

    Args:
        up_to: a position of :func:`records_since`: what was written after it is left out.
    """
    if limit == 0:
        return []
    skip, wanted = (page - 1) * limit, limit
    query = select(log_chunks).where(log_chunks.c.program == program)
    if request_id is not None:
        query = query.where(log_chunks.c.request_id == request_id)
    if up_to is not None:
        query = query.where(log_chunks.c.id <= up_to)
    query = query.order_by(func.coalesce(log_chunks.c.ended_ms, _RUNNING).desc(), log_chunks.c.id.desc())
    records: list[LogRecord] = []
    async with database.reading() as connection, connection.stream(query) as rows:
        async for row in rows.mappings():
            if skip >= row["records"]:
                skip -= row["records"]
                continue
            for at, level, message in reversed(_decoded(row)):
                if skip:
                    skip -= 1
                    continue
                name = LEVELS.get(level, "DEBUG")
                records.append(LogRecord(program, row["request_id"], at, name, message))
                if len(records) == wanted:
                    return records
    return records
