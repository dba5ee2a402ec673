"""Migrations: from every schema that was ever released to the present one, with all that was in it."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import inspect, select

from wapo.store.checksums import checked
from wapo.store.database import Database
from wapo.store.schema import MIGRATIONS, NewerSchema, agents, apps, metadata, worker_state

SCHEMAS = Path(__file__).parent / "schemas"


def made(path: Path, name: str) -> Path:
    """A database as the wapo of that migration left it."""
    with sqlite3.connect(path) as connection:
        connection.executescript((SCHEMAS / f"{name}.sql").read_text())
    connection.close()
    path.chmod(0o600)
    return path


def schema_of(path: Path) -> dict[str, Any]:
    """What there is in a database: columns by table, in order, and indices."""
    connection = sqlite3.connect(path)
    found: dict[str, Any] = {}
    for kind, name, table in connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY name"):
        if kind == "table":
            found[name] = connection.execute(f"PRAGMA table_info({name})").fetchall()
        elif not name.startswith("sqlite_"):
            found[name] = (table, connection.execute(f"PRAGMA index_info({name})").fetchall())
    connection.close()
    return found


def test_every_migration_has_its_schema_here() -> None:
    """Who adds one adds what it leaves, with data: ``sqlite3 wapo.db .dump``. The others are not touched again."""
    assert tuple(sorted(path.stem for path in SCHEMAS.glob("*.sql"))) == MIGRATIONS


@pytest.mark.parametrize("name", MIGRATIONS)
async def test_an_old_database_becomes_as_a_new_one(name: str, tmp_path: Path) -> None:
    async with Database(tmp_path / "new"), Database(made(tmp_path / "old", name)) as database:
        await database.check()
        assert schema_of(tmp_path / "old") == schema_of(tmp_path / "new")


@pytest.mark.parametrize("name", MIGRATIONS)
async def test_what_was_in_it_is_there(name: str, tmp_path: Path) -> None:
    before = sqlite3.connect(made(tmp_path / "db", name))
    before.row_factory = sqlite3.Row
    async with Database(tmp_path / "db") as database, database.reading() as connection:
        for table in metadata.tables.values():
            if table.name == "migrations":
                continue
            known = before.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.name,)).fetchone()
            rows = before.execute(f"SELECT * FROM {table.name}").fetchall() if known else []
            assert rows or table in (apps, worker_state), f"the schema of {name} has no data in {table.name}"
            now = [dict(row) for row in (await connection.execute(select(table))).mappings()]
            assert [{key: new[key] for key in old.keys()} for old, new in zip(rows, now, strict=True)] == [  # noqa: SIM118
                dict(row) for row in rows
            ]
    before.close()


@pytest.mark.parametrize("name", MIGRATIONS)
async def test_rows_of_before_checksums_are_believed(name: str, tmp_path: Path) -> None:
    async with Database(made(tmp_path / "db", name)) as database, database.reading() as connection:
        row = (await connection.execute(select(agents))).mappings().one()
        assert msgspec.json.decode(checked(agents, row)["settings"]) == {"time_s": 5}


async def test_tables_are_what_migrations_make(tmp_path: Path) -> None:
    """The tables that queries are made from, and the statements that are written out, say the same."""
    async with Database(tmp_path / "db") as database, database.reading() as connection:
        for table in metadata.tables.values():
            there = await connection.run_sync(lambda sync, name=table.name: inspect(sync).get_columns(name))  # type: ignore[misc]
            wanted = {(column.name, str(column.type), bool(column.nullable)) for column in table.columns}
            assert {(column["name"], str(column["type"]), column["nullable"]) for column in there} == wanted


async def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(made(tmp_path / "db", MIGRATIONS[0])) as connection:
        connection.execute("INSERT INTO migrations VALUES ('9999-from-the-future')")
    before = schema_of(tmp_path / "db")
    with pytest.raises(NewerSchema, match=r"db cannot be opened.*newer wapo.*'9999-from-the-future'.*install"):
        async with Database(tmp_path / "db"):
            pass
    assert schema_of(tmp_path / "db") == before


async def test_a_migration_that_fails_leaves_the_schema_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wapo.store import schema

    def fail(_: object) -> None:
        raise OSError("no room")

    path = made(tmp_path / "db", MIGRATIONS[0])
    before = schema_of(path)
    monkeypatch.setattr(schema, "_MIGRATIONS", (*schema._MIGRATIONS, ("9998-fails", fail)))
    with pytest.raises(Exception, match="no room"):
        async with Database(path):
            pass
    assert schema_of(path) == before
