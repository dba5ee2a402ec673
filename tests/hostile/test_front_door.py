"""Clients that speak HTTP badly, slowly, too much, or not to the end."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.conftest import Site, SiteFactory
from tests.hostile.neighbours import GOOD, handler
from wapo.gateway.front_door import MAX_HEAD_BYTES, Patience

ECHO = "export default { fetch: async (r) => new Response(`${r.method} ${await r.text()}`) };"
DEAF = "export default { fetch: () => new Response('not read') };"
ENDLESS = """export default { fetch: () => new Response(new ReadableStream({
  pull(controller) { controller.enqueue(new Uint8Array(65536)); },
})) };"""

#: Short enough for tests, long enough for a machine that does other things too.
HASTY = Patience(head_s=0.3, body_s=0.3, rest_s=0.3, stalled_s=0.3)


@asynccontextmanager
async def connection(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a site, of which little is read ahead."""
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.transport.abort()


async def converse(site: Site, request: bytes) -> bytes:
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


CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b"3\r\nabc\r\n0\r\n\r\n"
MALFORMED = {
    "two lengths": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    "a negative length": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
    "a length with an underscore": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nabcdefghij",
    "a length that is empty": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc",
    "a length beyond 64 bits": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nabc",
    "a space before the colon": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
    "a length and chunks": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" + CHUNKED + b"\r\n" + BODY,
    "chunks and a length": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"Content-Length: 3\r\n\r\n" + BODY,
    "an unknown coding": b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n" + BODY,
    "a coding after chunked": b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n" + BODY,
    "two codings": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + BODY,
    "a coding after a vertical tab": b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n" + BODY,
    "a chunk of a bad size": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk of a huge size": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\nfffffffffffffffff\r\nabc",
    "a chunk longer than its size": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n2\r\nabc\r\n0\r\n\r\n",
    "chunks with bare line feeds": b"POST %s HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n3\nabc\n0\n\n",
    "a folded header": b"GET %s HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET %s HTTP/1.1\nHost: a\n\n",
    "bare carriage returns": b"GET %s HTTP/1.1\rHost: a\r\r",
    "a carriage return in a value": b"GET %s HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "a NUL in a value": b"GET %s HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a NUL in a name": b"GET %s HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
    "a NUL in the target": b"GET %s\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": b"GET %s a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "no colon": b"GET %s HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "no name": b"GET %s HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "no host": b"GET %s HTTP/1.1\r\n\r\n",
    "two hosts": b"GET %s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a tunnel": b"CONNECT %s HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel elsewhere": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a trace": b"TRACE %s HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method of lower case": b"get %s HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol": b"GET %s SIP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100dc010000d803035dfb092633d734"),
    "an upgrade with a body": b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
}


async def test_what_is_not_sound_http_is_refused(site: Site) -> None:
    """Promise: a request that two servers could read differently is answered once, with an error, and nothing that
    comes after it is read: no request can be smuggled past a proxy in front."""
    path = (await site.publish(ECHO)).encode()
    smuggled = (
        b"GET " + (await site.publish(handler("console.log('smuggled')"))).encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    for name, request in MALFORMED.items():
        answer = await converse(site, request.replace(b"%s", path) + smuggled)
        assert answer.split(b" ")[1] in (b"400", b"501"), name
        assert answer.count(b"HTTP/1.1 ") == 1, name
    await calm(site)
    assert await site.log(smuggled.split()[1].decode()) == []


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
