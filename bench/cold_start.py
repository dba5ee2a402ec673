"""How long does the first request to a never-seen agent of 100 KB take, on a warm node? And a node's own start?"""

import subprocess
import sys
import tempfile
import time
import urllib.request

from harness import a_server, publish, quantiles, report

REPEAT = 30


def agent(number: int) -> bytes:
    """100 KB of code that is really compiled: functions, classes, tables, and a handler that uses some of them."""
    parts = [f"// agent {number}\n"]
    index = 0
    while sum(map(len, parts)) < 100_000:
        parts.append(
            f"function f{index}(a, b) {{ const t = {{ a, b, n: {index}, s: 'text {index}' }}; "
            f"if (a > b) return Object.keys(t).map((k) => k + t[k]).join(','); return [a, b, t.n].reduce((x, y) => x + y); }}\n"
            f"class C{index} {{ #x = {index}; get x() {{ return this.#x; }} static make(y) {{ return new C{index}(y); }} }}\n"
        )
        index += 1
    parts.append("export default { fetch: () => new Response(String(f1(1, 2) + C2.make(3).x)) };\n")
    return "".join(parts).encode()


def main() -> None:
    times = []
    with a_server() as (url, _, folder):
        addresses = [publish(url, folder, agent(number)) for number in range(REPEAT)]
        for address in addresses:
            begin = time.perf_counter()
            with urllib.request.urlopen(address, timeout=60) as response:
                assert response.read() == b"6"
            times.append(time.perf_counter() - begin)
    starts = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "wapo", "serve", "--data-dir", folder, "--port", "0", "--upstream", "none"],
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert process.stderr is not None
            process.stderr.readline()
            starts.append(time.perf_counter() - begin)
            process.terminate()
            process.wait(30)
    report(
        "Cold starts (ms)",
        {
            "first request to a never-seen 100 KB agent": quantiles(times, 1e3),
            "node, from the command to listening, modules cached": quantiles(starts, 1e3),
        },
        {"first request to a never-seen 100 KB agent median": "target: at most 100"},
    )


if __name__ == "__main__":
    main()
