"""The memory of all machines together, which no limit of a single one bounds.

A machine may have 100 MB, and thousands of machines may be there at once, nearly all of them small. So memory is
promised many times over, and this watches what has really been taken: near the limit spare machines go and new requests
are turned away, at the limit the machines end that have the most. The alternative is the kernel's: it ends the process,
with everybody's requests.
"""

import asyncio
import contextlib
import ctypes
import mmap
import os
from collections import defaultdict
from pathlib import Path
from typing import Final

from wapo.agents.images import ImageStore
from wapo.engine.instance import reclaimed
from wapo.log import Log
from wapo.node.admission import NodeFull
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.scheduler import Scheduler

__all__ = [
    "LEAST_BYTES", "MemoryWatch", "default_memory_bytes", "keep_few_arenas", "machine_memory_bytes", "private_bytes",
]  # fmt: skip

_EVERY_S: Final = 0.05

#: Of the machine's memory. The rest is for images, which the kernel shares between processes, for its own buffers, and
#: for what a machine may take until somebody looks.
_SHARE: Final = 0.7
_TIGHT: Final = 0.9
_ROOMY: Final = 0.8

#: What a node needs in any case, beside what it has taken when it starts.
LEAST_BYTES: Final = 256 << 20

_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2

_log = Log("wapo.node")


def private_bytes() -> int:
    """Memory that this process alone has, in RAM: of an image, the pages that a machine has written."""
    _, resident, shared = Path("/proc/self/statm").read_bytes().split()[:3]
    return (int(resident) - int(shared)) * mmap.PAGESIZE


def machine_memory_bytes() -> int:
    """RAM of the machine, or of the control group that this process is confined to (cgroups 2 and 1)."""
    sizes = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes.append(int(next(line for line in lines if line.startswith("MemTotal:")).split()[1]) << 10)
    groups = [""]
    with contextlib.suppress(OSError):
        groups += [line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for group in groups:
        for template in ("/sys/fs/cgroup{}/memory.max", "/sys/fs/cgroup/memory{}/memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):
                sizes.append(int(Path(template.format(group.rstrip("/"))).read_text()))
    return min(sizes, default=1 << 30)


def default_memory_bytes(processes: int = 1) -> int:
    """What one of so many processes of a node may have of the machine's memory."""
    return int(machine_memory_bytes() * _SHARE) // processes


class MemoryWatch:
    """Keeps a process within ``limit_bytes`` of private memory, as far as machines can help it.

    Attributes:
        tight: new requests are to be turned away.
    """

    def __init__(self, limit_bytes: int, scheduler: Scheduler, images: ImageStore) -> None:
        self.limit_bytes = max(limit_bytes, private_bytes() + LEAST_BYTES)
        self.tight = False
        self._scheduler = scheduler
        self._images = images
        self._wake = asyncio.Event()

    def admit(self) -> None:
        """A machine is to start for a request.

        Raises:
            NodeFull: memory is short.
        """
        if self.tight:
            raise NodeFull("this node is short of memory; try again shortly")
        self._wake.set()

    def wake(self) -> None:
        """A machine starts that need not ask."""
        self._wake.set()

    async def run(self) -> None:
        """Watches for as long as there are machines; for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_EVERY_S)
            await self.look()
            if not self._scheduler.guests and not self.tight:
                self._wake.clear()

    async def look(self) -> None:
        """Looks once, and does what is to be done."""
        used = private_bytes()
        if used > self.limit_bytes * _TIGHT:
            self._images.drop_spares()
            await reclaimed()
            used = private_bytes()
        self.tight = used > self.limit_bytes * _TIGHT
        if used > self.limit_bytes:
            self._shed(used - int(self.limit_bytes * _ROOMY))
            await reclaimed()

    def _shed(self, excess: int) -> None:
        """Ends machines until what they may have is as much: of the owner with the most first, the largest first."""
        owners: defaultdict[str, list[tuple[int, Guest]]] = defaultdict(list)
        for guest in self._scheduler.guests:
            owners[guest.owner].append((guest.instance.memory_size, guest))
        totals = {owner: sum(size for size, _ in machines) for owner, machines in owners.items()}
        for machines in owners.values():
            machines.sort(key=lambda machine: machine[0])
        ended = 0
        while excess > 0 and totals:
            owner = max(totals, key=totals.__getitem__)
            size, guest = owners[owner].pop()
            totals[owner] -= size
            if not owners[owner]:
                del totals[owner]
            excess -= size
            ended += 1
            guest.stop(End(EndReason.SHORT, "the node ran short of memory"))
        _log.warning("machines were ended for want of memory", machines=ended, limit_bytes=self.limit_bytes)


def keep_few_arenas() -> None:
    """Has glibc's malloc keep two arenas, whatever threads there are; ``MALLOC_ARENA_MAX`` in the environment says
    otherwise. To be called before there are threads.

    It gives each thread one of its own, up to eight a core, and what one has freed no other can use: a node's threads
    (of SQLite, of files, of compilation) take turns, and its memory grew by half in 200,000 requests.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(AttributeError, OSError):  # another libc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
