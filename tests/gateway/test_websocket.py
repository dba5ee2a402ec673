"""WebSockets that agents serve: real clients, through the gateway, into real machines."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_failed, goes_on, until
from wapo.gateway.upgrade import RawConnection
from wapo.vm.net import websocket

SERVE = """
export default { async fetch(request, env, ctx) {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.addEventListener('close', (event) => console.log('close', event.code, event.reason, event.wasClean));
  server.addEventListener('error', (event) => console.log('error', event.message));
  %s
  return new Response(null, { status: 101, webSocket: client });
} };
"""
ECHO = SERVE % "server.onmessage = ({ data }) => server.send(data);"


@asynccontextmanager
async def talking(site: Site, source: str, tail: str = "", **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection to an agent."""
    path = await site.publish(source)
    options = {"compression": None, "max_size": None, "proxy": None} | options
    async with asyncio.timeout(30), connect(site.url.replace("http", "ws", 1) + path + tail, **options) as client:
        yield client


async def closed(client: ClientConnection) -> tuple[int, str]:
    """How the other side closed it."""
    close = None
    try:
        while True:
            await client.recv()
    except ConnectionClosed as error:
        close = error.rcvd
    assert close is not None
    return close.code, close.reason


async def logged(site: Site, source: str, line: str) -> None:
    """Waits until the agent has logged a line."""
    path = await site.publish(source)
    async with asyncio.timeout(10):
        while line not in await site.log(path):
            await asyncio.sleep(0.01)


async def test_messages_both_ways(site: Site) -> None:
    """Text and bytes, empty ones, ones that go in pieces, in order."""
    messages = ["", b"", "a", "é😀\0", b"\0\xff", "x" * 65535, b"y" * 65536, "z" * 3_000_000, os.urandom(2_000_000)]
    async with talking(site, ECHO) as client:
        sending = asyncio.create_task(_send_all(client, messages))
        for message in messages:
            assert await client.recv() == message
        await sending
    await goes_on(site)


async def _send_all(client: ClientConnection, messages: list[Any]) -> None:
    for message in messages:
        await client.send(message)


async def test_fragments_are_one_message(site: Site) -> None:
    """Cut in the middle of a character, and with a ping in between."""
    async with talking(site, ECHO) as client:
        await client.send([b"a\xc3"[:2].decode("latin-1")[:1], "b", "c"])
        assert await client.recv() == "abc"
        wire = client.transport
        client.protocol.send_frame(Frame(Opcode.TEXT, b"a\xc3", fin=False))
        client.protocol.send_frame(Frame(Opcode.PING, b"?"))
        client.protocol.send_frame(Frame(Opcode.CONT, b"\xa9"))
        wire.write(b"".join(client.protocol.data_to_send()))
        assert await client.recv() == "aé"


async def test_the_request_is_the_agents(site: Site) -> None:
    """URL and headers are there; what the agent sets goes out with the handshake."""
    source = """
    export default { fetch(request) {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.send(JSON.stringify([request.method, new URL(request.url).pathname + new URL(request.url).search,
        request.headers.get('upgrade'), request.headers.get('x-mine'), server.protocol]));
      queueMicrotask(() => setTimeout(() => server.send(server.protocol)));
      return new Response(null, { status: 101, webSocket: client, headers: {
        'sec-websocket-protocol': 'two', 'x-yours': 'b', 'sec-websocket-accept': 'nonsense', 'connection': 'close' } });
    } };"""
    protocols = [Subprotocol("one"), Subprotocol("two")]
    async with talking(site, source, "/a?b=c", subprotocols=protocols, additional_headers={"X-Mine": "a"}) as client:
        assert client.subprotocol == "two"
        assert client.response is not None
        assert (client.response.headers["x-yours"], client.response.headers["connection"]) == ("b", "upgrade")
        assert client.response.headers["x-request-id"]
        assert json.loads(await client.recv()) == ["GET", "/a?b=c", "websocket", "a", ""]
        assert await client.recv() == "two"


async def test_the_client_closes(site: Site) -> None:
    async with talking(site, ECHO) as client:
        await client.close(3456, "énough")
        assert client.close_code == 3456
    await logged(site, ECHO, "close 3456 énough true")
    source = ECHO + "// no code"
    async with talking(site, source) as client:
        client.protocol.send_frame(Frame(Opcode.CLOSE, b""))
        client.transport.write(b"".join(client.protocol.data_to_send()))
        await client.wait_closed()
    await logged(site, source, "close 1005  true")
    await until(lambda: site.node.admission.machines == 0)


async def test_the_agent_closes(site: Site) -> None:
    """What was sent before comes first."""
    for call, expected in (("close(4000, 'büy')", (4000, "büy")), ("close(1000)", (1000, "")), ("close()", (1005, ""))):
        source = (
            SERVE % f"server.onmessage = () => {{ server.send('x'.repeat(1e6)); server.{call}; server.send('late'); }};"
        )
        async with talking(site, source) as client:
            await client.send("go")
            assert len(await client.recv()) == 1_000_000
            assert await closed(client) == expected
        await logged(site, source, f"close {expected[0]} {expected[1]} true")


async def test_an_agent_that_is_done_before_it_has_answered(site: Site) -> None:
    """It has closed, perhaps with a last word, when the handshake is answered."""
    for last, expected in (
        ("", []),
        ("server.send('sorry'); server.send('x'.repeat(300000));", ["sorry", "x" * 300_000]),
    ):
        source = SERVE % f"{last} server.close(4100, 'no');"
        async with talking(site, source) as client:
            assert [await client.recv() for _ in expected] == expected
            assert await closed(client) == (4100, "no")
        await logged(site, source, "close 4100 no true")
    await goes_on(site)


async def test_a_client_that_vanishes(site: Site) -> None:
    """The agent hears of it, and its machine is gone."""
    source = ECHO + "// vanish"
    async with talking(site, source) as client:
        await client.send("here")
        await client.recv()
        client.transport.abort()
    await logged(site, source, "close 1006  false")
    await logged(site, source, "error WebSocket: the connection ended without a closing handshake")
    await until(lambda: site.node.admission.machines == 0)


async def test_close_handlers_run_to_their_end(site: Site) -> None:
    """A handler may still wait for something, if it says so."""
    source = (
        SERVE
        % "server.addEventListener('close', () => ctx.waitUntil(new Promise((done) => setTimeout(() => { console.log('tidied'); done(); }, 50))));"
    )
    async with talking(site, source):
        pass
    await logged(site, source, "tidied")
    await until(lambda: site.node.admission.machines == 0)


async def test_an_agent_that_does_not_want_to(site: Site) -> None:
    """Any other response to a handshake is a response like any other."""
    source = (
        "export default { fetch: () => new Response('not you', { status: 403, headers: { 'x-why': 'because' } }) };"
    )
    with pytest.raises(InvalidStatus) as caught:
        async with talking(site, source):
            pass
    response = caught.value.response
    assert (response.status_code, response.headers["x-why"]) == (403, "because")
    with pytest.raises(InvalidStatus) as caught:
        async with talking(site, "export default { fetch() { throw new Error('a bug'); } };"):
            pass
    assert caught.value.response.headers["x-wapo-error"] == "agent_failed"
    streamed = "export default { fetch: () => new Response(new Blob(['x'.repeat(1e6)]).stream(), { status: 400 }) };"
    with pytest.raises(InvalidStatus) as caught:
        async with talking(site, streamed):
            pass
    assert caught.value.response.status_code == 400
    await goes_on(site)


async def test_nobody_asked(site: Site) -> None:
    """A WebSocket is no answer to another request, and none to a handshake that is not right."""
    assert_failed(await site.run(ECHO), 500, "agent_failed")
    assert "the request does not ask for one" in "\n".join(await site.log(await site.publish(ECHO)))
    wrong = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "x"}
    assert_failed(await site.run(ECHO, headers=wrong), 500, "agent_failed")
    assert (await site.run(HELLO, headers=wrong)).text == "hello"
    assert (await site.run(HELLO, headers={"Connection": "upgrade", "Upgrade": "h2c"})).text == "hello"


async def test_a_handshake_behind_another_request(site: Site) -> None:
    """The connection is the earlier answer's as long as that is under way; the upgrade is ignored."""
    path = await site.publish(
        "export default { fetch: async (request) => { await new Promise((done) => setTimeout(done, 50));"
        " return new Response(new URL(request.url).pathname); } };"
    )
    head = "Host: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(site.url).port)
    writer.write(f"GET {path}/one HTTP/1.1\r\nHost: h\r\n\r\nGET {path}/two HTTP/1.1\r\n{head}".encode())
    async with asyncio.timeout(10):
        for expected in (b"/one", b"/two"):
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(4) == expected
    writer.close()


async def test_an_end_that_nobody_accepted(site: Site) -> None:
    """An agent that does not listen has nothing left to wait for."""
    source = """export default { fetch() {
      const pair = new WebSocketPair();
      return new Response(null, { status: 101, webSocket: pair[0] });
    } };"""
    async with talking(site, source) as client:
        assert await closed(client) == (1001, "")
    await until(lambda: site.node.admission.machines == 0)


async def test_pings_are_answered_while_the_agent_computes(site: Site) -> None:
    source = (
        SERVE
        % "server.onmessage = () => { const end = Date.now() + 700; while (Date.now() < end); server.send('done'); };"
    )
    async with talking(site, source) as client:
        await client.send("compute")
        async with asyncio.timeout(0.6):
            await (await client.ping())
        assert await client.recv() == "done"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01a", 1002),  # not masked
        (b"\xc1\x81\0\0\0\0a", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # no such opcode
        (b"\x80\x81\0\0\0\0a", 1002),  # the rest of nothing
        (b"\x89\xfe\0\x7e\0\0\0\0" + bytes(126), 1002),  # a ping that is too long
        (b"\x88\x82\0\0\0\0" + struct.pack("!H", 1005), 1002),  # a code that must not be sent
        (b"\x81\x81\0\0\0\0\xff", 1007),  # text that is no UTF-8
        (b"\x82\xff" + struct.pack("!Q", 1 << 40) + bytes(4), 1009),  # longer than is allowed
        (b"\x89\x80\0\0\0\0" * 200, 1008),  # a flood of pings
    ],
)
async def test_a_client_that_breaks_the_rules(site: Site, frame: bytes, code: int) -> None:
    async with talking(site, ECHO + "// rules") as client:
        client.transport.write(frame)
        assert (await closed(client))[0] == code
    await goes_on(site)


async def test_a_message_may_be_as_large_as_a_body(open_site: SiteFactory) -> None:
    async with open_site(request_bytes=100_000) as site:
        async with talking(site, ECHO) as client:
            await client.send(b"x" * 100_000)
            assert len(await client.recv()) == 100_000
            await client.send(b"x" * 100_001)
            assert (await closed(client))[0] == 1009
        async with talking(site, ECHO + "//") as client:
            client.protocol.send_frame(Frame(Opcode.BINARY, b"x" * 60_000, fin=False))
            client.protocol.send_frame(Frame(Opcode.CONT, b"x" * 60_000))
            client.transport.write(b"".join(client.protocol.data_to_send()))
            assert (await closed(client))[0] == 1009
        await logged(site, ECHO + "//", "close 1006  false")


async def test_nobody_piles_up_messages(open_site: SiteFactory) -> None:
    """An agent that sends more than its client reads keeps it itself; a client that sends more than its agent takes is
    no longer read."""
    flood = (
        SERVE
        % """server.onmessage = () => {
      for (let i = 0; i < 200; i++) server.send(new Uint8Array(100_000).fill(i));
      console.log('buffered', server.bufferedAmount === 20_000_000);
      setTimeout(() => console.log('later', server.bufferedAmount > 8_000_000 && server.bufferedAmount < 20_000_000), 150);
    };"""
    )
    async with open_site() as site:
        client = await _slow_client(site, flood)
        await logged(site, flood, "buffered true")
        await logged(site, flood, "later true")
        assert all(guest.held_body_bytes < 1 << 20 for guest in site.node._scheduler.guests)
        got = 0
        async with asyncio.timeout(30):
            async for message in client:
                assert message == bytes([got]) * 100_000
                got += 1
                if got == 200:
                    break
        await client.close()
        deaf = SERVE % "server.onmessage = () => { const end = Date.now() + 200; while (Date.now() < end); };"
        async with talking(site, deaf) as client:
            sent = 0

            async def send() -> None:
                nonlocal sent
                while True:
                    await client.send(bytes(50_000))
                    sent += 50_000

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(send(), 0.4)
            guests = list(site.node._scheduler.guests)
            assert sent < 30_000_000
            assert all(guest.held_body_bytes < 1 << 20 for guest in guests)
            client.transport.abort()


async def _slow_client(site: Site, source: str) -> ClientConnection:
    """One that reads nothing until it is asked to."""
    path = await site.publish(source)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    made.setblocking(False)
    parts = urlsplit(site.url)
    await asyncio.get_running_loop().sock_connect(made, (parts.hostname, parts.port))
    url = site.url.replace("http", "ws", 1) + path
    client = await connect(url, sock=made, compression=None, max_size=None, max_queue=1, proxy=None)
    client.transport.pause_reading()
    await client.send("go")
    asyncio.get_running_loop().call_later(0.4, client.transport.resume_reading)
    return client


async def test_a_client_that_is_silent(open_site: SiteFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is asked, and if it does not answer, gone; one that answers may be silent for as long as it likes."""
    monkeypatch.setattr(websocket, "_PING_S", 0.05)
    async with open_site() as site:
        async with talking(site, ECHO) as client:
            await asyncio.sleep(0.4)
            await client.send("still here")
            assert await client.recv() == "still here"
            client.transport.pause_reading()
            await logged(site, ECHO, "close 1006  false")
            assert "error WebSocket: the peer has not answered for a while" in await site.log(await site.publish(ECHO))
            client.transport.resume_reading()
        await until(lambda: site.node.admission.machines == 0)


async def test_a_client_that_does_not_close(open_site: SiteFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent has said that it closes; that is not waited for without end."""
    monkeypatch.setattr(websocket, "_CLOSE_S", 0.1)
    source = SERVE % "server.onmessage = () => server.close(4000);"
    async with open_site() as site, talking(site, source) as client:
        await client.send("")
        client.transport.pause_reading()
        await logged(site, source, "close 1006  false")
        await until(lambda: site.node.admission.machines == 0)
        client.transport.resume_reading()


async def test_the_time_limit_ends_it(open_site: SiteFactory) -> None:
    async with open_site(time_s=0.5) as site:
        await site.prepare(ECHO)
        async with talking(site, ECHO) as client:
            assert await closed(client) == (1001, "")
        await logged(site, ECHO, "the machine was ended: the time limit of 0.5 s was reached")


async def test_a_server_that_stops_says_so(open_site: SiteFactory) -> None:
    async with open_site() as site:
        path = await site.publish(ECHO)
        client = await connect(site.url.replace("http", "ws", 1) + path, proxy=None)
        await client.send("a")
        await client.recv()
    assert client.close_code == 1001


async def test_many_at_once(site: Site) -> None:
    """Each has a machine of its own."""
    source = SERVE % "let n = 0; server.onmessage = () => server.send(String(++n));"

    async def talk() -> None:
        async with talking(site, source) as client:
            for n in range(1, 6):
                await client.send("")
                assert await client.recv() == str(n)

    await asyncio.gather(*(talk() for _ in range(20)))
    await until(lambda: site.node.admission.machines == 0)


async def test_an_error_in_a_handler_is_logged_and_the_connection_goes_on(site: Site) -> None:
    source = (
        SERVE
        % "server.onmessage = ({ data }) => { if (data === 'bad') throw new Error('handler'); server.send(data); };"
    )
    async with talking(site, source) as client:
        await client.send("bad")
        await client.send("good")
        assert await client.recv() == "good"
    assert "Error: handler" in "\n".join(await site.log(await site.publish(source)))


async def test_a_client_that_is_gone_before_it_is_answered() -> None:
    """What it asked for is answered all the same, into the void: its socket has no options any more."""
    here, there = socket.socketpair()
    connection = RawConnection(b"")
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: connection, sock=here)
    headers = [(b"host", b"h"), (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    connection.start("GET", b"/", headers)
    there.close()
    transport.abort()
    await connection.wait_lost()
    await connection.switch(headers[1:])
    assert await connection.read() == b""
