"""The admin listener: who may call it, blobs as bodies, its error pages."""

import asyncio
import hashlib

import httpx
import pytest

from tests.gateway.conftest import TOKEN, Listening, ListeningFactory


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer wrong", f"bearer {TOKEN}", TOKEN])
async def test_without_the_token_nothing_is_answered(listening: Listening, value: str | None) -> None:
    async with httpx.AsyncClient(base_url=str(listening.admin.base_url)) as client:
        headers = {"Authorization": value} if value is not None else {}
        for method, path in (("POST", "/prpc/Operation.Info"), ("GET", "/blob/00"), ("POST", "/blob/sha256:")):
            response = await client.request(method, path, headers=headers)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_insecure_listener_asks_nobody(open_listeners: ListeningFactory) -> None:
    async with open_listeners(admin={"token": None}) as listening:
        response = await listening.admin.get("/prpc/Operation.Info", headers={"Authorization": ""})
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("localhost:8001", 200), ("127.0.0.1:1", 200), ("[::1]:8001", 200), ("10.0.0.1", 200),
        ("evil.example", 421), ("evil.example:8001", 421), ("localhost.evil.example", 421), ("admin.example", 200),
    ],
)  # fmt: skip
async def test_a_page_whose_name_was_made_to_lead_here_is_refused(
    open_listeners: ListeningFactory, host: str, status: int
) -> None:
    """DNS rebinding: the browser sends the page's own host name."""
    async with open_listeners(admin={"hosts": ("admin.example",)}) as listening:
        response = await listening.admin.get("/prpc/Operation.Info", headers={"Host": host})
        assert response.status_code == status


async def test_other_origins_may_not_call_unless_they_are_named(open_listeners: ListeningFactory) -> None:
    async with open_listeners(admin={"origins": ("https://console.example",)}) as listening:
        for origin, status in (("https://console.example", 204), ("https://evil.example", 403)):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            response = await listening.admin.options("/prpc/Operation.AppRemoveAll", headers=headers)
            assert response.status_code == status
            assert ("access-control-allow-origin" in response.headers) is (status == 204)
            response = await listening.admin.post("/prpc/Operation.Info", headers={"Origin": origin})
            assert ("access-control-allow-origin" in response.headers) is (status == 204)


async def test_every_response_says_who_answers_and_how_long_it_took(listening: Listening) -> None:
    numbers = []
    for path in ("/prpc/Operation.Info", "/nowhere", "/blob/zz"):
        response = await listening.admin.get(path)
        assert response.headers["server"] == "Wapod"
        assert int(response.headers["x-cost-time"]) >= 0
        numbers.append(int(response.headers["x-request-id"]))
    assert numbers == [0, 1, 2]


async def test_error_pages(listening: Listening) -> None:
    response = await listening.admin.get("/nowhere")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    response = await listening.admin.get("/nowhere", headers={"Accept": "application/json"})
    assert response.json() == {"error": {"code": 404, "reason": "Not Found", "description": "Not Found"}}
    assert response.text.startswith("{\n  ")


async def test_a_blob_is_stored_and_given_back(listening: Listening) -> None:
    content = bytes(range(256)) * 10_000
    digest = hashlib.sha256(content).hexdigest()
    response = await listening.admin.post("/blob/sha256:", content=content)
    assert (response.status_code, response.text) == (200, f"sha256:{digest}")
    response = await listening.admin.post(f"/blob/sha256:{digest}", content=content)
    assert response.text == f"sha256:{digest}"
    for name in (digest, f"0x{digest}", digest.upper()):
        response = await listening.admin.get(f"/blob/{name}")
        assert response.content == content
    head = await listening.admin.head(f"/blob/{digest}")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(content)))


@pytest.mark.parametrize("name", ["md5:", "sha256:00", "sha256:" + "00" * 32, "nonsense", "sha512:" + "0" * 127])
async def test_a_blob_that_is_not_what_it_says_is_not_stored(listening: Listening, name: str) -> None:
    response = await listening.admin.post(f"/blob/{name}", content=b"content")
    assert response.status_code == 500
    assert response.text
    assert [path.name for path in listening.site.worker.blobs.folder.iterdir()].count(
        hashlib.sha256(b"content").hexdigest()
    ) == 0
    assert list(listening.site.worker.blobs.temporary.iterdir()) == []


async def test_a_blob_above_its_limit_is_refused_and_not_cut(open_listeners: ListeningFactory) -> None:
    """The original stored what fitted, under the hash of that (security checklist 12)."""
    async with open_listeners(admin={"max_blob_bytes": 1000}) as listening:

        async def pieces():  # type: ignore[no-untyped-def]
            for _ in range(11):
                yield b"x" * 100

        before = set(listening.site.worker.blobs.folder.iterdir())
        for content in (b"x" * 1001, pieces()):
            response = await listening.admin.post("/blob/sha256:", content=content)
            assert (response.status_code, response.text) == (413, "Entity too large")
        assert set(listening.site.worker.blobs.folder.iterdir()) == before
        assert list(listening.site.worker.blobs.temporary.iterdir()) == []


async def test_a_blob_whose_client_goes_away_is_not_stored(listening: Listening) -> None:
    """With the hash left to the node, half of it would be as good as any other content (security checklist 12)."""
    blobs, url = listening.site.worker.blobs, listening.admin.base_url
    before = set(blobs.folder.iterdir())
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"POST /blob/sha256: HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n"
    )
    writer.write(head.encode() + b"half")
    await listening.site.until(lambda: any(blobs.temporary.iterdir()))
    writer.close()
    await listening.site.until(lambda: not any(blobs.temporary.iterdir()))
    assert set(blobs.folder.iterdir()) == before


async def test_blobs_that_are_not_there(listening: Listening) -> None:
    response = await listening.admin.get("/blob/" + "00" * 32)
    assert (response.status_code, response.text) == (404, "Object not found")
    for bad in ("zz", "sha256:00", "..", "0x", f"{'00' * 32}-bootdata"):
        assert (await listening.admin.get(f"/blob/{bad}")).status_code in (404, 422)
