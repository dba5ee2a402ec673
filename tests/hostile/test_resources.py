"""Agents that take what the host has only so much of: connections, threads for names, memory outside their machine."""

import asyncio
import gzip
import socket
import threading
from typing import Any

import msgspec
import pytest

from tests.conftest import Site
from tests.hostile.neighbours import GOOD
from tests.hostile.upstreams import raw_server, read_head
from wapo.agents.foreground import Outcome, run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.shares import FairShare

FETCH = "export default { fetch: async (r) => new Response(await (await fetch(new URL(r.url).searchParams.get('u'))).text()) };"
MANY = """export default { async fetch(request) {
  const { searchParams } = new URL(request.url);
  const all = Array.from({ length: +searchParams.get('n') }, (_, i) => fetch(searchParams.get('u').replace('*', i)));
  const settled = await Promise.allSettled(all);
  return Response.json(settled.filter(({ status }) => status === 'fulfilled').length);
} };"""


class Slow:
    """An upstream that keeps those who ask for ``/slow`` until it is told to answer."""

    def __init__(self) -> None:
        self.waiting = self.most = self.seen = 0
        self.release = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await read_head(reader)
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            self.seen += 1
            if b"/slow" in head:
                self.waiting += 1
                self.most = max(self.most, self.waiting)
                await self.release.wait()
                self.waiting -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")


def client_of(site: Site) -> HttpClient:
    client = site.node._services.http_client
    assert client is not None
    return client


async def test_a_program_does_not_take_all_connections(site: Site) -> None:
    """Promise: a program that makes as many requests as it can leaves connections for others; its own wait their turn,
    and all are made in the end."""
    client_of(site).connections = FairShare(8)
    slow = Slow()
    async with raw_server(slow) as url:
        greedy = asyncio.create_task(site.run(MANY, tail=f"?n=40&u={url}slow"))
        async with asyncio.timeout(10):
            while slow.waiting < 4:
                await asyncio.sleep(0.005)
            for _ in range(5):
                assert (await site.run(FETCH, tail=f"?u={url}quick")).text == "fine"
        assert slow.most == 4
        slow.release.set()
        assert (await greedy).json() == 40
    assert client_of(site).connections.taken == 0


async def run(profile: JavaScriptProfile, script: str, *arguments: str, **limits: Any) -> Outcome:
    """Runs a script in the foreground; what it leaves in ``scriptOutput``."""
    async with HttpClient(EgressPolicy(allow_private=True)) as client:
        return await run_script(
            profile, client, script.encode(), name="script.js", arguments=arguments, environment={},
            limits=GuestLimits(**limits), log=lambda _level, _text: None,
        )  # fmt: skip


async def test_one_machine_has_only_so_many_requests_under_way(profile: JavaScriptProfile) -> None:
    """Promise: each request has buffers outside the machine, so there are only so many at once; more wait."""
    slow = Slow()
    script = """
      const all = Promise.all(Array.from({ length: 10 }, () => fetch(scriptArgs[0])));
      all.then((responses) => { scriptOutput = String(responses.length); });
    """
    async with raw_server(slow) as url:
        running = asyncio.create_task(run(profile, script, url + "slow", requests=3))
        async with asyncio.timeout(10):
            while slow.waiting < 3:
                await asyncio.sleep(0.005)
        slow.release.set()
        assert (await running).output == b"10"
    assert slow.most == 3
    assert slow.seen == 10


async def test_bodies_that_wait_to_be_sent_are_bounded(profile: JavaScriptProfile) -> None:
    """Promise: a machine cannot put its memory into the host's again and again by posting it."""
    slow = Slow()
    script = """
      const body = new Uint8Array(2 << 20);
      const post = () => fetch(scriptArgs[0] + 'slow', { method: 'POST', body });
      const all = Array.from({ length: 20 }, post);
      Promise.allSettled(all).then(async (settled) => {
        const refused = settled.filter(({ status }) => status === 'rejected');
        await Promise.all(settled.map(({ value }) => value?.text()));
        const again = await post();
        scriptOutput = JSON.stringify([refused.length, refused[0].reason.name, await again.text()]);
      });
      fetch(scriptArgs[0] + 'quick');
    """
    async with raw_server(slow) as url:
        running = asyncio.create_task(run(profile, script, url, memory_bytes=64 << 20, request_body_bytes=4 << 20))
        async with asyncio.timeout(10):
            while slow.waiting < 15:  # sixteen are the limit without their heads
                await asyncio.sleep(0.005)
        slow.release.set()
        outcome = await running
    assert outcome.failure is None
    assert outcome.output == b'[5,"TypeError","fine"]'


async def test_slow_names_delay_only_those_who_ask_for_them(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise: a program that looks up names which nobody answers for blocks no thread that others need, not even for
    a name that it has asked for too."""
    release, real = threading.Event(), socket.getaddrinfo
    slow = 0

    def lookup(host: str, *arguments: Any, **options: Any) -> Any:
        nonlocal slow
        if host.startswith("slow"):
            slow += 1
            release.wait(20)
            raise socket.gaierror(socket.EAI_NONAME, "nobody answers")
        return real("127.0.0.1", *arguments, **options)

    upstream = Slow()
    async with raw_server(upstream) as url:
        port = url.rstrip("/").rsplit(":", 1)[1]
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", lookup)
            names = f"[...Array.from({{ length: 100 }}, (_, i) => `slow${{i}}`), 'shared'].map((n) => `http://${{n}}.example:{port}/`)"
            agent = "export default { async fetch() { await Promise.allSettled(%s.map((u) => fetch(u))); return new Response('over'); } };"
            greedy = asyncio.create_task(site.run(agent.replace("%s", names)))
            try:
                async with asyncio.timeout(10):
                    while slow < 16:
                        await asyncio.sleep(0.005)
                    for name in ("shared", "other"):
                        assert (await site.run(FETCH, tail=f"?u=http://{name}.example:{port}/quick")).text == "fine"
                assert slow == 16
            finally:
                release.set()
            assert (await greedy).text == "over"


async def test_a_small_body_does_not_become_a_large_one(site: Site) -> None:
    """Promise: a compressed body is unpacked as fast as it is read, and a body that is packed again and again is not."""
    bomb = gzip.compress(bytes(256 << 20), 9)

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        coding = b"gzip" if b"/once" in head else b", ".join([b"gzip"] * 1000)
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
            % (coding, len(bomb))
        )
        writer.write(bomb)
        await reader.read()

    agent = """export default { async fetch(request) {
      const response = await fetch(new URL(request.url).searchParams.get('u'));
      const reader = response.body.getReader();
      let size = 0;
      try {
        while (size < 1 << 20) size += (await reader.read()).value.length;
      } catch (error) { return new Response(error.message); }
      await reader.cancel();
      return new Response('enough');
    } };"""
    async with raw_server(upstream) as url:
        assert (await site.run(agent, tail=f"?u={url}once")).text == "enough"
        assert "too many content codings" in (await site.run(agent, tail=f"?u={url}often")).text
    assert (await site.run(GOOD)).text == "fine"


def head_of(size: int, headers: int) -> bytes:
    lines = b"".join(b"x-%d: %b\r\n" % (number, b"y" * (size // headers)) for number in range(headers))
    return b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 4\r\n\r\nfine"


async def test_heads_of_responses_are_bounded(profile: JavaScriptProfile) -> None:
    """Promise: a server that a program has chosen cannot put megabytes of headers into the host: not in one head, not
    in a hundred that nobody looks at, and not in interim responses."""
    interim = b"HTTP/1.1 103 Early Hints\r\n" + head_of(60_000, 2).split(b"\r\n", 1)[1].split(b"Content")[0] + b"\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = await read_head(reader)
            if b"/large" in line:
                writer.write(head_of(400_000, 100))
            elif b"/interim" in line:
                writer.write(interim * 10 + head_of(10, 1))
            else:
                writer.write(head_of(200_000, 100))
            await writer.drain()

    script = """
      (async () => {
        const failed = [];
        for (const path of ['large', 'interim']) await fetch(scriptArgs[0] + path).catch((e) => failed.push(String(e.cause ?? e)));
        const all = await Promise.allSettled(Array.from({ length: 40 }, () => fetch(scriptArgs[0])));
        scriptOutput = JSON.stringify([failed, all.filter(({ status }) => status === 'fulfilled').length]);
      })();
    """
    async with raw_server(serve) as url:
        outcome = await run(profile, script, url, memory_bytes=64 << 20, held_bytes=4_000_000)
    assert outcome.failure is None
    failed, kept = msgspec.json.decode(outcome.output)
    assert len(failed) == 2
    assert all("the response's head has more than 262144 bytes" in text for text in failed)
    assert 15 <= kept <= 20


async def test_answers_that_nobody_reads_are_bounded(profile: JavaScriptProfile) -> None:
    """Promise: bodies that have come and are not read fill no more of the host than the guest may have; when they have
    been read there is room again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)

    script = """
      (async () => {
        const kept = [];
        try { for (;;) { kept.push(await fetch(scriptArgs[0])); await new Promise((r) => setTimeout(r, 2)); } } catch {}
        const before = kept.length;
        for (const response of kept) await response.text();
        scriptOutput = JSON.stringify([before, (await (await fetch(scriptArgs[0])).text()).length]);
      })();
    """
    async with raw_server(serve) as url:
        outcome = await run(profile, script, url, memory_bytes=64 << 20, held_bytes=3_000_000)
    assert outcome.failure is None
    before, length = msgspec.json.decode(outcome.output)
    assert 40 <= before <= 60
    assert length == 60_000


async def test_addresses_of_a_name_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise: a name server that tells thousands of addresses fills nothing: names are kept for everybody."""

    def lookup(host: str, *arguments: Any, **options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"10.0.{n // 256}.{n % 256}", 0)) for n in range(4000)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert len(await client_of(site).resolver.find("many.example")) == 64
