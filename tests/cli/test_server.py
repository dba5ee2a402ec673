"""A server whose connections come from elsewhere, and how it lets go of them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wapo.cli.server import Server
from wapo.gateway.front_door import server_config

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
AT_ONCE = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nat once"


class Site:
    """A server, and clients that somebody else has accepted."""

    def __init__(self, at_once: bool) -> None:
        self.going_on = asyncio.Event()
        self.going_on.set()
        self.open = 0
        answer: Any = (lambda *_: AT_ONCE) if at_once else None
        self.server = Server(server_config(self, timeout_graceful_shutdown=5, at_once=answer), self.changed)
        self.task = asyncio.create_task(self.server.serve(sockets=[]))
        self.listener = socket.create_server(("127.0.0.1", 0))

    def changed(self, more: int) -> None:
        self.open += more

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await self.going_on.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        client = await asyncio.open_connection(*self.listener.getsockname())
        connection, _ = self.listener.accept()
        self.server.adopt(connection)
        return client

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.open != count:
                await asyncio.sleep(0.005)


async def ask(client: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    client[1].write(REQUEST)
    async with asyncio.timeout(30):
        head = await client[0].readuntil(b"\r\n\r\n")
        return head, await client[0].readexactly(7 if b"length: 7" in head else 4)


@pytest.fixture(params=[False, True], ids=["asgi", "at once"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    opened = Site(request.param)
    while not opened.server.started:
        await asyncio.sleep(0)
    yield opened
    opened.server.should_exit = True
    await opened.task
    opened.listener.close()


async def test_connections_are_counted_while_they_are_open(site: Site) -> None:
    clients = [await site.connect() for _ in range(3)]
    for client in clients:
        assert (await ask(client))[0].startswith(b"HTTP/1.1 200")
    assert site.open == 3
    for _, writer in clients:
        writer.close()
    await site.until_open(0)


async def test_a_client_that_has_gone_before_it_was_adopted_is_no_error(site: Site) -> None:
    _, writer = await site.connect()
    writer.close()
    await site.until_open(0)


async def test_the_next_answer_is_the_last_and_says_so(site: Site) -> None:
    client, idle = await site.connect(), await site.connect()
    assert b"connection: close" not in (await ask(client))[0]
    draining = asyncio.create_task(site.server.drain(30))
    await asyncio.sleep(0)
    for one in (client, idle):
        head, body = await ask(one)
        assert b"connection: close" in head
        assert body == b"done"
        assert await one[0].read() == b""
        one[1].close()
    await draining
    late = await site.connect()
    assert b"connection: close" in (await ask(late))[0]
    late[1].close()


async def test_who_is_idle_is_left_alone_until_the_time_is_up(site: Site) -> None:
    idle = await site.connect()
    await ask(idle)
    await site.server.drain(0.05)
    assert site.open == 1
    assert b"connection: close" in (await ask(idle))[0]
    idle[1].close()


async def test_an_answer_that_is_under_way_ends_first() -> None:
    site = Site(at_once=False)
    while not site.server.started:
        await asyncio.sleep(0)
    client = await site.connect()
    site.going_on.clear()
    asking = asyncio.create_task(ask(client))
    while not site.server.server_state.tasks:
        await asyncio.sleep(0.005)
    draining = asyncio.create_task(site.server.drain(30))
    await asyncio.sleep(0)
    assert not draining.done()
    site.going_on.set()
    head, body = await asking
    assert (b"connection: close" in head, body) == (True, b"done")
    await draining
    client[1].close()
    site.server.should_exit = True
    await site.task
    site.listener.close()
