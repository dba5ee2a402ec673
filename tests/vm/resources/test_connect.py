"""Connections out: lazy, through one policy, checked on the address really connected to."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import pytest

from tests.vm.conftest import Authority, Networked, opened_network
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.dialer import Dialer
from wapo.vm.net.network import Network
from wapo.vm.net.tls_config import TrustRoots

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def serving(serve: Serve = echo, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def connect(puppet: Puppet, host: str, port: int) -> int:
    return await puppet.call(213, *puppet.put(host.encode()), port)


async def connect_tls(puppet: Puppet, host: str, port: int) -> int:
    return await puppet.call(214, *puppet.put(encode_text(host) + port.to_bytes(2, "little") + b"\0"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
async def test_a_guest_connects_by_address_and_by_name(engine: Engine, network: Network, host: str) -> None:
    async with serving() as port, Puppet(engine, services=Networked(network)) as puppet:
        assert await connect(puppet, host, port) == 0
        assert await puppet.ready_call(106, 1, 0) == 1
        assert await puppet.call(101, 0) == 0
        assert await puppet.ready_call(104, 1, 1, *puppet.put(b"ping")) == 4
        assert await puppet.ready_call(103, 1, 1, BUFFER, 100) == 4
        assert puppet.get(4) == b"ping"
        meter = puppet.guest.meter
        assert (meter.net_egress, meter.net_ingress) == (512 + 4, 512 + 4)


async def test_a_failure_that_nobody_thought_of_is_error_9(
    engine: Engine, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> socket.socket:
        raise RuntimeError("something else")

    monkeypatch.setattr(network.dialer, "connect", fail)
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await connect(puppet, "127.0.0.1", 1) == 0
        async with asyncio.timeout(5):
            assert await puppet.ready_call(106, 1, 0) == err(9)


async def test_nothing_touches_the_network_before_the_first_poll(engine: Engine, network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        async with Puppet(engine, services=Networked(network)) as puppet:
            assert await connect(puppet, "127.0.0.1", server.getsockname()[1]) == 0
            for _ in range(20):
                await asyncio.sleep(0)
            with pytest.raises(BlockingIOError):
                server.accept()


async def test_a_finished_connector_has_nothing_more_to_give(engine: Engine, network: Network) -> None:
    """The original crashed the instance (quirk 10)."""
    async with serving() as port, Puppet(engine, services=Networked(network)) as puppet:
        await connect(puppet, "127.0.0.1", port)
        assert await puppet.ready_call(106, 1, 0) == 1
        assert await puppet.call(106, 1, 0) == err(9)


async def test_a_refused_connection_is_an_error(engine: Engine, network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with Puppet(engine, services=Networked(network)) as puppet:
        await connect(puppet, "127.0.0.1", port)
        assert await puppet.ready_call(106, 1, 0) == err(9)
        assert await puppet.call(106, 1, 0) == err(9)
        assert network.budget.taken == 0


async def test_a_name_that_does_not_exist_is_an_error(engine: Engine, network: Network) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        await connect(puppet, "does-not-exist.invalid", 80)
        assert await puppet.ready_call(106, 1, 0) == err(9)


async def test_closing_a_connector_cancels_the_attempt(engine: Engine, network: Network) -> None:
    with socket.socket() as full:  # a backlog of none that nobody accepts from: connecting to it waits
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with Puppet(engine, services=Networked(network)) as puppet:
            await connect(puppet, "127.0.0.1", full.getsockname()[1])
            assert await puppet.call(106, 7, 0) == err(11)
            assert network.budget.taken == 1
            assert await puppet.call(101, 0) == 0
            assert network.budget.taken == 0
        for filler in fillers:
            filler.close()
    assert not [task for task in asyncio.all_tasks() if "TcpConnect" in repr(task.get_coro()) and not task.cancelling()]


@pytest.mark.parametrize(
    ("host", "port", "code"),
    [("a" * 254, 80, 3), (b"\xff", 80, 4), ("example.com", 65536, 4), ("", 80, 9)],
)
async def test_bad_arguments(engine: Engine, network: Network, host: Any, port: int, code: int) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        data = host if isinstance(host, bytes) else host.encode()
        word = await puppet.call(213, *puppet.put(data), port)
        assert word == err(code) or (code == 9 and await puppet.ready_call(106, 1, word) == err(9))


PRIVATE = [
    "127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0.0.0.0", "::1", "::",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "fe80::1", "fc00::1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "[::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
async def test_private_addresses_are_refused_in_every_spelling(engine: Engine, host: str) -> None:
    """17 at the call where the text says it, 9 at the connection where only the address does; nobody gets through."""
    async with serving() as port, opened_network(EgressPolicy()) as network:
        services = Networked(network)
        async with Puppet(engine, services=services) as puppet:
            word = await connect(puppet, host, port)
            if word >> 32 == 0:
                assert await puppet.ready_call(106, 1, word) == err(9)
            else:
                assert word == err(17)
            assert puppet.guest.meter.net_ingress == 0


async def test_a_name_that_leads_to_a_denied_address_is_refused_and_the_log_says_so(engine: Engine) -> None:
    async with serving() as port, opened_network(EgressPolicy()) as network:
        services = Networked(network)
        async with Puppet(engine, services=services) as puppet:
            assert await connect(puppet, "localhost", port) == 0
            assert await puppet.ready_call(106, 1, 0) == err(9)
            assert any("127.0.0.1 is not allowed" in text for _, text in services.lines)


async def test_a_denied_name_is_forbidden_whatever_its_case(engine: Engine) -> None:
    policy = EgressPolicy(deny=("Example.com", "10.9.0.0/16"), allow_private=True)
    async with opened_network(policy) as network, Puppet(engine, services=Networked(network)) as puppet:
        for host in ("example.com", "EXAMPLE.COM", "example.com.", "10.9.1.2"):
            assert await connect(puppet, host, 80) == err(17)
            assert await connect_tls(puppet, host, 80) == err(17)


async def test_tls_talks_to_a_server_that_it_can_trust(engine: Engine, network: Network, authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = authority.issue("localhost", "127.0.0.1")
    file = authority.file.parent / "server.pem"
    file.write_text(certificate + key)
    context.load_cert_chain(file)
    async with serving(context=context) as port, Puppet(engine, services=Networked(network)) as puppet:
        for host in ("localhost", "127.0.0.1"):
            connector = await connect_tls(puppet, host, port)
            stream = await puppet.ready_call(106, 1, connector)
            assert await puppet.ready_call(104, 1, stream, *puppet.put(b"ping")) == 4
            assert await puppet.ready_call(103, 1, stream, BUFFER, 100) == 4
            assert puppet.get(4) == b"ping"
            await puppet.call(101, stream)


async def test_roots_are_read_elsewhere_and_if_they_cannot_be_it_is_an_error(
    engine: Engine, authority: Authority
) -> None:
    """Not on the event loop's thread, and not before somebody wants them."""
    readers: list[str] = []

    class Watched(TrustRoots):
        @cached_property
        def context(self) -> ssl.SSLContext:
            readers.append(threading.current_thread().name)
            return super().context

    async with serving() as port:
        for roots in (Watched(), TrustRoots(("/does/not/exist.pem",))):
            async with opened_network(EgressPolicy(allow_private=True)) as network:
                network.roots = roots
                async with Puppet(engine, services=Networked(network)) as puppet:
                    connector = await connect_tls(puppet, "localhost", port)
                    word = await puppet.ready_call(106, 1, connector)
                    assert word == (1 if isinstance(roots, Watched) else err(9))
                assert network.budget.taken == 0
    assert readers
    assert threading.current_thread().name not in readers


@pytest.mark.parametrize("kind", ["other name", "expired", "unknown authority"])
async def test_a_bad_certificate_is_error_9_of_the_first_write(
    engine: Engine, network: Network, authority: Authority, kind: str
) -> None:
    """Section 15, 18: the connection is made, the handshake is not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    name = "example.com" if kind == "other name" else "localhost"
    certificate, key = authority.issue(name, expired=kind == "expired")
    file = authority.file.parent / "bad.pem"
    file.write_text(certificate + key)
    context.load_cert_chain(file)
    if kind == "unknown authority":
        network = Network(EgressPolicy(allow_private=True), network.resolver)
    async with serving(context=context) as port, Puppet(engine, services=Networked(network)) as puppet:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side of a failed handshake
        assert await connect_tls(puppet, "localhost", port) == 0
        assert await puppet.ready_call(106, 1, 0) == 1
        assert await puppet.ready_call(104, 1, 1, *puppet.put(b"secret")) == err(9)


@pytest.mark.parametrize("host", ["", "a b", "-a.example", "a..b", "a" * 64 + ".example", "ä.example"])
async def test_tls_hosts_must_be_names_or_addresses(engine: Engine, network: Network, host: str) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await connect_tls(puppet, host, 443) == err(3)


async def socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[tuple[str, int]]) -> None:
    """A proxy as RFC 1928 has it, without authentication, that connects to loopback whatever it is asked for."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(b"\5\0")
    _, _, _, kind = await reader.readexactly(4)
    if kind == 1:
        host = socket.inet_ntoa(await reader.readexactly(4))
    else:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    port = int.from_bytes(await reader.readexactly(2), "big")
    asked.append((host, port))
    writer.write(b"\5\0\0\1\0\0\0\0\0\0")
    await echo(reader, writer)


@pytest.mark.parametrize(
    ("variables", "host", "expected"),
    [
        ({"all_proxy": "socks5h://127.0.0.1:{port}"}, "some.example", "some.example"),
        ({"all_proxy": "socks5://127.0.0.1:{port}"}, "localhost", "127.0.0.1"),
        ({"all_proxy": "socks5://nowhere:1", "i2p_proxy": "socks5h://127.0.0.1:{port}"}, "site.i2p", "site.i2p"),
    ],
)
async def test_proxies_of_the_hosts_environment(
    engine: Engine, network: Network, variables: dict[str, str], host: str, expected: str
) -> None:
    asked: list[tuple[str, int]] = []
    async with serving(lambda r, w: socks5(r, w, asked)) as proxy_port:
        environment = {name: value.format(port=proxy_port) for name, value in variables.items()}
        network.dialer = Dialer(network.policy, network.resolver, environment)
        async with Puppet(engine, services=Networked(network)) as puppet:
            assert await connect(puppet, host, 4321) == 0
            assert await puppet.ready_call(106, 1, 0) == 1
            assert await puppet.ready_call(104, 1, 1, *puppet.put(b"ping")) == 4
            assert await puppet.ready_call(103, 1, 1, BUFFER, 100) == 4
    assert asked == [(expected, 4321)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "socks5://127.0.0.1", "socks5://u:p@127.0.0.1:1", "nonsense"])
async def test_nothing_goes_around_a_proxy_that_cannot_be_used(engine: Engine, network: Network, url: str) -> None:
    async with serving() as port:
        network.dialer = Dialer(network.policy, network.resolver, {"all_proxy": url})
        async with Puppet(engine, services=Networked(network)) as puppet:
            await connect(puppet, "127.0.0.1", port)
            assert await puppet.ready_call(106, 1, 0) == err(9)


async def test_a_proxy_is_not_asked_for_private_addresses_in_disguise(engine: Engine) -> None:
    asked: list[tuple[str, int]] = []
    async with serving(lambda r, w: socks5(r, w, asked)) as proxy_port, opened_network(EgressPolicy()) as network:
        environment = {"all_proxy": f"socks5h://127.0.0.1:{proxy_port}"}
        network.dialer = Dialer(network.policy, network.resolver, environment)
        async with Puppet(engine, services=Networked(network)) as puppet:
            assert await connect(puppet, "127.1", 80) == 0
            assert await puppet.ready_call(106, 1, 0) == err(9)
    assert asked == []


async def test_sockets_are_counted_and_the_last_ones_are_refused(engine: Engine, network: Network) -> None:
    """No owner gets more than is left for all others, so they still have sockets when one has taken all that it can."""
    network.budget.total = 8
    async with serving() as port:
        async with (
            Puppet(engine, services=Networked(network), owner="greedy") as greedy,
            Puppet(engine, services=Networked(network), owner="modest") as modest,
        ):
            words = []
            for _ in range(6):
                connector = await connect(greedy, "127.0.0.1", port)
                words.append(await greedy.ready_call(106, 1, connector))
            assert [word == err(10) for word in words] == [False] * 4 + [True] * 2
            await connect(modest, "127.0.0.1", port)
            assert await modest.ready_call(106, 1, 0) == 1
        assert network.budget.taken == 0
