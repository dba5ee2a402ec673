"""A never-seen agent's first request, and a server's start, beside peers.

For an agent of 100 KB that a server has never run: here its publication is done and its image is not; workerd makes an
isolate through its worker loader, node a worker thread, deno a web worker. A start is from the command to the first
answer of hello JSON; byte code and compiled modules are cached.
"""

import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from cold_start import agent
from harness import Chart, options, publish, quantiles, report
from peers import packages
from peers.packages import Absent
from peers.servers import BESIDE, Server, again, many_deno, many_node, many_wapo, many_workerd

Many = Callable[[Path], AbstractContextManager[tuple[Server, dict[str, str]]]]
MANY: dict[str, Many] = {"wapo": many_wapo, "workerd": many_workerd, "node": many_node, "deno": many_deno}
NO_SUCH_THING = "no such thing: every request makes a context, see fresh_context.py"


def seconds_of(url: str, expected: bytes) -> float:
    begin = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as response:
        body = response.read()
    if body != expected:
        raise SystemExit(f"{url} says {body[:100]!r}")
    return time.perf_counter() - begin


def first_requests(count: int, absent: dict[str, str]) -> dict[str, list[float]]:
    """Times of first requests by peer, in turns; one agent each is for warming up."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        for number in range(count + 1):
            (folder / f"agent{number}.js").write_bytes(agent(number))
        peers = {}
        for peer, start in MANY.items():
            try:
                _, peers[peer] = stack.enter_context(start(folder))
            except Absent as why:
                absent[peer] = str(why)
        for number in range(count + 1):
            for peer, addresses in peers.items():
                time.sleep(0.02)  # what the one before has left to do
                took = seconds_of(addresses[f"agent{number}"], b"6")
                if number:
                    taken.setdefault(peer, []).append(took)
    return taken


def starts(count: int, absent: dict[str, str]) -> dict[str, list[float]]:
    """Times from the command to the first answer, by peer, in turns; the first of each, which fills caches, left out."""
    hello = packages.agent("hello")
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name:
        data = Path(name, "node")
        with again(data) as server:
            path = publish(server.url, data, hello.read_bytes()).removeprefix(server.url)
        begin: dict[str, Callable[[], AbstractContextManager[Server]]] = {"wapo": lambda: again(data, path)}
        begin |= {peer: partial(BESIDE[peer], hello) for peer in ("workerd", "node", "deno")}
        for number in range(count + 1):
            for peer, start in begin.items():
                if peer in absent:
                    continue
                at = time.perf_counter()
                try:
                    with start() as server:
                        seconds_of(f"{server.url}/", b'{"hello":"world"}')
                        took = time.perf_counter() - at
                except Absent as why:
                    absent[peer] = str(why)
                    continue
                if number:
                    taken.setdefault(peer, []).append(took)
    return taken


def main() -> None:
    parsed = options(__doc__)
    absent: dict[str, str] = {}
    first = first_requests(2 if parsed.quick else 25, absent)
    start = starts(1 if parsed.quick else 7, absent)
    results: dict[str, Any] = {
        "first request to an agent of 100 KB": {peer: quantiles(times, 1e3) for peer, times in first.items()},
        "from the command to the first answer": {peer: quantiles(times, 1e3) for peer, times in start.items()},
        "without agents": {"quickjs-wasi": NO_SUCH_THING, "quickjs-rs": NO_SUCH_THING},
    }
    if absent:
        results["absent"] = absent
    report(
        "Cold starts beside peers (ms)", results,
        {
            "first request to an agent of 100 KB wapo median": "target: at most 25",
            "from the command to the first answer wapo median": "target: at most 400",
        },
        [Chart(table, "median", "lower") for table in results if "answer" in table or "request" in table],
    )  # fmt: skip


if __name__ == "__main__":
    main()
