"""How fast is JavaScript in a machine, beside native QuickJS-ng (PyPI's quickjs-ng), preemption on?

Each of ``bench/js/*.js`` is run by both, in turns and each time in a process of its own; the time is what the program
itself sees, the best of several runs. Both must come to the same result.
"""

import json
import math
import subprocess
import sys
import tempfile

from harness import ROOT, Chart, report

ROUNDS = 5
PROGRAMS = sorted((ROOT / "bench" / "js").glob("*.js"))

#: The program's time in ms and its result, as JSON in ``scriptOutput``.
TIMED = """
;(async () => {
  let best = Infinity, result;
  for (let i = 0; i < 3; i++) {
    const begin = Date.now();
    let again = main();
    if (again instanceof Promise) again = await again;
    best = Math.min(best, Date.now() - begin);
    result = again;
  }
  globalThis.scriptOutput = JSON.stringify([best, result]);
})();
"""

NATIVE = """
import sys, quickjs
context = quickjs.Context()
context.eval(sys.stdin.read())
while context.execute_pending_job():
    pass
print(context.eval("scriptOutput"))
"""


def ours(script: str) -> tuple[float, object]:
    with tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "wapo", "run", file.name], capture_output=True, text=True, check=True
        )
    time_ms, result = json.loads(done.stdout)
    return time_ms, result


def native(script: str) -> tuple[float, object]:
    done = subprocess.run([sys.executable, "-c", NATIVE], input=script, capture_output=True, text=True, check=True)
    time_ms, result = json.loads(done.stdout)
    return time_ms, result


def main() -> None:
    results: dict[str, dict[str, float]] = {}
    for path in PROGRAMS:
        script = path.read_text() + TIMED
        best = [math.inf, math.inf]
        for _ in range(ROUNDS):
            (here, a), (there, b) = ours(script), native(script)
            if a != b:
                raise SystemExit(f"{path.name}: {a} here, {b} natively")
            best = [min(best[0], here), min(best[1], there)]
        results[path.stem] = {"here ms": best[0], "native ms": best[1], "ratio": round(best[0] / best[1], 2)}
    mean = math.exp(sum(math.log(row["here ms"] / row["native ms"]) for row in results.values()) / len(results))
    report(
        "JavaScript here and in native QuickJS-ng",
        {**results, "geometric mean of the ratios": round(mean, 3)},
        {"geometric mean of the ratios": "target: at most 1.0"},
        [Chart("", "ratio", "lower")],
    )


if __name__ == "__main__":
    main()
