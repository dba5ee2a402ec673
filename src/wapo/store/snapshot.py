"""Copies of the database: one moment of it, while others go on writing. Everything here blocks."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from wapo.store.database import StoreDamaged, StoreFailed
from wapo.store.schema import NewerSchema, check_names, metadata

__all__ = ["snapshot", "verify"]

_WAIT_S: Final = 10.0


def snapshot(source: Path, target: Path) -> list[str]:
    """Copies the database ``source`` to the new file ``target``, of mode 0600.

    It is written anew (``VACUUM INTO``): in one read transaction, which keeps nobody waiting, without pages that were
    freed and still hold what they held. A damaged page stops it.

    Returns:
        the names of the migrations that have run there.
    Raises:
        NewerSchema, StoreDamaged.
        StoreFailed: ``source`` is missing, or ``target`` cannot be written.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreFailed(f"{target} cannot be made: {error.strerror}") from error
    with _errors(source), closing(_connected(source, "mode=rw")) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return verify(target)


def verify(path: Path) -> list[str]:
    """Looks at every page of a copy that nobody writes to, which may be a stranger's.

    Returns:
        the names of the migrations that have run there.
    Raises:
        NewerSchema.
        StoreDamaged: it is damaged, or not a node's database.
    """
    with _errors(path), closing(_connected(path, "mode=ro&immutable=1")) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StoreDamaged(f"{path.name} is damaged: {found}")
        if ("migrations",) not in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            raise StoreDamaged(f"{path.name} is not a node's database")
        names = [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY name")]
        check_names(names)
        for kind, name, statement in connection.execute("SELECT type, name, sql FROM sqlite_master"):
            plain = kind == "index" or (kind == "table" and name in metadata.tables)
            if not plain or str(statement).upper().startswith("CREATE VIRTUAL"):  # triggers and views run by themselves
                raise StoreDamaged(f"{path.name} is not a node's database: it has a {kind} {name!r}")
    return names


def _connected(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_WAIT_S, isolation_level=None)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except NewerSchema as error:
        raise NewerSchema(f"the database {path.name} cannot be used: {error}") from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise StoreDamaged(f"{path.name} is damaged: {error}") from error
        raise StoreFailed(f"{path.name} cannot be read or copied: {error}") from error
