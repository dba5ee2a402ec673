"""``wapo inspect``: what a program is, and why; and what is no program."""

from pathlib import Path

import pytest

from tests.cli.support import wapo


def test_a_file(agent: Path) -> None:
    result = wapo("inspect", "agent.js")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"program     agent.js ({agent.stat().st_size} bytes)",
        "convention  fetch",
        "image       initialised: its top level depends on nothing that differs from one request to the next",
    ]


def test_a_cid_and_its_limits(agent: Path) -> None:
    cid = wapo("publish", agent, "--max-time", "2s", "--json").json["cid"]
    for spelling in (cid, f"/ipfs/{cid}", f"{cid}/0"):
        report = wapo("inspect", spelling, "--upstream", "none", "--json").json
        assert report["program"].startswith("bafybei")
        assert (report["image"], report["touched"], report["error"]) == ("initialised", [], None)
        assert report["limits"] == {"memory_bytes": 100 << 20, "time_s": 2.0, "burst_s": 1.0}
        assert report["image_bytes"] > 1 << 20


def test_a_compiled_program_and_every_reason(folder: Path) -> None:
    (folder / "clock.js").write_text("const seed = Math.random() + Date.now(); export default () => seed;")
    assert wapo("inspect", "clock.js").out.splitlines()[1:] == [
        "convention  module", "image       compiled: its top level draws random numbers and reads the clock",
    ]  # fmt: skip
    assert wapo("inspect", "clock.js", "--json").json["touched"] == ["clock", "entropy"]


def test_a_syntax_error_is_shown_with_its_line_in_the_users_file(folder: Path) -> None:
    (folder / "broken.js").write_text("let fine = 1;\nlet x = ;\n")
    result = wapo("inspect", "broken.js")
    assert result.code == 1
    assert result.out.splitlines()[2:] == [
        "image       broken: the program cannot be compiled",
        "error       SyntaxError: unexpected token in expression: ';'",
        "    at broken.js:2:9",
    ]
    assert wapo("inspect", "broken.js", "--json").json["error"].endswith("broken.js:2:9")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the program is empty"),
        (b" \n", "the program is empty"),
        (b"\0asm\1\0\0\0", "the program is a WebAssembly module; only JavaScript can be run"),
        (b"let a = '\0';", "the program is not text: it has a NUL byte at offset 9"),
        (b"let a = '\xff';", "the program is not valid UTF-8: invalid start byte at byte 9"),
    ],
)
def test_a_file_that_is_no_program(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "file.js").write_bytes(content)
    result = wapo("inspect", "file.js")
    assert (result.code, result.error) == (1, sentence)


def test_what_is_neither_a_file_nor_a_cid(folder: Path, data: Path) -> None:
    (folder / "site").mkdir()
    for name, sentence in [
        ("nothing.js", "nothing.js is not a file that exists, and no CID"),
        ("site/nothing", "site/nothing is not a file that exists, and no CID"),
        ("nothing", "'nothing' is not an IPFS CID. One looks like Qm... or bafy... or bafkrei..."),
        ("site", "site is a directory; name a file of it, or its CID with the path to one"),
    ]:
        result = wapo("inspect", name)
        assert (result.code, result.error) == (1, sentence)
    assert not data.exists()


def test_a_cid_that_is_not_here() -> None:
    cid = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    result = wapo("inspect", cid, "--upstream", "none")
    assert (result.code, result.error) == (1, f"{cid} is not in the local store, and no upstream is configured.")


def test_an_upstream_that_is_no_address(agent: Path) -> None:
    result = wapo("inspect", agent, "--upstream", "foo")
    assert result.code == 1
    assert result.error.startswith("'foo' is no address of a gateway")
