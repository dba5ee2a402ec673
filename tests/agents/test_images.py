"""Images of agents: which convention a program follows, what its image holds, and that it is honest.

Every program here is a real one in the real engine.
"""

import asyncio
import json
import time

import pytest

from tests.agents.support import LIMITS, Log, Workshop, open_workshop
from wapo.agents.image import TOUCHES, ImageKind
from wapo.agents.images import Stopping
from wapo.agents.making import check_source
from wapo.agents.messages import AgentFailed, MemoryLimitReached
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.limits import GuestLimits

HONEST = "its top level depends on nothing that differs from one request to the next"

#: A program of each form, and what it is found to be. Each answers "hi" with its method.
CONVENTIONS = {
    "an object with fetch": ("fetch", "export default { fetch: (request) => new Response('hi ' + request.method) };"),
    "an instance of a class": (
        "fetch",
        "class App { greeting = 'hi '; fetch(request) { return new Response(this.greeting + request.method); } } export default new App();",
    ),
    "a function with a fetch method": (
        "fetch",
        "const app = () => {}; app.fetch = (request) => new Response('hi ' + request.method); export { app as default };",
    ),
    "a getter and a prototype": (
        "fetch",
        "export default Object.create({ get fetch() { return (request) => new Response('hi ' + request.method); } });",
    ),
    "an exported fetch function": ("fetch", "export const fetch = (request) => new Response('hi ' + request.method);"),
    "a default main": (
        "main",
        "export default function main(request) { return JSON.stringify({ status: 200, body: 'hi ' + JSON.parse(request).method }); }",
    ),
    "an async default function that gives an object": (
        "main",
        "export default async (request) => ({ body: 'hi ' + JSON.parse(await request).method });",
    ),
    "a default function that gives a Response": (
        "main",
        "export default (request) => new Response('hi ' + JSON.parse(request).method);",
    ),
    "a named main": ("main", "export function main(request) { return { body: 'hi ' + JSON.parse(request).method }; }"),
    "module.exports is a function": (
        "exports",
        "var module = module || { exports: {} }; module.exports = async () => ({ body: 'hi ' + JSON.parse(scriptArgs[0]).method });",
    ),
    "module.exports with a default function": (
        "exports",
        "var module = { exports: { default() { return { body: 'hi ' + JSON.parse(scriptArgs[0]).method }; } } };",
    ),
    "module.exports sets scriptOutput": (
        "exports",
        "var module = { exports: () => { scriptOutput = JSON.stringify({ body: 'hi ' + JSON.parse(scriptArgs[0]).method }); } };",
    ),
    "module.exports gives a Response": (
        "exports",
        "var module = { exports: () => new Response('hi ' + JSON.parse(scriptArgs[0]).method) };",
    ),
    "module.exports has a fetch method": (
        "fetch",
        "var module = { exports: { fetch: (request) => new Response('hi ' + request.method) } };",
    ),
    "scriptOutput is set": ("script", "scriptOutput = JSON.stringify({ body: 'hi ' + JSON.parse(scriptArgs[0]).method });"),
    "scriptOutput is set later": (
        "script",
        "setTimeout(() => { scriptOutput = { body: 'hi ' + JSON.parse(scriptArgs[0]).method }; }, 1); 'not this';",
    ),
    "the last expression": ("script", "const { method } = JSON.parse(scriptArgs[0]); ({ status: 200, body: 'hi ' + method });"),
    "the last expression is text": ("script", "`hi ${JSON.parse(scriptArgs[0]).method}`"),
    "a listener": ("listener", "addEventListener('fetch', (event) => event.respondWith(new Response('hi ' + event.request.method)));"),
    "a listener in a module": (
        "listener",
        "addEventListener('fetch', (event) => event.respondWith(new Response('hi ' + event.request.method))); export {};",
    ),
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("convention", "source"), CONVENTIONS.values(), ids=CONVENTIONS)
async def test_a_convention_is_found_out(shared_workshop: Workshop, convention: str, source: str) -> None:
    """And its agent answers, twice: the second time from a machine that has been used."""
    image = await shared_workshop.image(source)
    found = image.convention if image.kind is ImageKind.INITIALISED else None
    assert found in (convention, None)
    for method in ("GET", "PUT"):
        response = await shared_workshop.ask(image, method)
        assert (response.status, response.body) == (200, f"hi {method}".encode())


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "source", ["", "1;", "export default 1;", "export const main = 5;", "var module = { exports: 5 };"]
)
async def test_what_follows_no_convention_says_so_when_it_is_asked(shared_workshop: Workshop, source: str) -> None:
    with pytest.raises(AgentFailed):
        await shared_workshop.ask(source or "// nothing")


# What is looked at

DIRECT = {
    "Date.now": ("clock", "Date.now()"),
    "new Date": ("clock", "new Date()"),
    "Date as a function": ("clock", "Date()"),
    "performance.now": ("clock", "performance.now()"),
    "performance.timeOrigin": ("clock", "performance.timeOrigin"),
    "performance.mark": ("clock", "performance.mark('a')"),
    "an event's timestamp": ("clock", "new Event('a').timeStamp"),
    "a file's date": ("clock", "new File([], 'a').lastModified"),
    "console.time": ("clock", "console.time('a')"),
    "process.hrtime": ("clock", "process.hrtime()"),
    "process.uptime": ("clock", "process.uptime()"),
    "Math.random": ("entropy", "Math.random()"),
    "crypto.getRandomValues": ("entropy", "crypto.getRandomValues(new Uint8Array(4))"),
    "crypto.randomUUID": ("entropy", "crypto.randomUUID()"),
    "a blob's URL": ("entropy", "URL.createObjectURL?.(new Blob()) ?? crypto.randomUUID()"),
    "making an AES key": ("entropy", "crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt'])"),
    "making an EC key": ("entropy", "crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])"),
    "waiting for a key": ("work", "(await import('node:crypto')).scryptSync('p', 's', 8)"),
    "making a key of node:crypto": ("entropy", "(await import('node:crypto')).generateKeyPairSync('ec', { namedCurve: 'P-256' })"),
    "deriving for long": ("work", "(async () => { const key = await crypto.subtle.importKey('raw', new Uint8Array(1), 'PBKDF2', "
        "false, ['deriveBits']); await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(1), "
        "iterations: 5000 }, key, 256); })()"),
    "fetch": ("network", "fetch('http://127.0.0.1:4/').catch(() => 0)"),
    "CompressionStream": (
        "compression",
        "((s) => { s.readable.getReader().read(); s.writable.getWriter().write(new Uint8Array(1)); })"
        "(new CompressionStream('gzip'))",
    ),
    "scriptArgs": ("arguments", "scriptArgs"),
    "scriptArgs by its name": ("arguments", "globalThis['script' + 'Args']"),
    "all globals": ("arguments", "Object.values(globalThis)"),
    "process.argv": ("arguments", "process.argv"),
    "process.env.secret": ("environment", "process.env.secret"),
    "secret in process.env": ("environment", "'secret' in process.env"),
    "process.env's names": ("environment", "Object.keys(process.env)"),
    "process.env copied": ("environment", "({ ...process.env })"),
    "process.env as JSON": ("environment", "JSON.stringify(process.env)"),
    "Wapo.deriveSecret": ("secrets", "Wapo.deriveSecret('a')"),
    "setTimeout": ("timers", "setTimeout(() => 0, 1)"),
    "setInterval that is cleared": ("timers", "clearInterval(setInterval(() => 0, 1))"),
    "setImmediate": ("timers", "setImmediate(() => 0)"),
    "scheduler.postTask": ("timers", "scheduler.postTask(() => 0)"),
    "AbortSignal.timeout": ("timers", "AbortSignal.timeout(1)"),
    "MessageChannel": ("timers", "((c) => { c.port2.onmessage = () => 0; c.port1.postMessage(1); })(new MessageChannel())"),
    "a throw": ("error", "(() => { throw new Error('top') })()"),
    "an undeclared name": ("error", "nothing.at.all"),
    "running out of stack": ("error", "(function f() { return f(); })()"),
    "a rejection that nobody handles": ("rejection", "void Promise.reject(new Error('lost'))"),
    "an async function that rejects": ("rejection", "(async () => { await 0; throw new Error('lost'); })()"),
}  # fmt: skip


#: Programs whose text does not tell at a glance whether they are scripts or modules: what each is found to be.
AMBIGUOUS = {
    "a script that has an export in a comment": ("script", "/*\nexport default 1;\n*/ with ({ a: 1 }) a;"),
    "a script that has an import in a text": ("script", "var text = `\nimport x from 'y';\n`; with ({ a: 1 }) a;"),
    "a script without strict mode": ("script", "// export {}\n(function () { return this === globalThis; })() || fail();"),
    "a module whose export is behind everything else": ("fetch", "const a = { fetch() {} };export{a as default};"),
    "a module whose import is in the middle of a line": ("listener", "var b = 1;import{Buffer}from'node:buffer';addEventListener('fetch', () => Buffer)"),
    "a module with a comment before its export": ("fetch", "/* it */export default { fetch() {} }"),
    "a module without import and export": ("listener", "await null; addEventListener('fetch', () => 0);"),
    "a module that speaks of an export only": ("listener", "// export it\nawait null; addEventListener('fetch', () => 0);"),
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("convention", "source"), AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_program_is_a_script_if_it_has_the_syntax_of_one(
    shared_workshop: Workshop, convention: str, source: str
) -> None:
    image = await shared_workshop.image(source)
    assert (image.kind, image.convention) == (ImageKind.INITIALISED, convention), image.error or image.reason


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("// export it\nvar a = ;", "SyntaxError: unexpected token in expression: ';'"),
        ("export default 1;\nvar a = ;", "SyntaxError: unexpected token in expression: ';'"),
        ("import x from 'wapo:native';\nwith (a) b;", "SyntaxError: invalid keyword: with"),
    ],
)
async def test_a_program_that_is_neither_is_told_what_is_wrong_with_it(
    shared_workshop: Workshop, source: str, message: str
) -> None:
    image = await shared_workshop.image(source)
    assert image.kind is ImageKind.BROKEN
    assert message in (image.error or "")
    assert "agent.js:2" in (image.error or "")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("mark", "expression"), DIRECT.values(), ids=DIRECT)
@pytest.mark.parametrize(
    "form", ["{};", "globalThis.held = {}; export default { fetch: () => new Response() };"], ids=["script", "module"]
)
async def test_what_differs_from_request_to_request_is_noticed(
    shared_workshop: Workshop, mark: str, expression: str, form: str
) -> None:
    image = await shared_workshop.image(form.replace("{}", expression, 1))
    assert image.kind is ImageKind.COMPILED
    assert mark in image.touched
    assert TOUCHES[mark] in image.reason
    assert image.reason.startswith("its top level ")


AWAITED = {
    "a promise that never settles": ("unsettled", "await new Promise(() => {});"),
    "a timer": ("timers", "await new Promise((resolve) => setTimeout(resolve, 1));"),
    "a request": ("network", "await fetch('http://127.0.0.1:4/').catch(() => 0);"),
    "a rejection": ("error", "await Promise.reject(new Error('top'));"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("mark", "statement"), AWAITED.values(), ids=AWAITED)
async def test_a_top_level_that_waits_is_not_an_image(shared_workshop: Workshop, mark: str, statement: str) -> None:
    image = await shared_workshop.image(f"{statement} export default {{ fetch: () => new Response() }};")
    assert image.kind is ImageKind.COMPILED
    assert mark in image.touched


HONEST_TOP_LEVELS = {
    "computing": "globalThis.table = Array.from({ length: 1000 }, (_, i) => i * i);",
    "logging": "console.log('loaded', new Error('not thrown'));",
    "top-level await": "const value = await Promise.resolve(5);",
    "microtasks": "await new Promise((resolve) => queueMicrotask(() => Promise.resolve().then(resolve)));",
    "process.nextTick": "await new Promise((resolve) => process.nextTick(resolve));",
    "a rejection that is handled": "await Promise.reject(new Error('caught')).catch(() => 0); try { await (async () => { throw 1; })(); } catch {}",
    "other names of process.env": "if (process.env.NODE_ENV !== 'production' && !('DEBUG' in process.env)) process.env.OWN = 'x';",
    "a fixed date": "globalThis.epoch = new Date(0).toISOString() + Date.UTC(2020, 1) + Date.parse('2020-01-01');",
    "hashing": "globalThis.digest = await crypto.subtle.digest('SHA-256', new Uint8Array(8)); Wapo.hash('sha256', 'a');",
    "a key and a signature": """
        const key = await crypto.subtle.importKey('raw', new Uint8Array(9), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
        globalThis.mac = await crypto.subtle.sign('HMAC', key, new Uint8Array(8));
    """,
    "a cipher": "globalThis.box = (await import('node:crypto')).createCipheriv('aes-128-gcm', 'k'.repeat(16), 'i'.repeat(12)); box.update('text');",
    "making platform objects": "new Request('http://a/'); new Headers({ a: 'b' }); new URL('http://a/'); new AbortController().signal; new Blob(['a']); new TextEncoder(); new ReadableStream();",
    "looking at what is there": "typeof fetch; typeof scriptArgsOfMine; 'scriptArgs' in globalThis; performance.now.name; Math.random.length; process.version;",
    "replacing what is watched": "Math.random = () => 4; Date.now = () => 0; Math.random(); Date.now();",
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("top", HONEST_TOP_LEVELS.values(), ids=HONEST_TOP_LEVELS)
async def test_a_top_level_that_is_the_same_for_everybody_has_run(shared_workshop: Workshop, top: str) -> None:
    image = await shared_workshop.image(f"{top} export default {{ fetch: () => new Response('ok') }};")
    assert (image.kind, image.touched, image.reason) == (ImageKind.INITIALISED, frozenset(), HONEST)
    assert (await shared_workshop.ask(image)).body == b"ok"


async def test_all_reasons_are_told_in_one_sentence(workshop: Workshop) -> None:
    image = await workshop.image("const seed = Math.random() + Date.now() + process.env.secret;")
    assert image.reason == "its top level draws random numbers and reads process.env and reads the clock"


async def test_a_top_level_that_reaches_a_limit_is_not_an_image(workshop: Workshop) -> None:
    limits = GuestLimits(burst_s=0.05)
    image = await workshop.image("for (;;);", limits)
    assert (image.kind, image.touched) == (ImageKind.COMPILED, {"limit"})
    assert image.reason == "its top level reaches a limit"


# What requests see

STATE = """
globalThis.count = 0;
const held = { list: [] };
export default { fetch(request) {
  held.list.push(request.url);
  Object.prototype.polluted = (Object.prototype.polluted ?? 0) + 1;
  return Response.json([++count, held.list.length, Object.prototype.polluted, [Math.random(), Math.random()],
    crypto.randomUUID(), Date.now(), performance.timeOrigin, performance.now()]);
} };
"""


async def test_what_a_request_changes_is_gone_in_the_next_and_randomness_and_time_are_its_own(
    workshop: Workshop,
) -> None:
    image = await workshop.image(STATE)
    assert image.kind is ImageKind.INITIALISED
    seen = []
    for _ in range(20):
        before = time.time() * 1000
        seen.append(json.loads((await workshop.ask(image)).body))
        _, _, _, _, _, now, origin, since = seen[-1]
        # Milliseconds are whole numbers in Date.now()
        assert before - 1 <= now <= time.time() * 1000 + 1
        assert before - 1 <= origin <= time.time() * 1000 + 1
        assert 0 <= since < 10_000
    assert all(answer[:3] == [1, 1, 1] for answer in seen)
    assert len({tuple(answer[3]) for answer in seen}) == len({answer[4] for answer in seen}) == 20


async def test_two_requests_at_once_do_not_meet(workshop: Workshop) -> None:
    image = await workshop.image(
        "let mine = null; export default { async fetch(request) { mine = request.url; await new Promise((r) => setTimeout(r, 5)); return new Response(mine); } };"
    )
    runs = [workshop.start(image, path=f"/{number}") for number in range(10)]
    bodies = [(await run.answer()).body for run in runs]
    assert bodies == [f"http://agent.example/{number}".encode() for number in range(10)]


async def test_the_top_level_of_a_compiled_image_runs_at_each_request(workshop: Workshop) -> None:
    image = await workshop.image("const seed = Math.random(); export default { fetch: () => new Response(`${seed}`) };")
    assert (image.kind, image.convention) == (ImageKind.COMPILED, "module")
    assert len({(await workshop.ask(image)).body for _ in range(5)}) == 5


async def test_a_failure_at_the_top_level_is_every_requests_failure(workshop: Workshop) -> None:
    """However the image was made: a rejection that a script leaves behind must not be forgotten with the first."""
    for source in ("throw new Error('top');", "(async () => { throw new Error('top'); })();"):
        image = await workshop.image(source)
        for _ in range(2):
            with pytest.raises(AgentFailed, match="Error: top"):
                await workshop.ask(image)


async def test_a_rejection_that_is_handled_in_the_end_is_no_failure(workshop: Workshop) -> None:
    source = (
        "const p = Promise.reject(new Error('late')); setTimeout(() => p.catch(() => { scriptOutput = 'fine'; }), 1);"
    )
    assert (await workshop.ask(source)).body == b"fine"


async def test_what_the_top_level_logs_is_kept_once(workshop: Workshop) -> None:
    image = await workshop.image(
        "console.log('loaded'); console.error('twice'); export default { fetch: () => new Response() };"
    )
    assert image.log == [(3, "loaded"), (1, "twice")]
    log = Log()
    await workshop.ask(image, log=log)
    assert log.lines == []


async def test_a_flood_at_the_top_level_is_bounded(workshop: Workshop) -> None:
    image = await workshop.image(
        "for (let i = 0; i < 5000; i++) console.log('x'.repeat(100)); export default { fetch: () => new Response() };"
    )
    assert sum(len(text) for _, text in image.log) < 64 << 10


# Secrets


async def test_no_secret_is_in_an_image(workshop: Workshop) -> None:
    """Neither before nor after requests that carried one, in no machine that waits for the next request."""
    secret = "planted-secret-7d1f"
    image = await workshop.image(
        "globalThis.kept = []; export default { fetch(request, env) { kept.push(env.name, process.env.secret, request.url); return new Response(env.name); } };"
    )
    assert image.kind is ImageKind.INITIALISED
    for _ in range(3):
        response = await workshop.ask(
            image,
            path=f"/?key={secret}",
            secret=json.dumps({"name": secret}),
            headers=[(b"authorization", secret.encode())],
        )
        assert response.body == secret.encode()
    assert image.memory is not None
    base = await workshop.images.base()
    pool = image.pool(workshop.profile.serving, LIMITS.store)
    assert len(pool) >= 1  # one that is given back a moment late is not the next request's
    for _ in range(len(pool)):
        machine = pool.take()
        try:
            assert secret.encode() not in machine.read(0, machine.memory_size)
        finally:
            machine.close()
    fresh = pool.take()
    try:
        assert b"kept.push(env.name" in fresh.read(0, fresh.memory_size)  # the program itself is there
        assert secret.encode() not in fresh.read(0, fresh.memory_size)
    finally:
        fresh.close()
    assert base.size <= image.memory.size
    assert (await workshop.ask(image)).body == b""


async def test_a_secret_reaches_the_program_in_every_way_of_the_documentation(workshop: Workshop) -> None:
    secret = json.dumps({"name": "value"})
    fetch = "export default { fetch: (request, env) => Response.json([env.name ?? null, process.env.secret]) };"
    assert json.loads((await workshop.ask(fetch, secret=secret)).body) == ["value", secret]
    assert json.loads((await workshop.ask(fetch)).body) == [None, '""']
    main = "export default (request) => ({ body: [JSON.parse(request).secret ?? null, JSON.parse(process.env.secret || '')] });"
    assert json.loads((await workshop.ask(main, secret=secret)).body) == [{"name": "value"}, {"name": "value"}]
    assert json.loads((await workshop.ask(main)).body) == [None, ""]


# Programs that are none


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("let x = ;", "SyntaxError: unexpected token in expression: ';'\n    at agent.js:1:9"),
        ("export default {\n", "SyntaxError: "),
        ("import x from './x.js';", "TypeError: cannot import './x.js' from 'agent.js': nothing can be imported here"),
        ("import 'wapo:native';", "TypeError: cannot import 'wapo:native': it belongs to the runtime"),
        ("}", "SyntaxError: "),
    ],
)  # fmt: skip
async def test_a_program_that_cannot_be_compiled_is_broken_with_line_and_column(
    workshop: Workshop, source: str, error: str
) -> None:
    image = await workshop.image(source)
    assert (image.kind, image.memory, image.convention, image.stored_bytes) == (ImageKind.BROKEN, None, "none", 0)
    assert image.reason == "the program cannot be compiled"
    assert image.error is not None
    assert image.error.startswith(error)
    assert "wapo:agent" not in image.error
    with pytest.raises(AgentFailed) as failure:
        await workshop.ask(image)
    assert str(failure.value) == image.error


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "the program is empty"),
        (b" \t\n", "the program is empty"),
        (b"\0asm\1\0\0\0", "the program is a WebAssembly module; only JavaScript can be run"),
        (b"var a;\0", "the program is not text: it has a NUL byte at offset 6"),
        (b"'\xc3('", "the program is not valid UTF-8: invalid continuation byte at byte 1"),
    ],
)
async def test_what_is_not_text_is_not_a_program(workshop: Workshop, source: bytes, message: str) -> None:
    with pytest.raises(AgentFailed, match=message):
        check_source(source)
    with pytest.raises(AgentFailed, match=message):
        await workshop.image(source)
    assert len(workshop.images) == 0


async def test_a_failure_to_make_an_image_is_not_remembered(workshop: Workshop) -> None:
    with pytest.raises(AgentFailed):
        await workshop.image(b"", key="program")
    assert (await workshop.image(b"1", key="program")).kind is ImageKind.INITIALISED


# Memory


async def test_a_program_that_does_not_fit_is_whole_again_when_more_is_allowed(workshop: Workshop) -> None:
    source = f"'{'x' * (4 << 20)}'; export default {{ fetch: () => new Response('ok') }};"
    small, large = GuestLimits(memory_bytes=8 << 20), GuestLimits(memory_bytes=64 << 20)
    image = await workshop.image(source, small)
    assert image.kind is ImageKind.BROKEN
    with pytest.raises(MemoryLimitReached):
        await workshop.ask(image, limits=small)
    assert await workshop.image(source, small) is image
    assert (await workshop.ask(await workshop.image(source, large), limits=large)).body == b"ok"


async def test_an_image_that_is_larger_than_what_is_allowed_now_says_so(workshop: Workshop) -> None:
    """An operator may lower the limit of a program whose image is there."""
    image = await workshop.image(
        "globalThis.big = new Uint8Array(20e6).fill(1); export default { fetch: () => new Response('ok') };"
    )
    with pytest.raises(MemoryLimitReached, match=r"takes \d+ bytes before its first request; 8388608 are allowed"):
        await workshop.ask(image, limits=GuestLimits(memory_bytes=8 << 20))
    assert (await workshop.ask(image)).body == b"ok"


# The store


async def test_many_who_want_an_image_at_once_share_its_making(workshop: Workshop) -> None:
    asked = 0

    def source() -> bytes:
        nonlocal asked
        asked += 1
        return b"1"

    images = await asyncio.gather(*(workshop.images.make("program", source, LIMITS, "") for _ in range(20)))
    assert len({id(image) for image in images}) == asked == 1
    assert await workshop.images.make("program", source, LIMITS, "") is images[0]
    assert asked == 1


async def test_a_waiter_that_goes_away_cancels_nothing(workshop: Workshop) -> None:
    first, second = (asyncio.create_task(workshop.image("1;", key="program")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    image = await second
    assert image.kind is ImageKind.INITIALISED
    assert first.cancelled()
    assert workshop.images.get("program", LIMITS.memory_bytes) is image


async def test_a_making_that_nobody_waits_for_any_more_fails_in_silence(workshop: Workshop) -> None:
    """asyncio would otherwise write a traceback into the log of the node."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    waiter = asyncio.create_task(workshop.image(b"\0", key="program"))
    await asyncio.sleep(0)
    (making,) = [making.task for making in workshop.images._making.values()]
    assert making is not None
    waiter.cancel()
    await asyncio.wait([waiter, making])
    del waiter, making
    await asyncio.sleep(0)
    assert complaints == []


async def test_the_least_recently_used_goes_first(profile: JavaScriptProfile) -> None:
    async with open_workshop(profile) as measuring:
        one = (await measuring.image("1;")).stored_bytes
    async with open_workshop(profile, max_bytes=int(2.5 * one)) as workshop:
        for name in ("a", "b"):
            await workshop.image("1;", key=name)
        workshop.images.get("a", LIMITS.memory_bytes)
        await workshop.image("1;", key="c")
        kept = [name for name in "abc" if workshop.images.get(name, LIMITS.memory_bytes) is not None]
        assert kept == ["a", "c"]
        assert len(workshop.images) == 2
        assert workshop.images.stored_bytes <= 2.5 * one


async def test_an_image_that_was_forgotten_serves_those_who_run_on_it(profile: JavaScriptProfile) -> None:
    async with open_workshop(profile, max_bytes=1) as workshop:
        image = await workshop.image(
            "export default { async fetch() { await new Promise((r) => setTimeout(r, 20)); return new Response('ok'); } };"
        )
        run = workshop.start(image)
        await workshop.image("2;")
        assert image.closed
        assert (await run.answer()).body == b"ok"


async def test_more_programs_than_fit_are_all_served(profile: JavaScriptProfile) -> None:
    """Even where there is room for only one image, and several are made at once."""
    async with open_workshop(profile, max_bytes=1) as workshop:
        sources = [f"export default {{ fetch: () => new Response('{number}') }};" for number in range(6)]
        answers = await asyncio.gather(*(workshop.ask(source) for source in sources))
        assert [answer.body for answer in answers] == [b"%d" % number for number in range(6)]
        assert len(workshop.images) == 1


async def test_machines_that_nobody_needs_are_freed(workshop: Workshop) -> None:
    image = await workshop.image(
        "export default { fetch: async () => { await new Promise((r) => setTimeout(r, 5)); return new Response(); } };"
    )
    ended = asyncio.Event()
    runs = [workshop.start(image, on_end=lambda *_: len(workshop.ends) == 5 and ended.set()) for _ in range(5)]
    for run in runs:
        await run.answer()
    await ended.wait()
    pool = image.pool(workshop.profile.serving, LIMITS.store)
    assert len(pool) == 5
    image.trim()
    image.trim()
    assert len(pool) == 0


async def test_other_limits_mean_other_machines(workshop: Workshop) -> None:
    image = await workshop.image(
        "export default { fetch: () => { new Uint8Array(30e6).fill(1); return new Response('ok'); } };"
    )
    small = GuestLimits(memory_bytes=16 << 20)
    with pytest.raises(MemoryLimitReached):
        await workshop.ask(image, limits=small)
    assert (await workshop.ask(image)).body == b"ok"
    with pytest.raises(MemoryLimitReached):
        await workshop.ask(image, limits=small)


async def test_closing_the_store_ends_what_is_being_made(profile: JavaScriptProfile) -> None:
    async with open_workshop(profile) as workshop:
        making = asyncio.create_task(workshop.image("for (;;);"))
        await workshop.images.base()
        await asyncio.sleep(0)
    with pytest.raises(Stopping):
        await making
    with pytest.raises(Stopping):
        await workshop.image("1;")
    assert len(workshop.images) == 0
