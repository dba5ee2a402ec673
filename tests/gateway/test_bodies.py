"""Request bodies: as they were sent, of any size that is allowed, held back where nobody reads them."""

import asyncio
import base64
import os

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import CLASSIC_ECHO, ECHO, assert_refused, at_rest, connect, exchange, gates, goes_on, until

LENGTH = "export default { async fetch(request) { return new Response((await request.arrayBuffer()).byteLength); } };"


def chunked(path: str, *chunks: bytes, more: bytes = b"0\r\n\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + more


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_may_have_a_body(site: Site, method: str) -> None:
    """The original lost that of a DELETE."""
    seen = (await site.run(ECHO, method, content=b"hi")).json()
    assert (seen["method"], base64.b64decode(seen["body"])) == (method, b"hi")


async def test_no_body_is_not_an_empty_one(site: Site) -> None:
    path = await site.publish(ECHO)
    assert (await site.client.get(path)).json()["has"] is False
    assert (await site.client.post(path, content=b"")).json()["has"] is True


async def test_binary_bodies_arrive_untouched(site: Site) -> None:
    """Whole up to 64 KiB, in pieces from there on, with a length or in chunks."""
    path = await site.publish(ECHO)
    for size in (1, 255, 65536, 65537, 300_000):
        data = os.urandom(size)
        assert base64.b64decode((await site.client.post(path, content=data)).json()["body"]) == data
        pieces = [data[at : at + 10_000] for at in range(0, size, 10_000)]
        answer = await exchange(site, chunked(path, *pieces))
        assert base64.b64encode(data) in answer.body
    assert b'"body":""' in (await exchange(site, chunked(path))).body


async def test_the_json_request_waits_for_the_whole_body(site: Site) -> None:
    """Text as ``body``, other bytes as ``bodyBase64``, and neither without a body."""
    path = await site.publish(CLASSIC_ECHO)
    text = "é€😀" * 20_000
    assert (await site.client.post(path, content=text.encode())).json()["body"] == text
    data = os.urandom(100_000) + b"\xff"
    seen = (await site.client.post(path, content=data)).json()
    assert base64.b64decode(seen["bodyBase64"]) == data
    assert "body" not in seen
    seen = (await site.client.post(path, content=b"\xef\xbb\xbfmark")).json()
    assert seen["body"] == "\ufeffmark"
    seen = (await site.client.post(path, content=b"")).json()
    assert (seen["body"], "bodyBase64" in seen) == ("", False)
    seen = (await site.client.get(path)).json()
    assert "body" not in seen
    assert "bodyBase64" not in seen


async def test_a_body_is_passed_on_while_it_is_sent(site: Site) -> None:
    """The agent answers each piece before the next one is there."""
    source = """export default { fetch: (request) => new Response(request.body.pipeThrough(new TransformStream({
      transform: (chunk, controller) => controller.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())),
    }))) };"""
    reader, writer = await connect(site)
    writer.write(chunked(await site.publish(source), more=b""))
    async with asyncio.timeout(20):
        for word in (b"one", b"two", b"three"):
            writer.write(b"%x\r\n%b\r\n" % (len(word), word))
            await reader.readuntil(word.upper())
        writer.write(b"0\r\n\r\n")
        assert (await reader.read()).endswith(b"0\r\n\r\n")
    writer.close()
    await goes_on(site)


async def test_a_body_that_nobody_reads_is_held_back(site: Site) -> None:
    """The client gets rid of what fits into the buffers on the way, and not of more, until the agent wants it."""
    source = """export default { async fetch(request) {
      const reader = request.body.getReader();
      await reader.read();
      await fetch(new URL(request.url).searchParams.get('gate'));
      let bytes = 0;
      for (let chunk; !(chunk = await reader.read()).done; ) bytes += chunk.value.length;
      return new Response('the rest');
    } };"""
    total = 20 << 20
    async with gates() as upstream:
        reader, writer = await connect(site)
        path = await site.publish(source)
        head = f"POST {path}?gate={upstream.url}a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {total}\r\n\r\n"
        writer.write(head.encode() + bytes(total))
        await upstream.reached("a")
        waiting = await at_rest(writer.transport.get_write_buffer_size)
        assert waiting > total // 4  # the kernel's buffers take some megabytes
        upstream.open("a")
        assert (await reader.read()).endswith(b"the rest")
        writer.close()
    await goes_on(site)


async def test_a_body_that_is_not_wanted_does_not_hold_the_answer_up(site: Site) -> None:
    path = await site.publish("export default { fetch: () => new Response('no thanks') };")
    assert (await site.client.post(path, content=bytes(1 << 20))).text == "no thanks"
    assert (await site.client.post(path, content=b"x")).text == "no thanks"
    await goes_on(site)


async def test_expect_100_continue(site: Site) -> None:
    """A client that asks is told to go on, or that it need not."""
    path = await site.publish(LENGTH)
    reader, writer = await connect(site)
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    writer.write((head % 5).encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"12345")
    assert (await reader.read()).endswith(b"\r\n\r\n5")
    writer.close()
    answer = await exchange(site, head % (21 << 20))
    assert answer.status == 413


async def test_a_declared_body_that_is_too_large_is_refused_before_it_is_sent(open_site: SiteFactory) -> None:
    async with open_site(request_bytes=100_000) as site:
        path = await site.publish(LENGTH)
        answer = await exchange(
            site, f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 100001\r\n\r\n"
        )
        assert (answer.status, answer.all("x-wapo-error")) == (413, ["request_too_large"])
        assert (
            answer.body == b'{"error":"the request body has 100001 bytes; at most 100000 are allowed","succeed":false}'
        )
        assert await site.log(path, "REPORT") == []


@pytest.mark.parametrize(
    "source",
    [
        LENGTH,
        "export default () => ({ body: 'x' });",
        "export default { async fetch(r) { try { await r.text(); } catch { } return new Response('fine'); } };",
        "export default { async fetch(r) { try { await r.text(); } catch { await new Promise(() => setTimeout(() => {}, 1e6)); } } };",
        "export default { async fetch(r, _, ctx) { const text = r.text().catch(() => {}); ctx.waitUntil(text); await text; throw new Error(); } };",
    ],
    ids=["fails by it", "is not started", "answers all the same", "waits for ever", "has more to do"],
)  # fmt: skip
async def test_an_undeclared_body_that_is_too_large(open_site: SiteFactory, source: str) -> None:
    """413, whatever the agent makes of the part that it got; and it is not waited for."""
    async with open_site(request_bytes=100_000) as site:
        path = await site.publish(source)
        await site.client.get(path)  # the image: while that is being made, a body is cut off before anything runs
        async with asyncio.timeout(15):
            answer = await exchange(site, chunked(path, bytes(60_000), bytes(40_001)))
        assert (answer.status, answer.all("x-wapo-error")) == (413, ["request_too_large"])
        assert answer.body == b'{"error":"the request body is larger than the 100000 bytes allowed","succeed":false}'
        if source == LENGTH:
            (line,) = await site.log(path)
            assert line.startswith("TypeError: the request ended early: a limit of this program was reached")
        answer = await exchange(site, chunked(path, bytes(60_000), bytes(40_000)))
        assert answer.status != 413
        await goes_on(site)


async def test_an_undeclared_body_that_is_too_large_for_a_response_that_has_begun(open_site: SiteFactory) -> None:
    async with open_site(request_bytes=100_000) as site:
        path = await site.publish("export default { fetch: (request) => new Response(request.body) };")
        reader, writer = await connect(site)
        writer.write(chunked(path, bytes(50_000), more=b""))
        await reader.readexactly(50_000)
        writer.write(b"%x\r\n%b\r\n" % (60_000, bytes(60_000)))
        async with asyncio.timeout(15):
            assert not (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
        await goes_on(site)


@pytest.mark.parametrize("source", [LENGTH, CLASSIC_ECHO], ids=["fetch", "main"])
async def test_a_client_that_leaves_in_the_middle_of_its_body(site: Site, source: str) -> None:
    """The agent is over as soon as that is known, and no error is made of it."""
    path = await site.publish(source)
    reader, writer = await connect(site)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n".encode() + bytes(100_000))
    await until(lambda: site.node.admission.machines == 1)
    writer.transport.abort()
    del reader
    await goes_on(site)


async def test_the_servers_own_checks_of_framing(site: Site) -> None:
    """What two servers might read differently is read by none."""
    path = await site.publish(LENGTH)
    for headers in (
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: -1", "Content-Length: 5x", "Content-Length: +5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip", "Content-Length: 99999999999999999999",
    ):  # fmt: skip
        answer = await exchange(site, f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n\r\n12345")
        assert answer.status in (400, 413, 501), headers
    await goes_on(site)


async def test_too_large_says_what_is_allowed(site: Site) -> None:
    path = await site.publish(LENGTH)
    response = await site.client.post(path, content=bytes((20 << 20) + 1))
    message = f"the request body has {(20 << 20) + 1} bytes; at most {20 << 20} are allowed"
    assert_refused(response, 413, "request_too_large", message)
    assert (await site.client.post(path, content=bytes(20 << 20))).text == str(20 << 20)
