"""Budgets over time, from a client's side: what is refused, how, and what is left of it after a restart."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_refused, goes_on, until

BURNING = "export default { fetch() { for (let i = 0; i < 5e6; i++); return new Response('hello'); } };"
SENDING = "export default { fetch: () => new Response('x'.repeat(5000)) };"
STREAMING = """export default { fetch: () => new Response(new ReadableStream({
  start(c) { for (let i = 0; i < 50; i++) c.enqueue(new Uint8Array(100)); c.close(); } })) };"""


async def refused(site: Site, path: str, budget: str, **options: Any) -> None:
    """The next request to a program is refused, before anything was started for it."""
    response = await site.client.request(options.pop("method", "GET"), path, **options)
    message = response.json()["error"]
    assert message.startswith(f"the budget {budget} of this program is used up until 20")
    assert_refused(response, 429, "budget_exhausted", message)
    assert 1 <= int(response.headers["retry-after"]) <= (86400 if "day" in budget else 3600)
    assert site.node.admission.machines == 0


@pytest.mark.parametrize(
    ("source", "limits", "answers", "budget"),
    [
        (HELLO, {"hourly_requests": 3}, 3, "requests=3/hour"),
        (HELLO, {"daily_requests": 2, "hourly_requests": 3}, 2, "requests=2/day"),
        (BURNING, {"hourly_cpu_s": 0.02}, 1, "cpu=0.02s/hour"),
        (SENDING, {"daily_egress_bytes": 9000}, 2, "egress=9000B/day"),
        (STREAMING, {"daily_egress_bytes": 9000}, 2, "egress=9000B/day"),
    ],
    ids=["requests", "both", "CPU", "bytes", "streamed bytes"],
)
async def test_a_budget_that_is_used_up_is_told(
    open_site: SiteFactory, source: str, limits: dict[str, Any], answers: int, budget: str
) -> None:
    """Once in the program's log, in the figures each time; another program has a budget of its own."""
    async with open_site(**limits) as site:
        path = await site.publish(source)
        for _ in range(answers):
            assert (await site.client.get(path)).status_code == 200
            await until(lambda: site.node.admission.machines == 0)
        await refused(site, path, budget)
        await refused(site, path, budget, method="POST", content=b"x")
        await refused(site, path, budget, method="POST", content=b"x" * 100_000)
        (line,) = await site.log(path)
        assert line.startswith(f"the budget {budget} of this program is used up until 20")
        assert line.endswith(" UTC; requests are refused until then")
        figures = generate_latest(site.node.metrics.registry).decode()
        assert 'wapo_refusals_total{code="budget_exhausted"} 3.0' in figures
        assert (await site.run(HELLO + "//")).text == "hello"


async def test_it_holds_after_a_restart(open_site: SiteFactory, tmp_path: Path) -> None:
    for attempt in range(2):
        async with open_site(data_dir=tmp_path / "node", hourly_requests=2) as site:
            path = await site.publish(HELLO)
            if not attempt:
                for _ in range(2):
                    assert (await site.client.get(path)).text == "hello"
            await refused(site, path, "requests=2/hour")
            assert len(await site.log(path)) == 1


async def test_a_programs_own_budget(open_site: SiteFactory) -> None:
    """It lowers the node's, and is noticed by a node that runs."""
    async with open_site(hourly_requests=100) as site:
        path, other = await site.publish(HELLO), await site.publish(HELLO + "//")
        for _ in range(3):
            assert (await site.client.get(path)).text == "hello"
        identity = await site.node.programs.identity_of(path)
        await site.node.programs.set_limits(identity, {"hourly_requests": 2})
        await refused(site, path, "requests=2/hour")
        assert (await site.client.get(other)).text == "hello"
        await site.node.programs.set_limits(identity, {})
        assert (await site.client.get(path)).text == "hello"


async def test_making_the_image_is_the_programs_cpu(open_site: SiteFactory) -> None:
    """A top level that computes is on its program's budget, though no request is told of it."""
    source = "const until = Date.now() + 150; while (Date.now() < until);" + HELLO
    async with open_site(hourly_cpu_s=0.02, burst_s=5) as site:
        path = await site.publish(source)
        await site.client.get(path)
        await refused(site, path, "cpu=0.02s/hour")


async def test_a_run_that_goes_on_uses_its_budget_meanwhile(open_site: SiteFactory) -> None:
    """It is not cut off; what comes next is refused."""
    source = """export default { async fetch(request) {
      if (request.url.endsWith('short')) return new Response('short');
      for (;;) { const u = Date.now() + 50; while (Date.now() < u); await new Promise((r) => setTimeout(r, 1)); }
    } };"""
    async with open_site(hourly_cpu_s=0.2) as site:
        path = await site.publish(source)
        long = asyncio.create_task(site.client.get(path))
        async with asyncio.timeout(20):
            while (await site.client.get(path + "?short")).status_code == 200:
                await asyncio.sleep(0.05)
        assert not long.done()
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        await until(lambda: site.node.admission.machines == 0)


async def test_a_refusal_for_want_of_room_uses_nothing(open_site: SiteFactory) -> None:
    async with open_site(hourly_requests=5, concurrency=1) as site:
        path = await site.publish(
            "export default { fetch: () => new Promise((r) => setTimeout(() => r(new Response('hello')), 200)) };"
        )
        answers = await asyncio.gather(*(site.client.get(path) for _ in range(5)))
        served = sum(answer.status_code == 200 for answer in answers)
        assert served < 5
        for _ in range(5 - served):
            assert (await site.client.get(path)).text == "hello"
        await refused(site, path, "requests=5/hour")
        await goes_on(site)
