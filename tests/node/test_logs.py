"""Logs of runs: collected, written in the background, bounded, read newest first."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from wapo.node.logs import LogBook, LogRecord, RunLog, read_records, records_since
from wapo.store.database import Database
from wapo.store.schema import log_chunks


@asynccontextmanager
async def writing(book: LogBook) -> AsyncIterator[LogBook]:
    """The book's writer runs for a block."""
    writer = asyncio.create_task(book.run())
    try:
        yield book
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


@pytest.fixture
async def book(database: Database) -> AsyncIterator[LogBook]:
    async with writing(LogBook(database)) as opened:
        yield opened


def log_run(book: LogBook, request: str, messages: list[str], program: str = "p", max_bytes: int = 1 << 20) -> RunLog:
    """A run that ends at once."""
    log = book.open(program, request, max_bytes)
    for message in messages:
        log.add(3, message)
    log.close()
    return log


async def texts(book: LogBook, program: str = "p", **options: object) -> list[str]:
    return [record.message for record in await book.read(program, **options)]  # type: ignore[arg-type]


class TestReading:
    async def test_runs_by_their_end_and_the_last_record_of_a_run_first(self, book: LogBook) -> None:
        early = book.open("p", "early", 1 << 20)
        early.add(3, "begun first")
        log_run(book, "quick", ["a", "b"])
        await book.flush()
        await asyncio.sleep(0.002)  # the end is counted in whole milliseconds
        early.add(3, "ended last")
        early.close()
        assert await texts(book) == ["ended last", "begun first", "b", "a"]

    async def test_a_record_has_its_own_time_and_level(self, book: LogBook) -> None:
        before = time.time_ns() // 1_000_000
        log = book.open("p", "r", 1 << 20)
        for level in range(7):
            log.add(level, str(level))
        log.close()
        records = await book.read("p")
        assert [(record.level, record.message) for record in reversed(records)] == [
            ("REPORT", "0"), ("ERROR", "1"), ("WARN", "2"), ("INFO", "3"), ("DEBUG", "4"), ("DEBUG", "5"), ("DEBUG", "6"),
        ]  # fmt: skip
        assert all(before <= record.time_ms <= time.time_ns() // 1_000_000 for record in records)
        assert records[0] == LogRecord("p", "r", records[0].time_ms, "DEBUG", "6")

    async def test_pages(self, book: LogBook) -> None:
        """Across runs, with a run cut in the middle by the end of a page."""
        for number in range(5):
            log_run(book, str(number), [f"{number}{letter}" for letter in "abc"])
            await book.flush()
            await asyncio.sleep(0.002)
        everything = await texts(book)
        assert everything[:4] == ["4c", "4b", "4a", "3c"]
        for limit in (1, 2, 4, 7, 15, 100):
            pages = [await texts(book, limit=limit, page=page) for page in range(1, 15 // limit + 3)]
            assert [text for page in pages for text in page] == everything
            assert all(len(page) <= limit for page in pages)
        assert await texts(book, limit=0) == []

    async def test_one_request_and_one_program(self, book: LogBook) -> None:
        log_run(book, "1", ["a"])
        log_run(book, "2", ["b"])
        log_run(book, "1", ["c"], program="q")
        assert await texts(book, request_id="1") == ["a"]
        assert await texts(book, request_id="3") == []
        assert await texts(book, program="q") == ["c"]
        assert await texts(book, program="nobody") == []

    async def test_text_is_kept_as_it_is(self, book: LogBook) -> None:
        messages = ["two\nlines", "é 😀", "", "nul \0", "x" * 100_000]
        log_run(book, "r", messages)
        assert await texts(book) == messages[::-1]

    async def test_half_a_character_loses_no_record(self, book: LogBook) -> None:
        log_run(book, "r", ["fine", "odd \udcff"])
        assert await texts(book) == ["odd ?", "fine"]


class TestBounds:
    async def test_a_run_keeps_so_many_bytes_and_counts_the_rest(self, book: LogBook) -> None:
        log_run(book, "r", ["x" * 100] * 50, max_bytes=1000)
        kept = await texts(book)
        assert kept[0] == "43 more log lines were dropped: the limit of a run was reached"
        assert kept[1:] == ["x" * 100] * 7

    async def test_bytes_are_counted_and_not_characters(self, book: LogBook) -> None:
        """A flood of emoji takes four times as much as its length says."""
        log_run(book, "r", ["😀" * 100] * 50, max_bytes=1000)
        assert len(await texts(book)) == 1 + 2

    async def test_reports_of_the_gateway_are_never_dropped(self, book: LogBook) -> None:
        log = book.open("p", "r", 100)
        log.add(0, "START" + "x" * 200)
        log.add(3, "no room")
        log.add(0, "END")
        log.close()
        assert await texts(book) == [
            "1 more log lines were dropped: the limit of a run was reached",
            "END",
            "START" + "x" * 200,
        ]

    async def test_a_run_cannot_hide_how_it_ended(self, book: LogBook) -> None:
        """Promise: the log names the limit, however much the program had logged before, and however long that is."""
        log = book.open("p", "r", 100)
        log.add(3, "x" * 60)
        log.add(3, "no room")
        for _ in range(1000):
            log.add_own(1, "the end" + "x" * 5000)
        log.close()
        kept = await texts(book)
        assert kept[-2].startswith("the end")
        assert sum(map(len, kept)) < 10_000

    async def test_a_program_keeps_so_many_bytes_and_its_newest(self, database: Database) -> None:
        async with writing(LogBook(database, max_program_bytes=64 << 10)) as book:
            log_run(book, "other", ["untouched"], program="q")
            for number in range(40):
                log_run(book, str(number), [f"{number}:" + "x" * 4000])
                await book.flush()
            kept = await texts(book, limit=1000)
            numbers = [int(text.partition(":")[0]) for text in kept]
            assert numbers == list(range(39, 39 - len(numbers), -1))
            assert 10 <= len(numbers) <= 18
            async with database.reading() as connection:
                query = select(func.sum(func.length(log_chunks.c.data))).where(log_chunks.c.program == "p")
                size = (await connection.execute(query)).scalar()
            assert size <= (64 << 10) * 9 // 8 + 5000
            assert await texts(book, program="q") == ["untouched"]

    async def test_a_writer_that_cannot_keep_up_drops_records_and_not_the_nodes_memory(
        self, database: Database
    ) -> None:
        book = LogBook(database, max_pending_bytes=100_000)
        for number in range(100):
            log_run(book, str(number), ["x" * 3000])  # nobody writes yet
        assert 80 < book.dropped < 92
        dropped = book.dropped
        log_run(book, "another's", ["x" * 3000], "another")  # for whom that one left room
        assert book.dropped == dropped
        async with writing(book):
            assert len(await texts(book)) == 100 - book.dropped
            before = book.dropped
            log_run(book, "after", ["there is room again"])
            assert (await texts(book))[0] == "there is room again"
            assert book.dropped == before


class TestLongRuns:
    async def test_a_run_that_goes_on_can_be_watched_even_if_it_says_nothing_more(self, book: LogBook) -> None:
        log = book.open("p", "long", 1 << 20)
        log.add(3, "only this")
        async with asyncio.timeout(20):
            while await texts(book) != ["only this"]:
                await asyncio.sleep(0.05)
        log.close()

    async def test_its_parts_stay_together_and_go_by_its_end(self, book: LogBook, database: Database) -> None:
        long = book.open("p", "long", 1 << 20)
        for number in range(3):
            long.add(3, f"long {number}")
            long.hand_over_old(time.monotonic() + 2)
            log_run(book, f"quick {number}", [f"quick {number}"])
            await book.flush()
        while_running = await texts(book)
        assert while_running[:3] == ["long 2", "long 1", "long 0"]  # what goes on is newest of all
        await asyncio.sleep(0.002)
        long.close()
        await book.flush()
        log_run(book, "last", ["last"])
        await book.flush()
        await asyncio.sleep(0.002)
        kept = await texts(book)
        assert kept[:4] == ["last", "long 2", "long 1", "long 0"] or kept[:4] == ["long 2", "long 1", "long 0", "last"]
        assert kept[4:] == ["quick 2", "quick 1", "quick 0"]
        async with database.reading() as connection:
            ends = (
                (await connection.execute(select(log_chunks.c.ended_ms).where(log_chunks.c.request_id == "long")))
                .scalars()
                .all()
            )
        assert len(ends) == 4
        assert len(set(ends)) == 1
        assert None not in ends

    async def test_only_open_runs_are_looked_at(self, book: LogBook) -> None:
        for number in range(10):
            log_run(book, str(number), ["x"])
        assert not book._open


class TestSince:
    async def test_what_was_written_after_a_position_is_shown_oldest_first(
        self, book: LogBook, database: Database
    ) -> None:
        assert await records_since(database, "p", None) == 0
        log_run(book, "1", ["a", "b"])
        await book.flush()
        start = await records_since(database, "p", None)
        log_run(book, "2", ["c", "d"])
        log_run(book, "3", ["not mine"], program="q")
        await book.flush()
        shown: list[LogRecord] = []
        end = await records_since(database, "p", start, shown.append)
        assert [(record.request_id, record.message) for record in shown] == [("2", "c"), ("2", "d")]
        assert await records_since(database, "p", end, shown.append) == end
        assert len(shown) == 2
        everything: list[LogRecord] = []
        assert await records_since(database, "p", 0, everything.append) == end
        assert [record.message for record in everything] == ["a", "b", "c", "d"]

    async def test_a_position_divides_what_has_been_read_from_what_is_to_come(
        self, book: LogBook, database: Database
    ) -> None:
        log_run(book, "1", ["a"])
        await book.flush()
        position = await records_since(database, "p", None)
        log_run(book, "2", ["b"])
        await book.flush()
        assert [r.message for r in await read_records(database, "p", up_to=position)] == ["a"]
        shown: list[LogRecord] = []
        await records_since(database, "p", position, shown.append)
        assert [record.message for record in shown] == ["b"]


class TestWriting:
    async def test_reading_waits_for_what_was_handed_over_before(self, book: LogBook) -> None:
        for number in range(300):
            log_run(book, str(number), [str(number)])
        assert len(await texts(book, limit=1000)) == 300

    async def test_a_flush_with_nothing_to_write_returns_at_once(self, database: Database) -> None:
        await LogBook(database).flush()

    async def test_records_that_cannot_be_written_are_counted_and_the_node_goes_on(
        self, database: Database, database_file: Path
    ) -> None:
        async with writing(LogBook(database)) as book:
            async with database.writing() as connection:
                await connection.exec_driver_sql("ALTER TABLE log_chunks RENAME TO gone")
            with capture_logs() as logs:
                log_run(book, "lost", ["x"])
                await book.flush()
            assert book.dropped == 1
            assert [line["event"] for line in logs] == ["log records were lost"]
            async with database.writing() as connection:
                await connection.exec_driver_sql("ALTER TABLE gone RENAME TO log_chunks")
            log_run(book, "kept", ["y"])
            assert await texts(book) == ["y"]
