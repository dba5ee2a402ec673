"""TCP from agents: ``connect()`` of the WinterTC sockets API (https://sockets-api.proposal.wintertc.org/), to real servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import until
from tests.vm.conftest import Authority
from tests.vm.conftest import authority as authority  # a fixture

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: Runs the test's code with `connect`, `to` (host:port), `text` and `bytes` of texts; what it returns is the answer.
AGENT = """
import { connect } from 'cloudflare:sockets';
const bytes = (text) => new TextEncoder().encode(text);
const readAll = async (stream) => new Response(stream).text();
const outcome = (promise) => promise.then((value) => ['ok', value ?? null], (error) => [error.constructor.name, error.message]);
export default { async fetch(request) {
  const to = new URL(request.url).searchParams.get('to');
  return Response.json(await (async () => { %s })());
} };
"""


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0, **options)
    async with running:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def ask(site: Site, code: str, to: str = "") -> Any:
    response = await site.run(AGENT % code, tail=f"?to={to}")
    assert response.status_code == 200, await site.log(await site.publish(AGENT % code))
    return response.json()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"|end")


async def test_streams_both_ways(site: Site) -> None:
    """The writable's end is a FIN, after which there is still something to read."""
    async with server(echo) as to:
        log = await ask(site, """
          const socket = connect(to);
          const writer = socket.writable.getWriter();
          writer.write(bytes('hello '));
          await writer.write(bytes('there').buffer);
          await writer.close();
          const { remoteAddress } = await socket.opened;
          return [remoteAddress, await readAll(socket.readable), await outcome(socket.closed), socket.upgraded, socket.secureTransport];
        """, to)  # fmt: skip
    assert log == [to, "hello there|end", ["ok", None], False, "off"]
    assert site.node.sockets.taken == 0


async def test_a_lot_of_bytes(site: Site) -> None:
    """Both directions at once, with back-pressure."""
    async with server(echo) as to:
        log = await ask(site, """
          const [hostname, port] = to.split(':');
          const socket = connect({ hostname, port: Number(port) }, { allowHalfOpen: true });
          let made = 0, got = 0, same = true;
          const source = new ReadableStream({ pull(controller) {
            if (made === 300) controller.close();
            else controller.enqueue(new Uint8Array(10_000).fill(made++));
          } });
          const sending = source.pipeTo(socket.writable);
          const reader = socket.readable.getReader({ mode: 'byob' });
          let view = new Uint8Array(7_000);
          for (;;) {
            const { done, value } = await reader.read(view);
            if (done) break;
            for (let i = 0; i < value.length && got + i < 3_000_000; i++) same &&= value[i] === (Math.floor((got + i) / 10_000) & 255);
            got += value.length;
            view = new Uint8Array(value.buffer);
          }
          await sending;
          return [got, same, await outcome(socket.closed)];
        """, to)  # fmt: skip
    assert log == [3_000_004, True, ["ok", None]]


async def test_a_server_that_ends_first(site: Site) -> None:
    """The socket closes itself, unless it may be half open."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        got.append(await reader.read())

    got: list[bytes] = []
    async with server(greet) as to:
        log = await ask(site, """
          const socket = connect(to);
          const text = await readAll(socket.readable);
          await socket.closed;
          return [text, await outcome(socket.writable.getWriter().write(bytes('x')))];
        """, to)  # fmt: skip
        assert log == ["bye", ["TypeError", "SocketError: the socket is closed"]]
        log = await ask(site, """
          const socket = connect(to, { allowHalfOpen: true });
          const text = await readAll(socket.readable);
          const writer = socket.writable.getWriter();
          await writer.write(bytes('still here'));
          await writer.close();
          return [text, await outcome(socket.closed)];
        """, to)  # fmt: skip
        assert log == ["bye", ["ok", None]]
        await until(lambda: len(got) == 2)
    assert got == [b"", b"still here"]


async def test_closing(site: Site) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())

    got: list[bytes] = []
    async with server(wait) as to:
        log = await ask(site, """
          const socket = connect(to);
          await socket.opened;
          const reading = outcome(socket.readable.getReader().read());
          await socket.writable.getWriter().write(bytes('last'));
          const closed = socket.close();
          return [closed === socket.closed, await outcome(closed), await reading, await outcome(socket.close())];
        """, to)  # fmt: skip
        assert log == [True, ["ok", None], ["ok", {"done": True}], ["ok", None]]
        await until(lambda: got == [b"last"])
        log = await ask(site, """
          const socket = connect(to);
          const writing = outcome(socket.writable.getWriter().write(new Uint8Array(50_000_000)));
          await socket.opened;
          await socket.close();
          return writing;
        """, to)  # fmt: skip
        assert log == ["TypeError", "SocketError: the socket is closed"]
        log = await ask(site, """
          const socket = connect(to);
          const opened = outcome(socket.opened);
          socket.close();
          return [await opened, await outcome(socket.closed)];
        """, to)  # fmt: skip
        assert log == [["TypeError", "SocketError: the socket is closed"], ["ok", None]]
        log = await ask(site, """
          const socket = connect(to);
          await socket.opened;
          await socket.readable.cancel();
          return outcome(socket.closed);
        """, to)  # fmt: skip
        assert log == ["ok", None]
        log = await ask(site, """
          const socket = connect(to);
          await socket.opened;
          await socket.writable.abort(new Error('no more'));
          return [await outcome(socket.closed), await outcome(socket.readable.getReader().read())];
        """, to)  # fmt: skip
        assert log == [["ok", None], ["ok", {"done": True}]]


async def test_a_connection_that_cannot_be_made(site: Site) -> None:
    code = """
      const socket = connect(to);
      const all = [socket.opened, socket.closed, socket.readable.getReader().read(), socket.writable.getWriter().write(bytes('x'))];
      return Promise.all(all.map(outcome));"""
    for to, text in (
        ("127.0.0.1:1", "cannot connect to 127.0.0.1:1: Connection refused"),
        ("nowhere.invalid:80", "the name nowhere.invalid cannot be resolved"),
    ):
        assert await ask(site, code, to) == [["TypeError", f"SocketError: {text}"]] * 4


async def test_where_it_may_not_go(open_site: SiteFactory) -> None:
    async with server(echo) as to, open_site(allow_private=False) as site:
        code = "return outcome(connect(to).opened);"
        for address in (to, to.replace("127.0.0.1", "localhost"), to.replace("127.0.0.1", "[::ffff:7f00:1]")):
            name, text = await ask(site, code, address)
            assert name == "TypeError"
            assert "not allowed here" in text, address


@pytest.mark.parametrize(
    "argument",
    ["''", "'host'", "'host:'", "'host:x'", "'host:0'", "'host:65536'", "'a b:1'", "'u@h:1'", "'h/p:1'", "'::1:80'", "{}", "undefined",
     "{ hostname: 'h' }", "{ hostname: 'h', port: 1.5 }", "{ hostname: 'h', port: -1 }", "'h:1', { secureTransport: 'maybe' }", "'h:1', 5"],
)  # fmt: skip
async def test_arguments(site: Site, argument: str) -> None:
    log = await ask(
        site, f"try {{ connect({argument}); return 'no error'; }} catch (error) {{ return error.constructor.name; }}"
    )
    assert log == "TypeError"


async def test_tls(open_site: SiteFactory, authority: Authority, tmp_path: Path) -> None:
    """From the beginning and started later; a certificate that is not right is the end."""

    def context(*names: str) -> ssl.SSLContext:
        certificate, key = authority.issue(*names)
        (tmp_path / "c.pem").write_text(certificate + key)
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(tmp_path / "c.pem")
        return made

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got " + await reader.readline())

    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go on\n")
        await writer.drain()
        await writer.start_tls(context("db.example"))
        await answer(reader, writer)

    code = """
      const socket = connect(to, { secureTransport: 'on' });
      const writer = socket.writable.getWriter();
      const written = outcome(writer.write(bytes('secret\\n')));
      const opened = await outcome(socket.opened);
      if (opened[0] !== 'ok') return opened;
      await writer.close();
      return [await readAll(socket.readable), await written, socket.secureTransport];"""
    start = """
      const plain = connect(to, { secureTransport: 'starttls' });
      const writer = plain.writable.getWriter(), reader = plain.readable.getReader();
      await writer.write(bytes('STARTTLS\\n'));
      const { value } = await reader.read();
      writer.releaseLock();
      reader.releaseLock();
      const socket = plain.startTls(%s);
      const secured = socket.writable.getWriter();
      const sent = outcome(secured.write(bytes('secret\\n')));
      const opened = await outcome(socket.opened);
      if (opened[0] !== 'ok') return [opened, await sent, await outcome(socket.closed)];
      let again;
      try { plain.startTls(); } catch (error) { again = error.message; }
      return [new TextDecoder().decode(value), await readAll(socket.readable), plain.upgraded, await outcome(plain.closed), socket.secureTransport, again];"""
    async with open_site(extra_roots=(str(authority.file),)) as site:
        async with server(answer, ssl=context("127.0.0.1")) as to:
            assert await ask(site, code, to) == ["got secret\n", ["ok", None], "on"]
        async with server(answer, ssl=context("other.example")) as to:
            name, text = await ask(site, code, to)
            assert (name, text[:69]) == (
                "TypeError",
                "SocketError: the certificate of 127.0.0.1 is not valid: IP address mi",
            )
        async with server(echo) as to:
            name, text = await ask(site, code, to)
            assert name == "TypeError"
            assert text.startswith("SocketError: no TLS with 127.0.0.1: ")
        async with server(upgrade) as to:
            log = await ask(site, start % "{ expectedServerHostname: 'db.example' }", to)
            assert log == [
                "go on\n", "got secret\n", True, ["ok", None], "on", "SocketError: TLS has been started already",
            ]  # fmt: skip
            log = await ask(site, start % "", to)
            assert all(text.startswith("SocketError: the certificate of 127.0.0.1 is not valid") for _, text in log)
        assert site.node.sockets.taken == 0
    async with open_site() as site, server(answer, ssl=context("127.0.0.1")) as to:
        assert "unable to get local issuer certificate" in (await ask(site, code, to))[1]
        log = await ask(site, "try { connect(to).startTls(); } catch (error) { return error.message; }", to)
        assert log.startswith("SocketError: startTls needs a socket that was opened with")


async def test_how_a_program_gets_it(site: Site) -> None:
    """By an import, static or dynamic, of two names; nothing else can be imported."""
    for source in (
        "import * as module from 'wapo:sockets'; export default { fetch: () => new Response(Object.keys(module)) };",
        "import * as module from 'cloudflare:sockets'; export default { fetch: () => new Response(Object.keys(module)) };",
        "export default { fetch: async () => new Response(Object.keys(await import('cloudflare:sockets'))) };",
        "addEventListener('fetch', (e) => e.respondWith(import('cloudflare:sockets').then((m) => new Response(Object.keys(m)))));",
    ):
        assert (await site.run(source)).text == ("connect,listen" if "wapo:" in source else "connect"), source
    for name in ("wapo:socket.js", "wapo:native", "cloudflare:workers", "./socket.js"):
        response = await site.run(f"export default {{ fetch: () => import('{name}').then(() => new Response('in')) }};")
        assert response.status_code == 500
    quiet = (
        "import { connect } from 'cloudflare:sockets'; export default { fetch: () => new Response(typeof connect) };"
    )
    assert (await site.run(quiet)).text == "function"


async def test_how_many_there_may_be(site: Site) -> None:
    """What a program takes from others has a bound, and comes back when it has ended."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(wait) as to:
        total = site.node.sockets.total
        site.node.sockets.total = 20
        try:
            log = await ask(site, """
              const opened = await Promise.all(Array.from({ length: 12 }, () => outcome(connect(to).opened)));
              return [opened.filter(([name]) => name === 'ok').length, opened.at(-1)];
            """, to)  # fmt: skip
        finally:
            site.node.sockets.total = total
    assert log == [10, ["TypeError", "SocketError: a limit of this program was reached"]]
    await until(lambda: site.node.sockets.taken == 0)


async def test_an_agent_does_not_listen(site: Site) -> None:
    """It is reached through the node."""
    response = await site.run("""
      import { listen } from 'wapo:sockets';
      import net from 'node:net';
      const outcome = (call) => { try { call(); return 'no error' } catch (error) { return [error.code ?? null, error.message] } };
      export default { fetch: () => Response.json([outcome(() => listen({ port: 0 })), outcome(() => net.createServer().listen(0))]) };
    """)
    assert response.json() == [
        [None, "listen: cannot listen on 0.0.0.0:0: agents may not listen; apps and programs of `wapo run --listen` may"],
        ["ERR_METHOD_NOT_IMPLEMENTED", "listening is not available in Wapo: agents may not; apps and `wapo run --listen` may"],
    ]  # fmt: skip
