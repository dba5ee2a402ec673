"""A fresh machine for each request in process: ours beside quickjs-wasi and quickjs-rs, in turns in one run.

Ours is a whole request to an agent with the whole platform in its machine: admission, Request, Response, log line.
Theirs is a call of one function in an engine that has nothing but ECMAScript: less is asked of them.
"""

import json
import statistics
import sys
import time
from typing import Any

from harness import Chart, a_node, asyncio, options, quantiles, report, run
from peers import packages
from peers.packages import Absent
from request import ask

PEERS = ("quickjs-wasi, restored", "quickjs-rs, evaluated", "quickjs-rs, restored")
BASELINE = "wapo"


def command(peer: str, seconds: float) -> list[str]:
    """What prints the times of a peer's requests.

    Raises:
        Absent: the peer cannot be had.
    """
    name, _, way = peer.partition(", ")
    if name == "quickjs-wasi":
        packages.version("quickjs-wasi")
        return [packages.node(), packages.host("snapshots.mjs"), "time", str(seconds)]
    packages.quickjs_rs()
    ways = {"evaluated": "eval", "restored": "restore"}
    return [sys.executable, packages.host("contexts.py"), "time", str(seconds), ways[way]]


async def theirs(peer: str, seconds: float) -> list[float]:
    process = await asyncio.create_subprocess_exec(*command(peer, seconds), stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{peer} failed")
    return [us / 1e6 for us in json.loads(out)]


async def ours(node: Any, located: Any, seconds: float) -> list[float]:
    times: list[float] = []
    until = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < until:
        await ask(node, located)
        times.append(time.perf_counter() - begin)
        if len(times) % 50 == 0:
            await asyncio.sleep(0)  # the log writer gets its turn
    return times


async def main() -> None:
    parsed = options(__doc__)
    rounds, seconds = (1, 0.3) if parsed.quick else (4, 1.5)
    taken: dict[str, list[list[float]]] = {BASELINE: []}
    absent: dict[str, str] = {}
    async with a_node() as node:
        cid = await node.library.publish(packages.agent("hello").read_bytes())
        located = await node.programs.locate(str(cid), ())
        for _ in range(200):
            await ask(node, located)
        for _ in range(rounds):
            taken[BASELINE].append(await ours(node, located, seconds))
            for peer in PEERS:
                try:
                    taken.setdefault(peer, []).append(await theirs(peer, seconds))
                except Absent as why:
                    absent[peer] = str(why)
    taken = {name: lists for name, lists in taken.items() if lists}
    results: dict[str, Any] = {
        "in process": {name: quantiles([t for times in lists for t in times]) for name, lists in taken.items()},
        "times ours": {
            name: round(statistics.median(
                statistics.median(a) / statistics.median(b) for a, b in zip(lists, taken[BASELINE], strict=True)
            ), 1)
            for name, lists in taken.items() if name != BASELINE
        },
    }  # fmt: skip
    if absent:
        results["absent"] = absent
    report(
        "A fresh machine for each request, in process (us)", results,
        {
            "in process wapo median": "target: at most 100",
            **{f"times ours {peer}": "target: at least 5" for peer in PEERS},
        },
        [Chart("in process", "median", "lower"), Chart("in process", "p99", "lower")],
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
