"""Does a node with 10,000 agents keep its memory, and its speed for those that are in use?

    python bench/many_agents.py [--count N] [--seconds S]

``wapo serve`` as users run it, and N programs of which no two are alike. One of them is asked 25 times a second all the
time: alone, while 1,000 others are asked for the first time, and while requests go to all of them, most to few (Zipf).
Its requests start when they are due, whatever the answers before them do. Not more than S seconds go into publishing, and
as many into first requests.
"""

import argparse
import json
import random
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from harness import AGENTS, a_server, asyncio, memory_kb, quantiles, report, run

RATE = 25
AT_ONCE = 16
FIRST = 1000
ZIPF_REQUESTS = 3000


class Client:
    """Connections to the node that stay open, taken in turn."""

    def __init__(self, url: str) -> None:
        self._where = urlsplit(url)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, path: str, method: str = "GET", body: bytes = b"", token: str = "") -> tuple[float, bytes]:
        """Seconds, and the answer's body."""
        began = time.perf_counter()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._where.netloc}\r\nContent-Length: {len(body)}\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        while True:
            used = bool(self._idle)
            if used:
                reader, writer = self._idle.pop()
            else:
                reader, writer = await asyncio.open_connection(self._where.hostname, self._where.port)
            try:
                writer.write(f"{head}\r\n".encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                break
            except (OSError, asyncio.IncompleteReadError):  # the node closes connections that are idle for long
                writer.close()
                if not used:
                    raise
        fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:-2])
        data = await reader.readexactly(int(fields[b"content-length"]))
        elapsed = time.perf_counter() - began
        if answer.split(b" ", 2)[1] not in (b"200", b"201"):
            raise SystemExit(f"{path}: {answer!r} {data!r}")
        self._idle.append((reader, writer))
        return elapsed, data


async def steadily(client: Client, path: str, until: asyncio.Event) -> list[float]:
    """Seconds from when a request was due to its answer."""

    async def one(due: float) -> float:
        await client.ask(path)
        return time.perf_counter() - due

    tasks, due = [], time.perf_counter()
    while not until.is_set():
        due += 1 / RATE
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(due)))
    return await asyncio.gather(*tasks)


async def each(client: Client, paths: list[str], until: float = float("inf")) -> list[float]:
    """Seconds that each took, some at once; as many as there is time for."""
    left, times = iter(paths), []

    async def worker() -> None:
        for path in left:
            if time.perf_counter() > until:
                return
            times.append((await client.ask(path))[0])

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return times


def status(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as response:
        answer: dict[str, int] = json.loads(response.read())
        return answer


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=50)
    options, _ = parser.parse_known_args()
    source = (AGENTS / "hello.js").read_bytes()
    with a_server() as (url, pid, folder):
        client, token = Client(url), (folder / "operator.token").read_text().strip()
        paths: list[str] = []

        async def publish(numbers: Iterator[int], until: float) -> None:
            for number in numbers:
                if time.perf_counter() > until:
                    return
                _, answer = await client.ask("/ipfs", "POST", b"// %d\n" % number + source, token)
                paths.append(f"/ipfs/{json.loads(answer)['cid']}")

        numbers = iter(range(options.count))
        await asyncio.gather(*(publish(numbers, time.perf_counter() + options.seconds) for _ in range(AT_ONCE)))
        hot, *others = paths
        for _ in range(50):
            await client.ask(hot)
        before = memory_kb(pid)
        results: dict[str, object] = {"agents": len(paths)}

        async def beside(name: str, work: "asyncio.Future[list[float]]", other: str) -> list[float]:
            done = asyncio.Event()
            steady = asyncio.ensure_future(steadily(client, hot, done))
            times = await work
            done.set()
            results[f"{name}, ms"] = quantiles(await steady, 1e3)
            if times:
                results[f"{other}, ms"] = quantiles(times, 1e3)
            return times

        async def nothing() -> list[float]:
            await asyncio.sleep(5)
            return []

        until = time.perf_counter() + options.seconds
        await beside("hot agent alone", asyncio.ensure_future(nothing()), "")
        first = asyncio.ensure_future(each(client, others[:FIRST]))
        await beside(
            f"hot agent beside {FIRST} first requests", first, f"first request of {FIRST} beside the hot agent"
        )
        asked = FIRST + len(await each(client, others[FIRST:], until))
        results["agents that were asked"] = asked
        random.seed(1)
        weights = [1 / (rank + 1) for rank in range(asked)]
        mix = random.choices(others[:asked], weights, k=ZIPF_REQUESTS)
        await beside(
            "hot agent beside the mix", asyncio.ensure_future(each(client, mix)), f"{ZIPF_REQUESTS} requests of a mix"
        )
        now = status(url)
        results |= {
            "images in memory": now["images"],
            "MB of images in memory": round(now["image_bytes"] / 1e6),
            "images on disk only": now["cold_images"],
            "MB on disk": round(now["cold_image_bytes"] / 1e6),
            "process, MB more than with one agent": round((memory_kb(pid) - before) / 1024),
        }
        report("A node with many agents", results)


if __name__ == "__main__":
    run(main)
