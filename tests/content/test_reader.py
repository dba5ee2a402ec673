"""A file's bytes, and DAGs that are built to cost more than they should."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import TINY, content, file_in, link, pb_block, raw_block, stored
from wapo.content.blocks import Block, MemoryBlocks
from wapo.content.cid import Cid
from wapo.content.errors import (
    ContentNotFound,
    ContentTooComplex,
    ContentTooDeep,
    ContentTooLarge,
    MalformedContent,
    SizeMismatch,
)
from wapo.content.limits import Limits, Meter
from wapo.content.multihash import IDENTITY
from wapo.content.nodes import File, Node, read_node
from wapo.content.reader import read_file
from wapo.content.unixfs import DIRECTORY_DATA, encode_file
from wapo.errors import CallerError


class Source:
    """Nodes of a store; counts how many were asked for."""

    def __init__(self, store: MemoryBlocks) -> None:
        self.store = store
        self.loaded = 0

    async def load(self, cid: Cid) -> Node:
        self.loaded += 1
        data = self.store.get(cid)
        if data is None:
            raise ContentNotFound(f"{cid} is not here.")
        return read_node(cid, data)


async def read(store: MemoryBlocks, cid: Cid, limits: Limits | None = None) -> bytes:
    source = Source(store)
    file = await source.load(cid)
    assert isinstance(file, File)
    return b"".join([data async for data in read_file(source.load, file, Meter(limits or Limits(), "The file"))])


@pytest.mark.parametrize("size", [0, 1, 64, 65, 256, 257, 5000])
async def test_a_file_reads_in_order(size: int) -> None:
    """Several levels deep."""
    store = MemoryBlocks()
    assert await read(store, file_in(store, content(size))) == content(size)


async def test_own_bytes_come_before_parts() -> None:
    """At every level."""
    leaf = raw_block(b"-leaf")
    inner = pb_block([link(leaf)], encode_file(b"-inner", [5]))
    root = pb_block([link(inner), link(leaf)], encode_file(b"root", [11, 5]))
    assert await read(stored(leaf, inner, root), root.cid) == b"root-inner-leaf-leaf"


async def test_inline_parts_are_read() -> None:
    """They are in no store."""
    inline = Block(Cid.of(b"inline", function=IDENTITY), b"inline")
    root = pb_block([link(inline)], encode_file(b"", [6]))
    assert await read(stored(root), root.cid) == b"inline"


async def test_the_limit_itself_is_allowed() -> None:
    """20 MiB means 20 MiB."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    assert len(await read(store, cid, Limits(max_bytes=1000))) == 1000
    with pytest.raises(ContentTooLarge, match="The file is 1000 bytes large; 999 are allowed"):
        await read(store, cid, Limits(max_bytes=999))


def laughs(levels: int, leaf: Block, size: int, width: int = 10) -> tuple[MemoryBlocks, Block]:
    """A DAG in which each block uses the one below ``width`` times."""
    store, top = stored(leaf), leaf
    for _ in range(levels):
        top = pb_block([link(top)] * width, encode_file(b"", [size] * width))
        store.put_verified([top])
        size *= width
    return store, top


async def test_a_billion_laughs_are_too_large_before_the_first_byte() -> None:
    """A kilobyte of blocks declares 10 GB, honestly."""
    store, root = laughs(9, raw_block(b"ha! ha! ha"), 10)
    with pytest.raises(ContentTooLarge, match="10000000000 bytes large"):
        await read(store, root.cid)


async def test_a_billion_empty_laughs_are_too_complex() -> None:
    """They declare no bytes at all, honestly."""
    store, root = laughs(9, raw_block(b""), 0)
    source = Source(store)
    file = await source.load(root.cid)
    assert isinstance(file, File)
    with pytest.raises(ContentTooComplex, match="over 500 blocks"):
        async for _ in read_file(source.load, file, Meter(Limits(max_blocks=500), "The file")):
            pass
    assert source.loaded <= 501


async def test_what_waits_to_be_read_is_bounded() -> None:
    """Blocks are counted when they are listed: 40 000 links a level would be held otherwise."""
    store, root = laughs(2, raw_block(b""), 0, width=40_000)
    with pytest.raises(ContentTooComplex):
        await read(store, root.cid)


async def test_a_lie_about_the_size_is_found_at_the_part_that_differs() -> None:
    """Less than the limit is declared, more is there."""
    store, honest = laughs(3, raw_block(b"ha! ha! ha"), 10)
    liar = pb_block([link(honest)], encode_file(b"", [5]))
    store.put_verified([liar])
    with pytest.raises(SizeMismatch, match="holds 10000 bytes, but the file it is part of declares 5"):
        await read(store, liar.cid, Limits(max_bytes=100))


async def test_a_part_cannot_be_a_directory() -> None:
    """Nor anything else without bytes."""
    directory = pb_block([], DIRECTORY_DATA)
    root = pb_block([link(directory)], encode_file(b"", [0]))
    with pytest.raises(MalformedContent, match="but a directory"):
        await read(stored(directory, root), root.cid)


def chain(levels: int) -> tuple[MemoryBlocks, Block]:
    return laughs(levels, raw_block(b"deep"), 4, width=1)


async def test_depth_is_bounded() -> None:
    """A thousand levels would take a thousand fetches one after the other."""
    store, root = chain(5)
    assert await read(store, root.cid, Limits(max_depth=6)) == b"deep"
    with pytest.raises(ContentTooDeep, match="over 5 levels of blocks deep"):
        await read(store, root.cid, Limits(max_depth=5))
    store, root = chain(1000)
    with pytest.raises(ContentTooDeep):
        await read(store, root.cid)


async def test_a_missing_part_ends_the_file() -> None:
    """After what came before it."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    assert store.remove(raw_block(content(1000)[64:128]).cid)
    pieces = []
    source = Source(store)
    file = await source.load(cid)
    assert isinstance(file, File)

    async def collect() -> None:
        async for data in read_file(source.load, file, Meter(Limits(), "The file")):
            pieces.append(data)

    with pytest.raises(ContentNotFound):
        await collect()
    assert pieces == [content(1000)[:64]]


async def test_one_block_at_a_time_is_read() -> None:
    """A reader that stops early has not cost more than it read."""
    store = MemoryBlocks()
    source = Source(store)
    file = await source.load(file_in(store, content(5000), TINY))
    assert isinstance(file, File)
    stream = read_file(source.load, file, Meter(Limits(), "The file"))
    first: Iterator[bytes] = iter([await anext(aiter(stream))])
    assert next(first) == content(5000)[:64]
    assert source.loaded <= 5


@st.composite
def any_dag(draw: st.DrawFn) -> tuple[MemoryBlocks, Block]:
    """Blocks that link to earlier ones, and mostly tell the truth about them."""
    blocks, sizes = [raw_block(b"")], [0]
    for _ in range(draw(st.integers(0, 6))):
        below = draw(st.lists(st.integers(0, len(blocks) - 1), max_size=4))
        told = [sizes[index] + draw(st.sampled_from([0, 0, 0, 0, 0, 1])) for index in below]
        data = draw(st.binary(max_size=5))
        links = [link(blocks[index]) for index in below]
        block, size = draw(
            st.sampled_from(
                [
                    (raw_block(data), len(data)),
                    (pb_block(links, encode_file(data, told)), len(data) + sum(told)),
                    (pb_block(links, encode_file(data, told)), len(data) + sum(told)),
                    (pb_block(links, DIRECTORY_DATA), 0),
                    (pb_block(links, data), 0),
                ]
            )
        )
        blocks.append(block)
        sizes.append(size)
    store = MemoryBlocks()
    store.put_verified(block for block in blocks if draw(st.integers(0, 20)))
    store.put_verified([blocks[-1]])
    return store, blocks[-1]


@given(any_dag())
async def test_any_dag_reads_as_it_declares_or_fails_on_purpose(dag: tuple[MemoryBlocks, Block]) -> None:
    """Never more than the limit, never another size than declared, never an exception that is not ours."""
    store, root = dag
    limits = Limits(max_bytes=200, max_blocks=30, max_depth=4)
    source = Source(store)
    try:
        file = await source.load(root.cid)
        if isinstance(file, File):
            read = [data async for data in read_file(source.load, file, Meter(limits, "The file"))]
            assert sum(map(len, read)) == file.size <= 200
    except CallerError:
        pass  # the publisher's fault; ours would be a HostError
    assert source.loaded <= 31
