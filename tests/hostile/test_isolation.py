"""What one request leaves for the next, one program for another, and a top level for everybody: nothing."""

import os

import pytest

from tests.conftest import Site, SiteFactory
from tests.hostile.neighbours import handler
from wapo.agents.image import AgentImage, ImageKind

MARKER = "this-is-the-marker-of-one-request"

#: Everything that a program can reach and change; then the handler answers as if nothing had happened.
SPOIL = f"""
  globalThis.left = '{MARKER}';
  globalThis.hidden = new Uint8Array(300000).fill(7);
  for (const prototype of [Object, Array, String, Promise, Map, Set, Function, RegExp, Error, Uint8Array, ArrayBuffer, Response,
      Request, Headers, URL, URLSearchParams, ReadableStream, TextEncoder, TextDecoder, Event, EventTarget, Blob].map((c) => c.prototype)) {{
    for (const key of Object.getOwnPropertyNames(prototype)) {{
      if (key === 'constructor') continue;
      try {{ Object.defineProperty(prototype, key, {{ get() {{ throw new Error('spoiled'); }}, configurable: true }}); }} catch {{}}
    }}
  }}
"""
TAMPER = f"""
  globalThis.left = '{MARKER}';
  JSON.parse = JSON.stringify = Math.random = Date.now = () => {{ throw new Error('spoiled'); }};
  globalThis.fetch = globalThis.setTimeout = globalThis.Response2 = () => {{ throw new Error('spoiled'); }};
  process.env.LEFT = '{MARKER}';
  process.env.secret = '{MARKER}';
  globalThis.scriptOutput = '{MARKER}';
  console.log = () => {{ throw new Error('spoiled'); }};
  Symbol.for('{MARKER}');
  addEventListener('error', () => {{}});
  addEventListener('unhandledrejection', (event) => event.preventDefault());
  performance.mark('{MARKER}');
  setInterval(() => {{}}, 1);
  new BroadcastChannel('x').onmessage = () => {{}};
"""
PROBE = """
  const seen = {
    left: typeof left, fetch: fetch.length, env: process.env.LEFT ?? null, secret: process.env.secret,
    output: String(scriptOutput), marks: performance.getEntries().length, json: JSON.stringify(JSON.parse('[1]')),
    random: Math.random() < 1, split: 'a b'.split(' ').length, text: await new Response('x').text(),
    timer: await new Promise((resolve) => setTimeout(resolve, 1, 'fired')), keys: Object.keys(globalThis).length,
  };
  console.log('probed');
  return Response.json(seen);
"""
CLEAN = {
    "left": "undefined", "fetch": 1, "env": None, "secret": '""', "output": "undefined", "marks": 0, "json": "[1]",
    "random": True, "split": 2, "text": "x", "timer": "fired",
}  # fmt: skip


def program(spoil: str, top_level: str) -> str:
    """Spoils what it can at ``/spoil``, tells what it finds anywhere else."""
    return top_level + handler(f"""
      const url = new URL(request.url);
      if (url.pathname === '/spoil') {{
        const answer = new Response('spoiled');
        {spoil}
        return answer;
      }}
      {PROBE}
    """)


@pytest.mark.parametrize("top_level", ["", "const started = Date.now(); "], ids=["initialised", "compiled"])
@pytest.mark.parametrize("spoil", [SPOIL, TAMPER], ids=["prototypes", "globals"])
async def test_what_a_request_changes_is_gone_with_it(site: Site, spoil: str, top_level: str) -> None:
    """Promise: every request starts from the image, whatever the one before did to its machine; and no other program
    notices either."""
    path = await site.publish(program(spoil, top_level))
    other = await site.publish(program(spoil, top_level + "const other = 1; "))
    first = (await site.client.get(path)).json()
    assert {**first, **CLEAN} == first
    for _ in range(3):
        await site.client.get(f"{path}/spoil", timeout=5)
        assert (await site.client.get(path)).json() == first
        assert (await site.client.get(other)).json() == first


def memory_of(image: AgentImage) -> bytes:
    assert image.memory is not None
    return os.pread(image.memory._descriptor, image.memory.size, 0)


@pytest.mark.parametrize("top_level", ["", "const started = Date.now(); "], ids=["initialised", "compiled"])
async def test_nothing_of_a_request_is_in_an_image(site: Site, top_level: str) -> None:
    """Promise: the image that the first request has made holds nothing of that request: not its secret, not its body,
    not its address. Nor does a machine that waits for the next one."""
    path = await site.publish(top_level + handler("return new Response(env.apiKey + await request.text())"))
    stored = (await site.client.post("/vaults", json={"cid": path, "data": {"apiKey": MARKER}})).json()
    secret, body, query = MARKER, "body-" + "b" * 40, "query-" + "q" * 40
    for _ in range(3):
        response = await site.client.post(f"{path}/?key={stored['key']}&q={query}", content=body)
        assert response.text == secret + body
    located = await site.node.programs.locate(path.removeprefix("/ipfs/"), ())
    image = await site.node.inspect(located)
    assert image.kind is (ImageKind.COMPILED if top_level else ImageKind.INITIALISED)
    whole = memory_of(image)
    assert image._pool is not None
    assert len(image._pool) > 0
    waiting = image._pool.take()
    try:
        memory = waiting.read(0, waiting.memory_size)
    finally:
        waiting.close()
    for text in (secret, body, query, stored["key"]):
        assert text.encode() not in whole
        assert text.encode("utf-16-le") not in whole
    assert memory == whole


async def test_a_program_gets_its_own_secrets_only(site: Site) -> None:
    """Promise: a key is worth something to one program; to any other it is as good as none. What is derived depends on
    the program."""
    agent = handler("return Response.json([env, process.env.secret, Wapo.deriveSecret('x').toHex()])")
    mine, other = await site.publish(agent), await site.publish(agent + "// another")
    stored = (await site.client.post("/vaults", json={"cid": mine, "data": {"apiKey": MARKER}})).json()
    env, text, derived = (await site.client.get(f"{mine}?key={stored['key']}")).json()
    assert env == {"apiKey": MARKER}
    assert MARKER in text
    foreign = await site.client.get(f"{other}?key={stored['key']}")
    assert foreign.status_code == 403
    assert MARKER not in foreign.text
    assert (await site.client.get(f"{mine}?key={stored['token']}")).status_code == 403
    without = (await site.client.get(other)).json()
    assert without[:2] == [{}, '""']
    assert without[2] != derived
    assert (await site.client.get(mine)).json() == [{}, '""', derived]


#: What a top level may look at, and what it then counts as; "" for what is the same for everybody.
LOOKS = {
    "1": "",
    "new Date()": "clock", "Date()": "clock", "Date.now()": "clock", "new (class extends Date {})": "clock",
    "Reflect.construct(Date, [])": "clock", "new Date(0).toString() + new Date(2020, 1).getTimezoneOffset()": "",
    "Date.parse('10:00')": "", "(1).toLocaleString()": "",
    "performance.timeOrigin": "clock", "performance.now()": "clock", "performance.mark('a').startTime": "clock",
    "JSON.stringify(performance)": "clock", "performance.measure('x').duration": "clock",
    "performance.measure('x', { start: 0, end: 1 }).duration": "", "performance.getEntries().length": "",
    "new Event('x').timeStamp": "clock", "new File([], 'a').lastModified": "clock",
    "new File([], 'a', { lastModified: 1 }).lastModified": "", "process.uptime()": "clock", "process.hrtime()": "clock",
    "process.hrtime.bigint()": "clock", "console.time('x')": "clock", "structuredClone(new Date())": "clock",
    "Math.random()": "entropy", "(0, Math.random)()": "entropy", "crypto.randomUUID()": "entropy",
    "crypto.getRandomValues(new Uint8Array(1))": "entropy", "new Response(new FormData())": "entropy",
    "await crypto.subtle.digest('SHA-256', new Uint8Array(3))": "", "Wapo.hash('sha256', 'a')": "",
    "await crypto.subtle.generateKey('Ed25519', true, ['sign'])": "entropy",
    "await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-521' }, true, ['sign'])": "entropy",
    "await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, true, ['sign'])": "entropy",
    "await crypto.subtle.importKey('raw', new Uint8Array(32), 'Ed25519', true, ['verify'])": "",
    "setTimeout(() => {})": "timers", "clearTimeout(setTimeout(() => {}))": "timers", "setImmediate(() => {})": "timers",
    "setInterval(() => {}, 1)": "timers", "AbortSignal.timeout(1)": "timers", "scheduler.postTask(() => {})": "timers",
    "new MessageChannel().port1.postMessage(1)": "", "queueMicrotask(() => {})": "", "process.nextTick(() => {})": "",
    "fetch('http://127.0.0.1/').catch(() => {})": "network", "fetch('data:,x')": "", "fetch('bad:').catch(() => {})": "",
    "scriptArgs": "arguments", "process.argv": "arguments", "Object.entries(globalThis)": "arguments",
    "JSON.stringify(globalThis, (k, v) => (k && v === globalThis ? 0 : v))": "arguments",
    "process.env.secret": "environment", "({ ...process.env })": "environment", "'secret' in process.env": "environment",
    "Object.keys(process.env)": "environment", "JSON.stringify(process.env)": "environment",
    "Object.hasOwn(process.env, 'secret')": "environment", "Object.create(process.env).secret": "environment",
    "console.log(process.env)": "environment", "Wapo.inspect(process.env)": "environment",
    "Wapo.inspect([process])": "environment", "process.env.NODE_ENV": "", "process.env.A = 'b'": "",
    "Wapo.deriveSecret('x')": "secrets", "new WeakRef({}).deref()": "", "new Error('x').stack": "",
    "navigator.userAgent + JSON.stringify(navigator)": "", "typeof Intl + typeof Temporal": "",
    "await new Promise(() => {})": "unsettled", "throwing()": "error", "(() => { for (;;); })()": "limit",
    "Promise.resolve().then(() => Date.now())": "clock", "new FinalizationRegistry(() => {}).register({}, 1)": "",
}  # fmt: skip


async def test_a_top_level_that_sees_what_differs_is_run_for_each_request(open_site: SiteFactory) -> None:
    """Promise: an image holds the state of a run that could not have gone differently. There is no way to look at a
    clock, at chance, at the request or at a secret without being seen."""
    seen = {}
    async with open_site(burst_s=0.3) as site:
        for look in LOOKS:
            path = await site.publish(
                f"globalThis.found = {look};\nexport default {{ fetch: () => new Response('x') }};"
            )
            image = await site.node.inspect(await site.node.programs.locate(path.removeprefix("/ipfs/"), ()))
            seen[look] = " ".join(sorted(image.touched - ({"clock"} if "timers" in image.touched else set())))
    assert seen == LOOKS
