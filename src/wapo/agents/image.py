"""One agent's image: a program loaded once, and any number of machines started from that state."""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from wapo.agents.modules import Modules
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
        cut_off: how the run of its top level ended, if that burnt all the CPU that a run may.
        memory_limit: what its machine was allowed while the image was made, in bytes.
    """

    kind: ImageKind
    convention: str
    touched: TouchedBy = frozenset()
    memory: MemoryImage | None = None
    error: str | None = None
    log: list[tuple[int, str]] = field(default_factory=list)
    memory_limit: int = 0
    modules: Modules | None = None
    cut_off: str | None = None
    closed: bool = False
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
        return self.memory.stored_bytes if self.memory is not None else 0

    def pool(self, linked: "LinkedModule", limits: StoreLimits) -> InstancePool:
        """Machines in this image's state. Another set of limits makes another pool; the one before goes."""
        assert self.memory is not None
        if self._pool is None or (self._pool.limits is not limits and self._pool.limits != limits):
            if self._pool is not None:
                self._pool.close()
            self._pool = InstancePool(linked, self.memory, limits)
        return self._pool

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
        if self._pool is not None:
            self._pool.close()
        if self.memory is not None:
            self.memory.close()
