"""What the benchmark scripts share: one JSON line for machines, a table for people, comparison with an earlier run.

    python bench/<script>.py [--compare FILE] [--quick]

Every script answers one question. Times are given as minimum, median and 99th percentile over many repetitions, because
a mean says nothing on a shared machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from tables import as_text, compared, flatten, tables_of, targets_of

from wapo.node.apps.settings import WorkerSettings
from wapo.node.apps.worker import Worker
from wapo.node.limits import AgentLimits
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings
from wapo.vm.egress import EgressPolicy

ROOT = Path(__file__).resolve().parent.parent
SDK = ROOT / "guest" / "sdk"
AGENTS = ROOT / "examples" / "agents"


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    model = platform.processor()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def quantiles(seconds: Sequence[float], unit: float = 1e6) -> dict[str, float]:
    """Minimum, median and 99th percentile, in microseconds unless another unit is asked for."""
    ordered = sorted(seconds)
    pick = {"min": 0.0, "median": 0.5, "p99": 0.99}
    return {name: round(ordered[min(int(len(ordered) * q), len(ordered) - 1)] * unit, 1) for name, q in pick.items()}


def options(description: str | None = None) -> argparse.Namespace:
    """What every script takes: ``--compare`` and ``--quick``."""
    return _parser(description).parse_args()


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a file with an earlier run's JSON line")
    parser.add_argument("--quick", action="store_true", help="to see that it works: too short to learn anything")
    return parser


@dataclass(frozen=True)
class Chart:
    """Bars of one column of the table ``results[table]``, for the page of results. ``better``: higher or lower."""

    table: str
    column: str
    better: str


def report(
    question: str, results: dict[str, Any], targets: dict[str, str] | None = None, charts: Sequence[Chart] = ()
) -> None:
    """Prints tables to stderr and one JSON line to stdout; with ``--compare``, beside an earlier run's figures.

    Args:
        results: figures by name; a dictionary of dictionaries of figures is a table with a row each.
        targets: by the name that ``tables.flatten`` gives a figure; ``target: at most 60`` and ``at least`` are checked.
    """
    parsed, _ = _parser(None).parse_known_args()
    sys.stderr.write(f"\n{question}\n")
    if parsed.compare:
        sys.stderr.write(compared(results, json.loads(parsed.compare.read_text())["results"]))
    else:
        sys.stderr.write("".join(as_text(table) for table in tables_of(results)))
    for target in targets_of(results, targets or {}):
        sys.stderr.write(f"  {target}\n")
    record = {
        "question": question, "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
        "results": results, "targets": targets or {}, "charts": [asdict(chart) for chart in charts],
    }  # fmt: skip
    sys.stdout.write(json.dumps(record) + "\n")


@asynccontextmanager
async def a_node(**limits: Any) -> AsyncIterator[Node]:
    """A node in a directory of its own, local content only, that agents may call loopback from."""
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        settings = NodeSettings(
            data_dir=Path(folder), upstreams=(), egress=EgressPolicy(allow_private=True), limits=AgentLimits(**limits)
        )
        async with open_node(settings) as node:
            await node.warm_up()
            yield node


@asynccontextmanager
async def a_worker_node(**worker: Any) -> AsyncIterator[Worker]:
    """A node that runs programs; its worker."""
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        settings = NodeSettings(
            data_dir=Path(folder), cache_dir=Path(folder, "cache"), upstreams=(), worker=WorkerSettings(**worker)
        )
        async with open_node(settings) as node:
            assert node.worker is not None
            yield node.worker


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def a_server(*options: str) -> Iterator[tuple[str, int, Path]]:
    """``wapo serve`` as users run it: its URL, its process id, its data directory."""
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        port = free_port()
        command = [
            sys.executable, "-m", "wapo", "serve", "--data-dir", folder, "--port", str(port), "--upstream", "none",
            "--allow-private", *options,
        ]  # fmt: skip
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{url}/healthz", process)
            yield url, process.pid, Path(folder)
        finally:
            process.terminate()
            process.wait(30)


def build_program(source: Path, folder: Path) -> Path:
    """A C program built with the SDK."""
    output = folder / f"{source.stem}.wasm"
    subprocess.run([sys.executable, SDK / "build.py", source, "-o", output], check=True, stderr=subprocess.DEVNULL)
    return output


def wait_for(url: str, process: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the server did not start") from None
            time.sleep(0.02)


def publish(url: str, folder: Path, source: bytes) -> str:
    """The address of a program on a server."""
    token = (folder / "operator.token").read_text().strip()
    request = urllib.request.Request(f"{url}/ipfs", source, {"Authorization": f"Bearer {token}"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return f"{url}/ipfs/{json.loads(response.read())['cid']}"


def run(main: Callable[[], Any]) -> None:
    """Runs a benchmark's coroutine on the loop that nodes use."""
    uvloop.run(main())


def memory_kb(pid: int | None = None) -> int:
    """Proportional set size of a process: pages shared by n mappings count 1/n each, unlike in Rss."""
    for line in Path(f"/proc/{pid or 'self'}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


__all__ = [
    "AGENTS", "ROOT", "SDK", "Chart", "a_node", "a_server", "a_worker_node", "asyncio", "build_program", "flatten", "free_port", "machine", "memory_kb", "options", "publish", "quantiles",
    "report", "run",
]  # fmt: skip
