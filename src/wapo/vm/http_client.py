"""The host's HTTP client, shared by all guests of a process: connections are pooled across machines.

A guest gets no redirects, cookies, proxies or decompression from here; those are its own business or
``http_decoding``'s. Every address is checked against the egress policy at the socket.
"""

import contextvars
import re
import resource
import socket
import ssl
from types import TracebackType
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from wapo.errors import HostError
from wapo.vm.egress import EgressDenied, EgressPolicy
from wapo.vm.net.resolver import Resolver
from wapo.vm.net.tls_config import CLIENT_CIPHERS
from wapo.vm.shares import FairShare

__all__ = ["HttpClient", "asking", "describe_failure", "valid_header", "valid_headers"]

_MAX_HEADER_BYTES: Final = 64 << 10
_MAX_CONNECTIONS: Final = 8192
_CONNECT_TIMEOUT_S: Final = 30.0
_MAX_IDLE_CONNECTIONS: Final = 512

#: On whose behalf the current task looks up names.
asking: contextvars.ContextVar[str] = contextvars.ContextVar("asking", default="")

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


class _AllowedAddresses(AbstractResolver):
    """The names of the process's resolver, as far as the policy lets them lead."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As the library wants it.

        Raises:
            OSError: the name cannot be resolved, or (``EgressDenied``) leads nowhere that is allowed.
        """
        results: list[ResolveResult] = []
        denied: EgressDenied | None = None
        for kind, protocol, address in await self._resolver.find(host, asking.get(), family):
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
        """The resolver is not ours."""


class _Connector(aiohttp.TCPConnector):
    """Pooled connections serve one guest after another, so two things matter more here than in the library.

    What a server sends on a connection that nobody uses would be taken for the next guest's answer (RFC 9112 9.2: an
    unsolicited response is an error); such a connection is not used again. And idle connections hold descriptors of a
    process that also needs them to be reached itself, so there are only so many.
    """

    async def _get(self, key: Any, traces: Any) -> Any:
        waiting = self._conns.get(key)
        if waiting is not None:
            sound = [entry for entry in waiting if not entry[0].should_close]
            if len(sound) < len(waiting):
                for protocol, _ in waiting:
                    if protocol.should_close:
                        protocol.close()
                waiting.clear()
                waiting.extend(sound)
        return await super()._get(key, traces)

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        full = sum(map(len, self._conns.values())) >= _MAX_IDLE_CONNECTIONS
        super()._release(key, protocol, should_close=should_close or full)


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
        self.session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HttpClient":
        context = ssl.create_default_context()
        context.set_ciphers(CLIENT_CIPHERS)
        for path in self.extra_roots:
            try:
                context.load_verify_locations(cafile=path)
            except ssl.SSLError:
                raise UnusableCaFile(f"{path} has no certificate in PEM form") from None
            except OSError as error:
                raise UnusableCaFile(f"{path} cannot be read: {error.strerror}") from None
        connector = _Connector(
            limit=0,
            ssl=context,
            resolver=_AllowedAddresses(self.policy, self.resolver),
            use_dns_cache=False,  # which would have one guest wait for a lookup that another has started
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
        await self.resolver.aclose()

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
    if isinstance(error, UnicodeError | aiohttp.InvalidURL):
        return "the URL is not valid"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
