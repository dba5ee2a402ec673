"""Agents that use a little, again and again: what one run may take in all is bounded, whoever does the work for it."""

import asyncio

import h11
import pytest

from tests.conftest import SiteFactory
from tests.gateway.support import get, until
from tests.hostile.neighbours import attack, handler
from tests.hostile.upstreams import raw_server, read_head

PIECES = (
    "for (;;) { const until = Date.now() + 20; while (Date.now() < until); await new Promise((r) => setTimeout(r)); }"
)

#: None of them ever reaches a limit of one burst.
PATIENT = {
    "pieces": PIECES,
    "an isolate": f"await Wapo.run(`(async () => {{ {PIECES} }})()`, {{ gasLimit: undefined, timeLimit: undefined }})",
    "one isolate after the other": "for (;;) await Wapo.run('const u = Date.now() + 20; while (Date.now() < u); 1', {})",
    "a thread of the host": """
      const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
      const how = { name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 1e5 };
      for (;;) await crypto.subtle.deriveBits(how, key, 256);""",
}


async def test_cpu_of_a_run_is_bounded_however_it_is_cut_into_pieces(open_site: SiteFactory) -> None:
    """Promise: a run has so much CPU in all; what its isolates and the host's threads compute for it is its own."""
    agents = {name: handler(body) for name, body in PATIENT.items()}
    async with open_site(cpu_s=0.4, burst_s=0.3, time_s=30) as site:
        answers = await attack(site, agents)
        assert {name: answer.headers.get("x-wapo-error") for name, answer in answers.items()} == dict.fromkeys(
            agents, "cpu_limit"
        )
        assert {answer.status_code for answer in answers.values()} == {500}
        for source in agents.values():
            assert await site.log(await site.publish(source)) == ["the machine was ended: more than 0.4 s of CPU"]


async def test_cpu_after_the_answer_is_bounded_too(open_site: SiteFactory) -> None:
    """Promise: ``waitUntil`` is no way around it."""
    source = handler(f"ctx.waitUntil((async () => {{ {PIECES} }})())")
    async with open_site(cpu_s=0.2, burst_s=0.15, time_s=30) as site:
        answers = await attack(site, {"after": source})
        assert answers["after"].text == "done"
        assert await site.log(await site.publish(source)) == ["the machine was ended: more than 0.2 s of CPU"]


class Counting:
    """An upstream that counts what reaches it."""

    def __init__(self) -> None:
        self.connections = self.requests = self.received = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            head = await read_head(reader)
            self.received += len(head)
            self.requests += 1
            if b"chunked" in head:
                while data := await reader.read(1 << 16):
                    self.received += len(data)
                return
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    self.received += len(await reader.readexactly(int(line.split(b":")[1])))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")


CALLING = {
    "one after the other": "for (;;) await (await fetch(URL)).text()",
    "all at once": "await Promise.allSettled(Array.from({ length: 50 }, () => fetch(URL)))",
    "without looking": "for (;;) { fetch(URL).catch(() => {}); await 0; }",
    "redirects": "for (;;) await fetch(URL, { redirect: 'manual' })",
    "requests that fail": "for (;;) await fetch('http://127.0.0.1:65000/').catch(() => {})",
    "isolates": "for (;;) await Wapo.run(`fetch('${URL}').then((r) => r.text()).then((t) => { scriptOutput = t; })`, {})",
    "WebSockets": "for (;;) await new Promise((r) => { new WebSocket(URL.replace('http', 'ws')).onerror = r; })",
    "names": "const dns = require('dns').promises; for (let i = 0; ; i++) await dns.lookup(`a${i}.localhost`).catch(() => {})",
    "sockets": """
      const { connect } = await import('cloudflare:sockets');
      for (;;) { const s = connect(new globalThis.URL(URL).host); await s.opened.catch(() => {}); await s.close().catch(() => {}); }""",
}


@pytest.mark.parametrize("name", CALLING)
async def test_what_a_run_asks_of_others_is_bounded(open_site: SiteFactory, name: str) -> None:
    """Promise: a run begins so many requests, connections and lookups, in whatever way, and not one more."""
    counting = Counting()
    async with raw_server(counting) as url, open_site(outgoing=10, time_s=30) as site:
        source = handler(f"const URL = '{url}'; {CALLING[name]}")
        answers = await attack(site, {name: source})
        assert (answers[name].status_code, answers[name].headers.get("x-wapo-error")) == (500, "outgoing_limit")
        lines = await site.log(await site.publish(source))
        assert lines[-1] == "the machine was ended: more than 10 outgoing requests and connections"
    assert max(counting.requests, counting.connections) <= 10


SENDING = {
    "bodies": "for (;;) await fetch(URL, { method: 'POST', body: new Uint8Array(30000) })",
    "bodies at once": "await Promise.all(Array.from({ length: 40 }, () => fetch(URL, { method: 'POST', body: new Uint8Array(30000) })))",
    "a stream": """
      const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(10000)); } });
      await fetch(URL, { method: 'POST', body, duplex: 'half' })""",
    "addresses": "for (;;) await fetch(URL + '?' + 'x'.repeat(30000))",
    "headers": "for (;;) await fetch(URL, { headers: { a: 'x'.repeat(30000) } })",
    "an isolate": "for (;;) await Wapo.run(`fetch('${URL}', { method: 'POST', body: 'x'.repeat(30000) }).then(() => 1)`, {})",
    "a response": "return new Response(new Uint8Array(150000))",
}


@pytest.mark.parametrize("name", SENDING)
async def test_what_a_run_sends_is_bounded(open_site: SiteFactory, name: str) -> None:
    """Promise: a run sends so many bytes, to whomever and in however many pieces."""
    counting = Counting()
    async with raw_server(counting) as url, open_site(egress_bytes=100_000, time_s=30) as site:
        source = handler(f"const URL = '{url}'; {SENDING[name]}")
        answers = await attack(site, {name: source})
        assert (answers[name].status_code, answers[name].headers.get("x-wapo-error")) == (500, "egress_limit")
        lines = await site.log(await site.publish(source))
        assert lines[-1] == "the machine was ended: more than 100000 bytes were sent"
    assert counting.received <= 110_000


async def test_a_response_that_streams_is_cut_at_what_a_run_may_send(open_site: SiteFactory) -> None:
    """Promise: a caller can tell, and the log says why."""
    source = handler("return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(10000)); } }))")
    async with open_site(egress_bytes=100_000) as site:
        path = await site.publish(source)
        with pytest.raises(h11.RemoteProtocolError):
            await get(site, path)
        await until(lambda: site.node.admission.machines == 0)
        assert await site.log(path) == ["the machine was ended: more than 100000 bytes were sent"]
