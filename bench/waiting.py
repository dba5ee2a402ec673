"""Can one process have 10,000 requests that wait for an upstream, and what does each take?

    python bench/waiting.py [--count N] [--programs N]

``wapo serve`` as users run it, a client with a connection for each request, and an upstream that answers nobody until
all are there. Then every answer is checked. A process has as many waiting requests as descriptors and mappings allow:
half of its descriptors are for clients, a quarter for requests to upstreams, and who finds none free waits for one (in
its machine, too). Memory is the growth of the server's proportional set size, with its page tables.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from harness import ROOT, a_server, asyncio, memory_kb, publish, quantiles, report, run

from wapo.cli.serve import take_descriptors

AGENT = b"""
export default {
  async fetch(request) {
    const response = await fetch(new URL(request.url).searchParams.get('from'));
    return new Response(await response.text());
  },
};
"""


def page_tables_kb(pid: int) -> int:
    return int(re.findall(r"VmPTE:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def taken_kb(pid: int) -> int:
    return memory_kb(pid) + page_tables_kb(pid)


def mappings(pid: int) -> int:
    return len(Path(f"/proc/{pid}/maps").read_text().splitlines())


def machines(url: str) -> int:
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as response:
        return int(json.loads(response.read())["machines"])


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--programs", type=int, default=20, help="how many programs share the requests")
    options, _ = parser.parse_known_args()
    take_descriptors()
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(options.count, descriptors // 2 - 100)
    upstream = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "bench" / "servers" / "late_server.py"), stdout=subprocess.PIPE
    )
    assert upstream.stdout is not None
    late = f"http://127.0.0.1:{int(await upstream.stdout.readline())}"
    try:
        with a_server("--max-time", "unlimited") as (url, pid, folder):
            programs = [publish(url, folder, b"// %d\n" % number + AGENT) for number in range(options.programs)]
            gate = asyncio.Semaphore(256)
            times: list[float] = []

            async def ask(number: int) -> bool:
                where = urlsplit(programs[number % len(programs)])
                async with gate:
                    reader, writer = await asyncio.open_connection(where.hostname, where.port)
                    request = f"GET {where.path}?from={late}/{number} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n"
                    writer.write(request.encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
                body = await reader.readexactly(length)
                times.append(time.perf_counter())
                writer.close()
                return head.startswith(b"HTTP/1.1 200") and body == b"/%d" % number

            async def until(expected: int) -> None:
                while await asyncio.to_thread(machines, url) < expected:
                    await asyncio.sleep(0.2)

            warm = [asyncio.ensure_future(ask(number)) for number in range(len(programs))]
            await until(len(warm))
            before = taken_kb(pid)
            began = time.perf_counter()
            tasks = [asyncio.ensure_future(ask(number)) for number in range(len(programs), count)]
            await until(count)
            arrived_s = time.perf_counter() - began
            at_once = (taken_kb(pid) - before) / len(tasks)
            resting = at_once
            for _ in range(60):  # until machines that wait have given back what they need not
                await asyncio.sleep(2)
                now = (taken_kb(pid) - before) / len(tasks)
                if now > resting * 0.98:
                    break
                resting = now
            maps = mappings(pid)
            began = time.perf_counter()
            times.clear()
            await asyncio.to_thread(urllib.request.urlopen, f"{late}/release")
            right = sum(await asyncio.gather(*warm, *tasks))
            report(
                "Requests that wait for an upstream, in one process",
                {
                    "waiting at once": count,
                    "answered right": right,
                    "KB each, when all have come": round(at_once),
                    "KB each, a few seconds later": round(resting),
                    "mappings each": round(maps / count, 2),
                    "seconds until all waited": round(arrived_s, 1),
                    "seconds from the upstream's answers to all of ours": round(time.perf_counter() - began, 1),
                    "answered after, s": quantiles([at - began for at in times], 1),
                    "descriptors": descriptors,
                },
                {"KB each, a few seconds later": "at most 300"},
            )
    finally:
        upstream.terminate()
        await upstream.wait()


if __name__ == "__main__":
    run(main)
