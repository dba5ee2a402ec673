"""Several gateways, and what each kind of failure of some or all of them means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.content.gateways import Gateway, closed_port
from tests.content.samples import content, file_in, raw_block, stored
from wapo.content.blocks import MemoryBlocks
from wapo.content.errors import (
    BlockTooLarge,
    ContentNotFound,
    HashMismatch,
    InvalidUpstream,
    UpstreamUnreachable,
)
from wapo.content.fetch import Fetcher, open_fetcher
from wapo.content.upstream import Timeouts, Upstream

BLOCK = raw_block(b"sound")
Start = Callable[..., Awaitable[Gateway]]
# Long enough for an honest gateway on a busy machine.
IMPATIENT = Timeouts(silence_s=0.5)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def fetcher(*urls: str, clock: Clock | None = None) -> AsyncIterator[Fetcher]:
    async with aiohttp.ClientSession() as session:
        upstreams = [
            Upstream(url, lambda: session, lambda: session, timeouts=IMPATIENT, max_block_bytes=1000) for url in urls
        ]
        yield Fetcher(upstreams, clock=clock or Clock())


async def test_the_first_that_has_it_is_enough(start: Start) -> None:
    """Nobody else is bothered."""
    first, second = await start(stored(BLOCK)), await start(stored(BLOCK))
    async with fetcher(first.url, second.url) as both:
        assert await both.block(BLOCK.cid) == BLOCK
    assert (len(first.requests), len(second.requests)) == (1, 0)


async def spoil(gateway: Gateway, how: str) -> None:
    async def large(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(2000))

    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    match how:
        case "absent":
            gateway.hidden.add(BLOCK.cid)
        case "tampered":
            gateway.tampered.add(BLOCK.cid)
        case "large":
            gateway.instead = large
        case "broken":
            gateway.instead = broken
        case "silent":
            gateway.gate.clear()


@pytest.mark.parametrize("how", ["absent", "tampered", "large", "broken", "silent"])
async def test_any_failure_leads_to_the_next(start: Start, how: str) -> None:
    """One bad gateway must not make a program unavailable."""
    bad, good = await start(stored(BLOCK)), await start(stored(BLOCK))
    await spoil(bad, how)
    async with fetcher(bad.url, closed_port(), good.url) as all_of_them:
        assert await all_of_them.block(BLOCK.cid) == BLOCK


@pytest.mark.parametrize(
    ("failures", "error", "status"),
    [
        (["absent"], ContentNotFound, 404),
        (["absent", "absent"], ContentNotFound, 404),
        (["absent", "broken"], UpstreamUnreachable, 502),
        (["silent", "absent"], UpstreamUnreachable, 502),
        (["broken", "tampered", "absent"], HashMismatch, 502),
        (["tampered", "large", "broken"], BlockTooLarge, 413),
    ],
)
async def test_when_all_fail_the_gravest_reason_counts(
    start: Start, failures: list[str], error: type[Exception], status: int
) -> None:
    """And all are told. 404 is said only if everybody said so: it is the one answer that people believe for good."""
    gateways = [await start(stored(BLOCK)) for _ in failures]
    for gateway, how in zip(gateways, failures, strict=True):
        await spoil(gateway, how)
    async with fetcher(*(gateway.url for gateway in gateways)) as all_of_them:
        with pytest.raises(error) as failed:
            await all_of_them.block(BLOCK.cid)
    assert type(failed.value) is error
    assert failed.value.status == status  # type: ignore[attr-defined]
    assert str(BLOCK.cid) in str(failed.value)
    assert all(gateway.url in str(failed.value) for gateway in gateways if "large" not in failures)


async def test_without_upstreams_nothing_is_found() -> None:
    """The message says why."""
    async with fetcher() as nobody:
        with pytest.raises(ContentNotFound, match="no upstream is configured"):
            await nobody.block(BLOCK.cid)


@pytest.mark.parametrize("how", ["tampered", "broken"])
async def test_a_failing_upstream_is_asked_last_for_a_while(start: Start, how: str) -> None:
    """Or each of a hundred blocks would wait for its timeout."""
    clock = Clock()
    bad, good = await start(stored(BLOCK)), await start(stored(BLOCK))
    await spoil(bad, how)
    async with fetcher(bad.url, good.url, clock=clock) as both:
        for _ in range(3):
            await both.block(BLOCK.cid)
        assert (len(bad.requests), len(good.requests)) == (1, 3)
        clock.now += 31
        await both.block(BLOCK.cid)
        assert (len(bad.requests), len(good.requests)) == (2, 4)


async def test_a_failing_upstream_is_still_asked_before_giving_up(start: Start) -> None:
    """It may be the only one that has it, and back."""
    only, empty = await start(stored(BLOCK)), await start()
    await spoil(only, "silent")
    async with fetcher(only.url, empty.url) as both:
        with pytest.raises(UpstreamUnreachable):
            await both.block(BLOCK.cid)
        only.gate.set()
        assert await both.block(BLOCK.cid) == BLOCK


async def test_not_having_one_thing_is_no_reason_to_be_avoided(start: Start) -> None:
    """It may have the next."""
    clock = Clock()
    first, second = await start(stored(raw_block(b"other"))), await start(stored(BLOCK))
    async with fetcher(first.url, second.url, clock=clock) as both:
        await both.block(BLOCK.cid)
        await both.block(raw_block(b"other").cid)
    assert (len(first.requests), len(second.requests)) == (2, 1)


async def test_archives_come_from_one_after_another(start: Start) -> None:
    """What one leaves out the next may have; failures are not raised, blocks one by one will tell."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    half, broken, whole = await start(store), await start(store), await start(store)
    half.hidden = {raw_block(content(1000)[64:128]).cid}
    await spoil(broken, "broken")
    async with fetcher(half.url, broken.url, whole.url) as all_of_them:
        blocks = {block.cid async for block in all_of_them.archive(cid, 100_000)}
    assert len(blocks) == len(list(store.entries()))


async def test_a_gateway_without_archives_is_not_asked_for_them_again(start: Start) -> None:
    """Nor avoided for that."""
    store = MemoryBlocks()
    cid = file_in(store, content(1000))
    without = await start(store, offers_archives=False)
    other = await start(store)
    async with fetcher(without.url, other.url) as both:
        for _ in range(3):
            assert [block async for block in both.archive(cid, 100_000)]
        await both.block(cid)
    assert without.asked == {"car": 1, "raw": 1}


async def test_what_is_being_fetched_does_not_hold_up_who_looks_for_something(start: Start) -> None:
    """However many blocks of large programs are on their way."""
    gateway = await start(MemoryBlocks())
    gateway.gate.clear()
    async with open_fetcher([gateway.url]) as fetcher:
        blocks = [asyncio.create_task(fetcher.block(raw_block(b"%d" % number).cid)) for number in range(70)]
        async with asyncio.timeout(10):
            while gateway.now < 64:
                await asyncio.sleep(0.005)
            looking = asyncio.create_task(fetcher.lookup(raw_block(b"new").cid))
            while gateway.now < 65:
                await asyncio.sleep(0.005)
        assert str(raw_block(b"new").cid) in gateway.requests[-1].path
        gateway.gate.set()
        results = await asyncio.gather(*blocks, looking, return_exceptions=True)
        assert all(isinstance(result, ContentNotFound) for result in results)
        assert gateway.most_at_once == 65


async def test_opening_makes_sessions_that_end(start: Start) -> None:
    """The caller's connectors are used for everything, also where a redirect leads."""
    there = await start(stored(BLOCK))
    here = await start()

    async def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": there.url + request.path_qs})

    here.instead = away
    made: list[aiohttp.BaseConnector] = []

    def connector() -> aiohttp.BaseConnector:
        made.append(aiohttp.TCPConnector())
        return made[-1]

    async with open_fetcher([here.url, here.url], connector_factory=connector) as opened:
        assert await opened.block(BLOCK.cid) == BLOCK
    assert len(made) == 2
    assert all(each.closed for each in made)


async def test_without_an_own_connector_redirects_stay_public(start: Start) -> None:
    """The configured gateway may be local, what it points at may not."""
    there, here = await start(stored(BLOCK)), await start(stored(BLOCK))
    async with open_fetcher([here.url]) as opened:
        assert await opened.block(BLOCK.cid) == BLOCK

        async def away(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": there.url + request.path_qs})

        here.instead = away
        with pytest.raises(UpstreamUnreachable, match="not public"):
            await opened.block(BLOCK.cid)
    assert there.requests == []


async def test_a_bad_address_is_refused_when_opening() -> None:
    """And leaves no session open: warnings are errors here."""
    with pytest.raises(InvalidUpstream):
        async with open_fetcher(["http://good.example", "bad"]):
            pass
