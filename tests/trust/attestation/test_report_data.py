"""What a quote is bound to."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.trust.attestation.canonical import canonical
from wapo.trust.attestation.report_data import Bound, UnusableNonce, parse_nonce

BOUND = Bound(b"p" * 32, b"a" * 32, "wapo/1+00", b"n" * 16)


def test_report_data_are_as_documented() -> None:
    """From the text of docs/trust.md alone."""
    parts = [b"wapo-attestation/v1", b"Ed25519", b"p" * 32, b"X25519", b"a" * 32, b"wapo/1+00", b"n" * 16]
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert BOUND.report_data() == hashlib.sha512(text).digest()


@pytest.mark.parametrize(
    "change", [{"public": b"q" * 32}, {"agreement_public": b"q" * 32}, {"programs": "wapo/2"}, {"nonce": b"m" * 16}]
)
def test_each_part_counts(change: dict[str, object]) -> None:
    assert replace(BOUND, **change).report_data() != BOUND.report_data()  # type: ignore[arg-type]


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_no_two_lists_have_the_same_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (canonical("d", *one) == canonical("d", *other)) == (one == other)


@pytest.mark.parametrize("text", ["00" * 16, "Ff" * 64])
def test_a_nonce_of_16_to_64_bytes_is_taken(text: str) -> None:
    assert parse_nonce(text) == bytes.fromhex(text)


@pytest.mark.parametrize(
    "text", [None, "", "00" * 15, "00" * 65, "0" * 33, "zz" * 16, "00 " * 16, "0x" + "00" * 16, "٠٠" * 16, "+0" * 16]
)
def test_other_nonces_are_refused(text: str | None) -> None:
    with pytest.raises(UnusableNonce):
        parse_nonce(text)
