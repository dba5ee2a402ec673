"""Who may start a machine now.

The kernel gives a process a fixed number of memory mappings (``vm.max_map_count``), and refuses the next one at a bad
moment. So machines are counted, and a node that is full says so long before.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wapo.errors import CallerError, HostError

__all__ = ["Admission", "NodeFull", "TooManyRequests", "machines_possible"]

#: Mappings that one machine may need: its image, the memory that has grown beyond it, the reserved rest and the guard
#: before it, a stack and its guard.
MAPPINGS_PER_MACHINE: Final = 6

#: Mappings of the process itself: libraries, heaps, compiled modules, images.
_RESERVED_MAPPINGS: Final = 3000
_DEFAULT_MAX_MAPPINGS: Final = 65530


class NodeFull(HostError):
    """The node has no room for another machine at this moment."""

    code = "node_full"
    status = 503


class TooManyRequests(CallerError):
    """The program has as many requests under way as it may have."""

    code = "too_many_requests"
    status = 429


def machines_possible() -> int:
    """How many machines the kernel lets this process have at once."""
    limit = _DEFAULT_MAX_MAPPINGS
    with suppress(OSError, ValueError):
        limit = int(Path("/proc/sys/vm/max_map_count").read_text())
    return max(1, (limit - _RESERVED_MAPPINGS) // MAPPINGS_PER_MACHINE)


class Admission:
    """Counts machines, in all and by program.

    Attributes:
        machines: those that serve requests.
        isolates: those that other machines have started.
    """

    def __init__(self, max_machines: int | None = None) -> None:
        possible = machines_possible()
        self.max_machines = possible if max_machines is None else min(max_machines, possible)
        self.machines = self.isolates = 0
        self._by_program: dict[str, int] = {}
        self._empty: asyncio.Future[None] | None = None

    def enter(self, program: str, concurrency: int | None) -> None:
        """Takes a place; give it back with :meth:`leave`.

        Raises:
            NodeFull: all places are taken.
            TooManyRequests: this program has its share.
        """
        self._check_room()
        mine = self._by_program.get(program, 0)
        if concurrency is not None and mine >= concurrency:
            raise TooManyRequests(f"this program has {concurrency} requests under way, which is its limit")
        self.machines += 1
        self._by_program[program] = mine + 1

    def _check_room(self) -> None:
        if self.machines + self.isolates >= self.max_machines:
            raise NodeFull(f"this node runs {self.max_machines} machines, which is all it can; try again shortly")

    def enter_isolate(self) -> None:
        """Takes a place for a machine that is a part of another; give it back with :meth:`leave_isolate`.

        Raises:
            NodeFull: all places are taken.
        """
        self._check_room()
        self.isolates += 1

    def leave_isolate(self) -> None:
        """Gives it back."""
        self.isolates -= 1

    def leave(self, program: str) -> None:
        """Gives a place back."""
        self.machines -= 1
        left = self._by_program[program] - 1
        if left:
            self._by_program[program] = left
        else:
            del self._by_program[program]
        if self._empty is not None and not self.machines and not self._empty.done():
            self._empty.set_result(None)

    async def until_empty(self) -> None:
        """Returns when every place has been given back."""
        while self.machines:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    @contextmanager
    def place(self, program: str, concurrency: int | None) -> Iterator[None]:
        """A place for a block."""
        self.enter(program, concurrency)
        try:
            yield
        finally:
            self.leave(program)
