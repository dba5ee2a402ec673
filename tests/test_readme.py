"""The README's tour and the guide to apps are executed as they stand: files written, commands typed in one shell, their
output compared."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sdk.support import EXAMPLES, SDK, built

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Ports as they are written, and where who listens there can be found by the end of its start.
PORTS = ("8000", "8080", "7000", "8443")
USER_URL = "http://127.0.0.1:8002"


@dataclass
class Block:
    """A fenced block of a tour."""

    language: str
    key: str | None
    value: str | None
    text: str


#: What a program that goes on running says is written about once a second.
LOGS = ("wapo logs ", "wapo app logs ")


def blocks(text: str) -> list[Block]:
    return [Block(*match.groups()) for match in BLOCK.finditer(text)]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it prints."""
    for part in text.split("$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def pattern(expected: str) -> str:
    """``...`` in a tour stands for anything on that line, and columns are as wide as they are."""
    pieces = (r" +".join(map(re.escape, re.split(" +", piece))) for piece in expected.strip().split("..."))
    return ".*".join(pieces)


def free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [str(probe.getsockname()[1]) for probe in probes]


class Tour:
    """Types what a document says. ``<address>`` is the app that was deployed last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self._environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "WAPO_URL": f"http://127.0.0.1:{self._ports['8000']}",
        }
        self._address = ""
        self._user_url = USER_URL
        self._background: list[subprocess.Popen[bytes]] = []

    def take(self, steps: list[Block]) -> None:
        try:
            for block in steps:
                if block.key == "file":
                    (self._folder / str(block.value)).write_text(block.text)
                elif block.language == "console":
                    text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self._ports[match[1]], block.text)
                    for command, expected in commands(text):
                        self._type(command.replace(USER_URL, self._user_url), expected, block)
        finally:
            for process in reversed(self._background):
                process.send_signal(signal.SIGTERM)
            for process in self._background:
                assert process.wait(30) in (0, 143, -signal.SIGTERM)

    def _type(self, command: str, expected: str, block: Block) -> None:
        command = command.replace("<address>", self._address)
        if block.key == "run":
            self._start(command)
        elif command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self._environment[name] = value
        else:
            printed = self._run(command)
            until = time.monotonic() + 10
            while (
                command.startswith(LOGS) and not re.fullmatch(pattern(expected), printed) and time.monotonic() < until
            ):
                printed = self._run(command)
            assert re.fullmatch(pattern(expected), printed), f"{command}\n{printed}"
            if command.startswith("wapo app deploy"):
                self._address = printed

    def _start(self, command: str) -> None:
        process = subprocess.Popen(shlex.split(command), cwd=self._folder, env=self._environment)
        self._background.append(process)
        port = next(port for port in self._ports.values() if port in command)
        wait_for(int(port))
        if command.startswith("wapo serve"):
            self._user_url = json.loads((self._folder / "data" / "admin.json").read_text())["user_url"]

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()


def wait_for(port: int) -> None:
    """Until somebody answers there: bytes, not only a connection, which a listener has before its program is ready."""
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_tour_is_true(tmp_path: Path) -> None:
    """Every command prints what the README says, with the programs that the package's build leaves in the repository."""
    examples = tmp_path / "guest" / "sdk" / "examples"
    examples.mkdir(parents=True)
    for name in ("counters", "http_app"):
        (examples / f"{name}.wasm").write_bytes(built(EXAMPLES / f"{name}.c"))
    text = README.read_text()
    Tour(tmp_path).take(blocks(text[: text.index("## Limits")]))


def test_the_guide_to_apps_is_true(tmp_path: Path) -> None:
    """Every command prints what docs/apps.md says."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "guest").mkdir()
    (tmp_path / "guest" / "sdk").symlink_to(SDK)
    Tour(tmp_path).take(blocks((ROOT / "docs" / "apps.md").read_text()))


def test_every_file_that_the_readme_links_to_exists() -> None:
    for document in [README, *(README.parent / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"
