"""Agents that take their time: one deadline holds for everything that is done for a request, whoever is slow."""

import asyncio
import contextlib

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_failed, connect, goes_on, until
from tests.hostile.neighbours import attack, handler
from tests.hostile.upstreams import raw_server, read_head


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that always has another byte, and never the last."""
    head = await reader.read(1)
    if head == b"\x16":  # a TLS handshake
        answer, rest = b"\x16\x03\x03\x40\x00", b"\x02"
    else:
        head += await read_head(reader)
        answer = b"" if b"/head" in head else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        if b"/interim" in head:
            answer, rest = b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"
        else:
            rest = b"H" if not answer else b"1\r\nx\r\n"
        if b"/head" in head:
            answer = b"HTTP/1.1 200 OK\r\nx: "
    with contextlib.suppress(ConnectionError):
        writer.write(answer)
        while not writer.is_closing():
            writer.write(rest)
            await writer.drain()
            await asyncio.sleep(0.02)


WAITING = {
    "a head that drips": "await fetch(URL + 'head')",
    "interim responses": "await fetch(URL + 'interim')",
    "a body that drips": "await (await fetch(URL)).text()",
    "reading what drips": "for await (const x of (await fetch(URL)).body);",
    "a handshake that drips": "await fetch(URL.replace('http', 'https'))",
    "a WebSocket that is never open": "await new Promise((r) => { new WebSocket(URL.replace('http', 'ws') + 'head').onopen = r; })",
    "a socket that drips": """
      const { connect } = await import('cloudflare:sockets');
      const socket = connect(new globalThis.URL(URL).host);
      const w = socket.writable.getWriter(); await w.write(new TextEncoder().encode('GET / HTTP/1.1\\r\\n\\r\\n'));
      for await (const x of socket.readable);""",
    "an isolate": "await Wapo.run(`fetch('${URL}').then((r) => r.text())`, { timeLimit: undefined })",
    "passing it on": "const r = await fetch(URL); return new Response(r.body)",
    "after the answer": "ctx.waitUntil(fetch(URL).then((r) => r.text()))",
    "one wait after the other": "for (;;) await new Promise((r) => setTimeout(r, 10))",
}


@pytest.mark.parametrize("name", WAITING)
async def test_a_deadline_holds_whoever_is_slow(open_site: SiteFactory, name: str) -> None:
    """Promise: a run ends when its time is over, its connections with it; the log says which limit it was."""
    async with raw_server(dripping) as url, open_site(time_s=0.4) as site:
        source = handler(f"const URL = '{url}'; {WAITING[name]}")
        path = await site.prepare(source)
        if name == "passing it on":
            with contextlib.suppress(Exception):
                await site.client.get(path)
        else:
            answer = (await attack(site, {name: source}))[name]
            if name == "after the answer":
                assert answer.text == "done"
            else:
                assert_failed(answer, 504, "time_limit")
        await until(lambda: site.node.admission.machines == 0)
        assert (await site.log(path))[-1] == "the machine was ended: the time limit of 0.4 s was reached"
        await goes_on(site)


async def test_waiting_for_an_image_is_a_part_of_the_time(open_site: SiteFactory) -> None:
    """Promise: who waits behind others that build gets an answer in time; the image is made all the same."""
    async with open_site(time_s=0.3) as site:
        path, gate = await site.publish(HELLO), site.node.images._gate
        await site.node.warm_up()
        for _ in range(2):
            await gate.acquire()
        assert_failed(await site.client.get(path), 504, "time_limit")
        assert await site.log(path) == ["the time limit of 0.3 s was reached before the program was loaded"]
        assert site.node.admission.machines == 0
        for _ in range(2):
            gate.release()
        await until(lambda: len(site.node.images) == 1)
        assert (await site.client.get(path)).text == "hello"


async def test_a_body_that_drips_in_is_a_part_of_the_time(site: Site) -> None:
    """Promise: a client that sends a byte now and then keeps a machine for no longer than a run may take."""
    source = handler("await request.text()")
    async with contextlib.AsyncExitStack() as stack:
        identity = await site.node.programs.identity_of(path := await site.prepare(source))
        await site.node.programs.set_limits(identity, {"time_s": 0.4})
        reader, writer = await connect(site)
        stack.callback(writer.close)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode())

        async def drip() -> None:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            while True:
                writer.write(b"1\r\nx\r\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        stack.callback(dripping.cancel)
        async with asyncio.timeout(20):
            assert b" 504 " in await reader.readline()
        assert await site.log(path) == ["the machine was ended: the time limit of 0.4 s was reached"]
        assert site.node.admission.machines == 0
