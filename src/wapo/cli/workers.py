"""Several processes that answer on one socket: started, watched, replaced, stopped together."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from typing import Final

from wapo.cli.output import note

__all__ = ["Inherited", "supervise"]

_ENVIRONMENT: Final = "WAPO_WORKER"

#: So many deaths within so many seconds, for each worker, are no accident.
_MAX_DEATHS: Final = 5
_WITHIN_S: Final = 30.0


class Inherited:
    """What a worker got from its supervisor: the socket, and a pipe that closes when the supervisor is gone."""

    def __init__(self, listener: int, lifeline: int) -> None:
        self.listener = socket.socket(fileno=listener)
        self._lifeline = lifeline

    @classmethod
    def find(cls) -> "Inherited | None":
        """This process's inheritance, if it is a worker."""
        text = os.environ.pop(_ENVIRONMENT, None)
        return None if text is None else cls(*map(int, text.split(",")))

    def stop_with_supervisor(self) -> None:
        """Makes this process stop as on SIGTERM when its supervisor has died, however that happened."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._lifeline)
            signal.raise_signal(signal.SIGTERM)

        loop.add_reader(self._lifeline, gone)


def supervise(listener: socket.socket, workers: int) -> int:
    """Keeps that many processes, each with this process's command line, until told to stop; replaces what dies.

    Returns:
        the exit code: 1 if the workers die faster than makes sense to replace them.
    """
    stopping = False
    children: dict[int, subprocess.Popen[bytes]] = {}
    deaths: deque[float] = deque(maxlen=workers * _MAX_DEATHS)
    lifeline, _held = os.pipe()  # nothing is ever written: our end closes when this process ends
    environment = os.environ | {_ENVIRONMENT: f"{listener.fileno()},{lifeline}"}

    def start() -> None:
        child = subprocess.Popen(
            [sys.executable, "-m", "wapo", *sys.argv[1:]], env=environment, pass_fds=[listener.fileno(), lifeline]
        )
        children[child.pid] = child
        if stopping:
            child.terminate()

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for child in list(children.values()):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for _ in range(workers):
        start()
    code = 0
    while children:
        pid, status = os.wait()
        child = children.pop(pid, None)
        if child is None:
            continue
        child.returncode = os.waitstatus_to_exitcode(status)
        if stopping:
            continue
        now = time.monotonic()
        if len(deaths) == deaths.maxlen and now - deaths[0] < _WITHIN_S:
            note("workers keep dying; giving up")
            code = 1
            stop()
            continue
        deaths.append(now)
        note(f"a worker ended with {child.returncode}; starting another")
        start()
    return code
