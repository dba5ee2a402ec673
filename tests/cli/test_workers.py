"""``wapo serve --workers``: processes that share a socket, are replaced when they die, and never outlive their supervisor."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wapo.cli.admin_client import AdminAccess, AdminClient


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A supervisor and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wapo", "serve", "--data-dir", str(folder), "--port", "0", "--upstream", "none",
         "--workers", str(workers)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "listening" in line)
        yield process, line.split(" on ")[1].split()[0]
    finally:
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def health(url: str) -> int:
    with urllib.request.urlopen(f"{url}/healthz", timeout=30) as response:
        status: int = response.status
        return status


def first_of(workers: set[int]) -> int:
    """The worker that runs the apps."""
    (found,) = [
        pid for pid in workers if b"\0WAPO_WORKER=0," in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    ]  # fmt: skip
    return found


def pending(pid: int, number: int) -> bool:
    """Whether a signal waits for a process that is stopped."""
    found = re.search(r"^ShdPnd:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return bool(int(found[1], 16) & (1 << (number - 1)))


def state(pid: int) -> str:
    """As in proc_pid_stat(5); Z, if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def alive(pid: int) -> bool:
    return state(pid) != "Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "node"


def test_a_worker_that_dies_is_replaced_and_no_worker_outlives_its_supervisor(folder: Path) -> None:
    with serving(folder, 2) as (process, url):
        assert health(url) == 200
        before = children(process.pid)
        assert len(before) == 2
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(children(process.pid) - {victim}) == 2, "no worker was started in its place")
        assert health(url) == 200
        left = children(process.pid)
        process.kill()
        process.wait(30)
        until(lambda: not any(map(alive, left)), "workers run on without their supervisor")


def test_sigterm_ends_supervisor_and_workers(folder: Path) -> None:
    with serving(folder, 2) as (process, url):
        assert health(url) == 200
        workers = children(process.pid)
        process.terminate()
        assert process.wait(30) == 0
        assert not any(map(alive, workers))


def test_a_worker_that_does_not_listen_is_killed_by_the_third_interrupt(folder: Path) -> None:
    with serving(folder, 2) as (process, _url):
        AdminClient(AdminAccess.read(folder)).call("Info")  # the first is there, and has nothing to do
        workers = children(process.pid)
        stuck = first_of(workers)
        os.kill(stuck, signal.SIGSTOP)
        until(lambda: state(stuck) == "T", "it is not stopped")
        process.send_signal(signal.SIGINT)
        until(lambda: not any(map(alive, workers - {stuck})), "the other does not end")
        until(lambda: pending(stuck, signal.SIGTERM), "it is not told")
        process.send_signal(signal.SIGINT)
        until(lambda: pending(stuck, signal.SIGINT), "it is not hurried")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 1
        assert not alive(stuck)
