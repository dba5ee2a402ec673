"""Programs that compute, over HTTP, one at a time: an interpreter in a sandbox beside just-in-time compilers.

The others compile JavaScript to machine code and keep what they compiled; QuickJS interprets, everywhere, and a fresh
machine for each request has nothing compiled to keep. `js_speed.py` compares with QuickJS itself.
"""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, Plan, compare
from peers.servers import BESIDE

#: One request at a time is for one process.
ONE = {name: start for name, start in BESIDE.items() if name != "wapo, 2 workers"}
PROGRAMS = ("richards", "regexp", "sha256")


def main() -> None:
    parsed = options(__doc__)
    cases = [
        Case(f"cpu {name}", partial(packages.cpu_agent, name), lambda body: body.startswith(b'{"result":'), connections=1, peers=ONE)
        for name in PROGRAMS
    ]  # fmt: skip
    plan = Plan(rounds=2)
    compare("Programs that compute, over HTTP, one request at a time", cases, parsed, plan=plan, columns=("median ms",))


if __name__ == "__main__":
    main()
