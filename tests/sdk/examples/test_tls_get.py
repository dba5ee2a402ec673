"""The TLS client, against a server with certificates of the tests' own."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.sdk.support import EXAMPLES, Host
from tests.vm.conftest import Authority
from wapo.vm.ends import EndReason

GET = EXAMPLES / "tls_get.c"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(folder: Path, certificate: str, key: str, handler: Handler) -> AsyncIterator[int]:
    """A TLS server on a port of its own."""
    (folder / "certificate.pem").write_text(certificate)
    (folder / "key.pem").write_text(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def answering(body: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"GET /page HTTP/1.1\r\nHost: localhost\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return handle


@pytest.mark.parametrize("size", [0, 10, 65536, 1_000_000])
async def test_a_page_is_fetched(host: Host, authority: Authority, tmp_path: Path, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    async with (
        serving(tmp_path, *authority.issue("localhost"), answering(body)) as port,
        host.start(GET, "--host", "localhost", "--port", str(port), "--path", "/page") as started,
    ):
        await started.succeeds()
        assert started.guest.output == body
        assert started.lines == [f"status 200, {size} bytes"]


@pytest.mark.parametrize("names", [("other.example",), ()])
async def test_a_certificate_for_somebody_else_is_refused(
    host: Host, authority: Authority, tmp_path: Path, names: tuple[str, ...]
) -> None:
    certificate, key = authority.issue(*names) if names else authority.issue("localhost", expired=True)
    async with (
        serving(tmp_path, certificate, key, answering(b"secret")) as port,
        host.start(GET, "--host", "localhost", "--port", str(port), "--path", "/page") as started,
    ):
        end = await started.end()
        assert (end.reason, end.code) == (EndReason.EXITED, 1)
        assert started.lines[-1] == f"https://localhost:{port}/page: the connection failed"
        assert started.guest.output is None


async def test_a_server_that_says_nothing_is_given_up(host: Host) -> None:
    """The timeout is around connecting, handshake and answer, whichever it is that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with host.start(GET, "--host", "127.0.0.1", "--port", str(port), "--timeout-ms", "200") as started:
            end = await started.end()
            assert end.code == 1
            assert started.lines == [f"https://127.0.0.1:{port}/: timed out"]


async def test_a_server_that_is_not_there(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    async with host.start(GET, "--host", "127.0.0.1", "--port", str(port)) as started:
        assert (await started.end()).code == 1
        assert started.lines == [f"https://127.0.0.1:{port}/: the connection failed"]
