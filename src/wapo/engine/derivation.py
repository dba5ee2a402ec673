"""Images that are another image and a difference.

Every agent's image is the base image, with the platform in it, and what loading the agent has changed: a few percent of
it. Whoever has the base image can keep the others as differences, start a machine from one (the base image, mapped, and
the difference written over it: 0.2 ms more than from an image of its own), and make the whole image again.
"""

from collections.abc import Generator
from itertools import chain
from typing import Final

from wapo.engine import capi
from wapo.engine.difference import PAGE, Difference
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance, StoreLimits
from wapo.engine.linker import LinkedModule
from wapo.engine.pool import InstancePool

__all__ = ["DerivedPool", "comparing", "deriving"]

_PAGES_AT_ONCE: Final = 64
_BYTES_AT_ONCE: Final = 256 << 10


def comparing(base: MemoryImage, image: MemoryImage) -> Generator[None, None, Difference]:
    """What an image has that the base image has not. Takes 2 ms for 4 MB, and yields between pieces. Not for a thread:
    whoever computes in Python there keeps the lock from the event loop, each time that it has let go of it."""
    pages = sorted({at for one in (base, image) for span in one.data_ranges() for at in range(*span, PAGE)})
    found = []
    for first in range(0, len(pages), _PAGES_AT_ONCE):
        spans = ((at, at + PAGE) for at in pages[first : first + _PAGES_AT_ONCE])
        found.append(Difference.between(base.address, base.size, image.address, spans))
        yield
    return Difference.joined(found)


def deriving(base: MemoryImage, difference: Difference, size: int) -> Generator[None, None, MemoryImage]:
    """The image of ``size`` bytes with that difference from the base image: a copy, of the base image too. Takes 3 ms
    for 4 MB, and yields between pieces.

    Raises:
        OutOfMappings: no memory for it.
    """
    memory = capi.memory[base.address : base.address + base.size]
    beginning = (
        (at, memory[at : min(at + _BYTES_AT_ONCE, end)])
        for start, end in base.data_ranges()
        for at in range(start, end, _BYTES_AT_ONCE)
    )
    return MemoryImage.assembling(size, chain(beginning, difference.pieces()))


class DerivedPool(InstancePool):
    """Machines that start from a difference. None is kept: there is no image to reset them to.

    Args:
        image: the base image.
        size: bytes of linear memory.
    """

    def __init__(
        self, linked: LinkedModule, image: MemoryImage, difference: Difference, size: int, limits: StoreLimits
    ) -> None:
        super().__init__(linked, image, limits, max_spare=0)
        self._difference = difference
        self._size = size

    def _new(self) -> Instance:
        instance = super()._new()
        try:
            instance.grow_to(self._size)
        except BaseException:
            instance.close()
            raise
        self._difference.apply(instance.base)
        return instance
