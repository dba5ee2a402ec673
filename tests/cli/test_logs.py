"""``wapo logs``: the records of a program's runs, as they are and as they come."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.cli.support import running, wapo
from wapo.node.logs import LogBook
from wapo.store.database import Database

REQUESTS = ("11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002")


async def write(data: Path, *runs: tuple[str, list[str]]) -> None:
    """Runs of the local program, by request and messages, as a node writes them."""
    async with Database(data / "wapo.db") as database:
        book = LogBook(database)
        writer = asyncio.create_task(book.run())
        for request, messages in runs:
            log = book.open("local", request, 1 << 20)
            for message in messages:
                log.add(3, message)
            log.close()
            await book.flush()
        writer.cancel()


@pytest.fixture
def log(data: Path) -> Path:
    """A node with two runs in its log."""
    data.mkdir()
    asyncio.run(write(data, (REQUESTS[0], ["one", "two"]), (REQUESTS[1], ["three", "four\nlines"])))
    return data


def messages(text: str) -> list[str]:
    return [line.split("] ", 2)[2] for line in text.splitlines()]


@pytest.mark.usefixtures("log")
class TestReading:
    def test_the_oldest_line_comes_first(self) -> None:
        result = wapo("logs", "local")
        assert (result.code, result.err) == (0, "")
        assert messages(result.out) == ["one", "two", "three", "four\\nlines"]
        assert re.fullmatch(
            rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z \[{REQUESTS[0]}\] \[INFO\] one", result.out.splitlines()[0]
        )

    def test_json_is_a_value_a_line(self) -> None:
        lines = wapo("logs", "local", "--json").out.splitlines()
        assert len(lines) == 4
        assert '"message":"four\\nlines"' in lines[3]

    @pytest.mark.parametrize(
        ("limit", "expected"), [("0", []), ("1", ["four\\nlines"]), ("3", ["two", "three", "four\\nlines"])]
    )
    def test_the_newest_are_kept_where_a_limit_is_given(self, limit: str, expected: list[str]) -> None:
        assert messages(wapo("logs", "local", "-n", limit).out) == expected

    def test_one_request(self) -> None:
        assert messages(wapo("logs", "local", "--request", REQUESTS[0]).out) == ["one", "two"]
        assert wapo("logs", "local", "--request", "another").out == ""

    def test_a_program_that_has_logged_nothing(self) -> None:
        result = wapo("logs", "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")
        assert (result.code, result.out, result.err) == (0, "", "")

    @pytest.mark.parametrize(
        ("arguments", "code", "part"),
        [
            (["nonsense"], 1, "'nonsense' is not an IPFS CID"),
            (["local", "-n", "-1"], 2, "'--limit' / '-n'"),
            (["local", "-n", "10001"], 2, "'--limit' / '-n'"),
            (["local", "-n", "all"], 2, "'--limit' / '-n'"),
        ],
    )
    def test_what_makes_no_sense(self, arguments: list[str], code: int, part: str) -> None:
        result = wapo("logs", *arguments)
        assert result.code == code
        assert part in result.error


def test_a_programs_escape_sequences_stay_text(data: Path) -> None:
    """A stranger's program must not clear the operator's screen, or write where it pleases."""
    data.mkdir()
    asyncio.run(write(data, (REQUESTS[0], ["\x1b[2Jgone"])))
    assert messages(wapo("logs", "local").out) == ["\\x1b[2Jgone"]


def test_nothing_is_left_where_there_was_no_node(folder: Path) -> None:
    result = wapo("logs", "local", "--data-dir", "typo")
    assert (result.code, result.error) == (1, "there is no node in typo")
    assert not (folder / "typo").exists()


def test_following_shows_every_line_once_as_it_is_written(log: Path) -> None:
    """From where the first page ends, until it is interrupted; other requests left out where one is asked for."""
    with (
        running("logs", "local", "-f", "-n", "1") as all_lines,
        running("logs", "local", "--follow", "--request", "third", "--json") as one,
    ):
        all_lines.wait_for("four")
        asyncio.run(write(log, ("third", ["five"]), ("fourth", ["six"])))
        all_lines.wait_for("six")
        one.wait_for("five")
        asyncio.run(write(log, ("third", ["seven"])))
        one.wait_for("seven")
        all_lines.wait_for("seven")
        assert all_lines.stop(signal.SIGINT) == 130
        assert one.stop(signal.SIGTERM) == -signal.SIGTERM
        assert messages("\n".join(all_lines.lines)) == ["four\\nlines", "five", "six", "seven"]
        assert len(one.lines) == 2
