"""Receipts as HTTP has them: message signatures (RFC 9421) over a response and its request, content digests (RFC 9530).

A caller asks with ``Accept-Signature: wapo=();nonce="..."`` (RFC 9421 5.1); the label is what tells that the node is
meant, and not the agent. In the parentheses it may name headers of its request that are to be covered, and parts of its
address, each with ``;req``. The signature, of the same label, covers those, and always

    "@status", every header of the agent's response, "content-digest", "wapo-receipt",
    "@method";req, "@path";req, "@query";req

with the parameters ``created``, ``keyid``, ``alg`` (``ed25519``), ``nonce`` and ``tag`` (``wapo-receipt`` if none was
asked for). ``Wapo-Receipt`` says what HTTP has no field for: the receipt's id, the program, the digest of the request's
content, the times in milliseconds. Of a streamed response the last four fields are trailers, and covered as such
(``;tr``). Where lines must not be joined, or are not ASCII, their bytes are covered (``;bs``).

No I/O, and nothing here looks at a clock.
"""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from wapo.errors import CallerError
from wapo.lazy import library
from wapo.trust.identity import NodeIdentity
from wapo.trust.receipt_checks import Check
from wapo.trust.receipts import UNSIGNED_FIELDS, InvalidReceipt, PublishedKey, Receipt, verify_signature

if TYPE_CHECKING:
    import http_sf
else:
    http_sf = library("http_sf")

__all__ = [
    "LABEL", "NOTHING_ASKED", "TRAILER_NAMES", "Asked", "Exchange", "InvalidAcceptSignature", "check_message",
    "content_digest", "read_accept_signature", "signature_fields", "signed_headers",
]  # fmt: skip

LABEL: Final = "wapo"
_TAG: Final = "wapo-receipt"
_MAX_NONCE: Final = 256
_MAX_COMPONENTS: Final = 64
#: Reading so many takes less than a millisecond.
_MAX_ASKING_BYTES: Final = 4 << 10
_REMEMBERED_BYTES: Final = 1 << 10
#: What most callers send, word for word.
_USUAL: Final = re.compile(rb'wapo=\(\)(?:;nonce="([ !#-\[\]-~]{1,256})")?')
TRAILER_NAMES: Final = b"content-digest, wapo-receipt, signature-input, signature"
#: Not covered as an agent's: signatures, to which the node's is added, and what the node adds a line of its own to.
_ADDED_TO: Final = frozenset((b"content-digest", b"server-timing", b"signature", b"signature-input"))
_TEXT: Final = re.compile(r"[ -~]*")
#: RFC 9110 5.5, as a signature base may have it: ASCII without controls, but tabs.
_PLAIN: Final = re.compile(rb"[\t -~]*")
_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")

Headers = list[tuple[bytes, bytes]]


class InvalidAcceptSignature(CallerError):
    """A receipt is asked for in a way that makes no sense, or that this node cannot do."""

    code = "invalid_accept_signature"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants to be covered beside what always is.

    Attributes:
        fields: names of headers of the request.
        derived: names of further components of the request, such as ``@authority``.
        nonce: empty if there is none.
    """

    fields: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    nonce: str = ""
    tag: str = _TAG


NOTHING_ASKED: Final = Asked()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as a signature speaks about it.

    Attributes:
        target: path and query as sent.
        headers: names in lower case.
    """

    method: str
    scheme: str
    target: str
    headers: Headers

    def derived(self, name: str) -> str:
        """The value of a component (RFC 9421 2.2).

        Raises:
            KeyError: there is none of that name.
        """
        path, question, query = self.target.partition("?")
        if name == "@authority":
            return self._authority()
        if name == "@target-uri":
            return f"{self.scheme}://{self._authority()}{path}{question}{query}"
        return {
            "@method": self.method, "@path": path or "/", "@query": f"?{query}", "@request-target": self.target,
            "@scheme": self.scheme,
        }[name]  # fmt: skip

    def _authority(self) -> str:
        host = next((value for name, value in self.headers if name == b"host"), b"").decode("latin-1").lower()
        return host.removesuffix(":443" if self.scheme == "https" else ":80")


_ALWAYS: Final = ("@method", "@path", "@query")
_DERIVED: Final = frozenset(("@authority", "@request-target", "@scheme", "@target-uri"))


# Asking


def read_accept_signature(lines: Iterable[bytes], key_id: str) -> Asked | None:
    """What the lines of ``Accept-Signature`` want of the node; None if they speak to others only.

    Args:
        key_id: of the key that would sign.

    Raises:
        InvalidAcceptSignature: they make no sense, or want what cannot be had.
    """
    lines = list(lines)
    if sum(map(len, lines)) > _MAX_ASKING_BYTES:
        raise InvalidAcceptSignature(f"Accept-Signature has at most {_MAX_ASKING_BYTES} bytes")
    usual = _USUAL.fullmatch(lines[0]) if len(lines) == 1 else None
    if usual is not None:
        return Asked(nonce=(usual[1] or b"").decode())
    try:
        members: dict[str, Any] = http_sf.parse(b", ".join(lines), tltype="dictionary")  # type: ignore[assignment]
    except (ValueError, RecursionError) as error:
        raise InvalidAcceptSignature(f"Accept-Signature is a dictionary of RFC 9651: {error}") from None
    if LABEL not in members:
        return None
    components, parameters = members[LABEL]
    if not isinstance(components, list):
        raise InvalidAcceptSignature(f"Accept-Signature has a list of components for {LABEL!r}, such as {LABEL}=()")
    if len(components) > _MAX_COMPONENTS:
        raise InvalidAcceptSignature(f"at most {_MAX_COMPONENTS} components can be asked for")
    return _asked(components, parameters, key_id)


def _asked(components: list[Any], parameters: Mapping[str, Any], key_id: str) -> Asked:
    fields: dict[str, None] = {}
    derived: dict[str, None] = {}
    for name, flags in components:
        if not isinstance(name, str):
            raise InvalidAcceptSignature("a component has a name in quotation marks")
        if dict(flags) == {"req": True} and name in _DERIVED:
            derived[name] = None
        elif dict(flags) == {"req": True} and _NAME.fullmatch(name):
            fields[name] = None
        elif not (dict(flags) == {"req": True} and name in _ALWAYS) and not (
            not flags and (name == "@status" or _NAME.fullmatch(name))
        ):
            raise InvalidAcceptSignature(
                f"the component {str(http_sf.ser((name, flags)))[:100]} cannot be covered here"
            )
    known = {"created", "keyid", "alg", "nonce", "tag"}
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise InvalidAcceptSignature(f"a signature here has no parameter {unknown[0]!r}; known are {sorted(known)}")
    for name, only in (("keyid", key_id), ("alg", "ed25519")):
        if parameters.get(name, only) != only:
            raise InvalidAcceptSignature(f"this node signs with {name}={only!r}")
    nonce, tag = parameters.get("nonce", ""), parameters.get("tag", _TAG)
    for name, value in (("nonce", nonce), ("tag", tag)):
        if not isinstance(value, str) or len(value) > _MAX_NONCE or not _TEXT.fullmatch(value):
            raise InvalidAcceptSignature(f"the {name} is a text of at most {_MAX_NONCE} characters")
    return Asked(tuple(fields), tuple(derived), nonce, tag)


# Signing


def content_digest(digest: bytes) -> bytes:
    """The value of Content-Digest for a SHA-256 (RFC 9530)."""
    return b"sha-256=:%b:" % base64.b64encode(digest)


def signed_headers(headers: Headers) -> Headers:
    """Headers of a response without what would be taken for the node's own word (a signature of its label, another
    digest), or keep it from being read: a line that is no dictionary beside one that is."""
    return [header for header in headers if header[0] not in _TAKEN or _is_apart(*header)]


#: Fields in which the node has a member, and which one.
_TAKEN: Final = {b"content-digest": "sha-256", b"signature": LABEL, b"signature-input": LABEL}


def _is_apart(name: bytes, value: bytes) -> bool:
    try:
        members: dict[str, Any] = http_sf.parse(value.strip(b" \t"), tltype="dictionary")  # type: ignore[assignment]
    except (ValueError, RecursionError):
        return False
    return len(members) > 0 and _TAKEN[name] not in members


def signature_fields(
    identity: NodeIdentity, receipt: Receipt, asked: Asked, exchange: Exchange, headers: Headers, *, trailers: bool
) -> Headers:
    """The four fields that make a response's receipt.

    Args:
        headers: of the response, that are covered: names in lower case.
        trailers: whether they will follow the content.

    Raises:
        InvalidAcceptSignature: a header that was asked for is not in the request, or the address is not ASCII.
    """
    digest, about = content_digest(receipt.response_digest), _about(receipt)
    covered, text = _remembered(receipt.status, tuple(headers)) if _small(headers) else _part(receipt.status, headers)
    own = [value.strip(b" \t") for name, value in headers if name == b"content-digest" and not trailers]
    whole = b", ".join([*own, digest]).decode("latin-1")
    where = ";tr" if trailers else ""
    path, _, query = exchange.target.partition("?")
    names = [f'{covered} "content-digest"{where} "wapo-receipt"{where} "@method";req "@path";req "@query";req']
    lines = [
        f'{text}\n"content-digest"{where}: {whole}\n"wapo-receipt"{where}: {about}\n"@method";req: {exchange.method}\n'
        f'"@path";req: {path or "/"}\n"@query";req: ?{query}'
    ]
    more = [(f'"{name}";req', exchange.derived(name)) for name in asked.derived]
    for wanted in asked.fields:
        values = [value for name, value in exchange.headers if name == wanted.encode()]
        if not values:
            raise InvalidAcceptSignature(f"the request has no header {wanted!r} that could be covered")
        more.append(_covered(wanted, values, ";req"))
    for name, value in more:
        names.append(name)
        lines.append(f"{name}: {value}")
    nonce = f";nonce={_quoted(asked.nonce)}" if asked.nonce else ""
    parameters = (
        f'({" ".join(names)});created={receipt.ended_ms // 1000};keyid="{identity.key_id}";alg="ed25519"{nonce}'
        f";tag={_quoted(asked.tag)}"
    )
    lines.append(f'"@signature-params": {parameters}')
    try:
        base = "\n".join(lines).encode("ascii")
    except UnicodeEncodeError:
        raise InvalidAcceptSignature("a signature covers ASCII only, and the address of this request is not") from None
    signature = base64.b64encode(identity.sign(base))
    return [
        (b"content-digest", digest),
        (b"wapo-receipt", about.encode()),
        (b"signature-input", f"{LABEL}={parameters}".encode()),
        (b"signature", b"%b=:%b:" % (LABEL.encode(), signature)),
    ]


def _part(status: int, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Components of a response that are covered, and their lines in a signature base. Most responses of an agent have
    the same."""
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name not in _ADDED_TO:
            by_name.setdefault(name, []).append(value)
    lines = [('"@status"', str(status))]
    lines += [_covered(name.decode("latin-1"), values, "") for name, values in by_name.items()]
    return " ".join([name for name, _ in lines]), "\n".join([f"{name}: {value}" for name, value in lines])


_remembered: Final = lru_cache(1024)(_part)


def _small(headers: Headers) -> bool:
    return sum([len(name) + len(value) for name, value in headers]) <= _REMEMBERED_BYTES


def _about(receipt: Receipt) -> str:
    """``Wapo-Receipt``: a dictionary of RFC 9651."""
    content = "" if receipt.request_digest is None else f", request-digest=:{_base64(receipt.request_digest)}:"
    return (
        f'id="{receipt.request_id}", program="{receipt.program}"{content}, '
        f"started={receipt.started_ms}, ended={receipt.ended_ms}"
    )


def _covered(name: str, values: list[bytes], flag: str) -> tuple[str, str]:
    """A field's component and its value (RFC 9421 2.1)."""
    stripped = [value.strip(b" \t") for value in values]
    if name == "set-cookie" or not all(map(_PLAIN.fullmatch, stripped)):
        return f'"{name}"{flag};bs', ", ".join([f":{_base64(value)}:" for value in stripped])
    return f'"{name}"{flag}', b", ".join(stripped).decode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _quoted(text: str) -> str:
    """A string of RFC 9651."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Checking


def check_message(
    keys: Mapping[str, PublishedKey],
    exchange: Exchange,
    *,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    trailers: Iterable[tuple[str, str]] = (),
    request_body: bytes | None = None,
    nonce: str | None = None,
    program: str | None = None,
    asked: Collection[str] = (),
    unsigned: Collection[str] = UNSIGNED_FIELDS,
) -> list[Check]:
    """Looks at a response that carries its receipt.

    Args:
        keys: of the node (``wapo.trust.receipts.read_jwks``).
        exchange: the request that was sent.
        headers: all that were received, in their order, names in any case, values decoded as Latin-1; ``trailers``
            likewise.
        body: as received, before any content coding is undone.
        nonce: what was sent; a signature that has another one is of another exchange.
        asked: components of the request that it was asked to cover: somebody on the way may have asked for less.
        unsigned: names of headers that others than the agent may have put there.

    Raises:
        InvalidReceipt: it carries none.
    """
    message = _Message(status, _lower(headers), _lower(trailers), exchange)
    for _, value in (*message.headers, *message.trailers):
        if not _is_latin(value):
            raise InvalidReceipt("a header has a character that is no byte: values are wanted as Latin-1")
    components, parameters, signature = message.signature()
    checks = [_check_signature(message, components, parameters, signature, keys)]
    requested = {name for name, flags in components if flags.get("req")}
    trailing = {name for name, flags in components if flags.get("tr") and not flags.get("req")}
    leading = {name for name, flags in components if not flags.get("tr") and not flags.get("req")}
    missing = [name for name in ("@status", "content-digest", "wapo-receipt") if name not in leading | trailing]
    missing += [name for name in (*_ALWAYS, *asked) if name not in requested]
    # A name that is covered elsewhere, in the request or at the other end of the response, is not covered here.
    strange = sorted({name for name, _ in message.headers} - leading - set(unsigned))
    strange += sorted({name for name, _ in message.trailers} - trailing - set(unsigned))
    if missing:
        checks.append(Check("coverage", False, f"the signature does not cover {missing[0]}"))
    elif strange:
        checks.append(Check("coverage", False, f"{strange[0][:100]!r} is not covered by the signature"))
    else:
        checks.append(Check("coverage", True, ", ".join(str(http_sf.ser(item)) for item in components)))
    wanted = hashlib.sha256(body).digest()
    checks.append(_compare("response content", message.digest(trailers="content-digest" in trailing), wanted))
    about = message.about(trailers="wapo-receipt" in trailing)
    if request_body is not None:
        checks.append(_compare("request content", about.get("request-digest"), hashlib.sha256(request_body).digest()))
    if nonce is not None:
        checks.append(_compare("nonce", parameters.get("nonce", ""), nonce))
    if program is not None:
        checks.append(_compare("program", about.get("program"), program))
    return checks


def _compare(name: str, said: Any, known: Any) -> Check:
    shown, found = (value.hex() if isinstance(value, bytes) else str(value) for value in (said, known))
    return Check(name, said == known, shown if said == known else f"the receipt is for {shown}, and this is {found}")


def _check_signature(
    message: "_Message", components: list[Any], parameters: dict[str, Any], signature: bytes,
    keys: Mapping[str, PublishedKey],
) -> Check:  # fmt: skip
    name, key_id, created = "signature", parameters.get("keyid"), parameters.get("created")
    key = keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        return Check(name, False, f"the key {str(key_id)[:100]} is none of this node's")
    if parameters.get("alg", "ed25519") != "ed25519" or type(created) is not int:
        return Check(name, False, "the signature is of another algorithm, or does not say when it was made")
    if not verify_signature(key.public, message.base(components, parameters), signature):
        return Check(name, False, f"the key {key_id} has not signed this")
    if created + 60 < key.from_s or (key.until_s is not None and created > key.until_s + 60):
        return Check(name, False, f"the key {key_id} was not used then")
    return Check(name, True, f"ed25519, by the key {key_id}")


def _lower(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value.strip(" \t")) for name, value in headers]


def _is_latin(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"


class _Message:
    """A response that was received, with its request."""

    def __init__(
        self, status: int, headers: list[tuple[str, str]], trailers: list[tuple[str, str]], exchange: Exchange
    ) -> None:
        self.status = status
        self.headers = headers
        self.trailers = trailers
        self.exchange = exchange

    def signature(self) -> tuple[list[Any], dict[str, Any], bytes]:
        """Components, parameters, and the signature itself."""
        inputs, signatures = self._dictionary("signature-input"), self._dictionary("signature")
        components, parameters = inputs.get(LABEL, (None, {}))
        signature, _ = signatures.get(LABEL, (None, {}))
        if not isinstance(components, list) or not isinstance(signature, bytes):
            raise InvalidReceipt(f"the response carries no signature of the label {LABEL!r}")
        return components, parameters, signature

    def digest(self, *, trailers: bool) -> bytes | None:
        """What ``Content-Digest`` says there, where it is covered."""
        found = self._read("content-digest", self._lines("content-digest", trailers=trailers)).get("sha-256", (None,))[
            0
        ]
        return found if isinstance(found, bytes) else None

    def about(self, *, trailers: bool) -> dict[str, Any]:
        """The members of ``Wapo-Receipt`` there, where it is covered."""
        members = self._read("wapo-receipt", self._lines("wapo-receipt", trailers=trailers))
        return {name: member[0] for name, member in members.items()}

    def _lines(self, name: str, *, trailers: bool) -> list[str]:
        return [value for other, value in (self.trailers if trailers else self.headers) if other == name]

    def _dictionary(self, name: str) -> dict[str, Any]:
        return self._read(name, self._lines(name, trailers=False) + self._lines(name, trailers=True))

    def _read(self, name: str, lines: list[str]) -> dict[str, Any]:
        def twice(key: str, _context: str) -> None:
            raise ValueError(f"{key!r} is there twice")

        try:
            return http_sf.parse(  # type: ignore[return-value]
                ", ".join(lines).encode("latin-1"), tltype="dictionary", on_duplicate_key=twice
            )
        except (ValueError, RecursionError) as error:
            raise InvalidReceipt(f"the response's {name} makes no sense: {error}") from None

    def base(self, components: list[Any], parameters: dict[str, Any]) -> bytes:
        """What was signed, if this message is the one (RFC 9421 2.5).

        Raises:
            InvalidReceipt: a component is not there.
        """
        lines, seen = [], set()
        for name, flags in components:
            shown = str(http_sf.ser((name, flags)))
            if shown in seen:
                raise InvalidReceipt(f"the signature covers {shown} twice")
            seen.add(shown)
            lines.append(f"{shown}: {self._value(name, dict(flags), shown)}")
        lines.append(f'"@signature-params": {http_sf.ser([(components, dict(parameters))])}')
        return "\n".join(lines).encode("latin-1")

    def _value(self, name: str, flags: dict[str, Any], shown: str) -> str:
        of_request, wrapped, trailing = (flags.pop(flag, False) is True for flag in ("req", "bs", "tr"))
        try:
            if flags:
                raise KeyError
            if name == "@status" and not of_request:
                return str(self.status)
            if name.startswith("@"):
                if not of_request:
                    raise KeyError
                return self.exchange.derived(name)
        except KeyError:
            raise InvalidReceipt(f"the component {shown} is not known here") from None
        if of_request:
            lines = [value.decode("latin-1") for other, value in self.exchange.headers if other == name.encode()]
        else:
            lines = self._lines(name, trailers=trailing)
        if not lines:
            raise InvalidReceipt(f"the message has no {shown}, which is covered by the signature")
        if wrapped:
            return ", ".join([f":{_base64(line.strip(' 	').encode('latin-1'))}:" for line in lines])
        return ", ".join([line.strip(" \t") for line in lines])
