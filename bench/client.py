"""The client that loads servers: ``wrk`` where it is installed, otherwise autocannon from npm. The same one for all.

Both keep every connection busy: an answer is followed by the next question. Latencies are of a server that is loaded as
much as it can bear.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "client_name", "load", "read_autocannon", "read_wrk"]


@dataclass(frozen=True)
class Load:
    """What a server did in one round. ``errors`` are answers other than 2xx and 3xx, and connections that broke."""

    requests_s: float
    megabytes_s: float
    median_ms: float
    p99_ms: float
    errors: int = 0


def client_name() -> str:
    return "wrk" if shutil.which("wrk") else "autocannon"


def load(
    url: str, *, seconds: float, connections: int, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Load:
    """Asks for that long; with a body, by POST.

    Raises:
        peers.packages.Absent: no client can be had.
    """
    ask = _wrk if shutil.which("wrk") else _autocannon
    if body is None:
        return ask(url, seconds, connections, None, headers or {})
    with tempfile.NamedTemporaryFile(prefix="wapo-bench-") as file:
        file.write(body)
        file.flush()
        return ask(url, seconds, connections, Path(file.name), headers or {})


def _wrk(url: str, seconds: float, connections: int, body: Path | None, headers: Mapping[str, str]) -> Load:
    # wrk knows whole seconds only.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}", "--timeout", "30", "--latency"]
    for header in headers.items():
        command += ["-H", ": ".join(header)]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if body is not None:
            script.write(
                f'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
                f'wrk.body = io.open("{body}", "rb"):read("*a")\n'
            )
            script.flush()
            command += ["-s", script.name]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    return read_wrk(done.stdout)


def read_wrk(text: str) -> Load:
    """What wrk prints with ``--latency``."""
    rate = _number(r"Requests/sec:\s+([\d.]+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(
        requests_s=rate,
        megabytes_s=_scaled(r"Transfer/sec:\s+([\d.]+)(B|KB|MB|GB)", text, {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}) / 1e6,
        median_ms=_scaled(r"\s50%\s+([\d.]+)(us|ms|s|m)\b", text, _MS),
        p99_ms=_scaled(r"\s99%\s+([\d.]+)(us|ms|s|m)\b", text, _MS),
        errors=(sum(map(int, broken.groups())) if broken else 0) + (int(refused[1]) if refused else 0),
    )  # fmt: skip


_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"wrk has not said {pattern!r}: {text!r}")
    return float(found[1])


def _scaled(pattern: str, text: str, units: dict[str, float]) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"wrk has not said {pattern!r}: {text!r}")
    return float(found[1]) * units[found[2]]


def _autocannon(url: str, seconds: float, connections: int, body: Path | None, headers: Mapping[str, str]) -> Load:
    from peers.packages import modules, node  # installs: not where wrk is all that is needed

    command = [
        node(), str(modules() / "node_modules" / "autocannon" / "autocannon.js"), "--json", "--no-progress",
        "-c", str(connections), "-d", str(max(round(seconds), 1)), "-t", "30",
    ]  # fmt: skip
    if body is not None:
        command += ["-m", "POST", "-H", "content-type=application/json", "-i", str(body)]
    for header in headers.items():
        command += ["-H", "=".join(header)]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    return read_autocannon(done.stdout)


def read_autocannon(text: str) -> Load:
    """What autocannon prints with ``--json``. Its latencies are whole milliseconds."""
    said = json.loads(text)
    return Load(
        requests_s=said["requests"]["total"] / said["duration"],
        megabytes_s=said["throughput"]["total"] / said["duration"] / 1e6,
        median_ms=float(said["latency"]["p50"]),
        p99_ms=float(said["latency"]["p99"]),
        errors=said["errors"] + said["timeouts"] + said["non2xx"],
    )
