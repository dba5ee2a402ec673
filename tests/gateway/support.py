"""What tests of the gateway share: sockets without a client in between, upstreams that wait, programs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11
import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import Site

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

HELLO = "export default { fetch: () => new Response('hello') };"

#: Tells what the agent sees: method, URL, headers, body.
ECHO = """
export default { async fetch(request) {
  const body = new Uint8Array(await request.arrayBuffer());
  return Response.json({
    method: request.method, url: request.url, headers: [...request.headers], body: body.toBase64(), has: request.body !== null,
  });
} };
"""

#: Gives the JSON request of the classic templates back, as it was.
CLASSIC_ECHO = "export default (request) => ({ headers: { 'content-type': 'application/json' }, body: request });"


async def until(condition: Callable[[], bool], timeout_s: float = 15) -> None:
    """Waits for a state."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


async def goes_on(site: Site) -> None:
    """The node is as it was: another agent answers, and no machine is left."""
    response = await site.run(HELLO)
    assert (response.status_code, response.text) == (200, "hello")
    await until(lambda: site.node.admission.machines == 0)


def assert_failed(response: httpx.Response, status: int, code: str) -> None:
    """An agent's failure, as callers see it: which request it was, and nothing of what went wrong inside."""
    assert (response.status_code, response.headers["x-wapo-error"]) == (status, code)
    assert response.text == f"Server Error\nRequest ID: {response.headers['x-request-id']}"
    assert response.headers["content-type"] == "text/plain; charset=UTF-8"


def assert_refused(response: httpx.Response, status: int, code: str, message: str) -> None:
    """A request that reached no agent: what is wrong with it, for a program and for a person."""
    assert (response.status_code, response.headers["x-wapo-error"]) == (status, code)
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"error": message, "succeed": False}


@dataclass
class Answer:
    """A response as it was on the wire; names in lower case, in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def parse(raw: bytes, method: str = "GET") -> Answer:
    """The response in ``raw``, read by a strict client.

    Raises:
        h11.RemoteProtocolError: it is not whole, or makes no sense.
    """
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(raw)
    connection.receive_data(b"")
    answer = None
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            answer = Answer(event.status_code, [(n.decode(), v.decode("latin-1")) for n, v in event.headers], b"")
        elif isinstance(event, h11.Data):
            assert answer is not None
            answer.body += event.data
    assert answer is not None
    return answer


async def connect(site: Site, **options: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", urlsplit(site.url).port, **options)


async def exchange(site: Site, request: str | bytes) -> Answer:
    """Sends a request just so; the connection is closed after it."""
    data = request if isinstance(request, bytes) else request.encode("latin-1")
    reader, writer = await connect(site)
    async with asyncio.timeout(20):
        writer.write(data)
        raw = await reader.read()
    writer.close()
    return parse(raw, data.split(b" ", 1)[0].decode())


async def get(site: Site, target: str, *headers: str, method: str = "GET") -> Answer:
    """A request without a body whose target no client has touched."""
    lines = [f"{method} {target} HTTP/1.1", "Host: agents.example", "Connection: close", *headers]
    return await exchange(site, "\r\n".join(lines) + "\r\n\r\n")


@dataclass
class Gates:
    """An upstream for agents: each request to ``/<name>`` waits until the test opens that gate once."""

    url: str = ""
    arrived: dict[str, int] = field(default_factory=dict)
    _open: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    def open(self, name: str, times: int = 1) -> None:
        for _ in range(times):
            self._of(name).release()

    async def reached(self, name: str, times: int = 1) -> None:
        await until(lambda: self.arrived.get(name, 0) >= times)

    def _of(self, name: str) -> asyncio.Semaphore:
        return self._open.setdefault(name, asyncio.Semaphore(0))

    async def serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.arrived[name] = self.arrived.get(name, 0) + 1
        await self._of(name).acquire()
        return web.Response(text="open")


@asynccontextmanager
async def gates() -> AsyncIterator[Gates]:
    opened = Gates()
    app = web.Application()
    app.router.add_get("/{name}", opened.serve)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        opened.url = str(server.make_url("/"))
        yield opened


async def at_rest(figure: Callable[[], int], still_s: float = 0.3, timeout_s: float = 20) -> int:
    """The figure once it has not changed for a while."""
    since, last = time.monotonic(), figure()
    async with asyncio.timeout(timeout_s):
        while time.monotonic() - since < still_s:
            await asyncio.sleep(0.02)
            if (now := figure()) != last:
                since, last = time.monotonic(), now
    return last
