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
        if not self._fits(key, value):
            self._purge()
            if not self._fits(key, value):
                return False
        self.remove(key)
        self._entries[key] = value, self._clock() + _DEFAULT_LIFETIME_S
        self._size += len(key) + len(value)
        return True

    def _fits(self, key: bytes, value: bytes) -> bool:
        """Whether there is room for the entry in place of the one that the key has, if any."""
        previous = self._entries.get(key)
        if previous is None:
            return len(self._entries) < _MAX_ENTRIES and self._size + len(key) + len(value) <= self._quota
        return self._size + len(value) - len(previous[0]) <= self._quota

    def _purge(self) -> None:
        now = self._clock()
        for key in [key for key, (_, until) in self._entries.items() if until <= now]:
            self.remove(key)

    def set_lifetime(self, key: bytes, seconds: int) -> None:
        """From now on; 0 removes the entry. An entry that does not exist stays so, and one whose time is over has
        ceased to exist."""
        value = self.get(key)
        if value is None:
            return
        if seconds == 0:
            self.remove(key)
        else:
            self._entries[key] = value, self._clock() + seconds

    def remove(self, key: bytes) -> bytes | None:
        """Removes an entry and returns what its value was, even if its time was over."""
        found = self._entries.pop(key, None)
        if found is None:
            return None
        self._size -= len(key) + len(found[0])
        return found[0]
