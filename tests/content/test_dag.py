"""All blocks of a file: by archive, one by one, or both; and never more than was asked for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.content.gateways import Gateway
from tests.content.samples import TINY, TINY_WRAPPED, content, file_in, link, pb_block, raw_block
from wapo.content.blocks import InThreads, MemoryBlocks
from wapo.content.cid import RAW, Cid
from wapo.content.dag import FileFetch
from wapo.content.errors import (
    ContentNotFound,
    ContentTooComplex,
    ContentTooDeep,
    ContentTooLarge,
    HashMismatch,
    MalformedContent,
    SizeMismatch,
)
from wapo.content.fetch import open_fetcher
from wapo.content.importer import KUBO_V1, Layout
from wapo.content.limits import Limits, Meter
from wapo.content.nodes import File, read_node
from wapo.content.unixfs import DIRECTORY_DATA, encode_file

DATA = content(3000)
LEAF = raw_block(DATA[640:704])
Start = Callable[..., Awaitable[Gateway]]


def names(store: MemoryBlocks) -> set[bytes]:
    return {entry.multihash for entry in store.entries()}


@pytest.fixture
def remote() -> MemoryBlocks:
    store = MemoryBlocks()
    file_in(store, DATA)
    return store


@pytest.fixture
def root(remote: MemoryBlocks) -> Cid:
    return file_in(remote, DATA)


@asynccontextmanager
async def fetching(
    remote: MemoryBlocks, root: Cid, local: MemoryBlocks, *gateways: Gateway, limits: Limits | None = None
) -> AsyncIterator[FileFetch]:
    """A fetch of ``root`` from ``gateways`` into ``local``, ready to run."""
    data = remote.get(root)
    assert data is not None
    file = read_node(root, data)
    assert isinstance(file, File)
    local.put(root, data)
    async with open_fetcher([gateway.url for gateway in gateways]) as fetcher:
        yield FileFetch(root, file, InThreads(local), fetcher, Meter(limits or Limits(), "The file"))


@pytest.mark.parametrize("layout", [TINY, TINY_WRAPPED], ids=["raw leaves", "wrapped leaves"])
@pytest.mark.parametrize("archives", [True, False])
async def test_every_block_arrives(start: Start, archives: bool, layout: Layout) -> None:
    """With one request, or one by one."""
    remote, local = MemoryBlocks(), MemoryBlocks()
    root = file_in(remote, DATA, layout)
    gateway = await start(remote, offers_archives=archives)
    async with fetching(remote, root, local, gateway) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert gateway.asked["car"] == 1
    assert gateway.asked["raw"] == (0 if archives else len(names(remote)) - 1)


async def test_blocks_are_fetched_eight_at_a_time(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """Enough to hide the way there and back, few enough for a public gateway."""
    gateway = await start(remote, offers_archives=False)
    eight = asyncio.Event()

    async def hold(request: web.Request) -> web.StreamResponse:
        """Answer leaves only when eight are asked for; there are fewer nodes above them in any one level."""
        if gateway.now == 8:
            eight.set()
        if Cid.parse(request.match_info["cid"]).codec == RAW:
            await asyncio.wait_for(eight.wait(), 10)
        return await gateway.answer(request)

    gateway.instead = hold
    async with fetching(remote, root, MemoryBlocks(), gateway) as fetch:
        await fetch.run()
    assert gateway.most_at_once == 8


async def test_what_is_here_is_not_fetched(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """An update of a program shares most of its blocks with the one before."""
    gateway, local = await start(remote), MemoryBlocks()
    file_in(local, DATA)
    local.remove(LEAF.cid)
    async with fetching(remote, root, local, gateway) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert gateway.asked == {"raw": 1}


async def test_an_archive_with_gaps_is_filled_block_by_block(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """From whoever has them."""
    half, other = await start(remote, hidden={LEAF.cid}), await start(remote, offers_archives=False)
    local = MemoryBlocks()
    async with fetching(remote, root, local, half, other) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert half.asked == {"car": 1, "raw": 1}
    assert other.asked == {"car": 1, "raw": 1}


async def test_a_tampered_block_in_an_archive_costs_only_the_rest_of_it(
    start: Start, remote: MemoryBlocks, root: Cid
) -> None:
    """What came before is kept, the rest comes from the honest one."""
    liar, honest = await start(remote, tampered={LEAF.cid}), await start(remote, offers_archives=False)
    local = MemoryBlocks()
    async with fetching(remote, root, local, liar, honest) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert honest.asked["raw"] < len(names(remote))


async def test_a_block_that_everyone_tampers_with_is_refused(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """And is not in the store."""
    liar, local = await start(remote, tampered={LEAF.cid}), MemoryBlocks()
    async with fetching(remote, root, local, liar) as fetch:
        with pytest.raises(HashMismatch, match=r"127\.0\.0\.1"):
            await fetch.run()
    assert local.get(LEAF.cid) is None


async def test_a_block_that_nobody_has_is_not_found(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """The error names it."""
    gateway = await start(remote, hidden={LEAF.cid})
    async with fetching(remote, root, MemoryBlocks(), gateway) as fetch:
        with pytest.raises(ContentNotFound, match=str(LEAF.cid)):
            await fetch.run()


async def test_blocks_that_nobody_asked_for_are_dropped(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """A gateway could fill the disk otherwise."""
    stuffing = [raw_block(content(size)) for size in range(20)]
    gateway, local = await start(remote, stuffing=stuffing), MemoryBlocks()
    async with fetching(remote, root, local, gateway) as fetch:
        await fetch.run()
    assert names(local) == names(remote)


async def test_a_file_over_the_limit_is_not_even_begun(start: Start, remote: MemoryBlocks, root: Cid) -> None:
    """Its root says how large it is."""
    gateway = await start(remote)
    async with fetching(remote, root, MemoryBlocks(), gateway, limits=Limits(max_bytes=2999)) as fetch:
        with pytest.raises(ContentTooLarge, match="3000 bytes large; 2999"):
            await fetch.run()
    assert gateway.requests == []


@pytest.mark.parametrize("archives", [True, False])
@pytest.mark.parametrize(
    ("limits", "error"), [(Limits(max_blocks=20), ContentTooComplex), (Limits(max_depth=2), ContentTooDeep)]
)
async def test_too_many_blocks_or_levels_end_the_fetch(
    start: Start, remote: MemoryBlocks, root: Cid, archives: bool, limits: Limits, error: type[Exception]
) -> None:
    """As soon as a node lists them."""
    gateway = await start(remote, offers_archives=archives)
    async with fetching(remote, root, MemoryBlocks(), gateway, limits=limits) as fetch:
        with pytest.raises(error):
            await fetch.run()
    assert gateway.asked["raw"] <= 20


@pytest.mark.parametrize("archives", [True, False])
async def test_a_part_of_another_size_ends_the_fetch(start: Start, archives: bool) -> None:
    """It would be more than was declared, or less."""
    leaves = [raw_block(content(size)) for size in (10, 11, 12)]
    top = pb_block([link(leaf) for leaf in leaves], encode_file(b"", [10, 99, 12]))
    remote = MemoryBlocks()
    remote.put_verified([*leaves, top])
    gateway = await start(remote, offers_archives=archives)
    async with fetching(remote, top.cid, MemoryBlocks(), gateway) as fetch:
        with pytest.raises(SizeMismatch, match="holds 11 bytes, but the file it is part of declares 99"):
            await fetch.run()


async def test_a_part_that_is_no_file_ends_the_fetch(start: Start) -> None:
    """Found where it is listed, whatever the order of arrival."""
    directory, leaf = pb_block([], DIRECTORY_DATA), raw_block(b"x")
    top = pb_block([link(directory), link(leaf)], encode_file(b"", [0, 1]))
    remote = MemoryBlocks()
    remote.put_verified([directory, leaf, top])
    gateway = await start(remote)
    async with fetching(remote, top.cid, MemoryBlocks(), gateway) as fetch:
        with pytest.raises(MalformedContent, match="but a directory"):
            await fetch.run()


async def test_a_large_archive_is_stored_while_it_arrives(start: Start) -> None:
    """A few MiB at a time, not all at its end."""
    data = content(9_000_000)
    remote, local = MemoryBlocks(), MemoryBlocks()
    root = file_in(remote, data, KUBO_V1)
    gateway = await start(remote)
    async with fetching(remote, root, local, gateway) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert gateway.asked == {"car": 1}


async def test_blocks_full_of_nothing_are_given_up(start: Start) -> None:
    """A part may declare no bytes, honestly, and still be 2 MiB of padding."""
    parts = [pb_block([], encode_file(b"") + b"\x7a\x80\x80\x78" + bytes([n]) * (120 << 14)) for n in range(6)]
    top = pb_block([link(part) for part in parts], encode_file(b"", [0] * 6))
    remote = MemoryBlocks()
    remote.put_verified([*parts, top])
    gateway = await start(remote, offers_archives=False)
    async with fetching(remote, top.cid, MemoryBlocks(), gateway, limits=Limits(max_bytes=1000)) as fetch:
        with pytest.raises(ContentTooLarge, match="given up after"):
            await fetch.run()


async def test_one_block_used_often_is_fetched_once(start: Start) -> None:
    """A file of zeros is the same chunk over and over."""
    remote, local = MemoryBlocks(), MemoryBlocks()
    root = file_in(remote, bytes(64 * 50))
    gateway = await start(remote, offers_archives=False)
    async with fetching(remote, root, local, gateway) as fetch:
        await fetch.run()
    assert names(local) == names(remote)
    assert gateway.asked["raw"] == len(names(remote)) - 1 <= 5
