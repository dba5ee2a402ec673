"""Named locks that all instances of an app share (node-and-gateway 4.7): who holds one is known, and when its holder
ends or starts anew it is free."""

from typing import Any, Final

__all__ = ["MAX_LOCKS", "AppLocks"]

MAX_LOCKS: Final = 64


class AppLocks:
    """The locks of one app. Holders are compared by identity."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def try_lock(self, name: str, holder: object) -> bool:
        """Takes a lock; False if somebody has it, the asker included, or 64 are held."""
        if name in self._held or len(self._held) >= MAX_LOCKS:
            return False
        self._held[name] = holder
        return True

    def unlock(self, name: str, holder: object) -> bool:
        """Gives a lock back; False if this holder does not have it."""
        if self._held.get(name) is not holder:
            return False
        del self._held[name]
        return True

    def release(self, holder: object) -> None:
        """Gives back everything that a holder has."""
        self._held = {name: other for name, other in self._held.items() if other is not holder}
