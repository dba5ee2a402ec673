"""Hello JSON over HTTP: a fresh machine for each request here, one warm isolate for all in workerd, node and deno.

quickjs-wasi (under node) and quickjs-rs (under uvicorn) have a machine apart for each request as we do, but no platform
in it: no Request, Response, URL, streams.
"""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare
from peers.servers import APART, BESIDE

CASE = Case(
    "hello", partial(packages.agent, "hello"), lambda body: body == b'{"hello":"world"}', peers={**BESIDE, **APART}
)


def main() -> None:
    parsed = options(__doc__)
    compare(
        f"Hello JSON over HTTP, {CASE.connections} connections", [CASE], parsed,
        {
            "hello, ratios wapo / workerd throughput": "target: at least 1.0",
            "hello, ratios wapo, 2 workers / workerd throughput": "target: at least 1.0",
            "hello, ratios wapo / workerd p99": "target: at most 1.0",
            "hello, ratios wapo / quickjs-wasi throughput": "target: at least 5",
            "hello, ratios wapo / quickjs-rs throughput": "target: at least 5",
            "hello, ratios wapo, 2 workers / wapo throughput": "target: at least 1.8",
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
