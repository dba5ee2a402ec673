"""Outgoing connections are pooled for all agents of a process: nothing of one agent's may reach another by them."""

import asyncio

import pytest

from tests.conftest import Site
from tests.hostile.upstreams import raw_server, read_head

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"

ASK = "export default { fetch: async (r) => new Response(await (await fetch(new URL(r.url).searchParams.get('u'))).text()) };"


def agent(options: str) -> str:
    """An agent that makes one request, with these options, and tells what came of it."""
    return f"""
    const options = () => ({options});
    export default {{ async fetch(request) {{
      try {{
        const response = await fetch(new URL(request.url).searchParams.get('u'), options());
        return new Response(await response.text());
      }} catch (error) {{
        return new Response(`${{error.name}}: ${{error.message}}`, {{ status: 502 }});
      }}
    }} }};"""


@pytest.mark.parametrize("options", [
    "{ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: '0\\r\\n\\r\\nGET /two HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' }",
    "{ method: 'POST', headers: { 'content-length': '1' }, body: 'xGET /two HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' }",
    "{ method: 'POST', headers: { 'content-length': '1000' }, body: 'x' }",
    "{ headers: { 'content-length': '1000' } }",
    "{ headers: { 'transfer-encoding': 'chunked' } }",
    "{ method: 'POST', headers: { 'content-length': '5', 'transfer-encoding': 'identity' }, body: 'xx' }",
    "{ method: 'POST', headers: { expect: '100-continue' }, body: 'x' }",
    "{ headers: { connection: 'upgrade', upgrade: 'h2c', te: 'trailers', trailer: 'x', 'keep-alive': 'timeout=9' } }",
])  # fmt: skip
async def test_an_agent_does_not_decide_where_its_request_ends(site: Site, options: str) -> None:
    """Promise: headers that frame a message, or rule the connection, are the host's. An agent that sets them sends one
    sound request, and the agent that gets the connection next finds nothing of it."""
    heads: list[bytes] = []

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await read_head(reader)
            heads.append(head)
            lengths = [
                line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
            ]
            assert len(lengths) <= 1
            await reader.readexactly(int(lengths[0]) if lengths else 0)
            first_line = head.split(b"\r\n", 1)[0]
            writer.write(ANSWER % (len(first_line), first_line))

    async with raw_server(upstream) as url:
        first = await site.run(agent(options), tail=f"?u={url}one")
        second = await site.run(ASK, tail=f"?u={url}three")
    assert first.text.split()[1] == "/one"
    assert second.text == "GET /three HTTP/1.1"
    assert len(heads) == 2
    for name in (b"transfer-encoding", b"connection", b"upgrade", b"expect", b"te", b"trailer", b"keep-alive"):
        assert not any(line.lower().startswith(name + b":") for line in heads[0].split(b"\r\n"))


@pytest.mark.parametrize(("promised", "sent"), [(3, 5), (5, 3)])
async def test_a_streamed_body_must_have_its_declared_length(site: Site, promised: int, sent: int) -> None:
    """Promise: a length that an agent declares for a stream is kept to, or its request fails and the connection goes."""
    connections = 0

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        head = await read_head(reader)
        if b"content-length" in head.lower():
            await reader.readexactly(promised)
            await reader.read()  # to the end of the connection: nothing else may come over it
            return
        writer.write(ANSWER % (4, b"fine"))
        await reader.read()

    stream = f"new ReadableStream({{ start(c) {{ c.enqueue(new Uint8Array({sent})); c.close(); }} }})"
    source = agent(
        f"{{ method: 'POST', headers: {{ 'content-length': '{promised}' }}, duplex: 'half', body: {stream} }}"
    )
    async with raw_server(upstream) as url:
        first = await site.run(source, tail=f"?u={url}")
        second = await site.run(ASK, tail=f"?u={url}")
    assert first.status_code == 502
    assert "content-length" in first.text
    assert second.text == "fine"
    assert connections == 2


async def test_a_streamed_body_may_have_a_declared_length(site: Site) -> None:
    """Servers that take no chunked bodies need it."""
    heads: list[bytes] = []

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(ANSWER % (5, await reader.readexactly(5)))

    stream = "new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('hello')); c.close(); } })"
    source = agent(f"{{ method: 'POST', headers: {{ 'content-length': '5' }}, duplex: 'half', body: {stream} }}")
    async with raw_server(upstream) as url:
        response = await site.run(source, tail=f"?u={url}")
    assert response.text == "hello"
    assert b"Content-Length: 5\r\n" in heads[0]
    assert b"chunked" not in heads[0]


async def test_what_a_server_sends_unasked_answers_nobody(site: Site) -> None:
    """Promise: an answer that comes while a connection is idle is not taken for that of the next agent's request."""

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        writer.write(ANSWER % (4, b"fine"))
        if b"/first" in head:
            await released.wait()
            writer.write(ANSWER % (4, b"evil"))
            await writer.drain()
            sent.set()
        await reader.read()

    released, sent = asyncio.Event(), asyncio.Event()
    async with raw_server(upstream) as url:
        assert (await site.run(ASK, tail=f"?u={url}first")).text == "fine"
        released.set()
        await sent.wait()
        await site.client.get("/healthz")  # one pass of the loop at least: it has arrived
        assert (await site.run(ASK, tail=f"?u={url}second")).text == "fine"


async def test_the_host_is_that_of_the_url(site: Site) -> None:
    """Promise: an agent that passes a request on as it came does not send this node's name to the other server."""

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        host = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"host:"))
        writer.write(ANSWER % (len(host), host))

    async with raw_server(upstream) as url:
        source = "export default { fetch: (r) => fetch(new URL(r.url).searchParams.get('u'), r) };"
        response = await site.run(source, tail=f"?u={url}", headers={"host": "node.example"})
    assert response.text == f"Host: {url.split('/')[2]}"
