"""The network of a node's apps, with real clients and real peers: what an operator opens, and nothing else."""

import asyncio
import contextlib
import hashlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import ListeningFactory
from tests.node.apps.conftest import Site, WorkerFactory
from tests.sdk.support import EXAMPLES, GUESTS, Host, built, run_tool
from tests.vm.conftest import Authority
from wapo.node.apps.app import App
from wapo.node.apps.blobs import BlobName
from wapo.vm.net.network import NetworkSettings

MEBIBYTE = 1 << 20


async def deploy(site: Site, source: Path, *args: str, **manifest: Any) -> App:
    wasm = built(source)
    await asyncio.to_thread(site.worker.blobs.put, BlobName.parse("sha256:", partial=True), wasm)
    return await site.deploy(*args, code_hash=f"sha256:{hashlib.sha256(wasm).hexdigest()}", **manifest)


async def test_an_app_cannot_reach_the_nodes_own_listeners(open_listeners: ListeningFactory) -> None:
    """With what an operator has without asking for more: whoever runs a program is not an operator."""
    async with open_listeners(allow_private=False, restart_after_s=3600) as listening:
        for url in (listening.admin.base_url, listening.user.base_url):
            for host in ("127.0.0.1", "localhost", "LOCALHOST", "::1", "::ffff:127.0.0.1", "0.0.0.0"):
                where = ("--host", host, "--port", str(url.port))
                app = await deploy(listening.site, EXAMPLES / "tls_get.c", *where, label=host)
                await listening.site.until(lambda app=app: not app.instances)  # type: ignore[misc]
                lines = await log_of(listening.site, app)
                assert any("not allowed here" in line for line in lines), lines
                assert not any("status" in line for line in lines)


async def log_of(site: Site, app: App) -> list[str]:
    await site.logs.flush()
    return await site.log(app)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver finds ``*.example`` on this machine."""
    real = socket.getaddrinfo

    def find(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        local = isinstance(host, str) and host.endswith(".example")
        return real("127.0.0.1" if local else host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)


@asynccontextmanager
async def tls_node(open_worker: WorkerFactory, authority: Authority) -> AsyncIterator[tuple[Site, int]]:
    """A node whose apps share a TLS port; the port."""
    settings = NetworkSettings(
        listen_ports=(0, 65535), tls_host="127.0.0.1", tls_port=0, extra_roots=(str(authority.file),)
    )
    async with open_worker(network=settings) as site:
        assert site.worker.network.tls_port is not None
        yield site, site.worker.network.tls_port.port


async def test_two_apps_talk_through_the_shared_port_under_names_of_their_own(
    open_worker: WorkerFactory, authority: Authority, names: None
) -> None:
    async with tls_node(open_worker, authority) as (site, port):
        apps = []
        for name, peer in (("one.example", "two.example"), ("two.example", "one.example")):
            certificate, key = authority.issue(name)
            apps.append(await deploy(
                site, GUESTS / "sni_peer.c", "--name", name, "--peer", peer, "--port", str(port), label=name,
                env_vars=(("CERTIFICATE", certificate), ("KEY", key)),
            ))  # fmt: skip
        async with asyncio.timeout(20):
            while not (heard := [await log_of(site, app) for app in apps]) or not all(heard):
                await asyncio.sleep(0.01)
        assert heard == [["two.example heard hello from one.example"], ["one.example heard hello from two.example"]]
        # A client of the command line finds each under its name, and nobody under another.
        for name, other in (("one.example", "two.example"), ("two.example", "one.example")):
            output = await run_tool(
                "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(authority.file), "-servername",
                name, "-verify_hostname", name, "-connect", f"127.0.0.1:{port}", stdin=b"hello from openssl\n",
            )  # fmt: skip
            assert output == f"{name} heard hello from openssl\n".encode()
            assert other.encode() not in output
        context = ssl.create_default_context(cafile=str(authority.file))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="three.example")
        usage = [app.usage() for app in apps]
        assert all(one.net_ingress > 4096 and one.net_egress > 4096 for one in usage)


async def test_curl_talks_https_to_a_program_with_a_certificate_of_its_own(host: Host, authority: Authority) -> None:
    certificate, key = authority.issue("https.example")
    env = {"CERTIFICATE": certificate, "KEY": key}
    async with host.start(GUESTS / "https.c", "--port", "0", env=env) as started:
        port = await started.port()
        options = (
            "-sS",
            "--noproxy",
            "*",
            "--cacert",
            str(authority.file),
            "--resolve",
            f"https.example:{port}:127.0.0.1",
        )
        url = f"https://https.example:{port}/hello"
        output = await run_tool("curl", *options, "-w", " %{http_code} %{ssl_verify_result}", url)
        assert output == b"GET /hello 200 0"
        output = await run_tool(
            "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(authority.file), "-servername",
            "https.example", "-verify_hostname", "https.example", "-connect", f"127.0.0.1:{port}",
            stdin=b"GET /again HTTP/1.0\r\n\r\n",
        )  # fmt: skip
        assert output.endswith(b"\r\n\r\nGET /again")


@asynccontextmanager
async def download(authority: Authority, folder: Path, pieces: int) -> AsyncIterator[tuple[int, str]]:
    """A TLS server whose only page is so many MiB; its port, and their SHA-256."""
    piece = hashlib.shake_128(b"a mebibyte").digest(MEBIBYTE)
    digest = hashlib.sha256()
    for _ in range(pieces):
        digest.update(piece)
    certificate, key = authority.issue("127.0.0.1")
    (folder / "chain.pem").write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "chain.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\n")
            for _ in range(pieces):
                writer.write(piece)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], digest.hexdigest()


async def test_an_app_downloads_100_mb_through_tls_and_hashes_it(
    open_worker: WorkerFactory, authority: Authority, tmp_path: Path
) -> None:
    """What it holds at a time is a quarter of a MiB, so its memory may be small."""
    async with (
        download(authority, tmp_path, 100) as (port, digest),
        open_worker(
            network=NetworkSettings(extra_roots=(str(authority.file),)),
            instance_memory_bytes=2 * MEBIBYTE,
            restart_after_s=3600,
        ) as site,
    ):
        began = time.monotonic()
        app = await deploy(site, GUESTS / "tls_hash.c", "--port", str(port))
        await site.until(lambda: not app.instances)
        lines = await log_of(site, app)
        assert lines[0] == f"{100 * MEBIBYTE} bytes, {digest}", lines
        assert app.usage().net_ingress >= 100 * MEBIBYTE
        print(f"{100 / (time.monotonic() - began):.0f} MiB/s")  # noqa: T201
