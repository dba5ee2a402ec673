"""Collateral: what Intel says about platforms at a time, read and checked strictly.

``dcap-qvl`` verifies with it. What it need not look at (white space, letters' case, a second spelling in base64, what
follows a certificate) could be changed by anybody without being noticed, so it is refused here; and so are lists whose
dates are over, whatever a library thinks of them.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from wapo.lazy import library
from wapo.trust.attestation.genuine import INTEL_ROOT_SHA256, NotGenuine, check_chain, parse_chain

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
else:
    x509 = library("cryptography.x509")
    serialization = library("cryptography.hazmat.primitives.serialization")

__all__ = ["MAX_COLLATERAL_BYTES", "Collateral"]

MAX_COLLATERAL_BYTES: Final = 4 << 20

_CHAINS: Final = ("pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain")
_HEX: Final = ("root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature")
_DOCUMENTS: Final = ("tcb_info", "qe_identity")
_FIELDS: Final = frozenset((*_CHAINS, *_HEX, *_DOCUMENTS))
#: Which libraries add, and which must then be the quote's own.
_OPTIONAL: Final = "pck_certificate_chain"
#: In which ways JSON is written. Another is not refused because it is wrong, but because nobody would notice a change.
_SPELLINGS: Final[tuple[dict[str, Any], ...]] = (
    {"indent": 2}, {"separators": (",", ":")}, {}, {"indent": 4}, {"indent": 2, "ensure_ascii": False},
    {"separators": (",", ":"), "ensure_ascii": False}, {"ensure_ascii": False},
)  # fmt: skip


class Collateral:
    """What Intel says, in the form that ``dcap-qvl`` saves it in.

    Attributes:
        text: as it was given.
        tcb_evaluation: the number of Intel's evaluation, of both documents the lower one.

    Raises:
        NotGenuine: it is in no known form.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_COLLATERAL_BYTES:
            raise NotGenuine(f"collateral of {len(data)} bytes; at most {MAX_COLLATERAL_BYTES} are read")
        try:
            self.text = data.decode("ascii")
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            raise NotGenuine("the collateral is not JSON in ASCII") from None
        if not isinstance(value, dict) or set(value) - {_OPTIONAL} != _FIELDS:
            raise NotGenuine(f"the collateral does not have just these members: {', '.join(sorted(_FIELDS))}")
        if not all(isinstance(one, str) for one in value.values()):
            raise NotGenuine("a member of the collateral is not a text")
        written = self.text.removesuffix("\n")
        if not any(json.dumps(value, **spelling) == written for spelling in _SPELLINGS):
            raise NotGenuine("the collateral is not written as JSON is by those who issue and save it")
        self._value: dict[str, str] = value
        self._bytes = {name: _from_hex(name, value[name]) for name in _HEX}
        self._documents = {name: _document(name, value[name]) for name in _DOCUMENTS}
        self.tcb_evaluation = min(_evaluation(name, document) for name, document in self._documents.items())

    def check(self, at: datetime, pck_chain: str, root_sha256: str = INTEL_ROOT_SHA256) -> datetime:
        """Checks everything that is not the library's affair; returns when the first part of it ends.

        Args:
            at: when it must be right.
            pck_chain: the quote's certificates, PEM.

        Raises:
            NotGenuine: a chain, a list or a date is not right.
        """
        own = self._value.get(_OPTIONAL)
        if own is not None and own not in (pck_chain, pck_chain.removesuffix("\0")):
            raise NotGenuine("the collateral is for the certificates of another platform")
        chains = {}
        for name in _CHAINS:
            chains[name] = parse_chain(self._value[name], f"the {name}'s")
            check_chain(chains[name], f"the {name}'s", root_sha256, at)
        pck = chains["pck_crl_issuer_chain"]
        ends = [
            _check_list("root_ca_crl", self._bytes["root_ca_crl"], pck[-1], at),
            _check_list("pck_crl", self._bytes["pck_crl"], pck[0], at),
            *(_check_dates(name, document, at) for name, document in self._documents.items()),
            *(found.not_valid_after_utc for chain in chains.values() for found in chain),
        ]
        return min(ends)


def _from_hex(name: str, text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if data.hex() != text or not data:
        raise NotGenuine(f"{name} is not hex in lower case")
    return data


def _document(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotGenuine(f"{name} is not a JSON object")
    return value


def _evaluation(name: str, document: dict[str, Any]) -> int:
    number = document.get("tcbEvaluationDataNumber")
    if type(number) is not int:
        raise NotGenuine(f"{name} does not say which evaluation it is of")
    return number


def _check_list(name: str, data: bytes, issuer: "x509.Certificate", at: datetime) -> datetime:
    try:
        found = x509.load_der_x509_crl(data)
        exact = found.public_bytes(serialization.Encoding.DER) == data
        signed = found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        begins, ends = found.last_update_utc, found.next_update_utc
    except Exception:  # ValueError, TypeError, or one of x509's own, which have no base class of theirs
        raise NotGenuine(f"the list of revoked certificates {name} cannot be read") from None
    if not exact or not signed:
        raise NotGenuine(f"the list of revoked certificates {name} is not signed by its issuer")
    if ends is None or not begins <= at < ends:
        raise NotGenuine(f"{name} is for {_span(begins, ends)}, and not for {at:%Y-%m-%d %H:%M}")
    return ends


def _check_dates(name: str, document: dict[str, Any], at: datetime) -> datetime:
    try:
        begins, ends = (datetime.fromisoformat(document[key]) for key in ("issueDate", "nextUpdate"))
        right = begins <= at < ends
    except (KeyError, TypeError, ValueError):
        raise NotGenuine(f"{name} does not say what time it is for") from None
    if not right:
        raise NotGenuine(f"{name} is for {_span(begins, ends)}, and not for {at:%Y-%m-%d %H:%M}")
    return ends


def _span(begins: datetime, ends: datetime | None) -> str:
    return f"{begins:%Y-%m-%d %H:%M} to {f'{ends:%Y-%m-%d %H:%M}' if ends is not None else 'no end'} (UTC)"
