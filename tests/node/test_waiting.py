"""Hundreds of requests of one node that all wait for an upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wapo.agents.messages import AgentRequest
from wapo.node.node import open_node
from wapo.node.settings import NodeSettings
from wapo.vm.egress import EgressPolicy
from wapo.vm.rest import Rest

COUNT = 500
AGENT = b"""
export default {
  async fetch(request) {
    const mine = new URL(request.url).searchParams;
    const response = await fetch(mine.get('from'));
    return new Response(`${mine.get('number')} ${await response.text()}`);
  },
};
"""


@asynccontextmanager
async def late_server(release: asyncio.Event) -> AsyncIterator[str]:
    """Answers with the path, but nobody before the release."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await release.wait()
                path = head.split(b" ")[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=COUNT)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_hundreds_of_requests_that_wait_are_answered_right(tmp_path: Path) -> None:
    """Whether their upstream connection is open, or they wait for one; and folded, all of them."""
    settings = NodeSettings(data_dir=tmp_path, upstreams=(), egress=EgressPolicy(allow_private=True))
    release = asyncio.Event()
    async with late_server(release) as upstream, open_node(settings) as node:
        located = await node.programs.locate(str(await node.library.publish(AGENT)), ())

        async def ask(number: int) -> bytes:
            url = f"http://agent.example/?number={number}&from={upstream}/path/{number}"
            request = AgentRequest("GET", url, [], request_id=str(number))
            invocation = await node.invoke(located, request, "GET /")
            response = await invocation.response()
            invocation.finish()
            return response.body

        tasks = [asyncio.ensure_future(ask(number)) for number in range(COUNT)]
        while node.admission.machines < COUNT or not all(guest.rests for guest in node._scheduler.guests):
            await asyncio.sleep(0)
        rest = Rest(node._scheduler)
        while not all(guest.folded for guest in node._scheduler.guests):
            await rest.look()
        release.set()
        assert await asyncio.gather(*tasks) == [b"%d /path/%d" % (number, number) for number in range(COUNT)]
