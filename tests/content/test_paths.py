"""Which segments of an address lead to the program, and which are the agent's own (node-and-gateway 1.3.1)."""

import pytest

from tests.content.samples import link, pb_block, raw_block, stored
from wapo.content.blocks import Block, MemoryBlocks
from wapo.content.cid import Cid
from wapo.content.dagpb import Link
from wapo.content.errors import (
    ContentTooComplex,
    ContentTooDeep,
    InvalidCid,
    IsADirectory,
    MalformedContent,
    UnsupportedContent,
)
from wapo.content.hamt import places, shard_prefix
from wapo.content.limits import Limits, Meter
from wapo.content.nodes import Node, read_node
from wapo.content.paths import Resolved, resolve
from wapo.content.unixfs import DIRECTORY_DATA, encode_shard

PROGRAM = raw_block(b"the program")
OTHER = raw_block(b"another")
INNER = pb_block([link(PROGRAM, "main.js"), link(OTHER, "0")], DIRECTORY_DATA)
ROOT = pb_block([link(PROGRAM, "0"), link(INNER, "sub"), link(OTHER, "é ü")], DIRECTORY_DATA)
SYMLINK = pb_block([], bytes.fromhex("0804" + "12022e2e"))


async def at(store: MemoryBlocks, root: Block, *segments: str, limits: Limits | None = None) -> Resolved:
    async def load(cid: Cid) -> Node:
        data = store.get(cid)
        assert data is not None
        return read_node(cid, data)

    return await resolve(load, root.cid, segments, Meter(limits or Limits(), "it"))


STORE = stored(PROGRAM, OTHER, INNER, ROOT, SYMLINK)


@pytest.mark.parametrize(
    ("root", "segments", "program", "rest"),
    [
        # A file: all segments are the agent's, except one 0 straight after the CID.
        (PROGRAM, [], PROGRAM, []),
        (PROGRAM, ["0"], PROGRAM, []),
        (PROGRAM, ["0", "0"], PROGRAM, ["0"]),
        (PROGRAM, ["0", "api"], PROGRAM, ["api"]),
        (PROGRAM, ["api", "0"], PROGRAM, ["api", "0"]),
        (PROGRAM, ["00"], PROGRAM, ["00"]),
        (PROGRAM, [""], PROGRAM, [""]),
        (PROGRAM, ["api", ""], PROGRAM, ["api", ""]),
        # A directory: segments that name entries lead on; the rest is the agent's, a second 0 included.
        (ROOT, ["0"], PROGRAM, []),
        (ROOT, ["0", "api", "v1"], PROGRAM, ["api", "v1"]),
        (ROOT, ["0", "0"], PROGRAM, ["0"]),
        (ROOT, ["0", ""], PROGRAM, [""]),
        (ROOT, ["sub", "main.js", "x"], PROGRAM, ["x"]),
        (ROOT, ["sub", "0"], OTHER, []),
        (ROOT, ["é ü"], OTHER, []),
    ],
    ids=str,
)
async def test_segments_lead_to_the_program_or_belong_to_it(
    root: Block, segments: list[str], program: Block, rest: list[str]
) -> None:
    """Published addresses of both kinds are in use for the same programs."""
    found = await at(STORE, root, *segments)
    assert (found.cid, found.rest) == (program.cid, tuple(rest))
    assert found.file.data == program.data


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([], rf"^{ROOT.cid} is a directory\. It holds '0', 'sub', 'é ü'\.$"),
        (["api"], rf"^{ROOT.cid} is a directory without an entry 'api'\. It holds '0', 'sub', 'é ü'\.$"),
        (["sub"], rf"^{ROOT.cid}/sub is a directory\. It holds 'main.js', '0'\.$"),
        (["sub", "api"], rf"^{ROOT.cid}/sub is a directory without an entry 'api'\."),
        ([""], "without an entry ''"),
        ([".."], "without an entry '..'"),
        (["\ud800"], "without an entry"),
        (["É Ü"], "without an entry"),
    ],
    ids=str,
)
async def test_a_directory_is_not_a_program(segments: list[str], message: str) -> None:
    """Nothing is guessed; what is there is listed."""
    with pytest.raises(IsADirectory, match=message) as refused:
        await at(STORE, ROOT, *segments)
    assert refused.value.status == 404


@pytest.mark.parametrize("name", ["index.js", "the-only-one.js"])
async def test_not_even_an_obvious_entry_is_guessed(name: str) -> None:
    """An address has one meaning."""
    root = pb_block([link(PROGRAM, name)], DIRECTORY_DATA)
    with pytest.raises(IsADirectory) as refused:
        await at(stored(root, PROGRAM), root)
    assert refused.value.names == (name,)


async def test_a_long_listing_is_cut() -> None:
    """The message goes into a response."""
    root = pb_block([link(PROGRAM, f"file-{i:03}" + "x" * 500) for i in range(100)], DIRECTORY_DATA)
    with pytest.raises(IsADirectory, match="and 80 more") as refused:
        await at(stored(root), root)
    assert len(str(refused.value)) < 3000


async def test_an_empty_directory_says_so() -> None:
    """`It holds nothing.` and not an empty list."""
    root = pb_block([], DIRECTORY_DATA)
    with pytest.raises(IsADirectory, match="It holds nothing"):
        await at(stored(root), root)


async def test_an_entry_without_name_is_never_found() -> None:
    """A last slash is not a name."""
    root = pb_block([link(PROGRAM, "")], DIRECTORY_DATA)
    with pytest.raises(IsADirectory):
        await at(stored(root, PROGRAM), root, "")


async def test_symlinks_are_not_followed() -> None:
    """There is no agreement on where they would lead."""
    root = pb_block([link(SYMLINK, "up")], DIRECTORY_DATA)
    with pytest.raises(UnsupportedContent, match="symbolic link"):
        await at(stored(root, SYMLINK), root, "up")


async def test_an_entry_that_cannot_be_read_is_named_as_such() -> None:
    """Not as missing: it is there."""
    cbor = b"\x01\x71\x12\x20" + PROGRAM.cid.multihash[2:]
    root = pb_block([Link(cbor, b"odd", 1)], DIRECTORY_DATA)
    with pytest.raises(InvalidCid, match="dag-cbor"):
        await at(stored(root), root, "odd")


async def test_directories_inside_each_other_end_somewhere() -> None:
    """A path of a thousand segments would fetch a thousand blocks."""
    blocks, top = [PROGRAM], PROGRAM
    for _ in range(5):
        top = pb_block([link(top, "a")], DIRECTORY_DATA)
        blocks.append(top)
    store, limits = stored(*blocks), Limits(max_depth=5)
    assert (await at(store, top, *"aaaaa")).cid == PROGRAM.cid
    deeper = pb_block([link(top, "a")], DIRECTORY_DATA)
    store.put_verified([deeper])
    with pytest.raises(ContentTooDeep, match="over 5 levels"):
        await at(store, deeper, *"aaaaaa", limits=limits)
    with pytest.raises(ContentTooComplex):
        await at(store, deeper, *"aaaaaa", limits=Limits(max_blocks=3))


def shard_of(name: str, *, fanout: int = 256, depth: int = 1, end: Block = PROGRAM) -> list[Block]:
    """The shards that lead to ``name``, ``depth`` of them, the first one last."""
    way = list(places(name.encode(), fanout))[:depth]
    below, suffix, blocks = end, name, [end]
    for place in reversed(way):
        prefix = shard_prefix(place, fanout).decode()
        below = pb_block([link(below, prefix + suffix)], encode_shard(b"\1", fanout))
        blocks.append(below)
        suffix = ""
    return blocks


@pytest.mark.parametrize(("fanout", "depth"), [(256, 1), (256, 3), (256, 8), (8, 21), (1024, 2)])
async def test_a_sharded_directory_is_followed_to_its_depth(fanout: int, depth: int) -> None:
    """Until the hash of the name is used up."""
    blocks = shard_of("index.js", fanout=fanout, depth=depth)
    found = await at(stored(*blocks), blocks[-1], "index.js", "more")
    assert (found.cid, found.rest) == (PROGRAM.cid, ("more",))
    with pytest.raises(IsADirectory):
        await at(stored(*blocks), blocks[-1], "other.js")
    with pytest.raises(IsADirectory):
        await at(stored(*blocks), blocks[-1], "")


async def test_shards_deeper_than_any_hash_lead_nowhere() -> None:
    """A ninth level cannot be meant."""
    way = [shard_prefix(place, 256).decode() for place in places(b"index.js", 256)]
    blocks = [pb_block([link(PROGRAM, way[0] + "index.js")], encode_shard(b"\1", 256))]
    for prefix in reversed(way):
        blocks.append(pb_block([link(blocks[-1], prefix)], encode_shard(b"\1", 256)))
    with pytest.raises(IsADirectory):
        await at(stored(*blocks), blocks[-1], "index.js")


async def test_a_shard_that_is_none_is_refused() -> None:
    """The hash of a name says that there is one."""
    (place, *_) = places(b"index.js", 256)
    prefix = shard_prefix(place, 256).decode()
    for below in (PROGRAM, ROOT, *shard_of("index.js", fanout=16)[1:]):
        root = pb_block([link(below, prefix)], encode_shard(b"\1", 256))
        with pytest.raises(MalformedContent, match="linked as a shard"):
            await at(stored(below, root), root, "index.js")
