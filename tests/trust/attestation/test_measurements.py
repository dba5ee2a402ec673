"""Quotes are read strictly."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.attestation.platform import Platform, needs_quotes, sample
from wapo.trust.attestation.measurements import MalformedQuote, parse_quote

pytestmark = needs_quotes


def test_a_real_tdx_quote_is_read() -> None:
    quote = parse_quote(sample("tdx_quote")[0])
    assert (quote.version, quote.tee, quote.debug) == (4, "tdx", False)
    assert quote.measured["mr_td"].startswith("91eb2b44d141d4ece09f0c75c2c53d24")
    assert quote.measured["rt_mr3"] == "00" * 48
    assert quote.report_data.hex().startswith("9a9d48e7f6799642")


def test_a_real_sgx_quote_is_read() -> None:
    quote = parse_quote(sample("sgx_quote")[0])
    assert (quote.version, quote.tee, quote.isv_prod_id, quote.isv_svn, quote.debug) == (3, "sgx", 0, 0, False)
    assert quote.measured["mr_enclave"] == "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb"
    assert quote.measured["mr_signer"] == "815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6"
    assert quote.report_data.startswith(b"Hello, world!\0")


def test_a_real_quote_of_version_5_is_read() -> None:
    quote = parse_quote(sample("tdx_quote_outdated")[0])
    assert (quote.version, quote.tee) == (5, "tdx")
    assert "mr_service_td" in quote.measured


def test_a_debug_domain_is_told() -> None:
    assert parse_quote(Platform().quote(bytes(64), td_attributes="0100000000000000")).debug


@pytest.mark.parametrize("name", ["sgx_quote", "tdx_quote", "tdx_quote_outdated"])
def test_a_quote_that_ends_early_is_refused(name: str) -> None:
    whole = sample(name)[0].rstrip(b"\0") + b"\0"
    assert parse_quote(whole)
    for length in (0, 1, 47, 48, 435, 636, len(whole) - 1):
        with pytest.raises(MalformedQuote):
            parse_quote(whole[:length])


@pytest.mark.parametrize("name", ["sgx_quote", "tdx_quote"])
def test_nothing_but_zeros_may_follow(name: str) -> None:
    with pytest.raises(MalformedQuote, match="follows the quote"):
        parse_quote(sample(name)[0] + b"\1")


@given(st.binary(max_size=700), st.sampled_from([3, 4, 5]), st.sampled_from([0, 0x81]))
def test_any_bytes_are_read_or_refused(rest: bytes, version: int, tee: int) -> None:
    header = struct.pack("<HHIHH", version, 2, tee, 0, 0) + bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
    with pytest.raises(MalformedQuote):
        parse_quote(header + rest)
