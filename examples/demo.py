"""``make demo``: a node in the background with an example agent, and the address where it answers.

    python examples/demo.py start | stop

The node listens on loopback, keeps its data in ``.demo``, and stops by itself after an hour.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".demo"
AGENT = ROOT / "examples" / "agents" / "hello.js"
LIFETIME_S = 3600
START_S = 120


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def running() -> dict[str, str | int] | None:
    """What an earlier start left, if it still answers."""
    try:
        state: dict[str, str | int] = json.loads((STATE / "node.json").read_text())
        with urllib.request.urlopen(f"{state['url']}/healthz", timeout=2) as response:
            return state if response.status == 200 else None
    except (OSError, ValueError, KeyError):
        return None


def start_node() -> dict[str, str | int]:
    STATE.mkdir(exist_ok=True)
    log = (STATE / "node.log").open("w")
    command = [
        sys.executable, str(Path(__file__).resolve()), "node", str(LIFETIME_S),
        sys.executable, "-m", "wapo", "serve", "--data-dir", str(STATE / "data"), "--port", "0",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=ROOT
    )
    log.close()
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        for line in (STATE / "node.log").read_text().splitlines():
            if "listening on " in line:
                state: dict[str, str | int] = {"url": line.split("listening on ")[1].split()[0], "pid": process.pid}
                (STATE / "node.json").write_text(json.dumps(state))
                return state
        if process.poll() is not None:
            sys.exit(f"the node did not start:\n{(STATE / 'node.log').read_text()}")
        time.sleep(0.05)
    sys.exit(f"the node did not start within {START_S} s; see {STATE / 'node.log'}")


def start() -> None:
    state = running()
    if state is None:
        say("Starting a node ...")
        state = start_node()
    command = [
        sys.executable, "-m", "wapo", "publish", str(AGENT), "--data-dir", str(STATE / "data"), "--json",
        "--url", str(state["url"]),
    ]  # fmt: skip
    url = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)["url"]
    with urllib.request.urlopen(f"{url}?name=newcomer", timeout=60) as response:
        answer = response.read().decode()
    say(f"""
An agent answers at the hash of its code:

    {url}

    $ curl '{url}?name=newcomer'
    {answer}

The agent is {AGENT.relative_to(ROOT)}; each request ran in a machine of its own.
The node stops in {LIFETIME_S // 60} minutes, or with: make demo-stop
Next: README.md""")


def stop() -> None:
    try:
        state = json.loads((STATE / "node.json").read_text())
    except (OSError, ValueError):
        say("no demo is running")
        return
    if running() is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(state["pid"]), signal.SIGTERM)
        say("stopped")
    else:
        say("no demo is running")
    (STATE / "node.json").unlink(missing_ok=True)


def node(lifetime: int, command: list[str]) -> None:
    """Runs a command for at most so many seconds; passes SIGTERM on by being in one process group with it."""
    child = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: None)
    with contextlib.suppress(subprocess.TimeoutExpired):
        sys.exit(child.wait(lifetime))
    child.terminate()
    sys.exit(child.wait(30))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["start"]:
            start()
        case ["stop"]:
            stop()
        case ["node", lifetime, *command]:
            node(int(lifetime), command)
        case _:
            sys.exit(__doc__)
