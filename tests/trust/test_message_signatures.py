"""Receipts as HTTP message signatures: what is read of a caller, what is signed, what is noticed."""

import base64
import hashlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.message_signatures import (
    Asked,
    Exchange,
    InvalidAcceptSignature,
    check_message,
    read_accept_signature,
    signature_fields,
    signed_headers,
)
from wapo.trust.receipts import InvalidReceipt, PublishedKey, Receipt, fields_of

IDENTITY = NodeIdentity(NodeKeys(bytes(range(32))))
KEYS = {IDENTITY.key_id: PublishedKey(IDENTITY.public)}
EXCHANGE = Exchange("GET", "http", "/ipfs/b?q", [(b"host", b"H.example:80"), (b"x-a", b"1"), (b"x-a", b"2")])
HEADERS = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b"), (b"x-l", b"caf\xe9")]


def receipt(**changed: Any) -> Receipt:
    values: dict[str, Any] = {
        "key_id": IDENTITY.key_id, "request_id": "id", "program": "bafk", "method": "GET", "target": "/ipfs/b?q",
        "request_fields": fields_of([]), "request_digest": hashlib.sha256().digest(), "nonce": "n", "status": 200,
        "response_fields": fields_of(HEADERS), "response_digest": hashlib.sha256(b"body").digest(),
        "started_ms": 1_800_000_000_000, "ended_ms": 1_800_000_000_005,
    }  # fmt: skip
    return Receipt(**(values | changed))


def texts(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode("latin-1")) for name, value in headers]


def signed(asked: Asked, *, trailers: bool = False, made: Receipt | None = None) -> list[tuple[str, str]]:
    return texts(signature_fields(IDENTITY, made or receipt(), asked, EXCHANGE, HEADERS, trailers=trailers))


ASKED = Asked(("x-a",), ("@authority", "@target-uri", "@scheme", "@request-target"), 'n"\\')


@pytest.mark.parametrize("trailers", [False, True])
def test_what_is_signed_verifies(trailers: bool) -> None:
    fields = signed(ASKED, trailers=trailers)
    headers, trailing = (texts(HEADERS), fields) if trailers else (texts(HEADERS) + fields, [])
    checks = check_message(
        KEYS, EXCHANGE, status=200, headers=headers, trailers=trailing, body=b"body", request_body=b"", nonce='n"\\',
        program="bafk",
    )  # fmt: skip
    assert [check.passed for check in checks] == [True] * 6


def test_the_signature_base_is_the_rfcs() -> None:
    """Word for word, as RFC 9421 2.5 has it."""
    fields = dict(signed(ASKED))
    components = (
        '"@status" "content-type" "set-cookie";bs "x-l";bs "content-digest" "wapo-receipt" "@method";req "@path";req '
        '"@query";req "@authority";req "@target-uri";req "@scheme";req "@request-target";req "x-a";req'
    )
    parameters = (
        f'({components});created=1800000000;keyid="{IDENTITY.key_id}";alg="ed25519";nonce="n\\"\\\\";tag="wapo-receipt"'
    )
    assert fields["signature-input"] == f"wapo={parameters}"
    base = "\n".join((
        '"@status": 200', '"content-type": text/plain', '"set-cookie";bs: :YT0x:, :Yg==:', '"x-l";bs: :Y2Fm6Q==:',
        f'"content-digest": {fields["content-digest"]}', f'"wapo-receipt": {fields["wapo-receipt"]}',
        '"@method";req: GET', '"@path";req: /ipfs/b', '"@query";req: ?q', '"@authority";req: h.example',
        '"@target-uri";req: http://h.example/ipfs/b?q', '"@scheme";req: http', '"@request-target";req: /ipfs/b?q',
        '"x-a";req: 1, 2', f'"@signature-params": {parameters}',
    ))  # fmt: skip

    assert fields["signature"] == f"wapo=:{base64.b64encode(IDENTITY.sign(base.encode())).decode()}:"


def refused(headers: list[tuple[str, str]], **more: Any) -> bool:
    known: dict[str, Any] = {"status": 200, "body": b"body"}
    try:
        return not all(check.passed for check in check_message(KEYS, EXCHANGE, headers=headers, **(known | more)))
    except InvalidReceipt:
        return True


def test_what_a_verifier_must_not_overlook() -> None:
    fields = signed(Asked(nonce="n"))
    whole = texts(HEADERS) + fields
    assert not refused(whole)
    by_name = dict(fields)
    assert refused(whole, nonce="m")
    assert refused(whole, asked=["x-a"])
    assert not refused(texts(HEADERS) + signed(Asked(("x-a",), ("@authority",))), asked=["x-a", "@authority"])
    # A label or a member that is there twice: which one counts?
    assert refused([*whole, ("signature", by_name["signature"])])
    assert refused([*whole, ("content-digest", by_name["content-digest"])])
    # A signature that covers less than it must, or something twice.
    for less in (
        '"@status" ',
        '"content-digest" ',
        '"wapo-receipt" ',
        ' "@method";req',
        ' "@path";req',
        ' "@query";req',
    ):
        cut = by_name["signature-input"].replace(less, "", 1)
        assert cut != by_name["signature-input"]
        assert refused([*texts(HEADERS), *(by_name | {"signature-input": cut}).items()])
    # Another key, no key, another algorithm.
    for old, new in ((IDENTITY.key_id, "x"), ("ed25519", "hmac-sha256"), (";created=1800000000", "")):
        assert refused(
            [*texts(HEADERS), *(by_name | {"signature-input": by_name["signature-input"].replace(old, new)}).items()]
        )


def test_what_is_covered_elsewhere_is_not_covered_here() -> None:
    """In the request, or at the other end of the response."""
    fields = signed(Asked(("x-a",), nonce="n"))
    assert not refused(texts(HEADERS) + fields)
    assert refused([*texts(HEADERS), *fields, ("x-a", "put in")])
    assert refused(texts(HEADERS) + fields, trailers=[("content-type", "text/html")])
    assert refused(texts(HEADERS) + fields, trailers=[("x-b", "put in")])
    trailing = signed(Asked(nonce="n"), trailers=True)
    assert not refused(texts(HEADERS), trailers=trailing)
    assert refused(texts(HEADERS), trailers=[*trailing, ("content-type", "text/html")])


@pytest.mark.parametrize("trailers", [False, True])
def test_what_a_receipt_does_not_say_cannot_be_said_beside_it(trailers: bool) -> None:
    """The digest of the request's content, which was not complete, in the place that is not covered."""
    fields = signed(Asked(nonce="n"), trailers=trailers, made=receipt(request_digest=None))
    digest = base64.b64encode(hashlib.sha256(b"never sent").digest()).decode()
    forged = [("wapo-receipt", f"request-digest=:{digest}:")]
    headers, trailing = (texts(HEADERS) + forged, fields) if trailers else (texts(HEADERS) + fields, forged)
    checks = check_message(
        KEYS, EXCHANGE, status=200, headers=headers, trailers=trailing, body=b"body", request_body=b"never sent"
    )
    assert [check.name for check in checks if not check.passed] == ["request content"]


def test_what_the_key_did_not_sign_itself_is_no_receipt() -> None:
    """A signature of less, by the right key: the checks say what is missing."""
    base = f'"@status": 200\n"@signature-params": ("@status");created=1800000000;keyid="{IDENTITY.key_id}"'

    signature = base64.b64encode(IDENTITY.sign(base.encode())).decode()
    headers = [
        ("signature-input", f'wapo=("@status");created=1800000000;keyid="{IDENTITY.key_id}"'),
        ("signature", f"wapo=:{signature}:"),
    ]
    checks = check_message(KEYS, EXCHANGE, status=200, headers=headers, body=b"")
    assert [(check.name, check.passed) for check in checks[:2]] == [("signature", True), ("coverage", False)]
    assert "content-digest" in checks[1].evidence


def test_a_key_that_was_given_up_signs_nothing_later() -> None:
    headers = texts(HEADERS) + signed(Asked())
    keys = {IDENTITY.key_id: PublishedKey(IDENTITY.public, 0, 1_700_000_000)}
    checks = check_message(keys, EXCHANGE, status=200, headers=headers, body=b"body")
    assert not checks[0].passed
    assert "not used then" in checks[0].evidence


def test_of_an_agents_own_only_what_would_be_taken_for_the_nodes_is_dropped() -> None:
    own = [(b"signature", b"mine=:AA==:"), (b"signature-input", b"mine=()"), (b"content-digest", b"sha-512=:AA==:")]
    nodes = [
        (b"signature", b"wapo=:AA==:"),
        (b"signature-input", b"a=(), wapo=()"),
        (b"content-digest", b"sha-256=:AA==:"),
    ]
    unreadable = [
        (b"signature", b"x=\xe9"),
        (b"signature-input", b"!"),
        (b"content-digest", b"md5=?"),
        (b"signature", b""),
    ]
    assert signed_headers([*own, *nodes, *unreadable, *HEADERS]) == [*own, *HEADERS]
    named = [(b"signature-input", b'mine=();tag="wapo"')]
    assert signed_headers(named) == named


def test_who_asks_others_is_not_asked() -> None:
    assert read_accept_signature([b"sig1=()", b"sig2=();nonce=1"], "k") is None
    assert read_accept_signature([b""], "k") is None
    assert read_accept_signature([b"sig1=()", b"wapo=()"], "k") == Asked()


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    with suppress(InvalidAcceptSignature):
        read_accept_signature([value], "k")
    with suppress(InvalidAcceptSignature):
        read_accept_signature([b"wapo=(" + value + b");nonce=" + value], "k")


@given(
    st.lists(st.tuples(
        st.sampled_from(["signature", "signature-input", "content-digest", "wapo-receipt", "x"]),
        st.text(max_size=40) | st.sampled_from(['wapo=("x";req);keyid="a"', "wapo=:AAAA:", 'wapo=("@status");created=1']),
    ), max_size=6),
)  # fmt: skip
def test_any_response_is_checked_or_refused(headers: list[tuple[str, str]]) -> None:
    assert refused(headers)


nonces = st.text([chr(number) for number in range(0x20, 0x7F)], max_size=256)


@given(nonces)
def test_any_nonce_comes_back_as_it_was(nonce: str) -> None:
    quoted = nonce.replace("\\", "\\\\").replace('"', '\\"')
    asked = read_accept_signature([f'wapo=();nonce="{quoted}"'.encode()], IDENTITY.key_id)
    assert asked is not None
    assert asked.nonce == nonce
    assert not refused(texts(HEADERS) + signed(asked), nonce=nonce)
