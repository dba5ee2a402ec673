"""Examples of the original's catalogue (wapojs-api.md 5.5) that want most of the platform at once, in scripts of our own."""

from aiohttp import web
from aiohttp.test_utils import TestServer
from wasmtime import wat2wasm

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits


async def run(profile: JavaScriptProfile, source: str, *arguments: str) -> list[str]:
    """Its log."""
    lines: list[str] = []
    async with HttpClient(EgressPolicy(allow_private=True)) as client:
        outcome = await run_script(
            profile, client, source.encode(), name="script.js", arguments=arguments, environment={},
            limits=GuestLimits(time_s=20), log=lambda _level, text: lines.append(text),
        )  # fmt: skip
    assert outcome.failure is None, (outcome.failure, lines)
    return lines


async def test_webcrypto(profile: JavaScriptProfile) -> None:
    """Two who agree on a key and talk; then the program ends, whatever else waits."""
    lines = await run(
        profile,
        """
        const pair = () => crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveKey']);
        const shared = (mine, theirs) => crypto.subtle.deriveKey({ name: 'ECDH', public: theirs.publicKey }, mine.privateKey,
          { name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']);
        const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, '0')).join('');
        async function main() {
          const [alice, bob] = await Promise.all([pair(), pair()]);
          console.log('Alice', alice.publicKey.algorithm, alice.privateKey.extractable);
          const [one, two] = await Promise.all([shared(alice, bob), shared(bob, alice)]);
          console.log('same', hex(await crypto.subtle.exportKey('raw', one)) === hex(await crypto.subtle.exportKey('raw', two)));
          const iv = crypto.getRandomValues(new Uint8Array(12));
          const text = new TextEncoder().encode('Hello, Bob!');
          const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, one, text);
          console.log('sealed', sealed.byteLength - text.length);
          const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, two, sealed);
          console.log("Bob's decrypted", new TextDecoder().decode(opened));
        }
        setTimeout(() => console.log('too late'), 600000);
        main().catch(console.error).finally(process.exit);
        """,
    )
    assert lines == [
        "Alice { name: 'ECDH', namedCurve: 'P-384' } false", "same true", "sealed 16", "Bob's decrypted Hello, Bob!",
    ]  # fmt: skip


async def test_wasm(profile: JavaScriptProfile) -> None:
    """The interfaces one after the other; an assertion that fails would log a line."""
    served = wat2wasm("""
      (module (import "env" "log" (func $log (param i32)))
        (memory (export "memory") 1 4)
        (func (export "run") (param i32) (result i32) (call $log (local.get 0)) (i32.mul (local.get 0) (i32.const 2)))
        (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))""")

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(served), content_type="application/wasm")

    app = web.Application()
    app.router.add_get("/module.wasm", answer)
    async with TestServer(app) as server:
        lines = await run(
            profile,
            """
            const { parseWat, Global, Memory, Module, Table } = WebAssembly;
            const check = (value, what) => { if (!value) console.error('Assertion failed', what); };
            async function main() {
              const counter = new Global({ value: 'i32', mutable: true }, 41);
              counter.value++;
              check(counter.value === 42, 'global');
              const bytes = parseWat('(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))');
              check(WebAssembly.validate(bytes) && !WebAssembly.validate(new Uint8Array([1, 2, 3])), 'validate');
              const add = await WebAssembly.instantiate(bytes);
              check(add.instance.exports.add(40, 2) === 42, 'add');
              const module = await WebAssembly.compileStreaming(fetch(scriptArgs[0]));
              check(Module.exports(module).map(({ name, kind }) => name + ':' + kind).join() === 'memory:memory,run:function,div:function', 'exports');
              check(JSON.stringify(Module.imports(module)) === '[{"module":"env","name":"log","kind":"function"}]', 'imports');
              const said = [];
              const { exports } = await WebAssembly.instantiate(module, { env: { log: (n) => said.push(n) } });
              check(exports.run(21) === 42 && said.join() === '21', 'imported function');
              const old = exports.memory.buffer;
              exports.memory.grow(1);
              check(old.byteLength === 0 && exports.memory.buffer.byteLength === 131072, 'grow');
              try { exports.div(1, 0); check(false, 'trap'); } catch (error) { console.log(error instanceof WebAssembly.RuntimeError, error.message); }
              const streamed = await WebAssembly.instantiateStreaming(bytes);
              check(streamed.instance.exports.add(1, 2) === 3, 'raw bytes');
              const table = new Table({ element: 'externref', initial: 1 });
              const thing = {};
              table.grow(2, thing);
              check(table.length === 3 && table.get(2) === thing && table.get(0) === undefined, 'externref');
              const functions = new Table({ element: 'anyfunc', initial: 2 });
              await WebAssembly.instantiate(parseWat(`(module (import "js" "table" (table 2 funcref))
                (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2)) (elem (i32.const 0) $a $b))`), { js: { table: functions } });
              check(functions.get(0)() === 1 && functions.get(1)() === 2, 'elements');
              functions.set(0, functions.get(1));
              check(functions.get(0)() === 2, 'set');
              new Memory({ initial: 1 });
            }
            main().then(() => console.log('done'), console.error).finally(process.exit);
            """,
            str(server.make_url("/module.wasm")),
        )
    assert lines == ["true integer divide by zero", "done"]
