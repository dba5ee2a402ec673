"""Several processes that answer on the same sockets: started, watched, replaced, stopped together.

The first of them, whichever process that is at the time, also runs the apps and answers on their sockets.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wapo.cli.output import note

__all__ = ["Inherited", "Sockets", "supervise"]

_ENVIRONMENT: Final = "WAPO_WORKER"

#: So many deaths within so many seconds, for each worker, are no accident.
_MAX_DEATHS: Final = 5
_WITHIN_S: Final = 30.0

#: More than a worker gives to those whom it serves, and to its last log lines.
_KILL_AFTER_S: Final = 30


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a node listens on. ``admin`` and ``user`` are the apps' listeners, where there are any."""

    gateway: socket.socket
    admin: socket.socket | None = None
    user: socket.socket | None = None

    def descriptors(self) -> list[int]:
        """-1 where there is none."""
        return [made.fileno() if made is not None else -1 for made in (self.gateway, self.admin, self.user)]


class Inherited:
    """What a worker got from its supervisor: the sockets, a pipe that closes when the supervisor is gone, and whether it
    is the first."""

    def __init__(self, sockets: Sockets, lifeline: int, *, first: bool) -> None:
        self.sockets = sockets
        self.first = first
        self._lifeline = lifeline

    @classmethod
    def find(cls) -> "Inherited | None":
        """This process's inheritance, if it is a worker."""
        text = os.environ.pop(_ENVIRONMENT, None)
        if text is None:
            return None
        index, lifeline, *descriptors = map(int, text.split(","))
        made = [socket.socket(fileno=number) if number >= 0 else None for number in descriptors]
        assert made[0] is not None
        return cls(Sockets(made[0], *made[1:]), lifeline, first=index == 0)

    def stop_with_supervisor(self) -> None:
        """Makes this process stop as on SIGTERM when its supervisor has died, however that happened."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._lifeline)
            signal.raise_signal(signal.SIGTERM)

        loop.add_reader(self._lifeline, gone)


def supervise(sockets: Sockets, workers: int, started: Callable[[], None]) -> int:
    """Keeps that many processes, each with this process's command line, until told to stop; replaces what dies.

    A first worker that ends by itself with 0 was told to by an operator: then all end. A second interrupt hurries them
    (``wapo.cli.signals``), a third one kills them, and so does a time in which any of them should have ended.

    Args:
        started: called once signals are heard and the workers are on their way.

    Returns:
        the exit code: 1 if the workers die faster than makes sense to replace them, or had to be killed.
    """
    stopping, interrupts, code = False, 0, 0
    children: dict[int, tuple[subprocess.Popen[bytes], int]] = {}
    deaths: deque[float] = deque(maxlen=workers * _MAX_DEATHS)
    lifeline, _held = os.pipe()  # nothing is ever written: our end closes when this process ends
    descriptors = sockets.descriptors()

    def start(index: int) -> None:
        mine = descriptors if index == 0 else [descriptors[0], -1, -1]
        environment = os.environ | {_ENVIRONMENT: ",".join(map(str, (index, lifeline, *mine)))}
        child = subprocess.Popen(
            [sys.executable, "-m", "wapo", *sys.argv[1:]], env=environment,
            pass_fds=[lifeline, *(number for number in mine if number >= 0)],
            # Ctrl-C in a terminal is for whoever is in the foreground: this process, which tells the others.
            process_group=0,
        )  # fmt: skip
        children[child.pid] = child, index
        if stopping:
            os.kill(child.pid, signal.SIGTERM)

    def tell(number: int) -> None:
        for child, _index in list(children.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)  # Popen's own way would reap it, and os.wait() never hear of it

    def stop(number: int = signal.SIGTERM, _frame: object = None) -> None:
        nonlocal stopping, interrupts, code
        if not stopping:
            stopping = True
            signal.alarm(_KILL_AFTER_S)
            tell(signal.SIGTERM)
        elif number == signal.SIGINT and not interrupts:
            interrupts += 1
            tell(signal.SIGINT)
        elif number in (signal.SIGINT, signal.SIGALRM):
            note("workers that do not end are killed")
            code = 1
            tell(signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, stop)
    for index in range(workers):
        start(index)
    started()
    while children:
        pid, status = os.wait()
        ended = children.pop(pid, None)
        if ended is None:
            continue
        child, index = ended
        child.returncode = os.waitstatus_to_exitcode(status)
        if stopping:
            continue
        if child.returncode == 0 and index == 0:
            stop()
            continue
        now = time.monotonic()
        if len(deaths) == deaths.maxlen and now - deaths[0] < _WITHIN_S:
            note("workers keep dying; giving up")
            code = 1
            stop()
            continue
        deaths.append(now)
        note(f"a worker ended with {child.returncode}; starting another")
        start(index)
    return code
