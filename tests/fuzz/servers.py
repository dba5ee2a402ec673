"""Targets behind a real socket: bytes that should be HTTP, requests of every form, frames of WebSockets."""

import asyncio
import logging
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import h11

from tests.conftest import Site, opened_site, serving
from tests.fuzz.target import Check, Target
from wapo.content.cid import Cid
from wapo.gateway.front_door import Patience
from wapo.gateway.upgrade import AgentDoor

__all__ = ["HASTY", "SERVERS", "Recorder", "calm", "converse", "second_opinion", "watched"]

#: Nobody is waited for, because a client that has said all it will say closes.
HASTY = Patience(head_s=0.5, body_s=0.5, rest_s=0.5, stalled_s=0.5, idle_s=1)

#: Of a target in absolute form (RFC 9112 3.2.2), what comes before its path.
_ABSOLUTE = re.compile(rb"(?i)^[a-z][a-z0-9+.-]*://[^/?]*/?")

#: Which a request line may have (RFC 9112 3), and which the other parser does not take.
_SPACES = re.compile(rb" +(?=/|[a-z]+:|HTTP/)")

#: Of the size of a chunk, which has as many as it likes (RFC 9112 7.1) and there 20 digits.
_ZEROS = re.compile(rb"0{16,}")

Request = tuple[bytes, bytes, bytes]
"""Method, target, body."""


class Recorder:
    """An application that answers everything, and knows what it was asked; by the short way where it can."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        else:
            return  # cut short
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        self.seen.append((scope["method"].encode(), target, body))
        head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        await send(head)
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else b"ok"})

    def at_once(self, target: bytes, _headers: Any, _scheme: str, _server_headers: Any) -> bytes | None:
        """For the server."""
        path, _, query = target.partition(b"?")
        if not path.startswith(b"/ipfs/"):
            return None
        self.seen.append((b"GET", target if query else path, b""))
        return b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def second_opinion(data: bytes) -> list[Request]:
    """The requests that another parser finds in the bytes of a client, up to the first that makes no sense to it."""
    found: list[Request] = []
    while data := data.lstrip(b"\r\n"):  # RFC 9112 2.2: a server should ignore at least one empty line
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 18)
        connection.receive_data(data)
        method = target = body = b""
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    path, mark, query = _ABSOLUTE.sub(b"/", bytes(event.target)).partition(b"?")
                    method, target = bytes(event.method), path + (mark + query if query else b"")
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    return found
        except h11.RemoteProtocolError:
            return found
        found.append((method, target, body))
        if connection.their_state not in (h11.DONE, h11.MIGHT_SWITCH_PROTOCOL):
            return found
        data = connection.trailing_data[0]
    return found


class Quiet:
    """Fails where a server has written into its log that something went wrong that should not."""

    def __init__(self) -> None:
        self.wrong: list[Any] = []

    def __getattr__(self, _level: str) -> Any:
        return lambda *texts, **values: self.wrong.append((texts, values))

    def check(self) -> None:
        wrong, self.wrong = self.wrong, []
        assert not wrong, wrong


@asynccontextmanager
async def watched() -> AsyncIterator[Quiet]:
    quiet = Quiet()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "ResponseCut" not in str(record.exc_info):
                quiet.wrong.append(record.getMessage() + str(record.exc_info))

    handler = Handler(logging.ERROR)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: quiet.wrong.append(context))
    logging.getLogger("uvicorn.error").addHandler(handler)
    try:
        with ExitStack() as stack:
            for name in ("replies", "listener"):
                stack.enter_context(patch(f"wapo.gateway.{name}._log", quiet))
            yield quiet
    finally:
        logging.getLogger("uvicorn.error").removeHandler(handler)
        loop.set_exception_handler(None)


async def converse(port: int, data: bytes, random: Random) -> bytes:
    """What comes back for bytes that come in a few pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice((0, 0, 1, 3))))
        for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            writer.write(data[begin:end])
            await asyncio.sleep(0)
        writer.write_eof()
        return await reader.read()
    except OSError:  # the server has closed
        return b""
    finally:
        writer.transport.abort()


@asynccontextmanager
async def _http(_folder: Path) -> AsyncIterator[Check]:
    """What reaches the application is what another parser finds too, or less."""
    app = Recorder()
    options: dict[str, Any] = {"door": AgentDoor, "at_once": app.at_once, "patience": HASTY}
    async with watched() as quiet, serving(app, **options) as url:
        port = int(url.rpartition(":")[2])

        async def check(case: bytes) -> None:
            app.seen.clear()
            answer = await converse(port, case, Random(zlib.crc32(case)))
            quiet.check()
            assert not answer or answer.startswith(b"HTTP/1.1 "), answer[:100]
            other = second_opinion(case) + second_opinion(_ZEROS.sub(b"0", _SPACES.sub(b" ", case)))
            seen = [request for request in app.seen if request not in other]
            assert not seen, (seen, other)

        yield check


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[Check]:
    """A request to a real gateway: a line with method and target, headers, an empty line, a body. ``%cid%`` stands for
    a program. It is answered, and by no error that nobody thought of."""
    source = "export default { fetch: async (r) => new Response(`${r.method} ${r.url} ${await r.text()}`) };"
    async with opened_site(folder / "node", server={"patience": HASTY}) as site, watched() as quiet:
        path = (await site.publish(source)).removeprefix("/ipfs/").encode()
        identity = await site.node.programs.identity_of(path.decode())
        receipt = await site.node.vaults.create(identity, {"a": "b"})
        words = {
            b"%cid%": path, b"%key%": receipt.key.encode(), b"%token%": receipt.token.encode(),
            b"%operator%": site.node.operator_token.encode(), b"%none%": str(Cid.of(b"nobody has it")).encode(),
        }  # fmt: skip
        assert (await site.client.get(f"/ipfs/{path.decode()}")).status_code == 200

        async def check(case: bytes) -> None:
            head, _, body = case.partition(b"\n\n")
            for word, value in words.items():
                head, body = head.replace(word, value), body.replace(word, value)
            first, *lines = head.split(b"\n")
            lines = [first + b" HTTP/1.1", b"Host: a.example", b"Connection: close", *lines]
            if body:
                lines.append(b"Content-Length: %d" % len(body))
            request = b"\r\n".join(lines) + b"\r\n\r\n" + body
            port = int(site.url.rpartition(":")[2])
            answer = await converse(port, request, Random(zlib.crc32(case)))
            quiet.check()
            answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            status = answer[9:12]
            assert not answer or b"200" <= status < b"500" or status in (b"500", b"501", b"503", b"504"), answer[:200]
            assert status != b"500" or b"Request ID" in answer, answer[:500]  # the agent's own
            for word in (b"%key%", b"%token%", b"%operator%"):
                assert words[word] not in answer or words[word] in request or b"/vaults" in first, word

        yield check
        await calm(site)


async def calm(site: Site) -> None:
    async with asyncio.timeout(20):
        while site.node.admission.machines:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _websocket(folder: Path) -> AsyncIterator[Check]:
    """Frames to an agent that echoes: nothing that comes makes the node stumble, and no machine is left."""
    source = """export default { fetch(request) {
        const [client, server] = Object.values(new WebSocketPair()); server.accept();
        server.addEventListener('message', (e) => server.send(e.data));
        return new Response(null, { status: 101, webSocket: client }); } };"""
    async with opened_site(folder / "node", server={"patience": HASTY}) as site, watched() as quiet:
        path = (await site.publish(source)).encode()
        hello = (
            b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )

        async def check(case: bytes) -> None:
            answer = await converse(int(site.url.rpartition(":")[2]), hello + case, Random(zlib.crc32(case)))
            quiet.check()
            assert not answer or answer.startswith(b"HTTP/1.1 101 "), answer[:300]
            await calm(site)

        yield check


_GET = b"GET /ipfs/a?b HTTP/1.1\r\nHost: a\r\n\r\n"
_CHUNKED = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
_LENGTH = b"POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
_MASK = b"\1\2\3\4"

SERVERS: dict[str, Target] = {
    "http": Target(
        [
            _GET * 3, _CHUNKED + _GET, _LENGTH + _GET, _GET + _LENGTH + _CHUNKED, _CHUNKED.replace(b"0\r\n\r\n", b"0\r\nT: x\r\n\r\n") + _GET,
            b"HEAD /ipfs/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + _GET,
            b"GET http://b/ipfs/a HTTP/1.1\r\nHost: a\r\n\r\n" + _GET,
            b"OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n" + _GET,
            b"GET /ipfs/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + _GET,
        ],
        _http,
        (
            b"\r\n", b"\n", b"\r", b"\t", b" ", b"\0", b"\x0b", b": ", b" :", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n",
            b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding:\x0bchunked\r\n", b"chunked, chunked", b"0\r\n\r\n", b";a=b", b";\n", b"0x3", b"-1", b"+3",
            b"ffffffffffffffff\r\n", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.1 ", b"\r\n\r\n", b"Host: b\r\n",
            b"Connection: close\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Expect: 100-continue\r\n", _GET,
        ),
    ),
    "gateway": Target(
        [
            b"GET /ipfs/%cid%/a%2Fb?key=%key%&x=1\nAccept: */*", b"POST /ipfs/%cid%/x\nContent-Type: text/plain\n\nbody",
            b"GET /ipfs/%cid%?format=car\nAccept: application/vnd.ipld.car", b"HEAD /ipfs/%none%/a/b",
            b'POST /vaults\nContent-Type: application/json\n\n{"cid":"%cid%","data":{"a":1},"inherit":"%key%","inheritToken":"%token%"}',
            b"GET /vaults/%key%/%token%", b"GET /logs/all/ipfs/%cid%?limit=5&page=1&format=json&requestId=x\nAuthorization: Bearer %operator%",
            b"GET /local/a?b", b"OPTIONS /ipfs/%cid%\nOrigin: https://a.example\nAccess-Control-Request-Method: POST",
            b'POST /ipfs\nAuthorization: Bearer %operator%\nContent-Type: multipart/form-data; boundary=x\n\n--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nexport default 1\r\n--x--\r\n',
            b"GET /metrics\nAuthorization: Bearer %operator%", b"GET /run_js_from_ipfs/%cid%\nX-Forwarded-For: 1.2.3.4", b"GET /healthz",
        ],
        _gateway,
        (
            b"%2e%2e", b"/..", b"//", b"%00", b"%ff", b"%", b"%cid%", b"%key%", b"key=", b"k%65y=", b"&", b"?", b"#", b"0", b"1e999",
            b"application/vnd.ipld.raw", b"entity-bytes=0:*", b"dag-scope=block", b'{"', b"[[[[", b"\\ud800", b"\xff", b"null", b"Range: bytes=0-",
            b"\nContent-Encoding: gzip", b"\nConnection: keep-alive", b"\nHost: b", b"\nTransfer-Encoding: chunked", b"\nExpect: 100-continue",
        ),
        longest_s=2,
    ),
    "websocket": Target(
        [
            b"\x81\x85" + _MASK + bytes(a ^ b for a, b in zip(b"hello", b"\1\2\3\4\1", strict=True)) + b"\x88\x82" + _MASK + b"\2\xea",
            b"\x01\x81" + _MASK + b"a" + b"\x00\x81" + _MASK + b"a" + b"\x80\x81" + _MASK + b"a", b"\x89\x80" + _MASK + b"\x8a\x80" + _MASK,
            b"\xc1\x87" + _MASK + bytes(7), b"\x82\xfe\x01\x00" + _MASK + bytes(256), b"\x82\xff" + bytes(5) + b"\1\0\0" + _MASK + bytes(300),
        ],
        _websocket,
        (b"\x81\x80" + _MASK, b"\x88\x80" + _MASK, b"\x89\xfe\xff\xff", b"\xc1", b"\xf1", b"\x83", b"\x8b", b"\xff" * 10, b"\x88\x82" + _MASK + b"\2\2", b"\x05\0"),
    ),
}  # fmt: skip
