"""Examples of RFC 9000 A.1, and every length."""

import pytest

from wapo.trust.oblivious.varint import encode_varint, varint_length


@pytest.mark.parametrize(
    ("encoded", "value"),
    [("25", 37), ("7bbd", 15293), ("9d7f3e7d", 494878333), ("c2197c5eff14e88c", 151288809941952652)],
)
def test_examples(encoded: str, value: int) -> None:
    assert encode_varint(value).hex() == encoded


@pytest.mark.parametrize(
    ("value", "length"),
    [(0, 1), (63, 1), (64, 2), (16383, 2), (16384, 4), ((1 << 30) - 1, 4), (1 << 30, 8), ((1 << 62) - 1, 8)],
)
def test_lengths(value: int, length: int) -> None:
    encoded = encode_varint(value)
    assert (len(encoded), varint_length(encoded[0])) == (length, length)
    assert int.from_bytes(encoded, "big") & (1 << 8 * length - 2) - 1 == value
