"""Connections: reads spread, writes queue to one at a time, each in a transaction that begins with the write lock.

SQLite in WAL mode: several processes of one node share the file, readers never wait for a writer. What is written is on
the disk when the transaction has ended, unless the writer can do without that, as logs can: then it outlives the
process, and may be lost when the machine loses power.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from wapo.errors import HostError
from wapo.store.connections import AsyncConnection, AsyncEngine, create_async_engine
from wapo.store.schema import NewerSchema, metadata, migrate

__all__ = ["Database", "StoreDamaged", "StoreFailed"]

_OPENING_S: Final = 5.0
_AGAIN_S: Final = 0.02
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000", "foreign_keys = ON")

#: Looking at pages takes about a second a GB: in a larger file those of the tables are looked at that a node cannot do
#: without, and not those of logs, which are most of it. Comparing rows with indices takes ten times as long.
_CHECKED_BYTES: Final = 64 << 20
_LOGS: Final = "log_chunks"


class StoreFailed(HostError):
    """The database cannot be opened, or refuses what should work."""

    code = "store_failed"
    status = 503


class StoreDamaged(StoreFailed):
    """The database is damaged: a page that makes no sense, a row that is not what was written."""

    code = "store_damaged"


class Database:
    """An async context manager over one SQLite file.

    Args:
        prepare: makes its tables, in a transaction, when it is opened.
    """

    def __init__(self, path: Path, prepare: Callable[[Connection], object] = migrate) -> None:
        self._path = path
        self._prepare = prepare
        self._engine: AsyncEngine | None = None
        self._unsynced: AsyncEngine | None = None  # the same, with other options
        self._writer = asyncio.Lock()

    async def __aenter__(self) -> "Database":
        engine = create_async_engine(f"sqlite+aiosqlite:///{self._path}")
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        self._engine, self._unsynced = engine, engine.execution_options(wapo_synchronous="NORMAL")
        try:
            self._path.touch(mode=0o600)
            await self._prepared()
        except (DBAPIError, OSError, StoreFailed, NewerSchema) as error:
            await self.aclose()
            kind = type(error) if isinstance(error, StoreDamaged | NewerSchema) else StoreFailed
            raise kind(f"the database {self._path} cannot be opened: {_cause(error)}") from error
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _prepared(self) -> None:
        ends = time.monotonic() + _OPENING_S
        while True:
            try:
                async with self.writing() as connection:
                    await connection.run_sync(self._prepare)
                return
            except StoreFailed as error:
                # Who makes a new file one with a WAL beside another who does is told so at once, and not after a wait.
                if not _is_busy(error) or time.monotonic() > ends:
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Idempotent."""
        engine, self._engine, self._unsynced = self._engine, None, None
        if engine is not None:
            await engine.dispose()

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreFailed("the database is closed")
        return self._engine

    async def check(self) -> None:
        """Looks for damage: at all pages, but for those of logs where that would take long; at rows and their indices,
        but for logs.

        Raises:
            StoreDamaged: what is wrong, and where.
        """
        checks = [f"integrity_check('{name}')" for name in metadata.tables if name != _LOGS]
        if self._path.stat().st_size <= _CHECKED_BYTES:
            checks.insert(0, "quick_check")
        async with self.reading() as connection:
            for check in checks:
                found = (await connection.exec_driver_sql(f"PRAGMA {check}")).scalars().all()
                if found != ["ok"]:
                    raise StoreDamaged(f"the database {self._path} is damaged: {found[0]}; {_ADVICE}")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads.

        Raises:
            StoreFailed: the database does not answer, or is damaged.
        """
        try:
            async with self._opened().connect() as connection:
                await connection.execution_options(wapo_read_only=True)
                yield connection
        except (DBAPIError, NoConnection, UnicodeDecodeError) as error:
            raise _failed("read", error) from error

    @asynccontextmanager
    async def writing(self, *, synced: bool = True) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end of the block, or rolled back if it raises.

        Args:
            synced: whether it is on the disk then. One that is not survives the process, but not a loss of power.

        Raises:
            StoreFailed: locked for too long, disk full, damaged.
        """
        async with self._writer:
            try:
                engine = self._opened() if synced else self._unsynced or self._opened()
                async with engine.begin() as connection:
                    yield connection
            except (DBAPIError, NoConnection, UnicodeDecodeError) as error:
                raise _failed("written", error) from error


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own idea of when to begin is not ours
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    options = connection.get_execution_options()
    if options.get("wapo_read_only"):
        connection.exec_driver_sql("BEGIN")
        return
    wanted, had = options.get("wapo_synchronous", "FULL"), connection.info.get("wapo_synchronous", "FULL")
    if wanted != had:  # connections are shared, and inside a transaction it cannot be changed
        connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
        connection.info["wapo_synchronous"] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE")


_ADVICE: Final = "stop the node and bring back a backup with 'wapo restore'"

#: The result codes that mean damage: https://www.sqlite.org/rescode.html
_DAMAGE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def _failed(what: str, error: Exception) -> StoreFailed:
    if isinstance(error, UnicodeDecodeError):  # of a name in the schema, say, and so of SQLite's message about it
        return StoreDamaged(f"the database cannot be {what}: a text in it is none; {_ADVICE}")
    name = getattr(error.orig, "sqlite_errorname", "") if isinstance(error, DBAPIError) else ""
    if name.startswith(_DAMAGE):
        return StoreDamaged(f"the database cannot be {what}: {_cause(error)}; {_ADVICE}")
    return StoreFailed(f"the database cannot be {what}: {_cause(error)}")


def _is_busy(error: StoreFailed) -> bool:
    """Whether somebody else has it locked."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _cause(error: Exception) -> str:
    """What SQLite said."""
    if isinstance(error, StoreDamaged):
        return str(error).removeprefix("the database cannot be written: ")
    if isinstance(error, StoreFailed) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)
