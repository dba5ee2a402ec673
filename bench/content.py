"""What does it cost to name, keep, find and fetch a program? Prints one line of JSON; times are medians.

    PYTHONPATH=src python bench/content.py [--folder DIR] [--compare FILE]

Blocks are written to DIR, a temporary directory by default: on a memory file system, syncing is free.
"""

import argparse
import asyncio
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from wapo.content import cid as cid_module
from wapo.content.blocks import Block
from wapo.content.cid import Cid
from wapo.content.disk import DiskBlocks
from wapo.content.importer import KUBO, KUBO_V1, pack_bytes, store_now
from wapo.content.library import Library, open_library
from wapo.content.trustless import answer, parse_request

MIB = 1024 * 1024
V0, V1 = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def content(size: int) -> bytes:
    return hashlib.shake_128(str(size).encode()).digest(size)


def microseconds(work: Callable[[], object], times: int, rounds: int = 5) -> float:
    """The median over ``rounds`` of the mean over ``times`` calls."""
    results = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            work()
        results.append((time.perf_counter() - start) / times * 1e6)
    return round(statistics.median(results), 2)


def identifiers() -> dict[str, float]:
    fresh = cid_module._parse.__wrapped__
    return {
        "parse_v0_us": microseconds(lambda: fresh(V0), 5000),
        "parse_v1_us": microseconds(lambda: fresh(V1), 5000),
        "parse_again_us": microseconds(lambda: Cid.parse(V1), 50_000),
    }


def blocks(folder: Path) -> dict[str, float]:
    store = DiskBlocks(folder / "blocks")
    many = [Block(Cid.of(data), data) for data in (content(262_144 - n) for n in range(50))]
    left = iter(many)
    figures = {"put_256k_us": microseconds(lambda: store.put(*next(left)), 10)}
    figures["get_256k_us"] = microseconds(lambda: store.get(many[0].cid), 20)
    return figures


def importing(folder: Path) -> dict[str, float]:
    data = content(50 * MIB)
    figures = {}
    for name, layout in (("kubo", KUBO), ("kubo_v1", KUBO_V1)):
        seconds = []
        for turn in range(3):
            store = DiskBlocks(folder / f"import-{name}-{turn}")
            start = time.perf_counter()
            store_now(store, pack_bytes(data, layout))
            seconds.append(time.perf_counter() - start)
        figures[f"import_{name}_mib_s"] = round(50 / statistics.median(seconds))
    return figures


@asynccontextmanager
async def serving(library: Library, *, archives: bool) -> AsyncIterator[str]:
    """The library as a gateway on loopback."""

    async def serve(request: web.Request) -> web.StreamResponse:
        asked = parse_request(Cid.parse(request.match_info["cid"]), [], request.query)
        if asked is None or (asked.kind == "car" and not archives):
            return web.Response(status=406)
        sent = await answer(asked, library.blocks)
        response = web.StreamResponse(headers=sent.headers)
        await response.prepare(request)
        async for piece in sent.body:
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_get("/ipfs/{cid}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def programs(folder: Path) -> dict[str, float]:
    figures = {}
    async with open_library(folder / "programs") as library:
        small = await library.publish(content(100_000))
        large = await library.publish(content(20 * MIB))
        await library.program(small)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(5000):
                (await library.program(small, ["api"])).read()
            times.append((time.perf_counter() - start) / 5000 * 1e6)
        figures["warm_100k_us"] = round(statistics.median(times), 2)
        start = time.perf_counter()
        await library.program(large)
        figures["read_20m_from_disk_ms"] = round((time.perf_counter() - start) * 1e3, 1)
        for name, archives in (("archive", True), ("blocks", False)):
            async with (
                serving(library, archives=archives) as url,
                open_library(folder / f"fetched-{name}", [url]) as fetched,
            ):
                start = time.perf_counter()
                await fetched.program(large)
                figures[f"fetch_20m_{name}_ms"] = round((time.perf_counter() - start) * 1e3, 1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--compare", type=Path, help="a file with an earlier line, to print beside")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        figures = identifiers() | blocks(folder) | importing(folder) | asyncio.run(programs(folder))
    print(json.dumps(figures))
    if options.compare:
        before = json.loads(options.compare.read_text())
        for key, value in figures.items():
            print(f"{key:24} {before.get(key)!s:>10} -> {value}")


if __name__ == "__main__":
    main()
