"""How fast does an agent read a large response, beside aiohttp without an agent?

The agent fetches 100 MB from a server on loopback and counts the bytes: with a reader, and whole with ``arrayBuffer()``.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
from harness import ROOT, a_node, asyncio, report, run

from wapo.agents.messages import AgentRequest

SIZE = 100_000_000
ROUNDS = 5
AGENT = b"""
export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const response = await fetch(searchParams.get('from'));
    if (searchParams.has('whole')) return Response.json((await response.arrayBuffer()).byteLength);
    let length = 0;
    for await (const chunk of response.body) length += chunk.length;
    return Response.json(length);
  },
};
"""


async def native(url: str) -> int:
    length = 0
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        async for chunk in response.content.iter_any():
            length += len(chunk)
    return length


async def main() -> None:
    command = [sys.executable, str(ROOT / "bench" / "servers" / "bytes_server.py")]
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(await server.stdout.readline())}/{SIZE}"
    try:
        async with a_node(burst_s=None, memory_bytes=1 << 30) as node:
            cid = await node.library.publish(AGENT)
            located = await node.programs.locate(str(cid), ())

            def agent(query: str) -> Callable[[], Awaitable[int]]:
                async def ask() -> int:
                    request = AgentRequest("GET", f"http://a/?from={url}{query}", [(b"host", b"a")], request_id="bench")
                    length: int = json.loads((await (await node.invoke(located, request, "GET /")).response()).body)
                    return length

                return ask

            ways = {"agent, stream": agent(""), "agent, whole": agent("&whole"), "aiohttp": lambda: native(url)}
            seen: dict[str, list[float]] = {}
            for _ in range(ROUNDS):
                for name, ask in ways.items():
                    begin = time.perf_counter()
                    if await ask() != SIZE:
                        raise SystemExit(f"{name}: the body is not whole")
                    seen.setdefault(name, []).append(SIZE / (time.perf_counter() - begin) / 1e6)
    finally:
        server.terminate()
        await server.wait()
    medians = {name: statistics.median(values) for name, values in seen.items()}
    report(
        "An agent that fetches 100 MB (MB/s)",
        {
            **{name: round(value) for name, value in medians.items()},
            "agent, stream / aiohttp": round(medians["agent, stream"] / medians["aiohttp"], 2),
        },
    )


if __name__ == "__main__":
    run(main)
