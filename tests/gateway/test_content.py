"""Blocks and archives for other nodes, and publishing over HTTP (node-and-gateway 1.7, the trustless gateway's
specification)."""

from pathlib import Path
from typing import Any

import h11
import httpx
import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import HELLO, assert_refused, connect, get, goes_on
from wapo.content.blocks import Block
from wapo.content.car import CarDecoder
from wapo.content.cid import Cid

RAW, CAR = "Accept: application/vnd.ipld.raw", "Accept: application/vnd.ipld.car"

FORM = (
    '--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\ntext\r\n'
    '--edge\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{type}\r\n{data}\r\n--edge--\r\n'
)


async def publish(site: Site, token: str | None = None, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {site.node.operator_token if token is None else token}"}
    return await site.client.post("/ipfs", headers=headers | options.pop("headers", {}), **options)


def form(
    data: str, name: str = "file", file: str = '; filename="index.js"', kind: str = "Content-Type: text/javascript\r\n"
) -> dict[str, Any]:
    body = FORM.format(name=name, file=file, type=kind, data=data)
    return {"content": body.encode(), "headers": {"Content-Type": "multipart/form-data; boundary=edge"}}


def unpacked(archive: bytes) -> list[Block]:
    decoder = CarDecoder("the gateway")
    blocks = list(decoder.feed(archive))
    decoder.finish()
    return blocks


# Publishing


async def test_publishing_the_body(site: Site) -> None:
    """The answer has the address, and the program answers there; the same content has the same address."""
    response = await publish(site, content=HELLO.encode())
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    cid = response.json()["cid"]
    assert response.text == f'{{"uri":"ipfs://{cid}","cid":"{cid}"}}'
    assert (await site.client.get(f"/ipfs/{cid}")).text == "hello"
    assert (await site.node.library.stat(Cid.parse(cid))).pinned
    assert (await publish(site, content=HELLO.encode())).json()["cid"] == cid
    assert await site.publish(HELLO) == f"/ipfs/{cid}"


async def test_publishing_a_form(site: Site) -> None:
    """As ``curl -F file=@index.js`` sends it, and as a text field."""
    expected = (await publish(site, content=HELLO.encode())).json()
    for parts in (form(HELLO), form(HELLO, kind=""), form(HELLO, file="", kind="")):
        response = await publish(site, **parts)
        assert (response.status_code, response.json()) == (200, expected)
    binary = await publish(site, files={"file": ("a.bin", b"\0\xff\r\n--edge", "application/octet-stream")})
    assert binary.json()["cid"] == (await publish(site, content=b"\0\xff\r\n--edge")).json()["cid"]


async def test_publishing_is_for_the_operator(own_site: Site) -> None:
    vault = (await own_site.client.post("/vaults", json={"cid": "local", "data": {}})).json()
    message = "publishing needs the operator's token, as Authorization: Bearer <token>"
    for token in ("wrong", vault["token"], own_site.node.operator_token.upper()):
        refused = await publish(own_site, token, content=HELLO.encode())
        assert_refused(refused, 401, "publish_forbidden", message)
        assert refused.headers["www-authenticate"] == "Bearer"
    assert (await own_site.client.post("/ipfs", content=HELLO.encode())).status_code == 401
    assert await own_site.node.library.pinned() == []


async def test_nothing_to_publish(site: Site) -> None:
    empty = "the program is empty"
    assert_refused(await publish(site, content=b""), 400, "nothing_to_publish", empty)
    assert_refused(await publish(site, **form("")), 400, "nothing_to_publish", empty)
    missing = "the form has no part named file"
    assert_refused(await publish(site, **form(HELLO, name="other")), 400, "nothing_to_publish", missing)


async def test_a_form_that_is_none(site: Site) -> None:
    two = {"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}
    garbage = {"content": b"--other\r\nnonsense", "headers": {"Content-Type": "multipart/form-data; boundary=edge"}}
    no_edge = {"content": HELLO.encode(), "headers": {"Content-Type": "multipart/form-data"}}
    for options in (two, garbage, no_edge):
        response = await publish(site, **options)
        assert (response.status_code, response.headers["x-wapo-error"]) == (400, "bad_form"), options
        assert response.json()["error"].startswith("the form cannot be read: ")
    await goes_on(site)


async def test_a_program_that_is_too_large_is_not_published(open_site: SiteFactory) -> None:
    async with open_site(program_bytes=100_000) as site:
        message = "the program is larger than 100000 bytes"
        for size, status in ((100_000, 200), (100_001, 413), (1_000_000, 413)):
            text = "x" * size
            for options in ({"content": text.encode()}, form(text), form(text, file="", kind="")):
                response = await publish(site, **options)
                assert response.status_code == status, (size, list(options))
                if status == 413:
                    assert_refused(response, 413, "program_too_large", message)
        assert len(await site.node.library.pinned()) == 1


# Blocks and archives


async def test_a_block(site: Site) -> None:
    """Any client can tell that it is the right one: by its hash."""
    path = await site.publish(HELLO + "// a block")
    answer = await get(site, path, RAW)
    cid = Cid.parse(path.removeprefix("/ipfs/"))
    assert cid.matches(answer.body)
    assert answer.all("content-type") == ["application/vnd.ipld.raw"]
    assert answer.all("content-length") == [str(len(answer.body))]
    assert answer.all("etag") == [f'"{cid}.raw"']
    assert answer.all("cache-control") == ["public, max-age=29030400, immutable"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("access-control-allow-origin") == ["*"]
    assert len(answer.all("x-request-id")) == 1
    head = await get(site, path, RAW, method="HEAD")
    assert (head.status, head.body, head.all("content-length")) == (200, b"", answer.all("content-length"))
    assert await site.log(path, "REPORT") == []


async def test_an_archive(site: Site, tmp_path: Path) -> None:
    """Of a file of several blocks, whole; of a directory; of what is at the end of a path in it, the way included."""
    (tmp_path / "d" / "sub dir").mkdir(parents=True)
    (tmp_path / "d" / "sub dir" / "a.js").write_text(HELLO)
    (tmp_path / "d" / "b").write_bytes(bytes(range(256)) * 4000)
    cid = await site.node.library.publish(tmp_path / "d")
    answer = await get(site, f"/ipfs/{cid}", CAR)
    assert answer.all("content-type") == ["application/vnd.ipld.car; version=1; order=dfs; dups=n"]
    assert answer.all("access-control-allow-origin") == ["*"]
    blocks = unpacked(answer.body)
    assert blocks[0].cid == cid
    assert len(blocks) > 5
    part = unpacked((await get(site, f"/ipfs/{cid}/sub%20dir/a.js", CAR)).body)
    assert part[0].cid == cid
    assert HELLO.encode() in part[-1].data
    assert len(part) < len(blocks)
    (only,) = unpacked((await get(site, f"/ipfs/{cid}?dag-scope=block", CAR)).body)
    assert only.cid == cid
    assert (await get(site, f"/ipfs/{cid}", CAR, method="HEAD")).body == b""


async def test_the_agent_is_run_unless_blocks_are_asked_for(site: Site) -> None:
    """A parameter ``format`` is the agent's own; other methods reach the agent whatever they accept."""
    path = await site.publish("export default { fetch: (r) => new Response(r.method) };")
    for accept in ("*/*", "text/html, */*;q=0.1", "application/json"):
        assert (await site.client.get(f"{path}?format=raw", headers={"Accept": accept})).text == "GET"
    assert (await site.client.post(path, headers={"Accept": "application/vnd.ipld.raw"})).text == "POST"


async def test_what_cannot_be_answered_is_an_error_like_any_other(site: Site, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("a")
    cid = await site.node.library.publish(tmp_path / "d")
    unknown = Cid.of(b"unknown")
    for path, accept, status, code in (
        ("/ipfs/no-cid", RAW, 400, "invalid_cid"),
        (f"/ipfs/{unknown}", RAW, 404, "content_not_found"),
        (f"/ipfs/{unknown}", CAR, 404, "content_not_found"),
        (f"/ipfs/{cid}/b", CAR, 404, "content_not_found"),
        (f"/ipfs/{cid}/%ff", CAR, 404, "content_not_found"),
        (f"/ipfs/{cid}/a", RAW, 400, "invalid_trustless_request"),
        (f"/ipfs/{cid}?dag-scope=x", CAR, 400, "invalid_trustless_request"),
        (f"/ipfs/{cid}?entity-bytes=x", CAR, 400, "invalid_trustless_request"),
    ):
        answer = await get(site, path, accept)
        assert (answer.status, answer.all("x-wapo-error")) == (status, [code]), path
        assert answer.all("access-control-allow-origin") == ["*"]
        assert answer.body.startswith(b'{"error":"')
    await goes_on(site)


async def test_blocks_come_from_here_only(open_site: SiteFactory) -> None:
    """Nobody makes this node fetch for others what it does not serve itself."""
    async with open_site(upstreams=("http://127.0.0.1:1",)) as site:
        answer = await get(site, f"/ipfs/{Cid.of(b'unknown')}", RAW)
        assert (answer.status, answer.all("x-wapo-error")) == (404, ["content_not_found"])


async def test_an_archive_that_cannot_be_completed_is_cut_off(site: Site) -> None:
    """A block further down is missing: who reads the archive must not take it for whole."""
    data = bytes(range(256)) * 4096
    cid = await site.node.library.publish(data)
    blocks = unpacked((await get(site, f"/ipfs/{cid}", CAR)).body)
    await site.node.library.blocks.remove(blocks[-1].cid)
    with pytest.raises(h11.RemoteProtocolError):
        await get(site, f"/ipfs/{cid}", CAR)
    await goes_on(site)


async def test_one_node_is_the_upstream_of_another(open_site: SiteFactory, tmp_path: Path) -> None:
    """A program that only the first one has answers at the second."""
    source = "export default { fetch: (r) => new Response('from afar ' + new URL(r.url).pathname) };//" + "x" * 600_000
    async with open_site(data_dir=tmp_path / "first") as first:
        path = await first.publish(source)
        async with open_site(data_dir=tmp_path / "second", upstreams=(first.url,)) as second:
            assert (await second.client.get(f"{path}/a")).text == "from afar /a"
            assert await first.log(path, "REPORT") == []
            await second.client.get(path)
            unknown = await second.client.get(f"/ipfs/{Cid.of(b'unknown')}")
            assert (unknown.status_code, unknown.headers["x-wapo-error"]) == (404, "content_not_found")


async def test_a_client_that_leaves_in_the_middle_of_an_archive(site: Site) -> None:
    cid = await site.node.library.publish(bytes(range(256)) * 40_000)
    reader, writer = await connect(site)
    writer.write(f"GET /ipfs/{cid} HTTP/1.1\r\nHost: h\r\n{CAR}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    await goes_on(site)
