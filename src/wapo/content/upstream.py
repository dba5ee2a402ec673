"""One trustless gateway: https://specs.ipfs.tech/http-gateways/trustless-gateway/. One request, one answer, no retry.

What comes over the wire is hostile until hashed, and its length until counted: bodies are cut off at a limit while
they arrive, compressed ones are not asked for and not unpacked, redirects are followed by hand.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yarl import URL

from wapo.content.blocks import MAX_BLOCK_BYTES, Block, check_block, check_block_size
from wapo.content.car import CarDecoder
from wapo.content.cid import Cid
from wapo.content.errors import ContentNotFound, InvalidUpstream, MalformedCar, UpstreamUnreachable
from wapo.lazy import library

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = library("aiohttp")

__all__ = ["Timeouts", "Upstream", "is_public", "public_connector"]

_RAW = "application/vnd.ipld.raw"
_CAR = "application/vnd.ipld.car"
_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_GONE = (404, 410)
_UNOFFERED = (400, 406, 415, 501)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Hashing this much takes a quarter of a millisecond; more is done in a thread.
_HASH_HERE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect; until an answer begins; between two pieces of it; for a whole block; for a whole archive."""

    connect_s: float = 5.0
    answer_s: float = 15.0
    silence_s: float = 30.0
    block_s: float = 60.0
    archive_s: float = 300.0


class Upstream:
    """A gateway at ``url``, with connections that its owner opened and closes."""

    def __init__(
        self,
        url: str,
        session: Callable[[], aiohttp.ClientSession],
        elsewhere: Callable[[], aiohttp.ClientSession],
        *,
        timeouts: Timeouts,
        max_block_bytes: int = MAX_BLOCK_BYTES,
    ) -> None:
        """
        Args:
            session: gives what connects to ``url``, which the operator chose and which may be on this very machine.
            elsewhere: gives what connects to wherever ``url`` redirects, which the operator did not choose.
        Raises:
            InvalidUpstream: ``url`` is no http or https address.
        """
        try:
            self._base = URL(url)
            valid = self._base.scheme in ("http", "https") and self._base.host
        except ValueError:
            valid = False
        if not valid:
            raise InvalidUpstream(f"{url!r} is no address of a gateway; one looks like https://trustless-gateway.link.")
        # Many write it as a prefix for identifiers, https://ipfs.io/ipfs/.
        if self._base.path.rstrip("/").endswith("/ipfs"):
            self._base = self._base.with_path(self._base.path.rstrip("/").removesuffix("/ipfs"))
        self.name = str(self._base.with_user(None).with_query(None).with_fragment(None)).rstrip("/")
        self.offers_archives = True
        self._session = session
        self._elsewhere = elsewhere
        self._timeouts = timeouts
        self._max_block_bytes = max_block_bytes

    async def block(self, cid: Cid, answered: Callable[[], None] = lambda: None) -> Block:
        """Fetch one block.

        Args:
            answered: called when the gateway begins to send it.

        Raises:
            ContentNotFound: the gateway says that there is none.
            UpstreamUnreachable: no answer, or none that is of use.
            HashMismatch: it sent something else.
            BlockTooLarge: it would have sent more than a block may have.
        """
        async with self._get(cid, {"format": "raw"}, _RAW, self._timeouts.block_s) as response:
            self._check_status(cid, response.status)
            answered()
            check_block_size(response.content_length or 0, self._max_block_bytes)
            data = bytearray()
            async for piece in response.content.iter_any():
                data += piece
                check_block_size(len(data), self._max_block_bytes)
        if len(data) > _HASH_HERE_BYTES:
            return await asyncio.to_thread(check_block, cid, bytes(data), self.name)
        return check_block(cid, bytes(data), self.name)

    async def archive(self, cid: Cid, max_bytes: int) -> AsyncGenerator[Block, None]:
        """Fetch an archive of the file ``cid``, and give its blocks, each verified, as they arrive.

        Which blocks come, in which order and how often, is up to the gateway: none at all, if it offers no archives.

        Raises:
            ContentNotFound, UpstreamUnreachable, HashMismatch, BlockTooLarge: as ``block``.
            MalformedCar: it is cut short, makes no sense, or is over ``max_bytes``. What was given before is sound.
        """
        query = {"format": "car", "dag-scope": "entity"}
        accept = f"{_CAR}; version=1; order=dfs; dups=n"
        async with self._get(cid, query, accept, self._timeouts.archive_s) as response:
            if response.status in _UNOFFERED or (response.status == 200 and response.content_type != _CAR):
                self.offers_archives = False
                return
            self._check_status(cid, response.status)
            decoder = CarDecoder(self.name, max_block_bytes=self._max_block_bytes)
            received = 0
            async for piece in response.content.iter_any():
                received += len(piece)
                if received > max_bytes:
                    raise MalformedCar(f"The archive from {self.name} is larger than the file can be.")
                for block in decoder.feed(piece):
                    yield block
            decoder.finish()

    @asynccontextmanager
    async def _get(
        self, cid: Cid, query: dict[str, str], accept: str, total_s: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response that is no redirect, whatever its status."""
        url = (self._base / "ipfs" / str(cid)).update_query(query)
        timeout = aiohttp.ClientTimeout(
            total=total_s, sock_connect=self._timeouts.connect_s, sock_read=self._timeouts.silence_s
        )
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        session = self._session
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                async with asyncio.timeout(self._timeouts.answer_s):
                    answer = await session().get(url, headers=headers, timeout=timeout, allow_redirects=False)
                async with answer as response:
                    if response.status not in _REDIRECTS:
                        yield response
                        return
                    url, session = self._follow(response), self._elsewhere
            raise UpstreamUnreachable(f"{self.name} redirects again and again.")
        except TimeoutError as error:
            raise UpstreamUnreachable(f"{self.name} did not answer in time.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: aiohttp lets a few of yarl's and http.cookies' through.
            raise UpstreamUnreachable(f"{self.name} cannot be reached: {error or type(error).__name__}.") from error

    def _check_status(self, cid: Cid, status: int) -> None:
        if status in _GONE:
            raise ContentNotFound(f"{self.name} does not have {cid}.")
        if status != 200:
            raise UpstreamUnreachable(f"{self.name} answered with status {status}.")

    def _follow(self, response: aiohttp.ClientResponse) -> URL:
        """Where a redirect leads: gateways send ``/ipfs/<cid>`` to ``<cid>.ipfs.<gateway>``."""
        url = response.url.join(URL(response.headers.get("Location", "")))
        if url.scheme not in ("http", "https") or not url.host or url == response.url:
            raise UpstreamUnreachable(f"{self.name} redirects to nowhere.")
        if response.url.scheme == "https" and url.scheme == "http":
            raise UpstreamUnreachable(f"{self.name} redirects from https to http.")
        return url


def public_connector(**options: Any) -> aiohttp.TCPConnector:
    """A connector to public addresses only, whatever name led there.

    The address is judged at the moment a socket is made for it, after resolution: a name that resolves to a public
    address when checked and to a private one when used gets nowhere.
    """
    return aiohttp.TCPConnector(socket_factory=_public_socket, **options)


def _public_socket(address: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    family, kind, protocol, _, target = address
    if not is_public(str(target[0])):
        raise PermissionError(errno.EACCES, f"the address {target[0]} is not public")
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also where it wraps another one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        ip = wrapped or ip
    return ip.is_global and not ip.is_multicast
