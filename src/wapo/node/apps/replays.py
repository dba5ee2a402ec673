"""Signed queries that were seen before (node-and-gateway 3.5.10).

A query's signature covers neither a time nor a nonce, so whoever has seen a signed query can send it once more, and
some callers do so on purpose: a signer that is deterministic signs the same question the same way each time. So an
operator decides whether, and for how long, the same query of the same signer is refused. An app that puts the time
into what is signed, and refuses what is older than that, is then safe from replays altogether.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from wapo.errors import CallerError, HostError
from wapo.trust.query_signature import Query

__all__ = ["QueryReplayed", "ReplayGuard", "ReplayGuardFull"]

#: At about 150 bytes each, 40 MB.
_MOST: Final = 1 << 18


class QueryReplayed(CallerError):
    """The same signer has sent the same query a moment ago."""

    code = "query_replayed"
    status = 409


class ReplayGuardFull(HostError):
    """More signed queries have come than can be remembered for as long as they must be. To forget one would be to let
    it through once more."""

    code = "replay_guard_full"
    status = 503


class ReplayGuard:
    """Remembers signed queries for ``window_s`` seconds.

    What is remembered is the signer and the message, not the signature: some kinds of signature can be changed into
    another good one by anybody.
    """

    def __init__(
        self, window_s: float, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._window_s = window_s
        self._most = most
        self._clock = clock
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def check(self, origin: bytes, query: Query) -> bytes:
        """What :meth:`remember` is to be called with once the query is delivered.

        Raises:
            QueryReplayed, ReplayGuardFull.
        """
        now = self._clock()
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        key = blake2b(origin + query.encode(), digest_size=16).digest()
        if key in self._seen:
            raise QueryReplayed(f"this signed query was answered within the last {self._window_s:g} s")
        if len(self._seen) >= self._most:
            raise ReplayGuardFull("too many signed queries have come to remember another one")
        return key

    def remember(self, key: bytes) -> None:
        """The query goes to its app now. Nothing may be awaited between this and the :meth:`check` that it follows."""
        self._seen[key] = self._clock() + self._window_s
