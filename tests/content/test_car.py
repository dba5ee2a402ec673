"""Archives of blocks, whole and in pieces, and what is wrong with some."""

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import pb_block, raw_block
from wapo.content.blocks import Block
from wapo.content.car import CarDecoder, car_header, car_section
from wapo.content.cid import DAG_PB, RAW, Cid
from wapo.content.errors import BlockTooLarge, HashMismatch, MalformedCar
from wapo.content.multihash import BLAKE2B_256, IDENTITY, SHA2_256, SHA2_512
from wapo.content.varint import encode_varint

A, B = raw_block(b"a" * 100), pb_block([], b"b" * 50)
any_block = st.builds(
    lambda data, codec, function: Block(Cid.of(data, codec=codec, function=function), data),
    st.binary(max_size=60),
    st.sampled_from([RAW, DAG_PB]),
    st.sampled_from([SHA2_256, SHA2_512, BLAKE2B_256, IDENTITY]),
) | st.builds(lambda data: Block(Cid.of(data, codec=DAG_PB, version=0), data), st.binary(max_size=60))


def car(*blocks: Block, roots: tuple[Cid, ...] = (A.cid,)) -> bytes:
    return car_header(roots) + b"".join(piece for block in blocks for piece in car_section(block))


def section(data: bytes) -> bytes:
    return encode_varint(len(data)) + data


def decode(*pieces: bytes, max_block_bytes: int = 1000) -> list[Block]:
    decoder = CarDecoder("the peer", max_block_bytes=max_block_bytes)
    blocks = [block for piece in pieces for block in decoder.feed(piece)]
    decoder.finish()
    return blocks


@given(st.lists(any_block, max_size=6), st.data())
def test_blocks_do_not_depend_on_how_the_bytes_were_cut(blocks: list[Block], data: st.DataObject) -> None:
    """They arrive as the network likes."""
    whole = car(*blocks)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    assert decode(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True))) == blocks


def test_the_bytes_are_those_of_the_specification() -> None:
    """Written out by hand; tests/interop has other implementations read whole archives."""
    cid = A.cid.encode()
    header = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + cid + b"\x67version\x01"
    assert car(A) == b"\x3a" + header + b"\x88\x01" + cid + A.data


def test_the_header_is_known_once_it_is_complete() -> None:
    """Roots are in bytes: peers put anything there."""
    decoder = CarDecoder("the peer")
    whole = car(A)
    assert list(decoder.feed(whole[:20])) == []
    assert decoder.header is None
    assert list(decoder.feed(whole[20:])) == [A]
    assert decoder.header == (A.cid.encode(),)


def test_repeated_blocks_are_given_each_time() -> None:
    """Which of them are wanted is the caller's to know."""
    assert decode(car(A, B, A)) == [A, B, A]


def test_blocks_of_other_kinds_are_skipped_and_counted() -> None:
    """An archive may hold a whole IPLD graph."""
    cbor = b"\x01\x71\x12\x20" + A.cid.multihash[2:]
    sha1 = b"\x01\x55\x11\x14" + b"x" * 20
    decoder = CarDecoder("the peer")
    found = list(decoder.feed(car(A) + section(cbor + b"?") + section(sha1 + b"?") + car(B)[len(car()) :]))
    assert found == [A, B]
    assert decoder.skipped == 2


@pytest.mark.parametrize("at", [0, 20, 49], ids=["first byte", "inside", "last byte"])
def test_a_tampered_block_is_refused_by_name(at: int) -> None:
    """And what was before it is sound."""
    whole = bytearray(car(A, B))
    whole[len(whole) - len(B.data) + at] ^= 1
    blocks = CarDecoder("the peer").feed(bytes(whole))
    assert next(blocks) == A
    with pytest.raises(HashMismatch, match="the peer gave"):
        next(blocks)


def test_an_archive_cut_short_is_found_out() -> None:
    """Wherever it is cut, except between two blocks: only who knows the DAG can tell that."""
    whole = car(A, B)
    ends = {len(car()), len(car(A)), len(whole)}
    for end in range(len(whole)):
        if end not in ends:
            with pytest.raises(MalformedCar, match="cut short"):
                decode(whole[:end])
    assert decode(whole[: len(car(A))]) == [A]


def header(value: object) -> bytes:
    return section(libipld.encode_dag_cbor(value))


WRONG = {
    "HTML": b"<html><body>404</body></html>",
    "JSON": b'{"error": "not found"}',
    "a huge header": encode_varint(10_000) + bytes(10_000),
    "an endless length": b"\xff" * 20,
    "no CBOR": section(b"\xff\xff\xff"),
    "deep CBOR": section(b"\x81" * 5000),
    "another version": header({"version": 2, "roots": [A.cid.encode()]}),
    "no version": header({"roots": [A.cid.encode()]}),
    "no roots": header({"version": 1}),
    "odd roots": header({"version": 1, "roots": ["Qm"]}),
    "a list": header([1]),
    "CAR v2": bytes.fromhex("0aa16776657273696f6e02") + bytes(40),
    "an empty section": car() + b"\0" + car(A)[len(car()) :],
    "a section without identifier": car() + section(b"hello"),
    "a section too short for its identifier": car() + section(A.cid.encode()[:-1]),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    """Gateways answer with many things."""
    with pytest.raises(MalformedCar, match="the peer"):
        decode(data)


def test_a_block_over_the_limit_is_refused_before_it_is_read() -> None:
    """Its length comes first; memory must not follow it."""
    decoder = CarDecoder("the peer", max_block_bytes=100)
    assert list(decoder.feed(car(A))) == [A]
    with pytest.raises(BlockTooLarge):
        list(decoder.feed(encode_varint(1 << 40)))
    with pytest.raises(BlockTooLarge, match="101 bytes is over the limit of 100"):
        decode(car(raw_block(bytes(101))), max_block_bytes=100)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_an_archive_or_refused(data: bytes, with_header: bool) -> None:
    """They come from strangers."""
    try:
        blocks = decode(car() + data if with_header else data)
    except (MalformedCar, HashMismatch, BlockTooLarge):
        return
    assert all(block.cid.matches(block.data) for block in blocks)


def test_a_root_that_is_mostly_inline_is_left_out() -> None:
    """libipld would write it as plain bytes, which is no link."""
    inline = Cid.of(b"x" * 65, function=IDENTITY)
    decoder = CarDecoder("us")
    assert list(decoder.feed(car_header([inline, A.cid]))) == []
    assert decoder.header == (A.cid.encode(),)
