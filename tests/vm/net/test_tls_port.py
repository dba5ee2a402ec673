"""The shared TLS port against clients that are up to no good, and a process that has no descriptors left."""

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.vm.conftest import Authority, make_authority
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.network import Network
from wapo.vm.net.tls_config import Identity
from wapo.vm.net.tls_port import TlsPort, is_noise


@contextmanager
def no_descriptors() -> Iterator[None]:
    """The process can open nothing for the block."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in held:
            os.close(descriptor)


async def test_without_descriptors_it_waits_and_does_not_spin(network: Network, authority: Authority) -> None:
    port = network.tls_port
    assert port is not None
    subscription = port.subscribe("a.example", Identity.parse(*authority.issue("a.example")), "somebody")
    context = ssl.create_default_context(cafile=str(authority.file))
    with contextlib.ExitStack() as stack, capture_logs() as lines:
        clients = [stack.enter_context(socket.socket()) for _ in range(3)]
        with no_descriptors():
            for client in clients:
                client.connect(("127.0.0.1", port.port))
            before = time.process_time()
            await asyncio.sleep(0.3)
            assert time.process_time() - before < 0.2
        assert 1 <= len(lines) <= 2
        async with asyncio.timeout(5):  # with descriptors again, who waited is served
            wrapped = await asyncio.to_thread(context.wrap_socket, clients[0], server_hostname="a.example")
        stack.enter_context(wrapped)
    subscription.close()


async def test_half_open_handshakes_leave_descriptors_to_others() -> None:
    """There may be half as many as connections of guests; what comes beyond is closed at once."""
    async with TlsPort("127.0.0.1", 0, SocketBudget(40)) as port:
        opened = [await asyncio.open_connection("127.0.0.1", port.port) for _ in range(50)]
        try:
            ends = [asyncio.ensure_future(reader.read()) for reader, _ in opened]
            done, waiting = await asyncio.wait(ends, timeout=0.5)
            assert (len(done), len(waiting)) == (30, 20)
        finally:
            for _, writer in opened:
                writer.close()
            await asyncio.gather(*ends, return_exceptions=True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("then", ["a.example", "b.example"])
async def test_a_session_is_not_gone_on_with_by_the_next_owner_of_a_name(
    network: Network, authority: Authority, tmp_path: Path, version: ssl.TLSVersion, then: str
) -> None:
    """Nor by the owner of another: the client would see the certificate of the first, and believe it."""
    port = network.tls_port
    assert port is not None
    context = ssl.create_default_context(cafile=str(authority.file))
    context.maximum_version = version

    def connect(name: str, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        with socket.create_connection(("127.0.0.1", port.port)) as raw:
            wrapped = context.wrap_socket(raw, server_hostname=name, session=session)
            with wrapped:
                assert wrapped.recv(1) == b"x"  # tickets come with it
                return wrapped.session

    async def ask(name: str, owner: str, issuer: Authority, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        subscription = port.subscribe(name, Identity.parse(*issuer.issue(name)), owner)
        arrived = asyncio.Event()
        subscription.on_arrival = arrived.set
        client = asyncio.create_task(asyncio.to_thread(connect, name, session))
        arrival = asyncio.create_task(arrived.wait())
        await asyncio.wait({client, arrival}, return_when=asyncio.FIRST_COMPLETED)
        for item in subscription.arrivals:
            item.connection.send(b"x")
        arrival.cancel()
        try:
            return await client
        finally:
            subscription.close()

    session = await ask("a.example", "one", authority, None)
    with pytest.raises(ssl.SSLCertVerificationError):
        await ask(then, "two", make_authority(tmp_path), session)


async def test_a_name_that_is_no_text_is_refused_and_can_be_kept_out_of_the_log(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = network.tls_port
    assert port is not None
    told: list[bool] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(is_noise(unraisable)))
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="name.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    writer.write(outgoing.read().replace(b"name.example", b"\xff\xfeme.example"))
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer[:1] == b"\x15", answer  # an alert
    assert told == [True]
    writer.close()
