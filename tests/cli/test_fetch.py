"""``wapo fetch``: encrypted requests as a person sends them."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.support import Running, running, wapo
from wapo.verify.steps import Step, Verdict

ECHO = """
export default { async fetch(request) {
  const answer = { method: request.method, url: request.url, body: await request.text(), own: request.headers.get("x-own") };
  return Response.json(answer, { status: request.headers.has("x-fail") ? 418 : 200 });
} };
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str, Path]]:
    """A node for all tests of this module: its command, where it answers, its data."""
    folder = tmp_path_factory.mktemp("served")
    with running(
        "serve", "--port", "0", "--upstream", "none", "--data-dir", folder / "node", "--no-apps", cwd=folder
    ) as node:
        url = next(word for word in node.wait_for("http://").split() if word.startswith("http://"))
        yield node, url.rstrip("/"), folder / "node"


@pytest.fixture
def agent_url(served: tuple[Running, str, Path], folder: Path) -> str:
    """Where an agent answers that tells what it was asked."""
    _, url, data = served
    (folder / "echo.js").write_text(ECHO)
    return f"{url}/ipfs/{wapo('publish', 'echo.js', '--data-dir', data, '--json').json['cid']}"


def test_a_request_and_its_answer(agent_url: str) -> None:
    result = wapo("fetch", f"{agent_url}/a b?c=d e", "-H", "X-Own: 1")
    answer = json.loads(result.raw)
    assert result.code == 0
    assert result.err == "the key is the one that the address tells: give --policy or --key to know whose it is\n"
    assert (answer["method"], answer["own"], answer["body"]) == ("GET", "1", "")
    assert answer["url"].endswith("/a%20b?c=d%20e")


@pytest.mark.parametrize(("data", "body"), [("text", "text"), ("@file", "of a file"), ("@-", "typed"), ("", "")])
def test_content(agent_url: str, folder: Path, data: str, body: str) -> None:
    (folder / "file").write_text("of a file")
    answer = json.loads(wapo("fetch", agent_url, "-d", data, stdin=b"typed").raw)
    assert (answer["method"], answer["body"]) == ("POST", body)
    assert json.loads(wapo("fetch", agent_url, "-d", data, "-X", "put").raw)["method"] == "PUT"


def test_status_and_headers(agent_url: str) -> None:
    result = wapo("fetch", agent_url, "-H", "x-fail: 1", "-i")
    head, _, body = result.out.partition("\n\n")
    assert (result.code, result.err.splitlines()[-1]) == (1, "the status is 418")
    assert head.splitlines()[0] == "418"
    assert "content-type: application/json" in head
    assert body.startswith("{")


def test_the_key_that_was_verified_before(served: tuple[Running, str, Path], agent_url: str) -> None:
    attested = wapo("verify", served[1], "--json").json["steps"]
    key = next(step["evidence"]["encrypt_to"] for step in attested if "encrypt_to" in step["evidence"])
    result = wapo("fetch", agent_url, "--key", key)
    assert (result.code, result.err) == (0, "")
    wrong = wapo("fetch", agent_url, "--key", "00" * 32)
    assert wrong.code == 1
    assert f"tells is {key}, and not the one that was given" in wrong.error


def test_nothing_is_sent_to_a_node_that_proves_nothing(agent_url: str, folder: Path) -> None:
    (folder / "policy.toml").write_text("")
    result = wapo("fetch", agent_url, "--policy", "policy.toml", "-d", "planted")
    assert result.code == 1
    assert result.error.startswith("nothing was sent: NOT PROVEN: ")


@pytest.mark.parametrize("known", [False, True])
def test_it_is_encrypted_to_the_key_that_is_attested(
    served: tuple[Running, str, Path], agent_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """And to no other, whatever the address tells."""
    (folder / "policy.toml").write_text("")
    key = bytes.fromhex("11" * 32) if known else None
    verdict = Verdict([Step("all", "ok", "it holds")])

    async def verified(url: str, _demands: Any) -> Any:
        assert url == served[1]
        return SimpleNamespace(verdict=verdict, saved={"attestation.json": b""})

    attested = bytes(32)
    document = SimpleNamespace(bound=SimpleNamespace(agreement_public=attested))
    monkeypatch.setattr("wapo.cli.fetch.verify_node", verified)
    monkeypatch.setattr("wapo.cli.fetch.read_attestation", lambda _: document)
    result = wapo("fetch", agent_url, "--policy", "policy.toml", *(["--key", key.hex()] if key else []))
    assert result.code == 1
    assert ("the node's key is 0000" if known else "and not the one that was given") in result.error


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["ftp://a/ipfs/x"], "is no address of a node"), (["a.example/ipfs/x"], "is no address of a node"),
        (["http://[::1/ipfs/x"], "is no"), (["http://user@a/ipfs/x"], "is no address of a node"),
        (["http://a/ipfs/x", "--key", "12"], "64 hex digits"), (["http://a/ipfs/x", "--key", "x" * 64], "64 hex digits"),
        (["http://a/ipfs/x", "-H", "planted"], "a header is"), (["http://a/ipfs/x", "-H", "a b: c"], "a header is"),
        (["http://a/ipfs/x", "-H", "a: b\r\nc: d"], "a header is"), (["http://a/ipfs/x", "-X", "GE T"], "is no method"),
        (["http://a/ipfs/x", "-d", "@missing"], "cannot be read"), (["http://a/ipfs/x", "--relay", "a"], "of a relay"),
        (["http://a/ipfs/x", "--policy", "missing"], "missing"),
    ],
)  # fmt: skip
def test_a_command_line_that_makes_no_sense(arguments: list[str], part: str) -> None:
    result = wapo("fetch", *arguments)
    assert result.code == 2
    assert part in result.error
    assert "planted" not in result.error


def test_nobody_there() -> None:
    result = wapo("fetch", "http://127.0.0.1:1/ipfs/x")
    assert (result.code, "does not answer" in result.err) == (1, True)
