"""EventSource in agents, to a real server (https://html.spec.whatwg.org/#server-sent-events)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import Site

Serve = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

#: Logs every event of the named types, until there are as many as `?count=` says.
AGENT = """
export default { async fetch(request) {
  const param = new URL(request.url).searchParams;
  const log = [];
  const source = new EventSource(param.get('to'));
  await new Promise((resolve) => {
    for (const type of ['open', 'error', 'message', 'custom']) source.addEventListener(type, (e) => {
      log.push(e instanceof MessageEvent ? [e.type, e.data, e.lastEventId, e.origin] : [e.type, source.readyState]);
      if (log.length === Number(param.get('count'))) { source.close(); resolve(); }
    });
  });
  log.push(source.readyState);
  return Response.json(log);
} };
"""


class Streams:
    """A server whose responses are given by path; requests are kept."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []
        self.answers: list[Serve] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        answer = self.answers.pop(0)
        if request.path == "/plain":
            response.content_type = "text/plain"
        elif request.path != "/":
            response.set_status(int(request.path[1:]))
        await response.prepare(request)
        await answer(request, response)
        return response


@asynccontextmanager
async def streams(*answers: Serve) -> AsyncIterator[Streams]:
    made = Streams()
    made.answers = list(answers)
    app = web.Application()
    app.router.add_get("/redirect", _redirect)
    app.router.add_get("/{rest:.*}", made.serve)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        made.url = str(server.make_url("/"))
        yield made


async def _redirect(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/")


def saying(*pieces: str, stay: bool = False) -> Serve:
    """Sends pieces; ends then, or stays until the client goes."""

    async def serve(request: web.Request, response: web.StreamResponse) -> None:
        for piece in pieces:
            await response.write(piece.encode())
        if stay:
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.01)

    return serve


async def ask(site: Site, to: str, count: int) -> Any:
    response = await site.run(AGENT, tail=f"?to={quote(to)}&count={count}")
    assert response.status_code == 200, response.text
    return response.json()


async def test_events(site: Site) -> None:
    """Of either kind, over pieces, until it is closed; the server notices that."""
    stream = saying("\ufeffdata: é", "1\nid: 7\n\n:\n\nevent: custom\ndata: a\ndata: b\n\nda", "ta\n\n", stay=True)
    async with streams(stream) as server:
        origin = server.url[:-1]
        async with asyncio.timeout(10):
            log = await ask(site, server.url, 4)
            assert log == [
                ["open", 1], ["message", "é1", "7", origin], ["custom", "a\nb", "7", origin],
                ["message", "", "7", origin], 2,
            ]  # fmt: skip
            transport = server.requests[0].transport
            while transport is not None and not transport.is_closing():
                await asyncio.sleep(0.01)
    headers = server.requests[0].headers
    assert (headers["Accept"], headers["Cache-Control"]) == ("text/event-stream", "no-store")
    assert "Last-Event-ID" not in headers


async def test_it_comes_back_with_the_last_id(site: Site) -> None:
    """After the time that the server asked for; an event that was not complete is dropped."""
    first = saying("retry: 20\nid: é1\ndata: a\n\ndata: incomplete\n")
    async with streams(
        first, saying("data: b\n\n"), saying("id\ndata: c\n\n"), saying("data: d\n\n", stay=True)
    ) as server:
        log = await ask(site, server.url, 11)
    origin = server.url[:-1]
    assert log == [
        ["open", 1], ["message", "a", "é1", origin], ["error", 0],
        ["open", 1], ["message", "b", "é1", origin], ["error", 0],
        ["open", 1], ["message", "c", "", origin], ["error", 0],
        ["open", 1], ["message", "d", "", origin], 2,
    ]  # fmt: skip
    ids = [request.headers.get("Last-Event-ID") for request in server.requests]
    assert ids == [None, "é1", "é1", None]


async def test_what_is_no_event_stream_is_the_end(site: Site) -> None:
    """Another type, or another status; no second attempt."""
    for path in ("plain", "204", "404", "500", "206"):
        async with streams(saying()) as server:
            assert await ask(site, server.url + path, 1) == [["error", 2], 2], path
            assert len(server.requests) == 1


async def test_a_server_that_cannot_be_reached_is_tried_again(site: Site) -> None:
    assert await ask(site, "http://127.0.0.1:1/", 1) == [["error", 0], 2]


async def test_redirects_are_followed(site: Site) -> None:
    async with streams(saying("data:a\n\n", stay=True)) as server:
        log = await ask(site, server.url + "redirect", 2)
    assert log == [["open", 1], ["message", "a", "", server.url[:-1]], 2]
