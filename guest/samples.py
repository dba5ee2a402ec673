"""What guest/train.py has agents do: a little of everything that requests do, as users write it.

What no sample does works as well; the platform's objects that it writes just lie where they come to lie.
"""

from dataclasses import dataclass, field
from typing import Final

__all__ = ["SAMPLES", "Sample"]

#: In a source: a server that answers any request with JSON.
_UPSTREAM = "UPSTREAM"


@dataclass(frozen=True)
class Sample:
    """An agent and a request to it.

    Attributes:
        fails: it answers with an error.
        weight: for how many others it stands: what weighs most lies at the front of the arena.
    """

    name: str
    source: str
    method: str = "GET"
    body: bytes | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    fails: bool = False
    weight: int = 1


def _handler(body: str, before: str = "") -> str:
    return f"{before}\nexport default {{\n  async fetch(request, env, ctx) {{\n{body}\n  }},\n}};\n"


_JSON: Final = [(b"content-type", b"application/json")]
_ROUTER = """
class Context {
  #request; #parameters; #headers = new Headers();
  constructor(request, parameters) { this.#request = request; this.#parameters = parameters; }
  get request() { return this.#request; }
  param(name) { return this.#parameters[name]; }
  header(name, value) { this.#headers.set(name, value); }
  text(text, status = 200) { return this.#answer(text, status, 'text/plain; charset=UTF-8'); }
  json(value, status = 200) { return this.#answer(JSON.stringify(value), status, 'application/json'); }
  html(text) { return this.#answer(text, 200, 'text/html; charset=UTF-8'); }
  #answer(body, status, type) {
    this.#headers.set('content-type', type);
    return new Response(body, { status, headers: this.#headers });
  }
}
class Router {
  #routes = []; #middleware = [];
  use(middleware) { this.#middleware.push(middleware); return this; }
  get(path, handler) {
    this.#routes.push([new RegExp(`^${path.replace(/:(\\w+)/g, '(?<$1>[^/]+)')}$`), handler]);
    return this;
  }
  fetch = async (request) => {
    const { pathname } = new URL(request.url);
    for (const [pattern, handler] of this.#routes) {
      const match = pattern.exec(pathname);
      if (!match) continue;
      const context = new Context(request, { ...match.groups });
      const run = async (index) =>
        index < this.#middleware.length ? this.#middleware[index](context, () => run(index + 1)) : handler(context);
      try { return await run(0); } catch (error) { return context.text(error.message, 500); }
    }
    return new Response('404 Not Found', { status: 404 });
  };
}
const app = new Router()
  .use(async (c, next) => { const begin = Date.now(); const r = await next(); r.headers.set('x-time', `${Date.now() - begin}`); return r; })
  .get('/', (c) => c.json({ hello: new URL(c.request.url).searchParams.get('name') }))
  .get('/users/:id', (c) => c.json({ id: c.param('id') }))
  .get('/page', (c) => c.html(`<h1>${['a', 'b'].map((x) => `<li>${x}</li>`).join('')}</h1>`));
export default app;
"""

SAMPLES: Final = [
    Sample(
        "hello",
        _handler(
            "    const { pathname, searchParams } = new URL(request.url);\n"
            "    return Response.json({ hello: searchParams.get('name') ?? 'world', method: request.method, path: pathname });"
        ),
        weight=8,
    ),
    Sample("text", _handler("    return new Response('hello');"), weight=4),
    Sample(
        "json", _handler("    const sent = await request.json();\n    return Response.json({ sent, keys: Object.keys(sent) });"),
        "POST", b'{"items": [1, 2.5, "three", null, {"four": 4}], "name": "x"}', _JSON, weight=4,
    ),
    Sample("router", _ROUTER, weight=4),
    Sample(
        "upstream",
        _handler(
            f"    const answer = await fetch('{_UPSTREAM}/data?x=1', {{ headers: {{ accept: 'application/json' }} }});\n"
            "    const data = await answer.json();\n"
            "    return Response.json({ ok: answer.ok, data }, { headers: { 'cache-control': 'no-store' } });"
        ),
        weight=4,
    ),
    Sample(
        "proxy",
        _handler(
            f"    const answer = await fetch(new Request('{_UPSTREAM}' + new URL(request.url).pathname, request));\n"
            "    return new Response(answer.body, answer);"
        ),
    ),
    Sample(
        "posting",
        _handler(
            f"    const bodies = await Promise.all([1, 2].map(async (n) => (await fetch('{_UPSTREAM}', {{\n"
            "      method: 'POST', body: JSON.stringify({ n }), headers: { 'content-type': 'application/json' },\n"
            "    })).text()));\n    return new Response(bodies.join());"
        ),
    ),
    Sample(
        "script",
        "const request = JSON.parse(scriptArgs[0]);\n"
        "scriptOutput = JSON.stringify({ status: 200, body: request.path + (process.env.secret ?? '') });",
    ),
    Sample(
        "exports",
        "module.exports = async () => JSON.stringify({ status: 200, body: JSON.parse(scriptArgs[0]).method });",
    ),
    Sample(
        "main",
        "export default async function main(request) {\n"
        "  const { path, queries, headers } = JSON.parse(request);\n"
        "  return JSON.stringify({ status: 200, headers, body: JSON.stringify({ path, queries }) });\n}\n",
        weight=4,
    ),
    Sample(
        "listener",
        "addEventListener('fetch', (event) => { event.respondWith(new Response('heard', { status: 202 })); });",
    ),
    Sample(
        "stream",
        _handler(
            "    const encoder = new TextEncoder();\n    let n = 0;\n"
            "    return new Response(new ReadableStream({\n"
            "      pull(controller) { if (n++ < 3) controller.enqueue(encoder.encode(`chunk ${n}`)); else controller.close(); },\n"
            "    }), { headers: { 'content-type': 'text/event-stream' } });"
        ),
        weight=2,
    ),
    Sample(
        "transform",
        _handler(
            "    const { readable, writable } = new TransformStream();\n    const writer = writable.getWriter();\n"
            "    ctx.waitUntil((async () => { for (const c of 'ab') await writer.write(new TextEncoder().encode(c)); await writer.close(); })());\n"
            "    return new Response(readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()));"
        ),
    ),
    Sample("timer", _handler("    await new Promise((done) => setTimeout(done, 1));\n    return new Response('late');"), weight=2),
    Sample(
        "form",
        _handler("    const form = await request.formData();\n    return Response.json([...form]);"),
        "POST", b"name=x&other=y+z", [(b"content-type", b"application/x-www-form-urlencoded")],
    ),
    Sample(
        "bytes",
        _handler("    const bytes = new Uint8Array(await request.arrayBuffer());\n    return new Response(bytes.map((b) => b ^ 1));"),
        "PUT", bytes(range(200)), [(b"content-type", b"application/octet-stream")],
    ),
    Sample(
        "digest",
        _handler(
            "    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));\n"
            "    return new Response([...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join(''));"
        ),
    ),
    Sample(
        "signature",
        _handler(
            "    const key = await crypto.subtle.importKey('raw', new TextEncoder().encode('k'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);\n"
            "    const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode('abc'));\n"
            "    return new Response(btoa(String.fromCharCode(...new Uint8Array(signature))) + crypto.randomUUID());"
        ),
    ),
    Sample("throws", _handler("    throw new Error('no');"), weight=2, fails=True),
    Sample(
        "caught",
        _handler(
            "    try { null.x; } catch (error) { console.error('caught', error); }\n"
            "    try { new URL('nonsense'); } catch (error) { return new Response(error.message, { status: 400 }); }"
        ),
    ),
    Sample("log", _handler("    console.log('a', 1, { b: [2] }, 'c');\n    return new Response(null, { status: 204 });"), weight=2),
    Sample(
        "abort",
        _handler(
            f"    try {{ await fetch('{_UPSTREAM}/slow', {{ signal: AbortSignal.timeout(1) }}); }} catch (error) {{ return new Response(error.name); }}\n"
            "    return new Response('early');"
        ),
    ),
    Sample(
        "language",
        _handler(
            "    const words = 'the quick brown fox'.split(' ').map((w) => w[0].toUpperCase() + w.slice(1));\n"
            "    const counts = new Map(words.map((w) => [w, w.length]));\n"
            "    async function* each() { for (const [word, length] of counts) yield { word, length, at: new Date(0).toISOString() }; }\n"
            "    const out = [];\n    for await (const one of each()) out.push({ ...one, big: 2n ** 64n > 1n, text: structuredClone([one]) });\n"
            "    out.sort((a, b) => b.length - a.length || a.word.localeCompare(b.word));\n"
            "    return new Response(JSON.stringify(out).replace(/o(\\w)/g, (_, c) => c), { headers: [['set-cookie', 'a=b'], ['set-cookie', 'c=d']] });"
        ),
    ),
    Sample(
        "copies",
        _handler(
            "    const copy = request.clone();\n    const [a, b] = await Promise.all([request.text(), copy.text()]);\n"
            "    const response = new Response(a + b);\n    await response.clone().text();\n"
            "    if (request.headers.has('x-go')) return Response.redirect('http://localhost/', 302);\n    return response;"
        ),
        "POST", b"text", [(b"content-type", b"text/plain")],
    ),
    Sample(
        "node",
        _handler(
            "    return new Response(Buffer.from(join('a', 'b')).toString('hex'));",
            "import { Buffer } from 'node:buffer';\nimport { join } from 'node:path';",
        ),
    ),
    Sample(
        "sockets",
        _handler(
            "    const { 0: client, 1: server } = new WebSocketPair();\n    server.accept();\n"
            "    server.addEventListener('message', ({ data }) => server.send(data));\n    server.close();\n"
            "    return new Response(null, { status: 101, webSocket: client });"
        ),
        headers=[(b"upgrade", b"websocket"), (b"connection", b"upgrade")],
    ),
]  # fmt: skip
