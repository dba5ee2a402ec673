import asyncio, sys, tempfile, collections
from pathlib import Path
from bisect import bisect_right
import array
sys.path.insert(0, str(Path(__file__).resolve().parent))
import build, stores
from wapo.agents.images import ImageStore
from wapo.agents.invoke import start, finish
from wapo.agents.messages import AgentRequest
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.engine.pool import InstancePool
from wapo.vm.http_client import HttpClient
from wapo.vm.egress import EgressPolicy
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

HELLO = (build.GUEST.parent/"examples/agents/hello.js").read_text()
CLASSIC = (build.GUEST.parent/"examples/agents/classic.js").read_text()
SAMPLES = {
  "hello": (HELLO, {}),
  "classic": (CLASSIC, {}),
  "json": ("export default { async fetch(r) { const b = await r.json(); return Response.json({ got: b, n: b.items.length }); } };", {"method":"POST","body":b'{"items":[1,2,3],"name":"x"}'}),
  "stream": ("export default { fetch() { const e = new TextEncoder(); let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++ < 5) c.enqueue(e.encode('chunk ' + n)); else c.close(); } })); } };", {}),
  "timer": ("export default { async fetch() { await new Promise((d) => setTimeout(d, 1)); return new Response('late'); } };", {}),
  "upstream": ("export default { async fetch(r) { const a = await fetch('UPSTREAM/a'); const b = await a.json(); return Response.json(b); } };", {}),
  "digest": ("export default { async fetch(r) { const d = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')); return new Response([...new Uint8Array(d)].map((x) => x.toString(16)).join('')); } };", {}),
  "error": ("export default { async fetch(r) { throw new Error('no'); } };", {}),
  "log": ("export default { async fetch(r) { console.log('x', {a: 1}, [1,2]); return new Response('x', {status: 404}); } };", {}),
  "routes": ("class R { #m = new Map(); on(p, f) { this.#m.set(p, f); return this; } go(p) { return this.#m.get(p); } }; const r = new R().on('/', (q, u) => new Response(`<h1>${u.searchParams.get('name')}</h1>`, { headers: { 'content-type': 'text/html', 'x-a': 'b' } })); export default { fetch(q) { const u = new URL(q.url); const h = new Headers(q.headers); h.set('a', 'b'); return (r.go(u.pathname) ?? (() => new Response('no', {status: 404})))(q, u); } };", {}),
}

class Recorder(InstancePool):
    def __init__(self, *a, address, size):
        super().__init__(*a); self.a=address; self.n=size; self.written=[]
    def take(self):
        i = super().take()
        m = i.view(self.a, self.n); m[:] = bytes(self.n)
        return i
    def give_back(self, instance, *, clean):
        self.written.append(bytes(instance.view(self.a, self.n))); self.size=instance.memory_size
        instance.close()

class S(Services):
    def __init__(self, c): self.http_client=c
    def log(self, guest, level, text): pass
    def derive_secret(self, g, p): return bytes(64)

async def upstream(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a":123}'); await writer.drain()

async def main():
    wasm = build.build(Path(tempfile.mkdtemp()) / "t.wasm", training=True).read_bytes()
    at = stores.exported_addresses(wasm)
    marked = stores.with_marked_stores(wasm, at["layout_map"])
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    out = {}
    with Engine().opened() as engine:
        profile = JavaScriptProfile(engine, ModuleCache(Path("/tmp/layout/modules")), marked)
        scheduler = Scheduler()
        images = ImageStore(profile, scheduler, 1 << 30)
        client = await HttpClient(EgressPolicy(allow_private=True)).__aenter__()
        limits = GuestLimits(memory_bytes=1<<30, burst_s=20.0, time_s=60.0)
        for name, (source, req) in SAMPLES.items():
            source = source.replace("UPSTREAM", f"http://127.0.0.1:{port}").encode()
            image = await images.make(name, lambda: source, limits, name)
            pool = Recorder(profile.serving, image.memory, limits.store, address=at["layout_map"], size=32<<20)
            image._pool = pool
            class L:
                program="p"
                def add(self, l, m): pass
            r = AgentRequest(req.get("method","GET"), "http://localhost/?name=bench", [(b"host", b"localhost"), (b"accept", b"*/*"), (b"user-agent", b"bench"),(b"content-type",b"application/json")], req.get("body"), request_id="bench")
            done = asyncio.Event()
            run = start(profile, scheduler, S(client), image, r, log=L(), limits=limits, max_response_bytes=1<<20, owner="", on_end=lambda e,g: done.set())
            try:
                resp = await run.answer()
                body = resp.body if resp.stream is None else await all_of(resp.stream)
                print(name, image.kind, resp.status, body[:40])
            except Exception as e: print(name, repr(e))
            finish(run)
            await done.wait(); await asyncio.sleep(0.01)
            out[name] = pool.written[0]
            import os
            base = await images.base()
            mem = lambda a, n: os.pread(base._descriptor, n, a)
            births = int.from_bytes(mem(at["layout_sealed_at"],4),"little")
            table = array.array("I", mem(at["layout_blocks"], (births+1)*4))
        await images.aclose(); await client.__aexit__(None,None,None)
        profile.close()
    server.close()
    return out, table, base.size, at
async def all_of(s):
    b=b""
    while True:
        c = await s.read(65536)
        if not c: return b
        b+=c
if __name__=="__main__":
    import pickle
    pickle.dump(asyncio.run(main()), open("/tmp/layout/out.pickle","wb"))
