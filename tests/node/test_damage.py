"""Damage on the disk: whatever has become another, a node says so, or answers as before; never anything else."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.node.data import Known, fill, look
from wapo.errors import WapoError
from wapo.node.apps.records import AppRecords
from wapo.node.keys import open_keys
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogBook
from wapo.node.programs import Programs
from wapo.store.database import Database, StoreDamaged, StoreFailed
from wapo.store.schema import agents, log_chunks
from wapo.trust.keys import UnusableKey


@pytest.fixture
async def known(tmp_path: Path) -> Known:
    found = await fill(tmp_path / "node")
    connection = sqlite3.connect(tmp_path / "node" / "wapo.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return found


async def answered(folder: Path, known: Known) -> bool:
    """Whether everything was as before; False if something was refused. A wrong answer fails the test."""
    try:
        await look(folder, known)
    except WapoError:
        return False
    return True


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :]


@pytest.mark.parametrize("name", ["node.key", "worker.key"])
async def test_one_bit_of_a_key(tmp_path: Path, known: Known, name: str) -> None:
    """Of the node's key any other bits would be a key, too, and every derived secret another."""
    path = tmp_path / "node" / name
    content = path.read_bytes()
    for position in range(0, len(content), 5):
        path.write_bytes(flipped(content, position))
        with pytest.raises(UnusableKey, match=r"damaged"):
            await look(tmp_path / "node", known)
    path.write_bytes(content)
    assert await answered(tmp_path / "node", known)


async def test_a_key_that_is_gone_is_not_made_anew(tmp_path: Path, known: Known) -> None:
    (tmp_path / "node" / "node.key").unlink()
    with pytest.raises(UnusableKey, match=r"node\.key is missing"):
        await look(tmp_path / "node", known)
    assert not (tmp_path / "node" / "node.key").exists()


async def test_one_bit_of_any_file_but_the_database(tmp_path: Path, known: Known) -> None:
    folder = tmp_path / "node"
    files = [path for sub in ("content/blocks", "blobs") for path in (folder / sub).rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        content = path.read_bytes()
        for position in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(flipped(content, position))
            assert not await answered(folder, known)
            path.write_bytes(content)  # a damaged block is moved away, too
    assert await answered(folder, known)


async def damaged_copies(folder: Path, known: Known, damage: Callable[[bytes, int], bytes], turns: int) -> int:
    """Damages the database in so many ways; how many were refused."""
    whole, refused = (folder / "wapo.db").read_bytes(), 0
    for turn in range(turns):
        copy = folder.with_name(f"copy-{turn}")
        shutil.copytree(folder, copy)
        (copy / "wapo.db").write_bytes(damage(whole, turn))
        refused += not await answered(copy, known)
        shutil.rmtree(copy)
    return refused


async def test_a_page_of_zeros(tmp_path: Path, known: Known) -> None:
    size = 4096

    def damage(whole: bytes, page: int) -> bytes:
        return whole[: page * size] + bytes(size) + whole[(page + 1) * size :]

    folder = tmp_path / "node"
    pages = (folder / "wapo.db").stat().st_size // size
    assert await damaged_copies(folder, known, damage, pages) >= pages - 1


async def test_single_bits_of_the_database(tmp_path: Path, known: Known) -> None:
    """Most are where nothing is; wherever they are, nothing else is said than was."""
    choose = random.Random(11)
    whole = (tmp_path / "node" / "wapo.db").read_bytes()
    places = [position for position, byte in enumerate(whole) if byte]

    def damage(whole: bytes, _: int) -> bytes:
        return flipped(whole, choose.choice(places))

    assert await damaged_copies(tmp_path / "node", known, damage, 60) > 10


async def test_damage_at_the_start_names_the_way_out(tmp_path: Path, known: Known) -> None:
    path = tmp_path / "node" / "wapo.db"
    path.write_bytes(path.read_bytes()[:8192])
    with pytest.raises(StoreDamaged, match="wapo restore"):
        async with Database(path) as database:
            await database.check()


async def test_a_row_that_says_something_else_is_refused(tmp_path: Path, known: Known) -> None:
    async with Database(tmp_path / "node" / "wapo.db") as database:
        async with database.writing() as connection:
            await connection.execute(update(agents).values(settings='{"time_s":6}'))
            await connection.exec_driver_sql("UPDATE apps SET target = 3")
            await connection.exec_driver_sql("UPDATE worker_state SET value = '\"00\"'")
        identity = str(known.cid.v1())
        for read in (
            Programs(None, database, AgentLimits(), None).settings(identity),  # type: ignore[arg-type]
            AppRecords(database).load(),
            AppRecords(database).set_target(known.app, 1),
            open_keys(tmp_path / "node", database),
        ):
            with pytest.raises(StoreDamaged, match="damaged"):
                await read


async def test_log_lines_that_were_damaged_are_not_shown(tmp_path: Path, known: Known) -> None:
    async with Database(tmp_path / "node" / "wapo.db") as database:
        async with database.writing() as connection:
            data = (await connection.exec_driver_sql("SELECT data FROM log_chunks")).scalar_one()
            await connection.execute(update(log_chunks).values(data=data.replace(b"a line", b"a lime")))
        [record] = await LogBook(database).read(str(known.cid.v1()))
        assert record.message == "1 log lines were here; they were damaged on the node's disk"


async def test_damage_that_is_met_later_is_named(tmp_path: Path, known: Known) -> None:
    path = tmp_path / "node" / "wapo.db"
    async with Database(path) as database:
        async with database.writing() as connection:
            await connection.exec_driver_sql("INSERT INTO agents(program, settings) VALUES ('x', '{}')")
        content = path.read_bytes()
        path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    for leftover in ("wapo.db-wal", "wapo.db-shm"):
        (tmp_path / "node" / leftover).unlink(missing_ok=True)
    path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    with pytest.raises(StoreFailed, match=r"malformed.*wapo restore"):
        async with Database(path) as database, database.reading() as connection:
            await connection.exec_driver_sql("SELECT * FROM vaults")
