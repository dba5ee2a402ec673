"""Receipts: one form, one signature, and every change noticed."""

import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.receipt_checks import check_receipt, verify_receipt
from wapo.trust.receipts import (
    Fields,
    InvalidReceipt,
    PublishedKey,
    Receipt,
    fields_of,
    fields_received,
    read_document,
    read_jwks,
    sign,
    write_document,
)

IDENTITY = NodeIdentity(NodeKeys(bytes(range(32))))
KEYS = {IDENTITY.key_id: PublishedKey(IDENTITY.public, from_s=1_700_000_000)}
HEADERS = [(b"content-type", b"text/plain"), (b"x-one", b"1"), (b"x-one", b"2"), (b"set-cookie", b"a=1, b"),
           (b"set-cookie", b"c=2")]  # fmt: skip
RECEIVED = [("Content-Type", "text/plain"), ("X-One", "1"), ("Date", "today"), ("x-one", "2"),
            ("Set-Cookie", "a=1, b"), ("set-cookie", "c=2")]  # fmt: skip
BODY = b"hello"


def receipt(**changed: Any) -> Receipt:
    values: dict[str, Any] = {
        "key_id": IDENTITY.key_id, "request_id": "id", "program": "bafk", "method": "POST", "target": "/ipfs/bafk?a=b",
        "request_fields": fields_of([(b"accept", b"*/*")]), "request_digest": hashlib.sha256(b"in").digest(),
        "nonce": "n", "status": 200, "response_fields": fields_of(HEADERS),
        "response_digest": hashlib.sha256(BODY).digest(), "started_ms": 1_800_000_000_000,
        "ended_ms": 1_800_000_000_005,
    }  # fmt: skip
    return Receipt(**(values | changed))


def document(**changed: Any) -> dict[str, Any]:
    made = receipt(**changed)
    written: dict[str, Any] = json.loads(json.dumps(write_document(made, sign(IDENTITY, made))))
    return written


KNOWN: dict[str, Any] = {
    "program": "bafk", "method": "POST", "target": "/ipfs/bafk?a=b", "request_headers": [("Accept", "*/*")],
    "request_body": b"in", "nonce": "n", "status": 200, "response_headers": RECEIVED, "response_body": BODY,
}  # fmt: skip


def test_a_receipt_verifies_with_all_that_is_known() -> None:
    assert verify_receipt(json.dumps(document()), KEYS, **KNOWN) == receipt()
    assert [check.passed for check in check_receipt(document(), KEYS, **KNOWN)] == [True] * 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("program", "bafz"), ("method", "GET"), ("target", "/ipfs/bafk?a=c"), ("request_headers", [("accept", "*")]),
        ("request_headers", []), ("request_body", b""), ("nonce", "m"), ("nonce", ""), ("status", 201),
        ("response_body", b"hell0"), ("response_body", b"hello\n"),
        ("response_headers", RECEIVED[:-1]),  # a line less
        ("response_headers", [*RECEIVED, RECEIVED[0]]),  # one twice
        ("response_headers", [*RECEIVED, ("Location", "https://evil.example")]),  # one more
        ("response_headers", [*RECEIVED[:4], RECEIVED[5], RECEIVED[4]]),  # lines of a name the other way round
        ("response_headers", [*RECEIVED[1:], RECEIVED[0]]),  # names the other way round
        ("response_headers", [("content-type", "text/html"), *RECEIVED[1:]]),
        ("response_headers", [*RECEIVED[:4], ("set-cookie", "a=1, b, c=2")]),
    ],
)  # fmt: skip
def test_anything_else_is_told_apart(name: str, value: Any) -> None:
    failed = [check for check in check_receipt(document(), KEYS, **(KNOWN | {name: value})) if not check.passed]
    assert len(failed) == 1
    with pytest.raises(InvalidReceipt, match=failed[0].name):
        verify_receipt(document(), KEYS, **(KNOWN | {name: value}))


def test_lines_that_an_intermediary_has_joined_are_the_same() -> None:
    joined = [("content-type", "text/plain"), ("x-one", " 1, 2\t"), *RECEIVED[4:]]
    assert verify_receipt(document(), KEYS, response_headers=joined)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, member in value.items() for leaf in _leaves(member, (*path, name))]
    if isinstance(value, list):
        return [leaf for index, member in enumerate(value) for leaf in _leaves(member, (*path, index))]
    return [path]


@pytest.mark.parametrize("path", _leaves(document()), ids=str)
def test_every_value_is_signed(path: tuple[Any, ...]) -> None:
    changed = document()
    at = changed
    for step in path[:-1]:
        at = at[step]
    value = at[path[-1]]
    others: list[Any] = (
        [value + 1, None, str(value)] if isinstance(value, int) else [f"{value}A", f"A{value[1:]}", None]
    )
    if isinstance(value, str) and len(value) == 43:
        others.append(base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="))
    for other in others:
        at[path[-1]] = other
        with pytest.raises(InvalidReceipt):
            verify_receipt(changed, KEYS)


def test_a_member_that_nobody_signs_is_refused() -> None:
    for where in ((), ("request",), ("response",), ("response", "headers")):
        changed = document()
        at = changed
        for step in where:
            at = at[step]
        at["more"] = 1
        with pytest.raises(InvalidReceipt, match="more"):
            read_document(changed)
    assert read_document(document() | {"log": {"index": 1}})


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"\xff", b"null", b"[" * 100_000, b" " * (2 << 20)])
def test_what_is_no_receipt(text: bytes) -> None:
    with pytest.raises(InvalidReceipt):
        read_document(text)


def test_a_signature_has_one_spelling() -> None:
    written = document()
    for other in (written["signature"] + "==", written["signature"][:-1] + "_", f" {written['signature']}"):
        with pytest.raises(InvalidReceipt):
            verify_receipt(written | {"signature": other}, KEYS)


def test_the_key_counts_while_it_is_used() -> None:
    (name, key), end = next(iter(KEYS.items())), 1_800_000_000

    def passes(from_s: int, until_s: int | None) -> bool:
        return check_receipt(document(), {name: PublishedKey(key.public, from_s, until_s)})[0].passed

    assert passes(end, None)
    assert passes(end - 10, end)
    assert not passes(end + 3600, None)
    assert not passes(end - 7200, end - 3600)


def test_another_node_and_another_generation_are_told_apart() -> None:
    other = NodeIdentity(NodeKeys(bytes(range(32))), generation=2)
    assert not check_receipt(document(), {other.key_id: PublishedKey(other.public)})[0].passed
    assert not check_receipt(document(), {IDENTITY.key_id: PublishedKey(other.public)})[0].passed
    with pytest.raises(ValueError, match="another key"):
        sign(other, receipt())


def test_of_a_request_that_was_not_complete_nothing_is_said() -> None:
    assert verify_receipt(document(request_digest=None), KEYS, status=200)
    with pytest.raises(InvalidReceipt, match="complete"):
        verify_receipt(document(request_digest=None), KEYS, request_body=b"")


def test_a_key_set_is_read_strictly() -> None:
    x = base64.urlsafe_b64encode(IDENTITY.public).decode().rstrip("=")
    key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": IDENTITY.key_id, "use": "sig", "nbf": 5, "exp": 7}
    agreement = {"kty": "OKP", "crv": "X25519", "x": x, "kid": "other", "use": "enc"}
    assert read_jwks({"keys": [key, agreement]}) == {IDENTITY.key_id: PublishedKey(IDENTITY.public, 5, 7)}
    anybodys = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    for wrong in ({"kid": "a"}, {"x": x + "="}, {"x": anybodys}, {"nbf": "5"}, {"exp": -1}, {"x": None}):
        with pytest.raises(InvalidReceipt):
            read_jwks({"keys": [key | wrong]})
    for none in (b"", {}, {"keys": None}, {"keys": [1]}):
        with pytest.raises(InvalidReceipt):
            read_jwks(none)  # type: ignore[arg-type]


texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.lists(st.text("abc-", min_size=1, max_size=5), max_size=3, unique=True).map(tuple)
digests = st.binary(min_size=32, max_size=32)
receipts = st.builds(
    Receipt, texts, texts, texts, texts, texts, st.builds(Fields, names, digests), st.none() | digests, texts,
    st.integers(0, 65535), st.builds(Fields, names, digests), digests, st.integers(0, (1 << 63) - 1),
    st.integers(0, (1 << 63) - 1),
)  # fmt: skip


@given(receipts, receipts)
def test_the_canonical_form_is_one_to_one(one: Receipt, other: Receipt) -> None:
    assert Receipt.parse(one.canonical()) == one
    assert (one.canonical() == other.canonical()) == (one == other)
    assert read_document(write_document(one, bytes(64))) == (one, bytes(64))


@given(receipts, st.data())
def test_bytes_that_are_cut_or_changed_are_no_receipt_or_another_one(one: Receipt, data: st.DataObject) -> None:
    written = bytearray(one.canonical())
    at = data.draw(st.integers(0, len(written) - 1))
    for changed in (bytes(written[:at]), bytes(written) + b"\0"):
        with pytest.raises(InvalidReceipt):
            Receipt.parse(changed)
    written[at] ^= data.draw(st.integers(1, 255))
    with suppress(InvalidReceipt):
        assert Receipt.parse(bytes(written)) != one


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "Set-Cookie"]), st.text("xyz, ;", max_size=4)), max_size=6))
def test_what_is_sent_is_found_again(headers: list[tuple[str, str]]) -> None:
    sent = fields_of([(name.lower().encode(), value.encode()) for name, value in headers])
    assert fields_received(headers, sent.names) == sent
