"""Blocks from several trustless gateways: in order, until one gives what was asked for.

An upstream that could not be reached goes to the end of the order for a while, so that a dead one costs its timeout
once and not once a block; it is still asked before giving up, so that nothing is missed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

from wapo.content.blocks import MAX_BLOCK_BYTES, Block
from wapo.content.cid import Cid
from wapo.content.errors import BlockTooLarge, ContentNotFound, HashMismatch, MalformedCar, UpstreamUnreachable
from wapo.content.upstream import Timeouts, Upstream, public_connector
from wapo.lazy import library

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = library("aiohttp")

__all__ = ["ConnectorFactory", "Fetcher", "open_fetcher"]

ConnectorFactory = Callable[[], "aiohttp.BaseConnector"]

_RETRY_AFTER_S = 30.0
# Requests at once for content that is known to exist; lookups are bounded by whoever makes them.
_MAX_TRANSFERS = 64
# What one upstream can do wrong without being the last word.
_Failure = BlockTooLarge | HashMismatch | MalformedCar | UpstreamUnreachable | ContentNotFound
_FAILURES = (BlockTooLarge, HashMismatch, MalformedCar, UpstreamUnreachable, ContentNotFound)


class Fetcher:
    """Asks its upstreams in order."""

    def __init__(self, upstreams: Sequence[Upstream], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstreams = tuple(upstreams)
        self._clock = clock
        self._avoided_until: dict[Upstream, float] = {}
        self._transfers = asyncio.Semaphore(_MAX_TRANSFERS)

    async def block(self, cid: Cid) -> Block:
        """Fetch one block, of something that is being fetched, in its turn.

        Raises:
            as :meth:`lookup`.
        """
        async with self._transfers:
            return await self.lookup(cid)

    async def lookup(self, cid: Cid, answered: Callable[[], None] = lambda: None) -> Block:
        """Fetch one block from the first upstream that gives it, at once.

        Args:
            answered: called when one begins to give it.

        Raises:
            ContentNotFound: every upstream says that it does not exist.
            HashMismatch, BlockTooLarge: nobody gave it, and somebody gave something else, or too much.
            UpstreamUnreachable: nobody gave it, and somebody could not be asked.
        """
        failures: list[_Failure] = []
        for upstream in self._in_order():
            try:
                return await upstream.block(cid, answered)
            except _FAILURES as failure:
                self._note(upstream, failure, failures)
        raise _verdict(cid, failures)

    async def archive(self, cid: Cid, max_bytes: int) -> AsyncGenerator[Block, None]:
        """The blocks of the file ``cid`` as archives of at most ``max_bytes`` bring them, each verified.

        One upstream after another is asked, so that what one leaves out the next may have; the caller stops when it
        has all it needs. Failures are not raised: who lacks blocks asks for them one by one, and learns what is wrong.
        """
        for upstream in self._in_order():
            if not upstream.offers_archives:
                continue
            try:
                async with self._transfers, aclosing(upstream.archive(cid, max_bytes)) as blocks:
                    async for block in blocks:
                        yield block
            except _FAILURES as failure:
                self._note(upstream, failure, [])

    def _in_order(self) -> list[Upstream]:
        now = self._clock()
        return sorted(self._upstreams, key=lambda upstream: self._avoided_until.get(upstream, now) > now)

    def _note(self, upstream: Upstream, failure: _Failure, failures: list[_Failure]) -> None:
        failures.append(failure)
        if not isinstance(failure, ContentNotFound):
            self._avoided_until[upstream] = self._clock() + _RETRY_AFTER_S


def _verdict(cid: Cid, failures: list[_Failure]) -> _Failure:
    """What to tell the caller after everybody failed: the gravest failure, with all reasons."""
    if not failures:
        return ContentNotFound(f"{cid} is not in the local store, and no upstream is configured.")
    gravest = min(failures, key=lambda failure: _FAILURES.index(type(failure)))
    reasons = " ".join(str(failure) for failure in failures)
    return type(gravest)(f"{cid} could not be fetched. {reasons}")


@asynccontextmanager
async def open_fetcher(
    urls: Sequence[str],
    *,
    connector_factory: ConnectorFactory | None = None,
    timeouts: Timeouts | None = None,
    max_block_bytes: int = MAX_BLOCK_BYTES,
) -> AsyncIterator[Fetcher]:
    """A fetcher for the gateways at ``urls``; its connections are closed with the block.

    Args:
        connector_factory: makes the connectors, and with them decides which addresses may be connected to. Without
            it, the gateways themselves may be anywhere (the operator named them), and what they redirect to must
            have a public address.
    Raises:
        InvalidUpstream: one of ``urls`` is no http or https address.
    """
    async with AsyncExitStack() as stack:

        def session(make: ConnectorFactory) -> Callable[[], aiohttp.ClientSession]:
            @cache  # opened by the first fetch: most starts of a node see none
            def opened() -> aiohttp.ClientSession:
                made = aiohttp.ClientSession(
                    connector=make(), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
                )
                stack.push_async_callback(made.close)
                return made

            return opened

        chosen = session(connector_factory or (lambda: aiohttp.TCPConnector(limit=0)))
        elsewhere = session(connector_factory or (lambda: public_connector(limit=0)))
        timeouts = timeouts or Timeouts()
        yield Fetcher(
            [
                Upstream(url, chosen, elsewhere, timeouts=timeouts, max_block_bytes=max_block_bytes)
                for url in dict.fromkeys(urls)
            ]
        )
