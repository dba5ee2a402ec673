"""HTTP to apps: heads, bodies both ways at once, upgrades, and clients that go away."""

import asyncio
import json
import os
import socket
import time

import pytest
from structlog.testing import capture_logs

from tests.gateway.conftest import Listening, ListeningFactory
from wapo.gateway.app_http import InvalidAppPath, app_path
from wapo.gateway.rpc.schema import MESSAGES
from wapo.node.apps.app import App


def base(app: App) -> str:
    return f"/app/{app.address.hex()}"


async def test_an_app_sees_the_request_and_its_answer_is_passed_on(listening: Listening) -> None:
    app = await listening.site.deploy()
    response = await listening.user.get(
        f"/app/0x{app.address.hex()}/seen/a%20b//c/../d?q=1&r=%20", headers={"X-Own": "1", "Cookie": "secret=1"}
    )
    assert response.status_code == 200
    host = listening.user.base_url.netloc.decode()
    lines = response.text.splitlines()
    assert lines[0] == f"GET http://{host}/seen/a b/d?q=1&r=%20"
    assert "x-own: 1" in lines
    assert not any("secret" in line for line in lines)
    assert response.headers["content-type"] == "text/plain"
    assert response.headers.get_list("x-twice") == ["1", "2"]
    assert "set-cookie" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "x-phactory-signature" not in response.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
async def test_all_methods_reach_the_app(listening: Listening, method: str) -> None:
    app = await listening.site.deploy()
    response = await listening.user.request(method, f"{base(app)}/seen")
    assert response.status_code == 200
    assert response.text.startswith(f"{method} http://" if method != "HEAD" else "")
    assert method != "HEAD" or response.content == b""


async def test_a_path_without_a_slash_is_redirected_with_its_query(listening: Listening) -> None:
    app = await listening.site.deploy()
    response = await listening.user.get(f"{base(app)}?a=b", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (308, f"{base(app)}/?a=b")


async def test_a_mebibyte_is_echoed_while_it_is_sent(listening: Listening) -> None:
    """Section 15, 15. The original waited for the whole body before it looked at the response."""
    app = await listening.site.deploy()
    data = os.urandom(1 << 20)
    response = await listening.user.post(f"{base(app)}/echo", content=data)
    assert (response.status_code, response.content == data) == (201, True)


async def test_an_answer_may_come_before_the_body_is_read(listening: Listening) -> None:
    app = await listening.site.deploy()
    response = await listening.user.post(f"{base(app)}/early", content=os.urandom(1 << 20))
    assert (response.status_code, response.text) == (200, "early")
    assert (await listening.user.get(f"{base(app)}/early")).text == "early"


@pytest.mark.parametrize("content", [None, b"", b"12345", b"x" * 100_000])
async def test_the_end_of_a_body_is_told(listening: Listening, content: bytes | None) -> None:
    """Of one that is not there, too: a program that can only be waiting for it would wait for ever."""
    app = await listening.site.deploy()
    method = "GET" if content is None else "POST"
    response = await listening.user.request(method, f"{base(app)}/slurp", content=content)
    assert response.text == f"{len(content or b'')} bytes"


async def test_a_read_of_a_get_that_has_answered_ends_with_the_client(listening: Listening) -> None:
    """Programs take such a read for "the client is still there" (wapo-abi.md 9.3)."""
    app = await listening.site.deploy()
    async with listening.user.stream("GET", f"{base(app)}/gone") as response:
        assert response.status_code == 200
        for _ in range(100):
            await asyncio.sleep(0)
        assert "the read has ended" not in await listening.site.log(app)
    async with asyncio.timeout(10):
        while "the read has ended" not in await listening.site.log(app):
            await asyncio.sleep(0.01)


async def test_a_client_that_goes_away_makes_writes_fail(listening: Listening) -> None:
    app = await listening.site.deploy()
    async with listening.user.stream("GET", f"{base(app)}/flood") as response:
        assert response.status_code == 200
        async for chunk in response.aiter_raw():
            assert chunk
            break
    async with asyncio.timeout(10):
        while "the client is gone" not in await listening.site.log(app):
            await asyncio.sleep(0.01)
    assert (await listening.user.get(f"{base(app)}/seen")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/refuse", 500, "not today"), ("/close", 500, "Response channel closed"), ("/garbage", 500, "makes no sense"),
        ("/split", 500, "illegal header"), ("/status/999", 500, "status 999"), ("/headers", 500, "makes no sense"),
    ],
)  # fmt: skip
async def test_answers_that_are_none(listening: Listening, path: str, status: int, text: str) -> None:
    """None of them keeps others waiting: 15 million headers took half a minute."""
    app = await listening.site.deploy()
    started = time.process_time()
    response = await listening.user.get(f"{base(app)}{path}")
    assert time.process_time() - started < 1
    assert response.status_code == status
    assert text in response.text
    assert (await listening.user.get(f"{base(app)}/seen")).status_code == 200


async def test_an_app_does_not_speak_for_the_node(listening: Listening) -> None:
    """It has no signature of the worker's, old ones included; what it says of origins is its own business."""
    app = await listening.site.deploy()
    response = await listening.user.get(f"{base(app)}/forge", headers={"Origin": "https://b.example"})
    assert response.status_code == 200
    names = [name for name, _ in response.headers.multi_items()]
    taken = {"x-phactory-signature", "x-wapo-signature", "service-worker-allowed", "clear-site-data"}
    assert not taken & set(names)
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    assert response.headers.get_list("server") == ["Wapod"]
    assert len(response.headers.get_list("x-request-id")) == 1
    assert response.headers.get_list("access-control-allow-origin") == ["https://a.example"]
    other = await listening.user.get(f"{base(app)}/seen", headers={"Origin": "https://b.example"})
    assert other.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize("path", ["/short", "/long"])
async def test_a_body_of_another_length_than_announced_is_cut_off(listening: Listening, path: str) -> None:
    """Nobody must take it for whole. The app's fault is not one of the node, whose log it could fill."""
    app = await listening.site.deploy()
    host, port = listening.user.base_url.host, listening.user.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    with capture_logs() as lines:
        writer.write(f"GET {base(app)}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read()
    announced = 10 if path == "/short" else 2
    assert f"content-length: {announced}".encode() in head
    assert len(body) < announced or path == "/long"
    writer.close()
    assert lines == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/app/zz/", 422), ("/app/123/", 422), ("/app/1234/", 400), ("/app/" + "00" * 32 + "/", 404),
        ("/app/" + "00" * 32 + "/.hidden", 422), ("/app/" + "00" * 32 + "/a%2Fb", 422), ("/app/", 404),
    ],
)  # fmt: skip
async def test_addresses_and_paths_that_are_refused(listening: Listening, path: str, status: int) -> None:
    response = await listening.user.get(path)
    assert response.status_code == status


def test_paths_are_normalised() -> None:
    cases = {
        b"": "", b"/": "", b"a": "a", b"a/": "a", b"a//b": "a/b", b"a/../b": "b", b"../..": "", b"a%20b": "a b",
        b"%C3%A4": "ä", b"a/%2e%2e/b": "b",
    }  # fmt: skip
    assert {raw: app_path(raw) for raw in cases} == cases
    for raw in (b".a", b"*a", b"a:", b"a<", b"a>", b"a%2fb", b"%ff", b"."):
        with pytest.raises(InvalidAppPath):
            app_path(raw)


async def test_an_app_that_is_not_running(listening: Listening) -> None:
    app = await listening.site.deploy()
    await listening.site.worker.stop(app.address)
    response = await listening.user.get(f"{base(app)}/seen")
    assert (response.status_code, response.text) == (404, "instance not found")


async def test_an_app_that_serves_no_http(open_listeners: ListeningFactory) -> None:
    async with open_listeners(channel_wait_s=0.1) as listening:
        app = await listening.site.deploy("no-http")
        response = await listening.user.get(f"{base(app)}/seen")
        assert response.status_code == 504


async def test_an_http_app_without_queries_is_not_waited_for(listening: Listening) -> None:
    """The original waited a second for the query channel on each request."""
    app = await listening.site.deploy("no-query", reuse=False)
    assert (await listening.user.get(f"{base(app)}/seen")).status_code == 200
    await listening.site.until(lambda: len(app.instances) == 1)
    assert app.usage().starts == 2


async def switch(listening: Listening, app: App, connection: str = "Upgrade", early: bytes = b"") -> tuple[
    asyncio.StreamReader, asyncio.StreamWriter, bytes
]:  # fmt: skip
    reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    writer.write(
        f"GET {base(app)}/switch HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nUpgrade: lines\r\n\r\n".encode()
        + early
    )
    return reader, writer, await reader.readuntil(b"\r\n\r\n")


async def test_a_protocol_that_would_be_another_header_is_not_switched_to(listening: Listening) -> None:
    app = await listening.site.deploy()
    with capture_logs() as lines:
        reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
        writer.write(
            f"GET {base(app)}/switch-split HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".encode()
        )
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"illegal header" in answer
    assert lines == []
    writer.close()


@pytest.mark.parametrize("connection", ["Upgrade", "keep-alive, Upgrade", "upgrade"])
async def test_an_upgrade_becomes_a_raw_connection(listening: Listening, connection: str) -> None:
    app = await listening.site.deploy()
    reader, writer, head = await switch(listening, app, connection, b"early ")
    lines = head.lower().split(b"\r\n")
    assert lines[0].startswith(b"http/1.1 101")
    assert {b"upgrade: lines", b"connection: upgrade", b"x-more: yes"} <= set(lines)
    assert lines.count(b"upgrade: lines") == 1
    assert await reader.readexactly(6) == b"early "
    data = os.urandom(300_000)
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await listening.site.until(lambda: app.ongoing == 0)


async def test_an_upgrade_that_the_app_does_not_want_is_an_answer_like_any(listening: Listening) -> None:
    app = await listening.site.deploy()
    reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    writer.write(f"GET {base(app)}/seen HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n".encode())
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer.lower()
    assert b"GET http://x/seen" in answer
    writer.close()


async def test_a_switch_that_nobody_asked_for(listening: Listening) -> None:
    app = await listening.site.deploy()
    assert (await listening.user.get(f"{base(app)}/switch")).status_code == 503


async def test_a_raw_client_that_goes_away_ends_the_exchange(listening: Listening) -> None:
    app = await listening.site.deploy()
    _, writer, _ = await switch(listening, app)
    writer.transport.abort()
    await listening.site.until(lambda: app.ongoing == 0)
    assert (await listening.user.get(f"{base(app)}/seen")).status_code == 200


async def test_who_asks_for_an_upgrade_and_does_not_read_fills_no_memory(listening: Listening) -> None:
    """An answer that is no switch waits for its reader, too."""
    app = await listening.site.deploy()
    _reader, writer = await asyncio.open_connection(
        listening.user.base_url.host, listening.user.base_url.port, limit=1 << 10
    )
    writer.write(f"GET {base(app)}/flood HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".encode())
    before = -1
    async with asyncio.timeout(10):
        while before != (before := app.usage().net_egress) or not before:
            await asyncio.sleep(0.2)  # until the app has to wait
    assert before < 32 << 20
    writer.close()
    await listening.site.until(lambda: not app.ongoing)


async def test_an_upgrade_does_not_overtake_the_answer_before_it(listening: Listening) -> None:
    """Whoever counts answers, a proxy say, would give the second to the first one's client."""
    app = await listening.site.deploy(reuse=True)
    reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    query = json.dumps({"address": "0x" + app.address.hex(), "path": "/hang"}).encode()
    writer.write(
        b"POST /prpc/User.Query?json HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        b"GET %b/switch HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"
        % (len(query), query, base(app).encode())
    )
    first = asyncio.create_task(reader.readline())
    await listening.site.until(lambda: app.ongoing > 0)
    await asyncio.wait({first}, timeout=0.2)
    await listening.site.ask(app, "/release")
    assert await first == b"HTTP/1.1 200 OK\r\n"
    rest = await reader.readuntil(b'"}')
    assert b'{"output":"0x6c617465"}' in rest
    assert (await reader.readline()).startswith(b"HTTP/1.1 503")
    writer.close()


async def test_a_connection_with_unread_answers_is_not_upgraded(listening: Listening) -> None:
    """What watches over clients that do not read would be left behind, for ever, and not watch over this one."""
    app = await listening.site.deploy(max_query_size=10 << 20)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (listening.user.base_url.host, listening.user.base_url.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    query = MESSAGES["QueryArgs"](address=app.address, path="/echo", payload=bytes(9_000_000)).SerializeToString()
    writer.write(b"POST /prpc/User.Query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(query), query))
    head = await reader.readuntil(b"\r\n\r\n")
    await listening.site.until(lambda: app.ongoing == 0)
    writer.write(f"GET {base(app)}/switch HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".encode())
    assert head.startswith(b"HTTP/1.1 200")
    left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(left)
    assert (await reader.readline()).startswith(b"HTTP/1.1 503")
    writer.close()


async def test_who_asks_for_an_upgrade_and_goes_away_is_gone(listening: Listening) -> None:
    """An app that does not answer kept the connection, and with it a descriptor and a place, for ever."""
    app = await listening.site.deploy()
    _reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    writer.write(f"GET {base(app)}/hang HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".encode())
    await listening.site.until(lambda: app.ongoing > 0)
    writer.close()
    await listening.site.until(lambda: app.ongoing == 0)
