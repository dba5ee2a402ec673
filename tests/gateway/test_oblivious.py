"""Encrypted requests (RFC 9458), over real sockets: what goes in and comes out, and every way in which it cannot."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.conftest import Site, SiteFactory
from tests.gateway.support import ECHO, HELLO, goes_on, until
from wapo.client import EncryptedCallFailed, EncryptedClient
from wapo.node.identities import rotate
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.message_signatures import Exchange, check_message
from wapo.trust.oblivious.binary_http import (
    Content,
    End,
    MessageDecoder,
    ResponseHead,
    encode_content,
    encode_end,
    encode_request,
    encode_request_head,
)
from wapo.trust.oblivious.configuration import KeyConfiguration, decode_configurations, encode_configurations
from wapo.trust.oblivious.sending import Sender
from wapo.trust.oblivious.suites import UndecryptableMessage
from wapo.trust.receipts import read_jwks

PATH = "/.well-known/ohttp-gateway"
KEY_PROBLEM = "https://iana.org/assignments/http-problem-types#ohttp-key"
DATE_PROBLEM = "https://iana.org/assignments/http-problem-types#date"
WHOLE, CHUNKED = {"content-type": "message/ohttp-req"}, {"content-type": "message/ohttp-chunked-req"}

STREAM = """
export default { fetch(request) {
  const parts = Number(new URL(request.url).searchParams.get("parts"));
  let n = 0;
  return new Response(new ReadableStream({ pull(controller) {
    if (n++ < parts) controller.enqueue(new TextEncoder().encode(`part ${n};`.padEnd(1000, "."))); else controller.close();
  } }), { headers: { "x-own": "1" } });
} };
"""

CUT = """
export default { fetch() {
  let n = 0;
  return new Response(new ReadableStream({ pull(controller) {
    if (n++ < 3) controller.enqueue(new TextEncoder().encode("a part;")); else throw new Error("no more");
  } }));
} };
"""

LENGTH = "export default { async fetch(r) { return new Response(String((await r.arrayBuffer()).byteLength)); } };"


async def key_of(site: Site) -> KeyConfiguration:
    response = await site.client.get(PATH)
    (found,) = decode_configurations(response.content)
    return found


def now(offset_s: float = 0) -> bytes:
    return formatdate(time.time() + offset_s, usegmt=True).encode()


async def call(
    site: Site, method: str, path: str, fields: list[tuple[bytes, bytes]] | None = None, content: bytes = b"",
    *, authority: bytes = b"node.example", scheme: bytes = b"https",
) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """A whole request, written by hand; status, headers and content of what came back encrypted."""
    fields = [(b"date", now())] if fields is None else fields
    message = encode_request(method, scheme, authority, path.encode(), fields, content)
    return await sent(site, message)


async def sent(site: Site, message: bytes) -> tuple[int, dict[str, str], bytes]:
    sender = Sender(await key_of(site))
    response = await site.client.post(PATH, content=sender.seal(message), headers=WHOLE)
    assert (response.status_code, response.headers["content-type"]) == (200, "message/ohttp-res"), response.text
    return opened(sender, response.content)


def opened(sender: Sender, body: bytes) -> tuple[int, dict[str, str], bytes]:
    return read(sender.open(body))


def read(message: bytes) -> tuple[int, dict[str, str], bytes]:
    decoder = MessageDecoder(response=True, max_head_bytes=1 << 16, max_fields=100)
    head, *content, end = decoder.feed(message) + decoder.finish()
    assert isinstance(head, ResponseHead)
    assert isinstance(end, End)
    headers = {name.decode(): value.decode() for name, value in head.fields}
    return head.status, headers, b"".join(event.data for event in content if isinstance(event, Content))


def texts(fields: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


# What it is for


async def test_the_key_is_told_to_everybody(site: Site) -> None:
    response = await site.client.get(PATH)
    assert response.headers["content-type"] == "application/ohttp-keys"
    assert response.headers["access-control-allow-origin"] == "*"
    assert (await key_of(site)).public == site.node.identity.agreement_public
    head = await site.client.head(PATH)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(response.content)))


async def test_a_whole_request(site: Site) -> None:
    path = await site.publish(ECHO)
    status, headers, body = await call(
        site, "POST", f"{path}/a%20b?c=d", [(b"date", now()), (b"x-own", b"1"), (b"cookie", b"a=b")], b"the content"
    )
    seen = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert (seen["method"], seen["url"]) == ("POST", "https://node.example/a%20b?c=d")
    assert seen["body"] == "dGhlIGNvbnRlbnQ="
    sent_headers = dict(seen["headers"])
    assert (sent_headers["x-own"], sent_headers["host"], sent_headers["content-length"]) == ("1", "node.example", "11")
    assert {"date", "x-request-id", "server-timing"} <= set(headers)


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_client(site: Site, chunked: bool) -> None:
    path = await site.publish(ECHO)
    key = site.node.identity.agreement_public
    async with EncryptedClient(site.url, key=key, chunked=chunked) as client:
        for content in (b"", b"x", bytes(300_000)):
            async with await client.request("PUT", f"{path}/p", [(b"x-own", b"1")], content) as response:
                seen = json.loads(await response.read())
                assert (response.status, seen["method"], len(seen["body"])) == (200, "PUT", (len(content) + 2) // 3 * 4)
        async with await client.request("GET", path) as response:
            seen = json.loads(await response.read())
            assert (seen["has"], "transfer-encoding" in dict(seen["headers"])) == (False, False)


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_on_the_wire_says_nothing(site: Site, chunked: bool) -> None:
    """Neither the address of the agent, nor a header, nor the content, nor the id of the request inside."""
    path = await site.publish(ECHO)
    wire: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = site.url.removeprefix("http://").partition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))

        async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                wire.append(data)
                to.write(data)
            to.close()

        await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
    async with (
        server,
        EncryptedClient(site.url, relay=address, chunked=chunked) as client,
        await client.request("POST", path, [(b"x-secret", b"planted-header")], b"planted-content") as response,
    ):
        body = await response.read()
        inner = response.header(b"x-request-id")
    joined = b"".join(wire)
    assert b"planted-header" in body
    assert inner is not None
    assert b"ohttp" in joined
    for secret in (path.encode(), path[6:].encode(), b"planted", b"x-secret", inner, b"https", b"application/json"):
        assert secret not in joined


async def test_a_response_comes_as_the_agent_writes_it(site: Site) -> None:
    """Each piece when it is there, and the last one says that it is the last."""
    path = await site.publish(STREAM)
    async with EncryptedClient(site.url) as client, await client.request("GET", f"{path}?parts=200") as response:
        assert response.header(b"x-own") == b"1"
        assert await response.read() == b"".join(f"part {n};".ljust(1000, ".").encode() for n in range(1, 201))


async def test_a_stream_is_not_waited_for(site: Site) -> None:
    """The first part arrives before there is a second one."""
    source = """
    export default { fetch() {
      let n = 0;
      return new Response(new ReadableStream({ async pull(c) {
        if (n++) await new Promise((r) => setTimeout(r, 50000));
        c.enqueue(new TextEncoder().encode("first"));
      } }));
    } };
    """
    path = await site.publish(source)
    async with EncryptedClient(site.url) as client, await client.request("GET", path) as response:
        assert await anext(aiter(response)) == b"first"
    await goes_on(site)


async def test_a_request_streams_too(site: Site) -> None:
    """And is larger than any whole one may be kept."""
    path = await site.publish(LENGTH)

    async def content() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(50_001)

    async with EncryptedClient(site.url) as client, await client.request("POST", path, (), content()) as response:
        assert await response.read() == b"5000100"


@pytest.mark.parametrize("chunked", [False, True])
async def test_head_and_no_content(site: Site, chunked: bool) -> None:
    path = await site.publish("export default { fetch: () => new Response(null, { status: 204 }) };")
    async with EncryptedClient(site.url, chunked=chunked) as client:
        for method, program in (("GET", path), ("HEAD", await site.publish(HELLO))):
            async with await client.request(method, program) as response:
                assert (response.status, await response.read()) == (204 if program == path else 200, b"")


@pytest.mark.parametrize("chunked", [False, True])
async def test_errors_of_agents_and_of_addresses_come_back_encrypted(site: Site, chunked: bool) -> None:
    async with EncryptedClient(site.url, chunked=chunked) as client:
        async with await client.request("GET", await site.publish("throw new Error('planted')")) as response:
            assert (response.status, response.header(b"x-wapo-error")) == (500, b"agent_failed")
        async with await client.request("GET", "/ipfs/x") as response:
            assert (response.status, response.header(b"x-wapo-error")) == (400, b"invalid_cid")


async def test_vaults_are_for_encrypted_requests_too(site: Site) -> None:
    """A secret on its way into the node is what most deserves it."""
    path = await site.publish("export default { fetch: (r, { secret }) => new Response(secret?.a ?? 'none') };")
    value = json.dumps({"cid": path, "data": {"a": "b"}}).encode()
    status, headers, body = await call(site, "POST", "/vaults", content=value)
    receipt = json.loads(body)
    assert (status, headers["cache-control"], receipt["succeed"]) == (200, "no-store", True)
    status, _, body = await call(site, "GET", f"/vaults/{receipt['key']}/{receipt['token']}")
    assert (status, json.loads(body)["data"]) == (200, {"a": "b"})


@pytest.mark.parametrize("chunked", [False, True])
async def test_receipts_come_inside(site: Site, chunked: bool) -> None:
    """Of the request as its caller sent it; after a stream, in the trailers of the encrypted response."""
    path = await site.publish(STREAM)
    host = site.url.removeprefix("http://").encode()
    asked = [(b"accept-signature", b'wapo=();nonce="abcdefghijklmnop"')]
    async with (
        EncryptedClient(site.url, chunked=chunked) as client,
        await client.request("GET", f"{path}?parts=3", asked) as response,
    ):
        body = await response.read()
    checks = check_message(
        read_jwks((await site.client.get("/.well-known/jwks.json")).content),
        Exchange("GET", "http", f"{path}?parts=3", [(b"host", host), *asked]), status=response.status,
        headers=texts(response.headers), trailers=texts(response.trailers), body=body, nonce="abcdefghijklmnop",
    )  # fmt: skip
    assert checks
    assert all(check.passed for check in checks), checks
    request_id = response.header(b"x-request-id")
    assert request_id is not None
    assert (await site.client.get(f"/receipts/{request_id.decode()}")).status_code == 200


# Rotation


async def test_a_key_that_was_given_up_is_taken_for_a_while(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = own_site
    path, old = await site.publish(HELLO), await key_of(site)

    def sealed() -> tuple[Sender, bytes]:
        sender = Sender(old)
        return sender, sender.seal(encode_request("GET", b"https", b"a", path.encode(), [], b""))

    await rotate(site.node.identities._database)
    await site.node.identities.load()
    new = await key_of(site)
    assert (old.key_id, new.key_id) == (1, 2)
    assert new.public != old.public
    sender, message = sealed()
    response = await site.client.post(PATH, content=message, headers=WHOLE)
    assert opened(sender, response.content)[2] == b"hello"
    monkeypatch.setattr("wapo.gateway.oblivious._GRACE_S", -1)
    response = await site.client.post(PATH, content=sealed()[1], headers=WHOLE)
    assert (response.status_code, response.json()["type"]) == (400, KEY_PROBLEM)


async def test_a_process_learns_of_another_key_from_who_uses_it(own_site: Site) -> None:
    """Another process has told it; this one has not looked yet."""
    site = own_site
    path = await site.publish(HELLO)
    assert (await call(site, "GET", path))[0] == 200
    keys: NodeKeys = site.node.identities._keys
    await rotate(site.node.identities._database)
    sender = Sender(KeyConfiguration.of(NodeIdentity(keys, 2)))
    message = sender.seal(encode_request("GET", b"https", b"a", path.encode(), [], b""))
    response = await site.client.post(PATH, content=message, headers=WHOLE)
    assert opened(sender, response.content)[2] == b"hello"


async def test_the_client_gets_the_key_again(own_site: Site) -> None:
    site = own_site
    path = await site.publish(HELLO)
    async with EncryptedClient(site.url) as client:
        configuration = await client.configuration()
        client._configuration = KeyConfiguration(77, configuration.public)
        async with await client.request("POST", path, (), b"x") as response:
            assert await response.read() == b"hello"


@asynccontextmanager
async def in_front(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """The origin of a server that ends TLS in front of the node, say."""
    server = web.Application()
    server.router.add_route("*", PATH, handle)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_nobody_in_front_has_a_request_taken_twice(site: Site, method: str) -> None:
    """Who passes it on, says that the node wants another key, and tells the same key with fewer algorithms, gets it
    again, encrypted anew: to the node another request."""
    path = await site.publish("let n = 0; export default { fetch: () => new Response('front') };")
    key = await key_of(site)
    told = iter([key, replace(key, aeads=key.aeads[1:]), replace(key, aeads=key.aeads[2:])])

    async def handle(request: web.Request) -> web.Response:
        if request.method == "GET":
            body = encode_configurations([next(told)])
            return web.Response(body=body, content_type="application/ohttp-keys")
        await site.client.post(PATH, content=await request.read(), headers=dict(request.headers))
        return web.json_response({"type": KEY_PROBLEM}, status=400)

    async with in_front(handle) as origin, EncryptedClient(origin, key=key.public, chunked=False) as client:
        with pytest.raises(EncryptedCallFailed, match="refuses"):
            await client.request(method, path)
    reports = await site.log(path, "REPORT")
    assert len([line for line in reports if line.startswith(f"START Request: {method}")]) == 1


async def test_nobody_in_front_fills_the_client(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wapo.client._MAX_WHOLE_BYTES", 100_000)
    key = await key_of(site)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(body=encode_configurations([key]), content_type="application/ohttp-keys")
        response = web.StreamResponse(headers={"content-type": "message/ohttp-res"})
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))

    async with in_front(handle) as origin, EncryptedClient(origin, key=key.public, chunked=False) as client:
        with pytest.raises(EncryptedCallFailed, match="more than 100000 bytes"):
            await client.request("GET", "/ipfs/x")


# Replays


async def test_what_was_sent_once_is_not_taken_again(site: Site) -> None:
    path = await site.publish("let n = 0; export default { fetch: () => new Response('done') };")
    for method, fields in (("POST", [(b"date", now())]), ("GET", [(b"date", now())]), ("GET", [])):
        sender = Sender(await key_of(site))
        message = sender.seal(encode_request(method, b"https", b"a", path.encode(), fields, b""))
        first, *again = [await site.client.post(PATH, content=message, headers=WHOLE) for _ in range(3)]
        assert opened(sender, first.content)[0] == 200
        for response in again:
            status, headers, _ = opened(sender, response.content)
            assert (status, headers["x-wapo-error"]) == (409, "request_replayed")
    assert len(await site.log(path, "REPORT")) == 6


async def test_not_even_in_chunks(site: Site) -> None:
    path = await site.publish(HELLO)
    sender = Sender(await key_of(site), chunked=True)
    message = encode_request("GET", b"https", b"a", path.encode(), [], b"")
    body = sender.prefix + sender.seal_chunk(message, last=True)
    await site.client.post(PATH, content=body, headers=CHUNKED)
    response = await site.client.post(PATH, content=body, headers=CHUNKED)
    assert read(sender.feed(response.content) + sender.finish())[0] == 409


async def test_not_by_many_at_once(site: Site) -> None:
    path = await site.publish(HELLO)
    sender = Sender(await key_of(site))
    message = sender.seal(encode_request("GET", b"https", b"a", path.encode(), [], b""))
    answers = await asyncio.gather(*(site.client.post(PATH, content=message, headers=WHOLE) for _ in range(20)))
    statuses = [opened(sender, answer.content)[0] for answer in answers]
    assert sorted(statuses) == [200] + [409] * 19


@pytest.mark.parametrize(
    "fields",
    [
        [], [(b"date", now(-3600))], [(b"date", now(3600))], [(b"date", b"yesterday")],
        [(b"date", now()), (b"date", now())], [(b"date", b"\xff")],
    ],
)  # fmt: skip
async def test_what_is_to_be_done_is_of_now(site: Site, fields: list[tuple[bytes, bytes]]) -> None:
    """RFC 9458 6.5.2: the Date of the answer lets a client whose clock is off try again."""
    path = await site.prepare(HELLO)
    status, headers, body = await call(site, "POST", path, fields)
    assert (status, headers["x-wapo-error"], json.loads(body)["type"]) == (400, "unacceptable_date", DATE_PROBLEM)
    assert headers["content-type"] == "application/problem+json"
    assert headers["date"]


async def test_a_client_whose_clock_is_off_learns_the_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await site.publish(HELLO)
    monkeypatch.setattr("wapo.client.time", SimpleNamespace(time=lambda: time.time() - 5000))
    async with EncryptedClient(site.url) as client, await client.request("POST", path) as response:
        assert await response.read() == b"hello"


async def test_an_agents_own_problem_has_no_end(site: Site) -> None:
    """It looks like the node's, to whose end a client reads."""
    path = await site.publish("""
    export default { fetch() {
      const headers = { "content-type": "application/problem+json" };
      const piece = new TextEncoder().encode(" ".repeat(10_000));
      return new Response(new ReadableStream({ pull(c) { c.enqueue(piece); } }), { status: 400, headers });
    } };
    """)
    async with EncryptedClient(site.url) as client, await client.request("GET", path) as response:
        assert response.status == 400
        size = 0
        async for piece in response:
            size += len(piece)
            if size > 1_000_000:
                break
    await goes_on(site)


# What is refused, in the open


async def refused(site: Site, content: bytes, headers: dict[str, str] = WHOLE) -> tuple[int, str, Any]:
    response = await site.client.post(PATH, content=content, headers=headers)
    assert "ohttp" not in response.headers["content-type"]
    return response.status_code, response.headers["x-wapo-error"], response.json()


@pytest.mark.parametrize("headers", [WHOLE, CHUNKED], ids=["whole", "chunked"])
async def test_a_key_that_is_not_here(site: Site, headers: dict[str, str]) -> None:
    """Of another identifier, with other algorithms; of this identifier, but another key."""
    key = await key_of(site)
    chunked = headers is CHUNKED
    for prefix in (b"\x09\0\x20\0\1\0\1", b"\1\0\x21\0\1\0\1", b"\1\0\x20\0\2\0\1", b"\1\0\x20\0\1\0\x09"):
        assert (await refused(site, prefix + bytes(60), headers))[:2] == (400, "unknown_encryption_key")
    sender = Sender(KeyConfiguration(key.key_id, NodeIdentity(NodeKeys(bytes(32))).agreement_public), chunked=chunked)
    message = encode_request("GET", b"https", b"a", b"/ipfs/x", [], b"")
    sealed = sender.prefix + sender.seal_chunk(message, last=True) if chunked else sender.seal(message)
    status, code, problem = await refused(site, sealed, headers)
    assert (status, code, problem["type"]) == (400, "undecryptable_message", KEY_PROBLEM)


@pytest.mark.parametrize("length", [0, 1, 7, 38, 39, 54])
async def test_too_little(site: Site, length: int) -> None:
    message = Sender(await key_of(site)).seal(b"x")[:length]
    status, code, problem = await refused(site, message)
    assert (status, code, problem["type"]) == (400, "undecryptable_message", KEY_PROBLEM)


async def test_another_type(site: Site) -> None:
    for kind in ("", "application/json", "message/ohttp-res", "message/ohttp-reqs"):
        assert (await refused(site, b"x", {"content-type": kind}))[:2] == (415, "unsupported_encrypted_type")


async def test_other_methods(site: Site) -> None:
    response = await site.client.put(PATH, content=b"x")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")
    preflight = await site.client.options(
        PATH,
        headers={
            "origin": "https://a.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert (preflight.status_code, preflight.headers["access-control-allow-headers"]) == (204, "content-type")


async def test_more_than_any_request_may_have(open_site: SiteFactory) -> None:
    async with open_site(request_bytes=10_000) as site:
        path = await site.publish(LENGTH)
        assert (await call(site, "POST", path, content=bytes(10_000)))[2] == b"10000"
        status, headers, _ = await call(site, "POST", path, content=bytes(10_001))
        assert (status, headers["x-wapo-error"]) == (413, "request_too_large")
        assert (await refused(site, bytes(100_000)))[:2] == (413, "encrypted_request_too_large")
        async with (
            EncryptedClient(site.url) as client,
            await client.request("POST", path, (), bytes(10_001)) as response,
        ):
            assert response.header(b"x-wapo-error") == b"request_too_large"
        await goes_on(site)


async def test_a_client_makes_the_node_keep_only_so_much(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wapo.gateway.oblivious._CLIENT_BYTES", 200_000)
    path = await site.publish(LENGTH)
    assert (await call(site, "POST", path, content=bytes(60_000)))[2] == b"60000"
    assert (await refused(site, bytes(300_000)))[:2] == (503, "encrypted_messages_full")
    # Nothing is kept of it.
    assert (await call(site, "POST", path, content=bytes(150_000)))[2] == b"150000"
    async with EncryptedClient(site.url) as client, await client.request("POST", path, (), bytes(500_000)) as response:
        assert await response.read() == b"500000"


async def test_a_response_for_which_there_is_no_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller is told so, encrypted; that takes no room."""
    monkeypatch.setattr("wapo.gateway.oblivious._CLIENT_BYTES", 200_000)
    program = "export default { fetch: async (r) => new Response((await r.text()) && 'x'.repeat(100_000)) };"
    at_once, streams = await site.publish(program), await site.publish(STREAM)
    attempts: list[tuple[str, str, bytes]] = [("POST", at_once, bytes(150_000)), ("GET", f"{streams}?parts=300", b"")]
    for method, path, content in attempts:
        status, headers, _ = await call(site, method, path, content=content)
        assert (status, headers["x-wapo-error"]) == (503, "encrypted_messages_full")
        await goes_on(site)


async def test_a_request_that_does_not_come(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wapo.gateway.oblivious._WHOLE_S", 0.05)
    monkeypatch.setattr("wapo.gateway.oblivious._HEAD_S", 0.05)
    forever = asyncio.Event()

    async def content(first: bytes) -> AsyncIterator[bytes]:
        yield first
        await asyncio.wait_for(forever.wait(), 0.5)

    async def code(first: bytes, headers: dict[str, str]) -> httpx.Response:
        return await site.client.post(PATH, content=content(first), headers=headers)

    for first, headers in ((b"x", WHOLE), (b"x", CHUNKED)):
        with pytest.raises(TimeoutError):
            await code(first, headers)
    await goes_on(site)


# What is refused, encrypted


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/healthz", "/logs/all/ipfs/x", "/ipfs", "/.well-known/ohttp-gateway", "/attestation", "/prpc/Operation.Info", "/vaultsx", "//ipfs/x"],
)  # fmt: skip
async def test_only_what_callers_need_is_served(site: Site, path: str) -> None:
    """Nothing of the operator's, whatever token comes with it; and nothing within itself."""
    token = f"Bearer {site.node.operator_token}".encode()
    status, headers, _ = await call(site, "GET", path, [(b"authorization", token), (b"date", now())])
    assert (status, headers["x-wapo-error"]) == (403, "not_served_encrypted")


@pytest.mark.parametrize(
    "path", ["/ipfs/../metrics", "/vaults/%2e%2e/metrics", "/vaults/../metrics", "/local/../metrics", "/ipfs/%2e%2e/%2e%2e/metrics"]
)  # fmt: skip
async def test_no_path_leads_out(site: Site, path: str) -> None:
    token = f"Bearer {site.node.operator_token}".encode()
    status, _, body = await call(site, "GET", path, [(b"authorization", token), (b"date", now())])
    assert status in (400, 403, 404)
    assert b"wapo_requests" not in body


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "CONNECT"}, "no proxy"),
        ({"method": "TRACE"}, "no proxy"),
        ({"method": "get"}, "the method"),
        ({"method": "A" * 21}, "the method"),
        ({"scheme": b"file"}, "neither http nor https"),
        ({"scheme": b""}, "neither http nor https"),
        ({"path": ""}, "the path"),
        ({"path": "http://a/ipfs/x"}, "the path"),
        ({"path": "/ipfs/x y"}, "the path"),
        ({"path": "/ipfs/x#y"}, "the path"),
        ({"path": "/ipfs/x\r\nx: y"}, "the path"),
        ({"authority": b""}, "one authority"),
        ({"fields": [(b"host", b"other.example")]}, "one authority"),
        ({"fields": [(b"host", b"node.example"), (b"host", b"node.example")]}, "one authority"),
        ({"fields": [(b"content-length", b"3")], "content": b"four"}, "Content-Length"),
        ({"fields": [(b"content-length", b"4"), (b"content-length", b"4")], "content": b"four"}, "Content-Length"),
        ({"fields": [(b"content-length", b"+4")], "content": b"four"}, "Content-Length"),
        ({"fields": [(b"transfer-encoding", b"chunked")], "content": b"0\r\n\r\n"}, "Transfer-Encoding"),
        ({"fields": [(b"Host", b"a")]}, "capitals"),
        ({"fields": [(b"x", b"a\r\nb: c")]}, "characters that no value has"),
        ({"fields": [(b"x", b"a")] * 501}, "500 headers"),
        ({"fields": [(b"x", b"a" * 40_000), (b"y", b"a" * 40_000)]}, "65536 bytes"),
    ],
)  # fmt: skip
async def test_what_no_connection_would_take(site: Site, options: dict[str, Any], message: str) -> None:
    """Smuggling has nowhere to begin: a request inside is held to what one in the open is held to."""
    values = {"method": "POST", "path": "/ipfs/x", "fields": []} | options
    status, headers, body = await call(site, **values)
    assert (status, headers["x-wapo-error"]) == (400, "invalid_binary_message")
    assert message in json.loads(body)["error"]


@pytest.mark.parametrize("authority", [b"a b", b"user@a", b"a:99999", b"a/b"])
async def test_an_authority_that_is_none(site: Site, authority: bytes) -> None:
    status, headers, _ = await call(site, "GET", await site.publish(HELLO), authority=authority)
    assert (status, headers["x-wapo-error"]) == (400, "invalid_host")


async def test_headers_of_connections_are_dropped(site: Site) -> None:
    """Clients write them; an agent cannot be made to upgrade what is no connection."""
    path = await site.publish(ECHO)
    fields = [
        (b"connection", b"upgrade"), (b"upgrade", b"websocket"), (b"keep-alive", b"1"), (b"te", b"trailers"),
        (b"expect", b"100-continue"), (b"sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="), (b"sec-websocket-version", b"13"),
    ]  # fmt: skip
    status, _, body = await call(site, "GET", path, fields)
    names = {name for name, _ in json.loads(body)["headers"]}
    assert status == 200
    assert not names & {"connection", "upgrade", "keep-alive", "te", "expect"}


@pytest.mark.parametrize("message", [b"", b"\x01", b"\0\x03GET", b"\xff" * 100, bytes(100)])
async def test_what_is_no_request(site: Site, message: bytes) -> None:
    status, headers, _ = await sent(site, message)
    assert (status, headers["x-wapo-error"]) == (400, "invalid_binary_message")


# Chunks


async def chunked_call(site: Site, chunks: Callable[[Sender], list[bytes]]) -> tuple[Sender, httpx.Response]:
    sender = Sender(await key_of(site), chunked=True)

    async def content() -> AsyncIterator[bytes]:
        yield sender.prefix
        for chunk in chunks(sender):
            yield chunk

    return sender, await site.client.post(PATH, content=content(), headers=CHUNKED)


@pytest.mark.parametrize("end", ["cut", "damaged", "left out", "no end", "longer", "shorter"])
async def test_a_request_that_comes_to_no_end_is_no_request(site: Site, end: str) -> None:
    """Its agent gets no body that looks whole; the caller learns why, encrypted."""
    path = await site.publish(LENGTH)
    length = {"longer": [(b"content-length", b"5")], "shorter": [(b"content-length", b"30")]}.get(end, [])

    def chunks(sender: Sender) -> list[bytes]:
        head = encode_request_head("POST", b"https", b"a", path.encode(), [(b"date", now()), *length])
        first = sender.seal_chunk(head + encode_content(b"0123456789"))
        second = sender.seal_chunk(encode_content(b"0123456789"))
        last = sender.seal_chunk(encode_end(), last=True)
        if end == "no end":
            return [first, sender.seal_chunk(b"\x05ab", last=True)]
        damaged = second[:-1] + bytes([second[-1] ^ 1])
        return {
            "cut": [first, second], "damaged": [first, damaged, last], "left out": [first, last],
            "longer": [first, second, last], "shorter": [first, second, last],
        }[end]  # fmt: skip

    sender, response = await chunked_call(site, chunks)
    assert response.headers["content-type"] == "message/ohttp-chunked-res"
    status, headers, body = read(sender.feed(response.content) + sender.finish())
    assert (status, headers["x-wapo-error"]) in (
        (400, "undecryptable_message"), (400, "invalid_binary_message"),
    ), body  # fmt: skip
    await until(lambda: site.node.admission.machines == 0)


async def test_a_response_that_fails_on_its_way(site: Site) -> None:
    """A whole one becomes an error; one in chunks ends without its last chunk, so that nobody takes it for whole."""
    path = await site.publish(CUT)
    status, _, body = await call(site, "GET", path)
    assert (status, body[:12]) == (502, b"Server Error")
    async with EncryptedClient(site.url) as client, await client.request("GET", path) as response:
        with pytest.raises(EncryptedCallFailed, match="not whole"):
            await response.read()
    await goes_on(site)


@pytest.mark.parametrize("parts", [100, 100_000])
async def test_a_response_that_is_too_large_to_be_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    monkeypatch.setattr("wapo.gateway.oblivious._MOST_RESPONSE_BYTES", 50_000)
    path = await site.publish(STREAM)
    status, headers, _ = await call(site, "GET", f"{path}?parts={parts}")
    assert (status, headers["x-wapo-error"]) == (502, "encrypted_response_too_large")
    await goes_on(site)
    at_once = await site.publish("export default { fetch: () => new Response('x'.repeat(60000)) };")
    status, headers, _ = await call(site, "GET", at_once)
    assert (status, headers["x-wapo-error"]) == (502, "encrypted_response_too_large")
    await goes_on(site)


async def test_a_client_that_goes_away(site: Site) -> None:
    path = await site.publish("export default { fetch: () => new Promise((r) => setTimeout(r, 50000)) };")
    async with EncryptedClient(site.url) as client:
        waiting = asyncio.create_task(client.request("GET", path))
        await until(lambda: site.node.admission.machines == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await until(lambda: site.node.admission.machines == 0)


async def test_two_exchanges_have_nothing_in_common(site: Site) -> None:
    """Another encapsulated key each time, and a response opens with its own request's secret only."""
    path = await site.publish(HELLO)
    key = await key_of(site)
    senders = [Sender(key) for _ in range(2)]
    message = encode_request("GET", b"https", b"a", path.encode(), [], b"")
    bodies = [(await site.client.post(PATH, content=sender.seal(message), headers=WHOLE)).content for sender in senders]
    assert senders[0].prefix != senders[1].prefix
    with pytest.raises(UndecryptableMessage):
        senders[0].open(bodies[1])
    assert opened(senders[1], bodies[1])[2] == b"hello"
