"""Prices and descriptions: the byte layouts and the rule of node-and-gateway 3.5.5."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import WORKER, WORKER_PUBLIC
from wapo.abi.metrics import AppMetrics
from wapo.abi.prices import Prices, SignedWorkerDescription, WorkerDescription
from wapo.scale.primitives import ScaleError, encode_text
from wapo.trust.domains import ContentType, verify_signature

price = st.none() | st.integers(0, 2**128 - 1)
prices = st.builds(Prices, *(price,) * 9)
descriptions = st.builds(WorkerDescription, prices, st.text(max_size=100))


def test_no_prices_are_nine_zero_bytes() -> None:
    assert Prices().encode() == bytes(9)
    assert Prices.decode(bytes(9)) == Prices()
    with pytest.raises(ScaleError):
        Prices.decode(b"")


def test_prices_are_in_the_documented_order() -> None:
    encoded = Prices(*range(1, 10)).encode()
    assert encoded == b"".join(b"\1" + number.to_bytes(16, "little") for number in range(1, 10))


def test_a_signed_description_is_the_documented_bytes() -> None:
    description = WorkerDescription(Prices(gas_price=5), "fast")
    signature = WORKER.sign(ContentType.WORKER_DESCRIPTION, description.encode())
    encoded = SignedWorkerDescription(description, signature, WORKER_PUBLIC).encode()
    head = bytes.fromhex("00" + "01" + "05" + 15 * "00" + 7 * "00" + "10") + b"fast"
    assert encoded == head + bytes.fromhex("0101") + signature + WORKER_PUBLIC
    signed = SignedWorkerDescription.decode(encoded)
    assert signed.description == description
    assert verify_signature(signed.worker, ContentType.WORKER_DESCRIPTION, head, signed.signature)


@given(descriptions)
def test_what_is_written_is_read(description: WorkerDescription) -> None:
    signed = SignedWorkerDescription(description, bytes(64), bytes(32))
    assert SignedWorkerDescription.decode(signed.encode()) == signed
    assert Prices.decode(description.prices.encode()) == description.prices


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(encoded: bytes) -> None:
    for data in (encoded, bytes(9) + encoded):
        with contextlib.suppress(ScaleError):
            SignedWorkerDescription.decode(data)
        with contextlib.suppress(ScaleError):
            Prices.decode(data)


def test_a_description_has_at_most_1024_bytes() -> None:
    """Longer ones could be signed, but nobody would decode them."""
    WorkerDescription(Prices(), "é" * 512).encode()
    with pytest.raises(ScaleError, match="at most 1024"):
        WorkerDescription(Prices(), "é" * 512 + "x").encode()
    with pytest.raises(ScaleError, match="at most 1024"):
        SignedWorkerDescription.decode(bytes(9) + encode_text("x" * 1025) + b"\0" + bytes(32))


@pytest.mark.parametrize("wrong", [Prices(tip_price=-1), Prices(memory_price=2**128)])
def test_a_price_that_is_no_u128_is_refused(wrong: Prices) -> None:
    with pytest.raises(ScaleError):
        wrong.encode()


def test_usage_costs_the_sum_of_its_prices() -> None:
    used = AppMetrics(bytes(32), bytes(32), 1999, 2, 3, 4, 5, 6, 7, 8, 9)
    assert [Prices(**{name: 100}).cost(used) for name in Prices.__dataclass_fields__] == [
        100, 200, 300, 400, 500, 600, 700, 800, 900
    ]  # fmt: skip
    assert Prices(*(1,) * 9).cost(used) == 1 + sum(range(2, 10))
    assert Prices().cost(used) == 0
    assert Prices(general_fee_per_second=1000).cost(AppMetrics(bytes(32), bytes(32), 999)) == 0


def test_a_cost_is_at_most_the_largest_number() -> None:
    used = AppMetrics(bytes(32), bytes(32), tip=2**64 - 1)
    assert Prices(tip_price=2**128 - 1).cost(used) == 2**128 - 1
