"""Programs that make their own calls, and say what the platform would not: credentials hold against those, too."""

import gzip
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.upstream import Upstream, open_upstream
from tests.vm.conftest import Authority
from tests.vm.puppet import BUFFER, Puppet
from tests.vm.support import Recorder
from wapo.engine.engine import Engine
from wapo.vm.credentials.credential import Credentials
from wapo.vm.egress import EgressPolicy
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient

TOKEN = "sk-proj-7Gq_x2/Vd+93=Lm4tZ"
DECODE = 2


class Having(Recorder):
    """Services of a guest that has a credential."""

    def __init__(self, client: HttpClient, credentials: Credentials) -> None:
        super().__init__()
        self.http_client = client
        self._credentials = credentials

    def credentials(self, guest: Guest) -> Credentials | None:
        return self._credentials


@dataclass
class Raw:
    """A guest, and the server that its credential is for."""

    puppet: Puppet
    upstream: Upstream
    services: Having

    @property
    def url(self) -> str:
        return f"https://localhost:{self.upstream.port}"

    async def ask(
        self, url: str, method: str = "GET", *headers: tuple[str, str], flags: int = 0
    ) -> tuple[bytes, bytes]:
        """The head (or why there is none) and the body, as the guest gets them."""
        names = "\0".join(part for pair in headers for part in pair).encode()
        parts = (method.encode(), url.encode(), names, b"")
        request = struct.pack("<IIIII", flags, *map(len, parts)) + b"".join(parts)
        number = await self.puppet.call(1100, *self.puppet.put(request))
        assert number >> 32 == 0, number
        length = await self.puppet.ready_call(1101, 1, number, BUFFER, 4096)
        if length >> 32:
            return self.puppet.get(await self.puppet.call(1102, number, BUFFER, 4096)), b""
        head = self.puppet.get(length)
        body = b""
        while count := await self.puppet.ready_call(103, 2, number, BUFFER, 4096):
            if count >> 32:
                break
            body += self.puppet.get(count)
        return head, body


@pytest.fixture
async def raw(engine: Engine, authority: Authority, tmp_path: Path) -> AsyncIterator[Raw]:
    async with (
        open_upstream(authority, tmp_path, "localhost") as upstream,
        HttpClient(EgressPolicy(allow_private=True), (str(authority.file),)) as client,
    ):
        value = {"hosts": [f"localhost:{upstream.port}"], "headers": {"Authorization": f"Bearer {TOKEN}"}}
        services = Having(client, Credentials.parse({"t": value}))
        async with Puppet(engine, services=services) as puppet:
            yield Raw(puppet, upstream, services)


@pytest.mark.parametrize("flags", [0, DECODE])
@pytest.mark.parametrize("echo", ["plain", "gzip", "br", "deflate-raw", "gzip-two-headers"])
async def test_whoever_decodes_gets_nothing_to_decode(raw: Raw, echo: str, flags: int) -> None:
    """The host has looked through the body, and so has decoded it."""
    head, body = await raw.ask(f"{raw.url}/{echo}", flags=flags)
    assert raw.upstream.sent[-1].all("authorization") == [f"Bearer {TOKEN}"]
    assert b"content-encoding" not in head
    assert b"content-length" not in head
    assert b"authorization: Bearer *credential*\r\n" in body
    assert not body.startswith(gzip.compress(b"")[:2])


async def test_a_coding_of_the_guests_own_choice(raw: Raw) -> None:
    await raw.ask(raw.url, "GET", ("accept-encoding", "zstd, x-mine"))
    assert raw.upstream.sent[-1].all("accept-encoding") == ["identity"]


@pytest.mark.parametrize(
    ("method", "header", "path", "reason"),
    [
        ("TRACE", ("a", "b"), "/", "no credential is sent with TRACE"),
        ("trace", ("a", "b"), "/", "no credential is sent with TRACE"),
        ("CONNECT", ("a", "b"), "/", "no credential is sent with CONNECT"),
        ("GET", ("Host", "evil.example"), "/", "the host header of a request with a credential must be localhost:"),
        ("GET", ("HOST", "localhost:1"), "/", "the host header of a request with a credential must be localhost:"),
        ("GET", ("Wapo-Credential", "u"), "/", "there is no credential 'u' for this request"),
    ],
)  # fmt: skip
async def test_what_is_refused(raw: Raw, method: str, header: tuple[str, str], path: str, reason: str) -> None:
    head, _ = await raw.ask(raw.url + path, method, header)
    assert head.decode().startswith(reason)
    assert raw.services.lines[-1] == (2, head.decode())
    assert not raw.upstream.sent


async def test_a_user_in_the_url(raw: Raw) -> None:
    head, _ = await raw.ask(raw.url.replace("//", "//u:p@"))
    assert head == b"no credential is sent to a URL with a user or a password in it"
    assert not raw.upstream.sent


async def test_headers_twice_and_in_every_case(raw: Raw) -> None:
    await raw.ask(raw.url, "GET", ("AUTHORIZATION", "a"), ("authorization", "b"), ("aUthorization", "c"))
    assert raw.upstream.sent[-1].all("authorization") == [f"Bearer {TOKEN}"]


async def test_the_length_of_what_head_would_be(raw: Raw) -> None:
    head, body = await raw.ask(raw.url, "HEAD")
    assert (b"content-length\x0012345" in head, body) == (True, b"")


async def test_refusals_count_as_requests_and_leave_nothing_behind(raw: Raw) -> None:
    for _ in range(100):
        await raw.ask(raw.url, "TRACE")
    assert raw.puppet.guest.held_body_bytes == 0


@pytest.mark.parametrize("method", ["CONNECT", "connect"])
async def test_nobody_makes_a_tunnel_of_a_shared_connection(raw: Raw, method: str) -> None:
    """Through which another guest's credential would go; without one of its own, too."""
    head, _ = await raw.ask(raw.url.replace("localhost", "127.0.0.1"), method)
    assert head == b"CONNECT would make a tunnel of a connection, and connections are shared"
    assert not raw.upstream.sent
