"""WebSockets of guests as ocalls (docs/abi.md, 1110 to 1113, and 1120), with what no well-meaning guest does."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.vm.conftest import Networked, opened_network
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.vm.egress import EgressPolicy
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network

WAKER = 5
UNSUPPORTED, PENDING, INVALID, OVER, LIMITED = err(8), err(11), err(3), err(12), err(10)


def handshake(url: bytes, headers: bytes = b"", protocols: bytes = b"") -> bytes:
    return struct.pack("<III", len(url), len(headers), len(protocols)) + url + headers + protocols


@asynccontextmanager
async def server(handler: Any = None) -> AsyncIterator[bytes]:
    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(handler or hold, "127.0.0.1", 0, compression=None) as running:
        yield b"ws://127.0.0.1:%d/" % running.sockets[0].getsockname()[1]


async def opened(puppet: Puppet, url: bytes) -> int:
    """A resource whose connection is open."""
    number = await puppet.call(1110, *puppet.put(handshake(url)))
    assert number >> 32 == 0
    assert (await event(puppet, number))[0] == 1
    return number


async def event(puppet: Puppet, number: int) -> tuple[int, bytes]:
    """The next event: kind and data."""
    length = await puppet.ready_call(1111, WAKER, number, BUFFER, 1 << 20)
    assert length >> 32 == 0, hex(length)
    data = puppet.get(length)
    return int.from_bytes(data[:4], "little"), data[4:]


@pytest.mark.parametrize(
    "data",
    [
        b"", bytes(11), bytes(12), handshake(b"ws://h/") + b"x", handshake(b"ws://h/")[:-1], struct.pack("<III", 1 << 31, 1 << 31, 0),
        handshake(b"http://h/"), handshake(b"ws:///"), handshake(b"ws://"), handshake(b"WS://h/"), handshake(b"ws://h/a b"),
        handshake(b"ws://h/\r\nx: y"), handshake(b"ws://h/\0"), handshake(b"ws://h/\xc3\xa9"), handshake(b"ws://h:99999/"),
        handshake(b"ws://h/", b"a"), handshake(b"ws://h/", b"a\0b\0c"), handshake(b"ws://h/", b"a b\0c"), handshake(b"ws://h/", b"a\0b\r\nc: d"),
        handshake(b"ws://h/", b"\0a"), handshake(b"ws://h/", b"", b"a,b"), handshake(b"ws://h/", b"", b"a\0"), handshake(b"ws://h/", b"", b"a\r\n"),
    ],
)  # fmt: skip
async def test_handshakes_that_are_none(engine: Engine, network: Network, data: bytes) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await puppet.call(1110, *puppet.put(data)) == INVALID
        assert await puppet.call(101, 0) == err(7)
    assert network.budget.taken == 0


async def test_no_network_and_no_permission(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.call(1110, *puppet.put(handshake(b"ws://127.0.0.1/"))) == UNSUPPORTED
    async with opened_network(EgressPolicy()) as network, Puppet(engine, services=Networked(network)) as puppet:
        for url in (b"ws://127.0.0.1/", b"wss://[::1]:1/", b"ws://10.0.0.1/"):
            assert await puppet.call(1110, *puppet.put(handshake(url))) == err(17)
        number = await puppet.call(1110, *puppet.put(handshake(b"ws://localhost:1/")))
        kind, data = await event(puppet, number)
        assert (kind, data[:4]) == (5, b"\xee\x03\0\0")  # 1006
        assert b"not allowed here" in data
        assert await puppet.call(1102, number, BUFFER, 200) == len(data) - 4
    assert network.budget.taken == 0


async def test_other_resources_are_no_websockets(engine: Engine, network: Network) -> None:
    async with Puppet(engine, services=Networked(network), drain=False) as puppet:
        assert await puppet.call(201, 60_000) == 0
        for resource, expected in ((0, UNSUPPORTED), (1, err(7)), (-1, err(7))):
            assert await puppet.call(1111, WAKER, resource, BUFFER, 10) == expected
            assert await puppet.wakers() == [-1 - WAKER]
            assert await puppet.call(1112, resource, 1, BUFFER, 10) == expected
            assert await puppet.call(1113, resource, 0, BUFFER, 0) == expected
            assert await puppet.call(1120, resource, BUFFER, 1) == expected


async def test_a_websocket_is_no_other_resource(engine: Engine, network: Network) -> None:
    async with server() as url, Puppet(engine, services=Networked(network)) as puppet:
        number = await opened(puppet, url)
        for call in (
            (102, WAKER, number), (103, WAKER, number, BUFFER, 10), (104, WAKER, number, BUFFER, 10), (105, WAKER, number),
            (106, WAKER, number), (211, WAKER, number), (202, number, BUFFER, 10), (1101, WAKER, number, BUFFER, 10), (1120, number, BUFFER, 1),
        ):  # fmt: skip
            assert await puppet.call(*call) == UNSUPPORTED, call
        assert await puppet.call(1102, number, BUFFER, 10) == err(7)


async def test_wakers(engine: Engine, network: Network) -> None:
    """One that waits is woken by an event; one that is replaced, or whose resource goes, is released."""

    async def greet(connection: ServerConnection) -> None:
        await go.wait()
        await connection.send("hello")
        await connection.wait_closed()

    go = asyncio.Event()
    async with server(greet) as url, Puppet(engine, services=Networked(network)) as puppet:
        number = await opened(puppet, url)
        puppet.stop_draining()
        await puppet.until(lambda: not puppet.guest.in_poll)
        await puppet.wakers()
        assert await puppet.call(1111, 1, number, BUFFER, 100) == PENDING
        assert await puppet.call(1111, 2, number, BUFFER, 100) == PENDING
        assert await puppet.wakers() == [-2]
        go.set()
        await puppet.until(lambda: puppet.guest.tasks.wakers)
        assert await puppet.wakers() == [2, -3]
        assert await puppet.call(1111, 3, number, BUFFER, 100) == 4 + 5
        assert await puppet.wakers() == [-4]
        assert await puppet.call(1111, 4, number, BUFFER, 100) == PENDING
        assert await puppet.call(101, number) == 0
        assert await puppet.wakers() == [-5]
    assert network.budget.taken == 0


async def test_sending(engine: Engine, network: Network) -> None:
    """A message goes on only where one has begun; what does not fit waits; what is too late is dropped."""
    got: list[Any] = []

    async def listen(connection: ServerConnection) -> None:
        async for message in connection:
            got.append(message)

    async with server(listen) as url, Puppet(engine, services=Networked(network), pages=64) as puppet:
        number = await opened(puppet, url)
        puppet.put(b"a" * 100)
        for kind in (0, 3, 8, 9, 10, -1):
            assert await puppet.call(1112, number, kind, BUFFER, 10) == INVALID
        assert await puppet.call(1112, number, 1, BUFFER, 10) == 10
        assert await puppet.call(1112, number, 2, BUFFER, 0) == 0
        large = 1_000_000
        taken = await puppet.call(1112, number, 2, BUFFER, large)
        assert 0 < taken <= 65536
        assert await puppet.call(1112, number, 2, BUFFER, 10) in (INVALID, PENDING)
        while taken < large:
            more = await puppet.call(1112, number, 0, BUFFER, large - taken)
            if more == PENDING:
                assert await event(puppet, number) == (6, b"")
            else:
                taken += more
        await puppet.until(lambda: len(got) == 3)
        assert (got[:2], len(got[2])) == (["a" * 10, b""], large)
        assert await puppet.call(1113, number, 1000, BUFFER, 0) == 0
        assert await puppet.call(1112, number, 1, BUFFER, 10) == 10
        kinds = [6]
        while kinds[-1] != 5:
            kinds.append((await event(puppet, number))[0])
        assert [kind for kind in kinds if kind != 6] == [4, 5]
        assert await puppet.call(1111, WAKER, number, BUFFER, 100) == OVER
        assert await puppet.call(1112, number, 1, BUFFER, 10) == 10
        assert await puppet.call(1113, number, 1000, BUFFER, 0) == 0
    assert len(got) == 3


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (0, b"", 0), (1000, b"", 0), (1001, b"bye", 0), (4999, "ü".encode() * 61, 0), (0, b"x", INVALID), (999, b"", INVALID),
        (1004, b"", INVALID), (1005, b"", INVALID), (1006, b"", INVALID), (1015, b"", INVALID), (2999, b"", INVALID), (5000, b"", INVALID),
        (-1, b"", INVALID), (66536, b"", INVALID), (1000, b"\xff", INVALID), (1000, b"x" * 124, INVALID),
    ],
)  # fmt: skip
async def test_closing(engine: Engine, network: Network, code: int, reason: bytes, expected: int) -> None:
    async with server() as url, Puppet(engine, services=Networked(network)) as puppet:
        number = await opened(puppet, url)
        assert await puppet.call(1113, number, code, *puppet.put(reason)) == expected
        if expected == 0:
            assert await event(puppet, number) == (4, b"")
            assert await event(puppet, number) == (5, struct.pack("<HBB", code or 1005, 1, len(reason)) + reason)


async def test_pointers_are_checked(engine: Engine, network: Network) -> None:
    """As for every call: a range outside its memory is the guest's end."""
    for call in (
        (1110, -16, 32),
        (1111, WAKER, 0, -16, 32),
        (1112, 0, 1, -16, 32),
        (1113, 0, 1000, -16, 32),
        (1120, 0, -16, 32),
    ):
        async with server() as url, Puppet(engine, services=Networked(network)) as puppet:
            await opened(puppet, url)
            result = await puppet.call(*call) if not puppet.ended else None
            assert result is None or result >> 32 or puppet.ended, call
    assert network.budget.taken == 0


async def test_a_message_that_does_not_fit_into_the_buffer(engine: Engine, network: Network) -> None:
    """It waits in the return slot; one beyond the limit, or beyond what is kept for a guest, is never there."""

    async def send(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(b"x" * int(connection.request.path[1:]))
        await connection.wait_closed()

    limits = GuestLimits(websocket_message_bytes=200_000, memory_bytes=8 << 20, request_body_bytes=300_000)
    async with server(send) as url, Puppet(engine, services=Networked(network), limits=limits) as puppet:
        number = await opened(puppet, url + b"6000")
        puppet.put(bytes(6004))
        while (words := await puppet.replay([(1111, WAKER, number, BUFFER, 6003), (0, BUFFER, 6004)]))[0] == PENDING:
            await puppet.woken()
        assert words[0] == 6004
        assert words[1] >> 32 == 0
        assert puppet.get(6004) == b"\3\0\0\0" + b"x" * 6000
        number = await opened(puppet, url + b"200001")
        assert (await event(puppet, number))[0] == 4
        kind, data = await event(puppet, number)
        assert (kind, data[:4]) == (5, b"\xee\x03\0\0")
        assert data[4:] == b"a message is larger than is allowed"


async def test_unfinished_messages_have_a_bound_together(engine: Engine, network: Network) -> None:
    """What a guest's connections keep for it counts, whether or not a message is complete."""

    async def begin(connection: ServerConnection) -> None:
        connection.transport.write(
            b"\x02\x7f" + (1_500_000).to_bytes(8, "big") + bytes(1_500_000)
        )  # not the last frame
        await connection.wait_closed()

    limits = GuestLimits(memory_bytes=8 << 20, request_body_bytes=1)
    async with server(begin) as url, Puppet(engine, services=Networked(network), limits=limits) as puppet:
        guest = puppet.guest
        assert limits.held_body_bytes == 4 << 20
        first, second = await opened(puppet, url), await opened(puppet, url)
        await puppet.until(lambda: guest.held_body_bytes > 3_000_000)
        third = await opened(puppet, url)
        assert (await event(puppet, third))[0] == 4
        kind, data = await event(puppet, third)
        assert (kind, data[4:]) == (5, b"the message does not fit into the memory that is left for it")
        assert guest.held_body_bytes < 3_100_000
        for number in (first, second):
            assert await puppet.call(101, number) == 0
        assert guest.held_body_bytes < 1000


async def test_many_empty_fragments_are_not_nothing(engine: Engine, network: Network) -> None:
    """They take the host's memory, so they count."""

    async def drip(connection: ServerConnection) -> None:
        connection.transport.write(b"\x02\x00" + b"\x00\x00" * 100_000)
        await connection.wait_closed()

    limits = GuestLimits(memory_bytes=4 << 20, request_body_bytes=1)
    async with server(drip) as url, Puppet(engine, services=Networked(network), limits=limits) as puppet:
        number = await opened(puppet, url)
        assert (await event(puppet, number))[0] == 4
        assert b"does not fit" in (await event(puppet, number))[1]


async def test_how_many_there_may_be(engine: Engine, network: Network) -> None:
    limits = GuestLimits(websockets=2)
    async with server() as url, Puppet(engine, services=Networked(network), limits=limits) as puppet:
        first, _second = await opened(puppet, url), await opened(puppet, url)
        assert await puppet.call(1110, *puppet.put(handshake(url))) == LIMITED
        assert await puppet.call(101, first) == 0
        await opened(puppet, url)
        network.budget.total, total = network.budget.taken + 1, network.budget.total
        assert await puppet.call(1110, *puppet.put(handshake(url))) == LIMITED
        network.budget.total = total
    await puppet.until(lambda: network.budget.taken == 0)


async def test_start_tls_takes_the_stream(engine: Engine, network: Network) -> None:
    """A name that no certificate can have leaves it as it was."""

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())
        writer.close()

    got: list[bytes] = []
    running = await asyncio.start_server(quiet, "127.0.0.1", 0)
    async with running, Puppet(engine, services=Networked(network)) as puppet:
        port = running.sockets[0].getsockname()[1]
        connector = await puppet.call(213, *puppet.put(b"127.0.0.1"), port)
        stream = await puppet.ready_call(106, WAKER, connector)
        for name in (b"", b"a b", b"\xff", b"x" * 254, b"a\0b"):
            assert await puppet.call(1120, stream, *puppet.put(name)) >> 32, name
        assert await puppet.ready_call(104, WAKER, stream, *puppet.put(b"plain")) == 5
        upgrade = await puppet.call(1120, stream, *puppet.put(b"localhost"))
        assert await puppet.call(1120, stream, *puppet.put(b"localhost")) in (UNSUPPORTED, err(7))
        secured = await puppet.ready_call(106, WAKER, upgrade)
        assert secured >> 32 == 0
        assert await puppet.call(103, WAKER, secured, BUFFER, 0) == PENDING  # the handshake
        assert await puppet.call(101, upgrade) == 0
        assert await puppet.call(101, secured) == 0
        await puppet.until(lambda: len(got) == 1)
        assert got[0][:5] == b"plain"
        assert got[0][5:6] == b"\x16"  # a TLS record: ClientHello
    assert network.budget.taken == 0
