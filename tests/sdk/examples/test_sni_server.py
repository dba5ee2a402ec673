"""The server under a name of its own on the node's shared TLS port."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.sdk.support import EXAMPLES, Host, Started, run_tool
from tests.vm.conftest import Authority

SERVER = EXAMPLES / "sni_server.c"


@asynccontextmanager
async def listening(host: Host, authority: Authority, *args: str) -> AsyncIterator[Started]:
    certificate, key = authority.issue("chat.example")
    env = {"CERTIFICATE": certificate, "KEY": key}
    async with host.start(SERVER, "--name", "chat.example", *args, env=env) as started:
        await started.until(lambda: started.lines)
        assert started.lines == ["listening for chat.example"]
        yield started


async def connect(host: Host, authority: Authority) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert host.network.tls_port is not None
    context = ssl.create_default_context(cafile=str(authority.file))
    return await asyncio.open_connection(
        "127.0.0.1", host.network.tls_port.port, ssl=context, server_hostname="chat.example"
    )


async def test_a_line_comes_back_with_the_address(host: Host, authority: Authority) -> None:
    async with listening(host, authority):
        reader, writer = await connect(host, authority)
        peer, port = writer.get_extra_info("sockname")
        writer.write(b"hello\n")
        assert await reader.read() == f"{peer}:{port} said: hello\n".encode()
        writer.close()
        await writer.wait_closed()


async def test_openssl_s_client(host: Host, authority: Authority) -> None:
    async with listening(host, authority):
        assert host.network.tls_port is not None
        output = await run_tool(
            "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(authority.file), "-servername",
            "chat.example", "-verify_hostname", "chat.example", "-connect", f"127.0.0.1:{host.network.tls_port.port}",
            stdin=b"hello from openssl\n",
        )  # fmt: skip
        assert output.startswith(b"127.0.0.1:")
        assert output.endswith(b" said: hello from openssl\n")


async def test_many_clients_at_once_and_silent_ones_are_sent_away(host: Host, authority: Authority) -> None:
    async with listening(host, authority, "--idle-ms", "1500"):
        silent_reader, silent = await connect(host, authority)
        begin = time.monotonic()

        async def client(number: int) -> None:
            reader, writer = await connect(host, authority)
            writer.write(b"%d\n" % number)
            assert (await reader.read()).endswith(b" said: %d\n" % number)
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(client(number) for number in range(20)))
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # it is closed without a goodbye
            assert await silent_reader.read() == b""
        assert time.monotonic() - begin >= 1.4
        silent.close()


async def test_without_a_certificate_it_says_so(host: Host) -> None:
    async with host.start(SERVER, env={"CERTIFICATE": "x"}) as started:
        assert (await started.end()).code == 1
        assert started.lines == ["CERTIFICATE and KEY are not set"]
    async with host.start(SERVER, "--name", "a.example", env={"CERTIFICATE": "x", "KEY": "y"}) as started:
        assert (await started.end()).code == 1
        assert started.lines[-1] == "cannot listen for a.example: an argument is not valid"


async def test_the_program_ends_with_the_port(host: Host, authority: Authority) -> None:
    async with listening(host, authority) as started:
        assert host.network.tls_port is not None
        await host.network.tls_port.__aexit__()
        await started.succeeds()
