"""Clients that speak HTTP badly, slowly, too much, or not to the end."""

import asyncio
import gzip
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.conftest import Site, SiteFactory, serving
from tests.fuzz.servers import Recorder, second_opinion
from tests.hostile.neighbours import GOOD, handler
from tests.hostile.requests import CHUNKED, MALFORMED, SOUND
from wapo.gateway.front_door import MAX_HEAD_BYTES, FrontDoor, Patience
from wapo.gateway.heads import MAX_HEADERS
from wapo.gateway.upgrade import AgentDoor, UpgradingDoor

ECHO = "export default { fetch: async (r) => new Response(`${r.method} ${await r.text()}`) };"
DEAF = "export default { fetch: () => new Response('not read') };"
ENDLESS = """export default { fetch: () => new Response(new ReadableStream({
  pull(controller) { controller.enqueue(new Uint8Array(65536)); },
})) };"""

#: Short enough for tests, long enough for a machine that does other things too.
HASTY = Patience(head_s=0.3, body_s=0.3, rest_s=0.3, stalled_s=0.3)


@asynccontextmanager
async def connection(site: Site | str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a site, of which little is read ahead."""
    host, port = (site if isinstance(site, str) else site.url).removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.transport.abort()


async def converse(site: Site | str, request: bytes) -> bytes:
    """Everything that comes back for some bytes, to the end of the connection."""
    async with connection(site) as (reader, writer):
        writer.write(request)
        return await rest_of(reader)


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    parts = []
    try:
        while part := await reader.read(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


async def calm(site: Site) -> None:
    """Waits until no machine is left, and sees that the next client is served."""
    async with asyncio.timeout(20):
        while site.node.admission.machines:
            await asyncio.sleep(0.005)
    assert (await site.run(GOOD)).text == "fine"


def with_path(request: bytes, path: bytes) -> bytes:
    return request.replace(b"%s", path).replace(b"%%", b"%")


@pytest.fixture(params=["at once", "by ASGI"])
async def either(open_site: SiteFactory, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """A site that answers small requests in their connection's callback, and one that does not."""
    async with open_site(server={} if request.param == "at once" else {"at_once": None}) as opened:
        yield opened


async def test_what_is_not_sound_http_is_refused(either: Site) -> None:
    """Promise: a request that two servers could read differently is answered once, with an error, and nothing that
    comes after it is read: no request can be smuggled past a proxy in front."""
    path = (await either.publish(ECHO)).encode()
    smuggled = await either.publish(handler("console.log('smuggled')"))
    await either.client.get(path.decode())
    await either.client.get(smuggled)
    tail = b"GET " + smuggled.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    for name, request in MALFORMED.items():
        answer = await converse(either, with_path(request, path) + tail)
        assert answer.split(b" ")[1] in (b"400", b"501"), name
        assert answer.count(b"HTTP/1.1 ") == 1, name
    await calm(either)
    assert await either.log(smuggled) == ["smuggled"]


async def test_what_only_looks_so_is_served(either: Site) -> None:
    """And so is what follows."""
    path, good = (await either.publish(ECHO)).encode(), (await either.publish(GOOD)).encode()
    tail = b"GET " + good + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    await either.client.get(path.decode())
    await either.client.get(good.decode())
    for name, request in SOUND.items():
        answer = await converse(either, with_path(request, path) + tail)
        assert answer.count(b"HTTP/1.1 200") == 2, (name, answer)
        assert answer.endswith(b"fine"), name


@pytest.mark.parametrize(
    ("corpus", "door", "path"),
    [
        pytest.param(MALFORMED, AgentDoor, b"/ipfs/x", id="malformed"),
        pytest.param(SOUND, AgentDoor, b"/ipfs/x", id="sound"),
        pytest.param(MALFORMED, UpgradingDoor, b"/app/x", id="malformed, to apps"),
    ],
)
async def test_another_parser_agrees(corpus: dict[str, bytes], door: type[FrontDoor], path: bytes) -> None:
    """What reaches the application is what h11 finds, or less."""
    app = Recorder()
    async with serving(app, at_once=app.at_once, door=door) as url:
        for name, request in corpus.items():
            app.seen.clear()
            data = with_path(request, path) + b"GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            await converse(url, data)
            found = second_opinion(data)
            assert app.seen == (found if corpus is SOUND else []), name


async def test_a_host_in_the_target_counts(either: Site) -> None:
    """RFC 9112 3.2.2: the header is not even looked at."""
    path = (
        await either.publish("export default { fetch: (r) => Response.json([r.url, r.headers.get('host')]) };")
    ).encode()
    for _ in range(2):
        answer = await converse(
            either, b"GET http://b.example:81" + path + b"/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        assert answer.endswith(b'["http://b.example:81/x?y","b.example:81"]')


async def test_what_follows_a_request_does_not_harm_it(site: Site) -> None:
    """Promise: a request is answered although the next one on the connection makes no sense; then it is closed."""
    path = (await site.publish(ECHO)).encode()
    answer = await converse(site, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"GET ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_an_upgrade_is_not_made_and_does_no_harm(site: Site) -> None:
    """Clients that offer HTTP/2 on plain connections are served with HTTP/1.1, request after request."""
    path = (await site.publish(ECHO)).encode()
    offer = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    post = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    answer = await converse(site, offer + offer + post)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.endswith(b"POST abc")


async def test_trailers_are_not_headers(site: Site) -> None:
    """Promise: what comes after a body changes nothing of what was said before it (RFC 9110 6.5.1)."""
    agent = "export default { fetch: async (r) => { await r.text(); return Response.json([...r.headers.keys()]); } };"
    path = (await site.publish(agent)).encode()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + CHUNKED + b"\r\n"
    answer = await converse(site, head + b"3\r\nabc\r\n0\r\nX-Trailer: x\r\nAuthorization: y\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"trailer" not in answer
    assert b"authorization" not in answer


async def test_a_trailer_may_end_the_connection(site: Site) -> None:
    """Which no client should do (RFC 9110 6.5.1). The parser takes it at its word, so nobody waits for more."""
    for agent in (ECHO, DEAF):
        path = (await site.publish(agent)).encode()
        head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n"
        tail = b"3\r\nabc\r\n0\r\nConnection: close\r\n\r\n"
        assert (await converse(site, head + tail)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_is_taken_as_it_comes(site: Site) -> None:
    """Promise: nothing that is compressed swells on its way in: bodies are the agent's to decode, in its own memory."""
    agent = "export default { fetch: async (r) => new Response(String((await r.arrayBuffer()).byteLength)) };"
    bomb = gzip.compress(bytes(10 << 20))
    for coding in ("gzip", "gzip, gzip", "br", "deflate"):
        response = await site.run(agent, "POST", content=bomb, headers={"content-encoding": coding})
        assert response.text == str(len(bomb))


def floods(path: bytes) -> dict[str, tuple[bytes, bytes]]:
    """How a head begins, and what it goes on with."""
    start = b"GET " + path
    chunked = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n3\r\nabc\r\n"
    return {
        "a target": (start, b"a" * 8000),
        "a header": (start + b" HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 8000),
        "a name": (start + b" HTTP/1.1\r\nHost: a\r\n", b"a" * 8000),
        "headers": (start + b" HTTP/1.1\r\nHost: a\r\n", b"X: a\r\n" * 1300),
        "empty headers": (start + b" HTTP/1.1\r\nHost: a\r\n", b"X:\r\n" * 2000),
        "empty lines": (b"", b"\r\n" * 4000),
        "a chunk extension": (chunked + b"3;", b"a" * 8000),
        "a trailer": (chunked + b"0\r\nX: ", b"a" * 8000),
        "trailers": (chunked + b"0\r\n", b"X: a\r\n" * 1300),
    }


async def test_a_head_is_bounded(site: Site) -> None:
    """Promise: what a client can make the host keep before a request has even begun is bounded, and so are trailers."""
    for name, (start, more) in floods((await site.publish(ECHO)).encode()).items():
        async with connection(site) as (reader, writer):
            writer.write(start)
            taken = 0
            try:
                while taken < 16 << 20 and not reader.at_eof():
                    writer.write(more)
                    await writer.drain()
                    taken += len(more)
                    await asyncio.sleep(0)
            except ConnectionError:
                pass
            assert taken < 16 << 20, name
    await calm(site)


async def test_a_large_head_is_told_so(site: Site) -> None:
    answer = await converse(site, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (MAX_HEAD_BYTES + (16 << 10)))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_headers_are_counted(site: Site) -> None:
    """Each costs more than its bytes say. Trailers are among them."""
    for count, status in ((MAX_HEADERS - 2, b"200"), (MAX_HEADERS, b"431"), (12_000, b"431")):
        answer = await converse(
            site, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + b"X:\r\n" * count + b"\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 " + status), count
    path = (await site.publish(ECHO)).encode()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n3\r\nabc\r\n0\r\n"
    assert (await converse(site, head + b"X:\r\n" * 12_000 + b"\r\n")).startswith(b"HTTP/1.1 431")


async def test_a_head_may_be_nearly_so_large(site: Site) -> None:
    """And many requests may come at once, each with a head of its own, or a body in many small chunks."""
    path = (await site.publish(ECHO)).encode()
    large = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (MAX_HEAD_BYTES - 1000) + b"\r\n\r\n"
    small = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n" + b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n"
    last = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await converse(site, large * 4 + small + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert b"POST " + b"a" * 40_000 in answer


async def test_a_slow_client_is_not_waited_for(open_site: SiteFactory) -> None:
    """Promise: a client that sends nothing, half a head, half a body, or no end to a body that nobody wants, holds a
    connection for so long and no longer."""
    async with open_site(server={"patience": HASTY}) as site:
        echo, deaf = (await site.publish(ECHO)).encode(), (await site.publish(DEAF)).encode()
        whole = b"POST " + echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        assert await converse(site, b"") == b""
        assert (await converse(site, b"GET / HTTP/1.1\r\nHos")).startswith(b"HTTP/1.1 408 ")
        second = await converse(site, whole + b"GET / HTTP/1.1\r\nHos")
        assert second.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in second
        half = b" HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
        assert (await converse(site, b"POST " + echo + half)).startswith(b"HTTP/1.1 408 ")
        half = b" HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\nabc"
        assert (await converse(site, b"POST " + echo + half)).startswith(b"HTTP/1.1 408 ")
        assert (await converse(site, b"POST " + deaf + half)).startswith(b"HTTP/1.1 200 ")
        async with connection(site) as (_, writer):
            before = site.connections
            writer.write(b"POST " + deaf + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n")
            while site.connections >= before:  # it goes on and on
                writer.write(b"1\r\na\r\n")
                await asyncio.sleep(0.01)
        await calm(site)


async def test_a_client_that_does_not_read_is_cut_off(open_site: SiteFactory) -> None:
    """Promise: an answer that nobody takes is not kept: neither one that goes on, nor what is left of one that is
    complete."""
    large = handler("return new Response(new Uint8Array(24 << 20))")
    async with open_site(server={"patience": HASTY}, time_s=60) as site:
        for agent, more in ((ENDLESS, b""), (large, b""), (large, b"Connection: close\r\n")):
            path = (await site.publish(agent)).encode()
            async with connection(site) as (reader, writer):
                writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n")
                await reader.read(1)
                before = site.connections
                while site.connections >= before:
                    await asyncio.sleep(0.01)
            await calm(site)


async def test_a_client_that_reads_slowly_is_served(open_site: SiteFactory) -> None:
    """Promise: who makes progress is not cut off, however long it takes."""
    async with open_site(server={"patience": HASTY}) as site:
        path = (await site.publish(handler("return new Response(new Uint8Array(24 << 20))"))).encode()
        async with connection(site) as (reader, writer):
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            count, started = 0, asyncio.get_running_loop().time()
            while part := await reader.read(1 << 20):
                count += len(part)
                if asyncio.get_running_loop().time() - started < 1.5:  # several times what a stalled client gets
                    await asyncio.sleep(0.02)
        assert count == 24 << 20


async def test_going_away_leaves_nothing_behind(site: Site) -> None:
    """Promise: a client may vanish at any moment: its machine ends, and the others notice nothing."""
    echo, endless = (await site.publish(ECHO)).encode(), (await site.publish(ENDLESS)).encode()
    waiter = (await site.publish(handler("await new Promise((r) => setTimeout(r, 30000))"))).encode()
    moments = (
        b"", b"GET ", b"GET " + echo, b"POST " + echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        b"POST " + echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nabc",
        b"POST " + echo + b" HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n3\r\nab",
        b"GET " + waiter + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"GET " + endless + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET " + endless + b" HTTP/1.1\r\nHost: a\r\n\r\n" * 3, b"GET " + echo + b" HTTP/1.1\r\nHost: a\r\n\r\n" * 20,
    )  # fmt: skip
    await calm(site)
    for moment in moments:
        for half_open in (False, True):
            async with connection(site) as (_, writer):
                writer.write(moment)
                if half_open and writer.can_write_eof():
                    writer.write_eof()
                await site.client.get("/healthz")  # the server has seen it
    await calm(site)


async def test_many_connections_are_no_burden(open_site: SiteFactory) -> None:
    """Promise: connections that do nothing cost next to nothing, and there are no more of them than the process has
    room for: who comes then is told so, and who is there already is served."""
    count = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    async with open_site(server={"max_connections": count + 1}) as site:
        path = await site.publish(GOOD)
        assert (await site.client.get(path)).text == "fine"
        host, port = site.url.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
        try:
            assert (await site.client.get(path)).text == "fine"
            assert (await converse(site, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
            reader, writer = idle[count // 2]
            writer.write(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).endswith(b"fine")
        finally:
            for _, writer in idle:
                writer.transport.abort()


async def test_connections_that_are_closed_count_no_more(open_site: SiteFactory) -> None:
    async with open_site(server={"max_connections": 4}) as site:
        request = b"GET " + (await site.publish(GOOD)).encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        for _ in range(20):
            assert (await converse(site, request)).endswith(b"fine")


async def test_what_nobody_reads_is_bounded(open_site: SiteFactory) -> None:
    """Promise: many clients that ask for much and read little do not fill the host's memory: those with the most are
    cut off, and a client that takes a little, or reads, is not among them."""
    async with open_site(server={"max_unsent_bytes": 64 << 20}) as site:
        large = (await site.publish(handler("return new Response(new Uint8Array(24 << 20))"))).encode()
        small = (await site.publish(handler("return new Response(new Uint8Array(8 << 20))"))).encode()
        request = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        async with AsyncExitStack() as stack:
            reader, writer = await stack.enter_async_context(connection(site))
            writer.write(b"GET " + small + request)
            await reader.read(1)
            for _ in range(8):
                other, their_writer = await stack.enter_async_context(connection(site))
                their_writer.write(b"GET " + large + request)
                await other.read(1)
                await calm(site)
            assert site.connections <= 2 + 4  # the client of the tests, the small one, and those of 24 MB that fit
            assert len(await rest_of(reader)) > 8 << 20


def test_a_node_takes_the_descriptors_that_it_may_have() -> None:
    """The soft limit that most systems set is for programs of another kind."""
    script = """if True:
        import resource
        from wapo.cli.serve import take_descriptors
        hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        take_descriptors()
        print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


NUMBERED = handler("return new Response(new URL(request.url).search)")


async def test_requests_that_wait_are_not_even_taken_apart(either: Site) -> None:
    """Promise: many small requests on one connection cost the bytes that they have, not what they would become; they
    are answered in order all the same, and others come in between."""
    count = 4000
    slow = (await either.publish(handler("await new Promise((r) => setTimeout(r, 300))"))).encode()
    quick = (await either.publish(NUMBERED)).encode()
    await either.client.get(quick.decode())
    async with connection(either) as (reader, writer):
        writer.write(b"GET " + slow + b" HTTP/1.1\r\nHost:a\r\n\r\n")
        writer.write(b"".join(b"GET %s?%d HTTP/1.1\r\nHost:a\r\n\r\n" % (quick, number) for number in range(count)))
        while not either.node.admission.machines:
            await asyncio.sleep(0.001)
        assert (await either.client.get(quick.decode() + "?other")).text == "?other"
        doors: list[Any] = [door for door in either.server.server_state.connections if getattr(door, "pipeline", None)]
        assert len(doors) == 1
        assert len(doors[0].pipeline) < 50
        assert len(doors[0]._held) <= 1 << 19
        answers = b""
        while answers.count(b"\r\n\r\n") < count + 1 or not answers.endswith(b"?%d" % (count - 1)):
            answers += await reader.read(1 << 16)
        numbers = [int(part.partition(b"HTTP")[0]) for part in answers.split(b"\r\n\r\n?")[1:]]
        assert numbers == list(range(count))


async def test_requests_whose_answers_nobody_reads_stop(open_site: SiteFactory) -> None:
    """Promise: who asks and asks and never reads is answered until his buffer is full, and then cut off."""
    async with open_site(server={"patience": HASTY}) as site:
        path = await site.publish(handler("return new Response('x'.repeat(4000))"))
        await site.client.get(path)
        request = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        async with connection(site) as (_, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            before = site.connections
            try:
                while site.connections >= before:
                    writer.write(request * 100)
                    await asyncio.sleep(0.01)
                    unread = [door.transport.get_write_buffer_size() for door in site.server.server_state.connections]
                    assert max(unread, default=0) < 1 << 20
            except ConnectionError:
                pass
        await calm(site)


async def test_a_client_with_nothing_to_ask_is_not_kept(open_site: SiteFactory) -> None:
    """Promise: an idle connection ends when its time is over, whatever empty lines come on it, and however the last
    request ended."""
    idle = Patience(idle_s=1, rest_s=5)
    async with open_site(server={"patience": idle}) as site:
        echo, deaf = (await site.publish(ECHO)).encode(), (await site.publish(DEAF)).encode()
        get = b"GET " + deaf + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        long = b"POST " + echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        half = b"POST " + deaf + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        await converse(site, get.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for first, then in ((get, b"\r\n"), (long, b"\r\n"), (half, b"a" * 100_000), (get, b"")):
            async with connection(site) as (reader, writer):
                before = site.connections
                writer.write(first)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                writer.write(then)
                while site.connections >= before:
                    if then == b"\r\n":
                        writer.write(then)
                    await asyncio.sleep(0.05)


async def test_what_follows_a_handshake_is_all_the_agents(site: Site) -> None:
    """Promise: bytes of a WebSocket are never taken for requests, however early they come."""
    agent = """export default { fetch(request) {
        const [client, server] = Object.values(new WebSocketPair()); server.accept();
        server.addEventListener('message', (e) => server.send(String(e.data.length)));
        return new Response(null, { status: 101, webSocket: client }); } };"""
    smuggled = await site.publish(handler("console.log('smuggled')"))
    inner = b"GET " + smuggled.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    message = inner * 1000
    frame = b"\x81\xff" + len(message).to_bytes(8, "big") + bytes(4) + message
    hello = (
        b"GET " + (await site.publish(agent)).encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with connection(site) as (reader, writer):
        writer.write(hello + frame)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        said = str(len(message)).encode()
        assert await reader.readexactly(2 + len(said)) == bytes((0x81, len(said))) + said
    await calm(site)
    assert await site.log(smuggled) == []


async def test_a_server_that_stops_answers_what_it_has_begun(open_site: SiteFactory) -> None:
    """And is not kept from stopping by a client that asks on and on."""
    async with open_site() as site:
        path = await site.publish(NUMBERED)
        await site.client.get(path)
        async with connection(site) as (reader, writer):
            async with asyncio.timeout(4):
                asked = 0
                site.server.should_exit = True
                while True:
                    try:
                        writer.write(b"GET %s?%d HTTP/1.1\r\nHost: a\r\n\r\n" % (path.encode(), asked))
                        await reader.readuntil(b"?%d" % asked)
                    except (ConnectionError, asyncio.IncompleteReadError):
                        break
                    asked += 1
            assert not await rest_of(reader)
