"""Agents over HTTP, from a real client through a real socket into a real machine."""

import asyncio
import socket

import pytest

from tests.conftest import Site
from tests.gateway.support import assert_failed, at_rest, connect, gates, goes_on, until


async def test_an_agent_answers_at_the_hash_of_its_code(site: Site) -> None:
    response = await site.run(
        "export default { fetch: (request) => Response.json({ url: request.url }) };", tail="/a?b=c"
    )
    assert response.status_code == 200
    assert response.json() == {"url": f"{site.url}/a?b=c"}


# Streams, and how a run ends

TICKS = """export default { fetch(request, env, ctx) {
  const gate = new URL(request.url).searchParams.get('gate');
  return new Response(new ReadableStream({ async pull(controller) {
    await fetch(gate);
    controller.enqueue(new TextEncoder().encode('tick'));
  } }));
} };"""


async def test_the_first_byte_leaves_when_the_agent_writes_it(site: Site) -> None:
    """And so does the head, before there is any; each piece as it is made."""
    async with gates() as upstream:
        reader, writer = await connect(site)
        path = await site.publish(TICKS)
        writer.write(f"GET {path}?gate={upstream.url}t HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            for count in (1, 2, 3):
                await upstream.reached("t", count)
                upstream.open("t")
                assert await reader.readexactly(9) == b"4\r\ntick\r\n"
        assert site.node.admission.machines == 1
        writer.transport.abort()
        await goes_on(site)


async def test_a_client_that_does_not_read_holds_the_agent_back(site: Site) -> None:
    """An endless response takes what the buffers on the way take, and no more."""
    source = "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })) };"
    path = await site.publish(source)
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", int(site.url.rsplit(":", 1)[1])))
        client.setblocking(False)
        await loop.sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert (await loop.sock_recv(client, 15)) == b"HTTP/1.1 200 OK"
        (guest,) = site.node._scheduler._guests
        written = await at_rest(lambda: guest.meter.net_egress)
        assert written < 16 << 20
        taken = 0
        while taken < 32 << 20:  # it goes on as soon as somebody reads
            taken += len(await loop.sock_recv(client, 1 << 20))
        assert guest.meter.net_egress > written
    await goes_on(site)


async def test_wait_until_keeps_the_machine_when_the_client_has_gone(site: Site) -> None:
    """In the middle of the response: what it still writes goes nowhere, and is no error."""
    source = """export default { fetch(request, env, ctx) {
      const url = new URL(request.url).searchParams.get('gate');
      ctx.waitUntil(fetch(url + 'work').then(() => console.log('done')));
      return new Response(new ReadableStream({
        async pull(c) { await fetch(url + 'tick'); c.enqueue(new Uint8Array(5)); },
        cancel: () => fetch(url + 'cancelled'),
      }));
    } };"""
    async with gates() as upstream:
        path = await site.publish(source)
        reader, writer = await connect(site)
        writer.write(f"GET {path}?gate={upstream.url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        await upstream.reached("tick")
        upstream.open("tick")
        await reader.readuntil(bytes(5))
        writer.transport.abort()
        (guest,) = site.node._scheduler._guests
        await until(lambda: guest.session.response.stream.broken)
        upstream.open("tick", 5)
        await upstream.reached("cancelled")
        assert site.node.admission.machines == 1
        upstream.open("work")
        await until(lambda: site.node.admission.machines == 0)
    assert await site.log(path) == ["done"]
    await goes_on(site)


async def test_wait_until_goes_on_after_the_response(site: Site) -> None:
    async with gates() as upstream:
        source = f"export default {{ fetch(_, env, ctx) {{ ctx.waitUntil(fetch('{upstream.url}a').then(() => console.log('done'))); return new Response('x'); }} }};"
        path = await site.publish(source)
        assert (await site.client.get(path)).text == "x"
        await upstream.reached("a")
        assert site.node.admission.machines == 1
        upstream.open("a")
        await until(lambda: site.node.admission.machines == 0)
    assert await site.log(path) == ["done"]


@pytest.mark.parametrize(
    "answer",
    [
        "new Response('x')",
        "new Response(new Blob(['x']).stream())",
        "ctx.waitUntil(Promise.resolve()) ?? new Response('x')",
    ],
    ids=["whole", "streamed", "after waitUntil"],
)
async def test_what_nobody_waits_for_ends_with_the_response(site: Site, answer: str) -> None:
    """A timer that was forgotten holds no machine; lines of the same turn are in the log all the same."""
    source = f"""export default {{ fetch(request, env, ctx) {{
      setInterval(() => console.log('tick'), 1e4);
      Promise.resolve().then(() => console.log('same turn'));
      return {answer};
    }} }};"""
    path = await site.publish(source)
    assert (await site.client.get(path)).text == "x"
    await until(lambda: site.node.admission.machines == 0, 5)
    assert await site.log(path) == ["same turn"]
    assert len(await site.log(path, "REPORT")) == 2


async def test_a_failed_run_leaves_no_timer_behind(site: Site) -> None:
    path = await site.publish("export default { fetch() { setInterval(() => {}, 1e4); throw new Error('boom'); } };")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    await until(lambda: site.node.admission.machines == 0, 5)
