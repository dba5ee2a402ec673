"""Real quotes, and what becomes of them when a byte, a date or a platform is another."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.trust.attestation.platform import Platform, needs_quotes, sample
from tests.verify.support import SGX_POLICY, policy_of, root_of
from wapo.verify.policy import Policy
from wapo.verify.quotes import verify_quote
from wapo.verify.steps import Step, Verdict

pytestmark = needs_quotes

SEED = 7


def policy(name: str) -> Policy:
    return policy_of(sample(name)[0], **(SGX_POLICY if name == "sgx_quote" else {}))


def failed(steps: list[Step]) -> str:
    """What is wrong, in a sentence."""
    return "; ".join(f"{step.name}: {step.text}" for step in steps if step.state == "failed")


@pytest.mark.parametrize("name", ["tdx_quote", "sgx_quote"])
def test_a_real_quote_is_proven(name: str) -> None:
    quote, collateral, at = sample(name)
    verdict = Verdict(verify_quote(quote, collateral, at, policy(name)))
    assert verdict.sentence == "PROVEN: Every step holds."
    assert [step.name for step in verdict.steps] == ["hardware", "platform", "software"]


def test_a_platform_without_a_matching_level_is_refused() -> None:
    quote, collateral, at = sample("tdx_quote_outdated")
    assert "No matching TCB level" in failed(verify_quote(quote, collateral, at, policy("tdx_quote_outdated")))


@pytest.mark.parametrize("name", ["tdx_quote", "sgx_quote"])
@pytest.mark.parametrize("part", ["quote", "collateral"])
def test_every_change_of_a_byte_is_refused(name: str, part: str) -> None:
    """250 of each, so 1,000 in all; every byte of them was tried by hand (docs/decisions/attestation.md)."""
    quote, collateral, at = sample(name)
    chance, demanded = random.Random(SEED), policy(name)
    for _ in range(250):
        data = bytearray(quote if part == "quote" else collateral)
        place, change = chance.randrange(len(data)), chance.randrange(1, 256)
        data[place] ^= change
        changed = (bytes(data), collateral) if part == "quote" else (quote, bytes(data))
        assert failed(verify_quote(*changed, at, demanded)), (place, change)


@pytest.mark.parametrize("name", ["tdx_quote", "sgx_quote"])
def test_bytes_that_are_put_in_or_left_out_of_collateral_are_noticed(name: str) -> None:
    quote, collateral, at = sample(name)
    chance, demanded = random.Random(SEED), policy(name)
    for _ in range(100):
        place = chance.randrange(len(collateral) - 1)
        without = collateral[:place] + collateral[place + 1 :]
        more = collateral[:place] + bytes([chance.choice(b' \n\t0aA"=')]) + collateral[place:]
        for data in (without, more):
            assert failed(verify_quote(quote, data, at, demanded)), place


@pytest.mark.parametrize("name", ["tdx_quote", "sgx_quote"])
@pytest.mark.parametrize("days", [-400, -1, 31, 4000])
def test_collateral_out_of_its_dates_is_refused(name: str, days: int) -> None:
    quote, collateral, at = sample(name)
    text = failed(verify_quote(quote, collateral, at + timedelta(days=days), policy(name)))
    assert " is for " in text or " is valid from " in text


def test_every_date_of_collateral_counts() -> None:
    """A second before the first end it is right, at the end it is not."""
    quote, collateral, at = sample("tdx_quote")
    found = verify_quote(quote, collateral, at, policy("tdx_quote"))[1]
    end = datetime.fromisoformat(found.evidence["valid_until"])
    assert not failed(verify_quote(quote, collateral, end - timedelta(seconds=1), policy("tdx_quote")))
    assert failed(verify_quote(quote, collateral, end, policy("tdx_quote")))


@pytest.mark.parametrize(
    ("status", "why"), [("OutOfDate", "OutOfDate; the policy allows UpToDate"), ("Revoked", "Revoked")]
)
def test_a_platform_that_is_out_of_date_or_revoked_is_refused(status: str, why: str) -> None:
    platform = Platform(status=status)
    quote = platform.quote(bytes(64))
    steps = verify_quote(quote, platform.collateral(), platform.now, policy_of(quote), None, root_of(platform))
    assert why in failed(steps)


def test_a_policy_may_put_up_with_a_status() -> None:
    platform = Platform(status="OutOfDate")
    quote = platform.quote(bytes(64))
    demanded = policy_of(quote, tcb_statuses=["UpToDate", "OutOfDate"])
    assert Verdict(verify_quote(quote, platform.collateral(), platform.now, demanded, None, root_of(platform))).proven


def test_no_policy_puts_up_with_a_revoked_platform() -> None:
    platform = Platform(revoked=True)
    quote = platform.quote(bytes(64))
    steps = verify_quote(quote, platform.collateral(), platform.now, policy_of(quote), None, root_of(platform))
    assert "CertRevoked" in failed(steps)


def test_advisories_are_put_up_with_one_by_one() -> None:
    quote, collateral, at = sample("sgx_quote")
    demanded = policy_of(quote, **(SGX_POLICY | {"allowed_advisories": ["INTEL-SA-00289"]}))
    assert "does not put up with INTEL-SA-00615" in failed(verify_quote(quote, collateral, at, demanded))


def test_an_old_evaluation_is_refused() -> None:
    quote, collateral, at = sample("tdx_quote")
    demanded = policy_of(quote, min_tcb_evaluation=18)
    assert "evaluation 17; at least 18" in failed(verify_quote(quote, collateral, at, demanded))


@pytest.mark.parametrize("other", ["sgx_quote", "tdx_quote_outdated"])
def test_collateral_of_another_platform_is_refused(other: str) -> None:
    quote, _, _ = sample("tdx_quote")
    _, collateral, at = sample(other)
    assert failed(verify_quote(quote, collateral, at, policy("tdx_quote")))


def test_collateral_that_names_another_s_certificates_is_refused() -> None:
    quote, collateral, at = sample("tdx_quote")
    chain = json.loads(collateral)["pck_crl_issuer_chain"]
    more = json.dumps(json.loads(collateral) | {"pck_certificate_chain": chain}).encode()
    assert "another platform" in failed(verify_quote(quote, more, at, policy("tdx_quote")))


def test_a_root_that_is_not_intel_s_is_refused() -> None:
    """Even with collateral that fits: whoever has made both vouches for nobody."""
    platform = Platform()
    quote = platform.quote(bytes(64))
    steps = verify_quote(quote, platform.collateral(), platform.now, policy_of(quote))
    assert "do not lead to Intel's root" in failed(steps)


def test_intel_s_quote_with_a_stranger_s_collateral_is_refused() -> None:
    quote, _, _ = sample("tdx_quote")
    platform = Platform()
    assert failed(verify_quote(quote, platform.collateral(), platform.now, policy("tdx_quote")))


def test_without_collateral_the_platform_is_not_proven() -> None:
    quote, _, at = sample("tdx_quote")
    verdict = Verdict(verify_quote(quote, None, at, policy("tdx_quote")))
    assert (verdict.outcome, verdict.sentence) == (
        "open", "NOT PROVEN: what was looked at holds, but nothing proves: platform."
    )  # fmt: skip


def test_a_debug_domain_is_refused() -> None:
    platform = Platform()
    quote = platform.quote(bytes(64), td_attributes="0100001000000000")
    steps = verify_quote(quote, platform.collateral(), platform.now, policy_of(quote), None, root_of(platform))
    assert "debug mode" in failed(steps)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"tcb_info": 1}', b"x" * (5 << 20)],
    ids=lambda data: data[:8],
)
def test_what_is_no_collateral_is_refused(data: bytes) -> None:
    quote, _, at = sample("tdx_quote")
    assert failed(verify_quote(quote, data, at, policy("tdx_quote")))


@pytest.mark.parametrize(
    "change",
    [
        {"root_ca_crl": "00"}, {"pck_crl": ""}, {"tcb_info": "{}"}, {"tcb_info": "[]"}, {"qe_identity": '{"id":"TD_QE"}'},
        {"pck_crl_issuer_chain": ""}, {"tcb_info_signature": "00" * 64}, {"more": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_collateral_with_a_part_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    quote, collateral, at = sample("tdx_quote")
    data = json.dumps(json.loads(collateral) | change, indent=2).encode()
    assert failed(verify_quote(quote, data, at, policy("tdx_quote")))
