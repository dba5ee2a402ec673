"""``wapo secret``: storing a secret for a program, reading it back, what is refused."""

import re
import sqlite3
from pathlib import Path

import msgspec
import pytest

from tests.cli.support import wapo

#: Somebody else's program: it need not be here.
CID = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def test_what_is_printed_says_how_to_use_it() -> None:
    result = wapo("secret", "set", CID, "apiKey=sk-123")
    lines = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    assert (result.code, result.err) == (0, "keep the token: it is not stored\n")
    assert lines["url"] == f"http://127.0.0.1:8000/ipfs/{CID}?key={lines['key']}"
    assert (len(lines["key"]), len(lines["token"])) == (32, 64)


def test_json_and_reading_back() -> None:
    stored = wapo("secret", "set", CID, "a=1", "b=x=y", "--json").json
    assert list(stored) == ["token", "key", "url"]
    read = wapo("secret", "get", stored["key"], stored["token"])
    assert (read.code, read.json) == (0, {"a": "1", "b": "x=y"})


@pytest.mark.parametrize("spelling", [CID, f"ipfs/{CID}", f"/ipfs/{CID}"])
def test_the_program_may_be_pasted_with_what_is_before_it(spelling: str) -> None:
    stored = wapo("secret", "set", spelling, "a=1", "--json").json
    assert stored["url"] == f"http://127.0.0.1:8000/ipfs/{CID}?key={stored['key']}"


def test_all_addresses_of_a_program_share_its_secrets(agent: Path, data: Path) -> None:
    """In either version of the CID, with the trailing 0 of old links or without."""
    cid = wapo("publish", agent, "--json").json["cid"]
    same = wapo("publish", agent, "--cid-version", "1", "--json").json["cid"]
    for spelling in (cid, f"{cid}/0"):
        wapo("secret", "set", spelling, "a=1")
    with sqlite3.connect(data / "wapo.db") as database:
        (programs,) = database.execute("select count(distinct program) from vaults").fetchone()
    database.close()
    assert programs == 1
    assert same != cid


def test_the_local_program_has_secrets_too() -> None:
    stored = wapo("secret", "set", "local", "a=1", "--json").json
    assert stored["url"] == f"http://127.0.0.1:8000/local?key={stored['key']}"


def test_a_file_of_json_and_stdin(folder: Path) -> None:
    (folder / "secret.json").write_text('{"deep": {"list": [1, 2]}}')
    stored = wapo("secret", "set", CID, "--file", "secret.json", "own=1", "--json").json
    assert wapo("secret", "get", stored["key"], stored["token"]).json == {"deep": {"list": [1, 2]}, "own": "1"}
    stored = wapo("secret", "set", CID, "-f", "-", "--json", stdin=b'{"typed": true}').json
    assert wapo("secret", "get", stored["key"], stored["token"]).json == {"typed": True}


def test_an_item_inherits_with_the_parents_token() -> None:
    parent = wapo("secret", "set", CID, "a=1", "--json").json
    arguments = ["secret", "set", CID, "b=2", "--inherit", parent["key"]]
    refused = wapo(*arguments)
    assert (refused.code, refused.error) == (1, "inheriting needs the parent's token, as inheritToken")
    child = wapo(*arguments, "--inherit-token", parent["token"], "--json").json
    assert wapo("secret", "get", child["key"], child["token"]).json == {"b": "2"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([CID], 1, "no secret was given; write NAME=VALUE, --file or --credential"),
        ([CID, "--host", "a.b"], 2, "--host, --header and --query belong to a --credential NAME"),
        ([CID, "--credential", "n", "--host", "a.b", "--header", "sk-123"], 2, "a --header is not 'NAME: VALUE'"),
        ([CID, "--credential", "n", "--host", "a.b"], 1, "the credential 'n' needs headers, query or aws: what is to be put on a request"),
        ([CID, "--credential", "n", "--header", "a: 0123456789ab"], 1, "the credential 'n' needs hosts, a list of 1 to 16 names"),
        ([CID, "sk-123"], 2, "a member of the secret is not NAME=VALUE"),
        ([CID, "=value"], 2, "a member of the secret is not NAME=VALUE"),
        ([CID, "--file", "nothing"], 1, "nothing cannot be read: No such file or directory"),
        ([CID, "--file", "."], 1, ". cannot be read: Is a directory"),
        (["nonsense", "a=1"], 1, "'nonsense' is not an IPFS CID. One looks like Qm... or bafy... or bafkrei..."),
        ([CID, "a=1", "--inherit", "00"], 1, "inherit not found"),
        ([], 2, "Missing argument 'CID'."),
    ],
)  # fmt: skip
def test_what_cannot_be_stored(arguments: list[str], code: int, sentence: str) -> None:
    result = wapo("secret", "set", *arguments)
    assert (result.code, result.error) == (code, sentence)


@pytest.mark.parametrize(
    ("typed", "part"),
    [(b"{", "is not JSON"), (b"[1]", "must hold a JSON object"), (b"\xff", "is not JSON"), (b"[" * 100_000, "is not JSON"), (b"", "is not JSON")],
)  # fmt: skip
def test_what_is_typed_must_be_a_json_object(typed: bytes, part: str) -> None:
    result = wapo("secret", "set", CID, "--file", "-", stdin=typed)
    assert result.code == 1
    assert result.error.startswith("stdin ")
    assert part in result.error


def test_a_value_is_never_repeated_in_an_error() -> None:
    """It would end in a terminal's history, or a CI's log."""
    assert "sk-123" not in wapo("secret", "set", CID, "sk-123").err


def test_a_secret_that_is_too_large() -> None:
    result = wapo("secret", "set", CID, "--file", "-", stdin=b'{"a":"' + b"x" * 70_000 + b'"}')
    assert result.code == 1
    assert "at most 65536 are allowed" in result.error


def test_only_key_and_token_together_read_it_back() -> None:
    stored = wapo("secret", "set", CID, "a=1", "--json").json
    assert wapo("secret", "get", stored["key"], "00" * 32).error == "access denied"
    assert wapo("secret", "get", "00" * 16, stored["token"]).error == "not found"


def test_nothing_is_left_where_there_was_no_node(folder: Path) -> None:
    result = wapo("secret", "get", "00", "11", "--data-dir", "typo")
    assert (result.code, result.error) == (1, "there is no node in typo")
    assert not (folder / "typo").exists()


def test_another_key_does_not_open_it(data: Path) -> None:
    stored = wapo("secret", "set", CID, "a=1", "--json").json
    (data / "node.key").unlink()
    result = wapo("secret", "get", stored["key"], stored["token"])
    assert result.code == 1
    assert result.error == "node/node.key is missing, and the data beside it were sealed with it: put its copy back"
    (data / "node.key").write_bytes(bytes(32))
    (data / "node.key").chmod(0o600)
    result = wapo("secret", "get", stored["key"], stored["token"])
    assert result.code == 1
    assert "node/node.key is damaged, or another node's" in result.error


CREDENTIAL = ("--credential", "openai", "--host", "api.openai.com", "--header", "Authorization: Bearer sk-0123456789ab")


def test_a_credential_is_kept_and_never_told() -> None:
    stored = wapo("secret", "set", CID, "a=1", *CREDENTIAL, "--query", "k=key-0123456789", "--json").json
    read = wapo("secret", "get", stored["key"], stored["token"])
    shown = {"openai": {"hosts": ["api.openai.com"], "headers": ["authorization"], "query": ["k"]}}
    assert read.json == {"a": "1"}
    (listed,) = msgspec.json.decode(wapo("secret", "list", CID, "--json").raw)
    assert listed | {"created_ms": 0} == {
        "key": stored["key"], "created_ms": 0, "inherit": None, "members": ["a"], "credentials": shown,
    }  # fmt: skip
    line = wapo("secret", "list", CID).out
    assert re.fullmatch(rf"{stored['key']}  \d{{4}}-\d\d-\d\d \d\d:\d\d  a, openai \(to api\.openai\.com\)\n", line)


def test_credentials_from_stdin() -> None:
    typed = b'{"a": {"hosts": ["a.example"], "query": {"k": "key-0123456789"}}}'
    wapo("secret", "set", CID, "--credentials", "-", *CREDENTIAL, stdin=typed)
    (listed,) = msgspec.json.decode(wapo("secret", "list", CID, "--json").raw)
    assert list(listed["credentials"]) == ["a", "openai"]


def test_removing() -> None:
    stored = wapo("secret", "set", CID, "a=1", "--json").json
    wapo("secret", "set", CID, "b=1")
    done = wapo("secret", "remove", stored["key"])
    assert (done.code, done.out, done.err) == (0, "", "")
    assert wapo("secret", "get", stored["key"], stored["token"]).error == "not found"
    assert wapo("secret", "remove", stored["key"]).error == "not found"
    (listed,) = msgspec.json.decode(wapo("secret", "list", CID, "--json").raw)
    assert listed["members"] == ["b"]


def test_nothing_is_listed_where_there_is_nothing() -> None:
    assert wapo("secret", "list", CID).error == "there is no node in node"
    wapo("secret", "set", "local", "a=1")
    assert wapo("secret", "list", CID).out == ""
    assert wapo("secret", "list", CID, "--json").out == "[]\n"
