"""The Wapo global of an agent (wapojs-api.md sections 2, 3 and 8): values that cross, helpers, printing, streams."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, test_utils, web

from tests.agents.support import Log, Workshop, open_workshop
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.net.network import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(profile: JavaScriptProfile) -> AsyncIterator[Workshop]:
    async with open_workshop(profile) as opened, HttpClient(EgressPolicy(allow_private=True)) as client:
        opened.services.http_client = client
        opened.services.network = Network(client.policy, client.resolver)
        yield opened


async def evaluate(place: Workshop, expressions: list[str], log: Log | None = None) -> list[object]:
    """What each expression comes to: a value, or the message of what it throws. Bytes are shown as hexadecimal."""
    source = f"""export default {{ async fetch() {{
      const results = [];
      for (const source of {json.dumps(expressions)}) {{
        let result;
        try {{ result = await (0, eval)(source) }} catch (error) {{ result = `throws ${{error.message}}` }}
        if (result instanceof Uint8Array) result = 'bytes ' + result.toHex();
        if (typeof result === 'bigint') result = `${{result}}n`;
        results.push(result === undefined ? 'undefined' : result);
      }}
      return Response.json(results) }} }}"""
    answer = await place.start(await place.image(source), log=log).answer()
    result: list[object] = json.loads(answer.body)
    return result


async def check(place: Workshop, cases: dict[str, object]) -> None:
    assert dict(zip(cases, await evaluate(place, list(cases)), strict=True)) == cases


async def test_encoding_helpers(place: Workshop) -> None:
    await check(place, {
        "Wapo.hexEncode('0x01')": "30783031",
        "Wapo.hexEncode(new Uint8Array([1, 255]), true)": "0x01ff",
        "Wapo.hexEncode([1, 2], false)": "0102",
        "Wapo.hexEncode('a', 1)": "throws expect bool, got number",
        "Wapo.hexEncode([256])": "throws expect bytes, got number in an array",
        "Wapo.hexEncode(new Int8Array(1))": "throws expect bytes or string, got Int8Array",
        "Wapo.hexEncode()": "throws expect bytes or string, got undefined",
        "Wapo.hexDecode('0x0x0AfF')": "bytes 0aff",
        "Wapo.hexDecode('0x')": "bytes ",
        "Wapo.hexDecode('0X01').length": "throws invalid hex string: it has another character, or an odd number of digits",
        "Wapo.hexDecode('abc')": "throws invalid hex string: it has another character, or an odd number of digits",
        "Wapo.hexDecode(1)": "throws expect string, got number",
        "Wapo.base64Encode('hello', true)": "aGVsbG8=",
        "Wapo.base64Encode('hello', false)": "aGVsbG8",
        "Wapo.base64Decode('aGVsbG8=', true)": "bytes 68656c6c6f",
        "Wapo.base64Decode('aGVsbG8', false)": "bytes 68656c6c6f",
        "Wapo.base64Decode('aGVsbG8', true)": "throws invalid base64 string: the padding is missing",
        "Wapo.base64Decode('aGVsbG8=', false)": "throws invalid base64 string: padding is not allowed",
        "Wapo.base64Decode('aGVs bG8=', true)": "throws invalid base64 string: a character is not of the alphabet",
        "Wapo.base64Decode('-_==', true)": "throws invalid base64 string: a character is not of the alphabet",
        "Wapo.base64Decode('aGVsbG9=', true)": "throws invalid base64 string: its end is not as it must be",
        "Wapo.utf8Encode('é')": "bytes c3a9",
        "Wapo.utf8Encode(new String('é'))": "throws expect string, got object",
        "Wapo.utf8Decode([0xef, 0xbb, 0xbf, 0x61])": "\ufeffa",
        "Wapo.utf8Decode([0xff])": "throws invalid utf-8 data",
        "Wapo.concatU8a([new Uint8Array([1]), new Uint8Array([2, 3])])": "bytes 010203",
        "Wapo.concatU8a([])": "bytes ",
    })  # fmt: skip


async def test_repr(place: Workshop) -> None:
    await check(place, {
        "Wapo.repr({ a: 1, 'b-c': [2, 'x\\n\"'], d: new Uint8Array([1, 255]) })": '{a:1,b-c:[2,"x\\n\\""],d:0x01ff}',
        "Wapo.repr([null, undefined, 5n, true])": "[null,undefined,5,true]",
        "Wapo.repr(new (class Foo { constructor() { this.a = 1 } })())": "{a:1}",
        "Wapo.repr(new Map())": "[object Map]",
        "Wapo.repr({ a: { b: { c: { d: { e: { f: 1 } } } } } })": "{a:{b:{c:{d:{e:{...}}}}}}",
        "Wapo.repr([[1]], { depth: 1 })": "[[...]]",
        "Wapo.repr({ a: [1], b: {} }, { indent: '  ' })": "{\n  a: [\n    1\n  ],\n  b: {}\n}",
        "Wapo.repr('a\\0\\x07')": '"a\\0\\a"',
        "Wapo.repr(Symbol('x'))": "<value>",
    })  # fmt: skip


async def test_printing(place: Workshop) -> None:
    log = Log()
    results = await evaluate(place, [
        "Wapo.print(2, ['a', 1, [1]])", "Wapo.print(3, [{ a: 1 }, 'b'], { depth: 3 })", "Wapo.print(9, ['one\\ntwo  '])",
        "Wapo.print(2, 'text')", "print('%s', 'x')", "Wapo.print(2, ['é'.repeat(20000)])",
        "Wapo.useBufferedLogs(true); console.log('kept', { a: 1 }); console.warn('w'); print('direct'); JSON.parse(scriptLogs).map(({ message, level }) => [message, level])",
        "Wapo.useBufferedLogs(false); console.log('again'); 'use strict'; scriptLogs = 1; JSON.parse(scriptLogs).length",
        "Sidevm.inspect({ a: 1 }, 'x')",
    ], log)  # fmt: skip
    assert results == [
        None,
        None,
        None,
        "throws expect list, got string",
        None,
        None,
        [["kept { a: 1 }", 2], ["w", 3]],
        2,
        None,
    ]
    assert [(level, text[:30]) for level, text in log.lines] == [
        (3, "a 1 1"), (2, "{a:1} b"), (1, "one"), (1, "two"), (3, "x"), (3, "é" * 30), (3, "<...>"), (3, "direct"),
        (3, "again"), (3, "{\n  a: 1\n} x"[:1]), (3, "  a: 1"), (3, "} x"),
    ]  # fmt: skip
    assert len(log.lines[5][1].encode()) == 20480


async def test_timers_and_numbers(place: Workshop) -> None:
    await check(place, {
        "Wapo.close(12345)": None,
        "Wapo.close('1')": "throws expect u64, got string",
        "Wapo.close(-1)": "throws expect u64, got -1",
        "typeof Wapo.setTimeout(() => 0, 0)": "number",
        "Wapo.setTimeout(() => 0, {})": "throws expect u64, got object",
        "new Promise((resolve) => { const t = Date.now(); Wapo.setTimeout((...args) => resolve([Date.now() - t >= 3, args.length]), 0) })": [True, 0],
        "new Promise((resolve) => { let n = 0; const id = Wapo.setInterval(() => { if (++n === 3) { clearTimeout(id); resolve(n) } }, 1) })": 3,
        "new Promise((resolve) => setTimeout(() => resolve('closed'), Wapo.close(setTimeout(() => resolve('fired'), 1)) ?? 20))": "closed",
        "Object.keys(Wapo.memoryStats()).join()": "current,spike,peak",
        "String(Wapo.memoryStats())": "[object Stats]",
        "String(Wapo.marker('x'))": "[object Marker]",
        "const { hash } = Wapo; hash('sha256', 'abc').toHex().slice(0, 16)": "ba7816bf8f01cfea",
    })  # fmt: skip


async def test_urls(place: Workshop) -> None:
    await check(place, {
        "Wapo.parseURL('https://u:p@example.com:8080/a?b=c#d')": {
            "host": "example.com", "hostname": "example.com", "href": "https://u:p@example.com:8080/a?b=c#d",
            "origin": "https://example.com:8080", "password": "p", "pathname": "/a", "hash": "d", "port": "8080",
            "protocol": "https", "search": "b=c", "username": "u",
        },
        "Wapo.parseURL('../x', 'http://a/b/c').href": "http://a/x",
        "Wapo.parseURLParams('b=1&a=2&b=3%20')": {"a": "2", "b": "3 "},
    })  # fmt: skip


async def test_what_an_agent_does_not_have(place: Workshop) -> None:
    """Scripts test for it."""
    missing = ["env", "httpListen", "httpsListen", "queryListen", "queryReply", "workerSign", "workerPublicKey", "sgxQuote",
               "bootData", "storeBootData", "tryLock", "unlock"]  # fmt: skip
    await check(place, {f"typeof Wapo.{name}": "undefined" for name in missing} | {
        "typeof Wapo.isolateEval": "function", "typeof Sidevm.httpListen": "undefined", "typeof Sidevm.hash": "function",
        "localStorage.setItem('a', 1); [localStorage.getItem('a'), localStorage.getItem('b'), localStorage.length]": ["1", None, 1],
    })  # fmt: skip


async def test_handles_are_used_once(place: Workshop) -> None:
    await check(place, {
        "Wapo.streamOpenRead({}, () => 0)": "throws failed to get input_stream from the handle: it is none, or was opened before",
        "Wapo.streamOpenWrite(null)": "throws failed to get output_stream from the handle: it is none, or was opened before",
        "Wapo.streamWriteChunk({}, 'x', () => 0)": "throws failed to get writer: it is none, or closed",
        "Wapo.streamBridge(1)": "throws expect { input, output }, got number",
        "Wapo.streamOpenRead(new Response('x').body, 0) > 0": True,
        "const { body } = new Response('y'.repeat(20000)); new Promise((resolve) => { const sizes = []; Wapo.streamOpenRead(body, (c, d) => c === 'data' ? sizes.push(d.length) : resolve([sizes, c, d])) })":
            [[8192, 8192, 3616], "end", None],
        "const { body: used } = new Response('z'); used.getReader(); try { Wapo.streamOpenRead(used, () => 0) } catch (e) { e.name }": "TypeError",
    })  # fmt: skip


async def test_a_sidevm_request(place: Workshop) -> None:
    """Head, data and end of one callback; a time limit; a number that ends it."""
    await check(place, {
        "new Promise((resolve) => Sidevm.httpRequest({ url: 'http://127.0.0.1:1/' }, (command, text) => resolve([command, text.split('`: ')[0]])))":
            ["error", "failed to request `http://127.0.0.1:1/"],
        "typeof Sidevm.httpRequest({ url: 'http://127.0.0.1:1/' }, () => 0)": "number",
    })  # fmt: skip


async def test_web_socket_primitives(place: Workshop) -> None:
    """Against a server that echoes, closes when asked to, and is not there."""
    if (await evaluate(place, ["typeof WebSocket"])) == ["undefined"]:
        pytest.skip("this platform has no WebSocket")

    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("chat",))
        await socket.prepare(request)
        await socket.send_str(f"{request.headers.get('x-a')} {socket.ws_protocol}")
        async for message in socket:
            if message.data == "bye":
                break
            await (socket.send_str if message.type is WSMsgType.TEXT else socket.send_bytes)(message.data)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", echo)
    async with test_utils.TestServer(app) as server:
        url = f"ws://127.0.0.1:{server.port}/"
        open_ = "const headers = { Host: 'x', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol': 'chat', 'X-A': 'b' };"
        results = await evaluate(place, [
            open_ + f"""new Promise((resolve) => {{
              const seen = [];
              const id = Wapo.wsOpen({{ url: '{url}', headers, config: {{ maxMessageSize: 1000 }} }}, (command, value) => {{
                if (command === 'open') {{
                  globalThis.sink = value;
                  seen.push(String(value), typeof id);
                  Wapo.wsSend(value, {{ kind: 'text', data: 'hello' }});
                  Wapo.wsSend(value, {{ kind: 'binary', data: new Uint8Array([1, 2]) }});
                  Wapo.wsSend(value, {{ kind: 'ping' }});
                  Wapo.wsSend(value, {{ kind: 'text', data: 'bye' }});
                  try {{ Wapo.wsSend(value, {{ kind: 'other' }}) }} catch (error) {{ seen.push(error.message) }}
                }} else {{
                  seen.push([value.kind, typeof value.data === 'string' ? value.data : Wapo.hexEncode(value.data)]);
                  if (value.kind === 'close') resolve(seen);
                }}
              }});
            }})""",
            "Wapo.wsClose(sink)", "Wapo.wsSend(sink, { kind: 'text', data: '' })", "Wapo.wsSend({}, { kind: 'text' })",
            "new Promise((resolve) => Wapo.wsOpen({ url: 'ws://127.0.0.1:1/' }, (command, text) => resolve([command, typeof text])))",
            f"new Promise((resolve) => Wapo.wsOpen({{ url: '{url}' }}, (command, value) => command === 'open' ? Wapo.wsClose(value) : value.kind === 'close' && resolve('closed')))",
        ])  # fmt: skip
    assert results == [
        ["[object WebSocketSink]", "number", "unknown kind of message: other", ["text", "b chat"], ["text", "hello"],
         ["binary", "0102"], ["close", ""]],
        "throws already closed", "throws failed to send message: the connection is closed",
        "throws expect WebSocketSink, got object", ["error", "string"], "closed",
    ]  # fmt: skip
