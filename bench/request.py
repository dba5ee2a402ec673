"""How long does a request take in a machine of its own, in process: no sockets, the full platform loaded?"""

import time

from harness import AGENTS, a_node, asyncio, quantiles, report, run

from wapo.agents.messages import AgentRequest
from wapo.node.node import Node
from wapo.node.programs import Located

REPEAT = 3000
HEADERS = [(b"host", b"localhost"), (b"accept", b"*/*"), (b"user-agent", b"bench")]


async def ask(node: Node, located: Located) -> bytes:
    request = AgentRequest("GET", "http://localhost/?name=bench", list(HEADERS), request_id="bench")
    return (await (await node.invoke(located, request, "GET /")).response()).body


async def measure(node: Node, source: bytes) -> dict[str, float]:
    cid = await node.library.publish(source)
    located = await node.programs.locate(str(cid), ())
    for _ in range(200):
        await ask(node, located)
    times = []
    for index in range(REPEAT):
        begin = time.perf_counter()
        await ask(node, located)
        times.append(time.perf_counter() - begin)
        if index % 50 == 0:
            await asyncio.sleep(0)  # the log writer gets its turn
    return quantiles(times)


async def main() -> None:
    async with a_node() as node:
        results = {name: await measure(node, (AGENTS / f"{name}.js").read_bytes()) for name in ("hello", "classic")}
        report(
            "A request in a machine of its own, in process (us)", results,
            {"hello median": "target: at most 100"},
        )  # fmt: skip


if __name__ == "__main__":
    run(main)
