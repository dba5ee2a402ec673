"""The database of what must not be seen twice, a file of its own: it is written for every encrypted request, is of no
use after minutes, and no backup needs it. What is written outlives the process, and may be lost with the power."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from wapo.store.database import Database

__all__ = ["open_replays"]

_FILE: Final = "replays.db"


def open_replays(data_dir: Path) -> Database:
    """The database of that node, to be entered; made if there is none.

    Raises (on entering):
        StoreFailed, StoreDamaged.
    """
    return Database(data_dir / _FILE, _prepare)


def _prepare(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS seen (digest BLOB NOT NULL PRIMARY KEY, until_s BIGINT NOT NULL) WITHOUT ROWID"
    )
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS seen_until ON seen (until_s)")
