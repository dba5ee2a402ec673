"""Whose signatures are on a quote."""

import base64

import pytest

from tests.trust.attestation.platform import Platform, needs_quotes, sample
from wapo.trust.attestation.genuine import NotGenuine, check_genuine, parse_chain
from wapo.trust.attestation.measurements import parse_quote

pytestmark = needs_quotes


@pytest.mark.parametrize("name", ["sgx_quote", "tdx_quote", "tdx_quote_outdated"])
def test_a_real_quote_leads_to_intel_s_root(name: str) -> None:
    assert len(check_genuine(parse_quote(sample(name)[0]))) == 3


def test_another_root_is_refused() -> None:
    platform = Platform()
    quote = parse_quote(platform.quote(bytes(64)))
    check_genuine(quote, platform.root_sha256)
    with pytest.raises(NotGenuine, match="do not lead to Intel's root"):
        check_genuine(quote)


def test_report_data_put_in_afterwards_are_noticed() -> None:
    """As dstack's simulator does."""
    quote = bytearray(sample("tdx_quote")[0])
    quote[568:632] = bytes(64)
    with pytest.raises(NotGenuine, match="signature of the attestation key is wrong"):
        check_genuine(parse_quote(bytes(quote)))


def test_an_attestation_key_of_somebody_else_is_refused() -> None:
    one, other = Platform(), Platform()
    mixed = bytearray(one.quote(bytes(64)))
    mixed[636:764] = other.quote(bytes(64))[636:764]
    with pytest.raises(NotGenuine, match="another attestation key"):
        check_genuine(parse_quote(bytes(mixed)), one.root_sha256)


def test_a_second_spelling_of_certificates_is_refused() -> None:
    chain = parse_quote(sample("sgx_quote")[0]).chain.rstrip(b"\0").decode()
    assert len(parse_chain(chain, "its")) == 3
    first, _, rest = chain.partition("\n")
    body = base64.b64encode(b"x").decode()
    for other in (chain.replace("\n", "\r\n"), " " + chain, first + "\n\n" + rest, chain + "\n", body + "\n" + chain):
        with pytest.raises(NotGenuine):
            parse_chain(other, "its")


def test_a_certificate_that_may_issue_none_is_no_issuer() -> None:
    """Else the key of any platform could vouch for another."""
    platform = Platform()
    platform.ca = platform._certificate("Intel SGX PCK Platform CA", platform._ca_key, platform.root, ca=False)
    with pytest.raises(NotGenuine, match="may not sign certificates"):
        check_genuine(parse_quote(platform.quote(bytes(64))), platform.root_sha256)
