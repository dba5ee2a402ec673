"""Instances that have run, reset to the image that they started from, for the next run of the same program.

What a run leaves behind in an instance is its memory, which is copied back byte for byte; its globals, which are what
they were because the run ended by returning; and the stack that its calls ran on, which a guest cannot read. An
instance that ended in any other way is closed.
"""

from collections import deque
from typing import Final
from weakref import WeakSet

from wapo.engine.errors import OutOfMappings
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance, StoreLimits
from wapo.engine.linker import LinkedModule

__all__ = ["MAX_SPARE_IN_ALL", "InstancePool"]

#: Spare instances of all pools together: each takes mappings, of which the process has a fixed number, and memory.
MAX_SPARE_IN_ALL: Final = 1024


class _Spares:
    """What all pools of the process have together."""

    def __init__(self) -> None:
        self.count = 0
        self.pools: WeakSet[InstancePool] = WeakSet()

    def drop(self) -> None:
        for pool in list(self.pools):
            pool.drop_spares()


_spares: Final = _Spares()


class InstancePool:
    """Spare instances of one image with one set of limits. Closing it closes the spares, not those that run.

    Args:
        max_spare: how many are kept, as long as all pools together have few enough; each holds what it has written
            (about 60 KB for a small agent) and a stack.
    """

    def __init__(self, linked: LinkedModule, image: MemoryImage, limits: StoreLimits, max_spare: int = 32) -> None:
        self._linked = linked
        self._image = image
        self.limits = limits
        self._max_spare = max_spare
        self._spare: deque[Instance] = deque()
        self._closed = False
        #: Smallest number of spares since the last :meth:`trim`: so many were not needed.
        self._unused = 0
        _spares.pools.add(self)

    def __len__(self) -> int:
        return len(self._spare)

    def take(self) -> Instance:
        """An instance in the image's state, spare or new.

        Raises:
            OutOfMappings: the kernel has no room for another one.
        """
        if self._spare:
            instance = self._spare.pop()  # the last one back: its pages are still in the processor's caches
            _spares.count -= 1
            self._unused = min(self._unused, len(self._spare))
            return instance
        try:
            return self._new()
        except OutOfMappings:
            _spares.drop()
            return self._new()

    def _new(self) -> Instance:
        instance = Instance(self._linked, self.limits)
        try:
            self._image.restore(instance)
        except BaseException:
            instance.close()
            raise
        return instance

    def give_back(self, instance: Instance, *, clean: bool) -> None:
        """An instance that was taken here. ``clean``: its last call returned by itself."""
        room = len(self._spare) < self._max_spare and _spares.count < MAX_SPARE_IN_ALL and not self._closed
        if clean and room and self._image.reset(instance):
            self._spare.append(instance)
            _spares.count += 1
        else:
            instance.close()

    def trim(self) -> int:
        """Closes the spares that were not needed since the last time; returns how many are left."""
        for _ in range(min(self._unused, len(self._spare))):
            self._spare.popleft().close()
            _spares.count -= 1
        self._unused = len(self._spare)
        return len(self._spare)

    def drop_spares(self) -> None:
        """Closes every spare."""
        while self._spare:
            self._spare.pop().close()
            _spares.count -= 1
        self._unused = 0

    def close(self) -> None:
        """Idempotent."""
        self._closed = True
        self.drop_spares()
