"""Verified blocks as what they are, and those that contradict themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import link, pb_block, raw_block
from wapo.content.blocks import Block
from wapo.content.cid import DAG_PB, RAW, Cid
from wapo.content.dagpb import Link
from wapo.content.errors import (
    ContentTooComplex,
    InvalidCid,
    MalformedContent,
    SizeMismatch,
    UnsupportedContent,
)
from wapo.content.nodes import Directory, File, Part, Shard, check_part, links_of, read_node
from wapo.content.unixfs import DIRECTORY_DATA, encode_file, encode_shard

LEAF = raw_block(b"leaf")
CBOR = b"\x01\x71\x12\x20" + LEAF.cid.multihash[2:]


def test_a_raw_block_is_a_file() -> None:
    """Whatever its bytes look like."""
    assert read_node(*LEAF) == File(b"leaf", (), 4)


def test_a_file_has_its_own_bytes_and_parts() -> None:
    """Both at once is rare and allowed; its own come first."""
    block = pb_block([link(LEAF), link(LEAF)], encode_file(b"own", [4, 4]))
    assert read_node(*block) == File(b"own", (Part(LEAF.cid, 4), Part(LEAF.cid, 4)), 11)


def test_a_part_as_the_oldest_importers_wrote_it() -> None:
    """Kind Raw instead of File."""
    assert read_node(*pb_block([], bytes.fromhex("0800" + "12026869" + "1802"))) == File(b"hi", (), 2)


def test_a_directory_is_found_by_names() -> None:
    """The first of two equal names counts, as in every other implementation."""
    other = raw_block(b"other")
    node = read_node(*pb_block([link(LEAF, "é"), link(other, "é"), link(other, "x")], DIRECTORY_DATA))
    assert isinstance(node, Directory)
    assert node.find("é".encode()) == LEAF.cid
    assert node.find(b"nothing") is None
    assert node.names() == ["é", "x"]


def test_one_odd_entry_spoils_only_itself() -> None:
    """People put dag-cbor next to their programs."""
    node = read_node(*pb_block([Link(CBOR, b"odd", 1), link(LEAF, "good")], DIRECTORY_DATA))
    assert isinstance(node, Directory)
    assert node.find(b"good") == LEAF.cid
    with pytest.raises(InvalidCid, match="dag-cbor"):
        node.find(b"odd")


def test_a_shard_is_found_by_place_and_name() -> None:
    """A link is an entry or another shard."""
    below = pb_block([], encode_shard(b"", 256))
    node = read_node(*pb_block([link(LEAF, "0Aname"), link(below, "FF")], encode_shard(b"\x80", 256)))
    assert isinstance(node, Shard)
    assert node.find(b"name", 0x0A) == (LEAF.cid, True)
    assert node.find(b"anything", 0xFF) == (below.cid, False)
    assert node.find(b"name", 0x0B) is None
    assert node.names() == ["name"]


def _unixfs(**fields: int) -> bytes:
    numbers = {"kind": 0x08, "size": 0x18, "part": 0x20, "hash_type": 0x28, "fanout": 0x30}
    return b"".join(
        bytes((numbers[name], value & 0x7F | 0x80, value >> 7)) if value > 127 else bytes((numbers[name], value))
        for name, value in fields.items()
    )


WRONG = {
    "no data at all": (b"", MalformedContent, "neither a file nor a directory"),
    "data that is no UnixFS": (pb_block([], b"hello").data, MalformedContent, "UnixFS"),
    "a size too large": (pb_block([], _unixfs(kind=2, size=5)).data, SizeMismatch, "declares a size of 5 bytes.*to 0"),
    "no size": (pb_block([], bytes.fromhex("0802" + "12026869")).data, SizeMismatch, "declares a size of 0 bytes"),
    "sizes without parts": (pb_block([], _unixfs(kind=2, size=4, part=4)).data, SizeMismatch, "0 parts.*1 sizes"),
    "parts without sizes": (pb_block([link(LEAF)], _unixfs(kind=2, size=4)).data, SizeMismatch, "1 parts.*0 sizes"),
    "parts with names": (pb_block([link(LEAF, "a")], encode_file(b"", [4])).data, MalformedContent, "have names"),
    "an odd part": (pb_block([Link(CBOR, b"", 4)], encode_file(b"", [4])).data, MalformedContent, "dag-cbor"),
    "a symlink": (pb_block([], bytes.fromhex("0804" + "12022e2e")).data, UnsupportedContent, "symbolic link"),
    "metadata": (pb_block([], _unixfs(kind=3)).data, UnsupportedContent, "metadata"),
    "a shard by sha2": (pb_block([], _unixfs(kind=5, hash_type=18, fanout=256)).data, UnsupportedContent, "hash 0x12"),
    "no fan-out": (pb_block([], _unixfs(kind=5, hash_type=34)).data, MalformedContent, "fan-out of 0"),
    "fan-out 4": (pb_block([], _unixfs(kind=5, hash_type=34, fanout=4)).data, MalformedContent, "fan-out of 4"),
    "fan-out 255": (pb_block([], _unixfs(kind=5, hash_type=34, fanout=255)).data, MalformedContent, "fan-out of 255"),
    "fan-out 2048": (pb_block([], _unixfs(kind=5, hash_type=34, fanout=2048)).data, MalformedContent, "of 2048"),
}


@pytest.mark.parametrize(("block", "error", "reason"), WRONG.values(), ids=WRONG)
def test_a_node_that_makes_no_sense_is_refused(block: bytes, error: type[Exception], reason: str) -> None:
    """Its hash is right: somebody published it so."""
    with pytest.raises(error, match=reason) as refused:
        read_node(Cid.of(block, codec=DAG_PB), block)
    assert type(refused.value) is error


def test_a_part_is_a_file_of_the_size_its_parent_says() -> None:
    """Otherwise the declared size, which limits rely on, would mean nothing."""
    assert check_part(Part(LEAF.cid, 4), read_node(*LEAF)).data == b"leaf"
    with pytest.raises(SizeMismatch, match="holds 4 bytes, but the file it is part of declares 5"):
        check_part(Part(LEAF.cid, 5), read_node(*LEAF))
    with pytest.raises(MalformedContent, match="but a directory"):
        check_part(Part(LEAF.cid, 0), Directory({}))


def test_links_are_found_in_any_dag_pb() -> None:
    """Clean-ups must follow what readers refuse."""
    assert links_of(*LEAF) == []
    assert links_of(*pb_block([link(LEAF, "a"), Link(CBOR, b"b", 1), link(LEAF)], b"no unixfs")) == [LEAF.cid] * 2


@given(st.binary(max_size=120), st.sampled_from([RAW, DAG_PB]))
def test_any_block_is_read_or_refused(data: bytes, codec: int) -> None:
    """Anyone can publish any bytes."""
    block = Block(Cid.of(data, codec=codec), data)
    try:
        read_node(*block)
    except (MalformedContent, UnsupportedContent, ContentTooComplex):
        return
