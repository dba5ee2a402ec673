"""How many messages of WebSockets does an agent that serves them exchange in a second?

An agent echoes; ``wapo serve`` runs in a process of its own, the clients here. Beside messages a second is the server's
CPU for each, which says more where others use the machine, and what aiohttp in CPython needs for the same echo.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from harness import a_server, publish, report, run
from websockets.asyncio.client import ClientConnection, connect

ECHO = b"""export default { fetch() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.onmessage = ({ data }) => server.send(data);
  return new Response(null, { status: 101, webSocket: client });
} };"""
PEER = """
import aiohttp.web as web
async def echo(request):
    response = web.WebSocketResponse(compress=False, max_msg_size=0)
    await response.prepare(request)
    async for message in response:
        await (response.send_str(message.data) if message.type.name == "TEXT" else response.send_bytes(message.data))
    return response
app = web.Application()
app.router.add_get("/", echo)
web.run_app(app, host="127.0.0.1", port={port}, print=None)
"""
SECONDS = 3.0
WINDOW = 64


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def exchange(client: ClientConnection, message: str | bytes, until: float) -> int:
    """Messages that came back; a window of them is under way."""
    for _ in range(WINDOW):
        await client.send(message)
    count = 0
    while time.perf_counter() < until:
        await client.recv()
        await client.send(message)
        count += 1
    return count


async def measure(url: str, pid: int, connections: int, message: str | bytes, window: int = WINDOW) -> dict[str, Any]:
    global WINDOW
    WINDOW = window
    clients = [await connect(url, compression=None, max_size=None, proxy=None) for _ in range(connections)]
    before, started = cpu_s(pid), time.perf_counter()
    counts = await asyncio.gather(*(exchange(client, message, started + SECONDS) for client in clients))
    elapsed, used = time.perf_counter() - started, cpu_s(pid) - before
    for client in clients:
        client.transport.abort()
    total = sum(counts)
    return {"messages a second": round(total / elapsed), "server's CPU each, us": round(used / total * 1e6, 1)}


async def series(url: str, pid: int) -> dict[str, Any]:
    return {
        "1 connection, 32 B of text": await measure(url, pid, 1, "x" * 32),
        "16 connections, 32 B of text": await measure(url, pid, 16, "x" * 32),
        "1 connection, 32 B, one at a time": await measure(url, pid, 1, "x" * 32, 1),
        "1 connection, 64 KB of bytes": await measure(url, pid, 1, bytes(65536), 8),
        "1 connection, 1 MB of bytes": await measure(url, pid, 1, bytes(1_000_000), 4),
    }


async def main() -> None:
    results: dict[str, Any] = {}
    with a_server() as (url, pid, folder):
        results["agent"] = await series(publish(url, folder, ECHO).replace("http", "ws", 1), pid)
    port = 8000 + os.getpid() % 20000
    peer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PEER.format(port=port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        results["aiohttp in CPython"] = await series(f"ws://127.0.0.1:{port}/", peer.pid)
    finally:
        peer.terminate()
        await peer.wait()
    report("How many WebSocket messages does an echoing agent exchange?", results)


run(main)
