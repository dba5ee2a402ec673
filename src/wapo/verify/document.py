"""The answer of ``GET /attestation``, checked: whose keys they are, that they are held now, and that a quote is bound
to them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wapo.errors import CallerError
from wapo.trust.attestation.genuine import NotGenuine
from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.attestation.report_data import DOMAIN, Bound, EarlierKey
from wapo.trust.ed25519_points import is_usable_point
from wapo.trust.identity import key_id
from wapo.verify.events import read_events
from wapo.verify.policy import Policy
from wapo.verify.quotes import INTEL, Root, verify_quote
from wapo.verify.steps import Step, step_of

__all__ = ["MAX_DOCUMENT_BYTES", "Attestation", "UnreadableAttestation", "check_attestation", "read_attestation"]

MAX_DOCUMENT_BYTES: Final = 8 << 20
_TEE_OF: Final = {"dstack": "tdx", "tdx": "tdx", "sgx": "sgx"}


class UnreadableAttestation(CallerError):
    """What should be a node's attestation is none."""

    code = "unreadable_attestation"


@dataclass(frozen=True)
class Attestation:
    """What a node says of itself; nothing of it is believed yet.

    Attributes:
        earlier: keys that it signed with before, which the present one vouches for.
        claimed: what the node calls itself, which counts for nothing.
    """

    kind: str
    claimed: bool
    bound: Bound
    key_id: str
    earlier: tuple[EarlierKey, ...]
    report_data: bytes
    quote: bytes
    event_log: str | None
    signature: bytes


def read_attestation(data: bytes) -> Attestation:
    """Raises :class:`UnreadableAttestation`."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnreadableAttestation(f"an attestation of {len(data)} bytes; at most {MAX_DOCUMENT_BYTES} are read")
    try:
        value = json.loads(data)
        if value["format"] != DOMAIN:
            raise UnreadableAttestation(f"the attestation is not in the format {DOMAIN}")
        node, quote, log = value["node"], value["quote"], value["event_log"]
        algorithms = node["signing"]["algorithm"], node["agreement"]["algorithm"], value["signature"]["algorithm"]
        if algorithms != ("Ed25519", "X25519", "Ed25519"):
            raise UnreadableAttestation("the attestation names other algorithms than Ed25519 and X25519")
        if not isinstance(log, str | None) or not isinstance(value["attested"], bool):
            raise UnreadableAttestation("the attestation cannot be read")
        return Attestation(
            kind=_text(value["kind"]), claimed=value["attested"],
            bound=Bound(
                _hex(node["signing"]["public"], 32), _hex(node["agreement"]["public"], 32), _text(value["programs"]),
                _hex(value["nonce"]),
            ),
            key_id=_text(node["key_id"]),
            earlier=tuple(map(_earlier, node["earlier"])), report_data=_hex(value["report_data"], 64),
            quote=base64.b64decode(quote, validate=True) if quote is not None else b"", event_log=log,
            signature=base64.b64decode(value["signature"]["value"], validate=True),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnreadableAttestation("the attestation cannot be read") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value


def _earlier(value: Any) -> EarlierKey:
    return EarlierKey(_hex(value["public"], 32), _seconds(value["from"]), _seconds(value["until"]))


def _seconds(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError
    return value


def _hex(value: Any, length: int | None = None) -> bytes:
    data = bytes.fromhex(value)
    if data.hex() != value or (length is not None and len(data) != length):
        raise ValueError
    return data


def check_attestation(
    found: Attestation,
    nonce: bytes | None,
    collateral: bytes | None,
    at: datetime,
    policy: Policy,
    root: Root = INTEL,
) -> list[Step]:
    """Steps from the nonce to the software.

    Args:
        nonce: what was asked with; None: nobody knows, so it may be an old answer.
    """
    steps = [_fresh(found, nonce), step_of("node key", lambda: _key(found))]
    if any(step.state == "failed" for step in steps):
        return steps
    steps.append(_programs(found, policy))
    if policy.key_ids and found.key_id not in policy.key_ids:
        steps.append(Step("key", "failed", f"the node's key is {found.key_id}, which the policy does not name"))
    if not found.quote:
        text = "nothing is attested: no TEE vouches for this node, and whoever has the machine can do anything with it"
        return [*steps, Step("TEE", "failed" if found.claimed else "open", text if not found.claimed else _CLAIM)]
    events: Mapping[str, str] = {}

    def binding() -> Step:
        nonlocal events
        quoted = parse_quote(found.quote)
        if _TEE_OF.get(found.kind) != quoted.tee:
            raise NotGenuine(f"the node says {found.kind[:20]!r}, and the quote is of {quoted.tee}")
        if quoted.report_data != found.bound.report_data():
            raise NotGenuine("the quote is not for this node's keys, programs and nonce: it was made for somebody else")
        if found.event_log is not None and policy.events:
            events = read_events(found.event_log, quoted)
        text = "the quote was made for this node's keys, its programs, and this nonce"
        return Step("binding", "ok", text, {"root key": _ROOT_KEY.get(found.kind, _IN_A_FILE)})

    steps.append(step_of("binding", binding))
    return [*steps, *verify_quote(found.quote, collateral, at, policy, events, root)]


#: By the node's word, as what it is made of.
_IN_A_FILE: Final = "from a file: as secret as what was measured keeps that file (docs/trust.md)"
_ROOT_KEY: Final = {"dstack": "from the key service of dstack"}
_CLAIM: Final = "the node calls itself attested, and shows no quote"


def _fresh(found: Attestation, nonce: bytes | None) -> Step:
    if nonce is None:
        return Step("fresh", "open", "whether this is an old answer cannot be told: --nonce says what was asked with")
    if nonce != found.bound.nonce:
        text = "the answer is to another nonce: it is an old one, or somebody else's"
        return Step("fresh", "failed", text, {"asked": nonce.hex(), "answered": found.bound.nonce.hex()})
    return Step("fresh", "ok", "the answer is to this nonce", {"nonce": nonce.hex()})


def _key(found: Attestation) -> Step:
    bound = found.bound
    if found.report_data != bound.report_data():
        raise NotGenuine("the report data are not those of these keys, programs and nonce")
    if not is_usable_point(bound.public) or found.key_id != key_id(bound.public):
        raise NotGenuine("the node's key goes by another's name, or anybody can sign with it")
    try:
        key = Ed25519PublicKey.from_public_bytes(bound.public)
        key.verify(found.signature, bound.statement(found.kind, found.quote, found.earlier))
    except (InvalidSignature, ValueError):
        raise NotGenuine("the answer is not signed with the key that it names") from None
    evidence = {"key_id": found.key_id, "encrypt_to": bound.agreement_public.hex()}
    return Step("node key", "ok", f"who answered has the key {found.key_id}", evidence)


def _programs(found: Attestation, policy: Policy) -> Step:
    """The node's own word about what it is made of: as good as the software that says it, which was measured."""
    programs = found.bound.programs
    if policy.programs and programs not in policy.programs:
        return Step("programs", "failed", f"the node is made of {programs[:120]}, which the policy does not name")
    said = "as the policy names it" if policy.programs else "by its own word"
    return Step("programs", "ok", f"{programs[:120]}, {said}", {"programs": programs})
