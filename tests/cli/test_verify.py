"""``wapo verify``: a person's verdict, a machine's exit code."""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.support import wapo
from tests.trust.attestation.platform import QUOTES, Platform, needs_quotes, sample
from tests.verify.http_server import serving_with
from tests.verify.pccs import pccs
from tests.verify.support import SGX_POLICY, attested, policy_of, root_of
from wapo.verify import Verdict, verify
from wapo.verify.quotes import verify_quote

MEASURED = ("mr_td", "rt_mr1", "rt_mr2", "rt_mr3")


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """Serves ``/attestation`` with what ``answer`` makes of the nonce."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            nonce = bytes.fromhex(parse_qs(asked.query).get("nonce", [""])[0])
            body = answer(nonce) if asked.path == "/attestation" else b""
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None: ...

    with serving_with(Handler) as url:
        yield url


def node_of(platform: Platform | None) -> Any:
    return lambda nonce: json.dumps(asyncio.run(attested(platform, nonce))).encode()


@pytest.fixture
def real_policy(tmp_path: Path) -> Path:
    """For the real TDX quote."""
    measured = policy_of(sample("tdx_quote")[0]).measured["tdx"]
    path = tmp_path / "policy.toml"
    path.write_text("[tdx]\n" + "\n".join(f"{name} = {list(measured[name])}" for name in MEASURED))
    return path


@needs_quotes
def test_a_real_quote_with_saved_collateral_needs_nobody(real_policy: Path) -> None:
    at = sample("tdx_quote")[2].isoformat()
    result = wapo(
        "verify", QUOTES / "tdx_quote", QUOTES / "tdx_quote_collateral.json", "--at", at, "--policy", real_policy
    )
    assert result.code == 3  # which node it is of, a quote alone does not say
    lines = result.out.splitlines()
    assert lines[0].startswith("OPEN  binding")
    assert lines[1] == "OK    hardware   signed by a real TDX platform, as Intel vouches"
    assert lines[2] == "OK    platform   not revoked, and as Intel says: UpToDate"
    assert lines[-1] == "NOT PROVEN: what was looked at holds, but nothing proves: binding."


@needs_quotes
def test_programs_read_json_and_the_exit_code(tmp_path: Path) -> None:
    quote = bytearray(sample("tdx_quote")[0])
    quote[200] ^= 1
    (tmp_path / "quote").write_bytes(quote)
    result = wapo("verify", tmp_path / "quote", "--collateral-from", "none", "--json")
    assert (result.code, result.json["outcome"]) == (1, "refused")
    assert [step["state"] for step in result.json["steps"]] == ["open", "failed"]
    assert result.json["verdict"].startswith("REFUSED: wrong is hardware.")


@needs_quotes
def test_collateral_of_another_day_is_refused(real_policy: Path) -> None:
    files = (QUOTES / "tdx_quote", QUOTES / "tdx_quote_collateral.json")
    result = wapo("verify", *files, "--policy", real_policy)  # now
    assert result.code == 1
    assert " is for 2025-" in result.out


@needs_quotes
def test_an_attested_node_is_asked_with_a_fresh_nonce(tmp_path: Path) -> None:
    """The same as a function, with a platform of the test's own; and again from what was saved."""
    platform = Platform()
    policy = policy_of(platform.quote(bytes(64)))
    nonces = []

    def answer(nonce: bytes) -> bytes:
        nonces.append(nonce)
        data: bytes = node_of(platform)(nonce)
        return data

    with answering(answer) as url:
        for _ in range(2):
            verdict = verify(url, policy=policy, collateral=platform.collateral(), root=root_of(platform))
            assert verdict.proven, verdict.sentence
    assert nonces[0] != nonces[1]
    assert len(nonces[0]) == 32


@needs_quotes
@pytest.mark.parametrize("kind", ["tdx", "sgx"])
def test_collateral_is_fetched_and_saved(tmp_path: Path, kind: str) -> None:
    platform = Platform(kind)
    status = {"tcb_statuses": ["UpToDate", "ConfigurationAndSWHardeningNeeded"]}
    policy = policy_of(platform.quote(bytes(64)), **(SGX_POLICY | status))
    root = root_of(platform)
    with answering(node_of(platform)) as url, pccs(platform) as service:
        assert verify(url, policy=policy, service=service, root=root).proven
        with pccs(platform, lambda body: body[:-1] + bytes([body[-1] ^ 1])) as liar:
            assert verify(url, policy=policy, service=liar, root=root).outcome != "proven"
        with pccs(platform, lambda body: b"") as empty:
            verdict = verify(url, policy=policy, service=empty, root=root)
            assert [step.name for step in verdict.steps if step.state == "open"] == ["collateral", "platform"]
        wapo("verify", url, "--collateral-from", service, "--save", tmp_path)
    assert verify(sorted(tmp_path.iterdir()), policy=policy, root=root).proven
    # What the library adds to what it saves is no way to change it.
    collateral, quote = (tmp_path / "collateral.json").read_bytes(), platform.quote(bytes(64))
    chance = random.Random(3)
    start = collateral.index(b"pck_certificate_chain")
    for _ in range(100):
        changed = bytearray(collateral)
        changed[chance.randrange(start, len(changed))] ^= chance.randrange(1, 256)
        assert Verdict(verify_quote(quote, bytes(changed), platform.now, policy, None, root)).outcome == "refused"


@needs_quotes
def test_a_root_that_is_not_intel_s_is_refused_on_the_command_line(tmp_path: Path) -> None:
    platform = Platform()
    (tmp_path / "collateral").write_bytes(platform.collateral())
    with answering(node_of(platform)) as url:
        result = wapo("verify", url, "--collateral", tmp_path / "collateral")
    assert result.code == 1
    assert "do not lead to Intel's root" in result.out


@needs_quotes
def test_what_was_saved_verifies_again_without_anybody(tmp_path: Path) -> None:
    platform = Platform()
    (tmp_path / "collateral").write_bytes(platform.collateral())
    with answering(node_of(platform)) as url:
        first = wapo("verify", url, "--collateral", tmp_path / "collateral", "--save", tmp_path / "kept", "--json")
    kept = tmp_path / "kept"
    assert {path.name for path in kept.iterdir()} == {"attestation.json", "nonce.txt", "collateral.json"}
    again = wapo("verify", *sorted(kept.iterdir()), "--json")
    assert again.json == first.json
    root = root_of(platform)
    policy = policy_of(platform.quote(bytes(64)))
    assert verify(sorted(kept.iterdir()), policy=policy, root=root).proven
    assert verify(sorted(kept.iterdir()), policy=policy, root=root, nonce=bytes(32)).outcome == "refused"


def test_a_node_without_a_tee_is_not_proven() -> None:
    with answering(node_of(None)) as url:
        result = wapo("verify", f"{url}/")
    assert result.code == 3
    assert "OPEN  TEE" in result.out
    assert result.out.splitlines()[-1] == "NOT PROVEN: what was looked at holds, but nothing proves: TEE."


@needs_quotes
def test_a_replayed_answer_is_refused() -> None:
    old = node_of(Platform())(bytes(32))
    with answering(lambda nonce: old) as url:
        result = wapo("verify", url, "--collateral-from", "none")
    assert result.code == 1
    assert "FAIL  fresh" in result.out


@needs_quotes
def test_collateral_that_cannot_be_had_leaves_the_platform_open() -> None:
    with answering(node_of(Platform())) as url:
        result = wapo("verify", url, "--collateral-from", "http://127.0.0.1:1", "--json")
        assert (result.code, result.json["steps"][0]["name"]) == (1, "collateral")  # another root
        assert result.json["steps"][0]["state"] == "open"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["/missing"], 1, "/missing cannot be read"),
        ([__file__], 1, "is no attestation, quote, collateral, nonce, exchange"),
        (["ftp://a"], 1, "no URL of a node"),
        (["http://a", "http://b"], 2, "one URL alone"),
        (["http://a", "--nonce", "00" * 16], 2, "one URL alone"),
        (["http://127.0.0.1:1"], 1, "cannot be fetched"),
        (["x", "--at", "noon"], 2, "'noon' is no time"),
        (["x", "--nonce", "zz"], 2, "hex digits"),
        (["x", "--policy", "/missing"], 2, "the policy /missing cannot be read"),
        (["x", "--collateral", "/missing"], 2, "the collateral /missing cannot be read"),
        (["x", "--collateral-from", "pcs"], 2, "neither a URL nor none"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: list[str], code: int, error: str) -> None:
    result = wapo("verify", *arguments)
    assert result.code == code
    assert error in result.error


@needs_quotes
def test_two_files_of_a_kind_are_an_error(tmp_path: Path) -> None:
    quote = QUOTES / "tdx_quote"
    assert "more than one quote" in wapo("verify", quote, quote).error
    assert "nothing to verify" in wapo("verify", QUOTES / "tdx_quote_collateral.json").error


def test_a_stranger_s_words_do_not_command_the_terminal() -> None:
    def answer(nonce: bytes) -> bytes:
        value = asyncio.run(attested(None, nonce))
        value["programs"] = "\x1b]0;owned\x07"
        return json.dumps(value).encode()

    with answering(answer) as url:
        result = wapo("verify", url)
    assert "\x1b" not in result.out


async def test_the_function_works_where_a_loop_runs() -> None:
    with pytest.raises(Exception, match="cannot be fetched"):
        verify("http://127.0.0.1:1")
