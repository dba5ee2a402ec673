"""Does a node stay what it was, for half an hour, under good and hostile load together?

    python bench/soak.py [--minutes 30] [--workers 1]

Good clients ask at 70 % of what the node answers them beside the hostile ones, in an open loop; hostile agents and
clients come one after the other, a few a second. Every answer to the good is checked. Two times a minute all stop; when
nothing is under way, memory, descriptors, mappings, threads and machines are looked at. Of the time after warming up (a
third, at most ten minutes) the first quarter is compared with the last.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from harness import a_server, publish, quantiles, report, run

SHARE = 0.7
FLAT = 0.02
#: What may come and go by itself: a connection that is being closed, a thread of a pool.
SLACK = {"descriptors": 2, "mappings": 8, "threads": 2, "machines": 0}
WARM_UP_S = 600
CONNECTIONS = 24
HOSTILE_S = 0.25

HELLO = "export default { fetch: () => new Response('hello') };"
ECHO = "export default { async fetch(r) { return new Response(await r.text()); } };"
STREAM = """export default { fetch() { let left = 8; return new Response(new ReadableStream({ async pull(c) {
  await null; c.enqueue(new Uint8Array(1024)); if (!--left) c.close(); } })); } };"""
UPSTREAM = "export default { async fetch() { return new Response(await (await fetch('%s')).text()); } };"

#: What they do is ended by a limit, by an error, or by the client who goes away.
HOSTILE = {
    "burns": "export default { fetch() { for (;;) {} } };",
    "burns in a promise": "export default { async fetch() { for (;;) await null; } };",
    "takes memory": "export default { fetch() { const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1)); } };",
    "takes memory in strings": "export default { fetch() { let a = 'x'; for (;;) a += a + Math.random(); } };",
    "recurses": "export default { fetch() { const f = () => f() + 1; return f(); } };",
    "throws": "export default { fetch() { throw new Error('no'); } };",
    "throws at its top level": "throw new Error('no');",
    "is no program": "export default {",
    "never answers": "export default { fetch: () => new Promise((r) => setTimeout(r, 1e6)) };",
    "logs": "export default { fetch() { for (let i = 0; i < 1e5; i++) console.log('x'.repeat(200)); return new Response(); } };",
    "answers without end": """export default { fetch: () => new Response(new ReadableStream({
      pull(c) { c.enqueue(new Uint8Array(65536)); } })) };""",
    "asks itself": "export default { async fetch(r) { return fetch(`%s${new URL(r.url).pathname}`); } };",
    "opens what it can": """export default { async fetch() { await Promise.allSettled(Array.from({ length: 200 },
      () => fetch('http://127.0.0.1:9/'))); return new Response('x'); } };""",
    "leaves work behind": "export default { fetch(r, e, c) { c.waitUntil(new Promise(() => setInterval(() => {}, 1))); return new Response(); } };",
    "answers with headers that are none": "export default { fetch: () => new Response('', { headers: { a: 'b\\r\\nc: d' } }) };",
}  # fmt: skip


class Broken(Exception):
    """An answer that is not the one that was due."""


class Client:
    """One connection, opened again where it was closed between two requests."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes | None = None) -> bytes:
        """The body of the answer.

        Raises:
            Broken.
        """
        if self._pair is None:
            self._pair = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._pair
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        method = b"GET" if body is None else b"POST"
        writer.write(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: soak\r\n" + length + b"\r\n" + (body or b""))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise Broken(head.decode("latin-1"))
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        if b"content-length" in lines:
            return await reader.readexactly(int(lines[b"content-length"]))
        parts = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        if self._pair is not None:
            self._pair[1].transport.abort()
            self._pair = None


class Good:
    """Clients that ask for what is right, and look whether it comes."""

    def __init__(self, url: str, agents: dict[str, str]) -> None:
        self._clients = [Client(url) for _ in range(CONNECTIONS)]
        self._free: asyncio.Queue[Client] = asyncio.Queue()
        for client in self._clients:
            self._free.put_nowait(client)
        self._agents = agents
        self._random = Random(1)
        self.answered = 0
        self.errors: Counter[str] = Counter()
        self.times: list[float] = []

    async def _one(self) -> None:
        kind = self._random.choices(("hello", "echo", "upstream", "stream"), (80, 10, 5, 5))[0]
        body = os.urandom(100).hex().encode() if kind == "echo" else None
        client, begin = await self._free.get(), time.perf_counter()
        try:
            async with asyncio.timeout(30):
                answer = await client.ask(self._agents[kind], body)
            if answer != {"hello": b"hello", "upstream": b"hello", "stream": bytes(8192)}.get(kind, body):
                raise Broken(f"{kind}: {answer[:100]!r}")
            self.answered += 1
            self.times.append(time.perf_counter() - begin)
        except (Broken, OSError, EOFError, TimeoutError) as error:
            self.errors[f"{kind}: {type(error).__name__} {str(error)[:200]}"] += 1
            client.close()
        finally:
            self._free.put_nowait(client)

    async def closed_loop(self, seconds: float) -> float:
        """Asks as fast as it gets answers; requests a second."""
        before, begin = self.answered, time.perf_counter()

        async def go_on() -> None:
            while time.perf_counter() < begin + seconds:
                await self._one()

        await asyncio.gather(*(go_on() for _ in range(CONNECTIONS)))
        return (self.answered - before) / (time.perf_counter() - begin)

    async def open_loop(self, rate: float, seconds: float) -> None:
        """Asks at a rate, whatever the answers do."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = begin + number / rate - time.perf_counter()
                if due > 0.002:
                    await asyncio.sleep(due)
                group.create_task(self._one())

    def close(self) -> None:
        for client in self._clients:
            client.close()


class Hostile:
    """One attack after the other, none of which is waited for."""

    def __init__(self, url: str, paths: dict[str, str], echo: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port
        self._echo = echo.encode()
        self._paths = paths
        self._ways = itertools.cycle(self._all())
        self._tasks: set[asyncio.Task[None]] = set()
        self.begun = 0

    def _all(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """Agents, and between them clients."""
        raw = [
            b"GET " + self._echo + b" HTTP/1.1\r\nHos", b"", b"\r\n" * 1000, b"nonsense\r\n\r\n",
            b"POST " + self._echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
            b"POST " + self._echo + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000,
            (b"GET " + self._echo + b" HTTP/1.1\r\nHost: a\r\n\r\n") * 500,
            b"GET " + self._echo + b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + b"\xff" * 5000,
        ]  # fmt: skip
        clients = itertools.cycle(raw)
        for path in self._paths.values():
            request = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            yield partial(self._send, request, 5.0)
            yield partial(self._send, next(clients), 0.5)

    async def _send(self, data: bytes, seconds: float) -> None:
        """Sends, reads a little, slowly, and goes away."""
        try:
            reader, writer = await asyncio.open_connection(*self._address, limit=4096)
        except OSError:
            return
        try:
            async with asyncio.timeout(seconds):
                writer.write(data)
                while True:
                    if not await reader.read(4096):
                        break
                    await asyncio.sleep(0.05)
        except (OSError, TimeoutError):
            pass
        finally:
            writer.transport.abort()

    async def run(self) -> None:
        """Until it is cancelled."""
        for way in self._ways:
            task = asyncio.ensure_future(way())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self.begun += 1
            await asyncio.sleep(HOSTILE_S)

    async def stop(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)


def processes(pid: int) -> list[int]:
    """A process, and those that it has started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def figures(url: str, pid: int) -> dict[str, float]:
    """Of all processes together, sizes in KB."""
    total: Counter[str] = Counter()
    for one in processes(pid):
        folder = Path(f"/proc/{one}")
        for line in (folder / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Pss", "Private_Dirty"):
                total["Pss KB" if name == "Pss" else "private KB"] += int(rest.split()[0])
        total["descriptors"] += len(os.listdir(folder / "fd"))
        total["mappings"] += len((folder / "maps").read_text().splitlines())
        total["threads"] += len(os.listdir(folder / "task"))
    with urllib.request.urlopen(f"{url}/healthz", timeout=30) as response:
        total["machines"] = json.loads(response.read()).get("machines", 0)
    return dict(total)


async def at_rest(url: str, pid: int) -> dict[str, float]:
    """When what was under way has ended: descriptors go no further down for a second."""
    lowest, since, until = 1 << 30, time.monotonic(), time.monotonic() + 15
    while time.monotonic() < until and time.monotonic() < since + 1:
        now = sum(len(os.listdir(f"/proc/{one}/fd")) for one in processes(pid))
        if now < lowest:
            lowest, since = now, time.monotonic()
        await asyncio.sleep(0.1)
    return await asyncio.to_thread(figures, url, pid)


def drift(samples: list[dict[str, float]], name: str) -> tuple[float, float]:
    """Medians of the first and of the last quarter."""
    quarter = max(1, len(samples) // 4)
    first, last = samples[:quarter], samples[-quarter:]
    return statistics.median(s[name] for s in first), statistics.median(s[name] for s in last)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="half a minute, to see that it works")
    parser.add_argument("--good-only", action="store_true", help="without the hostile, to see who it is")
    options = parser.parse_args()
    seconds = 30.0 if options.quick else options.minutes * 60
    limits = ("--max-burst", "100ms", "--max-time", "3s", "--max-memory", "32MB", "--workers", str(options.workers))
    with a_server(*limits) as (url, pid, folder):

        def path(source: str) -> str:
            return urlsplit(publish(url, folder, source.encode())).path

        agents = {"hello": path(HELLO), "echo": path(ECHO), "stream": path(STREAM)}
        agents["upstream"] = path(UPSTREAM % (url + agents["hello"]))
        paths = {name: path(source.replace("%s", url)) for name, source in HOSTILE.items()}
        good, hostile = Good(url, agents), Hostile(url, paths, agents["echo"])

        async def beside(work: Awaitable[float | None]) -> float | None:
            attack = asyncio.create_task(asyncio.sleep(1e9) if options.good_only else hostile.run())
            try:
                return await work
            finally:
                attack.cancel()
                await hostile.stop()

        await beside(good.closed_loop(3))
        capacity = await beside(good.closed_loop(min(15, seconds / 6))) or 0.0
        sys.stderr.write(f"{capacity:.0f} requests a second beside the hostile; asking {SHARE * capacity:.0f}\n")
        good.times.clear()
        begin, samples = time.monotonic(), []
        rows: dict[str, dict[str, float]] = {}
        while (passed := time.monotonic() - begin) < seconds:
            await beside(good.open_loop(SHARE * capacity, min(30, seconds / 10)))
            good.close()
            sample = await at_rest(url, pid)
            if passed > min(seconds / 3, WARM_UP_S):
                samples.append(sample)
            shown = {"good": good.answered, "errors": sum(good.errors.values()), "hostile": hostile.begun, **sample}
            rows[f"{(time.monotonic() - begin) / 60:.1f} min"] = shown
            sys.stderr.write(f"{(time.monotonic() - begin) / 60:5.1f} min {shown}\n")
        flat = {}
        for name in samples[0]:
            first, last = drift(samples, name)
            allowed = max(FLAT * first, SLACK.get(name, 0))
            flat[name] = {
                "first": first, "last": last, "change %": round((last / first - 1) * 100 if first else 0, 2),
                "met": int(last - first <= allowed),
            }  # fmt: skip
        errors = sum(good.errors.values())
        for text, count in good.errors.most_common(5):
            sys.stderr.write(f"error, {count} times: {text}\n")
        report(
            f"{seconds / 60:.1f} minutes at {SHARE:.0%} of capacity beside hostile agents and clients",
            {
                "requests a second": round(SHARE * capacity), "answered": good.answered, "errors": errors,
                "attacks": hostile.begun, "latency ms": quantiles(good.times, 1e3), "flat": flat, "samples": rows,
            },
            {"errors": "target: at most 0", **{f"flat {name} met": "target: at least 1" for name in flat}},
        )  # fmt: skip


if __name__ == "__main__":
    run(main)
