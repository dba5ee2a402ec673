"""The predecessor's cache for its programs (wapo-abi.md 3.3, 11.3): keys and values for a while, within a quota. What
is in it may vanish at any time."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["LocalCache"]

_DEFAULT_LIFETIME_S: Final = 7 * 86400.0
DEFAULT_QUOTA_BYTES: Final = 1 << 20
_MAX_ENTRIES: Final = 10_000


class LocalCache:
    """The cache of one app.

    Args:
        quota_bytes: of keys and values together; 0 refuses every entry.
        clock: seconds, monotonic.
    """

    def __init__(self, quota_bytes: int = DEFAULT_QUOTA_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota = quota_bytes
        self._clock = clock
        self._entries: dict[bytes, tuple[bytes, float]] = {}
        self._size = 0

    def get(self, key: bytes) -> bytes | None:
        """The value; None if there is none, or its time is over."""
        found = self._entries.get(key)
        if found is None:
            return None
        if found[1] <= self._clock():
            self.remove(key)
            return None
        return found[0]

    def set(self, key: bytes, value: bytes) -> bool:
        """Replaces the value and begins its lifetime anew; False if the quota forbids it, even without what is over."""
        previous = self._entries.get(key)
        growth = len(value) - len(previous[0]) if previous is not None else len(key) + len(value)
        if not self._fits(growth):
            self._purge()
            previous = self._entries.get(key)
            growth = len(value) - len(previous[0]) if previous is not None else len(key) + len(value)
            if not self._fits(growth):
                return False
        self._entries[key] = value, self._clock() + _DEFAULT_LIFETIME_S
        self._size += growth
        return True

    def _fits(self, growth: int) -> bool:
        return self._size + growth <= self._quota and len(self._entries) < _MAX_ENTRIES

    def _purge(self) -> None:
        now = self._clock()
        for key in [key for key, (_, until) in self._entries.items() if until <= now]:
            self.remove(key)

    def set_lifetime(self, key: bytes, seconds: int) -> None:
        """From now on; 0 removes the entry. An entry that does not exist stays so."""
        found = self._entries.get(key)
        if found is None:
            return
        if seconds == 0:
            self.remove(key)
        else:
            self._entries[key] = found[0], self._clock() + seconds

    def remove(self, key: bytes) -> bytes | None:
        """Removes an entry and returns what its value was, even if its time was over."""
        found = self._entries.pop(key, None)
        if found is None:
            return None
        self._size -= len(key) + len(found[0])
        return found[0]
