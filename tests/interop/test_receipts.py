"""Receipts, seen by a client that was written from the RFCs only: http-message-signatures and http-sf (RFC 9421, 9530,
9651), h11 for what is on the wire, a few lines for what those leave to their users (trailers). Nothing of Wapo's own
checking is used here.
"""

import base64
import hashlib
import json
import random
import string
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import http_sf
import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureComponentResolver,
    MappingKeyResolver,
    algorithms,
)

from tests.conftest import Site, opened_site
from tests.gateway.wire import Heard, ask

RESPONSES = 200

#: Answers as the body of its request says: status, headers, pieces of content (base64), whether as a stream.
AGENT = """
export default { async fetch(request) {
  const { status, headers, pieces, stream } = await request.json();
  const chunks = pieces.map(piece => Uint8Array.fromBase64(piece));
  const head = { status, headers: new Headers(headers) };
  if (!stream) return new Response(new Blob(chunks), head);
  return new Response(new ReadableStream({ async pull(controller) {
    await null;
    chunks.length ? controller.enqueue(chunks.shift()) : controller.close();
  } }), head);
} };
"""


class Fields:
    """Field lines as the library wants them: repeated names are kept."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = lines

    def items(self) -> list[tuple[str, str]]:
        return self._lines


@dataclass
class Asked:
    """A request as the library wants it."""

    method: str
    url: str
    lines: list[tuple[str, str]]

    @property
    def headers(self) -> Fields:
        return Fields(self.lines)


@dataclass
class Answered:
    """A response as the library wants it. Trailers are looked for where ``tr`` says so; signatures in both places."""

    status_code: int
    lines: list[tuple[str, str]]
    trailers: list[tuple[str, str]]
    body: bytes
    request: Asked = field(default_factory=lambda: Asked("GET", "http://a/", []))

    @property
    def headers(self) -> Fields:
        return Fields([*self.lines, *(line for line in self.trailers if line[0].lower().startswith("signature"))])


class Resolver(HTTPSignatureComponentResolver):
    """With trailers (RFC 9421 2.1.4)."""

    def resolve(self, component_node: Any) -> str:
        if "tr" not in component_node.params:
            return str(super().resolve(component_node))
        assert dict(component_node.params) == {"tr": True}
        values = [value.strip() for name, value in self.message.trailers if name.lower() == component_node.value]
        if not values:
            raise HTTPMessageSignaturesException(f"no trailer {component_node.value}")
        return ", ".join(values)


def verify(answered: Answered, keys: dict[str, Ed25519PublicKey], nonce: str) -> dict[str, str]:
    """What the signature covers.

    Raises:
        HTTPMessageSignaturesException: it is not right.
    """
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys=keys, private_keys={}),
        component_resolver_class=Resolver,
    )
    (result,) = verifier.verify(answered, expect_tag="wapo-receipt", expect_label="wapo")
    if (result.nonce or "") != nonce:
        raise HTTPMessageSignaturesException("another nonce")
    covered: dict[str, str] = dict(result.covered_components)
    digest = covered.get('"content-digest"') or covered['"content-digest";tr']
    parsed: Any = http_sf.parse(digest.encode(), tltype="dictionary")
    if parsed["sha-256"][0] != hashlib.sha256(answered.body).digest():
        raise HTTPMessageSignaturesException("another content")
    of_connection = {
        "date", "server", "content-length", "transfer-encoding", "connection", "trailer", "signature",
        "signature-input", "x-request-id", "x-powered-by", "server-timing", "content-digest", "wapo-receipt",
    }  # fmt: skip
    names = {http_sf.parse(name.encode(), tltype="item")[0] for name in covered}
    if {name.lower() for name, _ in answered.lines} - names - of_connection:
        raise HTTPMessageSignaturesException("a header that is not covered")
    return covered


def text_of(chance: random.Random, alphabet: str, most: int) -> str:
    return "".join(chance.choices(alphabet, k=chance.randint(0, most)))


def random_case(chance: random.Random) -> dict[str, Any]:
    """A response: any status with content, headers repeated and in any order, content of any bytes."""
    names = ["x-a", "x-b", "content-type", "cache-control", "set-cookie", "x-long-name-of-a-header", "vary", "etag"]
    values = string.ascii_letters + string.digits + " !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\"
    headers = [(chance.choice(names), text_of(chance, values, 40).strip()) for _ in range(chance.randint(0, 8))]
    if chance.random() < 0.2:
        headers.append(("x-latin", "caf\u00e9 \u00fc"))
    pieces = [chance.randbytes(chance.choice((0, 1, 7, 100, 5000))) for _ in range(chance.randint(0, 5))]
    return {
        "status": chance.choice((200, 201, 202, 206, 299, 300, 302, 400, 404, 418, 500, 503, 599)),
        "headers": headers,
        "pieces": [base64.b64encode(piece).decode() for piece in pieces],
        "stream": chance.random() < 0.5,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with opened_site(tmp_path_factory.mktemp("site") / "node") as opened:
        yield opened


async def keys_of(site: Site) -> dict[str, Ed25519PublicKey]:
    found = {}
    for key in (await site.client.get("/.well-known/jwks.json")).json()["keys"]:
        if key["crv"] == "Ed25519":
            raw = base64.urlsafe_b64decode(key["x"] + "=")
            found[key["kid"]] = Ed25519PublicKey.from_public_bytes(raw)
    return found


def changes(answered: Answered, chance: random.Random) -> list[Answered]:
    """The same response with one thing changed."""
    changed = [replace(answered, status_code=answered.status_code + 1)]
    moving = {
        "date", "server", "content-length", "transfer-encoding", "connection", "trailer", "x-request-id",
        "x-powered-by", "server-timing",
    }  # fmt: skip
    own = [at for at, (name, _) in enumerate(answered.lines) if name not in moving]
    for at in own:
        name, value = answered.lines[at]
        for other in ([(name, f"{value}x")], [] if name not in ("signature", "signature-input") else None):
            if other is not None:
                changed.append(replace(answered, lines=[*answered.lines[:at], *other, *answered.lines[at + 1 :]]))
    for at, (name, value) in enumerate(answered.trailers):
        for other in ([(name, f"{value}x")], []):
            changed.append(replace(answered, trailers=[*answered.trailers[:at], *other, *answered.trailers[at + 1 :]]))
    for one in own:  # two lines of a name the other way round
        for two in own:
            if one < two and answered.lines[one][0] == answered.lines[two][0]:
                lines = list(answered.lines)
                lines[one], lines[two] = lines[two], lines[one]
                if lines != answered.lines:
                    changed.append(replace(answered, lines=lines))
    changed.append(replace(answered, lines=[*answered.lines, ("x-more", "1")]))
    changed.append(replace(answered, lines=[*answered.lines, answered.lines[own[0]]]))
    body = answered.body
    if body:
        at = chance.randrange(len(body))
        flipped = bytes([body[at] ^ 1 << chance.randrange(8)])
        changed += [replace(answered, body=body[:at] + flipped + body[at + 1 :]), replace(answered, body=body[:-1])]
    changed.append(replace(answered, body=body + b"\0"))
    request = answered.request
    changed.append(replace(answered, request=replace(request, method="PUT")))
    changed.append(replace(answered, request=replace(request, url=f"{request.url}x")))
    return changed


@pytest.mark.asyncio(loop_scope="module")
async def test_random_responses_verify_and_no_change_of_them_does(site: Site) -> None:
    chance = random.Random(9421)
    path, keys = await site.prepare(AGENT), await keys_of(site)
    told = streamed = refused = 0
    for number in range(RESPONSES):
        case = random_case(chance)
        target = f"{path}/{text_of(chance, string.ascii_letters, 5)}?{text_of(chance, 'ab=&%2', 6).replace('%', '%41')}"
        nonce = text_of(chance, string.printable[:95], 30)
        quoted = nonce.replace("\\", "\\\\").replace('"', '\\"')
        lines = [("content-type", "application/json"), ("x-number", str(number)),
                 ("accept-signature", f'wapo=("x-number";req "content-type";req "@authority";req);nonce="{quoted}"')]  # fmt: skip
        heard = await ask(site, "POST", target, lines, json.dumps(case).encode())
        assert heard.status == case["status"], heard.body
        answered = _answered(heard, "POST", target, lines)
        covered = verify(answered, keys, nonce)
        assert {'"@status"', '"@method";req', '"@path";req', '"@query";req', '"x-number";req'} <= set(covered)
        streamed += bool(heard.trailers)
        for changed in changes(answered, chance):
            with pytest.raises(HTTPMessageSignaturesException):
                verify(changed, keys, nonce)
            refused += 1
        with pytest.raises(HTTPMessageSignaturesException):
            verify(answered, keys, "another")
        told += 1
    assert (told, streamed > 60, refused > 2000) == (RESPONSES, True, True)


def _answered(heard: Heard, method: str, target: str, lines: list[tuple[str, str]]) -> Answered:
    request = Asked(method, f"http://agents.example{target}", [("host", "agents.example"), *lines])
    return Answered(heard.status, heard.headers, heard.trailers, heard.body, request)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_json_receipt_verifies_by_its_description_alone(site: Site) -> None:
    """docs/receipts.md says how the signed bytes are made; this is written from there."""
    path, keys = await site.prepare(AGENT), await keys_of(site)
    case = {
        "status": 200,
        "headers": [["x-a", "1"], ["x-a", "2"], ["set-cookie", "a=b"]],
        "pieces": [],
        "stream": False,
    }
    body = json.dumps(case).encode()
    heard = await ask(site, "POST", path, [("accept-signature", "wapo=()")], body)
    receipt = (await site.client.get(f"/receipts/{heard.id}")).json()

    def part(value: bytes | str) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        return len(data).to_bytes(4, "big") + data

    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    request, response = receipt["request"], receipt["response"]
    signed = b"".join(map(part, (
        "wapo-receipt/v1", "ed25519", receipt["key"], receipt["program"], request["method"], request["target"],
        ",".join(request["headers"]["names"]), raw(request["headers"]["digest"]), raw(request["content"]),
        response["status"].to_bytes(2, "big"), ",".join(response["headers"]["names"]),
        raw(response["headers"]["digest"]), receipt["id"], receipt["nonce"], raw(response["content"]),
        receipt["started"].to_bytes(8, "big"), receipt["ended"].to_bytes(8, "big"),
    )))  # fmt: skip
    keys[receipt["key"]].verify(raw(receipt["signature"]), signed)
    with pytest.raises(WrongSignature):
        keys[receipt["key"]].verify(raw(receipt["signature"]), signed + b"\0")
    assert raw(request["content"]) == hashlib.sha256(body).digest()
    values = {
        name: ", ".join(value for key, value in heard.headers if key == name) for name in response["headers"]["names"]
    }
    assert set(values) >= {"x-a", "set-cookie"}
    fields = b"".join(
        part(name) + part(part(value) if name == "set-cookie" else value) for name, value in values.items()
    )
    assert raw(response["headers"]["digest"]) == hashlib.sha256(fields).digest()


def test_this_file_uses_nothing_of_our_own_checking() -> None:
    source = Path(__file__).read_text()
    assert "wapo." + "trust" not in source
