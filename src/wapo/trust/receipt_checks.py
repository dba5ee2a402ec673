"""Whether a receipt is right: signed with a key of the node's while that was used, of the exchange that is known."""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wapo.trust.identity import key_id
from wapo.trust.receipts import (
    ALGORITHM,
    GRACE_MS,
    NEVER_FIELDS,
    UNSIGNED_FIELDS,
    Fields,
    InvalidReceipt,
    PublishedKey,
    Receipt,
    fields_received,
    read_document,
    told_target,
    verify_signature,
)

__all__ = ["Check", "check_receipt", "verify_receipt"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what, whether it is right, and what says so."""

    name: str
    passed: bool
    evidence: str


def check_receipt(
    document: bytes | str | Mapping[str, Any],
    keys: Mapping[str, PublishedKey],
    *,
    program: str | None = None,
    method: str | None = None,
    target: str | None = None,
    request_headers: Iterable[tuple[str, str]] | None = None,
    request_body: bytes | None = None,
    nonce: str | None = None,
    status: int | None = None,
    response_headers: Iterable[tuple[str, str]] | None = None,
    response_body: bytes | None = None,
    unsigned: Collection[str] = UNSIGNED_FIELDS,
) -> list[Check]:
    """Compares a receipt with what is known of its exchange; what is not given is not compared.

    Args:
        keys: of the node, from whoever is trusted to know them (:func:`read_jwks`; the attestation speaks about them).
        target: path and query as sent.
        request_headers: those that the receipt was asked to cover: one that it does not may have been another.
        response_headers: all that were received, in their order, names in any case, values decoded as Latin-1.
        response_body: as received, before any content coding is undone.
        unsigned: names of headers that others than the agent may have put there.

    Raises:
        InvalidReceipt: it is no receipt.
    """
    receipt, signature = read_document(document)
    checks = [_check_key(receipt, signature, keys)]

    def same(name: str, said: Any, known: Any) -> None:
        passed = said == known
        checks.append(Check(name, passed, f"{said}" if passed else f"the receipt is for {said}, and this is {known}"))

    if program is not None:
        same("program", receipt.program, program)
    if method is not None:
        same("method", receipt.method, method)
    if target is not None:
        same("target", receipt.target, told_target(target))
    if request_headers is not None:
        checks.append(_check_fields("request headers", receipt.request_fields, list(request_headers), None))
    if request_body is not None:
        checks.append(_check_content("request content", receipt.request_digest, request_body))
    if nonce is not None:
        same("nonce", receipt.nonce, nonce)
    if status is not None:
        same("status", receipt.status, status)
    if response_headers is not None:
        checks.append(_check_fields("response headers", receipt.response_fields, list(response_headers), unsigned))
    if response_body is not None:
        checks.append(_check_content("response content", receipt.response_digest, response_body))
    return checks


def verify_receipt(
    document: bytes | str | Mapping[str, Any], keys: Mapping[str, PublishedKey], **known: Any
) -> Receipt:
    """The receipt, if all of it is right: arguments are those of :func:`check_receipt`.

    Raises:
        InvalidReceipt: what is not.
    """
    for check in check_receipt(document, keys, **known):
        if not check.passed:
            raise InvalidReceipt(f"{check.name}: {check.evidence}")
    return read_document(document)[0]


def _check_key(receipt: Receipt, signature: bytes, keys: Mapping[str, PublishedKey]) -> Check:
    name = "signature"
    key = keys.get(receipt.key_id)
    if key is None:
        return Check(name, False, f"the key {receipt.key_id[:100]} is none of this node's")
    if key_id(key.public) != receipt.key_id:
        return Check(name, False, f"the key {receipt.key_id[:100]} goes by another's name")
    if not verify_signature(key.public, receipt.canonical(), signature):
        return Check(name, False, f"the key {receipt.key_id} has not signed this")
    if receipt.ended_ms < receipt.started_ms:
        return Check(name, False, "the exchange ends before it starts")
    if receipt.ended_ms + GRACE_MS < key.from_s * 1000:
        return Check(name, False, f"the exchange ended before the key {receipt.key_id} was used")
    if key.until_s is not None and receipt.ended_ms > key.until_s * 1000 + GRACE_MS:
        return Check(name, False, f"the exchange ended after the key {receipt.key_id} was given up")
    return Check(name, True, f"{ALGORITHM}, by the key {receipt.key_id}")


def _check_fields(name: str, said: Fields, headers: list[tuple[str, str]], unsigned: Collection[str] | None) -> Check:
    there = {field.lower() for field, _ in headers}
    strange = sorted(there - set(said.names) - set(NEVER_FIELDS if unsigned is None else unsigned))
    if strange:
        why = "not covered" if unsigned is None else "not the agent's, nor the node's"
        return Check(name, False, f"{strange[0][:100]!r} is {why}")
    found = fields_received(headers, said.names)
    if found.names != said.names:
        return Check(name, False, f"expected were, in this order, {_list(said)}; found: {_list(found)}")
    if not hmac.compare_digest(found.digest, said.digest):
        return Check(name, False, f"a value of {_list(said)} is another")
    return Check(name, True, _list(said))


def _list(fields: Fields) -> str:
    return ", ".join(fields.names) or "none"


def _check_content(name: str, said: bytes | None, body: bytes) -> Check:
    if said is None:
        return Check(name, False, "it was not complete when the response was: the receipt does not speak about it")
    digest = hashlib.sha256(body).digest()
    if not hmac.compare_digest(digest, said):
        return Check(name, False, f"its SHA-256 is {digest.hex()}, and the receipt's {said.hex()}")
    return Check(name, True, f"SHA-256 {said.hex()}, {len(body)} bytes")
