"""Receipts over HTTP: asked for, sent with the answer or after it, found again, in the log."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import h11
import pytest

from tests.conftest import Site, opened_site
from tests.gateway.support import HELLO, assert_refused, connect, get
from tests.gateway.wire import Heard, ask
from wapo.node.identities import rotate
from wapo.node.settings import ReceiptPolicy
from wapo.store.database import Database, StoreFailed
from wapo.trust.merkle import check_consistency, check_inclusion, leaf_hash, read_head
from wapo.trust.message_signatures import Exchange, check_message
from wapo.trust.receipt_checks import Check, check_receipt
from wapo.trust.receipts import InvalidReceipt, Receipt, read_document, read_jwks

#: Answers as its query wants: whole, or as a stream in pieces.
AGENT = """
export default { async fetch(request) {
  const url = new URL(request.url), body = await request.text();
  const headers = new Headers({'content-type': 'text/plain', 'x-one': '1'});
  headers.append('set-cookie', 'a=1'); headers.append('set-cookie', 'b=2, c');
  headers.set('x-latin', 'caf\\u00e9');
  const text = 'answer ' + body;
  if (!url.searchParams.has('stream')) return new Response(text, {status: 201, headers});
  const size = Math.ceil(text.length / 20), encoder = new TextEncoder();
  const pieces = text.match(new RegExp(`.{1,${size}}`, 'g'));
  return new Response(new ReadableStream({ async pull(controller) {
    await new Promise(done => setTimeout(done, 0));
    pieces.length ? controller.enqueue(encoder.encode(pieces.shift())) : controller.close();
  } }), {headers});
} };
"""


async def keys_of(site: Site) -> Any:
    return read_jwks((await site.client.get("/.well-known/jwks.json")).content)


async def checks(
    site: Site, heard: Heard, target: str, method: str = "GET", headers: list[tuple[str, str]] | None = None,
    **more: Any,
) -> list[Check]:  # fmt: skip
    lines = [(b"host", b"agents.example"), *((n.encode(), v.encode()) for n, v in headers or ())]
    exchange = Exchange(method, "http", target, lines)
    return check_message(
        await keys_of(site), exchange, status=heard.status, headers=heard.headers, trailers=heard.trailers,
        body=heard.body, **more,
    )  # fmt: skip


async def program(site: Site, path: str) -> str:
    return await site.node.programs.identity_of(path.removeprefix("/ipfs/"))


def failed(found: list[Check]) -> list[Check]:
    return [check for check in found if not check.passed]


ASK = ("accept-signature", 'wapo=();nonce="n1"')


@pytest.mark.parametrize("query", ["", "?a=b&c=%20d", "?stream", "?"])
@pytest.mark.parametrize("body", [None, b"", b"in", b"i" * 100_000])
async def test_a_response_carries_the_receipt_that_was_asked_for(site: Site, query: str, body: bytes | None) -> None:
    path = await site.prepare(AGENT)
    target, method = path + query, "GET" if body is None else "POST"
    heard = await ask(site, method, target, [ASK], body)
    found = await checks(
        site, heard, target, method, nonce="n1", program=await program(site, path), request_body=body or b""
    )
    assert failed(found) == []
    assert len(found) == 6
    assert heard.body == b"answer " + (body or b"")
    assert bool(heard.trailers) == ("stream" in query)


async def test_the_same_is_found_by_its_id_and_is_in_the_log(site: Site) -> None:
    path = await site.prepare(AGENT)
    heard = await ask(site, "PUT", f"{path}/x?stream", [ASK], b"body", chunked=True)
    response = await site.client.get(f"/receipts/{heard.id}")
    document, keys = response.json(), await keys_of(site)
    assert failed(check_receipt(
        document, keys, program=await program(site, path), method="PUT", target=f"{path}/x?stream", nonce="n1",
        request_body=b"body", request_headers=[], status=200, response_headers=heard.headers, response_body=heard.body,
    )) == []  # fmt: skip
    log = document["log"]
    head = read_head(log["head"], keys)
    leaf = leaf_hash(read_document(document)[0].canonical())
    proof = [_unpadded(step) for step in log["proof"]]
    assert check_inclusion(leaf, log["index"], head.size, proof, head.root)
    assert response.headers["access-control-allow-origin"] == "*"


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_the_caller_chooses_what_of_its_request_is_covered(site: Site) -> None:
    path = await site.prepare(AGENT)
    wants = (
        'wapo=("x-a";req "@authority";req "@target-uri";req "@status" "content-type" "@method";req);nonce="\\"n\\\\"'
    )
    headers = [("x-a", "1"), ("x-a", "caf"), ("accept-signature", f'sig=(), {wants};tag="mine";alg="ed25519"')]
    heard = await ask(site, "GET", path, headers)
    assert failed(await checks(site, heard, path, headers=headers, nonce='"n\\')) == []
    for name in ('"x-a";req', '"@authority";req', '"@target-uri";req', 'tag="mine"'):
        assert name in heard["signature-input"]
    for other in ([("x-a", "1"), ("x-a", "cat")], [("x-a", "caf"), ("x-a", "1")], [("x-a", "1, caf")]):
        assert bool(failed(await checks(site, heard, path, headers=other))) == (len(other) == 2)
    document = (await site.client.get(f"/receipts/{heard.id}")).json()
    assert document["request"]["headers"]["names"] == ["x-a"]
    assert failed(check_receipt(document, await keys_of(site), request_headers=headers[:2])) == []


@pytest.mark.parametrize("query", ["", "?stream"])
async def test_any_change_is_noticed(site: Site, query: str) -> None:
    path = await site.prepare(AGENT)
    heard = await ask(site, "POST", path + query, [ASK], b"in")

    async def wrong(method: str = "POST", target: str = path + query, nonce: str = "n1", **changed: Any) -> bool:
        other = Heard(**({name: getattr(heard, name) for name in ("status", "headers", "body", "trailers")} | changed))
        try:
            return bool(failed(await checks(site, other, target, method, nonce=nonce, request_body=b"in")))
        except InvalidReceipt:
            return True

    assert not await wrong()
    assert await wrong(method="PUT")
    assert await wrong(target=path + query + "&x")
    assert await wrong(nonce="n2")
    assert await wrong(status=heard.status + 1)
    assert await wrong(body=heard.body[:-1])
    assert await wrong(headers=[*heard.headers, ("set-cookie", "evil=1")])
    assert await wrong(headers=[*heard.headers, ("location", "https://evil.example")])
    moving = {"date", "server", "x-request-id", "x-powered-by", "server-timing", "content-length", "trailer"}
    for at, (name, value) in enumerate(heard.headers):
        if name in moving or name in ("transfer-encoding", "connection"):
            continue
        assert await wrong(headers=[*heard.headers[:at], (name, value[:-1] + "~"), *heard.headers[at + 1 :]]), name
        if name not in ("signature", "signature-input"):
            assert await wrong(headers=heard.headers[:at] + heard.headers[at + 1 :]), name
    for at, (name, value) in enumerate(heard.trailers):
        assert await wrong(trailers=[*heard.trailers[:at], (name, value[:-2] + "~:"), *heard.trailers[at + 1 :]]), name
    cookies = [at for at, (name, _) in enumerate(heard.headers) if name == "set-cookie"]
    swapped = list(heard.headers)
    swapped[cookies[0]], swapped[cookies[1]] = swapped[cookies[1]], swapped[cookies[0]]
    assert await wrong(headers=swapped)


async def test_head_and_empty_answers(site: Site) -> None:
    for source, method in ((AGENT, "HEAD"), ("export default () => ({ status: 204, headers: {'x-a': 'b'} })", "GET")):
        path = await site.prepare(source)
        heard = await ask(site, method, path, [ASK])
        assert heard.body == b""
        assert failed(await checks(site, heard, path, method, nonce="n1", request_body=b"")) == []


async def test_the_key_of_a_vault_is_not_told(site: Site) -> None:
    """Who reads a program's log learns the ids of others' requests, and must not learn what opens their secrets."""
    path = await site.prepare(HELLO)
    receipt = await site.node.vaults.create(await program(site, path), {"a": "b"})
    for query in (f"?a=b&key={receipt.key}", f"?k%65y={receipt.key}&x"):
        heard = await ask(site, "GET", path + query, [ASK])
        assert heard.status == 200
        assert failed(await checks(site, heard, path + query, nonce="n1")) == []
        response = await site.client.get(f"/receipts/{heard.id}")
        assert receipt.key not in response.text
        assert "=***" in response.json()["request"]["target"]
        keys = await keys_of(site)
        assert failed(check_receipt(response.content, keys, target=path + query)) == []
        assert failed(
            check_receipt(response.content, keys, target=path + query.replace("a=b", "a=c").replace("x", "y"))
        )


LARGE = """
export default { fetch: request => {
  const body = new Uint8Array(3 << 20).fill(65);
  return new Response(request.url.includes('stream') ? new Blob([body]).stream() : body);
} };
"""


@pytest.mark.parametrize("query", ["", "?stream"])
async def test_large_responses(site: Site, query: str) -> None:
    path = await site.prepare(LARGE)
    heard = await ask(site, "GET", path + query, [ASK])
    assert len(heard.body) == 3 << 20
    assert failed(await checks(site, heard, path + query, nonce="n1")) == []
    document = (await site.client.get(f"/receipts/{heard.id}")).json()
    assert failed(check_receipt(document, await keys_of(site), response_body=heard.body)) == []


async def test_without_asking_there_is_nothing(site: Site) -> None:
    path = await site.prepare(HELLO)
    heard = await ask(site, "GET", path, [("accept-signature", "other=()")])
    assert not {name for name, _ in heard.headers} & {"signature", "signature-input", "wapo-receipt", "content-digest"}
    assert (await site.client.get(f"/receipts/{heard.id}")).status_code == 404


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("wapo=(", "Accept-Signature is a dictionary of RFC 9651: "),
        ("wapo", "Accept-Signature has a list of components for 'wapo', such as wapo=()"),
        ('wapo=("@query-param";req;name="a")', "cannot be covered here"),
        ('wapo=("@method")', "cannot be covered here"),
        ('wapo=("x";sf)', "cannot be covered here"),
        ("wapo=(1)", "a component has a name in quotation marks"),
        ('wapo=("x-none";req)', "the request has no header 'x-none' that could be covered"),
        ("wapo=();expires", "a signature here has no parameter 'expires'"),
        ('wapo=();alg="rsa-v1_5-sha256"', "this node signs with alg='ed25519'"),
        ('wapo=();keyid="other"', "this node signs with keyid="),
        (f'wapo=();nonce="{"n" * 257}"', "the nonce is a text of at most 256 characters"),
        ("wapo=();nonce=1", "the nonce is a text of at most 256 characters"),
        ("wapo=(" + '"a" ' * 65 + ")", "at most 64 components can be asked for"),
        ("wapo=();a=" + "1" * 4096, "Accept-Signature has at most 4096 bytes"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_cannot_be_had_is_refused(site: Site, method: str, value: str, message: str) -> None:
    path = await site.prepare(HELLO)
    response = await site.client.request(method, path, headers={"accept-signature": value})
    assert (response.status_code, response.headers["x-wapo-error"]) == (400, "invalid_accept_signature")
    assert message in response.json()["error"]


async def test_an_agent_cannot_pass_its_word_off_as_the_nodes(site: Site) -> None:
    """Its signature of that label, its digest, and its account of the receipt do not get out; its own signature does."""
    path = await site.prepare("""
    export default { fetch: () => new Response('hello', { headers: {
      'signature-input': 'wapo=();keyid="x"', 'signature': 'wapo=:AAAA:', 'wapo-receipt': 'program="good"',
      'content-digest': 'sha-256=:AAAA:', 'trailer': 'x', 'x-a': 'b',
    } }) };
    """)
    heard = await ask(site, "GET", path, [ASK])
    assert failed(await checks(site, heard, path, nonce="n1", program=await program(site, path))) == []
    path = await site.prepare("""
    export default { fetch: () => new Response('hello', { headers: {
      'signature-input': 'mine=();keyid="x"', 'signature': 'mine=:AAAA:',
      'content-digest': 'sha-512=:AAAA:', 'x-a': 'b',
    } }) };
    """)
    heard = await ask(site, "GET", path, [ASK])
    assert "mine=:AAAA:" in heard["signature"]
    assert heard["content-digest"].startswith("sha-512=:AAAA:, sha-256=:")
    assert failed(await checks(site, heard, path, nonce="n1")) == []
    document = (await site.client.get(f"/receipts/{heard.id}")).json()
    assert failed(check_receipt(document, await keys_of(site), response_headers=heard.headers)) == []


@pytest.mark.parametrize(
    "line",
    [
        "'server-timing', 'db;dur=1'", "'signature', 'mine=\\u00e9'", "'signature-input', '!'",
        "'content-digest', 'sha-512=:AA==:;a=\"\\u00e9\"'", "'server', 'mine'", "'x-empty', ''",
    ],
)  # fmt: skip
async def test_whatever_an_agent_says_its_response_verifies(site: Site, line: str) -> None:
    """In fields that the node has a part in, too."""
    path = await site.prepare(f"export default {{ fetch: () => new Response('a', {{headers: [[{line}]]}}) }}")
    heard = await ask(site, "GET", path, [ASK])
    assert heard.status == 200
    assert failed(await checks(site, heard, path, nonce="n1")) == []
    document = (await site.client.get(f"/receipts/{heard.id}")).json()
    found = check_receipt(document, await keys_of(site), response_headers=heard.headers, response_body=heard.body)
    assert failed(found) == []


async def test_what_is_cut_or_failed_has_no_receipt(site: Site) -> None:
    path = await site.prepare("export default { fetch: () => new Response(new ReadableStream({ async pull(c) { "
                              "c.enqueue(new Uint8Array(9)); await new Promise(d => setTimeout(d, 1)); "
                              "throw new Error('no'); } })) };")  # fmt: skip
    with pytest.raises(h11.RemoteProtocolError):
        await ask(site, "GET", path, [ASK])
    heard = await ask(site, "GET", await site.prepare("export default { fetch() { throw 1; } };"), [ASK])
    assert heard.status == 500
    assert heard["signature"] == ""
    assert (await site.client.get(f"/receipts/{heard.id}")).status_code == 404


async def test_http_1_0_gets_a_whole_one_only(site: Site) -> None:
    """Which has no trailers: the receipt of a stream can be asked for afterwards."""
    path = await site.prepare(AGENT)
    for query in ("", "?stream"):
        reader, writer = await connect(site)
        writer.write(f"GET {path}{query} HTTP/1.0\r\nhost: a\r\naccept-signature: wapo=()\r\n\r\n".encode())
        head = (await reader.read()).decode("latin-1")
        writer.close()
        assert ("\r\nsignature: wapo=" in head) == (query == "")
        name = head.partition("x-request-id: ")[2][:36]
        document = (await site.client.get(f"/receipts/{name}")).json()
        assert document["response"]["content"] == _digest(b"answer ")


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


async def test_a_connection_goes_on_after_trailers(site: Site) -> None:
    path = await site.prepare(AGENT)
    reader, writer = await connect(site)
    request = f"GET {path}?stream HTTP/1.1\r\nhost: a\r\naccept-signature: wapo=()\r\n\r\n"
    writer.write((request * 2 + request.replace("host", "connection: close\r\nhost")).encode())
    raw = await reader.read()
    writer.close()
    assert raw.count(b"HTTP/1.1 200 ") == raw.count(b"\r\nsignature: wapo=:") == 3
    assert raw.endswith(b":\r\n\r\n")


async def test_a_log_that_grows_is_proven_to_have_grown_only(site: Site) -> None:
    path, keys = await site.prepare(AGENT), await keys_of(site)
    heads = []
    for _ in range(3):
        await ask(site, "GET", path, [ASK])
        heads.append(read_head((await site.client.get("/receipts/log")).json(), keys))
    first, second = heads[0], heads[2]
    answer = (await site.client.get(f"/receipts/log/consistency?first={first.size}&second={second.size}")).json()
    proof = [_unpadded(step) for step in answer["proof"]]
    assert second.size == first.size + 2
    assert check_consistency(first.size, second.size, proof, first.root, second.root)
    tile = (await site.client.get("/receipts/log/tiles/0/0")).content
    leaf = tile[32 * first.size : 32 * first.size + 32]
    answer = (await site.client.get(f"/receipts/log/inclusion?index={first.size}&size={second.size}")).json()
    proof = [_unpadded(step) for step in answer["proof"]]
    assert check_inclusion(leaf, first.size, second.size, proof, second.root)


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/receipts/log/inclusion", 400, "invalid_log_request"),
        ("/receipts/log/inclusion?index=-1&size=1", 400, "invalid_log_request"),
        ("/receipts/log/inclusion?index=0&size=9999999999999999", 400, "invalid_log_request"),
        ("/receipts/log/inclusion?index=0&size=999999999999999", 404, "not_in_the_log"),
        ("/receipts/log/consistency?first=2&second=1", 404, "not_in_the_log"),
        ("/receipts/log/consistency?first=0&second=999999999999999", 404, "not_in_the_log"),
        ("/receipts/log/tiles/0/99999", 404, "not_in_the_log"),
        ("/receipts/log/tiles/x/0", 400, "invalid_log_request"),
        ("/receipts/00000000-0000-4000-8000-000000000000", 404, "receipt_not_found"),
        ("/receipts/x", 404, "receipt_not_found"),
    ],
)
async def test_what_is_not_there(site: Site, target: str, status: int, code: str) -> None:
    response = await site.client.get(target)
    assert (response.status_code, response.headers["x-wapo-error"]) == (status, code)


async def test_after_a_rotation_old_receipts_verify_and_new_ones_have_the_new_key(own_site: Site) -> None:
    path = await own_site.prepare(AGENT)
    before = await ask(own_site, "GET", path, [ASK])
    async with Database(own_site.node.settings.data_dir / "wapo.db") as database:
        await rotate(database)
    assert len(await keys_of(own_site)) == 2
    after = await ask(own_site, "GET", path, [ASK])
    names = [heard["signature-input"].partition('keyid="')[2][:43] for heard in (before, after)]
    assert names[0] != names[1]
    assert own_site.node.identity.key_id == names[1]
    for heard in (before, after):
        assert failed(await checks(own_site, heard, path, nonce="n1")) == []
        document = (await own_site.client.get(f"/receipts/{heard.id}")).json()
        assert failed(check_receipt(document, await keys_of(own_site), response_headers=heard.headers)) == []


@pytest.fixture
async def always(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened_site(tmp_path / "node", receipts=ReceiptPolicy.ALWAYS) as opened:
        yield opened


async def test_a_node_may_keep_one_of_every_response(always: Site) -> None:
    path, keys = await always.prepare(AGENT), await keys_of(always)
    for query, body in (("", None), ("?stream", None), ("?a=%20b", None), ("", b"in"), ("?stream", b"i" * 100_000)):
        heard = await ask(always, "GET" if body is None else "POST", path + query, [], body)
        assert "signature" not in {name for name, _ in heard.headers + heard.trailers}
        document = (await always.client.get(f"/receipts/{heard.id}")).json()
        assert failed(check_receipt(
            document, keys, nonce="", response_headers=heard.headers, response_body=heard.body,
            request_body=body or b"", target=path + query, status=heard.status,
        )) == []  # fmt: skip
    asked = await ask(always, "GET", path, [ASK])
    assert failed(await checks(always, asked, path, nonce="n1")) == []


async def test_a_node_may_make_none(tmp_path: Path) -> None:
    async with opened_site(tmp_path / "node", receipts=ReceiptPolicy.OFF) as off:
        path = await off.prepare(HELLO)
        heard = await ask(off, "GET", path, [ASK])
        assert (heard.status, heard["signature"]) == (200, "")
        response = await off.client.get("/receipts/log")
        assert_refused(response, 404, "receipt_not_found", "this node makes no receipts")
        assert await keys_of(off)
    assert not (tmp_path / "node" / "receipts.db").exists()


async def test_what_was_lost_is_told(always: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full is no reason not to answer."""
    path, book = await always.prepare(HELLO), always.node.receipts
    assert book is not None

    def full(*_: object, **__: object) -> None:
        raise StoreFailed("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(type(book), "_opened", full)
        heard = await ask(always, "GET", path, [ASK])
        assert heard["signature"]
        assert (await always.client.get(f"/receipts/{heard.id}")).status_code == 503
        with pytest.raises(StoreFailed):
            await book.write_out()
    text = (await always.client.get("/metrics", headers={"authorization": f"Bearer {always.node.operator_token}"})).text
    assert "wapo_receipts_lost_total 1.0" in text
    assert (await always.client.get("/receipts/log")).json()["size"] == 0


async def test_receipts_outlive_the_process(tmp_path: Path) -> None:
    async with opened_site(tmp_path / "node") as one:
        path = await one.prepare(AGENT)
        heard = await ask(one, "GET", path, [ASK])
    async with opened_site(tmp_path / "node") as other:
        document = (await other.client.get(f"/receipts/{heard.id}")).json()
        assert failed(check_receipt(document, await keys_of(other), response_headers=heard.headers)) == []


async def test_a_request_that_was_not_read_to_its_end_is_not_spoken_about(site: Site) -> None:
    path = await site.prepare(HELLO)
    reader, writer = await connect(site)
    writer.write(f"POST {path} HTTP/1.1\r\nhost: a\r\naccept-signature: wapo=()\r\n"
                 "transfer-encoding: chunked\r\n\r\n1\r\na\r\n".encode())  # fmt: skip
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    writer.close()
    assert "wapo-receipt: id=" in head
    assert "request-digest" not in head


async def test_targets_that_are_not_ascii(site: Site) -> None:
    path = await site.prepare(HELLO)
    answer = await get(site, f"{path}/\u00e9", "Accept-Signature: wapo=()")
    assert answer.status == 400


def test_a_receipt_has_no_values_of_headers() -> None:
    assert "value" not in json.dumps(list(Receipt.__dataclass_fields__))
