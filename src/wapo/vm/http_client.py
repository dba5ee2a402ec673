"""The host's HTTP client, shared by all guests of a process: connections are pooled across machines.

A guest gets no redirects, cookies, proxies or decompression from here; those are its own business or
``http_decoding``'s. Every address is checked against the egress policy at the socket.
"""

import asyncio
import functools
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from wapo.errors import HostError
from wapo.vm.egress import EgressDenied, EgressPolicy

__all__ = ["HttpClient", "describe_failure", "valid_header"]

_MAX_HEADER_BYTES: Final = 64 << 10
_DNS_THREADS: Final = 32
_CONNECT_TIMEOUT_S: Final = 30.0

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[^\x00\r\n]*")


def valid_header(name: bytes, value: bytes) -> bool:
    """Whether a header can be sent as it is (RFC 9110 5.1, 5.5): no way to smuggle another line."""
    return _TOKEN.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


class UnusableCaFile(HostError):
    """A file of certificate authorities cannot be read."""

    code = "ca_file_unusable"


class _Resolver(AbstractResolver):
    """The system's resolver, on threads of its own: a guest that asks for slow names delays nobody's disk."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="wapo-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        lookup = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, family=family)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        results: list[ResolveResult] = []
        denied: EgressDenied | None = None
        for kind, _, protocol, _, address in found:
            try:
                self._policy.check_address(str(address[0]), host)
            except EgressDenied as error:
                denied = error
                continue
            results.append(
                ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol,
                              flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
            )  # fmt: skip
        if not results and denied is not None:
            raise denied
        return results

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class HttpClient:
    """An async context manager. ``session`` is to be used through ``resources.http`` only.

    Args:
        policy: checked by name, after resolution, and at every socket.
        extra_roots: PEM files of certificate authorities beside the system's. Entering raises UnusableCaFile.
    """

    def __init__(self, policy: EgressPolicy, extra_roots: tuple[str, ...] = ()) -> None:
        self.policy = policy
        self._extra_roots = extra_roots
        self.session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HttpClient":
        context = ssl.create_default_context()
        for path in self._extra_roots:
            try:
                context.load_verify_locations(cafile=path)
            except ssl.SSLError:
                raise UnusableCaFile(f"{path} has no certificate in PEM form") from None
            except OSError as error:
                raise UnusableCaFile(f"{path} cannot be read: {error.strerror}") from None
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=context,
            resolver=_Resolver(self.policy),
            ttl_dns_cache=10,
            socket_factory=self._make_socket,
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self.session = self.session, None
        if session is not None:
            await session.close()

    def _make_socket(self, address: Any) -> socket.socket:
        """The last gate: the address that is connected to, however it was spelled. Names were checked before."""
        family, kind, protocol, _, target = address
        self.policy.check_socket(str(target[0]))
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def describe_failure(error: BaseException) -> str:
    """One clean sentence for a failed request."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, EgressDenied):
        return str(error.os_error)
    if isinstance(error, EgressDenied):
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
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL is not valid"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
