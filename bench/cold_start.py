"""How long does the first request to a never-seen agent of 100 KB take, on a warm node? How long a node's own start, to
the first answer of an agent that was published before? And the commands that people type?

A node that was installed has its byte code and its compiled modules; so has each of these, from a start before the
first that counts.
"""

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from harness import AGENTS, a_server, free_port, publish, quantiles, report

REPEAT = 30
STARTS = 10
HELLO = (AGENTS / "hello.js").read_bytes()


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


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def first_requests() -> list[float]:
    """To agents that the node has in its store, and has never loaded."""
    times = []
    with a_server() as (url, _, folder):
        for address in [publish(url, folder, agent(number)) for number in range(REPEAT)]:
            begin = time.perf_counter()
            with urllib.request.urlopen(address, timeout=60) as response:
                assert response.read() == b"6"
            times.append(time.perf_counter() - begin)
    return times


def environment(folder: Path) -> dict[str, str]:
    """Byte code is kept, as for an installed package: here, not beside the sources."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "byte-code")}


def start(folder: Path, path: str = "/healthz") -> tuple[float, float]:
    """Seconds from the command to the first answer, and to the line that says where the node listens."""
    port = free_port()
    command = [
        sys.executable, "-m", "wapo", "serve", "--data-dir", str(folder / "node"), "--port", str(port), "--upstream",
        "none", "--user-port", "0", "--admin-port", "0",
    ]  # fmt: skip
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment(folder), stderr=subprocess.PIPE, text=True)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                connection.connect()
                break
            time.sleep(0.001)
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        response.read()
        answered = time.perf_counter() - begin
        assert process.stderr is not None
        process.stderr.readline()
        return answered, time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait(30)


def command_time(folder: Path, *words: str) -> float:
    command = [sys.executable, "-m", "wapo", *words]
    return timed(lambda: subprocess.run(command, env=environment(folder), check=True, capture_output=True))


def main() -> None:
    cold = first_requests()
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name:
        folder = Path(name)
        script = folder / "hello.js"
        script.write_text("scriptOutput = 'hello';")
        (folder / "agent.js").write_bytes(HELLO)
        published = subprocess.run(
            [sys.executable, "-m", "wapo", "publish", str(folder / "agent.js"), "--data-dir", str(folder / "node")],
            env=environment(folder), check=True, capture_output=True, text=True,
        )  # fmt: skip
        path = "/ipfs/" + published.stdout.strip().rsplit("/ipfs/", 1)[1]
        start(folder, path)  # compiles, and keeps what it has made
        starts = [start(folder, path) for _ in range(STARTS)]
        commands = {
            words: [command_time(folder, *words.split()) for _ in range(STARTS + 1)][1:]
            for words in ("--version", "--help", "serve --help", f"run {script}")
        }
    report(
        "Cold starts (ms)",
        {
            "first request to a never-seen 100 KB agent": quantiles(cold, 1e3),
            "node, to the first answer of an agent": quantiles([answered for answered, _ in starts], 1e3),
            "node, to the line that says where it listens": quantiles([said for _, said in starts], 1e3),
            **{
                f"wapo {'run hello.js' if words.startswith('run') else words}": quantiles(times, 1e3)
                for words, times in commands.items()
            },
        },
        {
            "first request to a never-seen 100 KB agent median": "target: at most 25",
            "node, to the first answer of an agent median": "target: at most 400",
            "wapo --help median": "target: at most 150",
        },
    )


if __name__ == "__main__":
    main()
