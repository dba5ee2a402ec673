"""Small GETs are answered in the connection's own callback, and nobody can tell the difference."""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import ECHO, Answer, connect, until
from wapo.gateway.at_once import AtOnce, Begun
from wapo.gateway.front_door import Patience

HELLO = "export default { fetch: () => Response.json({ hello: 'world' }) };"
#: Of each response, and different each time.
_CHANGING = {"date", "x-request-id", "server-timing"}

AGENTS = {
    "json": HELLO,
    "text": "export default { fetch: () => new Response('héllo') };",
    "empty": "export default { fetch: () => new Response('') };",
    "no content": "export default { fetch: () => new Response(null, { status: 204 }) };",
    "not modified": "export default { fetch: () => new Response(null, { status: 304, headers: { etag: '\"x\"' } }) };",
    "status": "export default { fetch: () => new Response('no', { status: 418 }) };",
    "status without a name": "export default { fetch: () => new Response('no', { status: 599 }) };",
    "repeated headers": """export default { fetch() {
        const response = new Response('x', { headers: { 'x-own': 'a, b' } });
        response.headers.append('set-cookie', 'a=1'); response.headers.append('set-cookie', 'b=2');
        return response; } };""",
    "headers that are the server's": """export default { fetch: () => new Response('x', { headers: {
        date: 'yesterday', 'x-request-id': 'mine', 'x-powered-by': 'me', connection: 'close', 'content-length': '99',
        'server-timing': 'own;dur=1', server: 'mine' } }) };""",
    "its own origin": """export default { fetch: () => new Response('x', { headers: {
        'access-control-allow-origin': 'https://a.example' } }) };""",
    "stream": """export default { fetch: () => new Response(new ReadableStream({ async pull(controller) {
        await new Promise((done) => setTimeout(done, 5)); controller.enqueue(new Uint8Array([65])); controller.close();
    } })) };""",
    "waits": "export default { async fetch() { await new Promise((d) => setTimeout(d, 5)); return new Response('x'); } };",
    "throws": "export default { fetch() { throw new Error('secret'); } };",
    "is broken": "export default {",
    "classic": "(async () => { scriptOutput = JSON.stringify({ status: 201, headers: { a: 'b' }, body: 'c' }) })()",
    "echo": ECHO,
}  # fmt: skip


def shown(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """What both ways are to have in common: the order of what the server adds is nobody's business."""
    body = answer.body.replace(answer.all("x-request-id")[0].encode(), b"<id>")
    return answer.status, sorted(h for h in answer.headers if h[0] not in _CHANGING), body


async def ask(site: Site, request: bytes) -> Answer:
    """The response on a connection that stays open."""
    reader, writer = await connect(site)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=request.split(b" ", 1)[0], target="/", headers=[("host", "h")]))
    client.send(h11.EndOfMessage())
    writer.write(request)
    answer, event = Answer(0, [], b""), None
    async with asyncio.timeout(20):
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                client.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                answer.status = event.status_code
                answer.headers = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
            elif isinstance(event, h11.Data):
                answer.body += event.data
    writer.close()
    return answer


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """Types of results of the short way: ``bytes`` is an answer."""
    results: list[type] = []
    inner = AtOnce.__call__

    def call(self: AtOnce, *arguments: Any) -> Any:
        result = inner(self, *arguments)
        results.append(type(result))
        return result

    monkeypatch.setattr(AtOnce, "__call__", call)
    return results


@pytest.mark.parametrize("source", AGENTS.values(), ids=AGENTS)
async def test_both_ways_answer_alike(site: Site, source: str) -> None:
    path = await site.publish(source) + "/a%2Fb/c?d=e&f"
    await ask(site, get(path, "Connection: close"))  # the image
    long = await ask(site, get(path, "X-Forwarded-For: 127.0.0.1", "Accept: */*"))
    short = await ask(site, get(path, "X-Other-Header: 127.0.0.1", "Accept: */*"))
    if source is not ECHO:
        assert shown(short) == shown(long)
    else:
        assert (short.status, short.body.replace(b"x-other-header", b"x-forwarded-for")) == (200, long.body)
    assert len(short.all("x-request-id")[0]) == 36
    assert short.all("x-request-id") != long.all("x-request-id")


@pytest.mark.parametrize(
    ("name", "expected"), [("json", bytes), ("waits", Begun), ("stream", Begun), ("throws", Begun)]
)
async def test_which_way_a_request_goes(site: Site, spy: list[type], name: str, expected: type) -> None:
    path = await site.publish(AGENTS[name])
    await ask(site, get(path))
    await ask(site, get(path))
    assert spy[-1] is expected


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"GET", b"HEAD"),
        lambda raw: raw.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
        lambda raw: raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        lambda raw: raw.replace(b"HTTP/1.1", b"HTTP/1.0"),
        lambda raw: raw.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    ],
    ids=["HEAD", "a body", "close", "HTTP/1.0", "expect"],
)
async def test_what_is_not_simple_goes_the_long_way(
    site: Site, spy: list[type], change: Callable[[bytes], bytes]
) -> None:
    path = await site.publish(HELLO)
    await ask(site, get(path))
    spy.clear()
    assert (await ask(site, change(get(path)))).status == 200
    assert bytes not in spy


async def test_many_requests_on_one_connection(site: Site, spy: list[type]) -> None:
    path = await site.publish("export default { fetch: (request) => new Response(new URL(request.url).search) };")
    await ask(site, get(path))
    reader, writer = await connect(site)
    for number in range(50):
        writer.write(get(f"{path}?{number}"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readexactly(len(f"?{number}")) == f"?{number}".encode()
    writer.close()
    assert spy.count(bytes) > 40  # a slice may end in the middle of one


async def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    """Those that wait between those that do not."""
    quick = await site.publish("export default { fetch: (request) => new Response(new URL(request.url).search) };")
    slow = await site.publish(
        "export default { async fetch(request) { await new Promise((done) => setTimeout(done, 3));"
        " return new Response(new URL(request.url).search); } };"
    )
    for path in (quick, slow):
        await ask(site, get(path))
    reader, writer = await connect(site)
    writer.write(b"".join(get(f"{slow if number % 5 == 2 else quick}?<{number:02}>") for number in range(40)))
    seen = b""
    while seen.count(b"%3E") < 40:
        seen += await reader.read(65536)
    assert [int(part[:2]) for part in seen.split(b"?%3C")[1:]] == list(range(40))
    writer.close()


async def test_a_connection_that_rests_is_closed(open_site: SiteFactory) -> None:
    async with open_site(server={"patience": Patience(idle_s=1)}) as site:
        path = await site.publish(HELLO)
        await ask(site, get(path))
        reader, writer = await connect(site)
        begin = asyncio.get_running_loop().time()
        for _ in range(2):
            writer.write(get(path))
            await reader.readuntil(b"}")
        assert await reader.read() == b""
        assert 0.9 < asyncio.get_running_loop().time() - begin < 10
        writer.close()
        await until(lambda: site.connections == 0)


async def test_what_was_refused_is_told(open_site: SiteFactory) -> None:
    async with open_site(concurrency=1) as site:
        path = await site.publish(
            "export default { async fetch(request) { if (request.url.endsWith('wait'))"
            " await new Promise((done) => setTimeout(done, 1e5)); return new Response('x'); } };"
        )
        await ask(site, get(path))
        _, waiting = await connect(site)
        waiting.write(get(f"{path}?wait"))
        await until(lambda: site.node.admission.machines == 1)
        answer = await ask(site, get(path))
        assert (answer.status, answer.all("x-wapo-error")) == (429, ["too_many_requests"])
        answer = await ask(site, get(path).replace(b"Host: a", b"Host: a b"))
        assert answer.status == 400
        waiting.close()


async def test_a_client_that_leaves_ends_what_was_begun(site: Site) -> None:
    path = await site.publish("export default { fetch: () => new Promise(() => setTimeout(() => {}, 1e5)) };")
    for _ in range(2):
        _, writer = await connect(site)
        writer.write(get(path))
        await until(lambda: site.node.admission.machines == 1)
        writer.close()
        await until(lambda: site.node.admission.machines == 0)


async def test_a_secret(site: Site, spy: list[type]) -> None:
    path = await site.publish("export default { fetch: (_, { secret }) => Response.json(secret ?? null) };")
    identity = await site.node.programs.identity_of(path)
    receipt = await site.node.vaults.create(identity, {"word": "xyzzy"})
    bodies = [(await ask(site, get(f"{path}?key={receipt.key}"))).body for _ in range(3)]
    assert bodies == [bodies[0]] * 3
    assert (await ask(site, get(f"{path}?key=unknown"))).status == 403
    assert spy.count(bytes) >= 1
    assert not any("xyzzy" in line or receipt.key in line for line in await site.log(path, "REPORT"))
