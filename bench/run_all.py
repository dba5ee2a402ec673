"""Runs every benchmark, one after another, and writes ``bench/results/<date>.md``."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from harness import flatten, machine

FOLDER = Path(__file__).resolve().parent
SCRIPTS = (
    "vm_start", "request", "over_http", "cold_start", "memory", "endurance", "ocalls", "echo", "idle_programs", "scale",
    "js_speed", "fetch_body", "websocket", "wasm_speed",
)  # fmt: skip


def main() -> None:
    records = []
    for name in SCRIPTS:
        done = subprocess.run([sys.executable, FOLDER / f"{name}.py"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name} failed")
        records.append((name, json.loads(done.stdout.splitlines()[-1])))
    target = FOLDER / "results" / f"{datetime.now(UTC):%Y-%m-%d}.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(records))
    sys.stderr.write(f"\nwritten to {target}\n")


def page(records: list[tuple[str, dict]]) -> str:  # type: ignore[type-arg]
    where = machine()
    lines = [
        f"# Results of {datetime.now(UTC):%Y-%m-%d}", "",
        f"{where['cores']} cores of {where['cpu']}, Linux {where['kernel']}, CPython {where['python']}. Each section says how "
        "loaded the machine was when it ran; `make bench` makes this page.", "",
    ]  # fmt: skip
    for name, record in records:
        lines += [f"## {record['question']}", "", f"`bench/{name}.py`, load {record['machine']['load']} before", ""]
        lines += ["| | | target |", "|---|---|---|"]
        lines += [
            f"| {key} | {value} | {record['targets'].get(key, '')} |" for key, value in flatten(record["results"])
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
