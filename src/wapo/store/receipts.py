"""The database of receipts, a file of its own: a log that only grows must not be brought back from a backup, where it
would grow a second time in another way. A node that was restored begins another log.

What is written is on the disk when it has been written: a tree head that was given out must not be taken back by a
power cut.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from wapo.store.database import Database
from wapo.store.schema import NewerSchema

__all__ = ["FILE", "open_receipts"]

FILE: Final = "receipts.db"
_VERSION: Final = 1
_TABLES: Final = (
    # One row: the log's name, and how many leaves it has.
    "CREATE TABLE log (name VARCHAR NOT NULL, size BIGINT NOT NULL)",
    # Hashes of the tree (wapo.trust.merkle).
    "CREATE TABLE tiles (level INTEGER NOT NULL, number BIGINT NOT NULL, hashes BLOB NOT NULL, "
    "PRIMARY KEY (level, number))",
    # Receipts, many to a row: the leaf of the first; their ids, 16 bytes each; their canonical forms, sealed.
    "CREATE TABLE chunks (first INTEGER NOT NULL PRIMARY KEY, count INTEGER NOT NULL, written_ms BIGINT NOT NULL, "
    "ids BLOB NOT NULL, data BLOB NOT NULL)",
)


def open_receipts(data_dir: Path) -> Database:
    """The database of that node, to be entered; made if there is none.

    Raises (on entering):
        StoreFailed, StoreDamaged, NewerSchema.
    """
    return Database(data_dir / FILE, _prepare)


def _prepare(connection: Connection) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > _VERSION:
        raise NewerSchema(f"it was made by a newer wapo (version {version}, and this one knows {_VERSION})")
    if version == 0:
        for statement in _TABLES:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")
