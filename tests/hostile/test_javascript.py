"""Agents that try to block, crash or fill the process from inside JavaScript."""

import httpx
import pytest

from tests.conftest import Site, SiteFactory
from tests.hostile.neighbours import attack, handler

ENDLESS = {
    "a loop": "for (;;);",
    "a getter": "({ get a() { for (;;); } }).a",
    "a proxy trap": "JSON.stringify(new Proxy({}, { ownKeys() { for (;;); } }))",
    "toString": "`${{ toString() { for (;;); } }}`",
    "toJSON": "JSON.stringify({ toJSON() { for (;;); } })",
    "a comparator": "Array.from({ length: 1e5 }, (_, i) => -i).sort(() => { for (;;); })",
    "an iterator": "for (const x of { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) });",
    "an async generator": "async function* g() { for (;;) yield 1; } for await (const x of g());",
    "microtasks": "await new Promise(() => { (function again() { queueMicrotask(again); })(); })",
    "promises": "(async () => { for (;;) await 0; })(); await new Promise(() => {})",
    "nextTick": "await new Promise(() => { (function again() { process.nextTick(again); })(); })",
    "a thenable": "await { then(resolve) { resolve(this); } }",
    "a finalizer": "const r = new FinalizationRegistry(() => { for (;;); }); r.register({}, 1); await 0; for (;;) ({})",
    "backtracking": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
    "backtracking over a long string": "/(x+x+)+y/.exec('x'.repeat(1e5))",
    "a long regular expression": "new RegExp('[a-z]|'.repeat(1e6))",
    "a stack trace": "Error.prepareStackTrace = () => { for (;;); }; new Error('x').stack",
    "an error that is thrown": "const e = new Error(); Object.defineProperty(e, 'stack', { get() { for (;;); } }); throw e",
    "console.log": "console.log({ get [Symbol.toStringTag]() { for (;;); } }); for (;;);",
    "structuredClone": "structuredClone({ get a() { for (;;); } })",
    "a header": "new Headers({ get a() { for (;;); } })",
    "an array of holes": "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 5)",
    "a join of holes": "new Array(2 ** 32 - 1).join('')",
    "normalize": "for (;;) '\\u1E9B\\u0323'.repeat(1e5).normalize('NFKD')",
    "big integers": "let a = 3n; for (;;) a = (a * a) % (2n ** 100000n)",
    "garbage": "for (;;) { const a = {}; a.a = a; }",
    "a map": "const m = new Map(); for (let i = 0; ; i++) { m.set(i % 1000, {}); }",
    "a URL pattern": "new URLPattern({ pathname: '/((?:a+)+b)' }).test({ pathname: `/${'a'.repeat(40)}` })",
    "PBKDF2": "for (;;) require('crypto').pbkdf2Sync('p', 's', 1e5, 32, 'sha256')",
    "searching a Buffer": "const b = Buffer.alloc(1e6, 'a'); for (;;) b.indexOf('a'.repeat(1e5) + 'b')",
    "a stream that is always ready": "const { Readable } = require('stream'); new Readable({ read() { this.push('x'); } }).on('data', () => {}); await new Promise(() => {})",
    "emitting while emitting": "const e = new (require('events'))(); e.on('x', () => process.nextTick(() => e.emit('x'))); e.emit('x'); await new Promise(() => {})",
    "sorting by locale": "for (;;) Array.from({ length: 1e4 }, (_, i) => `é${i}`).sort((a, b) => a.localeCompare(b))",
    "time zones": "for (;;) new Date().toLocaleString('en', { timeZone: 'Europe/Berlin' })",
    "numbers": "for (;;) (10n ** 5000n).toLocaleString()",
    "async contexts": "const s = new (require('async_hooks').AsyncLocalStorage)(); const f = () => s.run({}, () => Promise.resolve().then(f)); f(); await new Promise(() => {})",
}


async def test_nothing_computes_for_longer_than_a_burst(open_site: SiteFactory) -> None:
    """Promise: between two waits a program gets so much CPU, whatever it spends it on; others go on meanwhile."""
    async with open_site(burst_s=0.15, time_s=30) as site:
        answers = await attack(site, {name: handler(body) for name, body in ENDLESS.items()})
    assert {name: answer.headers.get("x-wapo-error") for name, answer in answers.items()} == dict.fromkeys(
        ENDLESS, "burst_limit"
    )


DEEP = {
    "a function": "(function f() { f(); })()",
    "toString": "const o = { toString() { return `${o}`; } }; `${o}`",
    "a getter": "const o = { get a() { return this.a; } }; o.a",
    "a proxy": "let p = {}; for (let i = 0; i < 50000; i++) p = new Proxy(p, {}); p.x",
    "JSON text": "JSON.parse('['.repeat(1e6) + ']'.repeat(1e6))",
    "JSON text of objects": "JSON.parse('{\"a\":'.repeat(1e6) + '1' + '}'.repeat(1e6))",
    "structuredClone": "let o = []; for (let i = 0; i < 100000; i++) o = [o]; structuredClone(o)",
    "a join": "let o = []; for (let i = 0; i < 100000; i++) o = [o]; o + ''",
    "parentheses": "new Function('return ' + '('.repeat(1e6) + '1' + ')'.repeat(1e6))",
    "operators": "new Function('return ' + '!'.repeat(1e6) + '1')",
    "brackets": "new Function('return ' + '['.repeat(1e6) + ']'.repeat(1e6))",
    "arrows": "new Function('return ' + 'a=>'.repeat(1e6) + '1')",
    "templates": "new Function('return ' + '`${'.repeat(1e5) + '}`'.repeat(1e5))",
    "conditions": "new Function('return ' + '1?'.repeat(1e5) + '1' + ':1'.repeat(1e5))",
    "blocks": "new Function('{'.repeat(1e6) + '}'.repeat(1e6))",
    "groups of a regular expression": "new RegExp('(?='.repeat(1e5) + ')'.repeat(1e5))",
    "a list that is freed": "let o = null; for (let i = 0; i < 3e5; i++) o = { o }; o = null; throw new RangeError()",
    "deep equality": "const f = () => { let o = []; for (let i = 0; i < 5e4; i++) o = [o]; return o; }; require('assert').deepEqual(f(), f())",
    "events": "const e = new (require('events'))(); e.on('x', () => e.emit('x')); e.emit('x')",
    "async contexts": "const s = new (require('async_hooks').AsyncLocalStorage)(); (function f() { s.run(1, f); })()",
    "a rope": "let s = ''; for (let i = 0; i < 3e5; i++) s = 'a' + s; s[5]; throw new RangeError()",
}


async def test_deep_recursion_is_an_exception(open_site: SiteFactory) -> None:
    """Promise: what is nested too deeply is an error that the agent can catch, and goes on after."""
    agents = {
        name: handler(f"try {{ {body} }} catch (e) {{ return new Response(`${{e.name}}: ${{e.message}}`); }}")
        for name, body in DEEP.items()
    }
    async with open_site(burst_s=10) as site:
        answers = await attack(site, agents, at_once=2)
    assert {name: (a.status_code, a.text.split(":")[0]) for name, a in answers.items()} == {
        name: (200, "SyntaxError" if "regular" in name else "RangeError") for name in DEEP
    }


GREEDY = {
    "typed arrays": "const a = []; for (;;) a.push(new Uint8Array(1e6))",
    "one typed array": "new Uint8Array(2 ** 30)",
    "buffers": "new ArrayBuffer(2 ** 31)",
    "a shared buffer": "new SharedArrayBuffer(2 ** 31)",
    "a resizable buffer": "new ArrayBuffer(1, { maxByteLength: 2 ** 32 })",
    "a string": "'x'.repeat(2 ** 28)",
    "a longer string": "'x'.repeat(2 ** 30 - 1)",
    "padding": "'x'.padEnd(2 ** 29, 'abc')",
    "a growing string": "let s = 'x'; for (;;) s += s",
    "an array of itself": "const a = []; for (;;) a.push(a)",
    "spread": "Math.max(...new Array(1e7))",
    "split": "'x'.repeat(2e7).split('')",
    "replace": "'x'.repeat(1e6).replace(/x/g, 'y'.repeat(1e4))",
    "an integer": "10n ** 1000000000n",
    "a shifted integer": "1n << (2n ** 62n)",
    "a chain of prototypes": "let p = {}; for (;;) p = Object.create(p)",
    "bound functions": "let f = () => 1; for (;;) f = f.bind(null)",
    "properties": "const o = {}; for (let i = 0; ; i++) o['x'.repeat(1000) + i] = i",
    "timers": "try { for (;;) setTimeout(() => {}, 1e6) } catch (e) { process.exit(); throw e; }",
    "a blob": "let b = new Blob(['x'.repeat(1e6)]); for (;;) b = new Blob([b, b, new Uint8Array(1e6)])",
    "a stream's queue": "new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1e5)); } })",
    "messages": "const { port1 } = new MessageChannel(); for (;;) port1.postMessage('x'.repeat(1e5))",
    "an encoder": "new TextEncoder().encode('\\u0800'.repeat(3e7))",
    "headers": "const h = new Headers(); for (let i = 0; ; i++) h.append(`x${i}`, 'y'.repeat(1e5))",
    "console.table": "console.table(Array.from({ length: 1e6 }, (_, i) => ({ i })))",
    "parameters": "const p = new URLSearchParams(); for (;;) p.append('x'.repeat(1e4), 'y')",
    "files": "const fs = require('fs'); for (let i = 0; ; i++) fs.writeFileSync(`/${i}`, Buffer.alloc(1e5))",
    "a file": "const fs = require('fs'); for (;;) fs.appendFileSync('/x', 'x'.repeat(1e5))",
    "a Buffer": "const a = []; for (;;) a.push(Buffer.alloc(1e6))",
    "a stream of Node's": "const { PassThrough } = require('stream'); const p = new PassThrough(); for (;;) p.write('x'.repeat(1e5))",
    "listeners": "const e = new (require('events'))(); e.setMaxListeners(0); for (;;) e.on('x', () => {})",
    "a digest": "const h = require('crypto').createHash('sha1'); for (;;) h.update('x'.repeat(1e5))",
    "URL patterns": "const a = []; for (let i = 0; ; i++) a.push(new URLPattern({ pathname: `/${'x'.repeat(1e4)}/:a${i}` }))",
    "async contexts": "const s = new (require('async_hooks').AsyncLocalStorage)(); const a = []; for (;;) s.run('x'.repeat(1e4) + a.length, () => a.push(Promise.resolve().then(() => 1)))",
    "abort signals": "const s = []; for (;;) s.push(AbortSignal.any([new AbortController().signal]))",
}


async def test_memory_is_what_the_limit_says(open_site: SiteFactory) -> None:
    """Promise: a program that takes all the memory it can gets an exception or ends, by its own memory; a program
    without memory for even an error is told apart from one that failed."""
    async with open_site(burst_s=10, memory_bytes=16 << 20) as site:
        answers = await attack(site, {name: handler(body) for name, body in GREEDY.items()}, at_once=2)
    codes = {name: answer.headers.get("x-wapo-error") for name, answer in answers.items()}
    own_errors = ("one typed array", "buffers", "a shared buffer", "a resizable buffer", "an integer", "a shifted integer",
                  "a growing string", "a string", "a longer string", "padding", "spread")  # fmt: skip
    assert {name: code for name, code in codes.items() if code != "memory_limit" and name not in own_errors} == {}
    assert set(codes.values()) <= {"memory_limit", "agent_failed"}


FAILURES = {
    "a proxy": "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; }, ownKeys() { throw 3; } })",
    "a revoked proxy": "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
    "an error without a stack": "const e = new Error(); for (const k of ['stack', 'message', 'name', 'cause']) Object.defineProperty(e, k, { get() { throw 1; } }); throw e",
    "an error that causes itself": "const e = new Error('x'); e.cause = e; throw e",
    "a chain of causes": "let e; for (let i = 0; i < 10000; i++) e = new Error('x', { cause: e }); throw e",
    "a symbol": "throw Symbol('x')",
    "undefined": "throw undefined",
    "null": "throw null",
    "a long message": "throw new Error('x'.repeat(1e7))",
    "a message with surrogates": "throw new Error('\\ud800')",
    "a thenable that throws": "return { get then() { throw new Error('then'); } }",
    "something that is no Response": "return Object.create(Response.prototype)",
    "a Response that was read": "const r = new Response('x'); await r.text(); return r",
    "Response.error()": "return Response.error()",
    "a promise that never settles": "return new Promise(() => {})",
    "nothing": "return",
}


async def test_every_failure_is_an_answer(site: Site) -> None:
    """Promise: whatever an agent throws or returns, its caller gets an answer at once, and its owner a line."""
    answers = await attack(site, {name: handler(body) for name, body in FAILURES.items()})
    assert {name: answer.headers.get("x-wapo-error") for name, answer in answers.items()} == dict.fromkeys(
        FAILURES, "agent_failed"
    )
    for name, body in FAILURES.items():
        assert await site.log(await site.publish(handler(body)), "ERROR"), name


SENSELESS = (
    "Object.defineProperty(globalThis, 'scriptOutput', { get() { throw new Error('no'); } })",
    "scriptOutput = { toJSON() { throw new Error('no'); } }",
    "scriptOutput = { a: 1n }",
    "var a = {}; a.a = a; scriptOutput = a",
    "var o = []; for (let i = 0; i < 3000; i++) o = [o]; scriptOutput = { body: o }",
    "scriptOutput = Symbol()",
    "scriptOutput = () => 1",
    "scriptOutput = new Proxy(new Uint8Array(5), {})",
    "var b = new Uint8Array(5); b.buffer.transfer(); scriptOutput = b",
    "scriptOutput = { status: 'x' }",
    "scriptOutput = { status: 200, headers: { 'x y': 1 } }",
    "scriptOutput = { status: 200, headers: { x: 'a\\r\\nb: c' } }",
    "globalThis.module = { get exports() { throw new Error('no'); } }",
    "globalThis.module = { exports: new Proxy(function () {}, { get() { throw new Error('no'); } }) }",
    "export default { get fetch() { throw new Error('no'); } }",
)


async def test_an_output_that_cannot_be_read_is_a_failure(site: Site) -> None:
    """Promise: a script whose output makes no sense fails at once, and its owner is told why."""
    answers = await attack(site, {source: source for source in SENSELESS})
    assert {source: answer.headers.get("x-wapo-error") for source, answer in answers.items()} == dict.fromkeys(
        SENSELESS, "agent_failed"
    )
    for source in SENSELESS:
        assert await site.log(await site.publish(source), "ERROR"), source


CLIENTS_NAMES = """export default function main(request) {
  const { queries, headers } = JSON.parse(request);
  return { status: 200, body: { queries, constructor: headers.constructor, proto: headers['__proto__'] } };
}"""


async def test_a_client_cannot_choose_a_name_that_an_agent_trips_over(site: Site) -> None:
    """Promise: names of parameters and headers are names, whatever they mean to JavaScript."""
    response = await site.run(
        CLIENTS_NAMES, tail="?__proto__=1&constructor=2&toString=3&a=4", headers={"constructor": "5", "__proto__": "6"}
    )
    assert response.json() == {
        "queries": {"__proto__": ["1"], "constructor": ["2"], "toString": ["3"], "a": ["4"]},
        "constructor": "5",
        "proto": "6",
    }


async def test_a_body_that_is_taken_away_while_it_is_sent_is_not_complete(site: Site) -> None:
    """Promise: a caller can tell a response that was cut short."""
    body = """
      const chunk = new Uint8Array(32 << 20);
      setTimeout(() => chunk.buffer.transfer(), 0);
      return new Response(new ReadableStream({ start(c) { c.enqueue(chunk); c.close(); } }));
    """
    path = await site.publish(handler(body))
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        await site.client.get(path)
    assert "detached" in (await site.log(path, "ERROR"))[0]


async def test_what_a_host_cannot_be_asked_to_do_is_not_there(site: Site) -> None:
    """Promise: nothing blocks the thread, and no module of the runtime can be imported."""
    names = "typeof Atomics, typeof std, typeof os, typeof bjson"
    response = await site.run(handler(f"return Response.json([{names}])"))
    assert set(response.json()) == {"undefined"}
    specifiers = ["wapo:native", "wapo:main.js", "./main.js", "../../../etc/passwd", "file:///etc/passwd", "std", "wapo:node/os.js",
                  "http://127.0.0.1/x.js", "data:text/javascript,1", "agent.js"]  # fmt: skip
    body = f"""
      const out = [];
      for (const name of {specifiers}) {{
        for (const load of [(n) => import(n), (n) => (0, eval)(`import(${{JSON.stringify(n)}})`), new Function('n', 'return import(n)')]) {{
          try {{ await load(name); out.push(name); }} catch {{}}
        }}
      }}
      return Response.json(out);
    """
    assert set((await site.run(handler(body))).json()) <= {"agent.js"}
