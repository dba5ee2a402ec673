"""Agents over HTTP, from a real client through a real socket into a real machine (node-and-gateway 1.3, NEW)."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import (
    CLASSIC_ECHO,
    ECHO,
    HELLO,
    assert_failed,
    assert_refused,
    at_rest,
    connect,
    exchange,
    gates,
    get,
    goes_on,
    until,
)
from wapo.content.cid import Cid

URL = "export default { fetch: (request) => new Response(request.url) };"


async def test_an_agent_answers_at_the_hash_of_its_code(site: Site) -> None:
    response = await site.run(
        "export default { fetch: (request) => Response.json({ url: request.url }) };", tail="/a?b=c"
    )
    assert response.status_code == 200
    assert response.json() == {"url": f"{site.url}/a?b=c"}


# Addresses (1.3.1)


async def test_every_spelling_of_a_cid(site: Site) -> None:
    """Version 0, version 1 in any base, percent-encoded as nobody does."""
    path = await site.publish(URL)
    cid = Cid.parse(path.removeprefix("/ipfs/"))
    assert (cid.version, str(cid)[:2]) == (0, "Qm")
    base16 = "f" + cid.v1().encode().hex()
    for spelling in (str(cid), str(cid.v1()), str(cid.v1()).upper(), base16, str(cid).replace("Q", "%51", 1)):
        answer = await get(site, f"/ipfs/{spelling}/a")
        assert (answer.status, answer.body) == (200, b"http://agents.example/a"), spelling
    raw = Cid.of(URL.encode())
    await site.node.library.blocks.put(raw, URL.encode())
    assert (await get(site, f"/ipfs/{raw}/a")).body == b"http://agents.example/a"


@pytest.mark.parametrize(
    ("tail", "own"),
    [
        ("", "/"), ("/", "/"), ("//", "//"), ("/0", "/"), ("/0/", "/"), ("/0/0", "/0"), ("/0/a", "/a"), ("/00", "/00"), ("/a/0", "/a/0"),
        ("/a", "/a"), ("/a/", "/a/"), ("//a", "//a"), ("/a//b", "/a//b"), ("/a/../b/./c", "/a/../b/./c"),
        ("/a.b-c_d~e!f$g&h'i(j)k*l+m,n;o=p:q@r", "/a.b-c_d~e!f$g&h'i(j)k*l+m,n;o=p:q@r"),
        ("/%41%2f%2F%3f%23%25%20%e4%b8%ad%ff%00", "/%41%2f%2F%3f%23%25%20%e4%b8%ad%ff%00"), ("/%", "/%"), ("/%zz", "/%zz"),
        ("?", "/"), ("?a", "/?a"), ("/?a=b", "/?a=b"), ("/a?", "/a"), ("?a=b?c/d", "/?a=b?c/d"),
        ("?q=a&q=b&r=%20+%2C,;:@!$'()*[]{}|^`\\\"<>&&=&==", "/?q=a&q=b&r=%20+%2C,;:@!$'()*[]{}|^`\\\"<>&&=&=="),
        ("/a|b^c`d{e}\\f\"g<h>", "/a|b^c`d{e}\\f\"g<h>"),
    ],
)  # fmt: skip
async def test_what_follows_the_cid_is_the_agents_as_it_was_sent(site: Site, tail: str, own: str) -> None:
    """All characters of URLs, encoded as they were; one ``0`` at the beginning is no part of it."""
    path = await site.publish(URL)
    answer = await get(site, path + tail)
    assert (answer.status, answer.body.decode()) == (200, f"http://agents.example{own}")


async def test_programs_in_a_directory(site: Site, tmp_path: Path) -> None:
    """Segments lead to a file as long as they name entries; what follows is the agent's."""
    folder = tmp_path / "d"
    (folder / "sub dir").mkdir(parents=True)
    for name in ("0", "a.js", "sub dir/ü.js", "a b+c%20.js"):
        (folder / name).write_text(
            f"export default {{ fetch: (r) => new Response('{name} ' + new URL(r.url).pathname) }};"
        )
    cid = await site.node.library.publish(folder)
    for tail, text in (
        ("/0", "0 /"), ("/0/", "0 /"), ("/0/0", "0 /0"), ("/0/x/y?z", "0 /x/y"), ("/a.js", "a.js /"), ("/a%2Ejs/0", "a.js /0"),
        ("/sub%20dir/%C3%BC.js/x%2fy", "sub dir/ü.js /x%2fy"), ("/a%20b+c%2520.js", "a b+c%20.js /"),
    ):  # fmt: skip
        answer = await get(site, f"/ipfs/{cid}{tail}")
        assert (answer.status, answer.body.decode()) == (200, text), tail
    assert (await get(site, f"/ipfs/{cid}/sub%20dir%2f%C3%BC.js")).status == 404
    wrapped = await site.node.library.publish(
        b"export default { fetch: (r) => new Response('0 ' + new URL(r.url).pathname) };"
    )
    assert (await get(site, f"/ipfs/{wrapped}/0")).body == (await get(site, f"/ipfs/{cid}/0")).body


async def test_the_url_has_the_host_that_was_asked_for(site: Site) -> None:
    path = await site.publish(URL)
    answer = await exchange(site, f"GET {path}/a HTTP/1.1\r\nHost: gw.example:8443\r\nConnection: close\r\n\r\n")
    assert answer.body == b"http://gw.example:8443/a"
    answer = await exchange(site, f"GET {path}/a HTTP/1.0\r\n\r\n")
    assert answer.body == b"http://localhost/a"
    answer = await exchange(
        site, f"GET http://other.example{path}/a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert answer.body == b"http://other.example/a?b"  # RFC 9112 3.2.2
    answer = await get(site, f"{path}/a", "X-Forwarded-Proto: https")  # of a proxy on this machine
    assert answer.body == b"https://agents.example/a"


# Methods and headers (1.3.2)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT"])
async def test_every_method_reaches_the_agent(site: Site, method: str) -> None:
    response = await site.run("export default { fetch: (request) => new Response(request.method) };", method)
    assert (response.status_code, response.text) == (200, method)


async def test_request_headers_are_all_there(site: Site) -> None:
    """Bytes as the standard has them, repeated ones joined, none removed."""
    source = """export default { fetch: (request) => Response.json([...request.headers]) };"""
    answer = await get(
        site, await site.publish(source), "X-A: 1", "x-a: 2", "Cookie: a=b", "Authorization: Bearer x", "X-Latin: caf\xe9",
        "X-Empty:", "X-Space:   a b  ", "X-Comma: a, b", 'X-Quote: "a\\"b"', "Content-Type: a/b",
    )  # fmt: skip
    headers = dict(json.loads(answer.body))
    assert headers["x-a"] == "1, 2"
    assert headers["x-latin"] == "café"
    assert (headers["x-empty"], headers["x-space"], headers["x-comma"]) == ("", "a b", "a, b")
    assert headers["x-quote"] == '"a\\"b"'
    assert (headers["cookie"], headers["authorization"], headers["content-type"]) == ("a=b", "Bearer x", "a/b")
    assert headers["host"] == "agents.example"


async def test_response_headers_go_out_as_they_are(site: Site) -> None:
    """Repeated cookies stay apart; what belongs to the connection is not the agent's to say."""
    source = """export default { fetch() {
      const headers = new Headers([['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-latin', 'caf\\u00e9'], ['x-empty', ''],
        ['content-length', '999'], ['transfer-encoding', 'chunked'], ['connection', 'close, x-a'], ['keep-alive', '1'],
        ['upgrade', 'h2c'], ['te', 'trailers'], ['content-encoding', 'identity'], ['x-a', 'b']]);
      return new Response('body', { status: 201, headers });
    } };"""
    answer = await get(site, await site.publish(source))
    assert (answer.status, answer.body) == (201, b"body")
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert (answer.all("x-latin"), answer.all("x-empty"), answer.all("x-a")) == (["caf\xe9"], [""], ["b"])
    assert answer.all("content-length") == ["4"]
    assert answer.all("content-encoding") == ["identity"]
    for name in ("transfer-encoding", "keep-alive", "upgrade", "te"):
        assert answer.all(name) == []
    assert answer.all("connection") == ["close"]  # of this server, as the client asked for it


async def test_head(site: Site) -> None:
    """No body; the length if the agent made one, and nothing if it did not: an empty one would say that GET's is."""
    path = await site.publish(
        "export default { fetch: (r) => new Response(r.method === 'HEAD' && r.url.endsWith('/null') ? null : r.method) };"
    )
    answer = await get(site, path, method="HEAD")
    assert (answer.status, answer.body, answer.all("content-length")) == (200, b"", ["4"])
    answer = await get(site, f"{path}/null", method="HEAD")
    assert (answer.status, answer.body, answer.all("content-length")) == (200, b"", [])
    stream = "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(9)); } })) };"
    path = await site.publish(stream)
    answer = await get(site, path, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    await goes_on(site)
    assert await site.log(path) == []
    answer = await get(site, await site.publish("throw new Error();"), method="HEAD")
    assert (answer.status, answer.body, answer.all("x-wapo-error")) == (500, b"", ["agent_failed"])


@pytest.mark.parametrize("status", [200, 201, 204, 205, 226, 301, 304, 400, 404, 418, 451, 500, 503, 599])
async def test_any_status(site: Site, status: int) -> None:
    body = "null" if status in (204, 205, 304) else "'x'"
    path = await site.publish(f"export default {{ fetch: () => new Response({body}, {{ status: {status} }}) }};")
    answer = await get(site, path)
    assert (answer.status, answer.body) == (status, b"" if body == "null" else b"x")
    assert (status in (204, 304)) == (answer.all("content-length") == answer.all("transfer-encoding") == [])
    assert answer.all("x-wapo-error") == []


# The JSON request (1.3.3) and outputs (1.3.7)


async def test_the_json_request(site: Site) -> None:
    """All seven fields, rooted at the agent, the query as it was sent and taken apart."""
    path = await site.publish(CLASSIC_ECHO)
    receipt = (
        await site.client.post("/vaults", json={"cid": path.removeprefix("/ipfs/"), "data": {"apiKey": "k"}})
    ).json()
    key = receipt["key"]
    body = b"hi"
    answer = await exchange(
        site,
        f"POST {path}/0/a%20b/0?key={key}&q=a&q=b&e&plus=a+b%2C&%C3%BC=%F0%9F%98%80 HTTP/1.1\r\nHost: gw.example\r\n"
        "Connection: close\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi",
    )
    seen = json.loads(answer.body)
    assert seen == {
        "method": "POST",
        "url": f"https://wapo-gateway/a%20b/0?key={key}&q=a&q=b&e&plus=a+b%2C&%C3%BC=%F0%9F%98%80",
        "path": "/a%20b/0",
        "queries": {"key": [key], "q": ["a", "b"], "e": [""], "plus": ["a b,"], "ü": ["😀"]},
        "headers": {"host": "gw.example", "connection": "close", "content-type": "text/plain", "x-a": "1, 2", "content-length": "2"},
        "body": body.decode(),
        "secret": {"apiKey": "k"},
    }  # fmt: skip
    seen = (await site.client.get(path)).json()
    assert (seen["url"], seen["path"], seen["queries"]) == ("https://wapo-gateway/", "/", {})
    assert set(seen) == {"method", "url", "path", "queries", "headers"}


async def test_names_that_every_object_has_are_names_like_any_other(site: Site) -> None:
    """A caller cannot break an agent with ``?constructor=``."""
    path = await site.publish(CLASSIC_ECHO)
    names = ("__proto__", "constructor", "toString", "hasOwnProperty")
    answer = await get(site, path + "?" + "&".join(f"{name}=1" for name in names), *(f"{name}: 2" for name in names))
    seen = json.loads(answer.body)
    assert seen["queries"] == {name: ["1"] for name in names}
    assert {name: seen["headers"][name.lower()] for name in names} == dict.fromkeys(names, "2")


@pytest.mark.parametrize(
    ("source", "status", "content_type", "body"),
    [
        ("({ status: 201, headers: { 'Content-Type': 'a/b' }, body: 'ok' })", 201, "a/b", b"ok"),
        ("JSON.stringify({ status: 201, headers: { 'content-type': 'a/b' }, body: 'ok' })", 201, "a/b", b"ok"),
        ("({ body: 'é' })", 200, None, "é".encode()),
        ("({ headers: { 'x-a': 1 } })", 200, None, b""),
        ("({ status: 0, body: 'x' })", 200, None, b"x"),
        ("({ status: 99, body: 'x' })", 200, None, b"x"),
        ("({ status: 1000, body: 'x' })", 599, None, b"x"),
        ("({ body: { a: [1, null] } })", 200, "application/json", b'{"a":[1,null]}'),
        ("({ body: [], headers: { 'content-type': 'a/b' } })", 200, "a/b", b"[]"),
        ("({ body: false })", 200, "application/json", b"false"),
        ("({ body: null })", 200, None, b""),
        ("'just text'", 200, "text/plain;charset=UTF-8", b"just text"),
        ("scriptOutput = 'output'; 'value'", 200, "text/plain;charset=UTF-8", b"output"),
        ("scriptOutput = { body: 'object' };", 200, None, b"object"),
        # MessagePack of {"body": <ff 00>} and of {"body": "a", "status": 202}
        ("scriptOutput = new Uint8Array([0x81, 0xa4, 98, 111, 100, 121, 0xc4, 2, 0xff, 0]);", 200, None, b"\xff\0"),
        ("scriptOutput = new Uint8Array([0x82, 0xa4, 98, 111, 100, 121, 0xa1, 97, 0xa6, 115, 116, 97, 116, 117, 115, 0xcc, 202]).buffer;", 202, None, b"a"),
        ("'0x82a4626f6479a161a6737461747573ccca'", 202, None, b"a"),
        ("scriptOutput = new Uint8Array([0xc1]);", 400, "text/plain; charset=UTF-8", b"Bad request"),
        ("var module = { exports: async () => ({ body: JSON.parse(scriptArgs[0]).method }) };", 200, None, b"GET"),
        ("var module = { exports: () => { scriptOutput = 'set'; } };", 200, "text/plain;charset=UTF-8", b"set"),
        ("var module = { exports: () => new Response('r', { status: 202 }) };", 202, "text/plain;charset=UTF-8", b"r"),
        ("setTimeout(() => { scriptOutput = 'late'; }, 5); undefined", 200, "text/plain;charset=UTF-8", b"late"),
        ("export default (request) => ({ body: JSON.parse(request).path });", 200, None, b"/"),
        ("addEventListener('fetch', (event) => event.respondWith(new Response('l')));", 200, "text/plain;charset=UTF-8", b"l"),
    ],
)  # fmt: skip
async def test_outputs(site: Site, source: str, status: int, content_type: str | None, body: bytes) -> None:
    answer = await get(site, await site.publish(source))
    assert (answer.status, answer.body) == (status, body)
    assert answer.all("content-type") == ([] if content_type is None else [content_type])


async def test_headers_of_an_output(site: Site) -> None:
    """An array repeats the header; those of the connection are dropped."""
    source = "({ body: 'x', headers: { 'Set-Cookie': ['a', 'b'], Connection: 'close', 'Content-Length': '99', 'Transfer-Encoding': 'gzip' } })"
    answer = await get(site, await site.publish(source))
    assert (answer.all("set-cookie"), answer.all("content-length"), answer.body) == (["a", "b"], ["1"], b"x")
    assert answer.all("transfer-encoding") == []


# The local build (1.6)


async def test_the_local_build(open_site: SiteFactory, tmp_path: Path) -> None:
    """Read anew at each request, with its own path, its own secrets and its own log."""
    file = tmp_path / "index.js"
    file.write_text(ECHO)
    async with open_site(local_file=file, public_logs=False) as site:
        for tail, own in (
            ("", "/"),
            ("/", "/"),
            ("/a/0?b=c", "/a/0?b=c"),
            ("/0", "/0"),
            ("?x=1", "/?x=1"),
            ("//a", "//a"),
        ):
            seen = json.loads((await get(site, f"/local{tail}")).body)
            assert seen["url"] == f"http://agents.example{own}"
        receipt = (await site.client.post("/vaults", json={"cid": "local", "data": {"k": "v"}})).json()
        file.write_text(CLASSIC_ECHO)
        seen = (await site.client.post(f"/local?key={receipt['key']}", content=b"{}")).json()
        assert (seen["secret"], seen["body"], seen["path"]) == ({"k": "v"}, "{}", "/")
        log = (await site.client.get("/logs/all/local?limit=2")).text
        assert "[REPORT] START Request: POST /local?key=***" in log
        assert_refused(await site.client.get("/local?key=unknown"), 403, "vault_key_invalid", "invalid key")
        file.write_text("(")
        assert_failed(await site.client.get("/local"), 500, "agent_failed")
        file.unlink()
        refused = await site.client.get("/local")
        assert_refused(refused, 404, "no_local_program", f"{file} cannot be read: No such file or directory")
        file.write_text(HELLO)
        assert (await site.client.get("/local")).text == "hello"


async def test_without_a_local_build(site: Site) -> None:
    message = "no local program was given to this node (wapo serve --local FILE)"
    for path in ("/local", "/local/x"):
        assert_refused(await site.client.get(path), 404, "no_local_program", message)


# Streams, and how a run ends

TICKS = """export default { fetch(request, env, ctx) {
  const gate = new URL(request.url).searchParams.get('gate');
  return new Response(new ReadableStream({ async pull(controller) {
    await fetch(gate);
    controller.enqueue(new TextEncoder().encode('tick'));
  } }));
} };"""


async def test_the_first_byte_leaves_when_the_agent_writes_it(site: Site) -> None:
    """And so does the head, before there is any; each piece as it is made."""
    async with gates() as upstream:
        reader, writer = await connect(site)
        path = await site.publish(TICKS)
        writer.write(f"GET {path}?gate={upstream.url}t HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            for count in (1, 2, 3):
                await upstream.reached("t", count)
                upstream.open("t")
                assert await reader.readexactly(9) == b"4\r\ntick\r\n"
        assert site.node.admission.machines == 1
        writer.transport.abort()
        await goes_on(site)


async def test_a_client_that_does_not_read_holds_the_agent_back(site: Site) -> None:
    """An endless response takes what the buffers on the way take, and no more."""
    source = "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })) };"
    path = await site.publish(source)
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", int(site.url.rsplit(":", 1)[1])))
        client.setblocking(False)
        await loop.sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert (await loop.sock_recv(client, 15)) == b"HTTP/1.1 200 OK"
        (guest,) = site.node._scheduler._guests
        written = await at_rest(lambda: guest.meter.net_egress)
        assert written < 16 << 20
        taken = 0
        while taken < 32 << 20:  # it goes on as soon as somebody reads
            taken += len(await loop.sock_recv(client, 1 << 20))
        assert guest.meter.net_egress > written
    await goes_on(site)


async def test_wait_until_keeps_the_machine_when_the_client_has_gone(site: Site) -> None:
    """In the middle of the response: what it still writes goes nowhere, and is no error."""
    source = """export default { fetch(request, env, ctx) {
      const url = new URL(request.url).searchParams.get('gate');
      ctx.waitUntil(fetch(url + 'work').then(() => console.log('done')));
      return new Response(new ReadableStream({
        async pull(c) { await fetch(url + 'tick'); c.enqueue(new Uint8Array(5)); },
        cancel: () => fetch(url + 'cancelled'),
      }));
    } };"""
    async with gates() as upstream:
        path = await site.publish(source)
        reader, writer = await connect(site)
        writer.write(f"GET {path}?gate={upstream.url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        await upstream.reached("tick")
        upstream.open("tick")
        await reader.readuntil(bytes(5))
        writer.transport.abort()
        (guest,) = site.node._scheduler._guests
        await until(lambda: guest.session.response.stream.broken)
        upstream.open("tick", 5)
        await upstream.reached("cancelled")
        assert site.node.admission.machines == 1
        upstream.open("work")
        await until(lambda: site.node.admission.machines == 0)
    assert await site.log(path) == ["done"]
    await goes_on(site)


async def test_wait_until_goes_on_after_the_response(site: Site) -> None:
    async with gates() as upstream:
        source = f"export default {{ fetch(_, env, ctx) {{ ctx.waitUntil(fetch('{upstream.url}a').then(() => console.log('done'))); return new Response('x'); }} }};"
        path = await site.publish(source)
        assert (await site.client.get(path)).text == "x"
        await upstream.reached("a")
        assert site.node.admission.machines == 1
        upstream.open("a")
        await until(lambda: site.node.admission.machines == 0)
    assert await site.log(path) == ["done"]


@pytest.mark.parametrize(
    "answer",
    [
        "new Response('x')",
        "new Response(new Blob(['x']).stream())",
        "ctx.waitUntil(Promise.resolve()) ?? new Response('x')",
    ],
    ids=["whole", "streamed", "after waitUntil"],
)
async def test_what_nobody_waits_for_ends_with_the_response(site: Site, answer: str) -> None:
    """A timer that was forgotten holds no machine; lines of the same turn are in the log all the same."""
    source = f"""export default {{ fetch(request, env, ctx) {{
      setInterval(() => console.log('tick'), 1e4);
      Promise.resolve().then(() => console.log('same turn'));
      return {answer};
    }} }};"""
    path = await site.publish(source)
    assert (await site.client.get(path)).text == "x"
    await until(lambda: site.node.admission.machines == 0, 5)
    assert await site.log(path) == ["same turn"]
    assert len(await site.log(path, "REPORT")) == 2


async def test_a_failed_run_leaves_no_timer_behind(site: Site) -> None:
    path = await site.publish("export default { fetch() { setInterval(() => {}, 1e4); throw new Error('boom'); } };")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    await until(lambda: site.node.admission.machines == 0, 5)


async def test_requests_see_nothing_of_each_other(site: Site) -> None:
    path = await site.publish("let n = 0; export default { fetch: () => new Response(String(++n)) };")
    assert [(await site.client.get(path)).text for _ in range(5)] == ["1"] * 5


async def test_the_time_of_the_run_is_in_its_report(site: Site) -> None:
    path = await site.publish(
        "export default { async fetch() { await new Promise((r) => setTimeout(r, 50)); return new Response(); } };"
    )
    await site.client.get(path)
    (_, end) = await site.log(path, "REPORT")
    assert 45 <= int(end.removeprefix("END Request: Duration: ").removesuffix("ms")) < 5000


async def test_an_old_client_gets_its_answer(site: Site) -> None:
    """HTTP/1.0: the connection is closed after it."""
    path = await site.publish(HELLO)
    answer = await exchange(site, f"GET {path} HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.body, answer.all("connection")) == (200, b"hello", ["close"])


async def test_many_at_once(site: Site) -> None:
    """Different programs and the same one, mixed."""
    paths: list[Any] = [await site.publish(HELLO + "//" * n) for n in range(5)]
    answers = await asyncio.gather(*(site.client.get(paths[n % 5]) for n in range(50)))
    assert {answer.text for answer in answers} == {"hello"}
    await goes_on(site)
