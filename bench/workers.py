"""What a second worker adds: requests a second of one process and of two, on connections that stay and on new ones, and
how evenly connections are spread.

    python bench/workers.py [--seconds 6] [--rounds 3]

One and two workers take turns, so that what else the machine does falls on both. wrk runs on the same cores and takes
its part, more of it with two workers; so the figures that matter are also given by CPU: requests for each CPU second
of the node's processes, of which a second worker must not cost any, and how much CPU the node got at all. Two workers
on a machine of two cores reach 1.8 times one only if wrk, the kernel's part for it included, leaves them 90 % of both.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness import a_server, publish, report

CONNECTIONS = 16
AGENT = b"export default { fetch: () => Response.json({ hello: 'world' }) };"
WORK = b"""export default { fetch: () => {
    let sum = 0; for (let i = 0; i < 20000; i++) sum = (sum * 31 + i) | 0;
    return Response.json({ sum });
} };"""
CLOSE = 'wrk.headers["Connection"] = "close"\n'


def processes(pid: int) -> list[int]:
    """A process and its children."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(child for each in map(int, found) for child in processes(each))]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(url: str, seconds: float, *, new: bool, folder: Path) -> dict[str, float]:
    """Requests a second and latencies, in milliseconds."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    if new:
        script = folder / "close.lua"
        script.write_text(CLOSE)
        command += ["-s", str(script)]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", out)[1])  # type: ignore[index]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    latencies = {
        f"p{name}_ms": round(float(value) * units[unit], 3)
        for name, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", out, re.MULTILINE)
    }
    return {"requests_s": rate, "errors": sum(map(int, errors.groups())) if errors else 0, **latencies}


def connections(pid: int, port: int) -> list[int]:
    """How many clients of that port each worker has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    return [
        sum(link in mine for link in (str(entry.readlink()) for entry in Path(f"/proc/{worker}/fd").iterdir()))
        for worker in processes(pid)[1:]
    ]


def measure(pid: int, url: str, seconds: float, *, new: bool, folder: Path) -> dict[str, Any]:
    before = {each: cpu_seconds(each) for each in processes(pid)}
    began = time.monotonic()
    result: dict[str, Any] = wrk(url, seconds, new=new, folder=folder)
    took = time.monotonic() - began
    used = {each: cpu_seconds(each) - before[each] for each in before}
    total = sum(used.values())
    result["requests_cpu_s"] = round(result["requests_s"] * took / total, 1)
    result["node_cores"] = round(total / took, 2)
    result["supervisor_cores"] = round(used[pid] / took, 3) if len(used) > 1 else 0.0
    return result


def spread(pid: int, url: str) -> list[int]:
    """Connections of each worker while wrk holds its own."""
    client = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", "-d2s", url], stdout=subprocess.DEVNULL)
    time.sleep(1)
    found = connections(pid, int(url.split(":")[2].split("/")[0]))
    client.wait()
    return found


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The round with the most requests: others had a neighbour."""
    return max(rounds, key=lambda one: one["requests_s"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options, _ = parser.parse_known_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed")
    results: dict[str, Any] = {}
    with a_server() as (one_url, one_pid, folder), a_server("--workers", "2") as (two_url, two_pid, two_folder):
        for name, source, new in (
            ("hello", AGENT, False),
            ("hello, new connections", AGENT, True),
            ("work", WORK, False),
        ):
            nodes = {
                "one": (one_pid, publish(one_url, folder, source)), "two": (two_pid, publish(two_url, two_folder, source)),
            }  # fmt: skip
            rounds: dict[str, list[dict[str, Any]]] = {"one": [], "two": []}
            for each in range(options.rounds + 1):
                for count, (pid, url) in nodes.items():
                    found = measure(pid, url, options.seconds if each else 1, new=new, folder=folder)
                    if each:  # the first warms up
                        rounds[count].append(found)
            one, two = best(rounds["one"]), best(rounds["two"])
            results[name] = {
                "one": one, "two": two, "ratio": round(two["requests_s"] / one["requests_s"], 2),
                "ratio_by_cpu": round(two["requests_cpu_s"] / one["requests_cpu_s"], 2),
                # What two would do if wrk had cores of its own: each gets as much CPU as the one got.
                "ratio_apart": round(2 * two["requests_cpu_s"] / one["requests_cpu_s"], 2),
            }  # fmt: skip
        results["connections of each worker"] = json.dumps(spread(two_pid, nodes["two"][1]))
    report("two workers beside one", results, {"hello ratio": "1.8", "work ratio": "1.8"})


if __name__ == "__main__":
    main()
