"""``wapo limits``: what is set for a program, and how it is changed."""

from pathlib import Path

import pytest

from tests.cli.support import wapo


@pytest.fixture(autouse=True)
def node(agent: Path) -> None:
    wapo("publish", agent)


def test_a_program_has_the_nodes_limits_until_some_are_set() -> None:
    result = wapo("limits", "local")
    assert (result.code, result.out, result.err) == (0, "local has the node's limits\n", "")
    assert wapo("limits", "local", "--json").json == {"program": "local", "limits": {}}


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
