"""Somebody who asks for programs that do not exist, of a node whose upstream looks for them everywhere."""

import asyncio
import time

from aiohttp import web

from tests.conftest import SiteFactory
from tests.content.gateways import Gateway, running
from tests.content.samples import raw_block
from wapo.content.cid import Cid

HELLO = "export default { fetch: () => new Response('hello') };"
NEW = b"export default { fetch: () => new Response('new') };"


async def test_questions_without_an_answer_keep_nobody_waiting(open_site: SiteFactory) -> None:
    """Promise: who asks for what does not exist takes his own time only. What is here answers at once; what is new is
    fetched, or told at once to come back; and when he goes, nothing of his questions is left."""
    async with running(Gateway()) as gateway, open_site(upstreams=(gateway.url,)) as site:
        over = asyncio.Event()
        wanted = raw_block(NEW)
        gateway.store.put_verified([wanted])

        async def search(request: web.Request) -> web.StreamResponse:
            if Cid.parse(request.match_info["cid"]) != wanted.cid:
                await over.wait()
            return await gateway.answer(request)

        gateway.instead = search
        known = await site.publish(HELLO)
        assert (await site.client.get(known)).text == "hello"
        most = site.node.library.lookups.most
        questions = [
            asyncio.create_task(site.client.get(f"/ipfs/{raw_block(b'%d' % number).cid}", timeout=60))
            for number in range(80)  # as many connections as this client has
        ]
        async with asyncio.timeout(20):
            while len(site.node.library.lookups) < 80:
                await asyncio.sleep(0.01)
        began = time.monotonic()
        async with asyncio.timeout(10):
            assert (await site.client.get(known)).text == "hello"
            assert (await site.client.get(f"/ipfs/{wanted.cid}")).text == "new"
        assert time.monotonic() - began < 5
        site.node.library.lookups.most = 80
        refused = await site.client.get(f"/ipfs/{raw_block(b'another').cid}")
        assert refused.status_code == 503
        assert (refused.headers["x-wapo-error"], refused.headers["retry-after"]) == ("too_many_lookups", "1")
        assert (await site.client.get(known)).text == "hello"
        site.node.library.lookups.most = most
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
        async with asyncio.timeout(20):
            while len(site.node.library.lookups):
                await asyncio.sleep(0.01)
        over.set()
