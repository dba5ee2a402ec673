"""Everything that a program or a caller can get wrong: what the caller sees, what the log says, and that the node goes
on as if nothing had happened."""

import asyncio

import h11
import httpx
import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import assert_failed, assert_refused, connect, exchange, gates, get, goes_on, until
from wapo.content.cid import Cid


async def failed(site: Site, source: str | bytes, *log: str, status: int = 500, code: str = "agent_failed") -> None:
    """A program that fails so: with these lines of ERROR in its log, and a START and an END around them."""
    path = await site.publish(source)
    assert_failed(await site.client.get(path), status, code)
    assert await site.log(path, "ERROR") == list(log)
    reports = await site.log(path, "REPORT")
    assert reports[0] == f"START Request: GET {path}"
    assert [text.split(":")[0] for text in reports] == ["START Request", "END Request"]
    await goes_on(site)


async def cut(site: Site, source: str) -> str:
    """A program whose response does not come whole, and the caller can tell; its path."""
    path = await site.publish(source)
    with pytest.raises(h11.RemoteProtocolError, match="closed connection without sending complete message body"):
        await get(site, path)
    await goes_on(site)
    return path


async def test_not_a_cid(site: Site) -> None:
    """There is no program, so there is no log."""
    message = "'hello' is not an IPFS CID. One looks like Qm... or bafy... or bafkrei..."
    assert_refused(await site.client.get("/ipfs/hello"), 400, "invalid_cid", message)
    for text in ("Qm", "not-a-cid", "..%2f..%2fetc", "bafkrei" + "a" * 2000, "%ff", "%00", "%22%3Cscript%3E"):
        answer = await get(site, f"/ipfs/{text}")
        assert (answer.status, answer.all("x-wapo-error")) == (400, ["invalid_cid"]), text
        assert answer.all("content-type") == ["application/json"]
    assert_refused(await site.client.get("/logs/all/ipfs/hello"), 400, "invalid_cid", message)
    await goes_on(site)


async def test_an_unknown_cid(site: Site) -> None:
    cid = Cid.of(b"nobody has this")
    message = f"{cid} is not in the local store, and no upstream is configured."
    for path in (f"/ipfs/{cid}", f"/ipfs/{cid}/0", f"/ipfs/{cid}/a/b?c"):
        assert_refused(await site.client.get(path), 404, "content_not_found", message)
    assert (await site.client.get(f"/logs/all/ipfs/{cid}")).text == "\n"
    await goes_on(site)


async def test_a_directory(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing in it is run, whatever its name; what is there is told, so that the address can be put right."""
    folder = tmp_path_factory.mktemp("directory")
    (folder / "lib").mkdir()
    for name in ("index.js", "lib/a.js"):
        (folder / name).write_text("({ body: 'no' })")
    cid = await site.node.library.publish(folder)
    for tail, message in (
        ("", f"{cid} is a directory. It holds 'index.js', 'lib'."),
        ("/", f"{cid} is a directory. It holds 'index.js', 'lib'."),
        ("/lib/b.js", f"{cid}/lib is a directory without an entry 'b.js'. It holds 'a.js'."),
        ("/%ff", f"{cid} is a directory without an entry '\\udcff'. It holds 'index.js', 'lib'."),
    ):
        assert_refused(await site.client.get(f"/ipfs/{cid}{tail}"), 404, "is_a_directory", message)
    await goes_on(site)


async def test_an_empty_file(site: Site) -> None:
    await failed(site, "", "the program is empty")
    await failed(site, " \n\t", "the program is empty")


async def test_30_MB_of_text(site: Site) -> None:
    """It is over the limit of a program, so it is not even read, and there is no log."""
    text = b"lorem ipsum " * (30 << 20 >> 3)
    path = await site.publish(text[: 30 << 20])
    message = f"{path.removeprefix('/ipfs/')} is {30 << 20} bytes large; {20 << 20} are allowed."
    assert_refused(await site.client.get(path), 413, "content_too_large", message)
    assert (await site.client.get(f"/logs/all{path}")).text == "\n"
    await goes_on(site)


async def test_a_syntax_error(site: Site) -> None:
    """The log has the line and the column in the user's file; for a script as for a module."""
    error = "SyntaxError: unexpected token in expression: '='\n    at agent.js:2:11"
    await failed(site, "const a = 1;\n  let b = = 2;\n", error)
    await failed(site, "export default 1;\n  let b = = 2;\n", error)


async def test_an_import(site: Site) -> None:
    path = await site.publish("import pad from 'left-pad';\nexport default { fetch: () => new Response() };")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    (line,) = await site.log(path, "ERROR")
    assert line.splitlines()[0] == (
        "TypeError: cannot import 'left-pad' from 'agent.js': only ipfs://<cid>[/<path>] and, in a published directory, ./ and ../ can be imported; bundle other packages into the program"
    )
    await goes_on(site)


async def test_invalid_utf_8(site: Site) -> None:
    await failed(site, b"const a = '\xff';", "the program is not valid UTF-8: invalid start byte at byte 11")


async def test_a_binary(site: Site) -> None:
    await failed(site, bytes(range(1, 256)) + b"\0", "the program is not text: it has a NUL byte at offset 255")
    path = await site.publish(b"\0asm\1\0\0\0")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    (line,) = await site.log(path)
    assert line.startswith("the program is a WebAssembly module")
    await goes_on(site)


async def test_a_throw_at_the_top_level(site: Site) -> None:
    """Of a script, of a module, after an await; at each request anew."""
    await failed(site, "const a = 1;\n  throw new Error('boom');\n", "Error: boom\n    at <eval> (agent.js:2:13)")
    module = "export default { fetch() {} };\n{}\n  throw new Error('boom');\n"
    await failed(site, module, "Error: boom\n    at <anonymous> (agent.js:3:13)")
    path = await site.publish("export default 1;\nawait null;\n  throw new RangeError('late');\n")
    for _ in range(2):
        assert_failed(await site.client.get(path), 500, "agent_failed")
    assert await site.log(path) == ["RangeError: late\n    at <anonymous> (agent.js:3:13)"] * 2
    await goes_on(site)


async def test_nothing_returned(site: Site) -> None:
    await failed(site, "const a = 1;", "the script ended without an output")
    await failed(site, "export default function main() {}", "the script ended without an output")
    await failed(site, "var module = { exports: () => {} }; undefined", "the script ended without an output")
    path = await site.publish("export default { fetch() {} };")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    (line,) = await site.log(path, "ERROR")
    assert "the handler must return a Response, not undefined" in line
    await goes_on(site)


async def test_a_number_returned(site: Site) -> None:
    for source in ("40 + 2", "export default () => 42;", "export default () => '42';"):
        path = await site.publish(source)
        assert_failed(await site.client.get(path), 500, "agent_failed")
        (line,) = await site.log(path, "ERROR")
        assert line.startswith("the script's output is "), line
    path = await site.publish("export default { fetch: () => 42 };")
    assert_failed(await site.client.get(path), 500, "agent_failed")
    (line,) = await site.log(path, "ERROR")
    assert "the handler must return a Response, not number" in line
    await goes_on(site)


async def test_a_rejection(site: Site) -> None:
    """The user's line and column, in every convention; what is rejected with need not be an error."""
    body = "{\n  await null;\n  throw new TypeError('no');\n}"
    await failed(site, f"export default async function main() {body}", "TypeError: no\n    at main (agent.js:3:13)")
    await failed(site, f"export default {{ async fetch() {body} }};", "TypeError: no\n    at fetch (agent.js:3:13)")
    await failed(
        site, f"var module = {{ exports: async function run() {body} }};", "TypeError: no\n    at run (agent.js:3:13)"
    )
    await failed(site, "export default { fetch: () => Promise.reject({ a: 1 }) };", "{ a: 1 }")


async def test_a_promise_that_never_settles(site: Site) -> None:
    """Nothing can happen any more, so nobody waits for the time limit."""
    async with asyncio.timeout(10):
        for source in (
            "export default { fetch: () => new Promise(() => {}) };",
            "await new Promise(() => {});\nexport default { fetch: () => new Response('x') };",
        ):
            path = await site.publish(source)
            assert_failed(await site.client.get(path), 500, "agent_failed")
            (line,) = await site.log(path, "ERROR")
            assert "the program ended without an answer: its promise can never settle" in line
        await failed(site, "export default () => new Promise(() => {});", "the script ended without an output")
    await goes_on(site)


async def test_a_response_ended_twice(site: Site) -> None:
    """The first answer counts; the second is an error, in the log with its line."""
    twice = "addEventListener('fetch', (event) => {\n  event.respondWith(new Response('1'));\n  event.respondWith(new Response('2'));\n});"
    path = await site.publish(twice)
    response = await site.client.get(path)
    assert (response.status_code, response.text) == (200, "1")
    (line,) = await site.log(path)
    assert line.startswith("Uncaught DOMException [InvalidStateError]: respondWith has been called already")
    assert line.splitlines()[1] == "    at <anonymous> (agent.js:3:25)"
    path = await site.publish(
        """export default { fetch: () => new Response(new ReadableStream({ start(controller) {
  controller.close();
  controller.close();
} })) };"""
    )
    assert_failed(await site.client.get(path), 500, "agent_failed")
    (line,) = await site.log(path)
    assert line.startswith(
        "TypeError: the stream is closed or errored, or is being closed\n    at start (agent.js:3:14)\n"
    )
    await goes_on(site)


async def test_an_illegal_header(site: Site) -> None:
    """None of them gets out, whoever would refuse it: the platform, the conventions, or the gateway."""

    def agent(name: str, value: str) -> str:
        return f"export default {{ fetch() {{\n  return new Response('x', {{ headers: {{ '{name}': '{value}' }} }});\n}} }};"

    at = "\n    at fetch (agent.js:2:14)"
    await failed(site, agent("a b", "c"), "TypeError: 'a b' is not a valid header name" + at)
    line_break = "TypeError: a header value must not hold a line break or a null character"
    await failed(site, agent("a", "b\\r\\nset-cookie: c"), line_break + at)
    cannot = "the response has a header that cannot be sent: 'a'"
    await failed(site, agent("a", "b\\u0001c"), cannot)
    await failed(site, agent("a", "b\\u007fc"), cannot)
    await failed(site, "({ headers: { 'a b': 'c' } })", "the script's output has an illegal header 'a b'")
    await failed(site, "({ headers: { a: 'b\\r\\nset-cookie: c' } })", "the script's output has an illegal header 'a'")
    await failed(site, "({ headers: { a: ['b', 'c\\u0001'] } })", "the script's output has an illegal header 'a'")
    head = "export default { fetch: () => new Response(null, { headers: { a: 'x'.repeat(300000) } }) };"
    await failed(site, head, "the response's head has 300002 bytes; at most 262144 are allowed", code="response_limit")


async def test_a_write_after_the_end(site: Site) -> None:
    """The response is what was there before; the log has the line that wrote."""
    path = await site.publish(
        """export default { fetch() {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter(), bytes = new TextEncoder().encode('a');
  writer.write(bytes);
  writer.close();
  writer.write(bytes);
  return new Response(readable);
} };"""
    )
    response = await site.client.get(path)
    assert (response.status_code, response.text) == (200, "a")
    assert await site.log(path) == [
        "Uncaught (in promise) TypeError: the stream is closed or is being closed\n    at fetch (agent.js:6:16)"
    ]
    await goes_on(site)


async def test_a_failure_in_the_middle_of_a_response(site: Site) -> None:
    """What was sent cannot be taken back, but nobody takes it for whole."""
    path = await cut(
        site,
        """export default { fetch: () => new Response(new ReadableStream({ async pull(controller) {
  controller.enqueue(new TextEncoder().encode('half'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  throw new Error('boom');
} })) };""",
    )
    assert await site.log(path) == ["Uncaught (in the response's body) Error: boom\n    at pull (agent.js:4:13)"]
    path = await cut(
        site,
        "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue('text'); } })) };",
    )
    (line,) = await site.log(path)
    assert line.startswith("Uncaught (in the response's body) TypeError: a chunk of the body is not a Uint8Array")


@pytest.mark.parametrize("streamed", [False, True], ids=["before the head", "in mid-response"])
async def test_a_client_that_goes_away(site: Site, streamed: bool) -> None:
    """The machine ends at once, without an error: nothing went wrong in the program."""
    wait = "await fetch(new URL(request.url).searchParams.get('gate'));"
    source = (
        f"export default {{ fetch: (request) => new Response(new ReadableStream({{ async pull(c) {{ c.enqueue(new Uint8Array(9)); {wait} }} }})) }};"
        if streamed
        else f"export default {{ async fetch(request) {{ {wait} return new Response('late'); }} }};"
    )
    async with gates() as upstream:
        path = await site.publish(source)
        reader, writer = await connect(site)
        writer.write(f"GET {path}?gate={upstream.url}a HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        await upstream.reached("a")
        if streamed:
            await reader.readuntil(b"\0" * 9)
        assert site.node.admission.machines == 1
        writer.transport.abort()
        await until(lambda: site.node.admission.machines == 0)
        upstream.open("a")
    assert await site.log(path) == []
    assert [text.split(":")[0] for text in await site.log(path, "REPORT")] == ["START Request", "END Request"]
    await goes_on(site)


async def test_outputs_that_cannot_be_told(site: Site) -> None:
    """Circular, a getter that throws, too deep, a number without a value: all are the program's failures, at once."""
    async with asyncio.timeout(10):
        for source, expected in (
            ("const a = {}; a.a = a; a", "TypeError: circular reference"),
            ("({ get body() { throw new Error('boom'); } })", "Error: boom"),
            ("var module = { exports: () => ({ body: 1n }) };", "TypeError: BigInt are forbidden in JSON.stringify"),
            ("let a = []; for (let i = 0; i < 2000; i++) a = [a]; ({ body: a })", "the script's output"),
            ("scriptOutput = new Uint8Array([0x81, 0xa6, 115, 116, 97, 116, 117, 115, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]);",
             "the status of the script's output is "),
        ):  # fmt: skip
            path = await site.publish(source)
            assert_failed(await site.client.get(path), 500, "agent_failed")
            (line,) = await site.log(path)
            assert line.startswith(expected)
    await goes_on(site)


async def test_a_host_header_that_is_none(site: Site) -> None:
    """An agent's ``new URL(request.url)`` works whatever a caller sends."""
    path = await site.publish("export default { fetch: (request) => new Response(new URL(request.url).host) };")
    for host in ("a b", "a/b", "u@h", "a:b:c", "h:99999", "1.2.3.4.5", "256.1.1.1", "[::1", "[1.2.3]", "caf\xe9", ""):
        answer = await exchange(site, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert (answer.status, answer.all("x-wapo-error")) == (400, ["invalid_host"]), host
    for host in ("a", "a.b:1", "127.0.0.1:8000", "[::1]:8000", "xn--caf-dma.example.", "a_b"):
        answer = await exchange(site, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert (answer.status, answer.body.decode()) == (200, host), host
    await goes_on(site)


async def test_what_is_no_http(site: Site) -> None:
    reader, writer = await connect(site)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()
    await goes_on(site)


async def test_a_program_that_was_not_there_may_be_there_later(open_site: SiteFactory) -> None:
    """A failure to find is not kept, nor one to reach an upstream (node-and-gateway 1.3.8, NEW)."""
    source = b"export default { fetch: () => new Response('here') };"
    async with open_site() as site:
        cid = await site.node.library.publish(b"something else")
        path = f"/ipfs/{Cid.of(source)}"
        assert (await site.client.get(path)).status_code == 404
        assert cid != Cid.of(source)
        await site.node.library.blocks.put(Cid.of(source), source)
        response: httpx.Response = await site.client.get(path)
        assert (response.status_code, response.text) == (200, "here")
