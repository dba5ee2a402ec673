"""Does a guest that echoes TCP keep up with a native asyncio server?

The guest is the SDK's ``echo.c`` under ``wapo run``. Round trips are of 64 bytes on 1 and on 32 connections, one under
way on each; bulk is what one connection carries both ways at once. Servers take turns, several times each, so that a
busy machine is busy for all; the CPU that the server used for a round trip depends on the machine's load least.
"""

import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import ROOT, SDK, build_program, report

ROUNDS = 5
SECONDS = 1.0
BULK_BYTES = 200 << 20
NATIVE = ROOT / "bench" / "servers" / "asyncio_echo.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connect(port: int, process: subprocess.Popen[Any]) -> socket.socket:
    until = time.monotonic() + 60
    while True:
        try:
            connected = socket.create_connection(("127.0.0.1", port), 5)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("an echo server did not start") from None
            time.sleep(0.02)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def round_trips(port: int, process: subprocess.Popen[Any], connections: int) -> dict[str, float]:
    """Round trips a second, and CPU microseconds of the server for one."""
    sockets = {}
    for _ in range(connections):
        connected = connect(port, process)
        sockets[connected.fileno()] = connected
    message, done = b"x" * 64, 0
    poll = select.epoll()
    for descriptor, connected in sockets.items():
        poll.register(descriptor, select.EPOLLIN)
        connected.send(message)
    used, begin = cpu_s(process.pid), time.perf_counter()
    until = begin + SECONDS
    while time.perf_counter() < until:
        for descriptor, _ in poll.poll(5):
            connected = sockets[descriptor]
            assert len(connected.recv(256)) == 64
            connected.send(message)
            done += 1
    seconds, used = time.perf_counter() - begin, cpu_s(process.pid) - used
    for connected in sockets.values():
        connected.close()
    return {"a second": done / seconds, "server us": used / done * 1e6}


def bulk(port: int, process: subprocess.Popen[Any]) -> dict[str, float]:
    """Megabytes a second that go to the server and come back, and the server's CPU for each."""
    connected = connect(port, process)
    piece = bytes(256 << 10)

    def send() -> None:
        for _ in range(BULK_BYTES // len(piece)):
            connected.sendall(piece)
        connected.shutdown(socket.SHUT_WR)

    used, begin = cpu_s(process.pid), time.perf_counter()
    sending = threading.Thread(target=send)
    sending.start()
    room, received = bytearray(1 << 20), 0
    while count := connected.recv_into(room):
        received += count
    sending.join()
    seconds, used = time.perf_counter() - begin, cpu_s(process.pid) - used
    connected.close()
    assert received == BULK_BYTES
    return {"MB a second": received / seconds / 1e6, "server us a MB": used / received * 1e12}


MEASURES: dict[str, Callable[[int, subprocess.Popen[Any]], dict[str, float]]] = {
    "1 connection": lambda port, process: round_trips(port, process, 1),
    "32 connections": lambda port, process: round_trips(port, process, 32),
    "bulk": bulk,
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        measure_all(build_program(SDK / "examples" / "echo.c", Path(folder)))


def measure_all(program: Path) -> None:
    commands = {
        "guest": lambda port: [
            sys.executable, "-m", "wapo", "run", str(program), "--listen", str(port), "--",
            "--address", "127.0.0.1", "--port", str(port),
        ],
        "streams": lambda port: [sys.executable, str(NATIVE), "streams", str(port)],
        "protocol": lambda port: [sys.executable, str(NATIVE), "protocol", str(port)],
    }  # fmt: skip
    servers = {}
    seen: dict[str, dict[str, dict[str, list[float]]]] = {}
    try:
        for name, command in commands.items():
            port = free_port()
            servers[name] = (port, subprocess.Popen(command(port), stderr=subprocess.DEVNULL))
            connect(*servers[name]).close()
        for _ in range(ROUNDS):
            for measure, take in MEASURES.items():
                for name, (port, process) in servers.items():
                    for figure, value in take(port, process).items():
                        seen.setdefault(measure, {}).setdefault(figure, {}).setdefault(name, []).append(value)
    finally:
        for _, process in servers.values():
            process.terminate()
            process.wait(30)
    results: dict[str, Any] = {}
    targets = {}
    for measure, figures in seen.items():
        for figure, values in figures.items():
            medians = {name: statistics.median(of) for name, of in values.items()}
            row = {name: round(value, 1) for name, value in medians.items()}
            for native in ("streams", "protocol"):
                ratio = medians["guest"] / medians[native]
                row[f"guest / {native}"] = round(ratio if "us" not in figure else 1 / ratio, 2)
            results[f"{measure}, {figure}"] = row
            if "a second" in figure:
                targets[f"{measure}, {figure} guest / streams"] = "target: at least 0.5"
    report("An echo guest beside a native asyncio server", results, targets)


if __name__ == "__main__":
    main()
