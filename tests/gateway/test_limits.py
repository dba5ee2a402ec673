"""Every limit of docs/limits.md: what its caller gets, what the log says, and that an agent beside it does not notice."""

import asyncio

import h11
import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_failed, assert_refused, connect, gates, get, goes_on, until
from wapo.node.admission import machines_possible

MIB = 1 << 20


async def beside(site: Site, path: str) -> None:
    """A request to ``path`` is under way for as long as another agent needs to answer ten times."""
    request = asyncio.create_task(site.client.get(path))
    await until(lambda: site.node.admission.machines == 1)
    hello = await site.publish(HELLO)
    for _ in range(10):
        assert (await site.client.get(hello)).text == "hello"
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await goes_on(site)


@pytest.mark.parametrize(
    ("statement", "column"),
    [("for (;;) a.push(new Uint8Array(1 << 20).fill(1));", 43), ("for (;;) a.push({ a: [1] });", 25)],
    ids=["large", "small"],
)
async def test_memory(open_site: SiteFactory, statement: str, column: int) -> None:
    """The log has the line that needed too much; small things use memory up to the last byte, and it is told all the
    same."""
    async with open_site(memory_bytes=16 * MIB) as site:
        path = await site.publish(f"export default {{ fetch() {{\n  const a = [];\n  {statement}\n}} }};")
        assert_failed(await site.client.get(path), 500, "memory_limit")
        (line,) = await site.log(path)
        assert line.splitlines()[0] == "InternalError: out of memory"
        assert len(line.splitlines()) == 1 or line.splitlines()[1].startswith("    at fetch (agent.js:3:")
        await goes_on(site)


async def test_memory_at_the_top_level_and_while_it_is_compiled(open_site: SiteFactory) -> None:
    async with open_site(memory_bytes=16 * MIB) as site:
        path = await site.publish("const a = [];\nfor (;;) a.push(new Uint8Array(1 << 20).fill(1));")
        assert_failed(await site.client.get(path), 500, "memory_limit")
        assert (await site.log(path))[0].startswith("InternalError: out of memory\n    at <eval> (agent.js:2:")
        path = await site.publish("x = '" + "y" * (12 * MIB) + "'")
        assert_failed(await site.client.get(path), 500, "memory_limit")
        assert "out of memory" in (await site.log(path))[0]
        await goes_on(site)


async def test_running_out_of_memory_may_be_caught(open_site: SiteFactory) -> None:
    async with open_site(memory_bytes=16 * MIB) as site:
        source = "export default { fetch() { try { new Uint8Array(1 << 28); } catch (e) { return new Response(String(e)); } } };"
        response = await site.run(source)
        assert (response.status_code, response.text) == (200, "InternalError: out of memory")


async def test_a_top_level_that_burns_is_run_once_for_a_request(open_site: SiteFactory) -> None:
    """The first request's CPU is what the making of the image has burnt: it is not given as much again."""
    async with open_site(burst_s=0.2) as site:
        path = await site.publish(
            "console.log('begun');\nfor (;;);\nexport default { fetch: () => new Response('never') };"
        )
        assert_failed(await site.client.get(path), 500, "burst_limit")
        assert await site.log(path) == ["the machine was ended: more than 0.2 s of CPU between two waits"]
        assert_failed(await site.client.get(path), 500, "burst_limit")
        assert (await site.log(path))[1:] == [
            "begun",
            "the machine was ended: more than 0.2 s of CPU between two waits",
        ]
        await goes_on(site)


async def test_time(open_site: SiteFactory) -> None:
    """For those that answer with a Response, and those that answer with an output."""
    wait = "await new Promise((resolve) => setTimeout(resolve, 60000));"
    async with open_site(time_s=0.3) as site:
        for source in (
            f"export default {{ async fetch() {{ {wait} }} }};",
            f"export default async () => {{ {wait} }};",
        ):
            path = await site.prepare(source)
            assert_failed(await site.client.get(path), 504, "time_limit")
            assert await site.log(path) == ["the machine was ended: the time limit of 0.3 s was reached"]
        await goes_on(site)
    async with open_site(time_s=30) as site:
        await beside(site, await site.prepare(f"export default {{ async fetch() {{ {wait} }} }};"))


async def test_time_of_a_response_that_has_begun(open_site: SiteFactory) -> None:
    """It is cut off; work that waitUntil asked for ends by then too."""
    async with open_site(time_s=0.3) as site:
        path = await site.prepare(
            "export default { fetch: () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(3)); setTimeout(() => {}, 1e5); } })) };"
        )
        with pytest.raises(h11.RemoteProtocolError):
            await get(site, path)
        assert await site.log(path) == ["the machine was ended: the time limit of 0.3 s was reached"]
        path = await site.prepare(
            "export default { fetch(_, env, ctx) { ctx.waitUntil(new Promise(() => setTimeout(() => {}, 1e5))); return new Response('x'); } };"
        )
        assert (await site.client.get(path)).text == "x"
        await until(lambda: site.node.admission.machines == 0)
        assert await site.log(path) == ["the machine was ended: the time limit of 0.3 s was reached"]
        await goes_on(site)


@pytest.mark.parametrize(
    "source", ["export default { fetch() { for (;;); } };", "for (;;);"], ids=["call", "top level"]
)
async def test_burst(open_site: SiteFactory, source: str) -> None:
    async with open_site(burst_s=0.2) as site:
        path = await site.publish(source)
        assert_failed(await site.client.get(path), 500, "burst_limit")
        assert await site.log(path) == ["the machine was ended: more than 0.2 s of CPU between two waits"]
        await goes_on(site)


async def test_others_are_served_while_one_computes(open_site: SiteFactory) -> None:
    async with open_site(burst_s=60) as site:
        await beside(site, await site.publish("export default { fetch() { for (;;); } };"))


async def test_request(open_site: SiteFactory) -> None:
    """A body that says so is refused before a machine is there for it: no log. (Others: test_bodies.)"""
    async with open_site(request_bytes=1000) as site:
        path = await site.publish(
            "export default { async fetch(r) { return new Response((await r.text()).length); } };"
        )
        assert (await site.client.post(path, content=b"x" * 1000)).text == "1000"
        refused = await site.client.post(path, content=b"x" * 1001)
        assert_refused(refused, 413, "request_too_large", "the request body has 1001 bytes; at most 1000 are allowed")
        assert len(await site.log(path, "REPORT")) == 2
        await goes_on(site)


async def test_response(open_site: SiteFactory) -> None:
    """Whole, streamed and as an output: exactly the limit comes through, one byte more does not."""
    agents = {
        "whole": (
            "export default { fetch: (r) => new Response('x'.repeat(+new URL(r.url).searchParams.get('n'))) };",
            "response",
        ),
        "output": ("export default (r) => 'x'.repeat(+JSON.parse(r).queries.n[0]);", "output"),
    }
    async with open_site(response_bytes=100_000) as site:
        for source, what in agents.values():
            path = await site.publish(source)
            assert len((await site.client.get(f"{path}?n=100000")).content) == 100_000
            for size in (100_001, 5_000_000):
                assert_failed(await site.client.get(f"{path}?n={size}"), 500, "response_limit")
            assert await site.log(path) == [
                f"the {what} has {size} bytes; at most 100000 are allowed" for size in (100_001, 5_000_000)
            ]
        await goes_on(site)


async def test_response_that_is_streamed(open_site: SiteFactory) -> None:
    """It is cut off at the limit, and the log says why, once."""
    source = """export default { fetch(request) {
      let left = +new URL(request.url).searchParams.get('n');
      return new Response(new ReadableStream({ pull(controller) {
        const size = Math.min(left, 30000);
        if (size === 0) controller.close();
        else controller.enqueue(new Uint8Array(size));
        left -= size;
      } }));
    } };"""
    async with open_site(response_bytes=100_000) as site:
        path = await site.publish(source)
        assert len((await get(site, f"{path}?n=100000")).body) == 100_000
        with pytest.raises(h11.RemoteProtocolError):
            await get(site, f"{path}?n=100001")
        await until(lambda: site.node.admission.machines == 0)
        assert await site.log(path) == ["the response was cut off: it is larger than the 100000 bytes allowed"]
        await goes_on(site)


async def test_a_programs_own_limits(open_site: SiteFactory) -> None:
    """What ``wapo limits`` has set for one program holds for it and for no other."""
    source = "export default { fetch: () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(2000)); c.close(); } })) };"
    async with open_site() as site:
        path, other = await site.publish(source), await site.publish(source + "//")
        identity = await site.node.programs.identity_of(path)
        await site.node.programs.set_limits(identity, {"response_bytes": 1000, "request_bytes": 10, "concurrency": 1})
        with pytest.raises(h11.RemoteProtocolError):
            await get(site, path)
        assert await site.log(path) == ["the response was cut off: it is larger than the 1000 bytes allowed"]
        refused = await site.client.post(path, content=b"x" * 11)
        assert_refused(refused, 413, "request_too_large", "the request body has 11 bytes; at most 10 are allowed")
        assert len((await site.client.post(other, content=b"x" * 11)).content) == 2000
        await goes_on(site)


async def test_program(open_site: SiteFactory) -> None:
    async with open_site(program_bytes=2000) as site:
        path = await site.publish(HELLO.ljust(2000))
        assert (await site.client.get(path)).text == "hello"
        path = await site.publish(HELLO.ljust(2001))
        message = f"{path.removeprefix('/ipfs/')} is 2001 bytes large; 2000 are allowed."
        assert_refused(await site.client.get(path), 413, "content_too_large", message)
        assert (await site.client.get(f"/logs/all{path}")).text == "\n"
        await goes_on(site)


WAITER = "export default { async fetch(request) { return fetch(new URL(request.url).searchParams.get('u')); } };"


async def test_concurrency(open_site: SiteFactory) -> None:
    """One program has its share; another one is not counted with it."""
    async with open_site(concurrency=2) as site, gates() as upstream:
        path = await site.publish(WAITER)
        two = [asyncio.create_task(site.client.get(f"{path}?u={upstream.url}a")) for _ in range(2)]
        await upstream.reached("a", 2)
        third = await site.client.get(f"{path}?u={upstream.url}a")
        assert_refused(third, 429, "too_many_requests", "this program has 2 requests under way, which is its limit")
        assert third.headers["retry-after"] == "1"
        assert (await site.run(HELLO)).text == "hello"
        upstream.open("a", 2)
        assert [response.text for response in await asyncio.gather(*two)] == ["open"] * 2
        upstream.open("a")
        assert (await site.client.get(f"{path}?u={upstream.url}a")).text == "open"
        assert len(await site.log(path, "REPORT")) == 6
        await goes_on(site)


async def test_machines(open_site: SiteFactory) -> None:
    """A node that is full says so, and is not full any more when one has ended."""
    async with open_site(max_machines=2) as site, gates() as upstream:
        path = await site.publish(WAITER)
        two = [asyncio.create_task(site.client.get(f"{path}?u={upstream.url}{name}")) for name in "ab"]
        await upstream.reached("a")
        await upstream.reached("b")
        third = await site.run(HELLO)
        message = "this node runs 2 machines, which is all it can; try again shortly"
        assert_refused(third, 503, "node_full", message)
        assert third.headers["retry-after"] == "1"
        upstream.open("a")
        assert (await two[0]).text == "open"
        assert (await site.run(HELLO)).text == "hello"
        upstream.open("b")
        await two[1]
        await goes_on(site)
        status = (await site.client.get("/healthz")).json()
        assert (status["machines"], status["max_machines"]) == (0, 2)


def test_there_are_never_more_machines_than_the_kernel_can_map() -> None:
    assert machines_possible() > 100


async def test_log_of_a_run(open_site: SiteFactory) -> None:
    """What does not fit is counted; START and END are always there; the next run has room again."""
    source = "export default { fetch() { for (let i = 0; i < 100; i++) console.log('é'.repeat(100)); return new Response('x'); } };"
    async with open_site(log_bytes=2500) as site:
        path = await site.publish(source)
        for _ in range(2):
            assert (await site.client.get(path)).text == "x"
        run = ["é" * 100] * 10 + ["90 more log lines were dropped: the limit of a run was reached"]
        assert await site.log(path) == run * 2
        assert len(await site.log(path, "REPORT")) == 4
        await goes_on(site)


async def test_log_of_a_top_level(site: Site) -> None:
    """What it says while the image is made is bounded too."""
    path = await site.publish(
        "for (let i = 0; i < 1000; i++) console.log('x'.repeat(984)); export default { fetch: () => new Response('y') };"
    )
    assert (await site.client.get(path)).text == "y"
    lines = await site.log(path)
    assert lines == ["x" * 984] * 65 + ["935 more log lines of the top level were dropped"]
    await goes_on(site)


async def test_vault_item(site: Site) -> None:
    """64 KB of data, what is inherited included."""

    def refusal(size: int) -> str:
        return f"data has {size} bytes; at most 65536 are allowed"

    frame = len('{"a":""}')
    fits = {"cid": "local", "data": {"a": "x" * (65536 - frame)}}
    parent = (await site.client.post("/vaults", json=fits)).json()
    assert parent["succeed"] is True
    over = {"cid": "local", "data": {"a": "x" * (65537 - frame)}}
    assert_refused(await site.client.post("/vaults", json=over), 400, "vault_data_invalid", refusal(65537))
    child = {"cid": "local", "data": {"b": 1}, "inherit": parent["key"], "inheritToken": parent["token"]}
    assert_refused(await site.client.post("/vaults", json=child), 400, "vault_data_invalid", refusal(65536 + 7))
    huge = {"cid": "local", "data": {"a": "x" * 131072}}
    message = "a vault request may have 131072 bytes"
    assert_refused(await site.client.post("/vaults", json=huge), 413, "vault_too_large", message)
    await goes_on(site)


async def test_a_slow_reader_holds_back_only_its_own_agent(site: Site) -> None:
    reader, writer = await connect(site)
    path = await site.publish(
        "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })) };"
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(10):
        assert (await site.run(HELLO)).text == "hello"
    writer.transport.abort()
    await goes_on(site)
