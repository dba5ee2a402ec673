"""The database of what must not be seen twice, a file of its own: it is written for every encrypted request, is of no
use after minutes, and no backup needs it. What is written outlives the process, and may be lost with the power.

One statement is all that is ever asked of it, so it is the driver's connection, used by one thread at a time: what
:mod:`wapo.store.database` does for a transaction takes four times as long.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wapo.lazy import library
from wapo.store.database import StoreFailed

if TYPE_CHECKING:
    import sqlite3
else:
    # SQLite asks where temporary files go when it is loaded, and only then: not before the node has said it.
    sqlite3 = library("sqlite3")

__all__ = ["SeenDigests"]

_FILE: Final = "replays.db"
_PRAGMAS: Final = ("busy_timeout = 10000", "journal_mode = WAL", "synchronous = NORMAL")
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS seen (digest BLOB NOT NULL PRIMARY KEY, until_s BIGINT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS seen_until ON seen (until_s)",
)


class SeenDigests:
    """The digests of one node; several processes may have it open. Calls block.

    Raises:
        StoreFailed: every call: the file cannot be opened, locked or written.
    """

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / _FILE
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                for statement in (*(f"PRAGMA {pragma}" for pragma in _PRAGMAS), *_SCHEMA):
                    self._connection.execute(statement)
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(f"the database {path} cannot be opened: {error}") from error

    def add(self, digests: Sequence[bytes], until_s: int) -> set[bytes]:
        """Remembers them until then; those that were not there yet."""
        rows = ", ".join(["(?, ?)"] * len(digests))
        values = [value for digest in digests for value in (digest, until_s)]
        found = self._execute(f"INSERT OR IGNORE INTO seen VALUES {rows} RETURNING digest", values)
        return {digest for (digest,) in found}

    def forget(self, now_s: int) -> int:
        """Forgets those whose time is over; how many are left."""
        self._execute("DELETE FROM seen WHERE until_s < ?", [now_s])
        ((count,),) = self._execute("SELECT count(*) FROM seen", [])
        return int(count)

    def _execute(self, statement: str, values: list[bytes | int]) -> list[tuple[bytes]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"what was seen cannot be written down: {error}") from error

    def close(self) -> None:
        self._connection.close()
