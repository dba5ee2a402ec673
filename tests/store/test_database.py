"""The database: migrations once, writes one at a time, and errors that say what is wrong."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from wapo.node.memory import private_bytes
from wapo.store.database import Database, StoreFailed
from wapo.store.schema import agents, migrate


async def test_migrations_run_once(tmp_path: Path) -> None:
    async with Database(tmp_path / "db") as database, database.writing() as connection:
        assert await connection.run_sync(migrate) == []
    async with Database(tmp_path / "db") as database, database.writing() as connection:
        assert await connection.run_sync(migrate) == []


async def test_the_file_is_the_owners(tmp_path: Path) -> None:
    async with Database(tmp_path / "db"):
        assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600


async def test_many_may_make_it_at_the_same_time(tmp_path: Path) -> None:
    """As the workers of a node do that is started for the first time."""

    async def opened(path: Path) -> None:
        async with Database(path):
            pass

    for number in range(30):
        await asyncio.gather(*(opened(tmp_path / f"db{number}") for _ in range(4)))


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with Database(tmp_path / "db") as database:

        async def fail() -> None:
            async with database.writing() as connection:
                await connection.execute(insert(agents).values(program="a", settings="{}"))
                raise RuntimeError("half-way")

        with pytest.raises(RuntimeError, match="half-way"):
            await fail()
        async with database.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(agents))).scalar() == 0


async def test_two_processes_worth_of_writers_take_turns(tmp_path: Path) -> None:
    """Two connections to one file, as two workers have: nothing is lost, nobody fails."""
    async with Database(tmp_path / "db") as one, Database(tmp_path / "db") as two:

        async def write(database: Database, name: str) -> None:
            async with database.writing() as connection:
                await connection.execute(insert(agents).values(program=name, settings="{}"))

        await asyncio.gather(*(write(database, f"{id(database)}-{n}") for n in range(30) for database in (one, two)))
        async with one.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(agents))).scalar() == 60


async def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    async with Database(tmp_path / "db") as database, database.writing() as writer:
        await writer.execute(insert(agents).values(program="a", settings="{}"))
        async with database.reading() as reader:
            assert (await reader.execute(select(func.count()).select_from(agents))).scalar() == 0


async def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is not a database, and it is long enough to be looked at" * 20)
    with pytest.raises(StoreFailed, match="db cannot be opened"):
        async with Database(tmp_path / "db"):
            pass


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="nowhere"):
        async with Database(tmp_path / "nowhere" / "db"):
            pass


async def test_what_was_written_is_not_kept_in_memory(tmp_path: Path) -> None:
    """A prepared statement keeps what it was bound to; the driver would keep a hundred of them."""
    async with Database(tmp_path / "wapo.db") as database:
        async with database.writing(synced=False) as connection:
            await connection.exec_driver_sql("CREATE TABLE kept (data BLOB)")
        before = 0
        for rows in range(1, 31):
            if rows == 3:
                before = private_bytes()
            values = tuple(bytes(100_000) for _ in range(rows))
            async with database.writing(synced=False) as connection:
                await connection.exec_driver_sql(f"INSERT INTO kept VALUES {', '.join(['(?)'] * rows)}", values)
                await connection.exec_driver_sql("DELETE FROM kept")
            del values
        # All of it: 46 MB.
        assert private_bytes() - before < 15 << 20
