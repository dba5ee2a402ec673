"""``wapo keys``: the identity of a node, shown and rotated."""

from pathlib import Path

from tests.cli.support import wapo


def _made(agent: Path) -> None:
    assert wapo("publish", agent).code == 0


def test_there_is_one_generation_at_first(agent: Path) -> None:
    _made(agent)
    (first,) = wapo("keys", "show", "--json").json  # type: ignore[misc]
    assert (first["generation"], first["until"]) == (1, None)
    shown = wapo("keys", "show").out
    assert shown.startswith("generation 1  from ")
    assert first["key"] in shown
    assert wapo("keys", "show", "--json").json == [first]


def test_rotating_adds_one_and_keeps_the_others(agent: Path, data: Path) -> None:
    _made(agent)
    before = wapo("keys", "show", "--json").json[0]  # type: ignore[index]
    root = (data / "node.key").read_bytes()
    rotated = wapo("keys", "rotate", "--json")
    second, first = rotated.json  # type: ignore[misc]
    assert rotated.err == "a running node takes it over within a few seconds\n"
    assert (second["generation"], second["until"]) == (2, None)
    assert first == before | {"until": second["from"]}
    assert len({first["key"], second["key"], first["x25519"], second["x25519"]}) == 4
    assert (data / "node.key").read_bytes() == root


def test_no_secret_is_printed(agent: Path, data: Path) -> None:
    _made(agent)
    printed = wapo("keys", "show").out + wapo("keys", "rotate").out
    assert (data / "node.key").read_bytes().hex() not in printed


def test_where_there_is_no_node(tmp_path: Path) -> None:
    for command in ("show", "rotate"):
        result = wapo("keys", command, "--data-dir", tmp_path / "none")
        assert result.code != 0
        assert result.error == f"there is no node in {tmp_path / 'none'}"
