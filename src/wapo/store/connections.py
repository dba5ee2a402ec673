"""SQLAlchemy's Core on an async driver, without its ORM.

``sqlalchemy.ext.asyncio`` loads the whole ORM, which nobody here uses, and which takes as long to load as a third of
everything else that a node needs until its first answer. What it does for Core is little: every call that may wait runs
in a greenlet, from which the driver awaits. Names and behaviour are those of the originals.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, RowMapping, create_engine
from sqlalchemy.sql import Executable
from sqlalchemy.util import greenlet_spawn

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]

_T = TypeVar("_T")

#: Rows of a streamed result that are fetched at a time.
_ROWS_AT_ONCE: Final = 50


class StreamedRows:
    """A result that is fetched while it is read."""

    def __init__(self, result: CursorResult[Any]) -> None:
        self._result = result

    async def mappings(self) -> AsyncIterator[RowMapping]:
        """Its rows, by column."""
        rows = self._result.mappings()
        while some := await greenlet_spawn(rows.fetchmany, _ROWS_AT_ONCE):
            for row in some:
                yield row


class AsyncConnection:
    """A connection of an :class:`AsyncEngine`."""

    def __init__(self, connection: Connection) -> None:
        self.sync_connection = connection

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Executes a statement; its result has been fetched."""
        return await greenlet_spawn(self.sync_connection.execute, statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        """Executes a statement as it is."""
        return await greenlet_spawn(self.sync_connection.exec_driver_sql, statement, parameters)

    async def execution_options(self, **options: Any) -> "AsyncConnection":
        """Sets options of this connection, which it returns."""
        await greenlet_spawn(lambda: self.sync_connection.execution_options(**options))
        return self

    async def run_sync(self, work: Callable[[Connection], _T]) -> _T:
        """Calls a function with the connection, which it may use as if nothing ever waited."""
        return await greenlet_spawn(work, self.sync_connection)

    @asynccontextmanager
    async def stream(self, statement: Executable) -> AsyncIterator[StreamedRows]:
        """The result of a statement for a block, fetched while it is read."""
        options = {"stream_results": True}
        result = await greenlet_spawn(self.sync_connection.execute, statement, execution_options=options)
        try:
            yield StreamedRows(result)
        finally:
            await _to_the_end(greenlet_spawn(result.close))


class AsyncEngine:
    """An engine whose connections are given for a block."""

    def __init__(self, engine: Engine) -> None:
        self.sync_engine = engine

    def execution_options(self, **options: Any) -> "AsyncEngine":
        """The same engine, for connections with other options."""
        return AsyncEngine(self.sync_engine.execution_options(**options))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection for a block. What is not committed then is rolled back."""
        connection = await greenlet_spawn(self.sync_engine.connect)
        try:
            yield AsyncConnection(connection)
        finally:
            await _to_the_end(greenlet_spawn(connection.close))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which is committed after the block, or rolled back if it raises."""
        async with self.connect() as connection:
            transaction = await greenlet_spawn(connection.sync_connection.begin)
            try:
                yield connection
            except BaseException:
                await greenlet_spawn(transaction.rollback)
                raise
            await greenlet_spawn(transaction.commit)

    async def dispose(self) -> None:
        """Closes connections that nobody uses."""
        await greenlet_spawn(self.sync_engine.dispose)


def create_async_engine(url: str) -> AsyncEngine:
    """The engine of a URL with an async driver.

    The driver keeps no prepared statements: each would keep what it was last bound to, so those of log rows, of which
    there is one for each number of rows, kept 80 MB. Preparing one takes 1 to 3 us a row.
    """
    return AsyncEngine(create_engine(url, connect_args={"cached_statements": 0}))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Gives a connection back even if the task is cancelled meanwhile."""
    await asyncio.shield(asyncio.ensure_future(work))
