"""``wapo limits``: what is set for a program, and how it is changed."""

import sqlite3
from pathlib import Path

import pytest

from tests.cli.support import wapo


@pytest.fixture(autouse=True)
def node(agent: Path) -> None:
    wapo("publish", agent)


def test_a_program_has_the_nodes_limits_until_some_are_set() -> None:
    result = wapo("limits", "local")
    assert (result.code, result.out, result.err) == (0, "local has the node's limits\n", "")
    assert wapo("limits", "local", "--json").json == {"program": "local", "limits": {}, "budgets": []}


def test_limits_are_set_one_by_one_and_shown_as_they_are_typed() -> None:
    wapo("limits", "local", "--max-memory", "64MB", "--max-time", "2s")
    result = wapo("limits", "local", "--max-burst", "250ms", "--max-concurrency", "7")
    assert result.out.splitlines() == [
        "--max-memory      64MB", "--max-time        2s", "--max-burst       250ms", "--max-concurrency 7",
    ]  # fmt: skip


def test_json_has_bytes_and_seconds() -> None:
    result = wapo("limits", "local", "--max-request", "1KB", "--max-response", "1MB", "--max-time", "5m", "--json")
    assert result.json["limits"] == {"request_bytes": 1024, "response_bytes": 1 << 20, "time_s": 300.0}


def test_unlimited_gives_back_the_nodes() -> None:
    wapo("limits", "local", "--max-time", "2s", "--max-burst", "1s")
    assert wapo("limits", "local", "--max-time", "unlimited", "--json").json["limits"] == {"burst_s": 1.0}


def test_budgets_are_shown_with_what_is_left_of_them(data: Path) -> None:
    """Those of the program, and those of the node that ran last, of which the lower one holds."""
    wapo("limits", "local", "--budget", "requests=1000/hour", "--budget", "egress=1.5GB/day", "--max-cpu", "2s")
    used = "INSERT INTO agent_use VALUES ('local', 'hour', strftime('%s') / 3600 * 3600, 12, 500000, 9, 0)"
    with sqlite3.connect(data / "wapo.db") as database:
        database.execute(used)
        nodes = '{"hourly_requests":100,"hourly_cpu_s":60}'
        database.execute("INSERT INTO worker_state VALUES ('agent-budgets', ?, NULL)", (nodes,))
    lines = [line.split(" left until ")[0] for line in wapo("limits", "local").out.splitlines()]
    assert lines == [
        "--max-cpu         2s",
        "--budget          requests=100/hour: 12 used, 88",
        "--budget          cpu=60s/hour: 500ms used, 59.5s",
        "--budget          egress=1.5GB/day: 0B used, 1.5GB",
    ]
    first, *_ = wapo("limits", "local", "--budget", "requests=10/hour", "--json").json["budgets"]
    assert first.pop("until").endswith(":00:00Z")
    assert first == {"name": "hourly_requests", "allowed": 10, "used": 12, "left": 0}
    assert "requests=100/hour" in wapo("limits", "local", "--budget", "requests=unlimited/hour").out


def test_clear_forgets_what_was_set_before() -> None:
    wapo("limits", "local", "--max-time", "2s", "--max-burst", "1s")
    assert wapo("limits", "local", "--clear", "--max-memory", "8MB", "--json").json["limits"] == {
        "memory_bytes": 8 << 20
    }
    assert wapo("limits", "local", "--clear").out == "local has the node's limits\n"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["nonsense"], 1, "'nonsense' is not an IPFS CID"),
        (["local", "--max-memory", "1"], 2, "memory of 1 bytes is not possible; allowed are 8 MiB to 4 GiB"),
        (["local", "--max-memory", "99GB"], 2, "allowed are 8 MiB to 4 GiB"),
        (["local", "--max-memory", "-1"], 2, "'-1' is not a size"),
        (["local", "--max-time", "0"], 2, "'--max-time'"),
        (["local", "--max-concurrency", "0"], 2, "'--max-concurrency'"),
        (["local", "--max-concurrency", "many"], 2, "'--max-concurrency'"),
        (["local", "--budget", "requests=5"], 2, "is not a budget; write requests=1000/hour, cpu=10m/day or egress="),
        (["local", "--budget", "cpu=0/day"], 2, "'0' is no time at all"),
        (["local", "--budget", "requests=many/day"], 2, "'many' is not a number of at least 1"),
        (["local", "--max-outgoing", "0"], 2, "'0' is not a number of at least 1"),
        (["local", "--max-egress", "-1"], 2, "'-1' is not a size"),
        (["local", "--max-request", "99999999999GB"], 2, "too large for a size"),
    ],
)
def test_what_makes_no_sense_changes_nothing(arguments: list[str], code: int, part: str) -> None:
    result = wapo("limits", *arguments)
    assert result.code == code
    assert part in result.error
    assert wapo("limits", "local", "--json").json["limits"] == {}


def test_nothing_is_left_where_there_was_no_node(folder: Path) -> None:
    result = wapo("limits", "local", "--max-time", "1s", "--data-dir", "typo")
    assert (result.code, result.error) == (1, "there is no node in typo")
    assert not (folder / "typo").exists()
