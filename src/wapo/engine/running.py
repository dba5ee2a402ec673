"""Which guest is running on this thread, right now.

Guests of one process all run on the event loop's thread, one at a time, so this is two plain fields: set before a
call is resumed, read by the host functions that it calls. (wasmtime could hand a pointer to every host function, at
the cost of two more C calls each.)
"""

from typing import Any

__all__ = ["running"]


class _Running:
    """Attributes:
    guest: what the call under way was started for; None between calls.
    failure: what a host function raised, until the call under way raises it again.
    """

    __slots__ = ("failure", "guest")

    def __init__(self) -> None:
        self.guest: Any = None
        self.failure: BaseException | None = None


running = _Running()
