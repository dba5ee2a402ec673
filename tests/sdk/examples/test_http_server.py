"""The HTTP server on a plain port: against curl, and bytes that no client sends by mistake."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.sdk.support import EXAMPLES, Host, Started, reset, run_tool

SERVER = EXAMPLES / "http_server.c"


@pytest.fixture
async def server(host: Host) -> AsyncIterator[Started]:
    async with host.start(SERVER, "--address", "127.0.0.1", "--port", "0", "--head-ms", "20000") as started:
        yield started


async def exchange(server: Started, request: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    reader, writer = await server.connect()
    writer.write(request)
    async with asyncio.timeout(20):
        response = await reader.read()
    writer.close()
    return response


def status(response: bytes) -> int:
    assert response.startswith(b"HTTP/1.1 "), response
    return int(response.split()[1])


async def test_curl_gets_the_greeting_and_keeps_the_connection(server: Started) -> None:
    url = f"http://127.0.0.1:{await server.port()}/"
    output = await run_tool("curl", "-sS", "--noproxy", "*", "-w", "%{http_code} %{num_connects}\n", url, url)
    assert output == b"Hello from Wapo\n200 1\nHello from Wapo\n200 0\n"


async def test_curl_posts_a_large_body(server: Started) -> None:
    data = b"lower and UPPER " * 60_000
    url = f"http://127.0.0.1:{await server.port()}/shout"
    args = ("-sS", "--noproxy", "*", "--data-binary", "@-", "-H", "Expect:", url)
    assert await run_tool("curl", *args, stdin=data) == data.upper()


async def test_requests_that_come_together_are_answered_in_order(server: Started) -> None:
    """Pipelined, bodies included: what is behind one request is the next."""
    post = b"POST /shout HTTP/1.1\r\nContent-Length: 3\r\n\r\n"
    request = (post + b"abc") * 3 + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    response = await exchange(server, request)
    assert response.count(b"HTTP/1.1 200 OK") == 4
    assert response.count(b"\r\n\r\nABC") == 3
    assert response.endswith(b"Hello from Wapo\n")


async def test_a_body_is_answered_while_it_comes(server: Started) -> None:
    reader, writer = await server.connect()
    writer.write(b"POST /shout HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
    async with asyncio.timeout(20):
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(3) == b"ABC"
        writer.write(b"def")
        assert await reader.readexactly(3) == b"DEF"


@pytest.mark.parametrize("cuts", [1, 7])
async def test_a_head_may_come_in_pieces(server: Started, cuts: int) -> None:
    reader, writer = await server.connect()
    head = b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"
    for at in range(0, len(head), cuts):
        writer.write(head[at : at + cuts])
        await writer.drain()
        await asyncio.sleep(0.001)
    async with asyncio.timeout(20):
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"PUT / HTTP/1.1\r\n\r\n", 405),
        (b"GET /shout HTTP/1.1\r\n\r\n", 405),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\0\0\0\0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
        (b"POST /shout HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /shout HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400),
        (b"POST /shout HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST /shout HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST /shout HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 10_000 + b"\r\n\r\n", 431),
        (b"x" * 100_000, 431),
    ],
)
async def test_what_is_refused(server: Started, request_bytes: bytes, expected: int) -> None:
    assert status(await exchange(server, request_bytes)) == expected
    assert status(await exchange(server, b"GET / HTTP/1.0\r\n\r\n")) == 200


async def test_a_client_that_sends_no_head_in_time_is_sent_away(host: Host) -> None:
    """One byte now and then does not help it."""
    async with host.start(SERVER, "--port", "0", "--head-ms", "200") as started:
        reader, writer = await started.connect()

        async def drip() -> None:
            while True:
                writer.write(b"G")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        dripping.cancel()


async def test_resets_in_the_middle_of_anything(server: Started) -> None:
    for request in (b"", b"GET / HT", b"POST /shout HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + bytes(5000)):
        _, writer = await server.connect()
        writer.write(request)
        await asyncio.sleep(0.01)
        reset(writer)
    assert status(await exchange(server, b"GET / HTTP/1.0\r\n\r\n")) == 200
    await server.until(lambda: server.connections == 0)


async def test_a_hundred_clients_with_ten_requests_each(server: Started) -> None:
    """On connections that are kept; each gets its own answers."""

    async def one(number: int) -> None:
        reader, writer = await server.connect()
        for turn in range(10):
            text = b"client %d turn %d" % (number, turn)
            writer.write(b"POST /shout HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(text)) == text.upper()

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(number) for number in range(100)))
