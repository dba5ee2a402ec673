"""Runs one test in a machine of its own."""

import asyncio
import contextlib
import json
import re
import secrets
import urllib.request
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.wpt.discovery import InvalidCheckout, Test
from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

__all__ = ["Ending", "Report", "run_test"]

_HERE = Path(__file__).parent
_LONG = 6  # times as much time as others
_OUT_OF_TIME = re.compile("time limit|of CPU between two waits")
_STATUS = {0: "PASS", 1: "FAIL", 2: "TIMEOUT", 3: "NOTRUN", 4: "PRECONDITION_FAILED"}
_HARNESS = {0: "OK", 1: "ERROR", 2: "TIMEOUT", 3: "PRECONDITION_FAILED"}


class Ending(Enum):
    """How a whole file ended."""

    OK = "OK"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    CRASH = "CRASH"


@dataclass(slots=True)
class Report:
    """What came of one test.

    Attributes:
        subtests: status and message by name; a name that is used twice gets a number.
        detail: why it did not end well.
    """

    ending: Ending = Ending.CRASH
    subtests: dict[str, tuple[str, str]] = field(default_factory=dict)
    detail: str = ""

    def add(self, name: str, status: str, message: str) -> None:
        unique, number = name, 2
        while unique in self.subtests:
            unique, number = f"{name} ({number})", number + 1
        self.subtests[unique] = (status, message)

    def count(self, *statuses: str) -> int:
        return sum(status in statuses for status, _ in self.subtests.values())


def _source(checkout: Path, test: Test, origin: str) -> bytes:
    """All scripts as one: a page's scripts share their global declarations, and one script's do."""
    files = [_HERE / "before.js", checkout / "resources" / "testharness.js", _HERE / "after.js"]
    try:
        parts = [file.read_bytes() for file in files]
        parts += [_script(checkout, script, origin) for script in (*test.scripts, test.path)]
        parts.append(b"tellThatScriptsAreEvaluated();")
    except OSError as error:
        raise InvalidCheckout(f"{test.path}: a script of it cannot be read: {error}") from None
    return b"\n;\n".join(parts)


def _script(checkout: Path, path: str, origin: str) -> bytes:
    if ".sub." not in path:
        return (checkout / path).read_bytes()
    with urllib.request.urlopen(f"{origin}/{path}", timeout=30) as response:  # the server fills in names and ports
        data: bytes = response.read()
    return data


async def run_test(
    profile: JavaScriptProfile, client: HttpClient, checkout: Path, test: Test, origin: str, time_s: float
) -> Report:
    """Runs one test to its end, or its time limit.

    Args:
        time_s: seconds for a test that is not marked as long.

    Raises:
        InvalidCheckout: a file of it is not there.
    """
    report = Report()
    mark = secrets.token_hex(8)
    evaluated, done = asyncio.Event(), asyncio.Event()

    def log(_level: int, text: str) -> None:
        if not text.startswith(mark):
            return
        kind, *values = json.loads(text[len(mark) :])
        if kind == "evaluated":
            evaluated.set()
        elif kind == "result":
            name, status, message = values
            report.add(name, _STATUS[status], message)
        else:
            status, report.detail = values
            report.ending = Ending[_HARNESS[status]]
            done.set()

    source = await asyncio.to_thread(_source, checkout, test, origin)
    time_s *= _LONG if test.long else 1
    run = asyncio.create_task(
        run_script(
            profile, client, source, name=test.path,
            arguments=(f"{origin}/{test.path.removesuffix('.js')}.html{test.variant}", test.title, mark),
            environment={}, log=log,
            limits=GuestLimits(memory_bytes=512 << 20, burst_s=time_s, time_s=time_s, log_bytes=64 << 20),
        )
    )  # fmt: skip
    finished = asyncio.create_task(done.wait())
    await asyncio.wait({run, finished}, return_when=asyncio.FIRST_COMPLETED)
    finished.cancel()
    if done.is_set() and evaluated.is_set():
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run
        return report
    report.detail = (await run).failure or "the program ended before its tests were done"
    if done.is_set():
        report.ending = Ending.ERROR  # a script threw, and what was there before it is done
    else:
        report.ending = Ending.TIMEOUT if _OUT_OF_TIME.search(report.detail) else Ending.CRASH
    return report
