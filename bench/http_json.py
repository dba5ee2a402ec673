"""JSON of 100 KB in and out over HTTP: parsed, summed up, and written again."""

import json
from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare

ORDERS = [
    {"id": n, "name": f"Order {n}", "amount": n % 97, "paid": n % 3 == 0, "tags": ["a", "b", str(n)], "to": {"city": "Ulm", "zip": 89073}}
    for n in range(950)
]  # fmt: skip


BODY = json.dumps(ORDERS, separators=(",", ":")).encode()


def right(body: bytes) -> bool:
    return bool(json.loads(body) == {"total": sum(n % 97 for n in range(950)), "orders": ORDERS})


CASE = Case("json", partial(packages.agent, "json"), right, body=BODY)


def main() -> None:
    parsed = options(__doc__)
    compare(f"JSON of {len(BODY) / 1e3:.0f} KB in and out, over HTTP", [CASE], parsed)


if __name__ == "__main__":
    main()
