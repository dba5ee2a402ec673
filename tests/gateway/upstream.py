"""A server with TLS that repeats what it is sent, in every way that one may, and remembers what it was sent."""

import asyncio
import base64
import gzip
import json
import ssl
import urllib.parse
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import brotli

from tests.vm.conftest import Authority

__all__ = ["ECHOES", "Sent", "Upstream", "open_upstream"]


@dataclass
class Sent:
    """A request as it arrived."""

    line: str
    headers: list[tuple[str, str]]
    raw: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@dataclass
class Upstream:
    """``port`` speaks TLS, ``plain_port`` does not; ``sent`` is what came, over either."""

    port: int = 0
    plain_port: int = 0
    sent: list[Sent] = field(default_factory=list)


Respond = Callable[[asyncio.StreamWriter, Sent], Awaitable[None]]


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body))


def encoded(change: Callable[[bytes], bytes], *headers: bytes) -> Respond:
    async def respond(writer: asyncio.StreamWriter, sent: Sent) -> None:
        writer.write(whole(change(sent.raw), *headers))

    return respond


async def by_the_byte(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in sent.raw:
        writer.write(b"1\r\n%c\r\n" % byte)
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(b"0\r\n\r\n")


async def transfer_coded(writer: asyncio.StreamWriter, sent: Sent) -> None:
    body = gzip.compress(sent.raw)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(body))
    writer.write(body + b"\r\n0\r\n\r\n")


async def as_headers(writer: asyncio.StreamWriter, sent: Sent) -> None:
    names = [b"X-%b: %b" % (name.encode(), value.encode()) for name, value in sent.headers]
    pairs = [b"X-All: " + base64.b64encode(sent.raw), b"Set-Cookie: line=" + urllib.parse.quote(sent.line).encode()]
    by_name = [value.encode().replace(b" ", b"-") + b": as a name" for name, value in sent.headers if name == "x-key"]
    writer.write(whole(b"ok", *names, *pairs, *by_name))


async def as_reason(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.1 401 you sent " + b",".join(value.encode() for _, value in sent.headers) + b"\r\n\r\n")
    writer.close()


async def as_location(writer: asyncio.StreamWriter, sent: Sent) -> None:
    target = sent.line.split()[1].replace("/location", "/plain")
    keys = urllib.parse.quote(",".join(value for _, value in sent.headers))
    writer.write(whole(b"", b"Location: %b%bfrom=%b" % (target.encode(), b"&" if "?" in target else b"?", keys.encode()),
                       status=b"302 Found"))  # fmt: skip


async def old(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + sent.raw)
    await writer.drain()
    writer.close()


async def early(writer: asyncio.StreamWriter, sent: Sent) -> None:
    keys = b",".join(value.encode() for _, value in sent.headers)
    writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: <" + keys + b">\r\n\r\n" + whole(b"ok", b"X-Keys: " + keys))


async def malformed(writer: asyncio.StreamWriter, sent: Sent) -> None:
    keys = b",".join(value.encode() for _, value in sent.headers)
    writer.write(b"HTTP/1.1 200 OK\r\nno header " + keys + b"\r\nX: " + keys + b"\0\r\n\r\n")
    writer.close()


async def nonsense(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b",".join(value.encode() for _, value in sent.headers) + b"\r\n\r\n")
    writer.close()


async def cut(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + sent.raw)
    await writer.drain()
    writer.close()


async def bad_chunks(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    keys = b",".join(value.encode() for _, value in sent.headers)
    writer.write(b"%x\r\n" % len(keys) + keys + b"\r\n" + keys + b"\r\n")
    writer.close()


async def part(writer: asyncio.StreamWriter, sent: Sent) -> None:
    """Honours Range, as files do."""
    body, status, more = sent.raw, b"200 OK", b"Accept-Ranges: bytes"
    for wanted in sent.all("range"):
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        more = b"Content-Range: bytes %b-%b/%d" % (first.encode(), last.encode(), len(body))
        body, status = body[int(first) : int(last) + 1], b"206 Partial Content"
    writer.write(whole(body, more, status=status))


async def event_stream(writer: asyncio.StreamWriter, sent: Sent) -> None:
    text = json.dumps(sent.headers)
    writer.write(whole(f"data: {text}\n\n".encode(), b"Content-Type: text/event-stream"))


async def padded(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(whole(b"x" * 300_000 + sent.raw + b"y" * 300_000))


async def connected(writer: asyncio.StreamWriter, sent: Sent) -> None:
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + sent.raw)
    writer.close()


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ECHOES: dict[str, Respond] = {
    "plain": encoded(bytes),
    "upper": encoded(bytes.upper),
    "json": encoded(lambda raw: json.dumps(raw.decode("latin-1")).encode(), b"Content-Type: application/json"),
    "html": encoded(lambda raw: b"".join(b"&#%d;" % byte for byte in raw), b"Content-Type: text/html"),
    "unicode": encoded(lambda raw: b"".join(b"\\u%04x" % byte for byte in raw)),
    "percent": encoded(lambda raw: b"".join(b"%%%02X" % byte for byte in raw)),
    "base64": encoded(base64.b64encode),
    "base64url": encoded(lambda raw: base64.urlsafe_b64encode(b"?" + raw)),
    "base64-lines": encoded(lambda raw: base64.encodebytes(b"??" + raw)),
    "base32": encoded(base64.b32encode),
    "hex": encoded(lambda raw: raw.hex().encode()),
    "hex-dump": encoded(lambda raw: raw.hex(" ").encode()),
    "numbers": encoded(lambda raw: json.dumps(list(raw)).encode()),
    "utf-16": encoded(lambda raw: raw.decode("latin-1").encode("utf-16")),
    "gzip": encoded(gzip.compress, b"Content-Encoding: gzip"),
    "gzip-twice": encoded(lambda raw: gzip.compress(gzip.compress(raw)), b"Content-Encoding: gzip, gzip"),
    "gzip-two-headers": encoded(lambda raw: brotli.compress(gzip.compress(raw)), b"Content-Encoding: gzip",
                                b"Content-Encoding: br"),
    "deflate": encoded(zlib.compress, b"Content-Encoding: deflate"),
    "deflate-raw": encoded(deflated, b"Content-Encoding: deflate"),
    "br": encoded(brotli.compress, b"Content-Encoding: br"),
    "zstd": encoded(bytes, b"Content-Encoding: zstd"),
    "unknown": encoded(bytes, b"Content-Encoding: x-mine, gzip"),
    "transfer-gzip": transfer_coded,
    "by-the-byte": by_the_byte,
    "headers": as_headers,
    "reason": as_reason,
    "old": old,
    "early": early,
    "malformed": malformed,
    "nonsense": nonsense,
    "cut": cut,
    "bad-chunks": bad_chunks,
    "part": part,
    "events": event_stream,
    "padded": padded,
}  # fmt: skip


@asynccontextmanager
async def open_upstream(authority: Authority, folder: Path, *names: str) -> AsyncIterator[Upstream]:
    """On loopback, with a certificate for these names."""
    certificate, key = authority.issue(*names)
    (folder / "upstream.pem").write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "upstream.pem")
    upstream, tasks = Upstream(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                await _answer(upstream, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    tls = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    plain = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream.port, upstream.plain_port = (server.sockets[0].getsockname()[1] for server in (tls, plain))
    try:
        yield upstream
    finally:
        for server in (tls, plain):
            server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").strip().split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (field.partition(":") for field in fields)]
    body = b""
    for name, value in headers:
        if name == "content-length":
            body = await reader.readexactly(int(value))
        if name == "transfer-encoding":
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
    sent = Sent(line, headers, head + body)
    upstream.sent.append(sent)
    method, target, _ = line.split(" ", 2)
    path = urllib.parse.urlsplit(target).path.strip("/")
    if method == "CONNECT":
        await connected(writer, sent)
    elif path == "location":
        await as_location(writer, sent)
    elif path == "to":
        to = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)["url"][0]
        writer.write(whole(b"", b"Location: " + to.encode(), status=b"307 Temporary Redirect"))
    elif method == "HEAD":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
    else:
        await ECHOES.get(path, ECHOES["plain"])(writer, sent)
    await writer.drain()
