"""Connections of the Core: what the ORM's package would give."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from wapo.store.connections import AsyncEngine, create_async_engine

NUMBERS = Table("numbers", MetaData(), Column("number", Integer, primary_key=True))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """With the numbers below 200."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'db'}")
    async with engine.begin() as connection:
        await connection.run_sync(NUMBERS.metadata.create_all)
        await connection.execute(insert(NUMBERS), [{"number": number} for number in range(200)])
    yield engine
    await engine.dispose()


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(NUMBERS))).scalar_one()


async def test_a_transaction_is_committed_after_its_block(engine: AsyncEngine) -> None:
    assert await count(engine) == 200


async def test_a_transaction_that_raises_is_rolled_back(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with engine.begin() as connection:
            await connection.execute(insert(NUMBERS).values(number=1000))
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        await fail()
    assert await count(engine) == 200


async def test_what_nobody_commits_is_rolled_back(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(insert(NUMBERS).values(number=1000))
    assert await count(engine) == 200


async def test_a_stream_gives_every_row_and_can_be_left(engine: AsyncEngine) -> None:
    query = select(NUMBERS).order_by(NUMBERS.c.number)
    async with engine.connect() as connection:
        async with connection.stream(query) as rows:
            assert [row["number"] async for row in rows.mappings()] == list(range(200))
        async with connection.stream(query) as rows:
            async for row in rows.mappings():
                if row["number"] == 70:
                    break
        assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1


async def test_a_task_that_is_cancelled_gives_its_connection_back(engine: AsyncEngine) -> None:
    """More often than there are connections."""
    for _ in range(40):
        begun = asyncio.Event()

        async def hold(begun: asyncio.Event = begun) -> None:
            async with engine.begin() as connection:
                await connection.execute(select(NUMBERS))
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(10):
        assert await count(engine) == 200


async def test_options_are_those_of_the_connection(engine: AsyncEngine) -> None:
    async with engine.execution_options(mark=1).connect() as connection:
        assert connection.sync_connection.get_execution_options()["mark"] == 1
        assert (await connection.execution_options(other=2)) is connection
        assert connection.sync_connection.get_execution_options()["other"] == 2
