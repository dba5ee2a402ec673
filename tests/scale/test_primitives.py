"""SCALE primitives (wapo-abi.md 4.4)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.scale.primitives import (
    Reader,
    ScaleError,
    encode_bytes,
    encode_compact,
    encode_fixed,
    encode_option,
    encode_text,
    encode_unsigned,
    encode_vec,
)

VECTORS = {
    0: "00", 1: "04", 63: "fc", 64: "0101", 16383: "fdff", 16384: "02000100", 65535: "feff0300",
    2**30 - 1: "feffffff", 2**30: "0300000040", 2**32 - 1: "03ffffffff",
}  # fmt: skip


@pytest.mark.parametrize(("value", "encoded"), VECTORS.items())
def test_compact_lengths_are_those_of_the_table(value: int, encoded: str) -> None:
    assert encode_compact(value).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).compact() == value


@pytest.mark.parametrize(
    "encoded", ["0100", "fd00", "02000000", "fefc0000", "0300000000", "03ffffff3f", "07", "13", "ff"]
)
def test_other_than_the_shortest_form_is_refused(encoded: str) -> None:
    with pytest.raises(ScaleError):
        Reader(bytes.fromhex(encoded) + bytes(3)).compact() if encoded in ("07", "13", "ff") else Reader(
            bytes.fromhex(encoded)
        ).compact()


@given(st.binary(max_size=200), st.text(max_size=100), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(data: bytes, text: str, number: int) -> None:
    reader = Reader(encode_bytes(data) + encode_text(text) + encode_compact(number) + b"left over")
    assert (reader.bytes(), reader.text(), reader.compact(), reader.remaining) == (data, text, number, 9)


@given(st.lists(st.text(max_size=20), max_size=80), st.booleans(), st.integers(0, 2**128 - 1))
def test_compound_values_are_read(texts: list[str], flag: bool, number: int) -> None:
    present = encode_option(encode_unsigned(number, 16))
    reader = Reader(encode_vec(map(encode_text, texts)) + bytes((flag,)) + present + encode_option(None))
    assert (read_texts(reader), reader.boolean()) == (texts, flag)
    assert (reader.option(), reader.unsigned(16), reader.option(), reader.remaining) == (True, number, False, 0)


def read_texts(reader: Reader) -> list[str]:
    return reader.vec(reader.text)


@pytest.mark.parametrize(("value", "size"), [(-1, 4), (1 << 32, 4), (1 << 128, 16)])
def test_a_number_outside_its_type_is_refused(value: int, size: int) -> None:
    with pytest.raises(ScaleError, match=f"u{8 * size}"):
        encode_unsigned(value, size)


def test_an_array_has_its_length() -> None:
    assert encode_fixed(b"abc", 3) == b"abc"
    for data in (b"", b"ab", b"abcd"):
        with pytest.raises(ScaleError, match="3 bytes"):
            encode_fixed(data, 3)


def test_half_a_surrogate_pair_is_refused() -> None:
    """JSON can spell it, UTF-8 cannot."""
    with pytest.raises(ScaleError):
        encode_text("\ud800")


def test_a_list_is_bounded_before_it_is_read() -> None:
    """A count alone must not cost memory or time."""
    with pytest.raises(ScaleError, match="at most 3"):
        Reader(encode_vec([b"x"] * 4)).vec(lambda: None, at_most=3)
    with pytest.raises(ScaleError, match="in 2 bytes"):
        Reader(encode_compact(2**32 - 1) + b"xx").vec(lambda: None)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No other exception, whatever a guest sends."""
    for read in (Reader.bytes, Reader.text, Reader.compact, Reader.option, Reader.boolean, read_texts):
        with contextlib.suppress(ScaleError):
            read(Reader(data))
