"""A node's answer: fresh, its own, and what a quote is bound to."""

import base64
import json
from typing import Any

import pytest

from tests.trust.attestation.platform import Hardware, Platform, needs_quotes
from tests.verify.support import IDENTITY, NONCE, attested, policy_of, root_of
from wapo.trust.attestation.provider import Evidence
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.verify.document import UnreadableAttestation, check_attestation, read_attestation
from wapo.verify.policy import Policy
from wapo.verify.steps import Step, Verdict


def checked(
    answer: dict[str, Any], platform: Platform | None, nonce: bytes | None = NONCE, policy: Policy | None = None
) -> Verdict:
    found = read_attestation(json.dumps(answer).encode())
    root = root_of(platform) if platform is not None else root_of(Platform())
    collateral = platform.collateral() if platform is not None else None
    at = (platform or Platform()).now
    demanded = policy or (policy_of(found.quote) if found.quote else Policy())
    return Verdict(check_attestation(found, nonce, collateral, at, demanded, root))


def failed(verdict: Verdict) -> Step:
    """The one that is wrong."""
    (step,) = [step for step in verdict.steps if step.state == "failed"]
    return step


@needs_quotes
async def test_an_attested_node_is_proven() -> None:
    platform = Platform()
    verdict = checked(await attested(platform), platform)
    assert verdict.proven
    names = [step.name for step in verdict.steps]
    assert names == ["fresh", "node key", "programs", "binding", "hardware", "platform", "software"]
    assert verdict.steps[3].evidence["root key"].startswith("from a file")  # which no quote speaks about


@needs_quotes
async def test_a_node_without_a_tee_is_not_proven() -> None:
    verdict = checked(await attested(), None)
    assert (verdict.outcome, verdict.sentence) == (
        "open", "NOT PROVEN: what was looked at holds, but nothing proves: TEE."
    )  # fmt: skip


@needs_quotes
async def test_a_node_that_claims_without_a_quote_is_refused() -> None:
    assert failed(checked(await attested() | {"attested": True}, None)).name == "TEE"


@needs_quotes
async def test_an_old_answer_is_refused() -> None:
    platform = Platform()
    step = failed(checked(await attested(platform), platform, nonce=bytes(32)))
    assert (step.name, "another nonce" in step.text) == ("fresh", True)


@needs_quotes
async def test_an_old_answer_that_is_called_fresh_is_refused() -> None:
    platform = Platform()
    answer = await attested(platform) | {"nonce": bytes(32).hex()}
    assert failed(checked(answer, platform, nonce=bytes(32))).name == "node key"


@needs_quotes
async def test_without_the_nonce_an_answer_is_not_known_to_be_fresh() -> None:
    platform = Platform()
    verdict = checked(await attested(platform), platform, nonce=None)
    assert [step.name for step in verdict.steps if step.state == "open"] == ["fresh"]


class _Replaying(Hardware):
    """Gives the quote that was made for somebody else."""

    def evidence(self, report_data: bytes) -> Evidence:
        return super().evidence(bytes(64))


@needs_quotes
async def test_a_quote_for_another_key_is_refused() -> None:
    platform = Platform()
    answer = await attested(platform, provider=_Replaying(platform))
    step = failed(checked(answer, platform))
    assert (step.name, "made for somebody else" in step.text) == ("binding", True)


@needs_quotes
async def test_who_puts_its_own_key_into_another_s_answer_is_refused() -> None:
    """A machine in the middle, with a key of its own and the quote of a real node."""
    platform = Platform()
    other = NodeIdentity(NodeKeys(b"o" * 32))
    answer = await attested(platform)
    answer["node"]["signing"]["public"], answer["node"]["key_id"] = other.public.hex(), other.key_id
    assert failed(checked(answer, platform)).name == "node key"  # its report data are others
    found = read_attestation(json.dumps(answer).encode())
    answer["report_data"] = found.bound.report_data().hex()
    assert "not signed" in failed(checked(answer, platform)).text
    answer["signature"]["value"] = base64.b64encode(other.sign(found.bound.statement("tdx", found.quote))).decode()
    assert failed(checked(answer, platform)).name == "binding"


@needs_quotes
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("node", "agreement", "public"), "11" * 32),
        (("programs",), "wapo/9+00"),
        (("nonce",), "22" * 32),
        (("report_data",), "33" * 64),
        (("node", "key_id"), "someone"),
        (("kind",), "dstack"),
        (("quote",), None),
        (("signature", "value"), base64.b64encode(bytes(64)).decode()),
        (("signature", "value"), ""),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
async def test_any_other_value_is_refused(path: tuple[str, ...], value: Any) -> None:
    platform = Platform()
    answer = await attested(platform)
    place = answer
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert checked(answer, platform).outcome == "refused"


@needs_quotes
async def test_what_the_node_says_of_itself_does_not_count() -> None:
    platform = Platform()
    answer = await attested(platform) | {"attested": False, "statement": "trust me"}
    assert checked(answer, platform).proven


@needs_quotes
async def test_a_policy_names_keys_and_programs() -> None:
    platform = Platform()
    answer = await attested(platform)
    for text, name in (
        ("[node]\nkey_ids = 'x'", "key"), ("[node]\nprograms = 'wapo/1'", "programs"),
    ):  # fmt: skip
        assert failed(checked(answer, platform, policy=Policy.parse(text))).name == name
    right = Policy.parse(f"[node]\nkey_ids = '{IDENTITY.key_id}'\nprograms = '{answer['programs']}'")
    assert checked(answer, platform, policy=right).outcome == "open"  # the software is not named


@needs_quotes
async def test_what_is_no_attestation_is_an_error() -> None:
    answer = await attested()
    for value in (
        {}, [], None, 1, answer | {"format": "other"}, answer | {"node": 1}, answer | {"nonce": "A" * 32},
        answer | {"nonce": 1}, answer | {"quote": "?"}, answer | {"event_log": []}, answer | {"attested": "yes"},
        answer | {"signature": {"algorithm": "none", "value": ""}}, answer | {"programs": "\ud800"},
    ):  # fmt: skip
        with pytest.raises(UnreadableAttestation):
            read_attestation(json.dumps(value).encode())
    for data in (b"", b"\xff", b"[" * 100_000, b" " * (9 << 20)):
        with pytest.raises(UnreadableAttestation):
            read_attestation(data)
