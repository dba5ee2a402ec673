"""TCP listeners of JavaScript: `listen` of wapo:sockets and `net.createServer`, where programs may listen and where not."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wapo.agents.foreground import Outcome, run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.network import Network, NetworkSettings


class Listening:
    """Runs scripts that may listen."""

    def __init__(self, profile: JavaScriptProfile, client: HttpClient) -> None:
        self._profile = profile
        self._client = client
        self.log: list[str] = []
        self.budget: SocketBudget | None = None

    async def __call__(
        self,
        source: str,
        visit: Callable[[int], Awaitable[None]] | None = None,
        ports: tuple[int, int] | None = (0, 65535),
        **environment: str,
    ) -> Outcome:
        """Runs it; ``visit`` is what clients do with the first port that it listens on."""
        network = Network(
            self._client.policy, self._client.resolver, NetworkSettings(listen_ports=ports), budget=self.budget
        )
        first: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def on_listen(_owner: str, port: int) -> None:
            if not first.done():
                first.set_result(port)

        network.on_listen = on_listen

        async def visiting() -> None:
            if visit is not None:
                await visit(await first)

        visitor = asyncio.create_task(visiting())
        outcome = await run_script(
            self._profile, self._client, source.encode(), name="script.mjs", arguments=[], environment=environment,
            limits=GuestLimits(time_s=20), log=lambda _level, text: self.log.append(text), network=network,
        )  # fmt: skip
        assert outcome.failure is None, [outcome.failure, *self.log]
        await asyncio.wait_for(visitor, 10)
        return outcome


@pytest.fixture
async def run(profile: JavaScriptProfile) -> AsyncIterator[Listening]:
    async with HttpClient(EgressPolicy(allow_private=True)) as client:
        yield Listening(profile, client)


async def _talk(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    got = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return got


async def test_a_loop_over_connections(run: Listening) -> None:
    """Leaving it closes the port; connections that there are go on."""
    talked: list[bytes] = []

    async def visit(port: int) -> None:
        talked.extend([await _talk(port, b"one"), await _talk(port, b"two")])

    outcome = await run(
        """
        import { listen } from 'wapo:sockets';
        const listener = listen({ port: 0, allowHalfOpen: true });
        const seen = [Object.prototype.toString.call(listener), listener.hostname, listener.port > 0];
        let count = 0;
        for await (const socket of listener) {
          const { remoteAddress } = await socket.opened;
          seen.push(remoteAddress.replace(/\\\\d+$/, 'PORT'));
          const text = await new Response(socket.readable).text();
          const writer = socket.writable.getWriter();
          writer.write(new TextEncoder().encode(`${++count} ${text}`));
          const done = writer.close();
          if (count === 2) { globalThis.last = done; break; }
          await done;
        }
        await globalThis.last;
        seen.push(await listener[Symbol.asyncIterator]().next());
        export default () => seen;""".replace("\\\\d", "\\d"),
        visit,
    )
    assert talked == [b"1 one", b"2 two"]
    assert json.loads(outcome.output) == [
        "[object SocketListener]", "0.0.0.0", True, "127.0.0.1:PORT", "127.0.0.1:PORT", {"done": True},
    ]  # fmt: skip


async def test_closing_ends_who_waits(run: Listening) -> None:
    """And a program that listens no more ends."""
    outcome = await run("""
        import { listen } from 'wapo:sockets';
        const listener = listen({ port: 0, hostname: '::1' });
        const iterator = listener[Symbol.asyncIterator]();
        const waiting = [iterator.next(), iterator.next()];
        setTimeout(() => listener.close(), 1);
        const ends = await Promise.all(waiting);
        listener.close();
        export default () => [listener.hostname, ...ends.map(({ done }) => done)];""")
    assert json.loads(outcome.output) == ["::1", True, True]


async def test_ports_that_cannot_be_listened_on(run: Listening) -> None:
    """Each with its reason; Node's functions with Node's codes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = await run(
            """
            import { listen } from 'wapo:sockets';
            import net from 'node:net';
            const port = Number(process.env.PORT);
            const outcome = (options) => { try { listen(options); return 'no error' } catch (error) { return `${error.name}: ${error.message}` } };
            const failure = (port, host) => new Promise((resolve) => net.createServer().on('error', ({ code, syscall, address }) => resolve([code, syscall, address])).listen(port, host));
            const all = [
              outcome({ port, hostname: '127.0.0.1' }), outcome({ port: 1, hostname: '127.0.0.1' }), outcome({ port: 65536 }), outcome({}),
              outcome({ port: 0, hostname: 'example.com' }),
              await failure(port, '127.0.0.1'), await failure(1, '127.0.0.1'), await failure(0, 'example.com'),
            ];
            export default () => all;""",
            ports=(1024, 65535), PORT=str(port),
        )  # fmt: skip
    assert json.loads(outcome.output) == [
        f"Error: listen: cannot listen on 127.0.0.1:{port}: the address is in use, or is none of this machine",
        "Error: listen: cannot listen on 127.0.0.1:1: the operator has not opened the port to programs (--listen)",
        "TypeError: listen: the port must be a number from 0 to 65535",
        "TypeError: listen: the port must be a number from 0 to 65535",
        "TypeError: listen: the hostname must be an IP address or localhost, not 'example.com'",
        ["EADDRINUSE", "listen", "127.0.0.1"],
        ["EACCES", "listen", "127.0.0.1"],
        ["EINVAL", "listen", "example.com"],
    ]


async def test_who_connects_waits_while_there_is_no_place(run: Listening) -> None:
    """A program's sockets are counted: of three places the first to come may have two, its listener and a connection."""
    run.budget = SocketBudget(3)
    talked: list[bytes] = []

    async def visit(port: int) -> None:
        talked.extend(sorted(await asyncio.gather(*(_talk(port, b"%d" % i) for i in range(3)))))

    await run(
        """
        import net from 'node:net';
        let left = 3;
        const server = net.createServer((socket) => {
          socket.pipe(socket);
          socket.on('close', () => --left || server.close());
        }).listen(0, '127.0.0.1');
        await new Promise((resolve) => server.on('close', resolve));""",
        visit,
    )
    assert talked == [b"0", b"1", b"2"]


async def test_without_ports_there_is_no_listening(run: Listening) -> None:
    outcome = await run(
        "import { listen } from 'wapo:sockets'; let text; try { listen({ port: 0 }) } catch (error) { text = error.message }"
        " export default () => text;",
        ports=None,
    )
    assert outcome.output == (
        b"listen: cannot listen on 0.0.0.0:0: the operator has not opened the port to programs (--listen)"
    )


async def test_only_names_that_may_be_connected_to_have_addresses(profile: JavaScriptProfile) -> None:
    """A program cannot look around in the network of its host."""
    script = """
      import { lookup } from 'node:dns/promises';
      export default () => lookup('localhost').then(() => 'found', (error) => error.code);"""
    answers = []
    for policy in (
        EgressPolicy(allow_private=True),
        EgressPolicy(),
        EgressPolicy(allow_private=True, deny=["localhost"]),
    ):
        async with HttpClient(policy) as client:
            outcome = await run_script(
                profile, client, script.encode(), name="script.mjs", arguments=[], environment={},
                limits=GuestLimits(time_s=20), log=lambda _level, _text: None,
            )  # fmt: skip
        answers.append(outcome.output)
    assert answers == [b"found", b"ENOTFOUND", b"ENOTFOUND"]
