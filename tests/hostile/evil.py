"""An upstream that wants whoever asks it to suffer, in a process of its own: ``python -m tests.hostile.evil`` prints its
port. It listens on 127.0.0.2, which the suite's node lets agents connect to, unlike any other private address."""

import asyncio
import base64
import gzip
import hashlib
import sys
from urllib.parse import parse_qs, urlsplit

from tests.hostile.upstreams import read_head

__all__ = ["HOST"]

HOST = "127.0.0.2"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
_CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"
_BOMB = gzip.compress(bytes(64 << 20), 9)

#: Said at once, whole.
_ANSWERS = {
    "/hello": _OK + b"Content-Length: 5\r\n\r\nhello",
    "/short": _OK + b"Content-Length: 100\r\n\r\nshort",
    "/garbage": bytes(range(256)) * 64,
    "/large-head": _OK + b"X: " + b"a" * (4 << 20) + b"\r\n\r\n",
    "/many-headers": _OK + b"".join(b"X-%d: a\r\n" % n for n in range(100_000)) + b"\r\n",
    "/two-lengths": _OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
    "/odd-status": b"HTTP/1.1 1000000 OK\r\nConnection: close\r\n\r\n",
    "/line-in-a-header": _OK + b"X-A: a\rSet-Cookie: b=c\r\nContent-Length: 5\r\n\r\nhello",
    "/bomb": _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB) + _BOMB,
    # Kept open, with an answer that nobody has asked for.
    "/leftover": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen",
}

#: Said again and again after a beginning; the pause in between.
_ENDLESS = {
    "/endless": (_OK + b"Transfer-Encoding: chunked\r\n\r\n", _CHUNK, 0.0),
    "/drip": (_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
    "/drip-head": (_OK, b"X-A: a\r\n", 0.05),
    "/tiny": (_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 2000, 0.0),
    "/events": (_OK + b"Content-Type: text/event-stream\r\n\r\n", b"data: x\n\n" * 2000, 0.0),
    "/informational": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 100, 0.0),
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await _answer(await read_head(reader), reader, writer)
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def _answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    target = urlsplit(head.split(b" ")[1].decode("latin-1"))
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    if target.path in _ANSWERS:
        writer.write(_ANSWERS[target.path])
        await writer.drain()
        if b"Connection: close" in _ANSWERS[target.path][:200]:
            writer.write_eof()
            await reader.read()
            raise ConnectionError
    elif target.path in _ENDLESS:
        start, more, pause_s = _ENDLESS[target.path]
        writer.write(start)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause_s)
    elif target.path == "/redirect":
        to = parse_qs(target.query).get("to", ["/redirect"])[0]
        writer.write(
            b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % to.encode()
        )
        raise ConnectionError
    elif target.path == "/echo":
        writer.write(_OK + b"Content-Length: %d\r\n\r\n" % len(head) + head)
        raise ConnectionError
    elif target.path.startswith("/socket"):
        await _socket(target.path, head, writer)
    elif target.path == "/hang":
        await reader.read()
        raise ConnectionError
    await writer.drain()


async def _socket(path: str, head: bytes, writer: asyncio.StreamWriter) -> None:
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key.split(b":", 1)[1].strip() + _GUID).digest())
    writer.write(
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept
    )
    flood = {
        "/socket-tiny": b"\x82\x00" * 4000,
        "/socket-large": b"\x82\x7f" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20),
        "/socket-huge": b"\x82\x7f" + (1 << 62).to_bytes(8, "big") + bytes(1 << 20),
        "/socket-pings": b"\x89\x00" * 4000,
    }[path]
    while True:
        writer.write(flood)
        await writer.drain()


async def main() -> None:
    server = await asyncio.start_server(serve, HOST, 0, limit=1 << 20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it is gone


if __name__ == "__main__":
    asyncio.run(main())
