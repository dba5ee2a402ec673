"""One request in one machine: what the guest is told, what it may say, how it ends."""

import asyncio
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agents.support import Log, Workshop
from wapo.abi.results import OcallError, OcallFailure
from wapo.agents.conventions import OutputKind
from wapo.agents.messages import (
    AgentFailed,
    AgentRequest,
    BurstLimitReached,
    MemoryLimitReached,
    TimeLimitReached,
    UnreadableOutput,
)
from wapo.agents.run import BODY_BUFFER_BYTES, Run, encode_load, encode_request, encode_run
from wapo.vm.ends import EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.pipe import Pipe, PipeBroken
from wapo.vm.resources.table import ResourceTable

# Commands (docs/abi.md, 1001)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(
    texts,
    texts,
    st.lists(st.tuples(st.binary(min_size=1, max_size=5), st.binary(max_size=5))),
    st.none() | st.binary(),
    st.none() | texts,
)
def test_a_request_is_encoded_as_documented(
    method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes | None, secret: str | None
) -> None:
    """Lengths first, then the parts without anything between them."""
    data = encode_request(AgentRequest(method, url, headers, body, None, secret, "id"), -1)
    kind, *lengths, stream, has_body, epoch, monotonic = struct.unpack_from("<I6IiIdd", data)
    assert (kind, stream, has_body) == (2, -1, body is not None)
    assert epoch > 1.6e12
    assert monotonic > 0
    at, parts = struct.calcsize("<I6IiIdd"), []
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    assert at == len(data)
    block = b"\0".join(part for pair in headers for part in pair)
    assert parts == [method.encode(), url.encode(), block, body or b"", (secret or "").encode(), b"id"]


def test_a_program_is_encoded_as_documented() -> None:
    assert encode_load(b"source", "é.js", 1) == struct.pack("<IIII", 1, 1, 5, 6) + "é.js".encode() + b"source"


def test_arguments_and_environment_are_encoded_as_documented() -> None:
    data = encode_run(["a", "", "c"], {"N": "v", "M": ""})
    assert data == struct.pack("<IIII", 3, 3, 4, 6) + b"a\0\0c" + b"N\0v\0M\0"


def test_names_that_are_not_text_stand_as_question_marks() -> None:
    """A file's name, or a word of the command line, may have any bytes."""
    assert b"?.js" in encode_load(b"", "\udcff.js", 0)
    assert b"?" in encode_run(["\udcff"], {"A": "\udcff"})


# What the guest says


class StubGuest:
    """As much of a guest as a run needs: its table of resources."""

    def __init__(self) -> None:
        self.table = ResourceTable(16)

    def count_egress(self, size: int) -> None:
        pass


def run_of(max_response_bytes: int = 100) -> tuple[Run, Any, Log]:
    log = Log()
    return Run(AgentRequest("GET", "http://a/", []), log, max_response_bytes), StubGuest(), log


def code_of(call: Any, *arguments: Any) -> OcallError:
    with pytest.raises(OcallFailure) as caught:
        call(*arguments)
    return caught.value.code


def test_a_request_is_handed_out_once() -> None:
    run, guest, _ = run_of()
    assert run.next_command(guest) is not None
    assert run.next_command(guest) is None


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600, 0xFFFFFFFF])
def test_an_illegal_status_is_refused(status: int) -> None:
    run, guest, _ = run_of()
    assert code_of(run.respond, guest, status, [], b"", True) is OcallError.INVALID_PARAMETER
    assert run.response is None


@pytest.mark.parametrize(
    "header", [(b"a b", b"1"), (b"", b"1"), (b"a", b"1\r\nb: 2"), (b"a", b"\0"), (b"a:", b"1"), (b"\xe9", b"1")]
)
def test_an_illegal_header_is_refused(header: tuple[bytes, bytes]) -> None:
    run, guest, _ = run_of()
    assert code_of(run.respond, guest, 200, [(b"fine", b"1"), header], b"", True) is OcallError.INVALID_PARAMETER


def test_headers_of_the_connection_are_dropped() -> None:
    run, guest, _ = run_of()
    run.respond(guest, 200, [(b"connection", b"close"), (b"content-length", b"9"), (b"x", b"y")], b"", True)
    assert run.response is not None
    assert run.response.headers == [(b"x", b"y")]


def test_they_are_dropped_however_they_are_spelled() -> None:
    """A guest that is no longer ours may spell them otherwise than ours does."""
    run, guest, _ = run_of()
    run.respond(guest, 200, [(b"Transfer-Encoding", b"chunked"), (b"X-Request-ID", b"1"), (b"X", b"y")], b"", True)
    assert run.response is not None
    assert run.response.headers == [(b"x-request-id", b"1"), (b"x", b"y")]


def test_a_body_that_is_too_large_is_refused() -> None:
    run, guest, _ = run_of(max_response_bytes=3)
    assert code_of(run.respond, guest, 200, [], b"1234", True) is OcallError.RESOURCE_LIMITED
    run, guest, _ = run_of(max_response_bytes=3)
    assert code_of(run.output, OutputKind.TEXT, b"1234") is OcallError.RESOURCE_LIMITED
    run, guest, _ = run_of(max_response_bytes=3)
    run.output(OutputKind.TEXT, b"abc")
    assert run.response is not None


def test_there_is_one_answer() -> None:
    for first in (
        lambda run, guest: run.respond(guest, 200, [], b"", True),
        lambda run, _: run.output(2, b"x"),
        lambda run, _: run.fail("x"),
    ):
        run, guest, _ = run_of()
        first(run, guest)
        assert code_of(run.respond, guest, 200, [], b"", True) is OcallError.ALREADY_EXISTS
        assert code_of(run.output, 2, b"x") is OcallError.ALREADY_EXISTS


def test_an_output_of_an_unknown_kind_is_refused() -> None:
    run, _, _ = run_of()
    assert code_of(run.output, 9, b"") is OcallError.INVALID_PARAMETER


def test_what_belongs_to_loading_is_refused_in_a_request() -> None:
    """A guest is an adversary: saying so must not look like a failure of the host."""
    run, _, _ = run_of()
    assert code_of(run.loaded, 0, "script") is OcallError.INVALID_PARAMETER
    run.touched(1)


async def test_a_failure_after_the_answer_is_logged_and_kept_and_changes_nothing() -> None:
    run, guest, log = run_of()
    run.respond(guest, 201, [], b"", True)
    run.fail("Error: later")
    run.fail("Error: much later")
    assert (await run.answer()).status == 201
    assert str(run.failure) == "Error: later"
    assert log.lines == [(1, "Error: later"), (1, "Error: much later")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("InternalError: out of memory\n    at x", MemoryLimitReached),
        ("out of memory: the request or the program does not fit", MemoryLimitReached),
        ("Error: x\nout of memory", AgentFailed),
        ("", AgentFailed),
    ],
)
async def test_a_failure_is_told_from_running_out_of_memory(text: str, kind: type[Exception]) -> None:
    run, _, _ = run_of()
    run.fail(text)
    with pytest.raises(kind) as caught:
        await run.answer()
    assert str(caught.value) == text


async def test_an_output_that_is_no_response_fails_the_run() -> None:
    run, _, _ = run_of()
    run.output(OutputKind.BYTES, b"\xc1")
    with pytest.raises(UnreadableOutput):
        await run.answer()


async def test_whoever_waits_is_woken_by_the_answer() -> None:
    run, guest, _ = run_of()
    waiting = asyncio.create_task(run.answer())
    await asyncio.sleep(0)
    assert not waiting.done()
    run.respond(guest, 204, [], b"", True)
    assert (await waiting).status == 204


# How it ends, with real agents


async def ended(workshop: Workshop, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(workshop.ends) < count:
            await asyncio.sleep(0)


ENDLESS = {
    "time while it waits": ("await new Promise((r) => setTimeout(r, 1e6));", GuestLimits(time_s=0.05), TimeLimitReached, EndReason.TIME_LIMIT),
    "time while it computes": ("for (;;);", GuestLimits(time_s=0.05, burst_s=None), TimeLimitReached, EndReason.TIME_LIMIT),
    "burst": ("for (;;);", GuestLimits(burst_s=0.05), BurstLimitReached, EndReason.BURST_LIMIT),
    "memory": ("const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));", GuestLimits(memory_bytes=16 << 20), MemoryLimitReached, EndReason.EXITED),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "limits", "failure", "reason"), ENDLESS.values(), ids=ENDLESS)
async def test_each_limit_has_a_failure_of_its_own(
    workshop: Workshop, statement: str, limits: GuestLimits, failure: type[Exception], reason: EndReason
) -> None:
    image = await workshop.image(f"export default {{ async fetch() {{ {statement} }} }};")
    with pytest.raises(failure):
        await workshop.ask(image, limits=limits)
    await ended(workshop)
    assert workshop.ends[0].reason is reason
    other = await workshop.ask("export default { fetch: () => new Response('unharmed') };", limits=limits)
    assert other.body == b"unharmed"


FAILURES = {
    "a throw": ("throw new Error('boom');", "Error: boom\n    at fetch (agent.js:1:44)"),
    "a throw of no error": ("throw 'text';", "'text'"),
    "no Response": ("return 5;", "the handler must return a Response, not number"),
    "null": ("return null;", "the handler must return a Response, not null"),
    "nothing": ("", "the handler must return a Response, not undefined"),
    "a lookalike": ("return { status: 200, headers: {}, body: 'x' };", "the handler must return a Response, not object"),
    "Response.error()": ("return Response.error();", "the handler returned Response.error()"),
    "a body that was read": ("const r = new Response('x'); await r.text(); return r;", "the body of the returned Response has been read already"),
    "a promise that can never settle": ("return new Promise(() => {});", "the program ended without an answer: its promise can never settle"),
    "process.exit": ("process.exit(); return new Promise(() => {});", "the program ended without an answer: its promise can never settle"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "text"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_told_in_the_words_of_the_program(workshop: Workshop, statement: str, text: str) -> None:
    """The log has it too, once, and no line of the platform's own."""
    log = Log()
    with pytest.raises(AgentFailed) as caught:
        await workshop.ask(f"export default {{ async fetch() {{ {statement} }} }};", log=log)
    assert str(caught.value) == text
    assert log.lines == [(1, text)]


async def test_what_may_be_why_nothing_settles_is_told(workshop: Workshop) -> None:
    with pytest.raises(AgentFailed) as caught:
        await workshop.ask(
            "export default { fetch() { Promise.reject(new Error('lost')); return new Promise(() => {}); } };"
        )
    text = "the program ended without an answer: its promise can never settle, and nobody handled Error: lost"
    assert str(caught.value).split("\n")[0] == text


async def test_a_listener_that_does_not_respond(workshop: Workshop) -> None:
    with pytest.raises(AgentFailed, match=r"the fetch listener did not call event\.respondWith"):
        await workshop.ask("addEventListener('fetch', () => {});")


# Streams

STREAM = """
export default { fetch() {
  let sent = 0;
  return new Response(new ReadableStream({ pull(controller) {
    if (++sent > %d) controller.close();
    else { controller.enqueue(new Uint8Array(%d).fill(sent)); console.log(sent); }
  } }, { highWaterMark: 0 }));
} };
"""


async def read_all(pipe: Pipe) -> bytes:
    parts = []
    while chunk := await pipe.read():
        parts.append(chunk)
    return b"".join(parts)


async def test_a_streamed_body_is_held_back_until_it_is_read(workshop: Workshop) -> None:
    """The agent never gets further ahead than the buffer."""
    log = Log()
    image = await workshop.image(STREAM % (100, 10_000))
    response = await workshop.start(image, log=log).answer()
    assert response.stream is not None
    for _ in range(200):
        await asyncio.sleep(0)
    assert response.stream.buffered == BODY_BUFFER_BYTES
    assert len(log.texts) == 7  # 64 KiB and what did not fit of the seventh
    body = await read_all(response.stream)
    assert body == b"".join(bytes([number]) * 10_000 for number in range(1, 101))
    await ended(workshop)
    assert workshop.ends[0].reason is EndReason.EXITED


async def test_a_body_that_fails_half_way_is_not_taken_for_whole(workshop: Workshop) -> None:
    log = Log()
    source = """export default { fetch: () => new Response(new ReadableStream({
      start(c) { c.enqueue(new TextEncoder().encode('half')); setTimeout(() => c.error(new Error('broke')), 5); } })) };"""
    response = await workshop.ask(source, log=log)
    assert response.stream is not None
    assert await response.stream.read() == b"half"
    with pytest.raises(PipeBroken):
        await response.stream.read()
    await ended(workshop)
    assert any("Error: broke" in text for text in log.texts)


async def test_a_machine_that_is_ended_in_the_middle_of_its_body_fails_it(workshop: Workshop) -> None:
    source = """export default { fetch: () => new Response(new ReadableStream({
      async start(c) { c.enqueue(new Uint8Array(3)); await new Promise((r) => setTimeout(r, 1)); for (;;); } })) };"""
    response = await workshop.ask(source, limits=GuestLimits(burst_s=0.05))
    assert response.stream is not None
    assert await response.stream.read() == bytes(3)
    with pytest.raises(PipeBroken):
        await response.stream.read()


@pytest.mark.parametrize("chunk", ["'text'", "5", "{}", "null"])
async def test_a_chunk_that_is_no_bytes_fails_the_body(workshop: Workshop, chunk: str) -> None:
    log = Log()
    source = f"export default {{ fetch: () => new Response(new ReadableStream({{ start(c) {{ c.enqueue({chunk}); c.close(); }} }})) }};"
    response = await workshop.ask(source, log=log)
    assert response.stream is not None
    with pytest.raises(PipeBroken):
        await read_all(response.stream)
    await ended(workshop)
    assert any("a chunk of the body is not a Uint8Array" in text for text in log.texts)


ECHO = "export default { fetch: (request) => new Response(request.body) };"


async def test_a_request_streams_through_with_back_pressure_both_ways(workshop: Workshop) -> None:
    """Megabytes pass through a machine that never holds more than a little of them."""
    incoming = Pipe(BODY_BUFFER_BYTES)
    run = workshop.start(
        await workshop.image(ECHO),
        "POST",
        body=b"first ",
        stream=incoming,
        limits=GuestLimits(memory_bytes=8 << 20),
        max_response_bytes=32 << 20,
    )
    response = await run.answer()
    assert response.stream is not None
    data = bytes(range(256)) * 4096 * 16

    async def feed() -> None:
        await incoming.write(data)
        incoming.end()

    feeding = asyncio.create_task(feed())
    for _ in range(300):
        await asyncio.sleep(0)
    assert not feeding.done()
    held = incoming.buffered + response.stream.buffered
    assert held <= 2 * BODY_BUFFER_BYTES
    assert await read_all(response.stream) == b"first " + data
    await feeding


async def test_a_request_body_that_breaks_off_is_an_error_in_the_agent(workshop: Workshop) -> None:
    incoming = Pipe(BODY_BUFFER_BYTES)
    incoming.push(b"some")
    source = "export default { async fetch(request) { try { return new Response(await request.text()); } catch (e) { return new Response(String(e), { status: 499 }); } } };"
    run = workshop.start(await workshop.image(source), "POST", body=b"", stream=incoming)
    incoming.fail()
    response = await run.answer()
    assert response.status == 499
    assert b"TypeError: the request ended early" in response.body


async def test_a_convention_with_text_gets_the_whole_streamed_body(workshop: Workshop) -> None:
    incoming = Pipe(BODY_BUFFER_BYTES)
    run = workshop.start(
        await workshop.image("export default (request) => ({ body: JSON.parse(request).body });"),
        "POST",
        body=b"one ",
        stream=incoming,
    )
    await incoming.write(b"two ")
    await incoming.write("drei é".encode())
    incoming.end()
    assert (await run.answer()).body == "one two drei é".encode()


async def test_a_body_that_the_agent_does_not_want_is_not_waited_for(workshop: Workshop) -> None:
    incoming = Pipe(BODY_BUFFER_BYTES)
    run = workshop.start(
        await workshop.image("export default { fetch: () => new Response('no') };"), "POST", body=b"", stream=incoming
    )
    assert (await run.answer()).body == b"no"
    await ended(workshop)
    with pytest.raises(PipeBroken):
        await incoming.write(b"more")


# The request as the conventions see it (node-and-gateway 1.3.3)


async def test_the_json_request_has_every_field(workshop: Workshop) -> None:
    source = "export default (request) => ({ body: request });"
    response = await workshop.ask(
        source, "POST", "/deep/path?q=a&q=b&key=0123&empty&plus=a+b%20c", headers=[(b"host", b"gw.example"), (b"x", b"1"), (b"x", b"2")],
        body="hé".encode(), secret='{"apiKey":"k"}',
    )  # fmt: skip
    assert json.loads(response.body) == {
        "method": "POST",
        "path": "/deep/path",
        "url": "https://wapo-gateway/deep/path?q=a&q=b&key=0123&empty&plus=a+b%20c",
        "queries": {"q": ["a", "b"], "key": ["0123"], "empty": [""], "plus": ["a b c"]},
        "headers": {"host": "gw.example", "x": "1, 2"},
        "body": "hé",
        "secret": {"apiKey": "k"},
    }


async def test_members_that_are_not_there_are_absent_and_there_is_no_dangling_question_mark(workshop: Workshop) -> None:
    response = await workshop.ask("export default (request) => ({ body: request });")
    assert json.loads(response.body) == {
        "method": "GET",
        "path": "/",
        "url": "https://wapo-gateway/",
        "queries": {},
        "headers": {},
    }


async def test_a_body_that_is_no_text_comes_as_base64(workshop: Workshop) -> None:
    response = await workshop.ask("export default (request) => ({ body: request });", "POST", body=b"\xff\x00")
    value = json.loads(response.body)
    assert value["bodyBase64"] == "/wA="
    assert "body" not in value


async def test_names_that_objects_have_are_safe_as_names_of_queries(workshop: Workshop) -> None:
    response = await workshop.ask(
        "export default (request) => ({ body: request });", path="/?__proto__=1&constructor=2&toString=3"
    )
    assert json.loads(response.body)["queries"] == {"__proto__": ["1"], "constructor": ["2"], "toString": ["3"]}


async def test_names_that_objects_have_are_safe_as_names_of_headers(workshop: Workshop) -> None:
    headers = [(b"constructor", b"1"), (b"tostring", b"2"), (b"__proto__", b"3"), (b"hasownproperty", b"4")]
    response = await workshop.ask("export default (request) => ({ body: request });", headers=headers)
    assert json.loads(response.body)["headers"] == {name.decode(): value.decode() for name, value in headers}
