"""The connections of the host's HTTP client: a session of aiohttp, made for guests."""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import EMPTY_PAYLOAD

from wapo.vm.egress import EgressDenied, EgressPolicy
from wapo.vm.http_client import MAX_HEAD_BYTES, TOO_LARGE, HeadTooLarge, asking
from wapo.vm.net.intake import Intake
from wapo.vm.net.resolver import Resolver

__all__ = ["open_session"]

_MAX_HEADER_BYTES: Final = 64 << 10
#: What the library reads ahead of a body that nobody takes; it stops at twice that.
_READ_AHEAD_BYTES: Final = 64 << 10
_CONNECT_TIMEOUT_S: Final = 30.0
_MAX_IDLE_CONNECTIONS: Final = 512

#: What a parser gets at once: chunks of one byte cost 3 us each, and a read from the socket (256 KB) has 40,000.
_PIECE_BYTES: Final = 16 << 10

#: Interim responses (1xx) before an answer. Servers send one or two; the library waits for the answer without end.
_MAX_INTERIM: Final = 32


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


class _Protocol(ResponseHandler):
    """One connection, whose server is a stranger: what it sends costs the loop a bounded time a turn, and the host a
    bounded amount of memory, however it is cut."""

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._intake = intake
        self._rest: deque[bytes] = deque()
        self._turn: asyncio.Handle | None = None
        self._interim = 0
        self._head_bytes = 0
        self._earlier: Any = None

    def set_response_params(self, **options: Any) -> None:
        super().set_response_params(**options)
        self._head_bytes = 0
        self._earlier = self._payload

    def data_received(self, data: bytes) -> None:
        """From the socket; empty when the parser is to go on with what it has."""
        if not data:
            super().data_received(data)
            return
        if len(data) <= _PIECE_BYTES and not self._rest and not self._intake.full:
            self._parse(data)
            return
        self._rest.extend(data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES))
        if self._turn is None:
            self._go_on()

    def _go_on(self) -> None:
        self._turn = None
        while self._rest and not self._reading_paused and self.transport is not None and not self._intake.full:
            self._parse(self._rest.popleft())
        self._hold()

    def _parse(self, data: bytes) -> None:
        begun = time.perf_counter()
        super().data_received(data)
        self._intake.spend(time.perf_counter() - begun)
        if self._exception is not None and self._payload is not None and self._payload.exception() is None:
            # The library tells whoever waits for a head only; who waits for the rest of a body would wait for ever.
            self._payload.set_exception(aiohttp.ClientPayloadError("the server's answer is not HTTP"))
        if self._payload is self._earlier or self._payload is EMPTY_PAYLOAD:
            self._bound_head(len(data))

    def _bound_head(self, size: int) -> None:
        """The library bounds a line and the number of lines, which together is 8 MiB a request; here is a bound on what
        comes before a head is whole, interim responses (RFC 9110 15.2) among it."""
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._rest.clear()
            if self.transport is not None:
                self.transport.close()
            self.set_exception(HeadTooLarge(TOO_LARGE))

    def _hold(self) -> None:
        """While there is something left, nothing more is read."""
        if not self._rest:
            if not self._reading_paused and not self._buffer_paused:
                self._resume_transport_reading()
            return
        self._pause_transport_reading()
        if self._turn is None and not self._reading_paused:
            self._turn = self._loop.call_soon(self._go_on)

    def resume_reading(self, resume_parser: bool = True) -> None:
        super().resume_reading(resume_parser)
        if self._rest:
            self._hold()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        while self._rest:
            super().data_received(self._rest.popleft())
        super().connection_lost(exc)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head, from the parser."""
        code = data[0].code
        self._interim = self._interim + 1 if 100 <= code < 200 and code != 101 else 0
        if self._interim <= _MAX_INTERIM:
            super().feed_data(data, size)
        elif self._interim == _MAX_INTERIM + 1:
            self._rest.clear()
            self.set_exception(aiohttp.ClientPayloadError("the server sends interim responses without end"))
            if self.transport is not None:
                self.transport.close()


class _Connector(aiohttp.TCPConnector):
    """Pooled connections serve one guest after another, so two things matter more here than in the library.

    What a server sends on a connection that nobody uses would be taken for the next guest's answer (RFC 9112 9.2: an
    unsolicited response is an error); such a connection is not used again. And idle connections hold descriptors of a
    process that also needs them to be reached itself, so there are only so many.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_Protocol, Intake(), self._loop)  # type: ignore[assignment]  # of ours, which is one

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


def _socket_factory(policy: EgressPolicy) -> Callable[[Any], socket.socket]:
    def make_socket(address: Any) -> socket.socket:
        """The last gate: the address that is connected to, however it was spelled. Names were checked before."""
        family, kind, protocol, _, target = address
        policy.check_socket(str(target[0]))
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make_socket


def open_session(policy: EgressPolicy, resolver: Resolver, context: ssl.SSLContext) -> aiohttp.ClientSession:
    """A session that checks every address that it connects to. The caller closes it."""
    connector = _Connector(
        limit=0,
        ssl=context,
        resolver=_AllowedAddresses(policy, resolver),
        use_dns_cache=False,  # which would have one guest wait for a lookup that another has started
        socket_factory=_socket_factory(policy),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        read_bufsize=_READ_AHEAD_BYTES,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
    )
