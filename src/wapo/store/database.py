"""Connections: reads spread, writes queue to one at a time, each in a transaction that begins with the write lock.

SQLite in WAL mode: several processes of one node share the file, readers never wait for a writer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from wapo.errors import HostError
from wapo.store.connections import AsyncConnection, AsyncEngine, create_async_engine
from wapo.store.schema import migrate

__all__ = ["Database", "StoreFailed"]

_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 10000", "foreign_keys = ON")


class StoreFailed(HostError):
    """The database cannot be opened, or refuses what should work."""

    code = "store_failed"
    status = 503


class Database:
    """An async context manager over one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: AsyncEngine | None = None
        self._writer = asyncio.Lock()

    async def __aenter__(self) -> "Database":
        engine = create_async_engine(f"sqlite+aiosqlite:///{self._path}")
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        self._engine = engine
        try:
            self._path.touch(mode=0o600)
            async with self.writing() as connection:
                await connection.run_sync(migrate)
        except (DBAPIError, OSError, StoreFailed) as error:
            await self.aclose()
            raise StoreFailed(f"the database {self._path} cannot be opened: {_cause(error)}") from error
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Idempotent."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreFailed("the database is closed")
        return self._engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads.

        Raises:
            StoreFailed: the database does not answer.
        """
        try:
            async with self._opened().connect() as connection:
                await connection.execution_options(wapo_read_only=True)
                yield connection
        except DBAPIError as error:
            raise StoreFailed(f"the database cannot be read: {_cause(error)}") from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end of the block, or rolled back if it raises.

        Raises:
            StoreFailed: locked for too long, disk full, damaged.
        """
        async with self._writer:
            try:
                async with self._opened().begin() as connection:
                    yield connection
            except DBAPIError as error:
                raise StoreFailed(f"the database cannot be written: {_cause(error)}") from error


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own idea of when to begin is not ours
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("wapo_read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _cause(error: Exception) -> str:
    """What SQLite said."""
    if isinstance(error, StoreFailed) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)
