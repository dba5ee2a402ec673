"""``wapo publish``: what it prints, what it keeps, what it refuses."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.cli.support import wapo


def test_the_address_is_printed_and_the_cid_beside_it(agent: Path) -> None:
    result = wapo("publish", agent)
    assert result.code == 0
    match = re.fullmatch(r"http://127\.0\.0\.1:8000/ipfs/(Qm\w{44})\n", result.out)
    assert match is not None
    assert result.err == f"cid {match[1]}\n"


def test_json(agent: Path) -> None:
    result = wapo("publish", agent, "--json", "--url", "https://agents.example/")
    assert result.json == {"cid": result.json["cid"], "url": f"https://agents.example/ipfs/{result.json['cid']}"}
    assert result.err == ""


def test_the_url_comes_from_the_environment_too(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAPO_URL", "https://agents.example")
    assert wapo("publish", agent).out.startswith("https://agents.example/ipfs/Qm")


def test_the_cid_is_the_contents(folder: Path) -> None:
    """The empty-ish file of the IPFS documentation: ``echo hello | ipfs add``."""
    (folder / "hello").write_bytes(b"hello\n")
    assert wapo("publish", "hello", "--json").json["cid"] == "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"


def test_a_version_1_cid(agent: Path) -> None:
    assert wapo("publish", agent, "--cid-version", "1", "--json").json["cid"].startswith("bafkrei")
    refused = wapo("publish", agent, "--cid-version", "2")
    assert refused.code == 2
    assert "'--cid-version'" in refused.error


def test_what_is_published_can_be_inspected(agent: Path) -> None:
    cid = wapo("publish", agent, "--json").json["cid"]
    report = wapo("inspect", cid, "--upstream", "none", "--json").json
    assert (report["convention"], report["size"]) == ("fetch", agent.stat().st_size)


def test_a_directory_and_a_program_in_it(folder: Path, agent: Path) -> None:
    (folder / "site" / "deep").mkdir(parents=True)
    agent.rename(folder / "site" / "deep" / "0")
    cid = wapo("publish", "site", "--json").json["cid"]
    assert wapo("inspect", f"{cid}/deep/0", "--upstream", "none", "--json").json["convention"] == "fetch"


def test_limits_that_are_given_hold_for_the_program(agent: Path) -> None:
    cid = wapo("publish", agent, "--max-time", "2s", "--max-memory", "64MB", "--json").json["cid"]
    assert wapo("limits", cid, "--json").json["limits"] == {"time_s": 2.0, "memory_bytes": 64 << 20}
    wapo("publish", agent, "--max-time", "unlimited")
    assert wapo("limits", cid, "--json").json["limits"] == {"memory_bytes": 64 << 20}


def test_the_last_deployment_is_recorded_where_the_originals_tools_look(folder: Path, agent: Path) -> None:
    (folder / "logs").mkdir()
    published = wapo("publish", agent, "--json").json
    record = msgspec.json.decode((folder / "logs" / "latestDeployment.json").read_bytes())
    assert record == published | {"date": record["date"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["date"])
    assert [path.name for path in (folder / "logs").iterdir()] == ["latestDeployment.json"]


def test_a_deployment_that_cannot_be_recorded_is_published_all_the_same(folder: Path, agent: Path) -> None:
    (folder / "logs" / "latestDeployment.json").mkdir(parents=True)
    result = wapo("publish", agent)
    assert result.code == 0
    assert "logs/latestDeployment.json was not written" in result.err


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nothing", None, "nothing does not exist"),
        ("empty.js", b"", "empty.js is empty"),
        ("a/b.js", None, "a/b.js does not exist"),
    ],
)
def test_what_is_not_there_is_not_published(folder: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    result = wapo("publish", name)
    assert (result.code, result.error) == (1, sentence)


def test_what_cannot_be_read_is_not_published() -> None:
    result = wapo("publish", "/proc/self/mem")
    assert result.code == 1
    assert result.error.startswith("/proc/self/mem cannot be read: ")


def test_a_directory_with_a_link_in_it_is_not_published(folder: Path) -> None:
    (folder / "site").mkdir()
    (folder / "site" / "link").symlink_to("/etc/passwd")
    result = wapo("publish", "site")
    assert result.code == 1
    assert "link" in result.error


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--max-memory", "1KB", "memory of 1024 bytes is not possible; allowed are 8 MiB to 4 GiB"),
        ("--max-memory", "5GB", "memory of 5368709120 bytes is not possible; allowed are 8 MiB to 4 GiB"),
        ("--max-memory", "lots", "Invalid value for '--max-memory': 'lots' is not a size; write a number with KB, MB or GB, such as 64MB"),
        ("--max-time", "soon", "Invalid value for '--max-time': 'soon' is not a time; write a number with ms, s, m or h, such as 500ms, or unlimited"),
        ("--max-burst", "0", "Invalid value for '--max-burst': '0' is no time at all; write 'unlimited' for no limit"),
    ],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_refused_before_anything_is_kept(
    agent: Path, data: Path, option: str, value: str, sentence: str
) -> None:
    result = wapo("publish", agent, option, value)
    assert (result.code, result.error) == (2, sentence)
    assert not data.exists()


def test_limits_are_not_for_a_directory(folder: Path) -> None:
    (folder / "site").mkdir()
    result = wapo("publish", "site", "--max-time", "1s")
    assert result.code == 1
    assert "wapo limits" in result.error


def test_a_program_that_no_node_would_run_is_published_with_a_word_of_warning(folder: Path) -> None:
    (folder / "large.js").write_bytes(b" " * (20 << 20) + b"1")
    result = wapo("publish", "large.js")
    assert result.code == 0
    assert result.err.splitlines()[1] == "it has 20971521B: a node runs it only with --max-program above 20MB"
