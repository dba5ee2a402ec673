"""Which paths there are, and what every response carries (node-and-gateway 1.2)."""

import asyncio
import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import Site, SiteFactory
from tests.gateway.support import ECHO, HELLO, UUID4, connect, exchange, get, goes_on, until
from wapo import __version__
from wapo.content.cid import Cid
from wapo.content.errors import BlockStoreFailed
from wapo.gateway.app import Gateway

TIMING = re.compile(r'total;dur=\d+\.\d;desc="Total Response Time"')


async def test_the_index_says_what_is_here(site: Site) -> None:
    response = await site.client.get("/")
    assert response.headers["content-type"] == "application/json"
    index = response.json()
    assert (index["name"], index["version"], index["attested"]) == ("wapo", __version__, False)
    assert index["status"]["machines"] == 0
    assert index["routes"]["run an agent"] == "/ipfs/<cid>[/path]"


async def test_health(own_site: Site) -> None:
    await own_site.run(HELLO)
    health = (await own_site.client.get("/healthz")).json()
    assert health["status"] == "ok"
    assert (health["machines"], health["images"]) == (0, 1)
    assert health["image_bytes"] > 0
    assert health["uptime_s"] > 0


async def test_metrics_are_for_the_operator(own_site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {own_site.node.operator_token}"}):
        refused = await own_site.client.get("/metrics", headers=headers)
        assert (refused.status_code, refused.headers["x-wapo-error"]) == (401, "metrics_forbidden")
        assert refused.headers["www-authenticate"] == "Bearer"
    await own_site.run(HELLO)
    await own_site.run("throw new Error();")
    response = await own_site.client.get(
        "/metrics", headers={"Authorization": f"Bearer {own_site.node.operator_token}"}
    )
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'wapo_requests_total{outcome="exited"} 2.0' in response.text
    assert "wapo_cpu_seconds_total" in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/x",
        "/ipfs/",
        "/localhost",
        "/vaults/",
        "/vaults/a",
        "/vaults/a/b/c",
        "/logs",
        "/logs/all",
        "/migrate",
        "//",
        "/IPFS/x",
    ],
)
async def test_what_is_not_there(site: Site, path: str) -> None:
    answer = await get(site, path)
    assert (answer.status, answer.body, answer.all("content-type")) == (
        404,
        b"404 Not Found",
        ["text/plain; charset=UTF-8"],
    )


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/ipfs", "POST"), ("PUT", "/ipfs", "POST"), ("GET", "/vaults", "POST"), ("PUT", "/vaults/a/b", "GET, HEAD, DELETE"),
     ("POST", "/logs/all/local", "GET, HEAD"), ("POST", "/", "GET, HEAD"), ("PATCH", "/healthz", "GET, HEAD")],
)  # fmt: skip
async def test_another_method(site: Site, method: str, path: str, allow: str) -> None:
    response = await site.client.request(method, path)
    assert (response.status_code, response.text, response.headers["allow"]) == (405, "405 Method Not Allowed", allow)
    assert response.headers["content-type"] == "text/plain; charset=UTF-8"


async def test_head_is_get_without_the_body(site: Site) -> None:
    for path in ("/", "/healthz", "/logs/all/local", "/vaults/a/b", "/x"):
        whole, head = await get(site, path), await get(site, path, method="HEAD")
        assert (head.status, head.body) == (whole.status, b"")
        assert len(whole.body) > 0
        if "uptime" not in whole.body.decode():
            assert head.all("content-length") == whole.all("content-length")


async def test_every_response_has_an_id_of_its_own(site: Site) -> None:
    """Made here, whatever the client sends: with an id of the caller's choice it could put lines into another's log."""
    hello, echo = await site.publish(HELLO), await site.publish(ECHO)
    ids = set()
    for method, path in (
        ("GET", "/"), ("GET", "/x"), ("GET", "/ipfs"), ("POST", "/vaults"), ("GET", "/logs/all/local"), ("GET", hello),
        ("HEAD", hello), ("OPTIONS", hello), ("GET", "/ipfs/no"), ("GET", "/local"), ("GET", "/metrics"),
    ):  # fmt: skip
        answer = await get(site, path, "X-Request-Id: 11111111-2222-4333-8444-555555555555", method=method)
        (request_id,) = answer.all("x-request-id")
        assert UUID4.fullmatch(request_id)
        ids.add(request_id)
        assert answer.all("x-powered-by") == ["wapo-gateway"]
        (timing,) = answer.all("server-timing")
        assert TIMING.fullmatch(timing)
        assert len(answer.all("date")) == 1
    assert len(ids) == 11
    assert "11111111-2222-4333-8444-555555555555" not in ids
    seen = (await site.client.get(echo, headers={"X-Request-Id": "mine"})).json()
    assert ["x-request-id", "mine"] in seen["headers"]


async def test_an_agent_cannot_speak_for_the_server(site: Site) -> None:
    """Headers that say what the gateway found are the gateway's; others of the agent's are its own."""
    source = """export default { fetch: () => new Response('x', { headers: {
      'x-request-id': 'mine', 'x-powered-by': 'me', 'x-wapo-error': 'node_full', date: 'never', 'server-timing': 'db;dur=1',
      server: 'agent', etag: '"1"' } }) };"""
    answer = await get(site, await site.publish(source))
    assert UUID4.fullmatch(*answer.all("x-request-id"))
    assert answer.all("x-powered-by") == ["wapo-gateway"]
    assert answer.all("x-wapo-error") == []
    assert len(answer.all("date")) == 1
    assert answer.all("date") != ["never"]
    assert answer.all("server-timing")[0] == "db;dur=1"
    assert TIMING.fullmatch(answer.all("server-timing")[1])
    assert (answer.all("server"), answer.all("etag")) == (["agent"], ['"1"'])


async def test_the_spelling_of_generation_1(site: Site) -> None:
    path = await site.publish(ECHO)
    response = await site.client.get(path.replace("/ipfs/", "/run_js_from_ipfs/") + "/a?b")
    assert response.json()["url"] == f"{site.url}/a?b"


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), BlockStoreFailed("disk full")], ids=["bug", "disk"])
async def test_what_is_ours_to_see_to_gets_into_the_nodes_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """On the way to an agent and on any other; a caller is told no more than it needs."""
    path = await site.publish(f"{HELLO}// {error}")

    async def fail(*_args: Any, **_options: Any) -> Any:
        raise error

    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(site.node.library, "program", fail)
        patch.setattr(site.node.vaults, "read", fail)
        responses = [await site.client.get(path), await site.client.get("/vaults/a/b")]
    for response in responses:
        assert response.status_code == (500 if isinstance(error, RuntimeError) else 503)
        assert UUID4.fullmatch(response.headers["x-request-id"])
        if isinstance(error, RuntimeError):
            assert (response.text, response.headers["content-type"]) == (
                "Internal Server Error",
                "text/plain; charset=UTF-8",
            )
        else:
            assert response.json() == {"error": "disk full", "succeed": False}
            assert response.headers["x-wapo-error"] == "block_store_failed"
    assert [entry["request_id"] for entry in logs] == [response.headers["x-request-id"] for response in responses]
    assert all(entry["log_level"] == "error" for entry in logs)
    await goes_on(site)


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_failure(site: Site) -> None:
    with capture_logs() as logs:
        for path in ("/vaults", await site.publish(ECHO)):
            reader, writer = await connect(site)
            writer.write(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf".encode())
            await writer.drain()
            writer.close()
            assert await reader.read() == b""
        await goes_on(site)
    assert logs == []


async def test_an_upgrade_is_not_taken_up(site: Site) -> None:
    """A browser that wants a WebSocket gets the agent's plain answer, and fails by it."""
    path = await site.publish(HELLO)
    answer = await exchange(
        site, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )  # fmt: skip
    assert (answer.status, answer.body) == (200, b"hello")


async def test_other_protocols_of_asgi(site: Site) -> None:
    """A server that offers WebSockets gets a refusal, and one with a lifespan its answers."""
    gateway, sent = Gateway(site.node), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def say(*messages: str) -> Any:
        queue = list(messages)

        async def receive() -> dict[str, str]:
            return {"type": queue.pop(0)}

        return receive

    await gateway({"type": "websocket"}, await say("websocket.connect"), send)
    await gateway({"type": "lifespan"}, await say("lifespan.startup", "lifespan.shutdown"), send)
    assert [message["type"] for message in sent] == [
        "websocket.close", "lifespan.startup.complete", "lifespan.shutdown.complete",
    ]  # fmt: skip


async def test_requests_of_one_connection_follow_each_other(site: Site) -> None:
    """Pipelined, with bodies that the agent does not read: the connection stays in step."""
    path = await site.publish("export default { fetch: (r) => new Response(new URL(r.url).pathname + '\\n') };")
    reader, writer = await connect(site)
    one = (
        f"POST {path}/%s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "20000\r\n"
        + "x" * 0x20000
        + "\r\n0\r\n\r\n"
    )
    for name in ("a", "b", "c"):
        writer.write((one % name).encode())
    last = f"GET {path}/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    writer.write(last.encode())
    async with asyncio.timeout(20):
        raw = await reader.read()
    writer.close()
    bodies = re.findall(rb"\r\n\r\n(/\w+)\n", raw)
    assert bodies == [b"/a", b"/b", b"/c", b"/last"]
    await goes_on(site)


async def test_an_upstream_that_is_not_there(open_site: SiteFactory) -> None:
    async with open_site(upstreams=("http://127.0.0.1:1",)) as site:
        cid = Cid.of(b"elsewhere")
        response = await site.client.get(f"/ipfs/{cid}")
        assert (response.status_code, response.headers["x-wapo-error"]) == (502, "upstream_unreachable")
        assert response.json()["succeed"] is False
        await site.node.library.blocks.put(Cid.of(HELLO.encode()), HELLO.encode())
        assert (await site.client.get(f"/ipfs/{Cid.of(HELLO.encode())}")).text == "hello"
        await until(lambda: site.node.admission.machines == 0)
