"""A program in the foreground: what it gets, what it leaves, how it fails."""

import json
from collections.abc import Sequence

import pytest

from wapo.agents.conventions import OutputKind
from wapo.agents.foreground import Outcome, run_script
from wapo.agents.messages import AgentFailed
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

TEXT, JSON, BYTES, NOTHING = OutputKind.TEXT, OutputKind.JSON, OutputKind.BYTES, OutputKind.NOTHING


class Runner:
    """Runs scripts and keeps what the last one logged."""

    def __init__(self, profile: JavaScriptProfile) -> None:
        self._profile = profile
        self.log: list[tuple[int, str]] = []

    async def __call__(
        self, source: str | bytes, arguments: Sequence[str] = (), environment: dict[str, str] | None = None,
        limits: GuestLimits | None = None, name: str = "script.js",
    ) -> Outcome:  # fmt: skip
        self.log.clear()
        async with HttpClient(EgressPolicy(allow_private=True)) as client:
            return await run_script(
                self._profile, client, source.encode() if isinstance(source, str) else source, name=name,
                arguments=arguments, environment=environment or {}, limits=limits or GuestLimits(time_s=20),
                log=lambda level, text: self.log.append((level, text)),
            )  # fmt: skip


@pytest.fixture
def run(profile: JavaScriptProfile) -> Runner:
    return Runner(profile)


OUTPUTS = {
    "scriptOutput": ("scriptOutput = 'text';", TEXT, b"text"),
    "scriptOutput over the last expression": ("scriptOutput = 'text'; 5;", TEXT, b"text"),
    "the last expression": ("1 + 1", JSON, b"2"),
    "an object": ("({ a: [1] })", JSON, b'{"a":[1]}'),
    "null": ("null", JSON, b"null"),
    "bytes": ("scriptOutput = new Uint8Array([0, 255]);", BYTES, b"\0\xff"),
    "a buffer": ("new Uint8Array([1, 2]).buffer", BYTES, b"\1\2"),
    "nothing": ("let a = 1;", NOTHING, b""),
    "what JSON has no word for": ("(() => 1)", NOTHING, b""),
    "module.exports": ("var module = { exports: async () => 'text' };", TEXT, b"text"),
    "an export": ("export default () => 'text';", TEXT, b"text"),
    "a module without one": ("export {};", NOTHING, b""),
    "a module that sets it": ("await 0; scriptOutput = 'text'; export {};", TEXT, b"text"),
    "later": ("setTimeout(() => { scriptOutput = 'text'; }, 1);", TEXT, b"text"),
    "a Response": ("export default () => new Response('text');", TEXT, b"text"),
    "a Response of bytes": ("export default () => new Response(new Uint8Array([255]));", BYTES, b"\xff"),
    "a Response without a body": ("export default () => new Response();", TEXT, b""),
}  # fmt: skip


@pytest.mark.parametrize(("source", "kind", "output"), OUTPUTS.values(), ids=OUTPUTS)
async def test_what_a_program_leaves_is_its_output(run: Runner, source: str, kind: OutputKind, output: bytes) -> None:
    assert await run(source) == Outcome(kind, output, None)


async def test_a_response_may_stream(run: Runner) -> None:
    """More than any buffer holds."""
    outcome = await run("""export default () => { let left = 50; return new Response(new ReadableStream({
      async pull(c) { await 0; if (left-- > 0) c.enqueue(new Uint8Array(10_000).fill(left)); else c.close(); } })); };""")
    assert outcome.failure is None
    assert outcome.output == b"".join(bytes([left]) * 10_000 for left in reversed(range(50)))


async def test_a_response_that_breaks_off_is_a_failure(run: Runner) -> None:
    outcome = await run("""export default () => new Response(new ReadableStream({
      start(c) { c.enqueue(new Uint8Array(3)); setTimeout(() => c.error(new Error('broke')), 1); } }));""")
    assert outcome.failure == "the body of the response was not written to its end"
    assert any("Error: broke" in text for _, text in run.log)


async def test_arguments_and_environment(run: Runner) -> None:
    source = "JSON.stringify([scriptArgs, process.argv, process.env])"
    outcome = await run(source, ["a b", "", "é"], {"N": "v", "__proto__": "odd"})
    arguments, argv, environment = json.loads(outcome.output)
    assert arguments == ["a b", "", "é"]
    assert argv == ["wapojs", "<eval>", "a b", "", "é"]
    assert environment == {"N": "v", "__proto__": "odd"}
    assert json.loads((await run(source)).output)[0] == []


async def test_an_exported_function_gets_the_arguments_one_by_one(run: Runner) -> None:
    assert (await run("export default (a, b) => b + a;", ["1", "2"])).output == b"21"


async def test_the_log_has_levels(run: Runner) -> None:
    await run("console.error('e'); console.warn('w'); console.log('l'); console.debug('d');")
    assert run.log == [(1, "e"), (2, "w"), (3, "l"), (4, "d")]


FAILURES = {
    "a throw": ("throw new Error('boom');", "Error: boom\n    at <eval> (script.js:1:11)"),
    "a throw of no error": ("throw 5;", "5"),
    "in the function": ("export default () => { throw new Error('boom'); };", "Error: boom\n    at default (script.js:1:34)"),
    "a rejection that nobody handles": ("void Promise.reject(new Error('boom')); 1;", "Error: boom\n    at <eval> (script.js:1:25)"),
    "no syntax": ("let x = ;", "SyntaxError: unexpected token in expression: ';'\n    at script.js:1:9"),
    "an import": ("import './x.js';", "TypeError: cannot import './x.js' from 'script.js': nothing can be imported here"),
    "an agent": ("export default { fetch() {} };", "this program answers requests: serve it with `wapo serve --local FILE`"),
    "a listener": ("addEventListener('fetch', () => {});", "this program answers requests: serve it with `wapo serve --local FILE`"),
    "a top level that never ends": ("await new Promise(() => {}); export {};", "the program ended without an answer: its promise can never settle"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "failure"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_told_with_the_users_own_lines(run: Runner, source: str, failure: str) -> None:
    outcome = await run(source)
    assert outcome.failure is not None
    assert outcome.failure.startswith(failure)
    assert "wapo:" not in outcome.failure.replace("`wapo serve", "")


async def test_an_output_that_goes_round_in_circles_is_a_failure(run: Runner) -> None:
    outcome = await run("const a = {}; a.a = a; scriptOutput = a;")
    assert outcome.failure is not None
    assert outcome.failure.startswith("TypeError: circular reference")


async def test_a_rejection_that_is_handled_in_the_end_is_none(run: Runner) -> None:
    outcome = await run(
        "addEventListener('rejectionhandled', (e) => { scriptOutput = e.reason.message; });"
        "const p = Promise.reject(new Error('late')); setTimeout(() => p.catch(() => 0), 1);"
    )
    assert (outcome.failure, outcome.output) == (None, b"late")


@pytest.mark.parametrize(
    ("source", "limits", "failure"),
    [
        ("for (;;);", GuestLimits(burst_s=0.05), "more than 0.05 s of CPU between two waits"),
        ("for (;;);", GuestLimits(burst_s=None, time_s=0.05), "the time limit of 0.05 s was reached"),
        ("setInterval(() => 0, 1);", GuestLimits(time_s=0.05), "the time limit of 0.05 s was reached"),
        ("const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));", GuestLimits(memory_bytes=16 << 20), "InternalError: out of memory"),
    ],
    ids=["burst", "time that is computed", "time that is waited", "memory"],
)  # fmt: skip
async def test_limits(run: Runner, source: str, limits: GuestLimits, failure: str) -> None:
    outcome = await run(source, limits=limits)
    assert outcome.failure is not None
    assert outcome.failure.startswith(failure)


async def test_process_exit_ends_the_wait_and_is_no_failure(run: Runner) -> None:
    outcome = await run("scriptOutput = 'before'; setInterval(() => 0, 1); process.exit(1);")
    assert outcome == Outcome(TEXT, b"before", None)


@pytest.mark.parametrize("source", [b"", b"\0asm\1\0\0\0", b"'\xff'"])
async def test_what_is_not_text_is_not_run(run: Runner, source: bytes) -> None:
    with pytest.raises(AgentFailed):
        await run(source)


async def test_a_program_that_is_long_and_a_name_that_is_odd(run: Runner) -> None:
    outcome = await run("1;\n" * 300_000 + "throw new Error('end')", name="od\udcffd.js")
    assert outcome.failure == "Error: end\n    at <eval> (od?d.js:300001:11)"


async def test_it_has_the_whole_of_the_wapo_global(run: Runner) -> None:
    """With what the original's executable for developers gave where there is no worker."""
    outcome = await run("""
      const has = ['httpsListen', 'queryListen', 'workerSign', 'env'].map((name) => name in Wapo);
      const services = [Wapo.workerSign('x').length, Wapo.workerPublicKey().length, Wapo.sgxQuote('x'), Wapo.bootData()];
      let refused;
      try { Wapo.httpsListen({ address: '127.0.0.1:0' }, () => 0) } catch (error) { refused = error.message }
      module = { exports: async () => ({ has, services, refused, value: (await Wapo.run('40 + 2')).value }) };""")
    assert json.loads(outcome.output) == {
        "has": [True] * 4, "services": [0, 32, None, None], "value": 42,
        "refused": "failed to listen on 127.0.0.1:0: this is forbidden here",
    }  # fmt: skip


async def test_a_writer_that_is_open_keeps_it_alive(run: Runner) -> None:
    """Until it is closed: nothing is waited for, but something is there."""
    outcome = await run(
        "const { opaqueBodyStream, cancelToken } = Wapo.httpRequest({ url: 'http://127.0.0.1:1/', streamBody: true }, () => {"
        " scriptOutput = 'told'; Wapo.streamClose(globalThis.writer) });"
        "globalThis.writer = Wapo.streamOpenWrite(opaqueBodyStream);"
    )
    assert outcome.output == b"told"
