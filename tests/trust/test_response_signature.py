"""Signatures of responses: the original's over the body, ours over the exchange."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import CALLER_PUBLIC, RESPONSE, RESPONSE_SIGNATURE, WORKER, WORKER_PUBLIC
from wapo.trust.domains import ContentType
from wapo.trust.response_signature import exchange_message, sign_body, sign_exchange, verify_body, verify_exchange

EXCHANGE = ("POST", "/prpc/User.Query?json", b"request", b"nonce", 200, b"response")
OTHERS = ("GET", "/prpc/User.Query", b"Request", b"", 400, b"Response")


def test_a_response_of_the_original_is_verified() -> None:
    assert verify_body(WORKER_PUBLIC, RESPONSE, RESPONSE_SIGNATURE)


@pytest.mark.parametrize("body", [b"", RESPONSE])
def test_a_body_is_signed_in_lower_case_hex(body: bytes) -> None:
    value = sign_body(WORKER, body)
    assert len(value) == 128
    assert value == value.lower()
    assert verify_body(WORKER_PUBLIC, body, value)
    assert WORKER.verify(ContentType.RPC_RESPONSE, body, bytes.fromhex(value))
    assert not verify_body(CALLER_PUBLIC, body, value)


@pytest.mark.parametrize("value", ["", "zz", RESPONSE_SIGNATURE[:-1], RESPONSE_SIGNATURE + "00", "é" * 128])
def test_a_malformed_value_is_refused(value: str) -> None:
    assert not verify_body(WORKER_PUBLIC, RESPONSE, value)
    assert not verify_exchange(WORKER_PUBLIC, exchange_message(*EXCHANGE), value)


@pytest.mark.parametrize("part", range(len(EXCHANGE)))
def test_the_signature_of_an_exchange_covers_every_part(part: int) -> None:
    message = exchange_message(*EXCHANGE)
    value = sign_exchange(WORKER, message)
    assert verify_exchange(WORKER_PUBLIC, message, value)
    changed = [*EXCHANGE[:part], OTHERS[part], *EXCHANGE[part + 1 :]]
    assert not verify_exchange(WORKER_PUBLIC, exchange_message(*changed), value)  # type: ignore[arg-type]


def test_the_message_of_an_exchange_is_the_documented_bytes() -> None:
    message = exchange_message("GET", "/", b"", b"\x07", 404, b"")
    empty = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"  # blake2b-256 of nothing
    assert message.hex() == "0c474554" + "042f" + empty + "0407" + "9401" + empty


def test_a_body_that_is_an_exchange_does_not_sign_one() -> None:
    """A guest may choose what a response's body is."""
    message = exchange_message(*EXCHANGE)
    assert not verify_exchange(WORKER_PUBLIC, message, sign_body(WORKER, message))


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_parts_of_an_exchange_do_not_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    first, second = (exchange_message(method, target, b"", b"", 200, b"") for method, target in ((a, b), (c, d)))
    assert (first == second) == ((a, b) == (c, d))
