"""Encrypted requests of other implementations: the Rust crates of an author of RFC 9458 and RFC 9292, both ways, whole
and in chunks; and ohttpy, whose requests are those of the RFC, but not the responses that it waits for."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.cargo_packages import built
from tests.conftest import Site
from tests.gateway.support import ECHO

GATEWAY = "/.well-known/ohttp-gateway"

STREAM = """
export default { async fetch(request) {
  const body = await request.text();
  return new Response(new ReadableStream({ start(controller) {
    for (let n = 0; n < 50; n++) controller.enqueue(new TextEncoder().encode(`${n}: ${body}\\n`));
    controller.close();
  } }), { status: 201, headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
} };
"""


@pytest.fixture(scope="module")
def peer() -> Path:
    """The program in tests/interop/oblivious."""
    return built(Path(__file__).parent / "oblivious", "peer")


def fields_of(line: str) -> list[tuple[bytes, bytes]]:
    pairs = (text.partition("=") for text in line.split())
    return [(bytes.fromhex(name), bytes.fromhex(value)) for name, _, value in pairs]


async def exchange(
    site: Site, peer: Path, kind: str, framing: str, method: str, path: str, content: bytes, *headers: str
) -> tuple[int, list[tuple[bytes, bytes]], list[tuple[bytes, bytes]], bytes]:
    """One request that the peer encrypts, and the response that it has decrypted."""
    keys = (await site.client.get(GATEWAY)).content
    process = await asyncio.create_subprocess_exec(
        peer, keys.hex(), kind, framing, method, "node.example", path, content.hex(), *headers,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26,
    )  # fmt: skip
    assert process.stdout is not None
    sealed = bytes.fromhex((await process.stdout.readline()).decode())
    name = "message/ohttp-" if kind == "whole" else "message/ohttp-chunked-"
    response = await site.client.post(GATEWAY, content=sealed, headers={"content-type": f"{name}req"})
    assert (response.status_code, response.headers["content-type"]) == (200, f"{name}res"), response.text
    out, _ = await process.communicate(response.content.hex().encode() + b"\n")
    assert process.returncode == 0
    status, head, trailers, body = out.decode().split("\n")[:4]
    return int(status), fields_of(head), fields_of(trailers), bytes.fromhex(body)


@pytest.mark.cargo
@pytest.mark.parametrize("framing", ["known", "indeterminate"])
@pytest.mark.parametrize("kind", ["whole", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 60_000])
async def test_the_crates_of_an_author(site: Site, peer: Path, kind: str, framing: str, size: int) -> None:
    date = f"date={formatdate(usegmt=True)}"
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    path = await site.publish(ECHO)
    status, headers, _, body = await exchange(
        site, peer, kind, framing, "POST", f"{path}/a?b=c", content, date, "x-own=1", "x-own=2"
    )
    seen = json.loads(body)
    assert (status, dict(headers)[b"content-type"]) == (200, b"application/json")
    assert (seen["method"], seen["url"]) == ("POST", "https://node.example/a?b=c")
    assert dict(seen["headers"])["x-own"] == "1, 2"
    assert base64.b64decode(seen["body"]) == content


@pytest.mark.cargo
@pytest.mark.parametrize("kind", ["whole", "chunked"])
async def test_the_crates_read_what_streams(site: Site, peer: Path, kind: str) -> None:
    """And a receipt in the trailers."""
    path = await site.publish(STREAM)
    date = f"date={formatdate(time.time(), usegmt=True)}"
    status, headers, trailers, body = await exchange(
        site, peer, kind, "known", "POST", path, b"x" * 1000, date, "accept-signature=wapo=()"
    )
    assert status == 201
    assert [value for name, value in headers if name == b"set-cookie"] == [b"a=1", b"b=2"]
    assert body == b"".join(b"%d: %b\n" % (n, b"x" * 1000) for n in range(50))
    assert {b"signature", b"content-digest"} <= {name for name, _ in trailers}


@pytest.mark.cargo
@pytest.mark.parametrize("kind", ["whole", "chunked"])
async def test_the_crates_read_errors(site: Site, peer: Path, kind: str) -> None:
    path = await site.publish("throw new Error()")
    assert (await exchange(site, peer, kind, "known", "GET", path, b""))[0] == 500
    status, headers, _, body = await exchange(site, peer, kind, "known", "POST", path, b"")
    assert (status, dict(headers)[b"content-type"]) == (400, b"application/problem+json")
    assert json.loads(body)["type"].endswith("#date")


@asynccontextmanager
async def relay(site: Site) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Where ohttpy looks: keys in hex at /discover, requests at /score, of a type that its requests are not."""
    seen: list[web.Request] = []

    async def discover(_request: web.Request) -> web.Response:
        return web.Response(text=(await site.client.get(GATEWAY)).content.hex())

    async def score(request: web.Request) -> web.Response:
        seen.append(request)
        answer = await site.client.post(
            GATEWAY, content=await request.read(), headers={"content-type": "message/ohttp-req"}
        )
        assert answer.headers["content-type"] == "message/ohttp-res"
        return web.Response(body=answer.content, status=answer.status_code)

    app = web.Application()
    app.add_routes([web.get("/discover", discover), web.post("/score", score)])
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/"), seen


OHTTPY = """
import sys, httpx
from ohttpy.transport import Transport
httpx.Client(transport=Transport()).request("POST", sys.argv[1], content=b"the content", headers={"date": sys.argv[2], "x-own": "1"})
"""


async def test_requests_of_ohttpy(site: Site) -> None:
    """It holds the interpreter while it waits: a process of its own. The query of an address it leaves out, and a
    response it takes for chunks in a format of its maker."""
    pytest.importorskip("ohttpy", reason="ohttpy is not installed: it has no wheel for this machine")
    path = await site.publish(
        "export default { async fetch(r) { console.log(r.method, new URL(r.url).pathname, r.headers.get('x-own'), "
        "await r.text()); return new Response('ok'); } };"
    )
    async with relay(site) as (url, seen):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OHTTPY, f"{url}{path}/a%20b", formatdate(usegmt=True)
        )
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    assert [request.headers["content-type"] for request in seen] == ["message/ohttp-chunked-req"]
    assert await site.log(path) == ["POST /a%20b 1 the content"]
