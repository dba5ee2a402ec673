"""A request started, answered, left: machines come from the image's pool and go back to it clean."""

import asyncio

import pytest

from tests.agents.support import LIMITS, Log, Workshop
from wapo.agents.image import ImageKind
from wapo.agents.invoke import abandon
from wapo.agents.messages import AgentFailed
from wapo.agents.run import BODY_BUFFER_BYTES
from wapo.vm.ends import EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.pipe import Pipe, PipeBroken

QUICK = "export default { fetch: (request) => new Response(request.url) };"


async def until_ended(workshop: Workshop, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(workshop.ends) < count:
            await asyncio.sleep(0)


async def test_an_agent_that_need_not_wait_has_answered_when_start_returns(workshop: Workshop) -> None:
    """Without a task, a future or a pass of the event loop, unless its slice happens to end in the middle."""
    image = await workshop.image(QUICK)
    runs = [workshop.start(image, path="/now") for _ in range(20)]
    at_once = [run for run in runs if run.response is not None]
    assert at_once
    answers = [await run.answer() for run in runs]
    assert {answer.body for answer in answers} == {b"http://agent.example/now"}
    assert {end.reason for end in workshop.ends} == {EndReason.EXITED}


async def test_a_machine_that_ended_well_is_used_again_and_another_is_not(workshop: Workshop) -> None:
    image = await workshop.image(
        "export default { fetch(request) { if (request.method === 'PUT') throw new Error('x'); if (request.method === 'POST') for (;;); return new Response(); } };"
    )
    pool = image.pool(workshop.profile.serving, LIMITS.store)
    for count, (method, limits, spare) in enumerate(
        [("GET", LIMITS, 1), ("PUT", LIMITS, 1), ("POST", GuestLimits(burst_s=0.05), 0)], 1
    ):
        workshop.start(image, method, limits=limits)
        await until_ended(workshop, count)
        assert len(pool) == spare
    assert workshop.ends[-1].reason is EndReason.BURST_LIMIT


async def test_a_broken_program_is_not_started(workshop: Workshop) -> None:
    image = await workshop.image("let x = ;")
    with pytest.raises(AgentFailed, match="SyntaxError"):
        workshop.start(image)
    assert workshop.ends == []


async def test_on_end_is_called_once_and_after_the_response(workshop: Workshop) -> None:
    image = await workshop.image(
        "export default { fetch(r, e, ctx) { ctx.waitUntil(new Promise((r) => setTimeout(r, 5))); return new Response('at once'); } };"
    )
    seen: list[tuple[bool, float]] = []
    run = workshop.start(image, on_end=lambda _end, guest: seen.append((run.response is not None, guest.meter.cpu_s)))
    await run.answer()
    assert seen == []
    await until_ended(workshop)
    await asyncio.sleep(0.01)
    ((answered, cpu_s),) = seen
    assert answered
    assert cpu_s > 0


# waitUntil

LATER = """
export default { fetch(request, env, ctx) {
  ctx.waitUntil((async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log('later');
    if (request.method === 'PUT') throw new Error('lost');
  })());
  return new Response('at once');
} };
"""


async def test_work_goes_on_after_the_response(workshop: Workshop) -> None:
    log = Log()
    run = workshop.start(await workshop.image(LATER), log=log)
    assert (await run.answer()).body == b"at once"
    assert run.kept_alive
    assert log.lines == []
    await until_ended(workshop)
    assert log.texts == ["later"]
    assert not run.kept_alive


async def test_work_that_fails_is_logged(workshop: Workshop) -> None:
    log = Log()
    run = workshop.start(await workshop.image(LATER), "PUT", log=log)
    assert (await run.answer()).status == 200
    await until_ended(workshop)
    assert log.texts[0] == "later"
    assert log.texts[1].startswith("Uncaught (in waitUntil) Error: lost")


async def test_work_keeps_a_machine_that_the_caller_has_left(workshop: Workshop) -> None:
    log = Log()
    run = workshop.start(await workshop.image(LATER), log=log)
    await run.answer()
    abandon(run)
    await until_ended(workshop)
    assert (log.texts, workshop.ends[0].reason) == (["later"], EndReason.EXITED)


async def test_an_events_work_is_kept_too(workshop: Workshop) -> None:
    log = Log()
    source = "addEventListener('fetch', (e) => { e.waitUntil(new Promise((r) => setTimeout(r, 5)).then(() => console.log('later'))); e.respondWith(new Response()); });"
    run = workshop.start(await workshop.image(source), log=log)
    await run.answer()
    abandon(run)
    await until_ended(workshop)
    assert log.texts == ["later"]


async def test_work_ends_with_the_time_limit(workshop: Workshop) -> None:
    source = "export default { fetch(r, e, ctx) { ctx.waitUntil(new Promise((r) => setTimeout(r, 1e6))); return new Response('ok'); } };"
    run = workshop.start(await workshop.image(source), limits=GuestLimits(time_s=0.05))
    assert (await run.answer()).body == b"ok"
    await until_ended(workshop)
    assert workshop.ends[0].reason is EndReason.TIME_LIMIT


# A caller that goes away


async def test_a_run_ends_when_its_caller_goes_away(workshop: Workshop) -> None:
    """Before there is an answer: whoever still waits learns that it is over."""
    image = await workshop.image("export default { fetch: () => new Promise((resolve) => setTimeout(resolve, 1e6)) };")
    run = workshop.start(image)
    waiting = asyncio.create_task(run.answer())
    await asyncio.sleep(0)
    abandon(run)
    with pytest.raises(AgentFailed, match="the caller went away"):
        await waiting
    assert [end.reason for end in workshop.ends] == [EndReason.STOPPED]
    abandon(run)
    assert len(workshop.ends) == 1


async def test_a_caller_that_goes_away_in_the_middle_of_a_body(workshop: Workshop) -> None:
    source = "export default { fetch: () => new Response(new ReadableStream({ async pull(c) { await 0; c.enqueue(new Uint8Array(9999)); } })) };"
    run = workshop.start(await workshop.image(source))
    response = await run.answer()
    assert response.stream is not None
    await response.stream.read()
    abandon(run)
    with pytest.raises(PipeBroken):
        await response.stream.read()
    await until_ended(workshop)


async def test_an_agent_with_work_left_hears_that_nobody_reads(workshop: Workshop) -> None:
    """Its stream is cancelled; the work goes on."""
    log = Log()
    source = """export default { fetch(request, env, ctx) {
      let cancelled; ctx.waitUntil(new Promise((resolve) => { cancelled = resolve; }).then(() => console.log('cancelled')));
      return new Response(new ReadableStream({ async pull(c) { await 0; c.enqueue(new Uint8Array(9999)); }, cancel() { cancelled(); } }));
    } };"""
    run = workshop.start(await workshop.image(source), log=log)
    response = await run.answer()
    assert response.stream is not None
    await response.stream.read()
    abandon(run)
    await until_ended(workshop)
    assert "cancelled" in log.texts
    assert workshop.ends[0].reason is EndReason.EXITED


async def test_a_sender_that_is_left_alone_is_let_go(workshop: Workshop) -> None:
    """The machine ends while the client still sends: the sender must not wait for room for ever."""
    incoming = Pipe(BODY_BUFFER_BYTES)
    image = await workshop.image(
        "export default { async fetch(request) { await request.body.getReader().read(); throw new Error('enough'); } };"
    )
    run = workshop.start(image, "POST", body=b"", stream=incoming)
    sender = asyncio.create_task(incoming.write(bytes(10 * BODY_BUFFER_BYTES)))
    with pytest.raises(AgentFailed, match="enough"):
        await run.answer()
    with pytest.raises(PipeBroken):
        await asyncio.wait_for(sender, 20)


async def test_stopping_every_guest_tells_all_who_wait(workshop: Workshop) -> None:
    image = await workshop.image("export default { fetch: () => new Promise((resolve) => setTimeout(resolve, 1e6)) };")
    waiting = [asyncio.create_task(workshop.start(image).answer()) for _ in range(5)]
    await asyncio.sleep(0)
    workshop.scheduler.stop_all()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, AgentFailed) and str(result) == "the node is stopping" for result in results)


async def test_one_program_cannot_keep_another_from_starting(workshop: Workshop) -> None:
    """While a program computes, others are answered."""
    busy = await workshop.image("export default { fetch() { for (;;); } };")
    assert busy.kind is ImageKind.INITIALISED
    burning = workshop.start(busy, limits=GuestLimits(burst_s=5))
    for _ in range(20):
        assert (await workshop.ask(QUICK)).status == 200
    assert burning.response is None
    assert burning.failure is None
