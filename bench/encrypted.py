"""What does an encrypted request cost the node? The same small request in the open and encrypted, whole and in chunks, by
ASGI in this process, in turns; a response of 1 MB likewise; and what the parts of it cost.

CPU time of this process's threads, the database's included, which writes down what was taken; requests are encrypted
beforehand. Figures are those of the best round: the work is the same in each, and what else the machine does only adds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from harness import a_node, options, quantiles, report, run

from wapo.gateway.app import Gateway
from wapo.node.node import Node
from wapo.trust.oblivious.binary_http import MessageDecoder, encode_request
from wapo.trust.oblivious.configuration import KeyConfiguration
from wapo.trust.oblivious.receiving import PREFIX_BYTES, Receiver
from wapo.trust.oblivious.sending import Sender

HELLO = b"export default { fetch: () => new Response('hello') };"
LARGE = b"const text = 'x'.repeat(1e6); export default { fetch: () => new Response(text) };"
ROUNDS = 15
GATEWAY = b"/.well-known/ohttp-gateway"


async def call(app: Gateway, method: str, path: bytes, kind: bytes = b"", body: bytes = b"") -> int:
    """One request; how many bytes came back."""
    headers = [(b"host", b"a.example"), (b"content-type", kind), (b"content-length", b"%d" % len(body))]
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path.decode(), "raw_path": path, "query_string": b"", "root_path": "",
        "headers": headers if body else headers[:1], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    size, sent = 0, False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal size
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        size += len(message.get("body", b""))

    await app(scope, receive, send)
    return size


def sealed(configuration: KeyConfiguration, message: bytes, *, chunked: bool) -> bytes:
    sender = Sender(configuration, chunked=chunked)
    return sender.prefix + sender.seal_chunk(message, last=True) if chunked else sender.seal(message)


async def rounds(node: Node, path: bytes, count: int, together: int) -> dict[str, dict[str, float]]:
    """Microseconds of CPU for a request, by how it comes."""
    app = Gateway(node)
    configuration = KeyConfiguration.of(node.identity)
    message = encode_request("GET", b"https", b"a.example", path, [], b"")
    ways: dict[str, Callable[[bytes], Awaitable[int]]] = {
        "in the open": lambda _: call(app, "GET", path),
        "encrypted, whole": lambda body: call(app, "POST", GATEWAY, b"message/ohttp-req", body),
        "encrypted, in chunks": lambda body: call(app, "POST", GATEWAY, b"message/ohttp-chunked-req", body),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            bodies = [sealed(configuration, message, chunked=name.endswith("chunks")) for _ in range(count)]
            begun = time.process_time()
            for at in range(0, count, together):
                sizes = await asyncio.gather(*map(ask, bodies[at : at + together]))
                assert min(sizes) >= 5
            taken[name].append((time.process_time() - begun) / count)
    return {name: {"min": round(min(values) * 1e6, 1)} for name, values in taken.items()}


def parts(node: Node) -> dict[str, dict[str, float]]:
    """Microseconds for what is done for each request, on its own."""
    receiver, configuration = Receiver([node.identity]), KeyConfiguration.of(node.identity)
    message = encode_request("GET", b"https", b"a.example", b"/ipfs/x/y", [(b"accept", b"*/*")] * 5, b"")
    body = sealed(configuration, message, chunked=False)
    opened = receiver.begin(body[:PREFIX_BYTES], chunked=False)
    opened.open(body[PREFIX_BYTES:])

    def decode() -> None:
        decoder = MessageDecoder(max_head_bytes=1 << 16, max_fields=500)
        decoder.feed(message)
        decoder.finish()

    def one(work: Callable[[], object]) -> dict[str, float]:
        taken = []
        for _ in range(300):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
        return quantiles(taken)

    return {
        "agreeing on the key": one(lambda: receiver.begin(body[:PREFIX_BYTES], chunked=False)),
        "the key of the response, and sealing it": one(lambda: opened.answer()[1].seal(bytes(200))),
        "reading the request": one(decode),
    }


async def main() -> None:
    options(__doc__)
    async with a_node() as node:
        hello, large = [f"/ipfs/{await node.library.publish(source)}".encode() for source in (HELLO, LARGE)]
        for path in (hello, large):
            await call(Gateway(node), "GET", path)
        results = {
            "hello, one after the other": await rounds(node, hello, 50, 1),
            "hello, 50 at once": await rounds(node, hello, 200, 50),
            "1 MB, one after the other": await rounds(node, large, 10, 1),
            "parts": parts(node),
        }
    report("CPU of encrypted requests, in microseconds", results)


if __name__ == "__main__":
    run(main)
