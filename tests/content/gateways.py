"""Trustless gateways on loopback, honest ones and others. Real sockets; written without the code under test, except
for the archive's framing."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wapo.content.blocks import Block, MemoryBlocks
from wapo.content.car import car_header, car_section
from wapo.content.cid import Cid
from wapo.content.nodes import links_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Gateway:
    """What a gateway has, and how it misbehaves. Everything may be changed while it runs."""

    store: MemoryBlocks = field(default_factory=MemoryBlocks)
    offers_archives: bool = True
    # Blocks that it sends changed, and those that it says it has not.
    tampered: set[Cid] = field(default_factory=set)
    hidden: set[Cid] = field(default_factory=set)
    # Answers every request in its stead, if set.
    instead: Handler | None = None
    # Other blocks to put into every archive, in front of the ones that were asked for.
    stuffing: list[Block] = field(default_factory=list)
    # Hold every answer until this is set.
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    url: str = ""
    # Set when the first request is here.
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    # Requests so far: by "raw" and "car", and all in order.
    asked: Counter[str] = field(default_factory=Counter)
    requests: list[web.BaseRequest] = field(default_factory=list)
    # How many requests there are at this moment, and how many there were at most.
    now: int = 0
    most_at_once: int = 0

    def get(self, cid: Cid) -> bytes | None:
        data = None if cid in self.hidden else self.store.get(cid)
        if data is not None and cid in self.tampered:
            return data[:-1] + bytes([data[-1] ^ 1]) if data else b"?"
        return data

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.arrived.set()
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await self.gate.wait()
            return await (self.instead or self.answer)(request)
        finally:
            self.now -= 1

    async def answer(self, request: web.Request) -> web.StreamResponse:
        kind = request.query["format"]
        self.asked[kind] += 1
        cid = Cid.parse(request.match_info["cid"])
        data = self.get(cid)
        if data is None:
            return web.Response(status=404, text="block not found")
        if kind == "raw":
            return web.Response(body=data, content_type="application/vnd.ipld.raw")
        if not self.offers_archives:
            return web.Response(status=406, text="no archives here")
        return web.Response(body=self.archive(cid), content_type="application/vnd.ipld.car")

    def archive(self, root: Cid) -> bytes:
        """Depth first, each block as often as it is linked."""
        pieces = [car_header([root])]
        for block in self.stuffing:
            pieces += car_section(block)
        waiting = [root]
        while waiting:
            cid = waiting.pop()
            true, sent = self.store.get(cid), self.get(cid)
            if true is None or sent is None:
                continue
            pieces += car_section(Block(cid, sent))
            waiting += reversed(links_of(cid, true))
        return b"".join(pieces)


@asynccontextmanager
async def running(gateway: Gateway, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    """The gateway on a port of its own; ``gateway.url`` is where."""
    app = web.Application()
    app.router.add_get("/ipfs/{cid}", gateway.handle)
    server = TestServer(app)
    await server.start_server(ssl=tls)
    gateway.url = str(server.make_url("/")).rstrip("/")
    gateway.gate.set()
    try:
        yield gateway
    finally:
        gateway.gate.set()
        await server.close()


def own_certificate(folder: Path) -> ssl.SSLContext:
    """TLS for loopback with a certificate that is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = folder / "own.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def closed_port() -> str:
    """An address where nobody listens: a port that was free a moment ago, bound to nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
