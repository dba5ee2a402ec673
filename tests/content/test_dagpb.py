"""DAG-PB: one node, one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import raw_block
from wapo.content.dagpb import MAX_LINKS, Link, PbNode, decode_node, encode_node
from wapo.content.errors import ContentTooComplex, MalformedContent

CID = raw_block(b"there").cid.encode()
links = st.lists(
    st.builds(Link, st.binary(min_size=1, max_size=40), st.binary(max_size=20), st.integers(0, 2**64 - 1)), max_size=5
)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited protobuf field of under 128 bytes."""
    return bytes((number << 3 | 2, len(data))) + data


@given(links, st.binary(max_size=50))
def test_a_node_comes_back(links: list[Link], data: bytes) -> None:
    """Names and identifiers may be any bytes here."""
    assert decode_node(encode_node(links, data)) == PbNode(tuple(links), data)


def test_links_come_before_data() -> None:
    """The order that every other implementation hashes."""
    block = encode_node([Link(CID, b"a", 5)], b"data")
    assert block == field(2, field(1, CID) + field(2, b"a") + b"\x18\x05") + field(1, b"data")


def test_data_may_come_first() -> None:
    """Some importers write it so that a shard can be read as it arrives."""
    block = field(1, b"data") + field(2, field(1, CID))
    assert decode_node(block) == PbNode((Link(CID, b"", 0),), b"data")


def test_no_data_is_not_empty_data() -> None:
    """Only the second can be UnixFS."""
    assert decode_node(b"") == PbNode((), None)
    assert decode_node(field(1, b"")) == PbNode((), b"")


AMBIGUOUS = {
    "two times data": field(1, b"a") + field(1, b"b"),
    "data between links": field(2, field(1, CID)) + field(1, b"d") + field(2, field(1, CID)),
    "an unknown field": field(1, b"d") + field(3, b"?"),
    "an unknown field in a link": field(2, field(1, CID) + field(4, b"?")),
    "an unknown field alone": field(15, b""),
    "a link's fields out of order": field(2, field(2, b"name") + field(1, CID)),
    "a link with two hashes": field(2, field(1, CID) + field(1, CID)),
    "a padded size": field(2, field(1, CID) + b"\x18\x85\x00"),
    "a padded length": b"\x0a\x81\x00d",
    "a link to nowhere": field(2, field(2, b"name")),
    "a link with an empty hash": field(2, field(1, b"")),
    "cut short": field(1, b"data")[:-1],
    "a group": b"\x0b\x0c",
    "field number zero": b"\x02\x00",
    "text": b"<html>404 not found</html>",
}


@pytest.mark.parametrize("block", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_others_might_read_otherwise_is_refused(block: bytes) -> None:
    """A block has to show everyone the same program."""
    with pytest.raises(MalformedContent):
        decode_node(block)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_node_or_refused(block: bytes) -> None:
    """And what is read, is read the same once more."""
    try:
        node = decode_node(block)
    except MalformedContent:
        return
    if node.data is not None:
        assert decode_node(encode_node(node.links, node.data)) == node


def test_a_node_of_too_many_links_is_refused() -> None:
    """They would take a second of the event loop."""
    link = field(2, field(1, b"a"))
    assert len(decode_node(link * MAX_LINKS).links) == MAX_LINKS
    with pytest.raises(ContentTooComplex, match="65537 links"):
        decode_node(link * (MAX_LINKS + 1))
