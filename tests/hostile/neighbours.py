"""Attacks beside an agent that behaves: whatever the former do, the latter answers."""

import asyncio
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from tests.conftest import Site

__all__ = ["GOOD", "attack", "forgotten_past", "handler"]

GOOD = "export default { fetch: () => new Response('fine') };"


def handler(body: str) -> str:
    """An agent whose handler does that, and then answers ``done``."""
    return f"export default {{ async fetch(request, env, ctx) {{ {body}; return new Response('done'); }} }};"


@contextmanager
def forgotten_past() -> Iterator[None]:
    """The collector does not look at what thousands of tests have left: that takes longer than a turn of the loop may."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def attack(site: Site, agents: Mapping[str, str], *, at_once: int = 8) -> dict[str, httpx.Response]:
    """Sends each program a request, some at a time. Meanwhile and afterwards the good agent is asked again and again:
    it must answer each time, and as soon as may be on a machine that others use too."""
    good = await site.publish(GOOD)
    assert (await site.client.get(good)).text == "fine"
    gate = asyncio.Semaphore(at_once)

    async def one(source: str) -> httpx.Response:
        async with gate:
            return await site.run(source)

    attacks = {name: asyncio.create_task(one(source)) for name, source in agents.items()}
    while not all(task.done() for task in attacks.values()):
        async with asyncio.timeout(10):
            assert (await site.client.get(good)).text == "fine"
    answers = {name: task.result() for name, task in attacks.items()}
    assert (await site.client.get(good)).text == "fine"
    async with asyncio.timeout(10):
        while site.node.admission.machines:
            await asyncio.sleep(0.005)
    return answers
