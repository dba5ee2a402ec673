"""WebSockets whose other side wants the host to work, or to keep things, and agents that help it."""

import asyncio
import base64
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.conftest import Site
from tests.hostile.neighbours import attack, forgotten_past

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
LARGE = 15_000_000

#: What servers send when the handshake is done. None: they read nothing and say nothing.
FLOODS: dict[str, bytes | None] = {
    "tiny messages": b"\x82\x00" * 60_000,
    "tiny fragments": b"\x02\x00" + b"\x00\x00" * 60_000,
    "pings": b"\x89\x00" * 100_000,
    "pings between messages": (b"\x89\x00" * 20 + b"\x82\x02xx") * 5_000,
    "large messages": (b"\x82\x7f" + LARGE.to_bytes(8, "big") + bytes(LARGE)) * 2,
    "a large message in small pieces": b"\x02\x00" + (b"\x00\x7d" + bytes(125)) * 60_000 + b"\x80\x00",
    "garbage": bytes(range(256)) * 4096,
    "nothing": None,
}

#: Opens eight to each, and does all that keeps them busy.
AGENT = """export default { async fetch() {
  const sockets = Array.from({ length: 8 }, () => new WebSocket('%s'));
  let count = 0;
  for (const socket of sockets) {
    socket.onopen = () => { for (let i = 0; i < 500; i++) socket.send('x'.repeat(1000)); };
    socket.onmessage = () => { count++; };
  }
  await new Promise((resolve) => setTimeout(resolve, 700));
  return new Response('done');
} };"""


@contextmanager
def server(flood: bytes | None) -> Iterator[str]:
    """In threads, so that what it does is none of the loop's."""
    listening = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
            accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())
            connection.sendall(
                b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
                % accept
            )
            if flood is not None:
                connection.sendall(flood)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_keeps_nobody_waiting(site: Site, name: str) -> None:
    """Promise: no pass of the loop takes long, whatever a peer sends; little is kept; others are answered."""
    longest = 0.0
    most = 0

    async def watch() -> None:
        nonlocal longest, most
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)
            most = max(most, *(guest.held_body_bytes for guest in site.node._scheduler.guests), 0)

    watching = asyncio.create_task(watch())
    with server(FLOODS[name]) as url, forgotten_past():
        answers = await attack(site, {name: AGENT % url})
    watching.cancel()
    assert answers[name].text == "done"
    assert longest < 0.25, longest
    assert most <= 51 << 20, most
    async with asyncio.timeout(10):
        while site.node.sockets.taken:
            await asyncio.sleep(0.01)


def masked(first: int, payload: bytes = b"") -> bytes:
    """A client's frame, whose mask changes nothing."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    else:
        length = b"\xfe" + size.to_bytes(2, "big") if size <= 0xFFFF else b"\xff" + size.to_bytes(8, "big")
    return bytes((first,)) + length + bytes(4) + payload


#: What clients send to an agent that serves them.
CLIENT_FLOODS = {
    "tiny messages": masked(0x82) * 60_000,
    "tiny fragments": masked(0x02) + masked(0x00) * 60_000,
    "a fragment that never ends": masked(0x02, bytes(60_000)) + masked(0x00, bytes(60_000)) * 400,
    "pings": masked(0x89) * 60_000,
    "large messages": masked(0x82, bytes(LARGE)) * 2,
    "closes": masked(0x88, b"\x03\xe8") * 10_000,
    "no mask": b"\x81\x05hello" * 10_000,
    "reserved bits": masked(0xF1, b"x") * 10_000,
    "what would be compressed": masked(0xC1, bytes(60_000)) * 100,
    "a length that is negative": b"\x82\xff" + b"\xff" * 8 + bytes(4) + bytes(1 << 20),
    "text that is none": masked(0x81, b"\xff" * 60_000) * 100,
    "requests": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000,
}

SERVES = """export default { fetch(request) {
  const [client, server] = Object.values(new WebSocketPair()); server.accept();
  server.addEventListener('message', (event) => server.send(event.data));
  return new Response(null, { status: 101, webSocket: client });
} };"""


@pytest.mark.parametrize("name", CLIENT_FLOODS)
async def test_a_client_that_floods_keeps_nobody_waiting(site: Site, name: str) -> None:
    """Promise: the same of clients, which read nothing: no pass of the loop takes long, little is kept for them, their
    machines end with them, and no extension is agreed to that would make much of little."""
    path, longest, most = await site.publish(SERVES), 0.0, 0
    good = await site.publish("export default { fetch: () => new Response('fine') };")
    assert (await site.client.get(good)).text == "fine"
    hello = (
        f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )

    async def watch() -> None:
        nonlocal longest, most
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)
            most = max(most, *(guest.held_body_bytes for guest in site.node._scheduler.guests), 0)

    def flood() -> bytes:
        host, port = site.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.sendall(hello.encode())
            head = connection.recv(4096)
            with suppress(OSError):  # cut off, or nobody reads: as it should be
                connection.sendall(CLIENT_FLOODS[name])
            return head

    with forgotten_past():
        watching = asyncio.create_task(watch())
        floods = [asyncio.create_task(asyncio.to_thread(flood)) for _ in range(4)]
        while not all(task.done() for task in floods):
            async with asyncio.timeout(10):
                assert (await site.client.get(good)).text == "fine"
        watching.cancel()
    for task in floods:
        head = task.result()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in head.lower()
    assert longest < 0.25, longest
    assert most <= 51 << 20, most
    async with asyncio.timeout(20):
        while site.node.admission.machines:
            await asyncio.sleep(0.005)
