"""Do 50,000 requests leave memory, descriptors, mappings and tasks where they were?"""

import gc
import os
import time
from pathlib import Path

from harness import AGENTS, a_node, asyncio, memory_kb, report, run

from wapo.agents.messages import AgentRequest
from wapo.node.memory import keep_few_arenas

REQUESTS = 50_000
BATCH = 50


def figures() -> dict[str, int]:
    gc.collect()
    return {
        "memory KB": memory_kb(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mappings": len(Path("/proc/self/maps").read_text().splitlines()),
        "tasks": len(asyncio.all_tasks()),
    }


async def main() -> None:
    keep_few_arenas()  # as ``wapo serve`` does
    async with a_node() as node:
        cid = await node.library.publish((AGENTS / "hello.js").read_bytes())
        located = await node.programs.locate(str(cid), ())

        async def ask() -> None:
            request = AgentRequest("GET", "http://localhost/?name=x", [(b"host", b"localhost")], request_id="bench")
            assert (await (await node.invoke(located, request, "GET /")).response()).status == 200

        async def many(count: int) -> None:
            for _ in range(count // BATCH):
                await asyncio.gather(*(ask() for _ in range(BATCH)))
            await node.logs.flush()

        await many(100_000)  # caches of the store and of the allocator fill slowly
        before = figures()
        begin = time.perf_counter()
        await many(REQUESTS)
        seconds = time.perf_counter() - begin
        after = figures()
        report(
            f"{REQUESTS} requests in one process",
            {"seconds": round(seconds, 1), "before": before, "after": after},
            {"after memory KB": "target: as before"},
        )


if __name__ == "__main__":
    run(main)
