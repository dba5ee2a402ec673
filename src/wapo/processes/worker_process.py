"""A worker, as the supervisor sees it: a process, and where it stands."""

import asyncio
import enum
import subprocess
from dataclasses import dataclass, field

from wapo.processes.channel import Channel
from wapo.processes.dispatcher import Seat

__all__ = ["State", "WorkerProcess"]


class State(enum.Enum):
    """``LEAVING``: gets nothing more, and finishes what it has."""

    STARTING = enum.auto()
    READY = enum.auto()
    LEAVING = enum.auto()


@dataclass(slots=True, eq=False)
class WorkerProcess:
    """One process.

    Attributes:
        row: of the board.
        generation: of the reload that it was started by.
        began_s: of the loop's clock.
        counted: what it has told last of what it counts.
        timers: cancelled when it ends.
    """

    process: "subprocess.Popen[bytes]"
    pidfd: int
    row: int
    seat: Seat
    generation: int
    began_s: float
    channel: Channel | None = None
    state: State = State.STARTING
    counted: bytes = b""
    timers: list[asyncio.Handle] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid
