"""How many requests a second does one process answer over HTTP, each in a machine of its own?

Uses ``wrk`` where it is installed, otherwise a client of its own in another process (which is slower than the server is
worth: the figure is then a lower bound).
"""

import re
import shutil
import subprocess
import sys
import time
from urllib.parse import urlsplit

from harness import AGENTS, a_server, asyncio, publish, report, run

SECONDS = 5
CONNECTIONS = 16


def with_wrk(url: str) -> dict[str, float]:
    out = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--latency", url], capture_output=True, text=True, check=True
    ).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])  # type: ignore[index]
    return {"requests a second": rate} | {
        f"latency {name} ms": milliseconds(re.search(rf"{q}%\s+(\S+)", out)[1])  # type: ignore[index]
        for name, q in (("median", 50), ("p99", 99))
    }


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return round(float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], 2)


async def client(url: str, until: float) -> list[float]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    times = []
    while time.perf_counter() < until:
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))  # type: ignore[index]
        times.append(time.perf_counter() - begin)
    writer.close()
    return times


async def load(url: str) -> None:
    until = time.perf_counter() + SECONDS
    times = sorted(
        t for times in await asyncio.gather(*(client(url, until) for _ in range(CONNECTIONS))) for t in times
    )
    sys.stdout.write(f"{len(times) / SECONDS} {times[len(times) // 2] * 1e3} {times[int(len(times) * 0.99)] * 1e3}")


def with_own_client(url: str) -> dict[str, float]:
    out = subprocess.run([sys.executable, __file__, "load", url], capture_output=True, text=True, check=True).stdout
    rate, median, p99 = map(float, out.split())
    return {"requests a second": round(rate, 1), "latency median ms": round(median, 2), "latency p99 ms": round(p99, 2)}


def main() -> None:
    measure = with_wrk if shutil.which("wrk") else with_own_client
    with a_server() as (url, _, folder):
        results = {}
        for name in ("hello", "classic"):
            address = publish(url, folder, (AGENTS / f"{name}.js").read_bytes())
            results[name] = measure(f"{address}?name=bench")
        report(
            f"Requests over HTTP, one process, {CONNECTIONS} connections",
            {"client": "wrk" if shutil.which("wrk") else "own"} | results,
            {"hello requests a second": "target: at least 1000"},
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        run(lambda: load(sys.argv[2]))
    else:
        main()
