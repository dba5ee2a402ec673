"""JSON of 100 KB in and out over HTTP: parsed, summed up, and written again."""

import json
import tempfile
from pathlib import Path

from harness import options
from peers import packages
from peers.rounds import Case, compare

ORDERS = [
    {"id": n, "name": f"Order {n}", "amount": n % 97, "paid": n % 3 == 0, "tags": ["a", "b", str(n)], "to": {"city": "Ulm", "zip": 89073}}
    for n in range(950)
]  # fmt: skip


def main() -> None:
    parsed = options(__doc__)
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        body = Path(folder, "orders.json")
        body.write_text(json.dumps(ORDERS, separators=(",", ":")))
        expected = {"total": sum(n % 97 for n in range(950)), "orders": ORDERS}
        case = Case("json", lambda: packages.agent("json"), lambda got: json.loads(got) == expected, body=body)
        compare(f"JSON of {body.stat().st_size / 1e3:.0f} KB in and out, over HTTP", [case], parsed)


if __name__ == "__main__":
    main()
