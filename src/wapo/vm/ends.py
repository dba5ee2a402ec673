"""How a guest ends (wapo-abi.md 1.10), told apart further than the original did: which limit it was."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["FINISHED", "End", "EndReason"]

#: Detail of the end of a program whose poll function, or command, has returned for the last time.
FINISHED: Final = "the program finished"


class EndReason(Enum):
    """Why a guest is no longer running."""

    EXITED = "exited"
    TRAP = "trap"
    STOPPED = "stopped"
    TIME_LIMIT = "timeout"
    BURST_LIMIT = "burst"
    CPU_LIMIT = "cpu"
    OUTGOING_LIMIT = "outgoing"
    EGRESS_LIMIT = "egress"
    FAILED_TO_START = "start"
    SHORT = "short"
    HOST_FAILURE = "host"


@dataclass(frozen=True, slots=True)
class End:
    """``code`` is the exit code of ``EXITED``; ``detail`` is one sentence for the log of the guest's owner."""

    reason: EndReason
    detail: str
    code: int = 0

    def __str__(self) -> str:
        return f"Exited({self.code})" if self.reason is EndReason.EXITED else self.reason.name.title().replace("_", "")
