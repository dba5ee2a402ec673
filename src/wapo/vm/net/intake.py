"""How long the event loop is kept by what comes in for guests and must be parsed before they get it."""

import asyncio
from typing import Final

__all__ = ["TURN_S", "Intake"]

#: In one pass of the loop: a guest's slice.
TURN_S: Final = 0.002


class Intake:
    """The time that all connections of a process together have for their parsers in one pass of the loop, however many
    there are: a flood of tiny frames must not multiply by them."""

    def __init__(self) -> None:
        self._spent_s = 0.0

    @property
    def full(self) -> bool:
        """Whether the next pass is to be waited for."""
        return self._spent_s > TURN_S

    def spend(self, seconds: float) -> None:
        """So much of this pass was used."""
        if not self._spent_s:
            asyncio.get_running_loop().call_soon(self._begin)
        self._spent_s += seconds

    def _begin(self) -> None:
        self._spent_s = 0.0
