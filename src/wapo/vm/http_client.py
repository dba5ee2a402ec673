"""The host's HTTP client, shared by all guests of a process: connections are pooled across machines.

A guest gets no redirects, cookies, proxies or decompression from here; those are its own business or
``http_decoding``'s. Every address is checked against the egress policy at the socket.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
import resource
import ssl
from types import TracebackType
from typing import TYPE_CHECKING, Final

from wapo.errors import HostError
from wapo.lazy import library
from wapo.vm.egress import EgressDenied, EgressPolicy
from wapo.vm.net.resolver import Resolver
from wapo.vm.net.tls_config import CLIENT_CIPHERS
from wapo.vm.shares import FairShare

if TYPE_CHECKING:
    import aiohttp

    from wapo.vm import http_session
else:
    aiohttp = library("aiohttp")
    http_session = library("wapo.vm.http_session")

__all__ = [
    "MAX_HEAD_BYTES", "OF_THE_CONNECTION", "TOO_LARGE", "HeadTooLarge", "HttpClient", "asking", "describe_failure",
    "valid_header", "valid_headers",
]  # fmt: skip

#: Of a response's whole head. Browsers take as much.
MAX_HEAD_BYTES: Final = 256 << 10
TOO_LARGE: Final = f"the response's head has more than {MAX_HEAD_BYTES} bytes"

_MAX_CONNECTIONS: Final = 1 << 17

#: On whose behalf the current task looks up names.
asking: contextvars.ContextVar[str] = contextvars.ContextVar("asking", default="")

#: Where a message ends, and what becomes of the connection, is the host's to say: connections are shared by all guests
#: of a process, and one that believed a guest's framing would give the next guest a part of this one's request or
#: answer (RFC 9112 11.1, 11.2).
OF_THE_CONNECTION: Final = frozenset((
    "connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
))  # fmt: skip

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


_HEADERS: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+\0[\t\x20-\x7e\x80-\xff]*(?:\0|\Z))*")


def valid_headers(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether all of them are valid, as :func:`valid_header` says, in one go."""
    block = b"\0".join([part for header in headers for part in header])
    return _HEADERS.fullmatch(block) is not None and block.count(0) == max(0, 2 * len(headers) - 1)


def valid_header(name: bytes, value: bytes) -> bool:
    """Whether a header can be sent as it is (RFC 9110 5.1, 5.5): no way to smuggle another line."""
    return _TOKEN.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


class UnusableCaFile(HostError):
    """A file of certificate authorities cannot be read."""

    code = "ca_file_unusable"


class HeadTooLarge(Exception):
    """A response's head has more bytes than anybody needs."""


class HttpClient:
    """An async context manager. ``session`` is to be used through ``resources.http`` only.

    Args:
        policy: checked by name, after resolution, and at every socket.
        extra_roots: PEM files of certificate authorities beside the system's. Entering raises UnusableCaFile.
        max_connections: requests that are under way at once, divided among owners; more wait. A quarter of the
            process's descriptors if not given.

    Attributes:
        resolver: looks names up, for raw connections too.
    """

    def __init__(
        self, policy: EgressPolicy, extra_roots: tuple[str, ...] = (), max_connections: int | None = None
    ) -> None:
        self.policy = policy
        self.resolver = Resolver()
        self.extra_roots = extra_roots
        if max_connections is None:
            max_connections = min(_MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self.connections = FairShare(max_connections)
        #: Whether it can be asked.
        self.is_open = False
        self._context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        if self.extra_roots:  # a wrong name is told at once
            self._context = self._make_context()
        self.is_open = True
        return self

    async def prepare(self) -> None:
        """Does what the first request would otherwise wait for: loads libraries, and the system's certificates."""
        if self._session is not None:
            return
        await asyncio.to_thread(lambda: http_session.open_session)
        if self._context is None:
            made = await asyncio.to_thread(self._make_context)
            self._context = self._context or made

    @property
    def session(self) -> aiohttp.ClientSession | None:
        """Opened at its first use, which takes a while unless it was prepared; None outside of the block."""
        if self._session is None and self.is_open:
            if self._context is None:
                self._context = self._make_context()
            self._session = http_session.open_session(self.policy, self.resolver, self._context)
        return self._session

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_ciphers(CLIENT_CIPHERS)
        for path in self.extra_roots:
            try:
                context.load_verify_locations(cafile=path)
            except ssl.SSLError:
                raise UnusableCaFile(f"{path} has no certificate in PEM form") from None
            except OSError as error:
                raise UnusableCaFile(f"{path} cannot be read: {error.strerror}") from None
        return context

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self.resolver.aclose()


def describe_failure(error: BaseException, *, quote: bool = True) -> str:
    """One clean sentence for a failed request; without ``quote``, one in which nothing is that the server has sent."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, EgressDenied):
        return str(error.os_error)
    if isinstance(error, EgressDenied | HeadTooLarge):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {error.host} is not valid: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, TimeoutError):
        return "the connection timed out"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection without an answer"
    if isinstance(error, UnicodeError | aiohttp.InvalidURL):
        return "the URL is not valid"
    return f"{type(error).__name__}: {error}" if quote and str(error) else type(error).__name__
