"""One agent's image: a program loaded once, and any number of machines started from that state.

It is *hot* as a memory of its own, which machines map; *warm* as its difference to the base image, which each machine
gets written over that; *cold* when it is on disk only. All three are the same bytes to a machine.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from wapo.agents.modules import Modules
from wapo.engine.derivation import DerivedPool
from wapo.engine.difference import Difference
from wapo.engine.image import MemoryImage
from wapo.engine.instance import StoreLimits
from wapo.engine.pool import InstancePool

if TYPE_CHECKING:
    from wapo.engine.linker import LinkedModule

__all__ = ["TOUCHES", "AgentImage", "ImageKind", "TouchedBy"]

#: Why a program keeps a compiled image, for people.
TOUCHES: Final = {
    "clock": "reads the clock",
    "entropy": "draws random numbers",
    "timers": "sets a timer",
    "network": "makes a request or a connection",
    "compression": "compresses or decompresses",
    "work": "has the host compute something that takes long",
    "secrets": "derives a secret",
    "address": "asks for its address",
    "isolates": "starts an isolate",
    "arguments": "reads scriptArgs",
    "environment": "reads process.env",
    "rejection": "leaves a rejected promise unhandled",
    "unsettled": "waits for something that has not happened",
    "error": "throws",
    "limit": "reaches a limit",
    "size": "leaves more behind than an image may have",
    "import": "imports what could not be had",
}

TouchedBy = frozenset[str]


class ImageKind(Enum):
    """What state of the program an image holds."""

    COMPILED = "compiled"
    INITIALISED = "initialised"
    BROKEN = "broken"
    """It cannot even be compiled; there is no memory, just the error."""


@dataclass(slots=True)
class AgentImage:
    """A program, ready to start.

    Attributes:
        convention: what kind of script it is, as far as is known (a compiled image: ``module`` or ``script``).
        touched: keys of ``TOUCHES``; why it is not initialised.
        error: of a broken program, with its line and column.
        log: what the program logged while an initialised image was made, as (level, text).
        modules: where its imports come from.
        cpu_s: what making it took, until somebody has accounted it.
        cut_off: how the run of its top level ended, if that burnt all the CPU that a run may.
        memory_limit: what its machine was allowed while the image was made, in bytes.
        memory: of a hot image.
        difference: of a warm one, to ``base``.
        uses: how often it was asked for since somebody looked.
        idle: how often somebody looked in vain.
    """

    kind: ImageKind
    convention: str
    touched: TouchedBy = frozenset()
    memory: MemoryImage | None = None
    error: str | None = None
    log: list[tuple[int, str]] = field(default_factory=list)
    memory_limit: int = 0
    cpu_s: float = 0.0
    modules: Modules | None = None
    cut_off: str | None = None
    closed: bool = False
    difference: Difference | None = None
    base: MemoryImage | None = None
    uses: int = 0
    idle: int = 0
    _size: int = 0
    _pool: InstancePool | None = None

    @property
    def reason(self) -> str:
        """One sentence: why this kind."""
        if self.kind is ImageKind.BROKEN:
            return "the program cannot be compiled"
        if self.kind is ImageKind.INITIALISED:
            return "its top level depends on nothing that differs from one request to the next"
        return "its top level " + " and ".join(sorted(TOUCHES[what] for what in self.touched))

    @property
    def stored_bytes(self) -> int:
        """Memory that the image occupies."""
        if self.memory is not None:
            return self.memory.stored_bytes
        return self.difference.bytes_kept if self.difference is not None else 0

    @property
    def size(self) -> int:
        """Bytes of a machine's memory before its first request."""
        return self.memory.size if self.memory is not None else self._size

    def pool(self, linked: "LinkedModule", limits: StoreLimits) -> InstancePool:
        """Machines in this image's state. Another set of limits makes another pool; the one before goes."""
        if self._pool is None or (self._pool.limits is not limits and self._pool.limits != limits):
            self._close_pool()
            if self.memory is not None:
                self._pool = InstancePool(linked, self.memory, limits)
            else:
                assert self.base is not None
                assert self.difference is not None
                self._pool = DerivedPool(linked, self.base, self.difference, self.size, limits)
        return self._pool

    def cool(self) -> None:
        """From hot or warm to cold. Machines that run go on."""
        self._size = self.size
        self._close_pool()
        if self.memory is not None:
            self.memory.close()
        self.memory = self.difference = None

    def warm(self, base: MemoryImage, difference: Difference) -> None:
        """From cold to warm."""
        self.base, self.difference = base, difference
        self.uses = self.idle = 0

    def heat(self, memory: MemoryImage) -> None:
        """From warm to hot."""
        self._close_pool()
        self.memory, self.difference = memory, None

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def trim(self) -> None:
        """Frees machines that nobody has needed for a while."""
        if self._pool is not None:
            self._pool.trim()

    def drop_spares(self) -> None:
        """Frees every machine that waits to be used again."""
        if self._pool is not None:
            self._pool.drop_spares()

    def close(self) -> None:
        """Machines that run go on. Idempotent."""
        self.closed = True
        self._close_pool()
        if self.memory is not None:
            self.memory.close()
