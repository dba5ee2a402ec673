"""What does a call from a program to the host take?"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, build_program, report

ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        program = build_program(ROOT / "bench" / "programs" / "ocalls.c", Path(folder))
        command = [sys.executable, "-m", "wapo", "run", str(program)]
        rounds = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(ROUNDS)]
    report(
        "A call from a program to the host (ns)",
        {name: statistics.median(r[name] for r in rounds) for name in rounds[0]},
    )


if __name__ == "__main__":
    main()
