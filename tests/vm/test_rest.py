"""Guests that wait for long are folded, and go on as if nothing had been."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from tests.agents.support import Workshop, open_workshop
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import Run
from wapo.engine.image import own_pages
from wapo.vm.resources.pipe import Pipe
from wapo.vm.rest import Rest

#: Remembers things, waits for its body, and answers with both.
WAITER = """
let state = 0;
export default { async fetch(request) {
  const mine = [], url = new URL(request.url);
  for (let i = 0; i < 100; i++) mine.push({ i, text: `${url.search}-${state++}` });
  const body = await request.text();
  return new Response(`${body} ${mine.length} ${mine[99].text} ${state}`);
} };
"""


@pytest.fixture
async def workshop(profile: JavaScriptProfile) -> AsyncIterator[Workshop]:
    async with open_workshop(profile) as opened:
        yield opened


async def waiting(workshop: Workshop, count: int) -> list[tuple[Run, Pipe]]:
    """Requests that wait for the rest of their bodies."""
    image = await workshop.image(WAITER)
    started = []
    for number in range(count):
        body = Pipe(1 << 16)
        started.append((workshop.start(image, "POST", f"/?{number}", stream=body), body))
    while not all(run.guest is not None and run.guest.rests for run, _ in started):
        await asyncio.sleep(0)
    return started


async def answer(run: Run, body: Pipe, text: bytes) -> bytes:
    await body.write(text)
    body.end()
    return (await run.answer()).body


async def test_folded_requests_are_answered_right(workshop: Workshop) -> None:
    """Each goes on from its own state."""
    requests = await waiting(workshop, 20)
    rest = Rest(workshop.scheduler, many=10)
    await rest.look()
    assert not any(run.guest.folded for run, _ in requests if run.guest)  # seen for the first time
    await rest.look()
    for run, _ in requests:
        guest = run.guest
        assert guest is not None
        assert guest.folded
        instance = guest.instance
        assert own_pages(instance.base, instance.base + instance.memory_size) == []
    for number, (run, body) in enumerate(requests):
        assert await answer(run, body, b"body %d" % number) == b"body %d 100 ?%d-99 100" % (number, number)
    # And what comes out of the pool afterwards is clean.
    for run, body in await waiting(workshop, 20):
        assert re.fullmatch(rb"b 100 \?\d+-99 100", await answer(run, body, b"b"))


async def test_few_are_left_alone(workshop: Workshop) -> None:
    requests = await waiting(workshop, 3)
    rest = Rest(workshop.scheduler, many=4)
    for _ in range(3):
        await rest.look()
    assert not any(run.guest.folded for run, _ in requests if run.guest)


async def test_who_is_woken_again_and_again_is_left_alone_for_longer(workshop: Workshop) -> None:
    ((run, body),) = await waiting(workshop, 1)
    guest = run.guest
    assert guest is not None
    rest = Rest(workshop.scheduler, many=1)
    looks = []
    for _ in range(4):
        count = 0
        while not guest.folded:
            await rest.look()
            count += 1
        looks.append(count)
        guest.request_poll()
        while guest.folded or not guest.rests:
            await asyncio.sleep(0)
    assert looks == [2, 3, 5, 9]
    assert await answer(run, body, b"b") == b"b 100 ?0-99 100"


async def test_a_folded_guest_can_be_stopped(workshop: Workshop) -> None:
    requests = await waiting(workshop, 2)
    rest = Rest(workshop.scheduler, many=1)
    for _ in range(2):
        await rest.look()
    workshop.scheduler.stop_all()
    assert len(workshop.ends) == len(requests)
    await rest.look()  # nobody is there
