"""JavaScript as an app: the package's engine and scripts, deployed as any program (wapojs-api.md section 1), that lives
on and answers: requests on ports and server names of its own, requests of the worker's listener, queries."""

import asyncio
import contextlib
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sr25519 import verify

from tests.node.apps.conftest import Site, worker_factory
from tests.vm.conftest import Authority, make_authority
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.modules import ModuleCache
from wapo.node.apps.app import App
from wapo.node.apps.http import NoAppResponse, app_exchange
from wapo.node.apps.queries import NoQueryResponse
from wapo.trust.quote import app_report_data
from wapo.vm.net.network import NetworkSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory, module_cache: ModuleCache, profile: JavaScriptProfile
) -> AsyncIterator[Site]:
    """A worker for all of them, whose apps may listen."""
    folder: Path = tmp_path_factory.mktemp("worker")
    network = NetworkSettings(listen_ports=(0, 65535), tls_host="127.0.0.1", tls_port=0, verify_sni_certificates=False)
    async with worker_factory(folder, module_cache, profile)(restart_after_s=1e9, network=network) as opened:
        yield opened


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@contextlib.asynccontextmanager
async def deployed(site: Site, *scripts: str, **options: Any) -> AsyncIterator[App]:
    """An app for a block."""
    app = await site.deploy_scripts(*scripts, **options)
    try:
        yield app
    finally:
        await site.worker.remove(app.address)


@contextlib.asynccontextmanager
async def serving_app(site: Site, *scripts: str, **options: Any) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """An app that listens on a port of the system's choice, and a client of it."""
    ports: asyncio.Queue[int] = asyncio.Queue()
    site.worker.network.on_listen = lambda _owner, port: ports.put_nowait(port)
    async with deployed(site, *scripts, **options) as app:
        port = await asyncio.wait_for(ports.get(), 20)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False, trust_env=False) as client:
            yield app, client


async def request(
    app: App, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """A request as the worker's listener gives it."""
    async with app_exchange(
        app, method, f"http://worker.example{path}", list(headers.items()), has_body=body is not None, channel_wait_s=10
    ) as exchange:

        async def upload() -> None:
            if body is not None:
                await exchange.body.write(body)
                exchange.body.end()

        uploading = asyncio.create_task(upload())
        head = await exchange.head()
        parts = []
        while chunk := await exchange.response.read():
            parts.append(chunk)
        uploading.cancel()
        await asyncio.gather(uploading, return_exceptions=True)
        return head.status, dict(head.headers), b"".join(parts)


#: Reads a body; answers with a text.
HELPERS = """
function bodyOf(req) {
  const chunks = [];
  return new Promise((resolve, reject) => Wapo.streamOpenRead(req.opaqueInputStream, (command, data) => {
    if (command === 'data') chunks.push(data);
    else if (command === 'end') resolve(Wapo.concatU8a(chunks));
    else reject(data);
  }));
}
function answer(req, text, send = Wapo.httpsSendResponseHead, headers = { 'Content-Type': 'text/plain' }) {
  send(req.opaqueResponseTx, { status: 200, headers });
  const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
  Wapo.streamWriteChunk(writer, text, () => {});
  Wapo.streamClose(writer);
}
"""

# The command line (1.2)


async def test_scripts_run_in_order_in_one_scope(site: Site) -> None:
    lines = await site.run_scripts(
        "var a = 1; let b = 2; this === globalThis", "console.log(a, b, scriptArgs)", args=("one", "two")
    )
    assert lines[0] == "1 2 [ 'one', 'two' ]"


async def test_environment_and_arguments(site: Site) -> None:
    lines = await site.run_scripts(
        "console.log(process.env.HELLO, Wapo.env.HELLO, process.argv.join(), Wapo.env === process.env)",
        args=("x",), env_vars=(("HELLO", "world=1"),),
    )  # fmt: skip
    assert lines[0] == "world=1 world=1 wapojs,<eval>,x true"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "failed to run js code: no script; usage: wapojs"),
        (("--nope",), "failed to run js code: unknown option --nope"),
        (("-c",), "failed to run js code: -c needs a value"),
        (("file.js",), "failed to run js code: cannot read file.js"),
        (("--code-hash", "sha256:" + "0" * 64), "failed to run js code: failed to get the script sha256:00"),
        (("-c", "1;", "-c", "oops()"), "failed to execute script: ReferenceError: oops is not defined\n    at <eval> (<eval>:1:1)"),
        (("-c", "]"), "failed to execute script: SyntaxError: "),
    ],
)  # fmt: skip
async def test_what_cannot_be_run(site: Site, args: tuple[str, ...], text: str) -> None:
    """The program ends with exit code 1, and says why."""
    app = await site.deploy_engine(*args)
    await site.until(lambda: not app.instances)
    lines = await site.log(app)
    await site.worker.remove(app.address)
    assert lines[0].startswith(text)
    assert lines[-1].startswith("Exited(1)")


async def test_the_output_is_emitted(site: Site) -> None:
    """Encoded as older releases did (1.9), whatever becomes of it."""
    async with deployed(site, "setTimeout(() => 0, 100); 'text'") as app:
        await site.until(lambda: bool(app.instances) and app.instances[0].guest is not None)
        guest = app.instances[0].guest
        await site.until(lambda: not app.instances)
        assert guest is not None
        assert guest.output == b"\x02\x10text"


async def test_errors_that_nobody_catches_do_not_end_it(site: Site) -> None:
    lines = await site.run_scripts("""
      setTimeout(() => { throw new Error('in a timer') }, 1);
      Promise.reject(new Error('rejected'));
      setTimeout(() => console.log('still here'), 20);
      module = { exports: () => { throw new Error('in the entry') } };""")
    texts = [line.split("\n")[0] for line in lines]
    assert texts == [
        "Uncaught (in promise) Error: rejected", "Uncaught (in the entry function) Error: in the entry",
        "Uncaught Error: in a timer", "still here", "Exited(0): the program finished",
    ]  # fmt: skip


async def test_exit_and_close_end_what_keeps_it_alive(site: Site) -> None:
    lines = await site.run_scripts("""
      const interval = setInterval(() => 0, 1000);
      const timer = Wapo.setTimeout(() => console.log('never'), 5);
      console.log(Wapo.close(timer), Wapo.close(12345), clearTimeout(interval));
      Wapo.queryListen(() => 0); Wapo.httpListen(() => 0); setInterval(() => 0, 1000);
      setTimeout(() => { Wapo.exit(); console.log('after exit') }, 20);""")
    assert lines == ["null null null", "after exit", "Exited(0): the program finished"]


# Queries (3.12)


async def test_queries(site: Site) -> None:
    script = """
      const kept = [];
      Wapo.queryListen((query) => {
        const { origin, path, payload, replyTx } = query;
        if (path === '/keep') kept.push(query);
        else if (path === '/throw') throw new Error('a handler that throws');
        else if (path === '/twice') { Wapo.queryReply(replyTx, 'once'); Wapo.queryReply(replyTx, 'again') }
        else if (path !== '/drop') Wapo.queryReply(replyTx, `${path} ${Wapo.utf8Decode(payload)} ${origin} ${query}`);
      });"""
    async with deployed(site, script) as app:
        assert await site.ask(app, "/echo", "hi") == b"/echo hi null [object Query]"
        for path in ("/drop", "/throw"):
            with pytest.raises(NoQueryResponse):
                await site.ask(app, path)
        assert await site.ask(app, "/twice") == b"once"
        assert len(app.instances) == 1
        await site.logs.flush()
        assert [line.split("\n")[0] for line in await site.log(app)] == [
            "Uncaught Error: a handler that throws",
            "failed to send reply: it was sent before, or nobody waits for it",
        ]


# Ports of its own (3.11)

PLAIN = (
    HELPERS
    + """
let stop;
const id = Wapo.httpsListen({ address: 'localhost:0' }, async (req) => {
  const [path] = req.url.split('?');
  switch (path) {
    case '/drop': return;
    case '/throw': throw new Error('no');
    case '/raw':
      Wapo.httpsSendResponseHeadRaw(req.opaqueResponseTx, 'HTTP/1.1 404 Not Found\\r\\nX-A: b: c\\r\\nX-A: d');
      Wapo.streamClose(Wapo.streamOpenWrite(req.opaqueOutputStream));
      try { Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 200, headers: [] }) } catch (error) { console.log(error.message) }
      return;
    case '/early': return answer(req, 'early');
    case '/echo':
      Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 201, headers: [['X-B', '1'], ['X-B', '2']] });
      Wapo.streamBridge({ input: req.opaqueInputStream, output: req.opaqueOutputStream });
      return;
    case '/lines': {
      Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 200, headers: {} });
      const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
      Wapo.streamWriteChunk(writer, 'first\\n', () => 0);
      stop = () => { Wapo.streamWriteChunk(writer, 'last\\n', () => 0); Wapo.streamClose(writer) };
      return;
    }
    case '/go': stop(); return answer(req, '');
    case '/upgrade': {
      Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 101, headers: { Upgrade: 'echo' } });
      Wapo.streamBridge({ input: req.opaqueInputStream, output: req.opaqueOutputStream });
      return;
    }
    case '/close': answer(req, ''); Wapo.close(id); return;
    default: {
      const body = await bodyOf(req);
      answer(req, JSON.stringify([req.method, req.url, body.length, req.headers.find(([name]) => name === 'x-c')]));
    }
  }
});
"""
)


async def test_plain_http(site: Site) -> None:
    async with serving_app(site, PLAIN) as (app, client):
        for size in (0, 10, 100_000):
            answer = await client.post(f"/a?b={size}", content=b"x" * size, headers={"X-C": "v"})
            assert answer.json() == ["POST", f"/a?b={size}", size, ["x-c", "v"]]
        assert (await client.request("OPTIONS", "/")).json()[0] == "OPTIONS"
        head = await client.head("/")
        assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "text/plain")
        echoed = await client.post("/echo", content=b"y" * 300_000)
        assert (echoed.status_code, echoed.content) == (201, b"y" * 300_000)
        assert echoed.headers.get_list("x-b") == ["1", "2"]
        raw = await client.get("/raw")
        assert (raw.status_code, raw.headers.get_list("x-a")) == (404, ["b: c", "d"])
        for path in ("/drop", "/throw"):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(path)
        early = await client.post("/early", content=b"z" * 1_000_000)
        assert early.text == "early"
        await site.logs.flush()
        lines = [line.split("\n")[0] for line in await site.log(app)]
        assert lines == ["failed to get response tx: the response was sent before", "Uncaught (in promise) Error: no"]


async def test_a_response_streams(site: Site) -> None:
    """The first line is there while the program has not written the last."""
    async with serving_app(site, PLAIN) as (_app, client), client.stream("GET", "/lines") as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "first"
        await client.get("/go")
        assert await anext(lines) == "last"


async def test_connections_are_kept_and_requests_may_follow_each_other_at_once(site: Site) -> None:
    async with serving_app(site, PLAIN) as (_app, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        writer.write(b"GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = (await asyncio.wait_for(reader.read(), 10)).decode()
        places = [data.index(f'"/{n}"') for n in (1, 2, 3)]
        assert data.count("HTTP/1.1 200") == 3
        assert places == sorted(places)
        writer.close()


async def test_a_client_that_speaks_no_http(site: Site) -> None:
    async with serving_app(site, PLAIN) as (_app, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400")
        writer.close()
        assert (await client.get("/")).status_code == 200


async def test_an_upgrade_gives_raw_bytes(site: Site) -> None:
    async with serving_app(site, PLAIN) as (_app, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 101")
        assert b"upgrade: echo" in head.lower()
        assert await asyncio.wait_for(reader.readexactly(5), 10) == b"early"
        writer.write(b"later")
        assert await asyncio.wait_for(reader.readexactly(5), 10) == b"later"
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_listener_that_is_closed(site: Site) -> None:
    """Nothing keeps the program alive then."""
    async with serving_app(site, PLAIN) as (app, client):
        await client.get("/close")
        await site.until(lambda: not app.instances)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", client.base_url.port)


async def test_listeners_that_cannot_be(site: Site) -> None:
    lines = await site.run_scripts("""
      for (const config of [{}, { address: 'nonsense' }, { address: 'example.com:80' }, { serverName: 'a', certificateChain: 'b', privateKey: 'c' }])
        try { Wapo.httpsListen(config, () => 0) } catch (error) { console.log(error.message) }""")
    assert [line for line in lines if line.startswith(("failed", "invalid"))] == [
        "invalid server config",
        "failed to listen on nonsense: InvalidParameter",
        "failed to listen on example.com:80: InvalidParameter",
        "failed to listen for a: InvalidParameter",
    ]


async def test_server_names_of_its_own(site: Site, authority: Authority) -> None:
    """TLS on the shared port; the certificate is the program's."""
    chain, key = authority.issue("agent.example")
    config = json.dumps({"serverName": "agent.example", "certificateChain": chain, "privateKey": key})
    script = (
        HELPERS
        + f"""
      Wapo.httpsListen({config}, async (req) => answer(req, `${{req.url}} ${{(await bodyOf(req)).length}}`));
      Wapo.queryListen((q) => Wapo.queryReply(q.replyTx, 'ready'));"""
    )
    async with deployed(site, script) as app:
        assert await site.ask(app, "/") == b"ready"
        assert site.worker.network.tls_port is not None
        context = ssl.create_default_context(cafile=str(authority.file))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", site.worker.network.tls_port.port, ssl=context, server_hostname="agent.example"
        )
        for size in (0, 200_000):
            writer.write(
                b"POST /path HTTP/1.1\r\nHost: agent.example\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
            )
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 200")
            chunks = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 10)
            assert b"/path %d" % size in chunks
        writer.close()


async def test_sockets_of_its_own(site: Site) -> None:
    """`listen` of wapo:sockets, in an app: TCP, one connection after the other and several at once."""
    script = """
      import { listen } from 'wapo:sockets';
      for await (const socket of listen({ port: 0, hostname: 'localhost' })) socket.readable.pipeTo(socket.writable);
    """
    async with serving_app(site, script) as (app, client):

        async def echo(data: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port, limit=1 << 20)
            writer.write(data)
            got = await asyncio.wait_for(reader.readexactly(len(data)), 10)
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            return got

        sent = [b"%d" % i * (1 + i * 10_000) for i in range(10)]
        assert await asyncio.gather(*map(echo, sent)) == sent
        assert await echo(b"again") == b"again"
        assert app.instances


# The worker's listener (3.10)


async def test_http_listen(site: Site) -> None:
    """As the example of the original: each line is written by itself."""
    script = (
        HELPERS
        + """
      Wapo.httpListen(async (req) => {
        const body = req.method === 'POST' ? await bodyOf(req) : new Uint8Array(0);
        Wapo.httpSendResponseHead(req.opaqueResponseTx, { status: 200, headers: { 'Content-Type': 'text/plain', 'X-Foo': 'Bar' } });
        const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
        const write = (text) => new Promise((resolve) => Wapo.streamWriteChunk(writer, text + '\\n', resolve));
        await write(`Method: ${req.method}`);
        await write(`URL: ${req.url}`);
        for (const [name, value] of req.headers) await write(`${name}: ${value}`);
        await write(`Body: ${body.length}`);
        Wapo.streamClose(writer);
        Wapo.httpSendResponseHead(req.opaqueResponseTx, { status: 200, headers: {} });
      });"""
    )
    async with deployed(site, script) as app:
        status, headers, body = await request(app, "POST", "/p?q=1", b"x" * 5000, a="b")
        assert (status, headers) == (200, {"Content-Type": "text/plain", "X-Foo": "Bar"})
        assert body.decode().split("\n") == [
            "Method: POST",
            "URL: http://worker.example/p?q=1",
            "a: b",
            "Body: 5000",
            "",
        ]
        assert (await request(app, "GET", "/"))[2].decode().split("\n")[-2] == "Body: 0"
        await site.logs.flush()
        assert set(await site.log(app)) == {"failed to send response: it was sent before, or the client has gone"}


async def test_a_handler_that_throws_fails_its_request_only(site: Site) -> None:
    async with deployed(
        site, HELPERS + "Wapo.httpListen((req) => { if (req.url.endsWith('/bad')) throw 1; answer(req, 'ok') })"
    ) as app:
        with pytest.raises(NoAppResponse):
            await request(app, "GET", "/bad")
        assert (await request(app, "GET", "/"))[2] == b"ok"


async def test_scripts_may_bring_their_own_fetch_events(site: Site) -> None:
    """listeningForFetchEvents: a function of that name in the script overrides ours (4.15)."""
    script = """
      function addEventListener(type, callback) {
        Wapo.httpListen((req) => {
          let body;
          const request = {
            url: req.url, method: req.method, headers: req.headers,
            body: new ReadableStream({ start(controller) {
              Wapo.streamOpenRead(req.opaqueInputStream, (command, data) => {
                if (command === 'data') controller.enqueue(data); else controller.close();
              });
            } }),
          };
          callback({ type, request, async respondWith(promise) {
            const response = await promise;
            Wapo.httpSendResponseHead(req.opaqueResponseTx, { status: response.status, headers: response.headers });
            const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
            for await (const chunk of response.body)
              await new Promise((resolve) => Wapo.streamWriteChunk(writer, chunk, resolve));
            Wapo.streamClose(writer);
          } });
        });
      }
      addEventListener('fetch', (event) => event.respondWith((async () => {
        let length = 0;
        if (event.request.method === 'POST') for await (const chunk of event.request.body) length += chunk.length;
        return { status: 200, headers: { 'X-B': '1', 'X-A': '2' }, body: new ReadableStream({ async start(controller) {
          for (const line of [event.request.method, `${length}`]) controller.enqueue(new TextEncoder().encode(line + '\\n'));
          controller.close();
        } }) };
      })()));"""
    async with deployed(site, script) as app:
        status, headers, body = await request(app, "POST", "/", b"x" * 3000)
        assert (status, list(headers), body) == (200, ["X-A", "X-B"], b"POST\n3000\n")


FETCH = """
const app = { async fetch(request, env, ctx) {
  const url = new URL(request.url);
  if (url.pathname === '/throw') throw new Error('no');
  if (url.pathname === '/stream') return new Response(request.body, { headers: { 'x-y': 'z' } });
  return new Response(`${request.method} ${url.pathname} ${env.NAME} ${(await request.text()).length}`, { status: 202 });
} };
"""


@pytest.mark.parametrize(
    "script", [FETCH + "export default app;", FETCH + "module = { exports: app };",
               FETCH + "addEventListener('fetch', (event) => event.respondWith(app.fetch(event.request, process.env)));"],
    ids=["module", "exports", "listener"],
)  # fmt: skip
async def test_an_agent_is_an_app_too(site: Site, script: str) -> None:
    """What answers at /ipfs/ answers as an app as well."""
    async with deployed(site, script, env_vars=(("NAME", "x"),)) as app:
        assert (await request(app, "GET", "/a?b"))[::2] == (202, b"GET /a x 0")
        assert (await request(app, "POST", "/a", b"y" * 5000))[::2] == (202, b"POST /a x 5000")
        status, headers, body = await request(app, "POST", "/stream", b"y" * 50_000)
        assert (status, headers["x-y"], body) == (200, "z", b"y" * 50_000)
        assert (await request(app, "GET", "/throw"))[0] == 500


# The worker's services (3.16)


async def test_the_proxy_of_the_catalogue(site: Site) -> None:
    """gptProxy: a key that the worker vouches for; a body that is passed on, and its answer handed through."""
    script = (
        HELPERS
        + """
      const key = new Uint8Array([1, 2, 3]);
      const publicKey = Wapo.hexEncode(key);
      const signature = Wapo.workerSign(Wapo.hash('sha256', 'ecdhPublicKey:' + publicKey));
      const quote = Wapo.sgxQuote(signature);
      Wapo.queryListen((q) => Wapo.queryReply(q.replyTx, q.path === '/' ? 'Hello, World!' : 'unknown'));
      Wapo.httpListen(async (req) => {
        const send = Wapo.httpSendResponseHead;
        const { pathname } = new URL(req.url);
        if (pathname === '/publicKey') {
          return answer(req, JSON.stringify({ publicKey, signature: Wapo.hexEncode(signature),
            workerPublicKey: Wapo.hexEncode(Wapo.workerPublicKey()), quote: quote === null ? '' : Wapo.hexEncode(quote) }), send);
        }
        if (pathname !== '/v1/chat/completions') {
          send(req.opaqueResponseTx, { status: 404, headers: {} });
          return Wapo.streamClose(Wapo.streamOpenWrite(req.opaqueOutputStream));
        }
        const response = await fetch(process.env.UPSTREAM, { method: 'POST', body: await bodyOf(req) });
        send(req.opaqueResponseTx, { status: response.status, headers: Object.fromEntries(response.headers) });
        Wapo.streamBridge({ input: response._opaqueBodyStream, output: req.opaqueOutputStream });
        try { await response.text() } catch (error) { console.log('used', error.name) }
      });"""
    )
    async with serving_app(site, PLAIN) as (_upstream, client):
        upstream = f"{client.base_url}/echo"
        async with deployed(site, script, env_vars=(("UPSTREAM", upstream),)) as app:
            assert await site.ask(app, "/") == b"Hello, World!"
            _, _, body = await request(app, "GET", "/publicKey")
            said = json.loads(body)
            signed = b"\xff\x65" + app.address + hashlib.sha256(b"ecdhPublicKey:010203").digest()
            assert verify(bytes.fromhex(said["signature"]), signed, bytes.fromhex(said["workerPublicKey"]))
            assert said["quote"] == ""
            assert (await request(app, "GET", "/nowhere"))[0] == 404
            status, headers, body = await request(app, "POST", "/v1/chat/completions", b"q" * 100_000)
            assert (status, headers["x-b"], body) == (201, "1, 2", b"q" * 100_000)
            await site.logs.flush()
            assert await site.log(app) == ["used TypeError"]


async def test_boot_data_and_locks(site: Site) -> None:
    """As the bundle of the catalogue does: a configuration that is made once, under a lock."""
    script = """
      const guard = Wapo.tryLock('/boot.lck');
      try { Wapo.tryLock('/boot.lck') } catch (error) { console.log(error.message) }
      const stored = Wapo.bootData();
      if (stored === null) Wapo.storeBootData(JSON.stringify({ made: 1 }));
      console.log(stored && Wapo.utf8Decode(stored), Wapo.unlock(guard));
      try { Wapo.unlock(guard) } catch (error) { console.log(error.message) }
      Wapo.tryLock('/lost');
      setTimeout(() => Wapo.tryLock('/lost'), 1);
      try { Wapo.storeBootData(new Uint8Array(65537)) } catch (error) { console.log(error.message) }"""
    rest = ["lock failed: the lock is not free", "invalid lock guard", "failed to store boot data: InvalidParameter"]
    for stored in ("null", '{"made":1}'):
        lines = await site.run_scripts(script)
        assert lines[-5:] == [rest[0], f"{stored} null", *rest[1:], "Exited(0): the program finished"]


async def test_an_app_that_runs_what_it_is_sent(site: Site) -> None:
    """The bundle of the catalogue: POST /eval runs the body in an isolate."""
    script = (
        HELPERS
        + """
      Wapo.httpListen(async (req) => {
        if (!req.url.endsWith('/eval')) return answer(req, 'Hono!', Wapo.httpSendResponseHead);
        const scripts = [Wapo.utf8Decode(await bodyOf(req))];
        Wapo.isolateEval({ scripts, args: [], env: {}, polyfills: ['browser'], timeLimit: 60000, gasLimit: 100000, memoryLimit: 5 << 20 },
          (output) => answer(req, JSON.stringify({ output }), Wapo.httpSendResponseHead));
      });"""
    )
    async with deployed(site, script) as app:
        assert (await request(app, "GET", "/"))[2] == b"Hono!"
        assert (await request(app, "POST", "/eval", b"String(40+2)"))[2] == b'{"output":[null,"42",null,"[]"]}'
        answers = await asyncio.gather(*(request(app, "POST", "/eval", b"scriptOutput = `%d`" % n) for n in range(20)))
        assert [json.loads(body)["output"][1] for _, _, body in answers] == [str(n) for n in range(20)]


async def test_what_the_wapo_env_package_does(site: Site) -> None:
    """Section 7: requests that are subclasses of Request with a stream as body, answers that are piped."""
    script = """
      class HostRequest extends Request {
        constructor(req) {
          const host = req.headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? 'localhost';
          const body = req.method === 'GET' || req.method === 'HEAD' ? undefined : new ReadableStream({ start(controller) {
            Wapo.streamOpenRead(req.opaqueInputStream, (command, data) => {
              if (command === 'data') controller.enqueue(data);
              else if (command === 'end') controller.close();
              else controller.error(new Error(data));
            });
          } });
          super(`https://${host}${req.url}`, { method: req.method, headers: req.headers, body, opaqueRequest: req });
          this.opaqueRequest = req;
        }
      }
      async function sendResponse(response, req) {
        const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
        Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: response.status, headers: Array.from(response.headers.entries()) });
        await response.body.pipeTo(new WritableStream({
          write: (chunk) => new Promise((resolve, reject) =>
            Wapo.streamWriteChunk(writer, chunk, (ok, error) => (ok ? resolve() : reject(new Error(error))))),
          close: () => Wapo.streamClose(writer),
        }));
      }
      const app = { fetch: async (request) => new Response(`${request.method} ${request.url} ${(await request.arrayBuffer()).byteLength} ${request instanceof HostRequest}`) };
      Wapo.httpsListen({ address: '127.0.0.1:0' }, async (req) => sendResponse(await app.fetch(new HostRequest(req)), req));"""
    async with serving_app(site, script) as (_app, client):
        answer = await client.post("/a?b=c", content=b"x" * 50_000, headers={"Host": "agent.example"})
        assert answer.text == "POST https://agent.example/a?b=c 50000 true"
        assert (await client.get("/")).text.endswith("/ 0 true")


# The host's side of HTTP on a program's own ports

RAW = (
    HELPERS
    + """
let busy = [];
Wapo.httpsListen({ address: '127.0.0.1:0' }, async (req) => {
  const [path, query] = req.url.split('?');
  switch (path) {
    case '/hold': busy.push(req); return;
    case '/release': for (const held of busy.splice(0)) answer(held, 'held'); return answer(req, 'released');
    case '/held': return answer(req, String(busy.length));
    case '/status': Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: +query, headers: {} }); return Wapo.streamClose(Wapo.streamOpenWrite(req.opaqueOutputStream));
    case '/header': return answer(req, 'x', Wapo.httpsSendResponseHead, { 'x-y': 'a\\r\\nb: c' });
    case '/length': return answer(req, 'four', Wapo.httpsSendResponseHead, { 'content-length': query });
    case '/flood': {
      Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 200, headers: {} });
      const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
      let failed = null;
      while (failed === null) failed = await new Promise((resolve) => Wapo.streamWriteChunk(writer, new Uint8Array(60000), (ok, error) => resolve(error)));
      console.log('flood', failed);
      return;
    }
    case '/exit': return Wapo.exit();
    default: answer(req, `${req.method} ${(await bodyOf(req)).length}`);
  }
});
"""
)


async def converse(client: httpx.AsyncClient, *requests: bytes) -> bytes:
    """All that comes back on one connection until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    for data in requests:
        writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


async def test_framings_and_what_is_refused(site: Site) -> None:
    async with serving_app(site, RAW) as (_app, client):
        chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        assert b"POST 5" in await converse(client, chunked, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        expecting = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(expecting)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).startswith(b"HTTP/1.1 100")
        writer.write(b"abc")
        assert b"POST 3" in await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert (await converse(client, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"\r\n\r\nGET 0")
        assert (await converse(client, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000)).startswith(b"HTTP/1.1 431")
        assert (await converse(client, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 400")
        bad_chunk = b"POST /hold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
        assert (await converse(client, bad_chunk)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/status?99", "/status?101", "/status?600", "/header", "/length?x"])
async def test_answers_that_cannot_be_sent(site: Site, path: str) -> None:
    async with serving_app(site, RAW) as (_app, client):
        assert (await client.get(path)).status_code == 500
        assert (await client.get("/")).status_code == 200


async def test_a_body_of_another_length_than_announced(site: Site) -> None:
    async with serving_app(site, RAW) as (_app, client):
        assert (await client.get("/length?4")).text == "four"
        for length in ("3", "5"):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"/length?{length}")


async def test_more_requests_than_the_program_takes_wait(site: Site) -> None:
    """Its channel holds 20; the others wait in their connections."""
    async with (
        serving_app(site, RAW) as (_app, client),
        httpx.AsyncClient(base_url=client.base_url, trust_env=False, limits=httpx.Limits(max_connections=60)) as many,
    ):
        held = [asyncio.create_task(many.get("/hold")) for _ in range(50)]
        async with asyncio.timeout(20):
            while int((await client.get("/held")).text) < 50:
                pass
        assert (await client.get("/release")).text == "released"
        assert [answer.text for answer in await asyncio.gather(*held)] == ["held"] * 50


async def test_a_client_that_goes_away(site: Site) -> None:
    """Writes fail, and nothing of it stays in the program's table."""
    async with serving_app(site, RAW) as (app, client):
        guest = app.instances[0].guest
        assert guest is not None
        assert (await client.get("/")).status_code == 200
        before = len(guest.table)
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(100_000)
        writer.close()

        def has_heard() -> bool:
            return len(guest.table) <= before

        await site.until(has_heard)
        await site.logs.flush()
        assert [line for line in await site.log(app) if line.startswith("flood")] == ["flood the connection failed"]


async def test_connections_end_with_the_program(site: Site) -> None:
    async with serving_app(site, RAW) as (app, client):
        held = asyncio.create_task(client.get("/hold"))
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as other:
            async with asyncio.timeout(20):
                while (await other.get("/held")).text != "1":
                    pass
            with pytest.raises(httpx.RemoteProtocolError):
                await other.get("/exit")
        with pytest.raises(httpx.RemoteProtocolError):
            await held
        await site.until(lambda: not app.instances)
        await site.until(lambda: not site.worker.network.budget.held(app.owner))


async def test_a_request_that_is_cut_off_is_not_taken_for_a_whole_one(site: Site) -> None:
    script = (
        HELPERS
        + """
      Wapo.httpsListen({ address: '127.0.0.1:0' }, async (req) => {
        try { console.log((await bodyOf(req)).length) } catch (error) { console.log('failed:', error) }
      });"""
    )
    async with serving_app(site, script) as (app, client):
        _reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

        async def logged() -> list[str]:
            await site.logs.flush()
            return await site.log(app)

        async with asyncio.timeout(20):
            while not (lines := await logged()):
                await asyncio.sleep(0.01)
        assert lines == ["failed: the connection failed"]


async def test_a_fresh_instance_for_each_query(site: Site) -> None:
    """Nothing is left of the one before."""
    script = "let count = 0; Wapo.queryListen((q) => Wapo.queryReply(q.replyTx, `${++count}`))"
    async with deployed(site, script, reuse=False, on_demand=True) as app:
        assert [await site.ask(app, "/") for _ in range(3)] == [b"1"] * 3
    async with deployed(site, script, on_demand=True) as app:
        first = await site.ask(app, "/")
        assert first == b"1"
        await site.until(lambda: not app.instances)


async def test_modules(site: Site) -> None:
    """Beyond the original: with waits at the top level, and a default function as the entry."""
    lines = await site.run_scripts(
        """
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log('top level', import.meta !== undefined);
      export default async (...args) => { console.log('entry', args.join()); return 1; }""",
        args=("a", "b"),
    )
    assert lines == ["top level true", "entry a,b", "Exited(0): the program finished"]
    lines = await site.run_scripts("await 1; throw new Error('no'); export {}")
    assert lines[0].startswith("failed to execute script: Error: no")
    assert lines[1].startswith("Exited(1)")
    lines = await site.run_scripts("""
      for (const code of ["await 1; export default (x) => ({ x })", "await 1; throw new Error('in a module'); export {}", "export {"]) {
        const { value, error } = await Wapo.run(code, { args: ['arg'] });
        console.log(value, error && error.split('\\n')[0]);
      }
      export {};""")
    assert lines[:2] == ["{ x: 'arg' } null", "undefined Error: in a module"]
    assert lines[2].startswith("undefined SyntaxError")


async def test_a_quote(
    tmp_path_factory: pytest.TempPathFactory, module_cache: ModuleCache, profile: JavaScriptProfile
) -> None:
    """On a machine that can attest: it is over the app's address and the data."""

    class Quotes:
        kind = "tests"

        def quote(self, report_data: bytes) -> bytes:
            return b"a quote over " + report_data

    factory = worker_factory(tmp_path_factory.mktemp("quotes"), module_cache, profile)
    async with factory(restart_after_s=1e9, quotes=Quotes()) as site:
        script = "Wapo.queryListen((q) => Wapo.queryReply(q.replyTx, Wapo.sgxQuote(q.payload)))"
        async with deployed(site, script) as app:
            assert await site.ask(app, "/", b"data") == b"a quote over " + app_report_data(app.address, b"data")


async def test_the_end_of_a_request_without_a_body(site: Site) -> None:
    """It is told to a program that waits for nothing else; that it listens elsewhere is no waiting."""
    script = (
        HELPERS
        + """
      Wapo.httpsListen({ address: '127.0.0.1:0' }, () => 0);
      Wapo.queryListen(() => 0);
      Wapo.httpListen(async (req) => answer(req, `${(await bodyOf(req)).length}`, Wapo.httpSendResponseHead));"""
    )
    async with deployed(site, script) as app:
        async with asyncio.timeout(20):
            assert (await request(app, "GET", "/"))[2] == b"0"


@pytest.mark.parametrize(
    "script",
    [
        "export default { query: async ({ origin, path, payload }, env) => answer(origin, path, payload) };",
        "addEventListener('query', (event) => { const { origin, path, payload } = event.request; event.respondWith(answer(origin, path, payload)) });",
    ],
    ids=["method", "listener"],
)
async def test_queries_as_events(site: Site, script: str) -> None:
    """Beside requests, or without any."""
    helper = "const answer = async (origin, path, payload) => { if (path === '/bad') throw new Error('bad'); if (path === '/number') return 1; return `${origin} ${path} ${payload.length}` };"
    async with deployed(site, helper + script) as app:
        assert await site.ask(app, "/a", b"xyz") == b"null /a 3"
        for path in ("/bad", "/number"):
            with pytest.raises(NoQueryResponse):
                await site.ask(app, path)
        assert await site.ask(app, "/a") == b"null /a 0"
