"""The user listener: queries of strangers, signatures of what it answers, CORS."""

import asyncio
import time

import httpx
import pytest

from tests.conftest import serving
from tests.gateway.conftest import Listening
from tests.trust.signing import caller
from wapo.gateway.rpc.schema import MESSAGES
from wapo.gateway.user import UserListener
from wapo.trust import schnorr
from wapo.trust.encrypted_query import QueryCipher, encrypt_query
from wapo.trust.query_signature import CertificateBody, Query, Scope, SignatureType, encode_query_signature
from wapo.trust.response_signature import exchange_message, verify_body, verify_exchange


async def test_strangers_have_queries_only(listening: Listening) -> None:
    for path in ("/prpc/Operation.Info", "/prpc/Operation.AppRemoveAll"):
        assert (await listening.user.post(path)).status_code == 404
    for path in ("/blob/00", "/", "/admin"):
        assert (await listening.user.get(path)).status_code == 404


async def test_whole_responses_are_signed(listening: Listening) -> None:
    """Errors too, and empty ones; the second signature covers the request as well."""
    key = listening.site.worker.key.public
    app = await listening.site.deploy()
    body = MESSAGES["QueryArgs"](address=app.address, path="/echo", payload=b"hi").SerializeToString()
    for method, target, sent in (
        ("POST", "/prpc/User.Query", body), ("GET", "/prpc/User.Info?x=%20y", b""),
        ("POST", "/prpc/User.Nothing?json", b""), ("GET", "/nowhere", b""), ("GET", f"/app/{app.address.hex()}", b""),
    ):  # fmt: skip
        response = await listening.user.request(
            method, target, content=sent or None, headers={"X-Wapo-Nonce": "n0nce"}, follow_redirects=False
        )
        assert verify_body(key, response.content, response.headers["x-phactory-signature"])
        message = exchange_message(method, target, sent, b"n0nce", response.status_code, response.content)
        assert verify_exchange(key, message, response.headers["x-wapo-signature"])
        other = exchange_message(method, target, sent, b"other", response.status_code, response.content)
        assert not verify_exchange(key, other, response.headers["x-wapo-signature"])


@pytest.mark.parametrize("kind", SignatureType, ids=lambda kind: kind.name)
async def test_the_app_learns_who_has_signed(listening: Listening, kind: SignatureType) -> None:
    app = await listening.site.deploy()
    signer = caller(kind)
    signature = encode_query_signature(signer.query(Query(app.address, "/origin", b"x")))
    arguments = {
        "address": "0x" + app.address.hex(), "path": "/origin", "payload": "0x" + b"x".hex(),
        "encoded_signature": "0x" + signature.hex(),
    }  # fmt: skip
    assert (await listening.call("User.Query", **arguments))["output"] == "0x" + signer.identity.hex()
    changed = arguments | {"payload": "0x" + b"y".hex()}
    assert "failed to verify the signature" in await listening.call("User.Query", 400, **changed)


async def test_a_certificate_speaks_for_its_root(listening: Listening) -> None:
    app = await listening.site.deploy()
    root, key = caller(SignatureType.EIP712, b"\x55" * 32), caller(SignatureType.SR25519, b"\x66" * 32)
    body = CertificateBody(key.public, int(time.time()) + 60, (Scope(app.address, ("/origin",)),))
    query = Query(app.address, "/origin", b"")
    signature = encode_query_signature(key.query_with(root.certify(body), query))
    arguments = {"address": "0x" + app.address.hex(), "path": "/origin", "encoded_signature": "0x" + signature.hex()}
    assert (await listening.call("User.Query", **arguments))["output"] == "0x" + root.identity.hex()
    other = Query(app.address, "/echo", b"")
    signature = encode_query_signature(key.query_with(root.certify(body), other))
    arguments |= {"path": "/echo", "encoded_signature": "0x" + signature.hex()}
    assert "Scope" in await listening.call("User.Query", 400, **arguments)


async def test_an_anonymous_query_has_no_origin(listening: Listening) -> None:
    app = await listening.site.deploy()
    for signature in ("0x", "0x00"):
        answer = await listening.call(
            "User.Query", address="0x" + app.address.hex(), path="/origin", encoded_signature=signature
        )
        assert answer["output"] == "0x"


async def test_encrypted_queries(listening: Listening) -> None:
    """The original's, whose answer is in the clear; and ours, whose answer only the caller can read."""
    app = await listening.site.deploy()
    worker = bytes.fromhex((await listening.call("User.Info"))["pubkey"][2:])
    secret = schnorr.secret_of_seed(b"\x11" * 32)
    public = schnorr.public_of(secret)
    plain = MESSAGES["QueryArgs"](address=app.address, path="/echo", payload=b"hi").SerializeToString()

    async def send(method: str, encrypted: bytes, expect: int = 200):  # type: ignore[no-untyped-def]
        return await listening.call(
            method, expect, pubkey="0x" + public.hex(), encrypted_payload="0x" + encrypted.hex()
        )

    first = encrypt_query(secret, worker, plain)
    assert (await send("User.EncryptedQuery", first))["output"] == "0x6869"
    assert (await send("Operation.AppEncryptedQuery", first))["output"] == "0x6869"
    cipher = QueryCipher.for_caller(secret, worker)
    second = cipher.encrypt_request(plain)
    for method in ("User.EncryptedQueryV2", "Operation.AppEncryptedQueryV2"):
        output = bytes.fromhex((await send(method, second))["output"][2:])
        assert b"hi" not in output
        assert MESSAGES["QueryResponse"].FromString(cipher.decrypt_response(output)).output == b"hi"
    assert await send("User.EncryptedQuery", second, 400) == "failed to decrypt the payload"
    assert await send("User.EncryptedQueryV2", first, 400) == "failed to decrypt the payload"
    assert await send("User.EncryptedQuery", first[:-1], 400) == "failed to decrypt the payload"
    nonsense = encrypt_query(secret, worker, b"\xff\xff\xff")
    assert await send("User.EncryptedQuery", nonsense, 400) == "failed to decode the query args"


async def test_an_app_that_refuses_is_quoted(listening: Listening) -> None:
    app = await listening.site.deploy()
    address = "0x" + app.address.hex()
    error = await listening.call("User.Query", 400, address=address, path="/refuse", payload="0x" + b"no!".hex())
    assert error == "no!"
    assert "App not found" in await listening.call("User.Query", 400, address="0x12", path="/")


async def test_any_origin_may_ask_without_credentials(listening: Listening) -> None:
    response = await listening.user.post("/prpc/User.Info", headers={"Origin": "https://page.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    assert "access-control-allow-origin" not in (await listening.user.post("/prpc/User.Info")).headers


@pytest.mark.parametrize(
    ("path", "wanted", "status"),
    [
        ("/prpc/User.Query", "POST", 204), ("/prpc/User.Query", "PUT", 403), ("/prpc/User.Query", "no way", 400),
        ("/app/" + "00" * 32 + "/x", "DELETE", 204),
    ],
)  # fmt: skip
async def test_preflights(listening: Listening, path: str, wanted: str, status: int) -> None:
    headers = {
        "Origin": "https://page.example", "Access-Control-Request-Method": wanted,
        "Access-Control-Request-Headers": "x-a, x-b",
    }  # fmt: skip
    response = await listening.user.options(path, headers=headers)
    assert response.status_code == status
    if status == 204:
        assert wanted in response.headers["access-control-allow-methods"]
        assert response.headers["access-control-allow-headers"] == "x-a, x-b"


async def test_long_arguments_of_many_strangers_do_not_fill_the_memory(listening: Listening) -> None:
    """Each may be 10 MiB, and who never ends his has it kept; short ones always find room."""
    async with serving(UserListener(listening.site.worker, max_bodies_bytes=3 << 20)) as url:
        port = int(url.rsplit(":", 1)[1])
        head = b"POST /prpc/User.Query HTTP/1.1\r\nHost: x\r\nContent-Length: 1100000\r\n\r\n"

        async def begin(rest: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + bytes(1_100_000 - rest))
            return reader, writer

        slow = [await begin(1) for _ in range(5)]
        answers = [asyncio.create_task(reader.readline()) for reader, _ in slow]
        done, waiting = await asyncio.wait(answers, timeout=1)
        assert [task.result() for task in done] == [b"HTTP/1.1 503 Service Unavailable\r\n"] * 3
        assert len(waiting) == 2
        async with httpx.AsyncClient(base_url=url, verify=False) as client:
            assert (await client.post("/prpc/User.Info?json")).status_code == 200
            refused = await client.post("/prpc/User.Query", content=bytes(1_100_000))
            assert (refused.status_code, refused.text) == (503, "Read body failed")
            for _, writer in slow:
                writer.close()
            await asyncio.gather(*answers, return_exceptions=True)
            async with asyncio.timeout(5):
                while (await client.post("/prpc/User.Query", content=bytes(1_100_000))).status_code != 400:
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("request_line", "extra", "count"),
    [
        ("GET /nowhere", "", 1), ("POST /prpc/User.Nothing?json", "Content-Length: 0\r\n", 1),
        ("HEAD /prpc/User.Info", "", 1),
        ("OPTIONS /prpc/User.Query", "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n", 0),
    ],
)  # fmt: skip
async def test_a_response_says_its_length_once(listening: Listening, request_line: str, extra: str, count: int) -> None:
    """RFC 9110 8.6: a length that is there twice is an error to some clients, and a 204 has none."""
    reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    writer.write(f"{request_line} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.lower().count(b"\ncontent-length:") == count
    writer.close()
