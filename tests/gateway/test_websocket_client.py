"""WebSockets that agents open, to real servers (https://websockets.spec.whatwg.org/)."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from tests.conftest import Site, SiteFactory
from tests.gateway.support import goes_on, until
from tests.vm.conftest import Authority
from tests.vm.conftest import authority as authority  # a fixture
from wapo.vm.egress import EgressPolicy

#: Opens ``?to=``, runs the test's code with `socket`, `log` and `param`, and answers with the log when it is closed.
AGENT = """
export default { async fetch(request) {
  const param = new URL(request.url).searchParams;
  const log = [];
  const socket = new WebSocket(param.get('to'), JSON.parse(param.get('init') ?? '[]'));
  await new Promise((resolve) => {
    socket.addEventListener('open', (e) => log.push([e.type, socket.readyState, socket.protocol]));
    socket.addEventListener('error', (e) => log.push([e.type, e.message]));
    socket.addEventListener('close', (e) => { log.push([e.type, e.code, e.reason, e.wasClean]); resolve(); });
    %s
  });
  return Response.json(log);
} };
"""
#: Messages are logged; after as many as `?expect=` says it closes.
LISTEN = (
    AGENT
    % """
    socket.binaryType = 'arraybuffer';
    let left = Number(param.get('expect'));
    socket.addEventListener('message', (e) => {
      log.push(typeof e.data === 'string' ? e.data : [...new Uint8Array(e.data)]);
      if (--left === 0) socket.close(3000, 'enough');
    });
"""
)
Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """The address of a server."""
    async with serve(handler, "127.0.0.1", 0, **{"compression": None, "max_size": None} | options) as running:
        scheme = "wss" if "ssl" in options else "ws"
        yield f"{scheme}://127.0.0.1:{running.sockets[0].getsockname()[1]}/"


async def ask(site: Site, source: str, to: str, **params: Any) -> list[Any]:
    """What the agent has logged."""
    tail = "".join(f"&{name}={quote(str(value))}" for name, value in params.items())
    response = await site.run(source, tail=f"?to={quote(to)}{tail}")
    assert response.status_code == 200, response.text
    result: list[Any] = response.json()
    return result


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_messages_both_ways(site: Site) -> None:
    """What is sent when it is open comes back, in order; what it is, too."""
    source = (
        AGENT
        % """
    const sent = ['', 'a', 'é\\ud800', new Uint8Array([0, 255]), new Uint16Array([1, 2]).subarray(1), new DataView(new ArrayBuffer(2)),
      new ArrayBuffer(1), new Blob(['b', 'lob']), 12, null, new Uint8Array(0)];
    socket.onopen = () => { for (const item of sent) socket.send(item); log.push(socket.bufferedAmount); };
    let got = 0;
    socket.onmessage = async ({ data, origin }) => {
      const n = ++got;
      if (n === sent.length - 2) socket.binaryType = 'arraybuffer';
      const kind = typeof data === 'string' ? data : data instanceof Blob ? `blob ${[...await data.bytes()]}` : `buffer ${data.byteLength}`;
      log.push([kind, origin === new URL(socket.url).origin.replace('null', `ws://${new URL(socket.url).host}`)]);
      if (n === sent.length) socket.close();
    };"""
    )
    async with server(echo) as url:
        log = await ask(site, source, url)
    assert log[:2] == [["open", 1, ""], 0 + 1 + 5 + 2 + 2 + 2 + 1 + 4 + 2 + 4]
    assert [item[0] for item in log[2:-1]] == [
        "", "a", "é\ufffd", "blob 0,255", "blob 2,0", "blob 0,0", "blob 0", "blob 98,108,111,98", "12", "null", "buffer 0",
    ]  # fmt: skip
    assert all(item[1] for item in log[2:-1])
    assert log[-1] == ["close", 1005, "", True]


async def test_large_messages(site: Site) -> None:
    source = (
        AGENT
        % """
    socket.binaryType = 'arraybuffer';
    const text = 'ab€'.repeat(1_000_000), bytes = crypto.getRandomValues(new Uint8Array(65536));
    const large = new Uint8Array(3_000_000).map((_, i) => bytes[i % 65536] ^ (i >> 16));
    socket.onopen = () => { socket.send(text); socket.send(large); log.push(socket.bufferedAmount); };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') { log.push(data === text); return; }
      const got = new Uint8Array(data);
      log.push(got.length === large.length && got.every((byte, i) => byte === large[i]), socket.bufferedAmount);
      socket.close(1000);
    };"""
    )
    async with server(echo) as url:
        log = await ask(site, source, url)
    assert log == [["open", 1, ""], 5_000_000 + 3_000_000, True, True, 0, ["close", 1000, "", True]]


@pytest.mark.parametrize(
    ("offered", "chosen", "expected"),
    [
        ([], None, ["open", 1, ""]),
        (["a", "b"], "b", ["open", 1, "b"]),
        ("a", "a", ["open", 1, "a"]),
        (["a"], None, ["error", "WebSocket: the server has chosen none of the subprotocols"]),
        (["a"], "c", ["error", "WebSocket: the server's answer is no WebSocket handshake: unsupported subprotocol: c"]),
        ([], "a", ["error", "WebSocket: the server's answer is no WebSocket handshake: no subprotocols supported"]),
    ],
)
async def test_subprotocols(site: Site, offered: Any, chosen: str | None, expected: list[Any]) -> None:
    def choose(connection: ServerConnection, request: Any, response: Any) -> None:
        assert request.headers.get("Sec-WebSocket-Protocol", "") == (
            offered if isinstance(offered, str) else ", ".join(offered)
        )
        if "Sec-WebSocket-Protocol" in response.headers:
            del response.headers["Sec-WebSocket-Protocol"]
        if chosen is not None:
            response.headers["Sec-WebSocket-Protocol"] = chosen

    async def close(connection: ServerConnection) -> None:
        await connection.close()

    async with server(close, process_response=choose) as url:
        log = await ask(site, LISTEN, url, init=json.dumps(offered))
    assert log[0] == expected
    assert log[-1] == (["close", 1000, "", True] if expected[0] == "open" else ["close", 1006, "", False])


async def test_the_handshake_that_is_sent(site: Site) -> None:
    """Headers of the constructor's object, as Node, Deno and Bun have it; those of the handshake are the host's."""
    seen: dict[str, list[str]] = {}

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        for name, value in connection.request.headers.raw_items():
            seen.setdefault(name.lower(), []).append(value)
        seen["path"] = [connection.request.path]

    init = {"protocols": [], "headers": {
        "Authorization": "Bearer é", "X-A": "b", "Host": "evil", "Sec-WebSocket-Key": "evil", "Upgrade": "evil",
        "Connection": "close", "Content-Length": "5",
    }}  # fmt: skip
    async with server(look) as url:
        await ask(
            site, LISTEN, url.replace("ws://", "http://user:pa%20ss@") + "a;b/../c;d?e=%20f", init=json.dumps(init)
        )
        assert seen.pop("host") == [url[5:-1]]
    assert seen.pop("path") == ["/c;d?e=%20f"]
    assert len(seen.pop("sec-websocket-key")[0]) == 24
    assert seen["authorization"][0] == "Basic dXNlcjpwYSBzcw=="
    assert (seen["x-a"], seen["connection"], seen["upgrade"]) == (["b"], ["Upgrade"], ["websocket"])
    assert seen["user-agent"] == ["WapoJS/0.1.0"]
    assert "content-length" not in seen
    assert "sec-websocket-extensions" not in seen


async def test_how_the_server_closes(site: Site) -> None:
    async def close(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send("last words")
        how = connection.request.path[1:]
        if how == "abort":
            connection.transport.abort()
        elif how == "none":
            connection.transport.write(b"\x88\0")
            await asyncio.sleep(0)
        else:
            await connection.close(int(how), "réason")

    async with server(close) as url:
        for how, expected in (
            ("1000", [1000, "réason", True]), ("1001", [1001, "réason", True]), ("4999", [4999, "réason", True]),
            ("none", [1005, "", True]),
        ):  # fmt: skip
            log = await ask(site, LISTEN, url + how, expect=9)
            assert log == [["open", 1, ""], "last words", ["close", *expected]], how
        log = await ask(site, LISTEN, url + "abort", expect=9)
    assert log[0] == ["open", 1, ""]
    assert log[-2:] == [
        ["error", "WebSocket: the connection ended without a closing handshake"], ["close", 1006, "", False],
    ]  # fmt: skip


async def test_states_while_it_closes(site: Site) -> None:
    """What is sent after close() is counted and dropped; messages that come are not told any more."""
    source = (
        AGENT
        % """
    socket.onopen = () => {
      socket.send('first');
      socket.close(3210, 'done');
      log.push(socket.readyState);
      socket.send('late');
      socket.close(4000);
      log.push(socket.bufferedAmount >= 4);
    };
    socket.onmessage = (e) => log.push(e.data);
    socket.addEventListener('close', () => log.push(socket.readyState, socket.bufferedAmount));"""
    )
    got: list[Any] = []

    async def slow(connection: ServerConnection) -> None:
        await connection.send("crossing")
        with contextlib.suppress(ConnectionClosed):
            while True:
                got.append(await connection.recv())
        got.append((connection.close_code, connection.close_reason))

    async with server(slow) as url:
        log = await ask(site, source, url)
        await until(lambda: len(got) == 2)
    assert got == ["first", (3210, "done")]
    assert [item for item in log if item != "crossing"] == [
        ["open", 1, ""], 2, True, ["close", 3210, "done", True], 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "failure"),
    [
        (b"\x81\x81\0\0\0\0a", "the peer broke the protocol: incorrect masking"),
        (b"\xc1\x01a", "the peer broke the protocol: reserved bits must be 0"),
        (b"\x80\x01a", "the peer broke the protocol: unexpected continuation frame"),
        (b"\x01\x01a\x81\x01b", "the peer broke the protocol: expected a continuation frame"),
        (b"\x81\x01\xff", "the peer sent a text message that is not UTF-8"),
        (b"\x88\x03\x03\xe8\xff", "the peer broke the protocol: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"\x88\x01a", "the peer broke the protocol: close frame too short"),
        (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), "a message is larger than is allowed"),
        (b"\x00\x00" * 3, "the peer broke the protocol: unexpected continuation frame"),
        (b"\x89\x00" * 300, "too many pings"),
    ],
)  # fmt: skip
async def test_a_server_that_breaks_the_rules(site: Site, sent: bytes, failure: str) -> None:
    async def misbehave(connection: ServerConnection) -> None:
        connection.transport.write(sent)
        await connection.wait_closed()

    async with server(misbehave) as url:
        log = await ask(site, LISTEN, url, expect=9)
    assert log == [["open", 1, ""], ["error", f"WebSocket: {failure}"], ["close", 1006, "", False]]


async def test_messages_that_come_with_the_handshake(site: Site) -> None:
    """One packet: nothing gets lost."""

    async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        protocol.send_response(protocol.accept(protocol.events_received()[0]))
        protocol.send_text(b"early")
        protocol.send_binary(b"\1")
        writer.write(b"".join(protocol.data_to_send()))
        await reader.read(1)
        writer.close()

    running = await asyncio.start_server(eager, "127.0.0.1", 0)
    async with running:
        log = await ask(site, LISTEN, f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}", expect=2)
    assert log[1:3] == ["early", [1]]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 301 x\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "the server answered 301 instead of 101"),
        (b"HTTP/1.1 401 x\r\nContent-Length: 3\r\n\r\nno!", "the server answered 401 instead of 101"),
        (b"HTTP/1.1 101 x\r\n\r\n", "the server's answer is no WebSocket handshake: missing Connection header"),
        (b"220 smtp.example\r\n", "the server's answer is no WebSocket handshake: did not receive a valid HTTP response"),
        (b"", "the server closed the connection without an answer"),
    ],
)  # fmt: skip
async def test_servers_that_speak_no_websocket(site: Site, answer: bytes, failure: str) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    running = await asyncio.start_server(other, "127.0.0.1", 0)
    async with running:
        log = await ask(site, LISTEN, f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}")
    assert log == [["error", f"WebSocket: {failure}"], ["close", 1006, "", False]]


async def test_where_it_may_not_go(open_site: SiteFactory) -> None:
    """The same policy as for requests: by name, and on the address that is connected to."""
    hits = 0

    async def count(_connection: ServerConnection) -> None:
        nonlocal hits
        hits += 1

    async with server(count) as url, open_site(egress=EgressPolicy(deny=("evil.example",))) as site:
        for to in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
            log = await ask(site, LISTEN, to)
            assert log[-1] == ["close", 1006, "", False]
            assert "not allowed here" in log[0][1], to
        log = await ask(site, LISTEN, "wss://evil.example/")
        assert "not allowed here" in log[0][1]
        log = await ask(site, LISTEN, "ws://127.0.0.1:25/")
        assert "port 25 is not allowed" in log[0][1]
    assert hits == 0


async def test_tls_with_the_nodes_roots(open_site: SiteFactory, authority: Authority, tmp_path: Path) -> None:
    def context(*names: str) -> ssl.SSLContext:
        certificate, key = authority.issue(*names)
        (tmp_path / "c.pem").write_text(certificate + key)
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(tmp_path / "c.pem")
        return made

    source = (
        AGENT
        % "socket.onopen = () => socket.send('x'.repeat(300_000)); socket.onmessage = (e) => { log.push(e.data.length); socket.close(); };"
    )
    async with open_site(extra_roots=(str(authority.file),)) as site:
        async with server(echo, ssl=context("127.0.0.1")) as url:
            assert await ask(site, source, url) == [["open", 1, ""], 300_000, ["close", 1005, "", True]]
        async with server(echo, ssl=context("other.example")) as url:
            log = await ask(site, source, url)
            assert log[0][1].startswith("WebSocket: the certificate of 127.0.0.1 is not valid: IP address mismatch")
    async with open_site() as site, server(echo, ssl=context("127.0.0.1")) as url:
        assert "is not valid: unable to get local issuer certificate" in (await ask(site, source, url))[0][1]


async def test_how_many_there_may_be(site: Site) -> None:
    """Closed ones make room."""
    source = """
    export default { async fetch(request) {
      const url = new URL(request.url).searchParams.get('to');
      const opened = (socket) => new Promise((resolve) => { socket.onopen = () => resolve('open'); socket.onerror = (e) => resolve(e.message); });
      const sockets = Array.from({ length: 257 }, () => new WebSocket(url));
      const states = await Promise.all(sockets.map(opened));
      await new Promise((resolve) => { sockets[0].onclose = resolve; sockets[0].close(); });
      return Response.json([states.filter((state) => state === 'open').length, states.at(-1), await opened(new WebSocket(url))]);
    } };"""
    connected = 0

    async def hold(connection: ServerConnection) -> None:
        nonlocal connected
        connected += 1
        await connection.wait_closed()
        connected -= 1

    async with server(hold) as url:
        log = await ask(site, source, url)
        assert log[0] == 256
        assert "a limit of this program was reached" in log[1]
        assert log[2] == "open"
        await until(lambda: connected == 0)  # the machine has gone, and so have its connections
    assert site.node.sockets.taken == 0


async def test_a_server_that_floods_waits_for_the_agent(site: Site) -> None:
    """Tiny frames and large ones: none is lost, and the host keeps few."""
    source = (
        AGENT
        % """
    let count = 0;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (e) => {
      if (count === 0) { const end = Date.now() + 100; while (Date.now() < end); }
      if (e.data === 'end') { log.push(count); socket.close(); }
      count++;
    };"""
    )

    async def flood(connection: ServerConnection) -> None:
        connection.transport.write(b"\x82\x00" * 20_000)
        for _ in range(50):
            await connection.send(bytes(100_000))
        await connection.send("end")
        await connection.wait_closed()

    held = 0

    async def watch() -> None:
        nonlocal held
        while True:
            held = max(held, *(guest.held_body_bytes for guest in site.node._scheduler.guests), 0)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    async with server(flood) as url:
        log = await ask(site, source, url)
    watching.cancel()
    assert log == [["open", 1, ""], 20_050, ["close", 1005, "", True]]
    assert held < 500_000
    await goes_on(site)


async def test_pings_are_answered_while_the_agent_computes(site: Site) -> None:
    source = (
        AGENT % "socket.onmessage = () => { const end = Date.now() + 500; while (Date.now() < end); socket.close(); };"
    )

    async def ping(connection: ServerConnection) -> None:
        await connection.send("compute")
        async with asyncio.timeout(0.4):
            await (await connection.ping())

    async with server(ping) as url:
        assert (await ask(site, source, url))[-1][0] == "close"


async def test_a_top_level_that_connects_runs_at_each_request(site: Site) -> None:
    """It is no state to start from (docs/agents.md, "Images")."""
    source = """
    const socket = new WebSocket('%s');
    const opened = new Promise((resolve) => { socket.onmessage = (e) => resolve(e.data); });
    export default { fetch: async () => new Response(await opened) };"""

    async def greet(connection: ServerConnection) -> None:
        nonlocal count
        count += 1
        await connection.send(str(count))
        await connection.wait_closed()

    count = 0
    async with server(greet) as url:
        path = await site.publish(source % url)
        for n in ("1", "2"):
            assert (await site.client.get(path)).text == n
    located = await site.node.programs.locate(*_split(path))
    image = await site.node.inspect(located)
    assert image.kind.value == "compiled"
    assert "makes a request or a connection" in image.reason
    quiet = (
        "const pair = new WebSocketPair(); export default { fetch: () => new Response(String(pair[0].readyState)) };"
    )
    assert (await site.run(quiet)).text == "1"


def _split(path: str) -> tuple[Any, list[bytes]]:
    from wapo.gateway.paths import ContentPath

    where = ContentPath.parse(path.removeprefix("/ipfs/").encode())
    return where.cid, where.segments


async def test_one_agent_talks_to_another(site: Site) -> None:
    """Both ends are ours."""
    serving = await site.publish("""
    export default { fetch() {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.onmessage = ({ data }) => { server.send(`${data}!`); if (data === 'b') server.close(4321, 'over'); };
      return new Response(null, { status: 101, webSocket: client });
    } };""")
    source = (
        AGENT
        % "socket.onopen = () => { socket.send('a'); socket.send('b'); }; socket.onmessage = (e) => log.push(e.data);"
    )
    log = await ask(site, source, site.url.replace("http", "ws", 1) + serving)
    assert log == [["open", 1, ""], "a!", "b!", ["close", 4321, "over", True]]


async def test_unmasked_close_and_a_slow_server(site: Site) -> None:
    """A server that never answers our Close is not waited for longer than that."""

    async def ignore(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(autoclose=False, autoping=False)
        await response.prepare(request)
        async for _message in response:
            pass
        frame = Frame(Opcode.CLOSE, b"\x0b\xb8").serialize(mask=False)
        assert request.transport is not None
        request.transport.write(frame)  # answers, and leaves the connection open
        await asyncio.sleep(30)
        return response

    app = web.Application()
    app.router.add_get("/", ignore)
    source = AGENT % "socket.onopen = () => socket.close(3000);"
    async with TestServer(app, shutdown_timeout=0.1) as running:
        log = await ask(site, source, str(running.make_url("/")))
    assert log == [["open", 1, ""], ["close", 3000, "", True]]


FETCH = """
export default { async fetch(request) {
  const param = new URL(request.url).searchParams, log = [];
  try {
    const response = await fetch(param.get('to'), { headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'a, b', 'X-A': 'c' } });
    const socket = response.webSocket;
    log.push(response.status, response.headers.get('sec-websocket-protocol'), socket instanceof WebSocket, socket.protocol);
    try { socket.send('early'); } catch (error) { log.push(error.message); }
    await new Promise((resolve) => setTimeout(resolve, 30));
    await new Promise((resolve) => {
      socket.addEventListener('message', (e) => { log.push(typeof e.data === 'string' ? e.data : e.data.byteLength); if (e.data === 'hi') socket.close(4001, 'done'); });
      socket.addEventListener('close', (e) => { log.push([e.code, e.reason, e.wasClean]); resolve(); });
      socket.accept();
      socket.send('hi');
    });
  } catch (error) { log.push(`${error.name}: ${error.message}`); }
  return Response.json(log);
} };"""


async def test_a_websocket_by_fetch(site: Site) -> None:
    """As Workers open them: an upgrade request, answered with a Response that has the connection."""

    async def greet(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.headers["X-A"] == "c"
        await connection.send("first")
        await connection.send(b"12")
        await echo(connection)

    async with server(greet, subprotocols=[Subprotocol("b")]) as url:
        log = await ask(site, FETCH, url.replace("ws", "http", 1))
        assert log == [
            101, "b", True, "b", "WebSocket.send: call accept() first", "first", 2, "hi", [4001, "done", True],
        ]  # fmt: skip
    assert await ask(site, FETCH, url.replace("ws", "http", 1)) == [
        f"TypeError: fetch failed: cannot connect to {url[5:-1]}: Connection refused"
    ]
    aborted = """
    export default { async fetch() {
      const signal = AbortSignal.timeout(30);
      return new Response(await fetch('%s', { signal, headers: { upgrade: 'WebSocket' } }).catch((error) => error.name));
    } };"""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone.append(await reader.read())
        writer.close()

    gone: list[bytes] = []
    running = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with running:
        port = running.sockets[0].getsockname()[1]
        assert (await site.run(aborted % f"http://127.0.0.1:{port}/")).text == "TimeoutError"
        await until(lambda: len(gone) == 1)


async def test_an_agent_in_between(site: Site) -> None:
    """A client's handshake that is passed on with fetch: the two ends are connected."""
    source = """
    export default { fetch(request) {
      return fetch('%s', request);
    } };"""

    async def serve_echo(connection: ServerConnection) -> None:
        async for message in connection:
            if message == "close":
                await connection.close(4100, "as you like")
            await connection.send(message)

    async with server(serve_echo, subprotocols=[Subprotocol("chat")]) as url:
        path = await site.publish(source % url.replace("ws", "http", 1))
        own = site.url.replace("http", "ws", 1) + path
        async with asyncio.timeout(10), connect(own, subprotocols=[Subprotocol("chat")], proxy=None) as client:
            assert client.subprotocol == "chat"
            for message in ("a", b"b" * 300_000, "", "é"):
                await client.send(message)
                assert await client.recv() == message
            await client.send("close")
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (4100, "as you like")
        async with asyncio.timeout(10), connect(own, subprotocols=[Subprotocol("chat")], proxy=None) as client:
            await client.close(1000)
            assert client.close_code == 1000
    await goes_on(site)
