"""What a policy demands, and which files are none."""

from pathlib import Path

import pytest

from tests.trust.attestation.platform import needs_quotes, sample
from wapo.trust.attestation.measurements import parse_quote
from wapo.verify.policy import Policy, UnusablePolicy

MR = "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "not TOML"),
        ("mr_td = 1", "'mr_td', which is none of"),
        ("[tdx]\nmrtd = []", "'mrtd', which is none of"),
        ("[sev]\nx = 1", "'sev', which is none of"),
        ("tdx = 1", "'tdx', which is none of"),
        ("[tdx]\nmr_td = []", "empty list"),
        ("[tdx]\nmr_td = 1", "a text, or a list of texts"),
        ("[tdx]\nmr_td = ['zz']", "not hex"),
        ("[tdx]\nmr_td = ['00']", "48 bytes, not 1"),
        ("[sgx]\nisv_prod_id = -1", "whole number"),
        ("[sgx]\nmin_isv_svn = true", "whole number"),
        ("tcb_statuses = ['Revoked']", "'Revoked' is none of"),
        ("tcb_statuses = ['uptodate']", "'uptodate' is none of"),
        ("tees = ['sev']", "'sev' is none of"),
        ("allowed_advisories = ['all']", "no advisory"),
        ("[node]\nkey = ''", "'key', which is none of"),
    ],
)
def test_a_demand_that_nobody_understands_is_an_error(text: str, why: str) -> None:
    """It would demand nothing."""
    with pytest.raises(UnusablePolicy, match=why):
        Policy.parse(text)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UnusablePolicy, match="cannot be read"):
            Policy.load(path)
    (tmp_path / "p").write_bytes(b"\xff")
    with pytest.raises(UnusablePolicy, match="not UTF-8"):
        Policy.load(tmp_path / "p")


@needs_quotes
def test_values_are_alternatives_in_any_case() -> None:
    quote = parse_quote(sample("tdx_quote")[0])
    assert Policy.parse(f"[tdx]\nmr_td = ['{'00' * 48}', '{MR.upper()}']").check_software(quote, {})[0].state == "open"
    assert Policy.parse(f"[tdx]\nmr_td = '{'00' * 48}'").check_software(quote, {})[0].state == "failed"


@needs_quotes
def test_what_makes_the_software_and_is_not_named_is_not_proven() -> None:
    quote = parse_quote(sample("tdx_quote")[0])
    (step,) = Policy.parse(f"[tdx]\nmr_td = '{MR}'").check_software(quote, {})
    assert step.state == "open"
    assert "rt_mr1, rt_mr2, rt_mr3 (or, with dstack, compose_hash)" in step.text
    (step,) = Policy().check_software(parse_quote(sample("sgx_quote")[0]), {})
    assert (step.state, "mr_enclave" in step.text) == ("open", True)


@needs_quotes
def test_the_wrong_tee_fails() -> None:
    steps = Policy.parse("tees = ['sgx']").check_software(parse_quote(sample("tdx_quote")[0]), {})
    assert [step.state for step in steps] == ["failed"]


@needs_quotes
@pytest.mark.parametrize(
    ("numbers", "state"),
    [
        ("isv_prod_id = 0", "ok"),
        ("isv_prod_id = 0\nmin_isv_svn = 1", "failed"),
        ("isv_prod_id = 1", "failed"),
        ("", "open"),
    ],
)
def test_an_enclave_s_signer_needs_its_product(numbers: str, state: str) -> None:
    quote = parse_quote(sample("sgx_quote")[0])
    text = f"[sgx]\nmr_signer = '{quote.measured['mr_signer']}'\n{numbers}"
    assert Policy.parse(text).check_software(quote, {})[0].state == state
