"""Connections to servers that want the loop, or the memory, of whoever asks them; and that others lose nothing by it."""

import asyncio

import aiohttp
import pytest

from tests.hostile.upstreams import Handler, raw_server, read_head
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient

OK = b"HTTP/1.1 200 OK\r\n"
BODY = bytes(range(256)) * 8192  # 2 MiB


def saying(answer: bytes, *, again: bytes = b"") -> Handler:
    """A server that says that, and then something else without end or nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        while again:
            writer.write(again)
            await writer.drain()

    return serve


async def test_interim_responses_without_end_are_an_error() -> None:
    """The library would wait for the answer for ever, without a turn for anybody else, and keep all of them."""
    async with HttpClient(EgressPolicy(allow_private=True)) as client, asyncio.timeout(10):
        await client.prepare()
        assert client.session is not None
        async with raw_server(saying(b"", again=b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 1000)) as url:
            with pytest.raises(aiohttp.ClientPayloadError, match="interim responses"):
                await client.session.get(url)


async def test_a_few_interim_responses_are_none_of_the_guests_business() -> None:
    few = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 10
    async with HttpClient(EgressPolicy(allow_private=True)) as client, asyncio.timeout(10):
        await client.prepare()
        assert client.session is not None
        answer = few + OK + b"Content-Length: 4\r\n\r\nfine"
        async with raw_server(saying(answer)) as url, client.session.get(url) as response:
            assert (response.status, await response.read()) == (200, b"fine")


@pytest.mark.parametrize("rest", [b"5\r\nhello?\r\n", b"no size\r\n", b"fffffffffffffffffffff\r\n", b"-1\r\n"])
async def test_a_body_that_goes_wrong_later_ends(rest: bytes) -> None:
    """Not when the connection is gone, which with TLS takes as long as the server likes."""
    goes_on = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await goes_on.wait()
        writer.write(rest)
        await reader.read()

    async with HttpClient(EgressPolicy(allow_private=True)) as client, asyncio.timeout(10):
        await client.prepare()
        assert client.session is not None
        async with raw_server(answer) as url, client.session.get(url) as response:
            assert await response.content.readexactly(1) == b"x"
            goes_on.set()
            with pytest.raises(aiohttp.ClientPayloadError, match="the server's answer is not HTTP"):
                await response.content.read()


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slowly"])
@pytest.mark.parametrize("framed", ["length", "chunks", "close", "tiny chunks"])
async def test_nothing_of_a_body_is_lost_or_moved(framed: str, slow: bool) -> None:
    """However it is framed, when the server closes right after it, and whoever reads is slow."""
    body = BODY[:100_000] if framed == "tiny chunks" else BODY
    size = 1 if framed == "tiny chunks" else 100_000
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size)
    )
    answer = {
        "length": OK + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "close": OK + b"Connection: close\r\n\r\n" + body,
    }.get(framed, OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    async with HttpClient(EgressPolicy(allow_private=True)) as client, asyncio.timeout(20):
        await client.prepare()
        assert client.session is not None
        async with raw_server(saying(answer)) as url, client.session.get(url) as response:
            got = bytearray()
            async for piece in response.content.iter_any():
                got += piece
                for _ in range(20 if slow else 0):
                    await asyncio.sleep(0)
    assert bytes(got) == body
