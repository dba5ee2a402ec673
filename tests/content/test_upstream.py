"""One gateway: what it may send, and what it does not get away with."""

import asyncio
import gzip
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.content.gateways import Gateway, Handler, closed_port, own_certificate, running
from tests.content.samples import content, file_in, raw_block, stored
from wapo.content.blocks import Block, MemoryBlocks
from wapo.content.cid import Cid
from wapo.content.errors import (
    BlockTooLarge,
    ContentNotFound,
    HashMismatch,
    InvalidUpstream,
    MalformedCar,
    UpstreamUnreachable,
)
from wapo.content.upstream import Timeouts, Upstream, is_public, public_connector

BLOCK = raw_block(b"sound")

Start = Callable[..., Awaitable[Gateway]]


@asynccontextmanager
async def upstream(
    url: str, *, timeouts: Timeouts | None = None, elsewhere_public: bool = True
) -> AsyncIterator[Upstream]:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        aiohttp.ClientSession(connector=public_connector() if elsewhere_public else None) as elsewhere,
    ):
        yield Upstream(url, lambda: session, lambda: elsewhere, timeouts=timeouts or Timeouts(), max_block_bytes=1000)


async def block_from(url: str, cid: Cid = BLOCK.cid, *, elsewhere_public: bool = True) -> Block:
    async with upstream(url, elsewhere_public=elsewhere_public) as gateway:
        return await gateway.block(cid)


async def archive_from(url: str, cid: Cid = BLOCK.cid, max_bytes: int = 100_000) -> list[Block]:
    async with upstream(url) as gateway:
        return [block async for block in gateway.archive(cid, max_bytes)]


def always(response: Callable[[], web.StreamResponse]) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return response()

    return handle


async def test_a_block_is_asked_for_as_the_specification_says(start: Start) -> None:
    """Format both in the query and in Accept; nothing that could be compressed."""
    gateway = await start(stored(BLOCK))
    assert await block_from(gateway.url) == BLOCK
    (request,) = gateway.requests
    assert request.path_qs == f"/ipfs/{BLOCK.cid}?format=raw"
    assert request.headers["Accept"] == "application/vnd.ipld.raw"
    assert request.headers["Accept-Encoding"] == "identity"


async def test_an_archive_is_asked_for_as_the_specification_says(start: Start) -> None:
    """Only what it takes to read the file."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    gateway = await start(store)
    blocks = await archive_from(gateway.url, cid)
    assert {block.cid for block in blocks} >= {cid}
    assert len(blocks) == len(list(store.entries()))
    (request,) = gateway.requests
    assert request.path_qs == f"/ipfs/{cid}?format=car&dag-scope=entity"
    assert request.headers["Accept"] == "application/vnd.ipld.car; version=1; order=dfs; dups=n"


@pytest.mark.parametrize("suffix", ["", "/", "/ipfs", "/ipfs/", "?x=1"])
async def test_an_address_may_be_written_in_several_ways(start: Start, suffix: str) -> None:
    """People paste what they find."""
    gateway = await start(stored(BLOCK))
    assert await block_from(gateway.url + suffix) == BLOCK
    assert gateway.requests[0].path == f"/ipfs/{BLOCK.cid}"


@pytest.mark.parametrize("url", ["", "gateway.example", "ftp://gateway.example", "http://", "http://[::1", "/ipfs"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    """When it is configured, not when it is needed."""
    with pytest.raises(InvalidUpstream, match="is no address of a gateway"):
        await block_from(url)


async def test_names_do_not_tell_passwords() -> None:
    """They are in error messages, which strangers see."""
    async with upstream("https://user:secret@gateway.example/ipfs?token=secret#secret") as gateway:
        assert gateway.name == "https://gateway.example"


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_not_there_is_not_found(start: Start, status: int) -> None:
    """The gateway's word for it; others may have it."""
    gateway = await start(instead=always(lambda: web.Response(status=status)))
    with pytest.raises(ContentNotFound, match=r"http://127.0.0.1:\d+ does not have bafk"):
        await block_from(gateway.url)
    with pytest.raises(ContentNotFound):
        await archive_from(gateway.url)


@pytest.mark.parametrize("status", [201, 206, 400, 401, 429, 500, 502, 504])
async def test_any_other_status_is_no_answer(start: Start, status: int) -> None:
    """Its body may be an error page, which must not become a program."""
    gateway = await start(instead=always(lambda: web.Response(status=status, body=BLOCK.data)))
    with pytest.raises(UpstreamUnreachable, match=f"answered with status {status}"):
        await block_from(gateway.url)


@pytest.mark.parametrize("body", [b"soun\0", b"", b"<html>sound</html>", BLOCK.data * 2])
async def test_something_else_is_refused(start: Start, body: bytes) -> None:
    """Whatever the content type claims."""
    gateway = await start(instead=always(lambda: web.Response(body=body, content_type="application/vnd.ipld.raw")))
    with pytest.raises(HashMismatch, match=r"that http://127.0.0.1:\d+ gave for bafk\w+ have another hash"):
        await block_from(gateway.url)


async def test_a_large_block_is_checked_as_well(start: Start) -> None:
    """In a thread, which must not lose the answer."""
    block = raw_block(content(300_000))
    for tampered in (set(), {block.cid}):
        gateway = await start(stored(block), tampered=tampered)
        async with aiohttp.ClientSession() as session:
            large = Upstream(gateway.url, lambda: session, lambda: session, timeouts=Timeouts())
            if tampered:
                with pytest.raises(HashMismatch):
                    await large.block(block.cid)
            else:
                assert await large.block(block.cid) == block


async def test_compressed_bodies_are_not_unpacked(start: Start) -> None:
    """They were not asked for; a kilobyte of gzip can be a gigabyte."""
    packed = gzip.compress(BLOCK.data)
    gateway = await start(instead=always(lambda: web.Response(body=packed, headers={"Content-Encoding": "gzip"})))
    with pytest.raises(HashMismatch):
        await block_from(gateway.url)


async def test_a_block_over_the_limit_is_cut_off_by_its_length(start: Start) -> None:
    """Before anything of it is read."""
    gateway = await start(stored(raw_block(bytes(1001))))
    with pytest.raises(BlockTooLarge, match="1001 bytes is over the limit of 1000"):
        await block_from(gateway.url, raw_block(bytes(1001)).cid)


def streaming(pieces: Callable[[], AsyncIterator[bytes]], content_type: str = "application/vnd.ipld.raw") -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        try:
            async for piece in pieces():
                await response.write(piece)
        except ConnectionError:
            pass
        return response

    return handle


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(200)


async def test_an_endless_block_is_cut_off_while_it_arrives(start: Start) -> None:
    """It declares no length at all."""
    gateway = await start(instead=streaming(endless))
    with pytest.raises(BlockTooLarge):
        await block_from(gateway.url)


async def test_an_endless_archive_is_cut_off_while_it_arrives(start: Start) -> None:
    """Of blocks that are all sound, and that nobody wants."""
    gateway = await start()
    archive = gateway.archive(BLOCK.cid)
    section = Gateway(stored(BLOCK)).archive(BLOCK.cid)[len(archive) :]

    async def blocks() -> AsyncIterator[bytes]:
        yield archive
        while True:
            yield section

    gateway.instead = streaming(blocks, "application/vnd.ipld.car")
    with pytest.raises(MalformedCar, match="larger than the file can be"):
        await archive_from(gateway.url, max_bytes=5000)


async def test_a_connection_cut_half_way_is_no_answer(start: Start) -> None:
    """A length was declared, less came."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5"})
        await response.prepare(request)
        await response.write(b"so")
        assert request.transport is not None
        request.transport.close()
        return response

    gateway = await start(instead=handle)
    with pytest.raises(UpstreamUnreachable, match="cannot be reached"):
        await block_from(gateway.url)


async def test_silence_is_no_answer(start: Start) -> None:
    """Connections are accepted and nothing comes."""
    gateway = await start()
    gateway.gate.clear()
    async with upstream(gateway.url, timeouts=Timeouts(silence_s=0.1)) as silent:
        with pytest.raises(UpstreamUnreachable, match="did not answer in time"):
            await silent.block(BLOCK.cid)


async def test_an_answer_must_begin_in_time(start: Start) -> None:
    """However long its pieces may take afterwards."""
    gateway = await start()
    gateway.gate.clear()
    async with upstream(gateway.url, timeouts=Timeouts(answer_s=0.1)) as silent:
        with pytest.raises(UpstreamUnreachable, match="did not answer in time"):
            await silent.block(BLOCK.cid)


async def test_it_is_told_when_an_answer_begins(start: Start) -> None:
    gateway = await start()
    gateway.store.put_verified([BLOCK])
    begun: list[str] = []
    async with upstream(gateway.url) as there:
        assert await there.block(BLOCK.cid, lambda: begun.append("begun")) == BLOCK
        assert begun == ["begun"]
        gateway.hidden.add(BLOCK.cid)
        with pytest.raises(ContentNotFound):
            await there.block(BLOCK.cid, lambda: begun.append("again"))
        assert begun == ["begun"]


async def test_dripping_is_no_answer(start: Start) -> None:
    """A byte now and then keeps a connection alive, and is bounded by the time for the whole."""
    over = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        while not over.is_set():
            yield b"x"
            await asyncio.wait([asyncio.create_task(over.wait())], timeout=0.01)

    gateway = await start(instead=streaming(drip))
    async with upstream(gateway.url, timeouts=Timeouts(silence_s=5, block_s=0.2)) as dripping:
        with pytest.raises(UpstreamUnreachable, match="did not answer in time"):
            await dripping.block(BLOCK.cid)
    over.set()


async def test_nobody_there_is_no_answer() -> None:
    """The message is one sentence, not a stack of exceptions."""
    with pytest.raises(UpstreamUnreachable, match="cannot be reached"):
        await block_from(closed_port())
    with pytest.raises(UpstreamUnreachable):
        await block_from("http://gateway.invalid")


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(status=406),
        lambda: web.Response(status=400),
        lambda: web.Response(body=b"the file itself", content_type="text/javascript"),
    ],
)
async def test_a_gateway_without_archives_is_asked_once(
    start: Start, response: Callable[[], web.StreamResponse]
) -> None:
    """Blocks one by one will do."""
    gateway = await start(instead=always(response))
    async with upstream(gateway.url) as without:
        assert without.offers_archives
        assert [block async for block in without.archive(BLOCK.cid, 1000)] == []
        assert not without.offers_archives


async def test_an_archive_with_a_tampered_block_gives_what_was_before_it(start: Start) -> None:
    """And then says who sent it."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    leaf = raw_block(content(1000)[64:128])
    gateway = await start(store, tampered={leaf.cid})
    received = []

    async def receive() -> None:
        async with upstream(gateway.url) as tampering:
            async for block in tampering.archive(cid, 100_000):
                received.append(block)

    with pytest.raises(HashMismatch, match=r"127\.0\.0\.1"):
        await receive()
    assert received[0].cid == cid
    assert leaf not in received
    assert len(received) >= 3


async def test_an_archive_cut_short_says_so(start: Start) -> None:
    """At its end, not never."""
    whole = Gateway(stored(BLOCK)).archive(BLOCK.cid)
    gateway = await start(
        instead=always(lambda: web.Response(body=whole[:-1], content_type="application/vnd.ipld.car"))
    )
    with pytest.raises(MalformedCar, match="cut short"):
        await archive_from(gateway.url)


async def test_leaving_an_archive_early_closes_the_connection(start: Start) -> None:
    """Who has all it needs does not wait for the rest."""
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await streaming(more, "application/vnd.ipld.car")(request)
        finally:
            gone.set()

    async def more() -> AsyncIterator[bytes]:
        yield Gateway(stored(BLOCK)).archive(BLOCK.cid)
        async for piece in endless():
            yield piece

    gateway = await start(instead=handle)
    async with upstream(gateway.url) as talkative:
        blocks = talkative.archive(BLOCK.cid, 1 << 30)
        assert await anext(blocks) == BLOCK
        await blocks.aclose()
        await asyncio.wait_for(gone.wait(), 10)


# Redirects


def redirect(to: str, status: int = 301) -> Handler:
    return always(lambda: web.Response(status=status, headers={"Location": to}))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(start: Start, status: int) -> None:
    """Gateways send /ipfs/<cid> to <cid>.ipfs.<gateway>. (Here elsewhere may be loopback, as an own connector says.)"""
    there = await start(stored(BLOCK))
    here = await start(instead=redirect(f"{there.url}/ipfs/{BLOCK.cid}?format=raw", status))
    assert await block_from(here.url, elsewhere_public=False) == BLOCK


async def test_a_redirect_to_a_private_address_is_not(start: Start) -> None:
    """Nobody configured that: it could be the cloud's metadata service or the operator's database."""
    there = await start(stored(BLOCK))
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"):
        target = there.url.replace("127.0.0.1", host)
        here = await start(instead=redirect(f"{target}/ipfs/{BLOCK.cid}?format=raw"))
        with pytest.raises(UpstreamUnreachable, match=r"is not (public|a canonical)"):
            await block_from(here.url)
    assert there.requests == []


async def test_a_redirect_may_not_leave_https(start: Start, tmp_path: Path) -> None:
    """Whoever is on the way could see and change what follows. (The certificate is the test's own.)"""
    there = await start(stored(BLOCK))
    here = Gateway(instead=redirect(f"{there.url}/ipfs/{BLOCK.cid}?format=raw"))
    async with (
        running(here, tls=own_certificate(tmp_path)),
        aiohttp.ClientSession() as elsewhere,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
    ):
        gateway = Upstream(here.url, lambda: session, lambda: elsewhere, timeouts=Timeouts())
        with pytest.raises(UpstreamUnreachable, match="redirects from https to http"):
            await gateway.block(BLOCK.cid)
    assert there.requests == []


async def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    """Not that it mattered for the content; but the operator asked for that gateway."""
    async with running(Gateway(stored(BLOCK)), tls=own_certificate(tmp_path)) as gateway:
        with pytest.raises(UpstreamUnreachable, match="certificate"):
            await block_from(gateway.url)


@pytest.mark.parametrize("target", ["", "file:///etc/passwd", "http://", "gopher://x", "http://[::1"])
async def test_a_redirect_to_nowhere_is_refused(start: Start, target: str) -> None:
    """Schemes that are no HTTP, and itself."""
    here = await start(instead=redirect(target))
    with pytest.raises(UpstreamUnreachable):
        await block_from(here.url, elsewhere_public=False)
    assert len(here.requests) == 1


async def test_redirects_end_somewhere(start: Start) -> None:
    """Two gateways can point at each other."""
    here, there = await start(), await start()
    here.instead = redirect(f"{there.url}/ipfs/{BLOCK.cid}?a")
    there.instead = redirect(f"{here.url}/ipfs/{BLOCK.cid}?b")
    with pytest.raises(UpstreamUnreachable, match="again and again"):
        await block_from(here.url, elsewhere_public=False)
    assert len(here.requests) + len(there.requests) == 4


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::101:101", True),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    """Also where one is wrapped in another."""
    assert ipaddress.ip_address(address.partition("%")[0])
    assert is_public(address) is public
