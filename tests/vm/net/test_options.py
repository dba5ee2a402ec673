"""Sockets of guests send at once: Nagle's algorithm would add 40 ms to every answer in two pieces."""

import asyncio
import socket
import ssl

import pytest

from tests.vm.conftest import Authority, Networked
from tests.vm.puppet import BUFFER, Puppet
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.net.network import Network


def sends_at_once(puppet: Puppet, number: int) -> bool:
    connection: socket.socket = puppet.guest.table.get(number)._socket  # type: ignore[attr-defined]
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize("tls", [False, True])
async def test_accepted_and_connected_streams(
    engine: Engine, network: Network, authority: Authority, tls: bool
) -> None:
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with Puppet(engine, services=Networked(network)) as puppet:
        certificate, key = authority.issue("localhost")
        config = b"\1\0" + encode_text(certificate) + encode_text(key) if tls else b"\0"
        assert await puppet.call(210, *puppet.put(encode_text("127.0.0.1:0") + config)) == 0
        if tls:
            address = encode_text("localhost") + ports[0].to_bytes(2, "little") + b"\0"
            assert await puppet.call(214, *puppet.put(address)) == 1
        else:
            assert await puppet.call(213, *puppet.put(b"localhost"), ports[0]) == 1
        assert await puppet.ready_call(106, 1, 1) == 2
        assert await puppet.ready_call(212, 1, 0) == 3
        assert sends_at_once(puppet, 2)
        assert sends_at_once(puppet, 3)


async def test_streams_of_the_shared_tls_port(engine: Engine, network: Network, authority: Authority) -> None:
    assert network.tls_port is not None
    async with Puppet(engine, services=Networked(network)) as puppet:
        certificate, key = authority.issue("one.example")
        config = encode_text("one.example") + b"\0" + encode_text(certificate) + encode_text(key)
        assert await puppet.call(215, *puppet.put(config)) == 0
        context = ssl.create_default_context(cafile=str(authority.file))
        _, writer = await asyncio.open_connection(
            "127.0.0.1", network.tls_port.port, ssl=context, server_hostname="one.example"
        )
        assert await puppet.ready_call(212, 1, 0) == 1
        assert sends_at_once(puppet, 1)
        assert await puppet.call(104, 1, 1, *puppet.put(b"x", BUFFER)) == 1
        writer.close()
