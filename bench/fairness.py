"""How much later does an agent answer while others burn?

A client asks one agent at a fixed rate (an open loop: a late answer makes the next question no later), first alone, then
beside agents in endless loops: one request of one agent, a hundred of one agent, and ten agents with ten each. The burners
are started anew as soon as their limit ends them.
"""

import asyncio
import sys
import time
from urllib.parse import urlsplit

from harness import AGENTS, a_server, publish, report, run

RATE = 200
SECONDS = 6
BURNER = b"// %d\nexport default { fetch() { for (;;) {} } };"


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return head


async def ask(url: str, connections: int = 16) -> list[float]:
    """Times from when each question was due to its answer, in seconds."""
    parts = urlsplit(url)
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection(parts.hostname, parts.port))
    times: list[float] = []

    async def one(due: float) -> None:
        pair = await free.get()
        head = await exchange(*pair, parts.path)
        assert head.startswith(b"HTTP/1.1 200 "), head
        times.append(time.perf_counter() - due)
        free.put_nowait(pair)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(RATE * SECONDS):
            due = begin + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return times


async def burn(url: str) -> None:
    parts = urlsplit(url)
    while True:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        await exchange(reader, writer, parts.path)
        writer.close()


async def measure(url: str, burners: list[str]) -> None:
    """In a process of its own: prints the median and the 99th percentile in milliseconds."""
    tasks = [asyncio.create_task(burn(burner)) for burner in burners]
    await asyncio.sleep(1 if burners else 0.2)
    times = sorted(await ask(url))
    for task in tasks:
        task.cancel()
    sys.stdout.write(f"{times[len(times) // 2] * 1e3} {times[int(len(times) * 0.99)] * 1e3}")


async def beside(url: str, burners: list[str]) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "measure", url, *burners, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    median, p99 = map(float, out.split())
    return {"median ms": round(median, 2), "p99 ms": round(p99, 2)}


async def main() -> None:
    with a_server("--max-burst", "1s") as (url, _, folder):
        agent = publish(url, folder, (AGENTS / "hello.js").read_bytes())
        burners = [publish(url, folder, BURNER % number) for number in range(10)]
        results = {
            "alone": await beside(agent, []),
            "beside one busy request": await beside(agent, burners[:1]),
            "beside a hundred of one agent": await beside(agent, burners[:1] * 100),
            "beside a hundred of ten agents": await beside(agent, [burner for burner in burners for _ in range(10)]),
        }
        for _name, figures in list(results.items())[1:]:
            figures["p99 more than alone, ms"] = round(figures["p99 ms"] - results["alone"]["p99 ms"], 2)
    report(
        f"An agent asked {RATE} times a second while others burn", results,
        {f"{name} p99 more than alone, ms": "target: at most 5 (a slice)" for name in list(results)[1:]},
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        run(lambda: measure(sys.argv[2], sys.argv[3:]))
    else:
        run(main)
