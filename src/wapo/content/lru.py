"""A cache that is bounded in bytes: the least recently used goes first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["ByteLru"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteLru(Generic[K, V]):
    """Values with what each costs in bytes, ``max_bytes`` of them together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, which is now the most recently used one."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, cost: int) -> None:
        """Keep a value in place of others. One that costs more than the whole cache is not kept."""
        self.drop(key)
        if cost > self._max_bytes:
            return
        self._values[key] = (value, cost)
        self.used_bytes += cost
        while self.used_bytes > self._max_bytes:
            _, (_, freed) = self._values.popitem(last=False)
            self.used_bytes -= freed

    def drop(self, key: K) -> None:
        """Forget a value, if it is here."""
        found = self._values.pop(key, None)
        if found is not None:
            self.used_bytes -= found[1]
