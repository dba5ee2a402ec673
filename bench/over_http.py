"""How many requests a second does one process answer over HTTP, each in a machine of its own?

``http_hello.py`` asks the same of peers. The client is ``wrk`` where it is installed, otherwise autocannon, which is
slower than the server may be worth: the figure is then a lower bound.
"""

from client import client_name, load
from harness import AGENTS, a_server, options, publish, report

SECONDS = 5
CONNECTIONS = 16


def main() -> None:
    parsed = options(__doc__)
    with a_server() as (url, _, folder):
        results = {}
        for name in ("hello", "classic"):
            address = publish(url, folder, (AGENTS / f"{name}.js").read_bytes())
            done = load(f"{address}?name=bench", seconds=1 if parsed.quick else SECONDS, connections=CONNECTIONS)
            results[name] = {
                "requests a second": done.requests_s, "latency median ms": done.median_ms,
                "latency p99 ms": done.p99_ms, "errors": done.errors,
            }  # fmt: skip
        report(
            f"Requests over HTTP, one process, {CONNECTIONS} connections",
            {"client": client_name()} | results,
            {"hello requests a second": "target: at least 1000"},
        )


if __name__ == "__main__":
    main()
