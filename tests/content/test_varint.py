"""Unsigned varints, held against the multiformats package."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiformats import varint as reference

from wapo.content.varint import MAX_VARINT_BYTES, BadVarint, ShortVarint, decode_varint, encode_varint


@given(st.integers(0, 2**63 - 1))
def test_a_number_is_written_as_multiformats_writes_it(value: int) -> None:
    """Another spelling would be another identifier."""
    assert encode_varint(value) == reference.encode(value)
    assert decode_varint(encode_varint(value)) == (value, len(encode_varint(value)))


@given(st.binary(max_size=12), st.binary(max_size=3))
def test_any_bytes_read_as_multiformats_reads_them_or_not_at_all(data: bytes, before: bytes) -> None:
    """What one reader accepts and another refuses is a way to show them different things."""
    try:
        value, end = decode_varint(before + data, len(before))
    except BadVarint:
        with pytest.raises(ValueError, match=r".*"):
            reference.decode_raw(data)
    else:
        assert reference.decode_raw(data)[:2] == (value, end - len(before))


@given(st.integers(0, 2**63 - 1), st.data())
def test_a_number_cut_short_asks_for_more(value: int, data: st.DataObject) -> None:
    """A stream would end in the middle of a length otherwise."""
    encoded = encode_varint(value)
    with pytest.raises(ShortVarint):
        decode_varint(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@pytest.mark.parametrize("data", [b"\x80\x00", b"\xff\x80\x00", b"\x80" * MAX_VARINT_BYTES + b"\x01", b"\xff" * 20])
def test_padded_and_endless_numbers_are_refused(data: bytes) -> None:
    """More bytes would not mend them."""
    with pytest.raises(BadVarint) as refused:
        decode_varint(data)
    assert not isinstance(refused.value, ShortVarint)
