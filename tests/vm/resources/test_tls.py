"""TLS for guests: listeners, and the shared port routed by server name; Python's own client at the other end."""

import asyncio
import contextlib
import gc
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.vm.conftest import Authority, Networked, pem_of
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.guest import Guest
from wapo.vm.net import tls_port
from wapo.vm.net.network import Network


def server_config(certificate: str, key: str) -> bytes:
    return b"\0" + encode_text(certificate) + encode_text(key)


def client_context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


@asynccontextmanager
async def listening(engine: Engine, network: Network, certificate: str, key: str) -> AsyncIterator[tuple[Puppet, int]]:
    """A guest with a TLS listener as resource 0; the port."""
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with Puppet(engine, services=Networked(network)) as puppet:
        data = encode_text("127.0.0.1:0") + b"\1" + server_config(certificate, key)
        assert await puppet.call(210, *puppet.put(data)) == 0
        yield puppet, ports[0]


async def test_a_tls_listener_talks_to_a_client(engine: Engine, network: Network, authority: Authority) -> None:
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        client = asyncio.create_task(
            asyncio.open_connection("127.0.0.1", port, ssl=client_context(authority), server_hostname="localhost")
        )
        assert await puppet.ready_call(212, 1, 0) == 1
        meter = puppet.guest.meter
        assert (meter.net_ingress, meter.net_egress) == (128 + 1024, 1024)
        reading = asyncio.create_task(puppet.ready_call(103, 1, 1, BUFFER, 4096))
        reader, writer = await client
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() is None
        writer.write(b"hello")
        assert await reading == 5
        assert puppet.get(5) == b"hello"
        assert await puppet.ready_call(104, 1, 1, *puppet.put(b"world")) == 5
        assert await reader.readexactly(5) == b"world"
        writer.close()


async def test_accepting_does_not_wait_for_the_handshake(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """Section 15, 17: and a handshake that fails is error 9 of the first read."""
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert await puppet.ready_call(212, 1, 0) == 1
            assert await puppet.call(103, 1, 1, BUFFER, 10) == err(11)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert await puppet.ready_call(103, 1, 1, BUFFER, 10) == err(9)
            assert await puppet.call(104, 1, 1, BUFFER, 10) == err(9)
            assert await puppet.call(105, 1, 1) == err(9)


async def test_a_clean_end_reads_as_zero_a_ragged_one_as_an_error(
    engine: Engine, network: Network, authority: Authority
) -> None:
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):

        def client(*, clean: bool) -> None:
            raw = socket.create_connection(("127.0.0.1", port))
            with client_context(authority).wrap_socket(raw, server_hostname="localhost") as wrapped:
                wrapped.sendall(b"x")
                if clean:
                    wrapped.unwrap().close()
                else:
                    wrapped.shutdown(socket.SHUT_WR)
                    wrapped.recv(1)

        for clean, expected in ((True, 0), (False, err(9))):
            thread = asyncio.create_task(asyncio.to_thread(client, clean=clean))
            stream = await puppet.ready_call(212, 1, 0)
            assert await puppet.ready_call(103, 1, stream, BUFFER, 10) == 1
            assert await puppet.ready_call(103, 1, stream, BUFFER, 10) == expected
            await puppet.call(105, 1, stream)
            await puppet.call(101, stream)
            await thread


async def test_there_is_no_half_close(engine: Engine, network: Network, authority: Authority) -> None:
    """Section 15, 19: after a shutdown nothing can be read."""
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        client = asyncio.create_task(
            asyncio.open_connection("127.0.0.1", port, ssl=client_context(authority), server_hostname="localhost")
        )
        assert await puppet.ready_call(212, 1, 0) == 1
        assert await puppet.ready_call(104, 1, 1, *puppet.put(b"bye")) == 3
        assert await puppet.ready_call(105, 1, 1) == 0
        assert await puppet.call(103, 1, 1, BUFFER, 10) == err(9)
        reader, writer = await client
        assert await reader.read() == b"bye"
        writer.close()


async def test_a_task_that_writes_does_not_silence_one_that_reads(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """Both wait for the peer's half of the handshake; each has a place of its own, and both hear when it is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        data = encode_text("localhost") + server.getsockname()[1].to_bytes(2, "little") + b"\0"
        async with Puppet(engine, services=Networked(network)) as puppet:
            connector = await puppet.call(214, *puppet.put(data))
            stream = await puppet.ready_call(106, 1, connector)
            puppet.stop_draining()
            await puppet.wakers()
            assert await puppet.call(103, 1, stream, BUFFER, 10, task=1) == err(11)
            assert await puppet.call(104, 2, stream, BUFFER, 10, task=2) == err(11)
            assert await puppet.wakers() == []
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            pem = authority.file.parent / "both.pem"
            pem.write_text("".join(authority.issue("localhost")))
            context.load_cert_chain(pem)

            def answer() -> bytes:
                with context.wrap_socket(server.accept()[0], server_side=True) as connection:
                    return connection.recv(10)

            answering = asyncio.create_task(asyncio.to_thread(answer))
            await puppet.until(lambda: puppet.guest.tasks.wakers)
            assert await puppet.wakers() == [1, -2, 2, -3]
            assert await puppet.call(103, 1, stream, BUFFER, 10, task=1) == err(11)
            assert await puppet.call(104, 2, stream, *puppet.put(b"0123456789"), task=2) == 10
            assert await answering == b"0123456789"


async def test_who_waits_hears_of_the_end_of_a_handshake_that_somebody_else_drove(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """A server's reader drives it to its end; a writer that waited for it can write now, and would wait for ever."""
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setblocking(False)
        context = client_context(authority)
        client = context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
        stream = await puppet.ready_call(212, 1, 0)
        puppet.stop_draining()
        await puppet.wakers()
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        assert await puppet.call(104, 2, stream, BUFFER, 10) == err(11)
        await puppet.until(lambda: not puppet.guest.tasks.pending)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()  # its half is in the server's socket now, before the loop has looked
        assert puppet.replay_now([(103, 3, stream, BUFFER, 10)]) == [err(11)]
        assert await puppet.wakers() == [2, -3]
        assert await puppet.call(104, 2, stream, BUFFER, 10) == 10
        client.close()


async def test_who_reads_hears_of_a_shutdown(engine: Engine, network: Network, authority: Authority) -> None:
    """Nothing can be read any more, and nobody else would say so."""
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        client = asyncio.create_task(
            asyncio.open_connection("127.0.0.1", port, ssl=client_context(authority), server_hostname="localhost")
        )
        stream = await puppet.ready_call(212, 1, 0)
        assert await puppet.ready_call(104, 1, stream, BUFFER, 10) == 10
        _, writer = await client
        puppet.stop_draining()
        await puppet.wakers()
        assert await puppet.call(103, 1, stream, BUFFER, 10) == err(11)
        assert await puppet.call(105, 2, stream) == 0
        assert await puppet.wakers() == [1, -2, -3]
        assert await puppet.call(103, 1, stream, BUFFER, 10) == err(9)
        writer.close()


async def test_much_data_arrives_whole_although_the_client_reads_late(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """What was accepted by a write is sent in the background, in order."""
    async with listening(engine, network, *authority.issue("localhost")) as (puppet, port):
        total = 20_000_000  # more than the kernel holds for a connection
        begin = asyncio.Event()

        async def client() -> bytes:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client_context(authority), server_hostname="localhost", limit=1 << 16
            )
            await begin.wait()
            data = await reader.readexactly(total)
            writer.close()
            return data

        task = asyncio.create_task(client())
        assert await puppet.ready_call(212, 1, 0) == 1
        pattern = bytes(range(251)) * 4000
        puppet.put(pattern)
        sent = 0
        while sent < total:
            at = sent % 251
            word = await puppet.call(104, 1, 1, BUFFER + at, min(total - sent, len(pattern) - at))
            if word == err(11):
                begin.set()
                await asyncio.sleep(0)
                continue
            sent += word
        assert begin.is_set()
        received = await task
        assert received == (bytes(range(251)) * (total // 251 + 1))[:total]


@pytest.mark.parametrize(
    "spoil", ["no certificate", "other key", "no key", "certificate as key", "not pem", "too long"]
)
async def test_settings_that_cannot_be_used_are_error_3(
    engine: Engine, network: Network, authority: Authority, spoil: str
) -> None:
    certificate, key = authority.issue("localhost")
    other = authority.issue("localhost")[1]
    certificate, key = {
        "no certificate": ("", key), "other key": (certificate, other), "no key": (certificate, ""),
        "certificate as key": (certificate, certificate + key), "not pem": ("hello", "world"),
        "too long": (certificate * 1000, key),
    }[spoil]  # fmt: skip
    async with Puppet(engine, services=Networked(network)) as puppet:
        data = encode_text("127.0.0.1:0") + b"\1" + server_config(certificate, key)
        assert await puppet.call(210, *puppet.put(data)) == err(3)
        assert network.budget.taken == 0


async def subscribe(puppet: Puppet, name: str, certificate: str, key: str) -> int:
    return await puppet.call(215, *puppet.put(encode_text(name) + server_config(certificate, key)))


async def test_two_guests_share_the_tls_port_under_different_names(
    engine: Engine, network: Network, authority: Authority
) -> None:
    assert network.tls_port is not None
    async with (
        Puppet(engine, services=Networked(network), owner="one") as one,
        Puppet(engine, services=Networked(network), owner="two") as two,
    ):
        for puppet, name in ((one, "one.example"), (two, "Two.Example")):
            assert await subscribe(puppet, name, *authority.issue(name.lower())) == 0

        async def ask(name: str) -> bytes:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", network.tls_port.port, ssl=client_context(authority), server_hostname=name
            )
            answer = await reader.read()
            writer.close()
            return answer

        for puppet, name in ((two, "two.example"), (one, "ONE.example")):
            client = asyncio.create_task(ask(name))
            assert await puppet.ready_call(212, 1, 0) == 1
            assert await puppet.call(104, 1, 1, *puppet.put(name.encode())) == len(name)
            assert await puppet.call(105, 1, 1) == 0
            assert await client == name.encode()
            assert puppet.guest.meter.net_ingress == 1024
        assert await subscribe(one, "two.example", *authority.issue("two.example")) == err(3)


async def test_a_program_has_64_names_at_most(engine: Engine, network: Network, authority: Authority) -> None:
    """8,192 certificates with all the chains that they may have were gigabytes of the host's memory."""
    identity = authority.issue("*.example", "other.test")
    async with (
        Puppet(engine, services=Networked(network), owner="one") as one,
        Puppet(engine, services=Networked(network), owner="two") as two,
    ):
        for number in range(64):
            assert await subscribe(one, f"n{number}.example", *identity) == number
        assert await subscribe(one, "n64.example", *identity) == err(10)
        assert await subscribe(one, "n3.example", *identity) == 64  # another queue of one that it has
        assert await subscribe(two, "n64.example", *identity) == 0
        assert await one.call(101, 0) == 0
        assert await subscribe(one, "n65.example", *identity) == 0


async def test_an_unknown_name_fails_the_handshake(engine: Engine, network: Network, authority: Authority) -> None:
    assert network.tls_port is not None
    for name in ("nobody.example", None):
        context = client_context(authority)
        context.check_hostname = name is not None
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(
                "127.0.0.1", network.tls_port.port, ssl=context, server_hostname=name or "127.0.0.1"
            )


async def test_a_name_is_free_again_as_soon_as_it_is_closed(
    engine: Engine, network: Network, authority: Authority
) -> None:
    config = authority.issue("one.example")
    async with (
        Puppet(engine, services=Networked(network), owner="one") as one,
        Puppet(engine, services=Networked(network), owner="two") as two,
    ):
        assert await subscribe(one, "one.example", *config) == 0
        assert await subscribe(one, "one.example", *config) == 1  # renewed, by the same owner
        assert await subscribe(two, "one.example", *config) == err(3)
        assert await one.call(101, 0) == 0
        assert await subscribe(two, "one.example", *config) == err(3)
        assert await one.call(101, 1) == 0
        assert await subscribe(two, "one.example", *config) == 0
        await two.end()
        assert await subscribe(one, "one.example", *config) == 0


@pytest.mark.parametrize("kind", ["expired", "other name", "self-signed"])
async def test_a_certificate_must_be_valid_for_the_name_now(
    engine: Engine, network: Network, authority: Authority, kind: str
) -> None:
    if kind == "expired":
        config = authority.issue("one.example", expired=True)
    elif kind == "other name":
        config = authority.issue("two.example")
    else:
        config = (authority.file.read_text(), pem_of(authority.key))
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await subscribe(puppet, "one.example", *config) == err(3)


async def test_subscribers_hear_of_the_end_of_the_port(engine: Engine, network: Network, authority: Authority) -> None:
    assert network.tls_port is not None
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await subscribe(puppet, "one.example", *authority.issue("one.example")) == 0
        assert await puppet.call(212, 1, 0) == err(11)
        await network.tls_port.__aexit__()
        assert await puppet.ready_call(212, 1, 0) == err(12)


async def connect_by_name(network: Network, authority: Authority, name: str) -> asyncio.StreamWriter:
    """A client of the TLS port whose handshake is done."""
    assert network.tls_port is not None
    _, writer = await asyncio.open_connection(
        "127.0.0.1", network.tls_port.port, ssl=client_context(authority), server_hostname=name
    )
    return writer


async def test_connections_that_wait_are_closed_with_their_subscription(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """Before and after the end of the port; after it, they can still be accepted."""
    assert network.tls_port is not None
    async with Puppet(engine, services=Networked(network)) as puppet:
        for end_first in (False, True):
            subscription = await subscribe(puppet, "one.example", *authority.issue("one.example"))
            writers = [await connect_by_name(network, authority, "one.example") for _ in range(3)]
            await puppet.until(lambda: network.budget.taken == 3)
            stream = await puppet.ready_call(212, 1, subscription)
            if end_first:
                await network.tls_port.__aexit__()
                another = await puppet.ready_call(212, 1, subscription)
                assert await puppet.replay([(101, another)]) == [0]
            assert await puppet.replay([(101, subscription), (101, stream)]) == [0, 0]
            assert network.budget.taken == 0
            for writer in writers:
                writer.close()


async def test_a_client_that_is_gone_before_its_handshake_leaves_nothing(network: Network) -> None:
    """It resets the connection before the port has looked at it; no socket is left for the collector to find."""
    assert network.tls_port is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", network.tls_port.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        for _ in range(20):
            await asyncio.sleep(0.001)
        gc.collect()
    assert not caught


async def test_parked_connections_are_closed_once(
    engine: Engine, network: Network, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name, and not again when their time is over: their places would be given back twice."""
    monkeypatch.setattr(tls_port, "_PARKED_S", 0.05)
    wanted: list[str] = []

    class PerConnection(Networked):
        def wants_instance_for_connection(self, guest: Guest) -> Callable[[], None]:
            return lambda: wanted.append(guest.owner)

    async with Puppet(engine, services=PerConnection(network)) as puppet:
        subscription = await subscribe(puppet, "one.example", *authority.issue("one.example"))
        writer = await connect_by_name(network, authority, "one.example")
        await puppet.until(lambda: wanted == ["puppet"])
        assert network.budget.taken == 1
        assert await puppet.call(101, subscription) == 0
        assert network.budget.taken == 0
        await asyncio.sleep(0.1)
        assert network.budget.taken == 0
        writer.close()


async def test_without_a_tls_port_names_are_forbidden(engine: Engine, network: Network, authority: Authority) -> None:
    network.tls_port = None
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await subscribe(puppet, "one.example", *authority.issue("one.example")) == err(17)
