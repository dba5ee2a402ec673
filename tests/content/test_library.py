"""Programs by hash, from wherever they are."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from tests.content.gateways import Gateway, closed_port
from tests.content.samples import TINY, content, file_in, link, pb_block, raw_block
from wapo.content.blocks import MemoryBlocks
from wapo.content.cid import DAG_PB, Cid
from wapo.content.errors import (
    BlockStoreFailed,
    ContentNotFound,
    ContentTooLarge,
    HashMismatch,
    InvalidCid,
    IsADirectory,
    NotPublishable,
    TooManyLookups,
    UnsupportedContent,
    UpstreamUnreachable,
)
from wapo.content.importer import KUBO, KUBO_V1, pack_bytes, store_now
from wapo.content.library import Library, Program, open_library
from wapo.content.limits import Limits
from wapo.content.lookups import Lookups
from wapo.content.unixfs import DIRECTORY_DATA
from wapo.content.upstream import Timeouts

PROGRAM = b"export default () => new Response('hello')"
LARGE = content(700_000)

Start = Callable[..., Awaitable[Gateway]]
Open = Callable[..., Awaitable[Library]]


@pytest.fixture
async def open_(tmp_path: Path) -> AsyncIterator[Open]:
    """Open libraries, in one folder unless told otherwise, that close when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_(*upstreams: str, folder: Path | None = None, **options: object) -> Library:
            return await stack.enter_async_context(
                open_library(folder or tmp_path / "library", upstreams, **options)  # type: ignore[arg-type]
            )

        yield open_


@pytest.fixture
def remote() -> MemoryBlocks:
    """What the gateways of a test have, if it gives it to them."""
    return MemoryBlocks()


async def test_what_was_published_is_found(open_: Open) -> None:
    """At the address that `ipfs add` would give it, without any upstream."""
    library = await open_()
    cid = await library.publish(PROGRAM)
    assert cid == store_now(MemoryBlocks(), pack_bytes(PROGRAM, KUBO)).cid
    program = await library.program(cid, ["api"])
    assert program.read() == PROGRAM
    assert (program.size, program.rest) == (len(PROGRAM), ("api",))
    assert [pin.cid for pin in await library.pinned()] == [cid]


@pytest.mark.parametrize("data", [b"", PROGRAM, LARGE], ids=["empty", "small", "several blocks"])
@pytest.mark.parametrize("upstream", ["with archives", "without"])
async def test_a_program_is_fetched_once_and_kept(
    open_: Open, start: Start, remote: MemoryBlocks, data: bytes, upstream: str, tmp_path: Path
) -> None:
    """In memory, and on disk over a restart; the gateway may be gone by then."""
    cid = file_in(remote, data, KUBO_V1)
    gateway = await start(remote, offers_archives=upstream == "with archives")
    library = await open_(gateway.url)
    assert (await library.program(cid)).read() == data
    asked = len(gateway.requests)
    assert (await library.program(cid)).read() == data
    assert len(gateway.requests) == asked
    restarted = await open_()
    assert (await restarted.program(cid)).read() == data


async def test_all_addresses_of_a_program_have_one_identity(open_: Open) -> None:
    """Secrets are bound to it: in a directory or not, in version 0 or 1."""
    library = await open_()
    cid = await library.publish(PROGRAM)
    store = library.blocks
    wrapped = [
        pb_block([link(raw_block(b"x"))._replace(cid=spelled.encode(), name=b"0")], DIRECTORY_DATA)
        for spelled in (cid, cid.v1())
    ]
    await store.put_verified(wrapped)
    programs = [
        await library.program(cid),
        await library.program(cid, ["0"]),
        await library.program(cid.v1()),
        await library.program(wrapped[0].cid, ["0"]),
        await library.program(wrapped[1].cid, ["0"]),
        await library.program(Cid(0, DAG_PB, wrapped[0].cid.multihash), ["0"]),
    ]
    assert {program.cid for program in programs} == {cid.v1()}
    assert {program.read() for program in programs} == {PROGRAM}


async def test_a_published_directory_has_programs_by_name(open_: Open, tmp_path: Path) -> None:
    """Nothing is guessed: the directory itself is none."""
    (tmp_path / "site" / "lib").mkdir(parents=True)
    (tmp_path / "site" / "index.js").write_bytes(PROGRAM)
    (tmp_path / "site" / "lib" / "large.js").write_bytes(LARGE)
    (tmp_path / "site" / ".env").write_bytes(b"SECRET=1")
    library = await open_()
    cid = await library.publish(tmp_path / "site")
    assert (await library.program(cid, ["index.js", "x"])).read() == PROGRAM
    found = await library.program(cid, ["lib", "large.js", "y", "z"])
    assert (found.read(), found.rest) == (LARGE, ("y", "z"))
    with pytest.raises(IsADirectory) as refused:
        await library.program(cid)
    assert set(refused.value.names) == {"index.js", "lib"}
    assert await library.publish(tmp_path / "site", hidden=True) != cid


async def test_an_inline_program_needs_no_store(open_: Open) -> None:
    """bafkqa... holds up to 128 bytes itself."""
    library = await open_()
    assert (await library.program(Cid.parse("bafkqaaa"))).read() == b""


@pytest.mark.parametrize("what", ["a directory that is none", "a missing path", "a directory"])
async def test_publishing_what_is_not_there_says_so(open_: Open, tmp_path: Path, what: str) -> None:
    """A person reads it in a terminal."""
    library = await open_()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotPublishable, match="cannot be read: No such file"):
        await library.publish(tmp_path / ("link" if what == "a directory that is none" else "missing"))
    assert await library.pinned() == []


# Failures


async def test_without_upstreams_only_local_content_is_found(open_: Open) -> None:
    """And the message says why."""
    library = await open_()
    with pytest.raises(ContentNotFound, match="not in the local store, and no upstream is configured"):
        await library.program(raw_block(b"elsewhere").cid)


async def test_a_part_that_is_missing_without_upstreams_is_not_found(open_: Open) -> None:
    """A file of which only the root is here."""
    library = await open_()
    cid = await library.publish(LARGE, layout=KUBO_V1)
    await library.blocks.remove(raw_block(LARGE[262144 : 2 * 262144]).cid)
    with pytest.raises(ContentNotFound):
        await library.program(cid)


async def test_failures_are_never_kept(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """The gateway comes back, the program is there, a few seconds later; until then nobody is asked."""
    now = 0.0
    cid = file_in(remote, PROGRAM)
    gateway = await start(remote, hidden={cid})
    library = await open_(gateway.url, lookups=Lookups(remember_s=3, clock=lambda: now))
    for _ in range(2):
        with pytest.raises(ContentNotFound):
            await library.program(cid)
    gateway.hidden.clear()
    gateway.tampered.add(cid)
    now = 3.0
    for _ in range(2):
        with pytest.raises(HashMismatch, match=r"127\.0\.0\.1"):
            await library.program(cid.v1())
    gateway.tampered.clear()
    assert gateway.asked == {"raw": 2}
    now = 6.0
    assert (await library.program(cid)).read() == PROGRAM


async def test_what_comes_into_the_store_is_there_at_once(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """Whatever an upstream has said a moment ago: who publishes a program wants to see it."""
    library = await open_((await start()).url)
    cid = file_in(remote, PROGRAM)
    with pytest.raises(ContentNotFound):
        await library.program(cid)
    assert await library.publish(PROGRAM, layout=KUBO_V1) == cid
    assert (await library.program(cid)).read() == PROGRAM


async def test_what_is_looked_for_in_vain_keeps_nobody_waiting(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """An upstream that searches for what does not exist, and somebody who asks for that all the time."""
    found, here = file_in(remote, PROGRAM), raw_block(b"here")
    gateway = await start(remote)

    over = asyncio.Event()

    async def search(request: web.Request) -> web.StreamResponse:
        if Cid.parse(request.match_info["cid"]) != found:
            await over.wait()
        return await gateway.answer(request)

    gateway.instead = search
    now = 0.0
    library = await open_(gateway.url, lookups=Lookups(8, sure_s=2, clock=lambda: now))
    await library.blocks.put_verified([here])
    vain = [asyncio.create_task(library.program(raw_block(b"%d" % number).cid)) for number in range(8)]
    while len(library.lookups) < 8:
        await asyncio.sleep(0)
    # What is here is nobody's question, and what is new is told to come back at once.
    assert (await library.program(here.cid)).read() == b"here"
    with pytest.raises(TooManyLookups) as refused:
        await library.program(found)
    assert refused.value.status == 503
    # Some seconds later the first of those in vain makes room.
    now = 2.0
    async with asyncio.timeout(5):
        assert (await library.program(found)).read() == PROGRAM
        done, waiting = await asyncio.wait(vain, return_when=asyncio.FIRST_COMPLETED)
    (made_room,) = done  # which was the first is up to the disk
    with pytest.raises(TooManyLookups):
        made_room.result()
    over.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, ContentNotFound) for result in results)
    assert len(library.lookups) == 0


async def test_an_upstream_that_is_down_is_not_a_missing_program(open_: Open) -> None:
    """502, not 404."""
    library = await open_(closed_port())
    with pytest.raises(UpstreamUnreachable) as failed:
        await library.program(raw_block(b"somewhere").cid)
    assert failed.value.status == 502


async def test_tampered_parts_are_refused_and_not_kept(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """The first upstream lies about one part; the second does not."""
    cid = file_in(remote, LARGE, KUBO_V1)
    part = raw_block(LARGE[262144 : 2 * 262144])
    liar, honest = await start(remote, tampered={part.cid}), await start(remote)
    alone = await open_(liar.url)
    with pytest.raises(HashMismatch):
        await alone.program(cid)
    assert await alone.blocks.get(part.cid) is None
    both = await open_(liar.url, honest.url)
    assert (await both.program(cid)).read() == LARGE


async def test_a_program_over_the_limit_is_too_large(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """Wherever it is: fetched, in the store, in memory; of one block or of several."""
    several, one = file_in(remote, LARGE, KUBO_V1), file_in(remote, PROGRAM)
    gateway = await start(remote)
    strict = await open_(gateway.url, limits=Limits(max_bytes=len(PROGRAM) - 1))
    for cid in (several, one, one):
        with pytest.raises(ContentTooLarge):
            await strict.program(cid)
    assert gateway.asked["car"] == 0
    exact = await open_(gateway.url, limits=Limits(max_bytes=len(LARGE)))
    assert (await exact.program(several)).size == len(LARGE)


async def test_a_damaged_block_is_fetched_again(
    open_: Open, start: Start, remote: MemoryBlocks, tmp_path: Path
) -> None:
    """The disk fails, the network has it."""
    cid = file_in(remote, LARGE, KUBO_V1)
    gateway = await start(remote)
    await (await open_(gateway.url)).program(cid)
    for path in (tmp_path / "library" / "blocks").glob("*/*"):
        path.write_bytes(b"rot" + path.read_bytes()[3:])
    assert (await (await open_(gateway.url)).program(cid)).read() == LARGE


@pytest.mark.parametrize(
    ("data", "error"),
    [(bytes.fromhex("0a06" + "0804" + "12022e2e"), UnsupportedContent), (b"no node", Exception)],
)
async def test_what_is_no_file_is_refused(open_: Open, data: bytes, error: type[Exception]) -> None:
    """A symlink; a CID that claims dag-pb for something else."""
    library = await open_()
    cid = Cid.of(data, codec=DAG_PB)
    await library.blocks.put(cid, data)
    with pytest.raises(error):
        await library.program(cid)


async def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """At start, not at the first request."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlockStoreFailed):
        async with open_library(tmp_path / "file"):
            pass


# Many at once


async def test_many_requests_share_one_fetch(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """A program that becomes popular is fetched once, in any spelling, whatever path is asked for."""
    cid = file_in(remote, LARGE, KUBO)
    gateway = await start(remote)
    gateway.gate.clear()
    library = await open_(gateway.url)
    spellings = [cid, cid.v1()]
    tasks = [asyncio.create_task(library.program(spellings[n % 2], [str(n)])) for n in range(20)]
    await gateway.arrived.wait()
    gateway.gate.set()
    programs = await asyncio.gather(*tasks)
    assert all(program.read() == LARGE for program in programs)
    assert [program.rest for program in programs] == [(str(n),) if n else () for n in range(20)]
    assert gateway.asked == {"raw": 1, "car": 1}


async def test_a_client_that_leaves_takes_nobody_with_it(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """The one that came first hangs up."""
    cid = file_in(remote, LARGE, KUBO)
    gateway = await start(remote)
    gateway.gate.clear()
    library = await open_(gateway.url)
    first, second = (asyncio.create_task(library.program(cid)) for _ in range(2))
    await gateway.arrived.wait()
    first.cancel()
    await asyncio.wait([first])
    gateway.gate.set()
    assert (await second).read() == LARGE
    assert first.cancelled()


async def test_closing_ends_what_is_being_fetched(start: Start, remote: MemoryBlocks, tmp_path: Path) -> None:
    """No task is left, no session open: warnings are errors here."""
    cid = file_in(remote, LARGE, KUBO)
    gateway = await start(remote)
    gateway.gate.clear()
    before = asyncio.all_tasks()
    async with open_library(tmp_path, [gateway.url]) as library:
        task = asyncio.create_task(library.program(cid))
        await gateway.arrived.wait()
    await asyncio.wait([task])
    assert task.cancelled()
    left = {each for each in asyncio.all_tasks() - before if "RequestHandler" not in repr(each)}
    assert left == set()


async def test_opening_and_closing_leaves_nothing_behind(start: Start, remote: MemoryBlocks, tmp_path: Path) -> None:
    """Neither files nor sockets nor threads: a node opens it once, its tests a thousand times."""
    cid = file_in(remote, LARGE, KUBO_V1)
    gateway = await start(remote)

    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    async def once(turn: int) -> None:
        async with open_library(tmp_path / str(turn), [gateway.url]) as library:
            await library.program(cid)

    await once(0)
    before, threads = descriptors(), threading.active_count()
    for turn in range(1, 50):
        await once(turn)
    assert descriptors() <= before + 4  # a connection may take a moment to go
    assert threading.active_count() <= threads + min(32, (os.cpu_count() or 1) + 4)  # the event loop's own pool


async def test_the_memory_is_bounded(open_: Open) -> None:
    """Programs make room for each other; those that are too large for it are still served."""
    library = await open_(cache_bytes=3000)
    cids = [await library.publish(content(size)) for size in (1000, 1100, 1200, 5000)]
    for _ in range(2):
        for cid, size in zip(cids, (1000, 1100, 1200, 5000), strict=True):
            assert (await library.program(cid)).read() == content(size)
    assert library._cache.used_bytes <= 3000


# Upkeep


async def test_pinning_brings_everything(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """Also of a directory, of which a program would need only a part."""
    file = file_in(remote, LARGE, KUBO_V1)
    leaf = raw_block(b"leaf")
    root = pb_block([link(leaf, "leaf"), link(leaf, "file")._replace(cid=file.encode())], DIRECTORY_DATA)
    remote.put_verified([leaf, root])
    gateway = await start(remote)
    library = await open_(gateway.url)
    await library.pin(root.cid)
    await library.pin(file)
    assert (await library.usage()).blocks == len(list(remote.entries()))
    assert {pin.cid for pin in await library.pinned()} == {root.cid, file}
    alone = await open_()
    assert (await alone.program(root.cid, ["file"])).read() == LARGE


async def test_what_cannot_be_had_cannot_be_pinned(open_: Open) -> None:
    """A pin is a promise."""
    library = await open_()
    with pytest.raises(ContentNotFound):
        await library.pin(raw_block(b"elsewhere").cid)
    assert await library.pinned() == []


async def test_removed_content_makes_room(open_: Open) -> None:
    """When room is needed; until then it is there. Just now, nothing is old enough to go."""
    library = await open_()
    cid = await library.publish(LARGE)
    assert await library.remove(cid.v1())
    assert not await library.remove(cid)
    assert await library.prune(0) == 0
    assert (await library.program(cid)).read() == LARGE


async def test_stat_tells_what_an_identifier_stands_for(open_: Open, tmp_path: Path) -> None:
    """By its root block alone."""
    library = await open_()
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a").write_bytes(b"1")
    file, folder = await library.publish(LARGE), await library.publish(tmp_path / "dir")
    await library.remove(folder)
    stat = await library.stat(file)
    assert (stat.kind, stat.size, stat.names, stat.pinned) == ("file", len(LARGE), (), True)
    stat = await library.stat(folder)
    assert (stat.kind, stat.names, stat.pinned) == ("directory", ("a",), False)


async def test_a_program_does_not_print_its_content() -> None:
    """It would fill the logs."""
    assert "hello" not in repr(Program(raw_block(b"x").cid, 5, (), b"hello"))


async def test_an_entry_of_another_kind_is_named(open_: Open) -> None:
    """400 with the reason, not a missing page."""
    library = await open_()
    cbor = b"\x01\x71\x12\x20" + raw_block(b"").cid.multihash[2:]
    root = pb_block([link(raw_block(b""), "odd")._replace(cid=cbor)], DIRECTORY_DATA)
    await library.blocks.put_verified([root])
    with pytest.raises(InvalidCid, match="dag-cbor"):
        await library.program(root.cid, ["odd"])


async def test_a_silent_upstream_is_given_up(open_: Open, start: Start, remote: MemoryBlocks) -> None:
    """After the time that the operator allows."""
    cid = file_in(remote, content(1000), TINY)
    gateway = await start(remote)
    gateway.gate.clear()
    library = await open_(gateway.url, timeouts=Timeouts(silence_s=0.05))
    with pytest.raises(UpstreamUnreachable, match="did not answer in time"):
        await library.program(cid)
