"""UnixFS data: what it says, and that nonsense is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.content.dagpb import MAX_LINKS
from wapo.content.errors import ContentTooComplex, MalformedContent
from wapo.content.unixfs import DIRECTORY_DATA, Kind, decode_unixfs, encode_file, encode_shard


@given(st.binary(max_size=50), st.lists(st.integers(0, 2**40), max_size=5))
def test_a_file_comes_back(data: bytes, sizes: list[int]) -> None:
    """Its size is that of its bytes and of its parts."""
    unixfs = decode_unixfs(encode_file(data, sizes))
    assert (unixfs.kind, unixfs.data, unixfs.sizes) == (Kind.FILE, data, tuple(sizes))
    assert unixfs.size == len(data) + sum(sizes)


def test_the_usual_messages_are_byte_for_byte_those_of_kubo() -> None:
    """Taken from `ipfs block get` of an empty file, `hi`, an empty directory."""
    assert encode_file(b"") == bytes.fromhex("08021800")
    assert encode_file(b"hi") == bytes.fromhex("0802120268691802")
    assert encode_file(b"", [262144, 1]) == bytes.fromhex("08021881801020808010" + "2001")
    assert bytes.fromhex("0801") == DIRECTORY_DATA
    assert encode_shard(b"\x80", 256) == bytes.fromhex("0805" + "120180" + "2822" + "308002")


def test_mode_and_mtime_are_read_over() -> None:
    """UnixFS 1.5 adds them; the content is the same."""
    with_both = encode_file(b"hi") + bytes.fromhex("38a403" + "42020805")
    assert decode_unixfs(with_both).data == b"hi"


def test_packed_sizes_are_read() -> None:
    """protobuf lets a writer pack them, and some do."""
    assert decode_unixfs(bytes.fromhex("08021806" + "22020204")).sizes == (2, 4)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not say what it is"),
        (b"\x18\x05", "does not say what it is"),
        (b"\x08\x06", "of kind 6"),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "of kind 18446744073709551615"),
        (b"\x08\x02\x12\x05hi", "no UnixFS data"),
        (b"plain text", "UnixFS"),
    ],
)
def test_what_is_no_unixfs_is_refused(data: bytes, reason: str) -> None:
    """DAG-PB nodes may hold anything."""
    with pytest.raises(MalformedContent, match=reason):
        decode_unixfs(data)


@given(st.binary(max_size=100))
def test_any_bytes_are_unixfs_or_refused(data: bytes) -> None:
    """They come from strangers."""
    try:
        decode_unixfs(data)
    except MalformedContent:
        return


def test_too_many_sizes_are_refused() -> None:
    """Two million fit into a block."""
    with pytest.raises(ContentTooComplex):
        decode_unixfs(encode_file(b"", [1] * (MAX_LINKS + 1)))
