"""WebSockets whose other side wants the host to work, or to keep things, and agents that help it."""

import asyncio
import base64
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
