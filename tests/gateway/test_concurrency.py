"""Many requests at once, in one process."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.conftest import Site, SiteFactory
from wapo.node.admission import MAPPINGS_PER_MACHINE

WAITER = "export default { fetch: async (request) => fetch(new URL(request.url).searchParams.get('u')) };"


@pytest_asyncio.fixture(loop_scope="module")
async def site(open_site: SiteFactory) -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def test_a_thousand_requests_wait_for_a_slow_upstream_at_once(site: Site) -> None:
    """All of them are under way together before the first is answered; then all are answered."""
    arrived, everybody, release = 0, asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        if arrived == 1000:
            everybody.set()
        await release.wait()
        return web.Response(text="at last")

    app = web.Application()
    app.router.add_get("/", slow)
    async with TestServer(app) as upstream:
        path = await site.publish(WAITER)
        url = str(upstream.make_url("/"))

        async def ask() -> str:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rsplit(":", 1)[1]))
            writer.write(f"GET {path}?u={url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = (await reader.read()).decode()
            writer.close()
            return answer

        requests = [asyncio.create_task(ask()) for _ in range(1000)]
        async with asyncio.timeout(60):
            await everybody.wait()
            assert site.node.admission.machines == 1000
            release.set()
            answers = await asyncio.gather(*requests)
    assert all(answer.startswith("HTTP/1.1 200") and answer.endswith("at last\r\n0\r\n\r\n") for answer in answers)
    assert site.node.admission.machines == 0


async def test_requests_leave_nothing_behind(site: Site) -> None:
    """Memory mappings, descriptors and tasks after 1500 requests are those after 300. (bench/endurance.py: 50,000.)"""
    path = await site.publish("export default { fetch: (request) => new Response(request.url) };")

    def figures() -> tuple[int, int, int]:
        gc.collect()
        with open("/proc/self/maps") as file:
            return sum(1 for _ in file), len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())

    async def ask(client: ClientSession) -> int:
        async with client.get(site.url + path) as response:
            await response.read()
            return response.status

    async def many(client: ClientSession, count: int) -> None:
        for _ in range(count // 20):
            assert await asyncio.gather(*(ask(client) for _ in range(20))) == [200] * 20
        await site.node.logs.flush()

    async with ClientSession() as client:
        await many(client, 300)
        before = figures()
        await many(client, 1500)
        after = figures()
    assert after[0] <= before[0] + 20 * MAPPINGS_PER_MACHINE  # more of them may have run at once, the second time
    assert after[1] <= before[1] + 5
    assert after[2] == before[2]
