"""How much memory do idle agents and waiting requests take?

Physical memory, as the fall of ``MemAvailable`` and the growth of the process's proportional set size.
"""

import gc
from pathlib import Path

from harness import AGENTS, a_node, asyncio, memory_kb, report, run

from wapo.agents.messages import AgentRequest

AGENT_COUNT = 100
WAITING = 1000
WAITER = b"export default { fetch: async () => { await new Promise((done) => setTimeout(done, 60000)); return new Response(); } };"


def available_kb() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    return 0


async def main() -> None:
    async with a_node(time_s=None, burst_s=None) as node:

        async def start(source: bytes) -> object:
            cid = await node.library.publish(source)
            located = await node.programs.locate(str(cid), ())
            request = AgentRequest("GET", "http://localhost/", [(b"host", b"localhost")], request_id="bench")
            return await node.invoke(located, request, "GET /")

        hello = (AGENTS / "hello.js").read_bytes()
        await (await start(hello)).response()  # type: ignore[attr-defined]
        for _ in range(3):
            await (await start(b"// warm\n" + hello)).response()  # type: ignore[attr-defined]
        gc.collect()
        available, own = available_kb(), memory_kb()
        for number in range(AGENT_COUNT):
            await (await start(b"// %d\n" % number + hello)).response()  # type: ignore[attr-defined]
        gc.collect()
        idle = (memory_kb() - own) / AGENT_COUNT, (available - available_kb()) / AGENT_COUNT
        spare = sum(len(image._pool or ()) for image in node.images._images.values())
        for image in node.images._images.values():
            image.trim()
            image.trim()
        gc.collect()
        trimmed = (memory_kb() - own) / AGENT_COUNT
        while node.images.cold < AGENT_COUNT:  # as the store does by itself within 40 seconds
            await node.images.look()
            await asyncio.sleep(0.01)
        gc.collect()
        cold = (memory_kb() - own) / AGENT_COUNT, node.images.cold_bytes / 1024 / node.images.cold

        available, own = available_kb(), memory_kb()
        for _ in range(WAITING):
            await start(WAITER)
        await asyncio.sleep(0)
        gc.collect()
        waiting = (memory_kb() - own) / WAITING, (available - available_kb()) / WAITING
        while not all(guest.folded for guest in node._scheduler.guests):
            await asyncio.sleep(0.1)
        gc.collect()
        folded = (memory_kb() - own) / WAITING, (available - available_kb()) / WAITING
        assert node.admission.machines == WAITING
        report(
            "Memory (KB)",
            {
                f"idle agent, of {AGENT_COUNT}, with a spare machine each": {
                    "pss": round(idle[0]),
                    "available": round(idle[1]),
                },
                "idle agent, after spare machines were freed": {"pss": round(trimmed)},
                "idle agent, half a minute later": {"pss": round(cold[0]), "disk": round(cold[1])},
                "spare machines": spare,
                f"waiting request, of {WAITING}": {"pss": round(waiting[0]), "available": round(waiting[1])},
                "waiting request, seconds later": {"pss": round(folded[0]), "available": round(folded[1])},
            },
            {
                "idle agent, half a minute later pss": "at most 1000",
                "waiting request, seconds later pss": "at most 300",
            },
        )


if __name__ == "__main__":
    run(main)
