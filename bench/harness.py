"""What the benchmark scripts share: one JSON line for machines, a table for people, comparison with an earlier run.

    python bench/<script>.py [--compare FILE]

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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

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


def report(question: str, results: dict[str, Any], targets: dict[str, str] | None = None) -> None:
    """Prints a table to stderr and one JSON line to stdout; with ``--compare``, beside an earlier run's figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--compare", type=Path, help="a file with an earlier run's JSON line")
    options, _ = parser.parse_known_args()
    before = json.loads(options.compare.read_text())["results"] if options.compare else {}
    sys.stderr.write(f"\n{question}\n")
    for name, value in flatten(results):
        line = f"  {name:52} {value!s:>12}"
        if (old := dict(flatten(before)).get(name)) is not None:
            line += f"   was {old!s:>10}" + (f"  x{value / old:.2f}" if isinstance(old, int | float) and old else "")
        if targets and name in targets:
            line += f"   ({targets[name]})"
        sys.stderr.write(line + "\n")
    record = {
        "question": question, "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
        "results": results, "targets": targets or {},
    }  # fmt: skip
    sys.stdout.write(json.dumps(record) + "\n")


def flatten(results: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in results.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}".strip(), value


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
    "AGENTS", "ROOT", "SDK", "a_node", "a_server", "a_worker_node", "asyncio", "build_program", "flatten", "free_port", "machine", "memory_kb", "publish", "quantiles",
    "report", "run",
]  # fmt: skip
