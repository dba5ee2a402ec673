"""Whose signatures are on a quote: up to Intel's root for SGX and TDX platforms, without asking anybody.

This does not say that the platform is up to date or not revoked: for that there is collateral (:mod:`wapo.verify`). It
is what a node checks of its own quote before it calls itself attested, so that a simulator's quote, or one with report
data put in afterwards, is never passed on for more than it is; and the strict half of what a verifier checks: forms
that libraries read past (white space, second spellings) are refused.
"""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from wapo.errors import CallerError
from wapo.lazy import library
from wapo.trust.attestation.measurements import ParsedQuote

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric import utils as signatures
else:  # these are for machines with a TEE, and for those who verify
    x509 = library("cryptography.x509")
    hashes = library("cryptography.hazmat.primitives.hashes")
    serialization = library("cryptography.hazmat.primitives.serialization")
    ec = library("cryptography.hazmat.primitives.asymmetric.ec")
    signatures = library("cryptography.hazmat.primitives.asymmetric.utils")

__all__ = ["INTEL_ROOT_SHA256", "NotGenuine", "check_chain", "check_genuine", "parse_chain"]

INTEL_ROOT_SHA256: Final = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
"""Of Intel's "SGX Root CA" certificate (DER), from https://certificates.trustedservices.intel.com."""

_MOST_CERTIFICATES: Final = 4


class NotGenuine(CallerError):
    """A quote, or what belongs to one, on which a signature is missing, wrong, or somebody else's."""

    code = "not_genuine"


def check_genuine(quote: ParsedQuote, root_sha256: str = INTEL_ROOT_SHA256) -> "Sequence[x509.Certificate]":
    """Checks every signature between the quote and the root; returns the platform's certificates, its own first.

    Raises:
        NotGenuine: one of them is not right.
    """
    pem = quote.chain
    certificates = parse_chain((pem[:-1] if pem.endswith(b"\0") else pem).decode("latin-1"), "the platform's")
    check_chain(certificates, "the platform's", root_sha256)
    _check_signature(certificates[0].public_key(), quote.qe_signature, quote.qe_report, "of the platform")
    expected = hashlib.sha256(quote.attestation_key + quote.qe_auth).digest() + bytes(32)
    if quote.qe_report[320:384] != expected:
        raise NotGenuine("the quoting enclave vouches for another attestation key")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + quote.attestation_key)
    except ValueError:
        raise NotGenuine("the attestation key is no point of its curve") from None
    _check_signature(key, quote.signature, quote.signed, "of the attestation key")
    return certificates


def parse_chain(pem: str, whose: str) -> "list[x509.Certificate]":
    """Certificates in PEM, in the one form that they are issued in: lines of 64 characters, nothing between them.

    Raises:
        NotGenuine: none, too many, or another form.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except Exception:  # ValueError, or one of a dozen of x509's own that have no base class of theirs
        raise NotGenuine(f"{whose} certificates cannot be read") from None
    if len(certificates) > _MOST_CERTIFICATES:
        raise NotGenuine(f"{len(certificates)} certificates, where at most {_MOST_CERTIFICATES} are needed")
    canonical = b"".join(found.public_bytes(serialization.Encoding.PEM) for found in certificates).decode()
    if pem not in (canonical, canonical.removesuffix("\n")):
        raise NotGenuine(f"{whose} certificates are not in the form that they are issued in")
    return certificates


def check_chain(
    certificates: "Sequence[x509.Certificate]",
    whose: str,
    root_sha256: str = INTEL_ROOT_SHA256,
    at: datetime | None = None,
) -> None:
    """That each certificate is issued by the next one, and the last one is the root.

    Args:
        at: when they must be valid; None: dates are not looked at.

    Raises:
        NotGenuine.
    """
    if hashlib.sha256(certificates[-1].public_bytes(serialization.Encoding.DER)).hexdigest() != root_sha256:
        raise NotGenuine(f"{whose} certificates do not lead to Intel's root")
    for issued, issuer in itertools.pairwise([*certificates, certificates[-1]]):
        try:
            issued.verify_directly_issued_by(issuer)
        except Exception:
            # ValueError, TypeError, InvalidSignature, or an unsupported algorithm: it is not issued by that one.
            raise NotGenuine(f"one of {whose} certificates is not signed by the next one") from None
        if not _may_issue(issuer):
            raise NotGenuine(f"one of {whose} certificates is signed by one that may not sign certificates")
        if at is not None and not issued.not_valid_before_utc <= at <= issued.not_valid_after_utc:
            raise NotGenuine(
                f"one of {whose} certificates is valid from {issued.not_valid_before_utc:%Y-%m-%d} to "
                f"{issued.not_valid_after_utc:%Y-%m-%d} only"
            )


def _may_issue(issuer: "x509.Certificate") -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # as above; there is none, or it cannot be read
        return False


def _check_signature(key: object, signature: bytes, message: bytes, whose: str) -> None:
    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotGenuine(f"the key {whose} is not on an elliptic curve")
    try:
        key.verify(signatures.encode_dss_signature(*halves), message, ec.ECDSA(hashes.SHA256()))
    except Exception:  # InvalidSignature, which is no library's base class
        raise NotGenuine(f"the signature {whose} is wrong") from None
