"""Receipts: what a node says of one exchange, in a form that anybody can check without that node.

A receipt names the program, the request and the response, when the one came and the other was complete, and the key
of the node. It is signed in a canonical form: the parts below in their order, each after its length (u32, big-endian),
first the form's own name and the algorithm's. So no two receipts have the same bytes, and a receipt's bytes are never
those of anything else that a node signs.

    "wapo-receipt/v1" | "ed25519" | key id | program | method | target | names of request headers | their digest |
    digest of the request's content | status u16 | names of response headers | their digest |
    request id | nonce | digest of the response's content | started u64 | ended u64

What many receipts have in common comes first, so that it is put together once. Texts are UTF-8, names are joined by
commas, digests are SHA-256 (32 bytes), times milliseconds since the epoch. The request's content has no digest (of 0
bytes) if it was not complete when the response was. Of headers there are names and a digest, not values: a receipt is
kept by the node and asked for by a URL, and a cookie is nobody's business but its owner's, who has it and can compare.

Whether one agrees with what is known about an exchange: :mod:`wapo.trust.receipt_checks`. No I/O.
"""

import base64
import hashlib
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wapo.errors import CallerError
from wapo.trust.ed25519_points import is_usable_point
from wapo.trust.identity import NodeIdentity, key_id

__all__ = [
    "ALGORITHM",
    "FORM",
    "GRACE_MS",
    "MAX_DOCUMENT_BYTES",
    "NEVER_FIELDS",
    "UNSIGNED_FIELDS",
    "Fields",
    "InvalidReceipt",
    "PublishedKey",
    "Receipt",
    "beginning",
    "ending",
    "fields_of",
    "fields_received",
    "read_document",
    "read_jwks",
    "sign",
    "told_target",
    "uuid_ending",
    "verify_signature",
    "write_document",
]  # fmt: skip

FORM: Final = "wapo-receipt/v1"
ALGORITHM: Final = "ed25519"
MAX_DOCUMENT_BYTES: Final = 1 << 20

#: Response headers that are not the agent's: the server's own, those that speak about the receipt, and about the
#: connection. Whatever else a response has and its receipt does not name, somebody has put there.
UNSIGNED_FIELDS: Final = frozenset((
    "connection", "content-digest", "content-length", "date", "keep-alive", "server", "server-timing", "signature",
    "signature-input", "trailer", "transfer-encoding", "wapo-receipt", "x-powered-by", "x-request-id",
))  # fmt: skip
#: What speaks for itself, and is added to: an agent may sign, and tell what took its time, too.
_NEVER: Final = frozenset((b"content-digest", b"server-timing", b"signature", b"signature-input"))
NEVER_FIELDS: Final = frozenset(name.decode() for name in _NEVER)
_SET_COOKIE: Final = b"set-cookie"
#: How much later than the end of its key a receipt may end: for processes that have not noticed yet, and clocks.
GRACE_MS: Final = 60_000
_DIGEST_BYTES: Final = 32


def told_target(target: str) -> str:
    """A target as a receipt tells it: without a question mark that nothing follows, and with ``***`` for the key of a
    vault (``?key=``), which opens a secret and is not for those who read receipts."""
    path, _, query = target.partition("?")
    if not query:
        return path
    if "key=" in query or "%" in query:
        pairs = [pair.partition("=") for pair in query.split("&")]
        query = "&".join(
            [name + equals + ("***" if equals and unquote(name) == "key" else value) for name, equals, value in pairs]
        )
    return f"{path}?{query}"


class InvalidReceipt(CallerError):
    """A receipt is no receipt, or of something else."""

    code = "invalid_receipt"


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields: their names in lower case, each once, in the order in which they first appear; and a digest."""

    names: tuple[str, ...]
    digest: bytes
    encoded: bytes = field(init=False, repr=False, compare=False)  #: as a receipt has it

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoded", _joined((",".join(self.names).encode(), self.digest)))


def fields_of(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """What a receipt says of headers; names in lower case, order as sent.

    Signatures, digests and Server-Timing are left out. Lines of one name are one value, joined by a comma and a space
    (RFC 9110 5.3), as an intermediary may do; but for Set-Cookie, whose lines stay what they are: its value is those
    lines, each after its length. The digest is SHA-256 over names and values, each after its length.
    """
    key = tuple(headers)
    size = 0
    for name, value in key:
        size += len(name) + len(value)
    return _remembered(key) if size <= _REMEMBERED_BYTES else _fields_of(key)


def _fields_of(headers: tuple[tuple[bytes, bytes], ...]) -> Fields:
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in _NEVER:
            continue
        by_name.setdefault(name, []).append(value.strip(b" \t"))
    parts: list[bytes] = []
    for name, values in by_name.items():
        parts += (name, _joined(values) if name == _SET_COOKIE else b", ".join(values))
    return Fields(tuple([name.decode("latin-1") for name in by_name]), hashlib.sha256(_joined(parts)).digest())


#: Most responses of an agent have the same few headers.
_REMEMBERED_BYTES: Final = 1 << 10
_remembered: Final = lru_cache(1024)(_fields_of)


def fields_received(headers: Iterable[tuple[str, str]], names: Collection[str]) -> Fields:
    """As :func:`fields_of`, of those headers of a message that are among ``names``; values are decoded as Latin-1.

    Raises:
        InvalidReceipt: one cannot have been.
    """
    lines = ((name.lower(), value) for name, value in headers)
    try:
        return fields_of([(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines if name in names])
    except UnicodeEncodeError:
        raise InvalidReceipt("a header has a character that is no byte: values are wanted as Latin-1") from None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a node says of one exchange.

    Attributes:
        key_id: of the key that signs (``wapo.trust.identity.key_id``).
        request_id: the response's ``X-Request-Id``.
        program: CID of the file that answered, or ``local``.
        target: path and query as sent, but for what :func:`told_target` changes.
        request_fields: those that the caller chose (``wapo.trust.message_signatures``).
        request_digest: of the content; None if it was not complete when the response was.
        nonce: the caller's; may be empty.
        response_fields: those that the agent set, and what the gateway adds in its name (CORS).
        response_digest: of the content as sent: of nothing for HEAD and for 204, 205 and 304.
        started_ms: when the request's head was there.
        ended_ms: when the response's content was.
    """

    key_id: str
    request_id: str
    program: str
    method: str
    target: str
    request_fields: Fields
    request_digest: bytes | None
    nonce: str
    status: int
    response_fields: Fields
    response_digest: bytes
    started_ms: int
    ended_ms: int

    def canonical(self) -> bytes:
        """What is signed, and logged."""
        beginning = _beginning(
            self.key_id, self.program, self.method, self.target, self.request_fields.encoded, self.request_digest,
            self.status, self.response_fields.encoded,
        )  # fmt: skip
        return beginning + ending(self.request_id, self.nonce, self.response_digest, self.started_ms, self.ended_ms)

    @classmethod
    def parse(cls, data: bytes) -> "Receipt":
        """The receipt with that canonical form.

        Raises:
            InvalidReceipt: there is none.
        """
        try:
            receipt = cls._parse(data)
            exact = receipt.canonical() == data
        except (ValueError, struct.error, OverflowError) as error:
            raise InvalidReceipt("these are not the bytes of a receipt") from error
        if not exact:
            raise InvalidReceipt("these are not the bytes of a receipt")
        return receipt

    @classmethod
    def _parse(cls, data: bytes) -> "Receipt":
        parts, at = [], 0
        while at < len(data):
            (length,) = _LENGTH.unpack_from(data, at)
            at += 4 + length
            parts.append(data[at - length : at])
        _, _, key, program, method, target, asked, asked_digest, content, status, names, digest, *rest = parts
        request_id, nonce, answer, started, ended = rest
        return cls(
            key.decode(), request_id.decode(), program.decode(), method.decode(), target.decode(),
            Fields(_names(asked), asked_digest), content or None, nonce.decode(), int.from_bytes(status, "big"),
            Fields(_names(names), digest), answer, int.from_bytes(started, "big"), int.from_bytes(ended, "big"),
        )  # fmt: skip


def beginning(
    key_id: str, program: str, method: str, target: str, request_fields: Fields, request_digest: bytes | None,
    status: int, response_fields: Fields,
) -> bytes:  # fmt: skip
    """The beginning of a receipt's canonical form. Most requests of an agent have the same."""
    size = len(target) + len(request_fields.encoded) + len(response_fields.encoded)
    make = _remembered_beginning if size <= _REMEMBERED_BYTES else _beginning
    return make(
        key_id, program, method, target, request_fields.encoded, request_digest, status, response_fields.encoded
    )


def _beginning(
    key_id: str, program: str, method: str, target: str, request_fields: bytes, request_digest: bytes | None,
    status: int, response_fields: bytes,
) -> bytes:  # fmt: skip
    who = _joined((_FORM, _ALGORITHM, key_id.encode(), program.encode(), method.encode(), target.encode()))
    content = _joined((request_digest or b"", status.to_bytes(2, "big")))
    return b"".join((who, request_fields, content, response_fields))


def ending(request_id: str, nonce: str, response_digest: bytes, started_ms: int, ended_ms: int) -> bytes:
    """The rest of it."""
    if not nonce and len(request_id) == 36 and request_id.isascii():
        return uuid_ending(request_id.encode(), response_digest, started_ms, ended_ms)
    return _joined((request_id.encode(), nonce.encode())) + _ENDING(32, response_digest, 8, started_ms, 8, ended_ms)


def uuid_ending(request_id: bytes, response_digest: bytes, started_ms: int, ended_ms: int) -> bytes:
    """The same after an id that is a UUID, and no nonce."""
    return _AFTER_UUID(36, request_id, 0, 32, response_digest, 8, started_ms, 8, ended_ms)


_FORM: Final = FORM.encode()
_ALGORITHM: Final = ALGORITHM.encode()
_LENGTH: Final = struct.Struct(">I")
_ENDING: Final = struct.Struct(">I32sIQIQ").pack
_AFTER_UUID: Final = struct.Struct(">I36sII32sIQIQ").pack
_remembered_beginning: Final = lru_cache(1024)(_beginning)
_SHORT: Final = tuple(number.to_bytes(4, "big") for number in range(1024))


def _joined(parts: Sequence[bytes]) -> bytes:
    out: list[bytes] = []
    for part in parts:
        length = len(part)
        out += (_SHORT[length] if length < 1024 else length.to_bytes(4, "big"), part)
    return b"".join(out)


def _names(joined: bytes) -> tuple[str, ...]:
    return tuple(joined.decode().split(",")) if joined else ()


# As JSON


def write_document(receipt: Receipt, signature: bytes) -> dict[str, Any]:
    """The receipt as JSON has it (docs/trust.md, Receipts)."""
    return {
        "form": FORM,
        "algorithm": ALGORITHM,
        "key": receipt.key_id,
        "id": receipt.request_id,
        "program": receipt.program,
        "request": {
            "method": receipt.method,
            "target": receipt.target,
            "headers": _fields_out(receipt.request_fields),
            "content": None if receipt.request_digest is None else _text(receipt.request_digest),
        },
        "nonce": receipt.nonce,
        "response": {
            "status": receipt.status,
            "headers": _fields_out(receipt.response_fields),
            "content": _text(receipt.response_digest),
        },
        "started": receipt.started_ms,
        "ended": receipt.ended_ms,
        "signature": _text(signature),
    }


def read_document(document: bytes | str | Mapping[str, Any]) -> tuple[Receipt, bytes]:
    """The receipt and its signature, which is not checked; other members than ``log`` and ``attestation``, which say
    nothing here, are not taken.

    Raises:
        InvalidReceipt: it is not one; what is wrong with it.
    """
    value = _decoded(document, "a receipt")
    _members(value, "the receipt", _MEMBERS, optional=("attestation", "log"))
    if value["form"] != FORM or value["algorithm"] != ALGORITHM:
        raise InvalidReceipt(f"the receipt is of another form or algorithm; known are {FORM} and {ALGORITHM}")
    request, response = value["request"], value["response"]
    _members(request, "the receipt's request", ("method", "target", "headers", "content"))
    _members(response, "the receipt's response", ("status", "headers", "content"))
    content = request["content"]
    receipt = Receipt(
        _string(value, "key"), _string(value, "id"), _string(value, "program"), _string(request, "method"),
        _string(request, "target"), _fields_in(request["headers"]),
        None if content is None else _bytes(content, _DIGEST_BYTES, "content"), _string(value, "nonce"),
        _number(response, "status", 16), _fields_in(response["headers"]),
        _bytes(response["content"], _DIGEST_BYTES, "content"), _number(value, "started", 63),
        _number(value, "ended", 63),
    )  # fmt: skip
    return receipt, _bytes(value["signature"], 64, "signature")


_MEMBERS: Final = (
    "form", "algorithm", "key", "id", "program", "request", "nonce", "response", "started", "ended", "signature",
)  # fmt: skip


def _decoded(document: bytes | str | Mapping[str, Any], what: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        if len(document) > MAX_DOCUMENT_BYTES:
            raise InvalidReceipt(f"{what} has at most {MAX_DOCUMENT_BYTES} bytes")
        try:
            document = msgspec.json.decode(document)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidReceipt(f"{what} is JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise InvalidReceipt(f"{what} is a JSON object")
    return document


def _members(value: Any, what: str, wanted: Collection[str], optional: Collection[str] = ()) -> None:
    if not isinstance(value, Mapping):
        raise InvalidReceipt(f"{what} is not an object")
    missing = [name for name in wanted if name not in value]
    if missing:
        raise InvalidReceipt(f"{what} has no member {missing[0]!r}")
    unknown = [name for name in value if name not in wanted and name not in optional]
    if unknown:
        raise InvalidReceipt(f"{what} has a member that nobody signs: {str(unknown[0])[:100]!r}")


def _string(value: Mapping[str, Any], name: str) -> str:
    text = value[name]
    if not isinstance(text, str):
        raise InvalidReceipt(f"the receipt's {name!r} is not a text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidReceipt(f"the receipt's {name!r} is not a text") from None
    return text


def _number(value: Mapping[str, Any], name: str, bits: int) -> int:
    number = value[name]
    if type(number) is not int or not 0 <= number < 1 << bits:
        raise InvalidReceipt(f"the receipt's {name!r} is not a whole number of {bits} bits")
    return number


def _fields_out(fields: Fields) -> dict[str, Any]:
    return {"names": list(fields.names), "digest": _text(fields.digest)}


def _fields_in(value: Any) -> Fields:
    _members(value, "'headers'", ("names", "digest"))
    names = value["names"]
    if not isinstance(names, list) or not all(
        isinstance(name, str) and name.isascii() and name and "," not in name for name in names
    ):
        raise InvalidReceipt("the receipt's 'names' are not names of headers")
    return Fields(tuple(names), _bytes(value["digest"], _DIGEST_BYTES, "digest"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: Any, length: int, name: str) -> bytes:
    """Base64url without padding, in its only spelling."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        exact = len(data) == length and _text(data) == text
    except (TypeError, ValueError):
        exact = False
    if not exact:
        raise InvalidReceipt(f"the receipt's {name!r} is not {length} bytes in base64url")
    return data


# Keys


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that a node publishes.

    Attributes:
        public: Ed25519, 32 bytes.
        from_s: since when it signs, in seconds since the epoch.
        until_s: since when no longer; None: it still does.
    """

    public: bytes
    from_s: int = 0
    until_s: int | None = None


def read_jwks(document: bytes | str | Mapping[str, Any]) -> dict[str, PublishedKey]:
    """Keys by their ids, of a JWK set (RFC 7517) as ``/.well-known/jwks.json`` has it; others than Ed25519 for
    signatures are passed over.

    Raises:
        InvalidReceipt: it is not one, or a key goes by another's name.
    """
    keys = _decoded(document, "a key set").get("keys")
    if not isinstance(keys, list):
        raise InvalidReceipt("a key set has a list 'keys'")
    found = {}
    for key in keys:
        if not isinstance(key, Mapping):
            raise InvalidReceipt("a key of the set is not an object")
        if key.get("kty") != "OKP" or key.get("crv") != "Ed25519" or key.get("use", "sig") != "sig":
            continue
        public = _bytes(key.get("x"), 32, "x")
        name = key_id(public)
        if key.get("kid") != name:
            raise InvalidReceipt(f"a key of the set is called {str(key.get('kid'))[:100]!r}, and is {name}")
        if not is_usable_point(public):
            raise InvalidReceipt(f"the key {name} is one that anybody can sign for")
        until = _number(key, "exp", 53) if key.get("exp") is not None else None
        found[name] = PublishedKey(public, _number(key, "nbf", 53) if "nbf" in key else 0, until)
    return found


def sign(identity: NodeIdentity, receipt: Receipt) -> bytes:
    """64 bytes. The receipt names that key."""
    if receipt.key_id != identity.key_id:
        raise ValueError("the receipt names another key")
    return identity.sign(receipt.canonical())


def verify_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 key (32 bytes) has signed. False for anything malformed, too."""
    if len(public) != 32 or not is_usable_point(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
