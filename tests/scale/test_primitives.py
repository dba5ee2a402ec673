"""SCALE primitives (wapo-abi.md 4.4)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.scale.primitives import Reader, ScaleError, encode_bytes, encode_compact, encode_text

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


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No other exception, whatever a guest sends."""
    for read in (Reader.bytes, Reader.text, Reader.compact, Reader.option):
        with contextlib.suppress(ScaleError):
            read(Reader(data))
