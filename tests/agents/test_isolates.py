"""Isolates of agents: what bounds them, when they end, what they may do."""

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.agents.support import Log, NodeServices, Workshop, open_workshop
from wapo.agents.image import ImageKind
from wapo.agents.isolates import Isolate, Isolates
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.services import IsolateRequest

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = GuestLimits(memory_bytes=40 << 20, time_s=20, isolates=3)


class Services(NodeServices):
    """A node whose agents may have isolates."""

    def __init__(self, isolates: Isolates) -> None:
        super().__init__()
        self.isolates = isolates
        self.opened: list[Isolate] = []

    def open_isolate(self, guest: Guest, request: IsolateRequest) -> Isolate:
        self.opened.append(self.isolates.open(guest, request))
        return self.opened[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(profile: JavaScriptProfile) -> AsyncIterator[Workshop]:
    async with open_workshop(profile) as opened:
        opened.services = Services(Isolates(profile, opened.scheduler, opened.images.base))
        yield opened


async def ask(place: Workshop, body: str, limits: GuestLimits = LIMITS) -> object:
    """What an agent answers whose handler is that."""
    source = f"export default {{ async fetch() {{ {body} }} }}"
    image = await place.image(source, limits)
    answer = await place.start(image, limits=limits).answer()
    return json.loads(answer.body)


async def until(condition: object) -> None:
    async with asyncio.timeout(20):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.002)


async def test_an_agent_runs_code_that_it_does_not_trust(place: Workshop) -> None:
    """It sees nothing of the agent; what it changes is its own."""
    result = await ask(
        place,
        """
      globalThis.mine = 1;
      Array.prototype.map = null;
      const { value, isOk } = await Wapo.run(`module = { exports: () => [typeof mine, typeof [].map, typeof Wapo.isolateEval,
        typeof Wapo.httpListen, typeof Wapo.run, scriptArgs, process.env.a] }`, { args: ['x'], env: { a: 'b' } });
      return Response.json({ value, isOk });""",
    )
    assert result == {
        "isOk": True,
        "value": ["undefined", "function", "undefined", "undefined", "function", ["x"], "b"],
    }


async def test_they_cannot_nest(place: Workshop) -> None:
    result = await ask(
        place,
        """
      return Response.json((await Wapo.run("module = { exports: async () => (await Wapo.run('1')).error }")).value)""",
    )
    assert result == "an isolate cannot start another"


async def test_an_isolate_that_makes_the_call_itself_is_refused(place: Workshop) -> None:
    """Whatever the JavaScript of the platform says, the host starts none for it."""
    await ask(place, "await Wapo.run('1'); return Response.json(1)")
    child = place.services.opened[-1].guest  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="UNSUPPORTED"):
        child.services.open_isolate(child, IsolateRequest(None, None, bytes(32), b"{}"))


async def test_there_is_a_greatest_number_at_once(place: Workshop) -> None:
    """And when one has ended there may be another."""
    result = await ask(
        place,
        """
      const wait = "module = { exports: () => new Promise((r) => setTimeout(() => r('done'), 50)) }";
      const first = await Promise.all([1, 2, 3, 4].map(() => Wapo.run(wait)));
      const later = await Wapo.run(wait);
      return Response.json([...first, later].map(({ value, error }) => value ?? error));""",
    )
    assert result == ["done"] * 3 + ["failed to start an isolate: a limit of this program was reached", "done"]


async def test_what_they_grow_by_together_is_bounded(place: Workshop) -> None:
    """Each may have 30 MB by its own limit, and together no more than the agent may have itself."""
    result = await ask(
        place,
        """
      const grow = `const kept = []; module = { exports: async () => {
        for (let i = 0; i < 25; i++) { kept.push(new Uint8Array(1 << 20).fill(1)); await new Promise((r) => setTimeout(r, 1)) }
        await new Promise((r) => setTimeout(r, 300)); return kept.length } }`;
      const results = await Promise.all([1, 2, 3].map(() => Wapo.run(grow, { memoryLimit: 30 << 20 })));
      return Response.json(results.map(({ value, error }) => value ?? error));""",
    )
    assert isinstance(result, list)
    assert "out of memory: the isolates of a program have at most 41943040 bytes together" in result
    assert 25 in result


async def test_what_they_grow_by_in_one_burst_is_bounded(place: Workshop) -> None:
    """They need not wait to be stopped: all at once they have no more than the agent may have."""
    image = await place.image(
        """export default { async fetch() {
      const grow = 'const kept = []; for (;;) kept.push(new Uint8Array(1 << 18).fill(1))';
      const results = await Promise.all([1, 2, 3].map(() => Wapo.run(grow, { gasLimit: 1e9 })));
      return Response.json(results.map(({ error }) => error)) } }""",
        LIMITS,
    )
    base = (await place.images.base()).size
    run = place.start(image, limits=LIMITS)
    answer = asyncio.ensure_future(run.answer())
    most = 0
    while not answer.done():
        others = place.scheduler.guests - {run.guest}
        most = max(most, sum(guest.instance.memory_size - base for guest in others))
        await asyncio.sleep(0)
    together = "out of memory: the isolates of a program have at most 41943040 bytes together"
    assert together in json.loads(answer.result().body)
    assert 20 << 20 < most < 60 << 20


async def test_an_agent_that_ends_at_once_starts_none(place: Workshop) -> None:
    """Nothing is left of an isolate that never had its turn, not even a warning."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        source = """export default { fetch() {
          Wapo.isolateEval({ scripts: [''], args: [], env: {}, polyfills: [] }, () => 0);
          return new Response('') } }"""
        answer = await place.start(await place.image(source, LIMITS), limits=LIMITS).answer()
        assert answer.status == 200
        place.scheduler.stop_all()
        await asyncio.sleep(0)
        gc.collect()
    assert [str(one.message) for one in warned] == []


async def test_memory_of_one_is_bounded(place: Workshop) -> None:
    result = await ask(
        place,
        """
      const results = [];
      for (const memoryLimit of [131072, 1 << 20, undefined])
        results.push(await Wapo.run('const a = []; for (;;) a.push(new Uint8Array(10000))', { memoryLimit, gasLimit: 1e9 }));
      try { Wapo.isolateEval({ scripts: [], args: [], env: {}, polyfills: [], memoryLimit: 131071 }, () => 0) }
      catch (error) { results.push({ error: error.message }) }
      return Response.json(results.map(({ error }) => error.split('\\n')[0]));""",
    )
    assert result == ["InternalError: out of memory"] * 3 + ["memory limit is too low, at least 128KB is required"]


async def test_gas_and_time(place: Workshop) -> None:
    """An interruption cannot be caught; a time that runs out while it waits is an error unless there is an output."""
    result = await ask(
        place,
        """
      const spin = 'try { for (;;); } catch { } finally { scriptOutput = 1 }';
      const results = [
        await Wapo.run(spin, { gasLimit: 50 }),
        await Wapo.run(spin, { timeLimit: 50, gasLimit: undefined }),
        await Wapo.run(`setTimeout(() => { ${spin} }, 1); undefined`, { gasLimit: 50 }),
        await Wapo.run(`module = { exports: async () => { await 1; ${spin} } }`, { gasLimit: 50 }),
        await Wapo.run(`function f() { return Promise.resolve().then(f) } f()`, { gasLimit: 20 }),
        await Wapo.run('module = { exports: () => new Promise(() => setTimeout(() => 0, 1e6)) }', { timeLimit: 50 }),
        await Wapo.run('scriptOutput = "so far"; setTimeout(() => 0, 1e6); 0', { timeLimit: 50 }),
        await Wapo.run('setInterval(() => 0, 10); 0', { timeLimit: 50 }),
      ];
      return Response.json(results.map(({ value, error }) => [error && error.split('\\n')[0], value]));""",
    )
    assert result == [
        ["InternalError: interrupted", None],
        ["InternalError: interrupted", None],
        ["InternalError: interrupted", None],
        ["InternalError: interrupted", None],
        ["InternalError: interrupted", None],
        ["the time limit of 50 ms was reached", None],
        [None, "so far"],
        ["the time limit of 50 ms was reached", 0],
    ]


async def test_the_host_ends_one_that_keeps_computing(place: Workshop) -> None:
    """Its parent's limit of CPU between two waits is its own, too."""
    result = await ask(
        place,
        """
      const { error } = await Wapo.run('for (;;);', { gasLimit: undefined, timeLimit: undefined });
      return Response.json(error);""",
        GuestLimits(burst_s=0.2, time_s=20),
    )
    assert result == "more than 0.2 s of CPU between two waits"


async def test_they_end_with_whoever_started_them(place: Workshop) -> None:
    await ask(
        place,
        """
      Wapo.run("for (;;);", { gasLimit: undefined });
      Wapo.run("setInterval(() => 0, 1000)");
      await new Promise((resolve) => setTimeout(resolve, 50));
      return Response.json(1);""",
        GuestLimits(burst_s=None, time_s=20),
    )
    spinning, waiting = place.services.opened[-2:]  # type: ignore[attr-defined]
    assert spinning.guest is not None
    assert waiting.guest is not None
    # The agent's own run ends with its answer only when somebody has finished it; here nobody has.
    for guest in place.scheduler.guests:
        if guest is not spinning.guest and guest is not waiting.guest:
            guest.stop(End(EndReason.STOPPED, "the test is over"))
    await until(lambda: spinning.guest.ended and waiting.guest.ended)
    assert not place.services.isolates._running  # type: ignore[attr-defined]


async def test_one_that_is_closed_says_nothing(place: Workshop) -> None:
    result = await ask(
        place,
        """
      let called = false;
      const id = Wapo.isolateEval({ scripts: ['setInterval(() => 0, 10)'], args: [], env: {}, polyfills: [] }, () => (called = true));
      await new Promise((resolve) => setTimeout(resolve, 30));
      Wapo.close(id);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return Response.json(called);""",
    )
    assert result is False
    await until(lambda: place.services.opened[-1].guest.ended)  # type: ignore[attr-defined]


async def test_secrets_are_those_of_the_code(place: Workshop) -> None:
    result = await ask(
        place,
        """
      const secret = "scriptOutput = Wapo.deriveSecret('x')";
      const of = async (code) => Wapo.hexEncode((await Wapo.run(code)).value);
      return Response.json([Wapo.hexEncode(Wapo.deriveSecret('x')), await of(secret), await of(secret), await of(secret + ';')]);""",
    )
    assert isinstance(result, list)
    host, one, again, other = result
    assert one == again
    assert len({host, one, other}) == 3


async def test_logs_of_isolates_that_are_not_kept_are_the_agents(place: Workshop) -> None:
    log = Log()
    image = await place.image(
        """export default { async fetch() {
      await new Promise((resolve) => Wapo.isolateEval({ scripts: ["console.log('from within')"], args: [], env: {}, polyfills: ['wapo'] }, resolve));
      return new Response('') } }""",
        LIMITS,
    )
    await place.start(image, log=log, limits=LIMITS).answer()
    assert log.texts == ["from within"]


async def test_a_top_level_that_starts_one_is_run_at_each_request(place: Workshop) -> None:
    image = await place.image("Wapo.run('1'); export default { fetch: () => new Response('') }", LIMITS)
    assert image.kind is ImageKind.COMPILED
    assert "isolates" in image.touched


async def test_results_and_arguments_of_any_size_and_kind(place: Workshop) -> None:
    result = await ask(
        place,
        r"""
      const bytes = (await Wapo.run('scriptOutput = new Uint8Array(3000000).fill(7)')).value;
      const text = (await Wapo.run('scriptOutput = scriptArgs[0]', { args: ['\ud800\u0000é€'.repeat(10000)] })).value;
      const strange = [];
      for (const code of ['scriptOutput = NaN', 'scriptOutput = -0', '1e10', '2n ** 70n', 'scriptOutput = {}', 'scriptOutput = [1]', ''])
        strange.push(String((await Wapo.run(code)).value));
      const wrong = await Promise.all([Wapo.run(1), Wapo.run('1', { args: [1] }), Wapo.run('1', { polyfills: ['x'] }), Wapo.run('1', { env: null })]);
      return Response.json([bytes.length, bytes[2999999], text === '\ud800\u0000é€'.repeat(10000), strange, wrong.map(({ error }) => error)]);""",
    )
    assert result == [
        3_000_000, 7, True, ["NaN", "0", "10000000000", "1180591620717411303424", "undefined", "undefined", "undefined"],
        ["expect string, got number", "failed to decode field args: expect string, got number",
         "failed to decode field polyfills: unknown polyfill: x", "failed to decode field env: expect map, got null"],
    ]  # fmt: skip


async def test_what_the_host_keeps_is_bounded(place: Workshop) -> None:
    """Code that waits and results that nobody has fetched count as bodies of requests do."""
    limits = GuestLimits(memory_bytes=60 << 20, time_s=20)
    vars(limits)["held_body_bytes"] = 1 << 20
    result = await ask(
        place,
        """
      const bytes = (size) => Wapo.run(`scriptOutput = new Uint8Array(${size})`);
      const results = [];
      for (let i = 0; i < 3; i++) results.push((await bytes(1000000)).value.length);
      results.push((await bytes(2000000)).error);
      try { Wapo.isolateEval({ scripts: ['/*' + 'x'.repeat(2000000) + '*/'], args: [], env: {}, polyfills: [] }, () => 0) }
      catch (error) { results.push(error.message) }
      return Response.json(results);""",
        limits,
    )
    assert result == [
        *[1_000_000] * 3,
        "the result cannot be handed over: the host refused it: a limit of this program was reached",
        "failed to start an isolate: a limit of this program was reached",
    ]


async def test_coders_of_all_isolates_together_are_bounded(place: Workshop) -> None:
    """Each is memory of the host's; 15 MB are 60 of them. They are given back with their isolate."""
    limits = GuestLimits(memory_bytes=40 << 20, time_s=20, isolates=3, request_body_bytes=1 << 20)
    result = await ask(
        place,
        """
      const code = `module = { exports: async () => {
        const kept = [];
        let refused = 0;
        for (let i = 0; i < 30; i++) {
          try {
            const { writable, readable } = new CompressionStream('gzip');
            const writer = writable.getWriter(), reader = readable.getReader();
            kept.push(writer, reader);
            const taken = reader.read();
            await Promise.race([writer.write(new Uint8Array(10)), taken]);
          } catch { refused++ }
        }
        await new Promise((done) => setTimeout(done, 200));
        return refused } }`;
      const all = await Promise.all([1, 2, 3].map(() => Wapo.run(code)));
      const one = await Wapo.run(code);
      return Response.json([all.map(({ value, error }) => value ?? error), one.value ?? one.error]);""",
        limits,
    )
    assert isinstance(result, list)
    assert sum(result[0]) == 30
    assert result[1] == 0


async def test_a_result_that_does_not_fit_into_the_parent(place: Workshop) -> None:
    limits = GuestLimits(memory_bytes=40 << 20, time_s=20)
    result = await ask(
        place,
        """
      const hold = [];
      for (let i = 0; i < 30; i++) hold.push(new Uint8Array(1 << 20));
      const { error, isError } = await Wapo.run('scriptOutput = new Uint8Array(6 << 20)');
      return Response.json([isError, error, hold.length]);""",
        limits,
    )
    assert result == [True, "the result was lost: a limit of this program was reached", 30]


async def test_their_use_is_their_parents(place: Workshop) -> None:
    """CPU and gas, while they run and when they have ended."""
    image = await place.image(
        """export default { async fetch() {
      await Wapo.run('const end = performance.now() + 300; while (performance.now() < end);', { gasLimit: undefined });
      return new Response('') } }""",
        LIMITS,
    )
    run = place.start(image, limits=LIMITS)
    assert run.guest is not None
    meter = run.guest.meter
    await run.answer()
    assert meter.cpu_s > 0.05
    assert meter.gas > 50_000
