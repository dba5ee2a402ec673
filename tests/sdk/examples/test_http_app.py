"""The HTTP application behind a worker's real front door: streams, uploads, upgrades, clients that go away."""

import asyncio
import os

import pytest

from tests.gateway.conftest import Listening
from tests.sdk.examples.conftest import Deploy
from tests.sdk.support import EXAMPLES, run_tool
from wapo.node.apps.app import App

APP = EXAMPLES / "http_app.c"


def address(listening: Listening, app: App, path: str) -> str:
    return f"{str(listening.user.base_url).rstrip('/')}/app/{app.address.hex()}{path}"


async def test_the_greeting_and_what_is_not_there(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP)
    response = await listening.user.get(address(listening, app, "/"))
    assert (response.status_code, response.text) == (200, "Hello from Wapo\n")
    assert response.headers["content-type"] == "text/plain"
    response = await listening.user.get(address(listening, app, "/else?x=/"))
    assert (response.status_code, response.text) == (404, "There is nothing here.\n")
    assert (await listening.user.post(address(listening, app, "/"))).status_code == 404


async def test_a_response_is_streamed(listening: Listening, deploy: Deploy) -> None:
    """Each line comes when it is written: the second not before the first has been seen."""
    app = await deploy(APP, "--tick-ms", "150")
    async with listening.user.stream("GET", address(listening, app, "/count?to=4")) as response:
        chunks = [chunk async for chunk in response.aiter_raw()]
    assert b"".join(chunks) == b"1\n2\n3\n4\n"
    assert len(chunks) > 1


async def test_an_upload_is_echoed_while_it_comes(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP)
    data = os.urandom(300_000)
    response = await listening.user.post(
        address(listening, app, "/echo"), content=data, headers={"content-type": "image/noise"}
    )
    assert (response.content == data, response.headers["content-type"]) == (True, "image/noise")


async def test_curl_posts_and_gets(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP, "--tick-ms", "1")
    args = ("-sS", "--noproxy", "*")
    data = os.urandom(100_000)
    url = address(listening, app, "/echo")
    assert await run_tool("curl", *args, "--data-binary", "@-", url, stdin=data) == data
    assert await run_tool("curl", *args, "-N", address(listening, app, "/count?to=3")) == b"1\n2\n3\n"


async def test_a_connection_is_upgraded_to_an_echo(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP)
    host, port = listening.user.base_url.host, listening.user.base_url.port
    assert port is not None
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"GET /app/{app.address.hex()}/upgrade HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
        "Upgrade: echo\r\n\r\n".encode()
    )
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"upgrade: echo" in head.lower()
        for number in range(5):
            writer.write(b"%d" % number * 2000)
            assert await reader.readexactly(2000) == b"%d" % number * 2000
        writer.write_eof()
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("headers", [{}, {"connection": "upgrade", "upgrade": "other"}])
async def test_other_protocols_are_not_spoken(listening: Listening, deploy: Deploy, headers: dict[str, str]) -> None:
    app = await deploy(APP)
    response = await listening.user.get(address(listening, app, "/upgrade"), headers=headers)
    assert response.status_code == 426


async def test_a_client_that_goes_frees_what_its_request_held(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP, "--tick-ms", "5")
    (instance,) = app.instances
    await listening.site.until(lambda: instance.guest.settled)
    before = len(instance.guest.table)
    async with listening.user.stream("GET", address(listening, app, "/count?to=1000000")) as response:
        async for _ in response.aiter_raw():
            break
    await listening.site.until(lambda: len(instance.guest.table) == before)
    assert (await listening.user.get(address(listening, app, "/"))).status_code == 200


async def test_many_requests_at_once(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(APP, "--tick-ms", "1")
    gate = asyncio.Semaphore(15)

    async def one(number: int) -> None:
        async with gate:
            data = b"%d " % number * 1000
            assert (await listening.user.post(address(listening, app, "/echo"), content=data)).content == data

    await asyncio.gather(*(one(number) for number in range(60)))
