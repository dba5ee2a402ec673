"""Files into blocks, with the CIDs of other implementations."""

import dataclasses
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import TINY, TINY_WRAPPED, content
from wapo.content.blocks import InThreads, MemoryBlocks
from wapo.content.disk import DiskBlocks
from wapo.content.importer import (
    KUBO,
    KUBO_V1,
    FileBuilder,
    Imported,
    Layout,
    pack_bytes,
    pack_file,
    store,
    store_now,
    store_stream,
)
from wapo.content.limits import Limits, Meter
from wapo.content.nodes import read_node
from wapo.content.reader import read_file

VECTORS = json.loads((Path(__file__).parent / "vectors" / "unixfs.json").read_text())
LAYOUTS = {"kubo": KUBO, "kubo_v1": KUBO_V1}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: str(vector["size"]))
def test_a_file_has_the_cid_that_ipfs_add_gives(vector: dict[str, Any], name: str) -> None:
    """Made by ipfs-unixfs-importer; see vectors/README.md."""
    sizes = {key: vector[key] for key in ("chunk_bytes", "max_links") if key in vector}
    packed = store_now(Discard(), pack_bytes(content(vector["size"]), dataclasses.replace(LAYOUTS[name], **sizes)))
    assert str(packed.cid) == vector[name]
    assert packed.size == vector["size"]


class Discard(MemoryBlocks):
    """Checks what it is given and keeps nothing."""

    def put_verified(self, blocks: Any) -> None:
        for cid, data in blocks:
            assert cid.matches(data)


@given(st.integers(0, 3000), st.sampled_from([TINY, TINY_WRAPPED]), st.data())
def test_pieces_of_any_size_give_the_same_blocks(size: int, layout: Layout, data: st.DataObject) -> None:
    """A CID must not depend on how the bytes arrived."""
    whole = content(size)
    cuts = sorted(data.draw(st.sets(st.integers(0, size), max_size=6)))
    builder = FileBuilder(layout)
    blocks = []
    for start, end in zip([0, *cuts], [*cuts, size], strict=True):
        blocks += list(builder.feed(whole[start:end]))
    ending = builder.finish()
    while True:
        try:
            blocks.append(next(ending))
        except StopIteration as stop:
            root: Imported = stop.value
            break
    assert blocks == list(pack_bytes(whole, layout))
    assert root.size == size
    assert root.tsize == sum(len(block.data) for block in blocks)
    assert all(block.cid.matches(block.data) for block in blocks)


@given(st.integers(0, 3000), st.sampled_from([TINY, TINY_WRAPPED]))
async def test_what_was_packed_reads_back(size: int, layout: Layout) -> None:
    """The one thing a publisher wants."""
    blocks = MemoryBlocks()
    root = store_now(blocks, pack_bytes(content(size), layout))

    async def load(cid: Any) -> Any:
        return read_node(cid, blocks.get(cid) or b"")

    meter = Meter(Limits(), "the file")
    read = b"".join([data async for data in read_file(load, await load(root.cid), meter)])
    assert read == content(size)


async def test_all_ways_in_give_the_same_file(tmp_path: Path) -> None:
    """Bytes, a path, an open file, a stream."""
    data = content(700_000)
    (tmp_path / "file").write_bytes(data)
    blocks = InThreads(DiskBlocks(tmp_path / "store"))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    expected = store_now(MemoryBlocks(), pack_bytes(data))
    assert store_now(MemoryBlocks(), pack_file(tmp_path / "file")) == expected
    assert store_now(MemoryBlocks(), pack_file(io.BytesIO(data))) == expected
    assert await store(InThreads(MemoryBlocks()), pack_bytes(memoryview(data))) == expected
    assert await store_stream(blocks, pieces()) == expected
    assert await blocks.has(expected.cid)


async def test_an_empty_stream_is_an_empty_file() -> None:
    """Not no file."""

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    imported = await store_stream(InThreads(MemoryBlocks()), nothing())
    assert str(imported.cid) == "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"


def test_a_long_file_is_never_held_whole() -> None:
    """Memory holds a chunk and one list of identifiers a level, whatever the length."""
    builder = FileBuilder(TINY)
    held = []
    for _ in range(500):
        for _block in builder.feed(bytes(64)):
            pass
        held.append(len(builder._pending) + sum(map(len, builder._levels)))
    assert max(held) <= 64 + 4 * 6
