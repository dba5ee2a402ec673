"""Clocks: real and monotonic time. Those of CPU time are not there (wapo-abi.md 1.4)."""

import time
from typing import Final

__all__ = ["MONOTONIC", "REALTIME", "read_clock"]

REALTIME: Final = 0
MONOTONIC: Final = 1


def read_clock(clock: int) -> int | None:
    """Nanoseconds; None if there is no such clock."""
    if clock == REALTIME:
        return time.time_ns()
    return time.monotonic_ns() if clock == MONOTONIC else None
