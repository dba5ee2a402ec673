"""Runs every benchmark, one after another, and writes ``bench/results/<date>.md`` and its charts.

A script that fails is named on the page, and the others run all the same.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness import machine
from page import Done, chart, overview, page
from peers.servers import versions

FOLDER = Path(__file__).resolve().parent

#: Beside peers. These take ``--quick``.
BESIDE = (
    "http_hello", "http_router", "http_page", "http_json", "http_stream", "http_upstream", "http_cpu", "fresh_context",
    "cold_peers", "memory_peers", "limits_cost", "receipts",
)  # fmt: skip
#: About ourselves.
OURS = (
    "vm_start", "request", "over_http", "cold_start", "memory", "endurance", "ocalls", "echo", "idle_programs",
    "js_speed", "fetch_body", "websocket", "wasm_speed", "waiting", "workers",
)  # fmt: skip
#: Not in the suite: half an hour, or for whoever works on what they ask about.
ALONE = ("soak", "fairness", "pages", "many_agents", "attestation", "encrypted", "scale", "credentials")
#: A script that takes longer has hung; on a busy machine they take five times as long as on a quiet one.
TIMEOUT_S = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="to see that those beside peers work; theirs only")
    parser.add_argument("--only", nargs="+", choices=(*BESIDE, *OURS), metavar="SCRIPT", help="some of them")
    parser.add_argument("--into", type=Path, default=FOLDER / "results", metavar="DIR", help="where the page goes")
    options = parser.parse_args()
    # Before anything is timed: they install what is not there.
    peers = versions()
    scripts = options.only or (BESIDE if options.quick else (*BESIDE, *OURS))
    done = [run_script(name, ["--quick"] if options.quick and name in BESIDE else []) for name in scripts]
    target = write(done, options.into, peers)
    sys.stderr.write(f"\nwritten to {target}, after {sum(one.seconds for one in done) / 60:.1f} minutes\n")
    if failed := [one.script for one in done if one.record is None]:
        sys.exit(f"failed: {', '.join(failed)}")


def run_script(name: str, options: Sequence[str]) -> Done:
    begin = time.monotonic()
    command = [sys.executable, str(FOLDER / f"{name}.py"), *options]
    # A group of its own: the servers that a script has started end with it, however that ends.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            out, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return Done(name, time.monotonic() - begin, None, f"not done after {TIMEOUT_S} s")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        return Done(name, time.monotonic() - begin, None, f"ended with {process.returncode}")
    return Done(name, time.monotonic() - begin, json.loads(out.splitlines()[-1]))


def write(done: Sequence[Done], into: Path, peers: dict[str, str]) -> Path:
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    images = into / date
    images.mkdir(parents=True, exist_ok=True)
    drawn = {"overview": overview(done)} | {one.script: chart(one.record) for one in done if one.record is not None}
    for name, svg in drawn.items():
        if svg is not None:
            (images / f"{name}.svg").write_text(svg)
    target = into / f"{date}.md"
    target.write_text(page(done, date, machine(), peers, date))
    return target


if __name__ == "__main__":
    main()
