"""Answers to other nodes: in the form of the specification, and readable by our own fetcher."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.content.gateways import Gateway
from tests.content.samples import TINY, content, file_in, link, pb_block, raw_block
from tests.content.test_tree import large_directory
from wapo.content.blocks import Block, InThreads, MemoryBlocks
from wapo.content.car import CarDecoder
from wapo.content.cid import DAG_PB, Cid
from wapo.content.errors import ContentNotFound, ContentTooComplex, InvalidTrustlessRequest, MalformedContent
from wapo.content.export import ByteRange
from wapo.content.fetch import open_fetcher
from wapo.content.importer import KUBO_V1
from wapo.content.multihash import IDENTITY
from wapo.content.nodes import Shard, read_node
from wapo.content.trustless import Answer, TrustlessRequest, answer, parse_request
from wapo.content.unixfs import DIRECTORY_DATA, encode_file, encode_shard

DATA = content(3000)
LEAF = raw_block(b"hello")
INNER = pb_block([link(LEAF, "a.js")], DIRECTORY_DATA)
ROOT = pb_block([link(LEAF, "0"), link(INNER, "sub")], DIRECTORY_DATA)

Start = Callable[..., Awaitable[Gateway]]


def small() -> MemoryBlocks:
    store = MemoryBlocks()
    store.put_verified([LEAF, INNER, ROOT])
    return store


async def body(given: Answer) -> bytes:
    return b"".join([piece async for piece in given.body])


async def blocks_of(store: MemoryBlocks, request: TrustlessRequest) -> list[Block]:
    """The blocks of an archive, which is checked on the way."""
    decoder = CarDecoder("us")
    blocks = list(decoder.feed(await body(await answer(request, InThreads(store)))))
    decoder.finish()
    assert decoder.header == (request.cid.encode(),)
    assert len({block.cid for block in blocks}) == len(blocks)
    return blocks


# Requests


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ({"format": "raw"}, "", "raw"),
        ({"format": "car"}, "", "car"),
        ({}, "application/vnd.ipld.raw", "raw"),
        ({}, "application/vnd.ipld.car; version=1; order=dfs; dups=y", "car"),
        ({}, "Application/Vnd.Ipld.Car", "car"),
        ({}, "text/html, application/vnd.ipld.raw;q=0.5", "raw"),
        ({"format": "raw"}, "application/vnd.ipld.car", "raw"),
    ],
)
def test_a_request_says_what_it_wants(query: dict[str, str], accept: str, kind: str) -> None:
    """The parameter counts more than the header, as the specification says."""
    request = parse_request(ROOT.cid, [], query, accept)
    assert request is not None
    assert request.kind == kind


@pytest.mark.parametrize(
    ("query", "accept"),
    [({}, ""), ({}, "*/*"), ({}, "text/html,*/*;q=0.8"), ({"format": "json"}, ""), ({"x": "raw"}, "")],
)
def test_other_requests_are_for_the_agent(query: dict[str, str], accept: str) -> None:
    """A browser, or a parameter that the agent calls format."""
    assert parse_request(ROOT.cid, ["raw"], query, accept) is None


def test_archives_have_parameters() -> None:
    """With the defaults of the specification."""

    def car(*segments: str, **query: str) -> TrustlessRequest | None:
        return parse_request(
            ROOT.cid, segments, {"format": "car", **{key.replace("_", "-"): value for key, value in query.items()}}
        )

    assert car() == TrustlessRequest(ROOT.cid, "car", (), "all", None)
    assert car("sub", "", dag_scope="block") == TrustlessRequest(ROOT.cid, "car", ("sub",), "block", None)
    assert car(entity_bytes="5:*") == TrustlessRequest(ROOT.cid, "car", (), "entity", ByteRange(5, None))
    assert car(entity_bytes="-5:-1", car_version="1", car_dups="y", car_order="unk") == TrustlessRequest(
        ROOT.cid, "car", (), "entity", ByteRange(-5, -1)
    )


@pytest.mark.parametrize(
    ("segments", "query"),
    [
        (["sub"], {"format": "raw"}),
        ([], {"format": "car", "dag-scope": "everything"}),
        ([], {"format": "car", "car-version": "2"}),
        ([], {"format": "car", "entity-bytes": "5"}),
        ([], {"format": "car", "entity-bytes": "a:b"}),
        ([], {"format": "car", "entity-bytes": "*:5"}),
        ([], {"format": "car", "entity-bytes": "1:" + "1" * 5000}),
    ],
)
def test_forms_that_do_not_exist_are_refused(segments: list[str], query: dict[str, str]) -> None:
    """With 400 and a reason."""
    with pytest.raises(InvalidTrustlessRequest) as refused:
        parse_request(ROOT.cid, segments, query)
    assert refused.value.status == 400


@given(st.dictionaries(st.sampled_from(["format", "dag-scope", "entity-bytes", "car-version"]), st.text(max_size=50)))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    """It comes from strangers."""
    try:
        parse_request(ROOT.cid, [], {"format": "car", **query})
    except InvalidTrustlessRequest:
        return


# Answers


async def test_a_block_is_sent_as_it_is() -> None:
    """With the headers of the specification."""
    sent = await answer(TrustlessRequest(ROOT.cid, "raw"), InThreads(small()))
    assert await body(sent) == ROOT.data
    assert sent.length == len(ROOT.data)
    assert sent.headers == {
        "Content-Type": "application/vnd.ipld.raw",
        "Content-Disposition": f'attachment; filename="{ROOT.cid}.bin"',
        "Cache-Control": "public, max-age=29030400, immutable",
        "Etag": f'"{ROOT.cid}.raw"',
        "X-Content-Type-Options": "nosniff",
    }


async def test_an_archive_says_how_it_is_ordered() -> None:
    """A client may rely on it only if it is said."""
    sent = await answer(TrustlessRequest(ROOT.cid, "car"), InThreads(small()))
    assert sent.headers["Content-Type"] == "application/vnd.ipld.car; version=1; order=dfs; dups=n"
    assert sent.headers["Content-Disposition"] == f'attachment; filename="{ROOT.cid}.car"'
    assert sent.length is None


async def test_different_archives_have_different_etags() -> None:
    """A cache would hand out the wrong one."""
    requests = [
        TrustlessRequest(ROOT.cid, "car"),
        TrustlessRequest(ROOT.cid, "car", ("sub",)),
        TrustlessRequest(ROOT.cid, "car", scope="block"),
        TrustlessRequest(ROOT.cid, "car", scope="entity"),
        TrustlessRequest(ROOT.cid, "car", scope="entity", byte_range=ByteRange(0, None)),
    ]
    etags = {(await answer(request, InThreads(small()))).headers["Etag"] for request in requests}
    assert len(etags) == len(requests)


@pytest.mark.parametrize(
    ("segments", "scope", "expected"),
    [
        ((), "all", [ROOT, LEAF, INNER]),
        ((), "entity", [ROOT]),
        ((), "block", [ROOT]),
        (("sub",), "all", [ROOT, INNER, LEAF]),
        (("sub",), "entity", [ROOT, INNER]),
        (("sub", "a.js"), "block", [ROOT, INNER, LEAF]),
    ],
)
async def test_an_archive_holds_the_path_and_what_is_asked_for(
    segments: tuple[str, ...], scope: str, expected: list[Block]
) -> None:
    """Parents first, so that each block can be trusted when it arrives."""
    request = TrustlessRequest(ROOT.cid, "car", segments, scope)  # type: ignore[arg-type]
    assert await blocks_of(small(), request) == expected


async def test_what_is_not_here_is_not_found() -> None:
    """Before the first byte, so that the status can say so."""
    missing = TrustlessRequest(raw_block(b"missing").cid, "raw")
    with pytest.raises(ContentNotFound):
        await answer(missing, InThreads(small()))
    for segments in (("nothing",), ("0", "deeper"), ("sub", "b.js")):
        with pytest.raises(ContentNotFound, match="There is nothing at"):
            await answer(TrustlessRequest(ROOT.cid, "car", segments), InThreads(small()))


async def test_a_block_missing_further_down_breaks_the_archive_off() -> None:
    """An archive that seems complete would be worse."""
    store = small()
    store.remove(LEAF.cid)
    sent = await answer(TrustlessRequest(ROOT.cid, "car"), InThreads(store))
    with pytest.raises(ContentNotFound):
        await body(sent)


async def test_the_probe_of_the_specification() -> None:
    """GET /ipfs/bafkqaaa tells clients that this is a trustless gateway."""
    cid = Cid.parse("bafkqaaa")
    sent = await answer(TrustlessRequest(cid, "raw"), InThreads(MemoryBlocks()))
    assert await body(sent) == b""
    assert await blocks_of(MemoryBlocks(), TrustlessRequest(cid, "car")) == []


async def test_inline_blocks_are_not_sent() -> None:
    """The specification forbids it: they are in the identifier."""
    inline = Block(Cid.of(b"inline", function=IDENTITY), b"inline")
    top = pb_block([link(inline, "a")], DIRECTORY_DATA)
    store = MemoryBlocks()
    store.put_verified([top])
    assert await blocks_of(store, TrustlessRequest(top.cid, "car", ("a",))) == [top]


async def test_an_entity_that_is_no_unixfs_is_its_block() -> None:
    """As the specification says."""
    odd = pb_block([link(LEAF, "x")], b"no unixfs")
    store = small()
    store.put_verified([odd])
    assert await blocks_of(store, TrustlessRequest(odd.cid, "car", scope="entity")) == [odd]
    assert await blocks_of(store, TrustlessRequest(odd.cid, "car")) == [odd, LEAF]


async def test_a_sharded_directory_is_all_its_shards_and_none_of_its_files() -> None:
    """What it takes to list it."""
    store = MemoryBlocks()
    root = large_directory(store, 7000, KUBO_V1).cid
    blocks = await blocks_of(store, TrustlessRequest(root, "car", scope="entity"))
    assert len(blocks) > 100
    assert all(isinstance(read_node(*block), Shard) for block in blocks)
    along = await blocks_of(store, TrustlessRequest(root, "car", ("entry-42.txt",), "block"))
    assert along[0].cid == root
    assert along[-1].data == content(2)
    assert len(along) <= 5


@given(st.integers(-3500, 3500), st.integers(-3500, 3500) | st.none())
async def test_a_range_is_the_blocks_that_hold_it_and_the_way_there(first: int, last: int | None) -> None:
    """And no others: the specification asks for the minimal set."""
    store = MemoryBlocks()
    root = file_in(store, DATA, TINY)
    request = TrustlessRequest(root, "car", (), "entity", ByteRange(first, last))
    blocks = await blocks_of(store, request)
    start, end = ByteRange(first, last).of(len(DATA))
    wanted = DATA[start:end]
    leaves = [block.data for block in blocks if block.cid.codec != DAG_PB]
    assert blocks[0].cid == root
    assert wanted in b"".join(leaves)
    assert len(leaves) <= (len(wanted) + 63) // 64 + 1
    if not wanted:
        assert blocks == [blocks[0]]


@pytest.mark.parametrize(
    ("text", "range_in_10"),
    [
        ((0, None), (0, 10)),
        ((3, 5), (3, 6)),
        ((-3, None), (7, 10)),
        ((2, -3), (2, 8)),
        ((-20, 3), (0, 4)),
        ((8, 100), (8, 10)),
    ],
)
def test_ranges_count_from_both_ends(text: tuple[int, int | None], range_in_10: tuple[int, int]) -> None:
    """Both ends are part of them."""
    assert ByteRange(*text).of(10) == range_in_10


async def test_a_range_of_too_many_parts_breaks_the_archive_off() -> None:
    """Here a block is visited as often as it is used, so visits are counted."""
    leaf = raw_block(b"x")
    wide = pb_block([link(leaf)] * 20_000, encode_file(b"", [1] * 20_000))
    store = MemoryBlocks()
    store.put_verified([leaf, wide])
    request = TrustlessRequest(wide.cid, "car", (), "entity", ByteRange(0, None))
    sent = await answer(request, InThreads(store))
    with pytest.raises(ContentTooComplex):
        await body(sent)


async def test_parts_that_are_none_end_their_branch() -> None:
    """A directory as part of a file, a file as a shard: they are sent, so that the peer sees what is wrong."""
    part = pb_block([], DIRECTORY_DATA)
    file = pb_block([link(part)], encode_file(b"", [5]))
    shard = pb_block([link(LEAF, "07")], encode_shard(b"\x80", 256))
    store = small()
    store.put_verified([part, file, shard])
    in_range = TrustlessRequest(file.cid, "car", (), "entity", ByteRange(0, None))
    assert await blocks_of(store, in_range) == [file, part]
    assert await blocks_of(store, TrustlessRequest(shard.cid, "car", (), "entity")) == [shard, LEAF]


async def test_a_broken_block_further_down_breaks_the_archive_off() -> None:
    """It cannot be followed."""
    store = MemoryBlocks()
    bad = Block(Cid.of(b"bad", codec=DAG_PB), b"bad")
    top = pb_block([link(bad, "a")], DIRECTORY_DATA)
    store.put_verified([bad, top])
    sent = await answer(TrustlessRequest(top.cid, "car"), InThreads(store))
    with pytest.raises(MalformedContent):
        await body(sent)


async def test_one_node_is_anothers_upstream(start: Start) -> None:
    """Over a real socket, both as blocks and as an archive."""
    store = MemoryBlocks()
    cid = file_in(store, DATA)

    async def serve(request: web.Request) -> web.StreamResponse:
        asked = parse_request(Cid.parse(request.match_info["cid"]), [], request.query, request.headers["Accept"])
        assert asked is not None
        sent = await answer(asked, InThreads(store))
        response = web.StreamResponse(headers=sent.headers)
        await response.prepare(request)
        async for piece in sent.body:
            await response.write(piece)
        return response

    gateway = await start(instead=serve)
    async with open_fetcher([gateway.url]) as fetcher:
        assert (await fetcher.block(cid)).data == store.get(cid)
        blocks = [block async for block in fetcher.archive(cid, 100_000)]
    assert {block.cid.multihash for block in blocks} == {entry.multihash for entry in store.entries()}
