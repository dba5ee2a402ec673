"""TCP for guests, with real sockets at the other end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.vm.conftest import Networked
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.net.network import Network


@asynccontextmanager
async def listening(
    engine: Engine, network: Network, address: str = "127.0.0.1:0"
) -> AsyncIterator[tuple[Puppet, int]]:
    """A guest with a listener as resource 0; the port."""
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await puppet.call(210, *puppet.put(encode_text(address) + b"\0")) == 0
        yield puppet, ports[0]


async def test_a_guest_accepts_reads_and_writes(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        assert await puppet.call(212, 1, 0) == err(11)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await puppet.ready_call(212, 1, 0) == 1
        writer.write(b"hello")
        assert await puppet.ready_call(103, 1, 1, BUFFER, 4096) == 5
        assert puppet.get(5) == b"hello"
        assert await puppet.call(104, 1, 1, *puppet.put(b"world!")) == 6
        assert await reader.readexactly(6) == b"world!"
        assert (puppet.guest.meter.net_ingress, puppet.guest.meter.net_egress) == (128 + 5, 6)
        writer.close()


async def test_accept_tells_the_peers_address(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            host, own = client.getsockname()
            expected = (1).to_bytes(4, "little") + encode_text(f"{host}:{own}")
            assert await puppet.ready_fetch(211, 1, 0) == expected


async def test_ipv6_peers_are_in_brackets(engine: Engine, network: Network) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with listening(engine, network, "[::1]:0") as (puppet, port):
        with socket.create_connection(("::1", port)) as client:
            expected = (1).to_bytes(4, "little") + encode_text(f"[::1]:{client.getsockname()[1]}")
            assert await puppet.ready_fetch(211, 1, 0) == expected


async def test_a_guest_that_is_not_read_from_has_to_wait(engine: Engine, network: Network) -> None:
    """Back-pressure: writes stop when the peer's buffers are full, and go on when it reads."""
    async with listening(engine, network) as (puppet, port):
        client = socket.create_connection(("127.0.0.1", port))
        client.setblocking(False)
        assert await puppet.ready_call(212, 1, 0) == 1
        sent = 0
        while (word := await puppet.call(104, 7, 1, BUFFER, 1 << 20)) != err(11):
            assert word >> 32 == 0
            sent += word
            assert sent < 1 << 30
        polls = puppet.guest.meter.polls
        for _ in range(50):
            await asyncio.sleep(0)
        assert puppet.guest.meter.polls <= polls + 2  # nobody polls a guest that waits
        loop = asyncio.get_running_loop()
        received = 0
        while received < sent:
            received += len(await loop.sock_recv(client, 1 << 20))
        assert await puppet.ready_call(104, 7, 1, BUFFER, 10) == 10
        client.close()


async def test_the_end_of_a_stream_is_zero_again_and_again(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)):
            assert await puppet.ready_call(212, 1, 0) == 1
        assert await puppet.ready_call(103, 1, 1, BUFFER, 10) == 0
        assert await puppet.ready_call(103, 1, 1, BUFFER, 10) == 0


async def test_half_close_ends_writing_and_leaves_reading(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await puppet.ready_call(212, 1, 0) == 1
        assert await puppet.call(105, 1, 1) == 0
        assert await reader.read() == b""
        assert await puppet.call(104, 1, 1, *puppet.put(b"late")) == err(9)
        writer.write(b"still")
        assert await puppet.ready_call(103, 1, 1, BUFFER, 10) == 5
        writer.close()


async def test_a_peer_that_resets_is_an_error(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        client = socket.create_connection(("127.0.0.1", port))
        assert await puppet.ready_call(212, 1, 0) == 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert await puppet.ready_call(103, 1, 1, BUFFER, 10) == err(9)
        assert await puppet.call(104, 1, 1, *puppet.put(b"x")) == err(9)


async def test_closing_a_listener_frees_the_port_and_the_place(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        assert network.budget.taken == 1
        assert await puppet.call(101, 0) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        assert network.budget.taken == 0


async def test_everything_is_closed_with_the_guest(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        client = socket.create_connection(("127.0.0.1", port))
        assert await puppet.ready_call(212, 1, 0) == 1
        await puppet.end()
        assert client.recv(10) == b""
        client.close()
        assert network.budget.taken == 0


async def test_two_waits_for_one_direction_release_the_older_one(engine: Engine, network: Network) -> None:
    """Section 15, 8: -2 at once; data then delivers 2 and -3 only."""
    async with listening(engine, network) as (puppet, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await puppet.ready_call(212, 1, 0) == 1
        words = await puppet.replay([(112,), (103, 1, 1, BUFFER, 10), (103, 2, 1, BUFFER, 10), (112,), (0, BUFFER, 5)])
        assert words[1:3] == [err(11), err(11)]
        assert puppet.get(5) == b"\x04" + (-2).to_bytes(4, "little", signed=True)
        queue: list[int] = []
        puppet.stop_draining()
        writer.write(b"x")
        await puppet.until(lambda: puppet.guest.tasks.wakers)
        queue += await puppet.wakers()
        assert queue == [2, -3]
        writer.close()
