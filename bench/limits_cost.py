"""What do limits cost? `wapo serve` with all limits set, beside one with as few as its options allow, in turns.

Rounds are short and many, since the difference looked for is small. What cannot be switched off is in both: the sandbox
itself, the counting of machines, the check of the clock that every loop of compiled code has. Beside throughput is the
CPU for a request, which depends less on what else the machine does.
"""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, Plan, compare
from peers.servers import wapo

ON = ("--max-time", "10s", "--max-burst", "500ms", "--max-memory", "64MB", "--max-node-memory", "4GB",
      "--max-machines", "1000", "--max-concurrency", "500", "--max-request", "1MB", "--max-response", "10MB")  # fmt: skip
OFF = ("--max-time", "unlimited", "--max-burst", "unlimited", "--max-request", "1GB", "--max-response", "1GB")
PEERS = {"limits on": wapo(*ON), "limits off": wapo(*OFF)}


def main() -> None:
    parsed = options(__doc__)
    cases = [
        Case("hello", partial(packages.agent, "hello"), lambda body: body == b'{"hello":"world"}', peers=PEERS),
        Case("sha256", partial(packages.cpu_agent, "sha256"), lambda body: b"result" in body, connections=2, peers=PEERS),
    ]  # fmt: skip
    compare(
        "Throughput with all limits on and off", cases, parsed,
        {f"{case.name}, ratios limits on / limits off throughput": "target: at least 0.95" for case in cases},
        plan=Plan(rounds=9, seconds=1), columns=("requests a second", "server's CPU ms each"), subject="limits on",
    )  # fmt: skip


if __name__ == "__main__":
    main()
