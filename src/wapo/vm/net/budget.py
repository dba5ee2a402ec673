"""How many sockets guests may hold: descriptors are the process's, and the node needs some for itself."""

import resource
from collections import Counter
from contextlib import suppress
from typing import Final

__all__ = ["SocketBudget", "raise_descriptor_limit"]

#: Descriptors that guests leave alone: listeners, clients of the gateway, files, the database.
RESERVED_DESCRIPTORS: Final = 512


def raise_descriptor_limit() -> int:
    """Raises the soft limit of open files to the hard one; returns what it then is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft if soft != resource.RLIM_INFINITY else 1 << 20


class SocketBudget:
    """Counts guests' sockets, in all and by owner.

    Args:
        total: how many there may be; by default what the process's limit leaves.

    No owner may hold more than half of them, so that one program cannot take the network from all others.
    """

    def __init__(self, total: int | None = None) -> None:
        if total is None:
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            limit = (1 << 20) if soft == resource.RLIM_INFINITY else soft
            total = max(limit - RESERVED_DESCRIPTORS, limit // 2)
        self.total = total
        self.per_owner = max(1, total // 2)
        self.used = 0
        self._by_owner: Counter[str] = Counter()

    def take(self, owner: str) -> bool:
        """One socket more; False if there is none left for that owner."""
        if self.used >= self.total or self._by_owner[owner] >= self.per_owner:
            return False
        self.used += 1
        self._by_owner[owner] += 1
        return True

    def give_back(self, owner: str) -> None:
        """One socket less."""
        self.used -= 1
        self._by_owner[owner] -= 1
        if not self._by_owner[owner]:
            del self._by_owner[owner]
