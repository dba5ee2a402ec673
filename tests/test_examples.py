"""Every example agent does what its comment says, through a real node."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import Site, SiteFactory, serving
from tests.gateway.upstream import open_upstream
from tests.vm.conftest import make_authority

AGENTS = Path(__file__).parent.parent / "examples" / "agents"


def source(name: str) -> bytes:
    return (AGENTS / f"{name}.js").read_bytes()


def test_every_example_has_a_test() -> None:
    tested = {name.removeprefix("test_the_example_") for name in globals() if name.startswith("test_the_example_")}
    assert {path.stem for path in AGENTS.iterdir()} == tested


async def test_the_example_hello(site: Site) -> None:
    response = await site.run(source("hello"), tail="/a/b?name=you")
    assert response.json() == {"hello": "you", "method": "GET", "path": "/a/b"}


async def test_the_example_directory(site: Site) -> None:
    path = f"/ipfs/{await site.node.library.publish(AGENTS / 'directory')}/main.js"
    assert (await site.client.get(path, params={"name": "you"})).text == "Hello, you!\n"
    assert (await site.client.get(path, params={"lang": "fr"})).text == "Bonjour, world!\n"
    assert (await site.client.get(path, params={"lang": "toString"})).status_code == 400


async def test_the_example_stream(site: Site) -> None:
    path = await site.publish(source("stream"))
    async with site.client.stream("GET", path) as response:
        chunks = [chunk async for chunk in response.aiter_raw()]
    assert b"".join(chunks) == b"".join(b"line %d\n" % number for number in range(1, 6))
    assert len(chunks) > 1


async def test_the_example_secret(site: Site) -> None:
    path = await site.publish(source("secret"))
    assert (await site.client.get(path)).status_code == 401
    stored = (await site.client.post("/vaults", json={"cid": path, "data": {"apiKey": "s3cret"}})).json()
    assert (await site.client.get(path, params={"key": stored["key"]})).json() == {
        "length": 6,
        "sha256": hashlib.sha256(b"s3cret").hexdigest(),
    }


async def test_the_example_credential(open_site: SiteFactory, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with (
        open_upstream(authority, tmp_path, "localhost") as upstream,
        open_site(extra_roots=(str(authority.file),)) as site,
    ):
        path = await site.publish(source("credential"))
        assert (await site.client.get(path)).status_code == 401
        header = {"Authorization": "Bearer sk-0123456789"}
        credentials = {"api": {"hosts": [f"localhost:{upstream.port}"], "headers": header}}
        stored = (await site.client.post("/vaults", json={"cid": path, "credentials": credentials})).json()
        response = await site.client.get(f"{path}/v1/models", params={"key": stored["key"]})
        assert upstream.sent[-1].line == "GET /v1/models HTTP/1.1"
        assert upstream.sent[-1].all("authorization") == ["Bearer sk-0123456789"]
        assert "authorization: Bearer *credential*\r\n" in response.text


async def test_the_example_classic(site: Site) -> None:
    path = await site.publish(source("classic"))
    response = await site.client.get(f"{path}?a=1")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["queries"] == {"a": ["1"]}
    assert (await site.client.post(path, content="shout")).text == "SHOUT"


async def test_the_example_proxy(site: Site) -> None:
    async def upstream(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        await send({"type": "http.response.start", "status": 418, "headers": [(b"x-own", b"1")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"a teapot"})  # type: ignore[operator]

    path = await site.publish(source("proxy"))
    assert (await site.client.get(path)).status_code == 400
    async with serving(upstream) as url:
        response = await site.client.get(path, params={"url": url})
    assert (response.status_code, response.text) == (418, "a teapot")
    assert (response.headers["x-own"], response.headers["x-fetched-by"]) == ("1", "wapo")
    await site.node.logs.flush()
    assert any("418" in line for line in await site.log(path))


async def test_the_example_scale(site: Site) -> None:
    path = await site.publish(source("scale"))
    data = "0x" + "05000000" + "00000000" * 3 + (10**30).to_bytes(16, "little").hex() + "00" * 32 + "00" * 15 + "80"
    response = await site.client.get(path, params={"data": data})
    account = response.json()
    assert account == {
        "nonce": 5, "consumers": 0, "providers": 0, "sufficients": 0,
        "data": {"free": str(10**30), "reserved": "0", "frozen": "0", "flags": str(2**127)},
    }  # fmt: skip
    assert (await site.client.post(path, json=account)).text == f"{data}\n"
    short = await site.client.get(path, params={"data": data[:-2]})
    assert (short.status_code, short.text) == (400, "unexpected end of buffer (at data.flags)\n")
    del account["data"]["frozen"]
    wrong = await site.client.post(path, json=account)
    assert (wrong.status_code, wrong.text) == (400, "expect u128, got undefined (at data.frozen)\n")


@pytest.mark.parametrize("body", [{"data": {"a": "b"}}, {"files": {"a": ("name.txt", b"b")}}])
async def test_the_example_listener(site: Site, body: dict) -> None:  # type: ignore[type-arg]
    path = await site.publish(source("listener"))
    page: httpx.Response = await site.client.get(path)
    assert page.headers["content-type"] == "text/html"
    answer = json.loads((await site.client.post(path, **body)).text)
    assert set(answer) == {"a"}


async def test_the_example_sandbox(site: Site) -> None:
    path = await site.publish(source("sandbox"))
    assert (await site.client.get(path)).status_code == 405
    good = await site.client.post(path, content='console.log("counting"); [1, 2, 3].reduce((a, b) => a + b)')
    assert (good.status_code, good.json()) == (200, {"value": 6, "error": None, "log": ["counting"]})
    bad = await site.client.post(path, content="nope")
    assert bad.status_code == 422
    assert bad.json()["error"].startswith("ReferenceError: nope is not defined")


async def test_the_client_that_encrypts(site: Site) -> None:
    """``examples/clients/encrypted.py``: a secret stored and used, with the node's key and with another one."""
    path = await site.publish(source("secret"))
    for key, code in ((site.node.identity.agreement_public, 0), (bytes(32), 1)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, AGENTS.parent / "clients" / "encrypted.py", f"{site.url}{path}", "apiKey=s3cret", key.hex(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, complaints = await process.communicate()
        assert process.returncode == code, complaints
        assert (b"the key that" in complaints) == bool(code)
        if not code:
            assert json.loads(out) == {"length": 6, "sha256": hashlib.sha256(b"s3cret").hexdigest()}
