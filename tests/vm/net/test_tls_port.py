"""The shared TLS port against clients that are up to no good, and a process that has no descriptors left."""

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs

from tests.vm.conftest import Authority
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.network import Network
from wapo.vm.net.tls_config import Identity
from wapo.vm.net.tls_port import TlsPort


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
