"""Every operation on every kind of resource (wapo-abi.md 5.3), and the waker message of each (1.7)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from tests.vm.conftest import Authority, Networked
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.inputs import offer_http, offer_query
from wapo.vm.net.network import Network

WAKER = 5
UNSUPPORTED, PENDING, INVALID = err(8), err(11), err(3)


@dataclass
class Scene:
    """A guest, and what is there for it to hold."""

    puppet: Puppet
    network: Network
    authority: Authority
    ports: list[int]
    stack: AsyncExitStack

    async def listen(self, *, tls: bool = False) -> int:
        config = b"\0"
        if tls:
            certificate, key = self.authority.issue("localhost")
            config = b"\1\0" + encode_text(certificate) + encode_text(key)
        return await self.puppet.call(210, *self.puppet.put(encode_text("127.0.0.1:0") + config))

    async def accepted(self, *, tls: bool = False) -> int:
        """A connection whose client says nothing; its listener is closed."""
        listener = await self.listen(tls=tls)
        self.stack.enter_context(socket.create_connection(("127.0.0.1", self.ports[0])))
        stream = await self.puppet.ready_call(212, 99, listener)
        assert await self.puppet.call(101, listener) == 0
        return stream

    async def connector(self, number: int) -> int:
        """To a port that takes connections without anybody answering."""
        server = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = server.getsockname()[1]
        if number == 213:
            return await self.puppet.call(213, *self.puppet.put(b"127.0.0.1"), port)
        return await self.puppet.call(
            214, *self.puppet.put(encode_text("localhost") + port.to_bytes(2, "little") + b"\0")
        )

    async def subscription(self) -> int:
        certificate, key = self.authority.issue("app.example")
        data = encode_text("app.example") + b"\0" + encode_text(certificate) + encode_text(key)
        return await self.puppet.call(215, *self.puppet.put(data))

    async def streaming(self) -> int:
        """A connection of the shared TLS port, whose handshake is done."""
        subscription = await self.subscription()
        assert self.network.tls_port is not None
        opening = asyncio.create_task(
            asyncio.open_connection(
                "127.0.0.1", self.network.tls_port.port, server_hostname="app.example",
                ssl=ssl.create_default_context(cafile=str(self.authority.file)),
            )
        )  # fmt: skip
        stream = await self.puppet.ready_call(212, 99, subscription)
        _, writer = await opening
        self.stack.callback(writer.close)
        assert await self.puppet.call(101, subscription) == 0
        return stream

    async def oneshot(self) -> int:
        channel = await self.puppet.fetch(240, 3)
        assert channel == bytes(4)
        offer_query(self.puppet.guest, None, "/", b"", lambda _reply: None)
        return 1

    async def duplex(self) -> int:
        await self.puppet.call(240, 4)
        offer_http(self.puppet.guest, "GET", "http://h/", [], lambda _reply: None)
        return 2

    async def channel(self) -> int:
        await self.puppet.call(240, 3)
        return 0


KINDS: dict[str, Callable[[Scene], Awaitable[int]]] = {
    "timer": lambda scene: scene.puppet.call(201, 60_000),
    "channel": Scene.channel,
    "oneshot": Scene.oneshot,
    "tcp listener": Scene.listen,
    "tls listener": lambda scene: scene.listen(tls=True),
    "tcp": Scene.accepted,
    "tls handshaking": lambda scene: scene.accepted(tls=True),
    "tls streaming": Scene.streaming,
    "tcp connect": lambda scene: scene.connector(213),
    "tls connect": lambda scene: scene.connector(214),
    "duplex": Scene.duplex,
    "sni": Scene.subscription,
    "hash": lambda scene: scene.puppet.call(1021, 2),
}

#: Parameters after the number, by operation; R is the resource.
R = -4711
CALLS: dict[int, tuple[int, ...]] = {
    102: (WAKER, R), 103: (WAKER, R, BUFFER, 10), 104: (WAKER, R, BUFFER, 10), 105: (WAKER, R), 106: (WAKER, R),
    211: (WAKER, R), 212: (WAKER, R), 202: (R, BUFFER, 10), 204: (R, BUFFER, 10), 203: (R, 60_000),
}  # fmt: skip
WITH_WAKER = (102, 103, 104, 105, 106, 211, 212)

#: What a kind has; anything else is 8, and 3 for 203.
SUPPORTED: dict[str, dict[int, int]] = {
    "timer": {103: PENDING, 203: 0},
    "channel": {102: PENDING},
    "oneshot": {202: 0, 204: 0},
    "tcp listener": {211: PENDING, 212: PENDING},
    "tls listener": {211: PENDING, 212: PENDING},
    "tcp": {103: PENDING, 104: 10, 105: 0},
    "tls handshaking": {103: PENDING, 104: PENDING, 105: 0},
    "tls streaming": {103: PENDING, 104: 10, 105: 0},
    "tcp connect": {106: PENDING},
    "tls connect": {106: PENDING},
    "duplex": {103: PENDING, 104: 10, 105: 0},
    "sni": {211: PENDING, 212: PENDING},
    "hash": {},
}


@pytest.fixture
async def scene(engine: Engine, network: Network, authority: Authority) -> AsyncIterator[Scene]:
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with AsyncExitStack() as stack:
        puppet = await stack.enter_async_context(Puppet(engine, services=Networked(network)))
        yield Scene(puppet, network, authority, ports, stack)
    assert network.budget.taken == 0


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("kind", KINDS)
async def test_operation(scene: Scene, kind: str, number: int) -> None:
    """What it answers; and of its waker: a message at once, or, if it waits, when the resource goes."""
    puppet = scene.puppet
    resource = await KINDS[kind](scene)
    assert resource >> 32 == 0
    expected = SUPPORTED[kind].get(number, INVALID if number == 203 else UNSUPPORTED)
    puppet.stop_draining()
    await puppet.until(lambda: not puppet.guest.in_poll)
    await puppet.wakers()
    parameters = [resource if p == R else p for p in CALLS[number]]
    assert await puppet.call(number, *parameters) == expected
    if number in WITH_WAKER and expected != PENDING:
        assert await puppet.wakers() == [-1 - WAKER]
    else:
        assert await puppet.wakers() == []
    assert await puppet.call(101, resource) == 0
    assert await puppet.wakers() == ([-1 - WAKER] if expected == PENDING else [])
    assert await puppet.call(101, resource) == err(7)


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("resource", [0, 99, 8191, 8192, -1, -(1 << 31), (1 << 31) - 1])
async def test_numbers_that_are_nobodys(engine: Engine, number: int, resource: int) -> None:
    """Negative or unused: 7, and the waker is given back at once."""
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.call(number, *[resource if p == R else p for p in CALLS[number]]) == err(7)
        assert await puppet.wakers() == ([-1 - WAKER] if number in WITH_WAKER else [])
        assert await puppet.call(101, resource) == err(7)


async def test_an_expired_timer_answers_until_it_is_armed_again(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.call(201, 1) == 0
        assert await puppet.ready_call(103, 1, 0, 0, 0) == 0
        assert await puppet.replay([(103, 1, 0, 0, 0), (103, 1, 0, BUFFER, 99), (203, 0, 60_000), (103, 1, 0, 0, 0)]) == [
            0, 0, 0, err(11),
        ]  # fmt: skip


@pytest.mark.parametrize("milliseconds", [-1, -(1 << 31), (1 << 31) - 1])
async def test_a_timer_of_practically_never(engine: Engine, milliseconds: int) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.replay([(201, milliseconds), (103, 1, 0, 0, 0), (203, 0, milliseconds)]) == [0, err(11), 0]
        await asyncio.sleep(0.01)
        assert await puppet.call(103, 1, 0, 0, 0) == err(11)


async def test_a_registration_stays_when_its_timer_is_armed_anew(engine: Engine) -> None:
    """Its waker is neither woken nor released; it fires at the new time."""
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(201, 60_000), (103, 3, 0, 0, 0), (203, 0, 1)]) == [0, err(11), 0]
        assert await puppet.wakers() == []
        await puppet.until(lambda: puppet.guest.tasks.wakers)
        assert await puppet.wakers() == [3, -4]


async def test_a_resource_that_finds_no_room_is_destroyed(scene: Scene) -> None:
    """An accepted connection is closed for its peer; a connector's, likewise (5.1, 5.3)."""
    puppet = scene.puppet
    listener = await scene.listen()
    server = scene.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    connector = await puppet.call(213, *puppet.put(b"127.0.0.1"), server.getsockname()[1])
    assert await puppet.call(106, 1, connector) == err(11)
    await puppet.woken()
    while (await puppet.replay([(201, 1_000_000)] * 500))[-1] != err(10):
        pass
    with socket.create_connection(("127.0.0.1", scene.ports[0])) as client:
        assert await puppet.ready_call(212, 1, listener) == err(10)
        assert client.recv(1) == b""
    assert await puppet.ready_call(106, 1, connector) == err(10)
    accepted, _ = server.accept()
    assert accepted.recv(1) == b""
    accepted.close()
    assert await puppet.call(106, 1, connector) == err(9)
    assert scene.network.budget.taken == 1
