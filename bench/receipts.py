"""What do receipts cost? `wapo serve` that makes them beside one that makes none, in turns, for the smallest of answers.

Three questions: one kept of every answer, to be asked for afterwards; nobody asks, and could; everybody asks for the
signature with the answer. Rounds are short and many, since the difference looked for is small. Beside throughput is the
CPU for a request, of all of a server's threads, which depends less on what else the machine does.
"""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, Plan, compare
from peers.servers import wapo

OFF = wapo("--receipts", "off")
ASKED = wapo("--receipts", "asked")
ALWAYS = wapo("--receipts", "always")
ASKS = {"Accept-Signature": 'wapo=();nonce="a-nonce-of-a-client"'}


def main() -> None:
    parsed = options(__doc__)
    agent = partial(packages.agent, "hello")
    cases = [
        Case(name, agent, lambda body: body == b'{"hello":"world"}', headers=headers, peers={"on": on, "off": OFF})
        for name, on, headers in (
            ("one of every answer", ALWAYS, {}),
            ("nobody asks", ASKED, {}),
            ("everybody asks", ASKED, ASKS),
        )
    ]
    compare(
        "Throughput with and without receipts", cases, parsed,
        {
            "one of every answer, ratios on / off throughput": "target: at least 0.95",
            "nobody asks, ratios on / off throughput": "target: 1",
        },
        plan=Plan(rounds=9, seconds=1), columns=("requests a second", "server's CPU ms each"), subject="on",
    )  # fmt: skip


if __name__ == "__main__":
    main()
