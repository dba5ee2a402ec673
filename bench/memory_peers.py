"""Memory of an idle agent, and of a request that waits on its upstream, beside peers.

Proportional set size of all processes of a server: its growth by agents that each answered one request and then idle,
and by requests whose upstream does not answer. A waiting request is a machine of its own here, a promise in the one
isolate elsewhere. An idle agent is an image here, an isolate of the worker loader, a worker thread or a web worker there.
"""

import socket
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cold_peers import MANY, NO_SUCH_THING
from harness import Chart, options, report
from peers import packages
from peers.packages import Absent
from peers.servers import BESIDE, Server
from peers.upstream import an_upstream

#: Longer than images stay in memory that nobody asks for.
SETTLE_S = 45
PEERS = ("wapo", "workerd", "node", "deno")


def idle_agents(count: int, settle_s: float, absent: dict[str, str]) -> dict[str, dict[str, float]]:
    """KB of each of ``count`` agents, by peer: at once, and after a while without requests."""
    hello = packages.agent("hello").read_bytes()
    warm_up = 5
    before: dict[str, int] = {}
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        for number in range(count + warm_up):
            (folder / f"agent{number}.js").write_bytes(b"// %d\n" % number + hello)
        servers: dict[str, Server] = {}
        for peer, start in MANY.items():
            try:
                servers[peer], addresses = stack.enter_context(start(folder))
            except Absent as why:
                absent[peer] = str(why)
                continue
            for number in range(warm_up):
                _ask(addresses[f"agent{number}"])
            before[peer] = servers[peer].pss_kb()
            for number in range(warm_up, count + warm_up):
                _ask(addresses[f"agent{number}"])
            rows[peer] = {"KB at once": round((servers[peer].pss_kb() - before[peer]) / count)}
        time.sleep(settle_s)
        for peer, server in servers.items():
            rows[peer][f"KB after {settle_s} s"] = round((server.pss_kb() - before[peer]) / count)
            rows[peer]["MB of the server"] = round(server.pss_kb() / 1024)
    return rows


def _ask(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as response:
        if response.read() != b'{"hello":"world"}':
            raise SystemExit(f"{url} gives a wrong answer")


def waiting_requests(count: int, absent: dict[str, str]) -> dict[str, dict[str, float]]:
    """KB of each of ``count`` requests that wait on the upstream, by peer."""
    rows = {}
    agent = packages.agent("upstream")
    with an_upstream() as upstream:
        for peer in PEERS:
            try:
                with BESIDE[peer](agent) as server:
                    rows[peer] = _waiting(server, upstream, count)
            except Absent as why:
                absent[peer] = str(why)
    return rows


def _waiting(server: Server, upstream: str, count: int) -> dict[str, float]:
    for _ in range(20):
        urllib.request.urlopen(f"{server.url}/?to={upstream}/", timeout=60).close()
    before = server.pss_kb()
    parts = urlsplit(server.url)
    request = f"GET {parts.path}/?to={upstream}/wait HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((parts.hostname, parts.port), 10)).sendall(request)
        # All have come through when the upstream has a connection for each.
        until = time.monotonic() + 60
        while (reached := _connections(int(upstream.rsplit(":", 1)[1]))) < count and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.3)  # what is freed after that is not the requests'
        return {"KB": round((server.pss_kb() - before) / count), "reached the upstream": reached}


def _connections(port: int) -> int:
    """How many established connections a local port has."""
    wanted = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return sum(1 for line in lines if line.split()[1] == wanted and line.split()[3] == "01")


def main() -> None:
    parsed = options(__doc__)
    absent: dict[str, str] = {}
    idle = idle_agents(3 if parsed.quick else 50, 0 if parsed.quick else SETTLE_S, absent)
    waiting = waiting_requests(10 if parsed.quick else 400, absent)
    results: dict[str, Any] = {
        "an idle agent": idle,
        "a request that waits on the upstream": waiting,
        "without agents": {"quickjs-wasi": NO_SUCH_THING, "quickjs-rs": NO_SUCH_THING},
    }
    if absent:
        results["absent"] = absent
    settled = f"KB after {SETTLE_S} s"
    report(
        "Memory beside peers", results,
        {
            f"an idle agent wapo {settled}": "target: at most 1024",
            "a request that waits on the upstream wapo KB": "target: at most 300",
        },
        [Chart("an idle agent", settled, "lower"), Chart("a request that waits on the upstream", "KB", "lower")],
    )  # fmt: skip


if __name__ == "__main__":
    main()
