"""What must not be taken twice: an encrypted request that somebody on the way has kept, and sends again.

Each has an encapsulated key of its own (RFC 9458 6.5.1), whose digest is remembered for as long as the request could be
taken again: its Date may be off by a few minutes, and that long twice over is what is kept. All processes of a node
remember in one database, and one that was started again has not forgotten. What asks for nothing to be done may come
without a Date: it could be taken again when the digest has been forgotten.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from wapo.errors import CallerError, HostError
from wapo.store.database import StoreFailed
from wapo.store.replays import SeenDigests

__all__ = ["MAX_SKEW_S", "ReplayedRequest", "Replays", "TooManyEncrypted", "UnacceptableDate"]

#: How far a request's Date may be from the node's clock.
MAX_SKEW_S: Final = 300
_KEPT_S: Final = 2 * MAX_SKEW_S + 60
_DIGEST_BYTES: Final = 16
#: A row has some 30 bytes; that many are 3000 requests a second.
_MOST: Final = 2_000_000
_TIDIED_EVERY_S: Final = 10.0
_AT_ONCE: Final = 500


class ReplayedRequest(CallerError):
    """An encrypted request that has been taken already."""

    code = "request_replayed"
    status = 409


class UnacceptableDate(CallerError):
    """The Date of an encrypted request is too far from the node's time, or missing where there must be one."""

    code = "unacceptable_date"


class TooManyEncrypted(HostError):
    """More encrypted requests have come within minutes than the node can remember."""

    code = "too_many_encrypted_requests"
    status = 503


class Replays:
    """What has been seen. An async context manager, whose database is opened when there is something to remember.

    Args:
        clock: seconds since the epoch.
        most: digests that are kept at once.
    """

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.time, most: int = _MOST) -> None:
        self._data_dir = data_dir
        self._digests: SeenDigests | None = None
        self._closed = False
        self._clock = clock
        self._most = most
        self._room = 0
        self._tidied = float("-inf")
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._writer is not None:
            await asyncio.wait([self._writer])
        if self._digests is not None:
            self._digests.close()

    def check_date(self, date_s: float | None, *, needed: bool) -> None:
        """Whether a request is of now.

        Args:
            date_s: what its Date says, in seconds since the epoch; None if there is none.
            needed: something is to be done; see above.

        Raises:
            UnacceptableDate.
        """
        if date_s is None:
            if needed:
                raise UnacceptableDate("an encrypted request that is no GET, HEAD or OPTIONS needs a Date header")
        elif abs(date_s - self._clock()) > MAX_SKEW_S:
            raise UnacceptableDate(f"the Date of the request is more than {MAX_SKEW_S} seconds from the node's time")

    async def take(self, enc: bytes) -> None:
        """Takes the request with that encapsulated key, for the first and the only time.

        Raises:
            ReplayedRequest.
            TooManyEncrypted.
            StoreFailed: it cannot be remembered.
        """
        digest = hashlib.sha256(enc).digest()[:_DIGEST_BYTES]
        if digest in self._waiting:
            raise _replayed()
        if self._closed:
            raise StoreFailed("the node is being closed")
        future = self._waiting[digest] = asyncio.get_running_loop().create_future()
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="wapo-replays")
        if not await asyncio.shield(future):
            raise _replayed()

    async def _write(self) -> None:
        """Writes what waits, many in a transaction, until nothing waits."""
        try:
            while self._waiting:
                some = dict(list(self._waiting.items())[:_AT_ONCE])
                try:
                    new = await asyncio.to_thread(self._remember, list(some))
                except Exception as error:
                    self._settle(some, error)
                else:
                    self._settle(some, new)
        finally:
            self._writer = None

    def _settle(self, some: dict[bytes, asyncio.Future[bool]], outcome: set[bytes] | Exception) -> None:
        for digest, future in some.items():
            del self._waiting[digest]
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
                future.exception()  # seen, whoever has gone by then
            else:
                future.set_result(digest in outcome)

    def _remember(self, digests: list[bytes]) -> set[bytes]:
        """Those that are new. In a thread; one call at a time."""
        now = self._clock()
        if self._digests is None:
            self._digests = SeenDigests(self._data_dir)
        if abs(now - self._tidied) >= _TIDIED_EVERY_S:
            self._room = self._most - self._digests.forget(int(now))
            self._tidied = now
        if self._room < len(digests):
            raise TooManyEncrypted("the node has had more encrypted requests within minutes than it can remember")
        new = self._digests.add(digests, int(now) + _KEPT_S)
        self._room -= len(new)
        return new


def _replayed() -> ReplayedRequest:
    return ReplayedRequest("this encrypted request has been taken already: encrypt it anew to send it again")
