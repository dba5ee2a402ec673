"""The README's tour is executed as it stands: files written, commands typed, their output compared."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sdk.support import EXAMPLES, built

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """A fenced block of the tour."""

    language: str
    key: str | None
    value: str | None
    text: str


def tour() -> list[Block]:
    text = README.read_text()
    return [Block(*match.groups()) for match in BLOCK.finditer(text[: text.index("## Limits")])]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it prints."""
    for part in text.split("$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def pattern(expected: str) -> str:
    """``...`` in the README stands for anything on that line."""
    return ".*".join(re.escape(piece) for piece in expected.strip().split("..."))


def put_programs(folder: Path) -> None:
    """What the package's build leaves in the repository."""
    made = folder / "guest" / "sdk" / "examples"
    made.mkdir(parents=True)
    for name in ("counters", "http_app"):
        (made / f"{name}.wasm").write_bytes(built(EXAMPLES / f"{name}.c"))


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_tour_is_true(tmp_path: Path, free_port: int) -> None:
    """Every command prints what the README says. ``<address>`` is the app that was deployed last."""
    put_programs(tmp_path)
    address = user_url = ""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WAPO_URL": f"http://127.0.0.1:{free_port}",
    }
    background: list[subprocess.Popen[bytes]] = []
    try:
        for block in tour():
            text = block.text.replace("--port 8000", f"--port {free_port}").replace(":8000", f":{free_port}")
            if block.key == "file":
                (tmp_path / str(block.value)).write_text(block.text)
            elif block.key == "run":
                (command, _), *_ = commands(text)
                background.append(subprocess.Popen(shlex.split(command), cwd=tmp_path, env=environment))
                wait_for(f"http://127.0.0.1:{free_port}/healthz")
                user_url = json.loads((tmp_path / "data" / "admin.json").read_text())["user_url"]
            else:
                for command, expected in commands(text.replace("http://127.0.0.1:8002", user_url)):
                    done = subprocess.run(
                        shlex.split(command.replace("<address>", address)),
                        cwd=tmp_path,
                        env=environment,
                        capture_output=True,
                        text=True,
                        timeout=60,
                        check=False,
                    )
                    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                    assert re.fullmatch(pattern(expected), done.stdout.strip()), f"{command}\n{done.stdout}"
                    if command.startswith("wapo app deploy"):
                        address = done.stdout.strip()
    finally:
        for process in background:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_every_file_that_the_readme_links_to_exists() -> None:
    for document in [README, *(README.parent / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"
