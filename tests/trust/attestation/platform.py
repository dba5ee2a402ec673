"""Quotes: real ones, and those of a platform that is made here, with a root, certificates and collateral of its own.

What is made here has the layouts of the real samples and their lists of TCB levels, under another root: so a verifier
that is told of that root accepts it, and quotes over fresh report data can be had without a TEE.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.attestation.provider import Evidence

ROOT = Path(__file__).resolve().parents[3]
QUOTES = Path(os.environ.get("WAPO_QUOTES") or next(
    (path for path in (ROOT.parent / "shared/data/quotes", ROOT.parents[1] / "shared/data/quotes") if path.is_dir()),
    ROOT.parent / "shared/data/quotes",
))  # fmt: skip

SGX_EXTENSION = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
#: An hour after the collateral of each real sample was issued.
SAMPLES = {
    "sgx_quote": datetime(2025, 6, 19, 11, 56, 11, tzinfo=UTC),
    "tdx_quote": datetime(2025, 6, 19, 11, 16, 3, tzinfo=UTC),
    "tdx_quote_outdated": datetime(2026, 2, 18, 11, 58, 51, tzinfo=UTC),
}

needs_quotes = pytest.mark.skipif(
    not (QUOTES / "tdx_quote").exists(), reason=f"no real quotes in {QUOTES}: WAPO_QUOTES says where they are"
)


@cache
def sample(name: str) -> tuple[bytes, bytes, datetime]:
    """A real quote, its collateral as the file has it, and when both were right."""
    return (QUOTES / name).read_bytes(), (QUOTES / f"{name}_collateral.json").read_bytes(), SAMPLES[name]


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(*certificates: x509.Certificate) -> str:
    return b"".join(found.public_bytes(serialization.Encoding.PEM) for found in certificates).decode()


def _raw(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    return _raw(key.sign(message, ec.ECDSA(hashes.SHA256())))


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


@dataclass
class Platform:
    """A machine with a TEE, and those who vouch for it.

    Attributes:
        kind: ``tdx`` or ``sgx``.
        now: when its collateral was issued; it is right for 30 days.
        status: of its TCB level; None: as in the sample.
        revoked: whether the platform's certificate is revoked.
    """

    kind: str = "tdx"
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    status: str | None = None
    revoked: bool = False

    def __post_init__(self) -> None:
        self._root_key, self._ca_key, self._tcb_key, self._pck_key, self._key = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(5)
        )
        quote, collateral, _ = sample(f"{self.kind}_quote")
        self._template = quote
        self._real: dict[str, Any] = json.loads(collateral)
        real_leaf = x509.load_pem_x509_certificates(parse_quote(quote).chain.rstrip(b"\0"))[0]
        extension = real_leaf.extensions.get_extension_for_oid(SGX_EXTENSION).value
        self.root = self._certificate("Intel SGX Root CA", self._root_key, None)
        self.ca = self._certificate("Intel SGX PCK Platform CA", self._ca_key, self.root)
        self.tcb = self._certificate("Intel SGX TCB Signing", self._tcb_key, self.root, ca=False)
        self.pck = self._certificate("Intel SGX PCK Certificate", self._pck_key, self.ca, ca=False, extension=extension)

    @property
    def root_der(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.DER)

    @property
    def root_sha256(self) -> str:
        return hashlib.sha256(self.root_der).hexdigest()

    def _key_of(self, issuer: x509.Certificate | None) -> ec.EllipticCurvePrivateKey:
        return self._root_key if issuer is None or issuer.subject == _name("Intel SGX Root CA") else self._ca_key

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, *, ca: bool = True,
        extension: Any = None,
    ) -> x509.Certificate:  # fmt: skip
        signer = self._key_of(issuer)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name)).issuer_name(issuer.subject if issuer is not None else _name(name))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=365)).not_valid_after(self.now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )  # fmt: skip
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256())

    def _crl(self, issuer: x509.Certificate, *serials: int) -> str:
        signer = self._key_of(issuer) if issuer is self.root else self._ca_key
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject).last_update(self.now).next_update(self.now + timedelta(days=30))
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )  # fmt: skip
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.now).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER).hex()

    def quote(self, report_data: bytes, **measured: str) -> bytes:
        """A quote with these report data; ``measured`` replaces measured values of TDX (hex)."""
        sgx = self.kind == "sgx"
        parsed = parse_quote(self._template)
        body_end = len(parsed.signed)
        signed = bytearray(parsed.signed)
        signed[body_end - 64 :] = report_data
        places = {"rt_mr3": (48 + 472, 48), "mr_td": (48 + 136, 48), "td_attributes": (48 + 120, 8)}
        for name, value in measured.items():
            at, length = places[name]
            signed[at : at + length] = bytes.fromhex(value)
        auth = bytes(range(32))
        qe_report = bytearray(parsed.qe_report)
        qe_report[320:384] = hashlib.sha256(_point(self._key) + auth).digest() + bytes(32)
        chain = _pem(self.pck, self.ca, self.root).encode() + b"\0"
        certified = (
            bytes(qe_report) + _sign(self._pck_key, bytes(qe_report)) + len(auth).to_bytes(2, "little") + auth
            + (5).to_bytes(2, "little") + len(chain).to_bytes(4, "little") + chain
        )  # fmt: skip
        if not sgx:
            certified = (6).to_bytes(2, "little") + len(certified).to_bytes(4, "little") + certified
        evidence = _sign(self._key, bytes(signed)) + _point(self._key) + certified
        return bytes(signed) + len(evidence).to_bytes(4, "little") + evidence + bytes(70)

    def collateral(self) -> bytes:
        """As dcap-qvl saves it."""
        tcb_info = self._dated(json.loads(self._real["tcb_info"]))
        if self.status is not None:
            for level in tcb_info["tcbLevels"]:
                level["tcbStatus"] = self.status
        tcb_text = json.dumps(tcb_info, separators=(",", ":"))
        qe_text = json.dumps(self._dated(json.loads(self._real["qe_identity"])), separators=(",", ":"))
        value = {
            "pck_crl_issuer_chain": _pem(self.ca, self.root),
            "root_ca_crl": self._crl(self.root),
            "pck_crl": self._crl(self.ca, *([self.pck.serial_number] if self.revoked else [])),
            "tcb_info_issuer_chain": _pem(self.tcb, self.root),
            "tcb_info": tcb_text,
            "tcb_info_signature": _sign(self._tcb_key, tcb_text.encode()).hex(),
            "qe_identity_issuer_chain": _pem(self.tcb, self.root),
            "qe_identity": qe_text,
            "qe_identity_signature": _sign(self._tcb_key, qe_text.encode()).hex(),
        }
        return json.dumps(value, indent=2).encode()

    def _dated(self, document: dict[str, Any]) -> dict[str, Any]:
        text = "%Y-%m-%dT%H:%M:%SZ"
        later = self.now + timedelta(days=30)
        return document | {"issueDate": self.now.strftime(text), "nextUpdate": later.strftime(text)}


class Hardware:
    """A provider whose quotes are that platform's, for a node in a test.

    Attributes:
        asked: the report data of each quote.
    """

    writable = ()

    def __init__(self, platform: Platform, **measured: str) -> None:
        self.kind: Any = platform.kind
        self.platform = platform
        self.measured = measured
        self.asked: list[bytes] = []

    def prepare(self) -> None: ...

    def evidence(self, report_data: bytes) -> Evidence:
        self.asked.append(report_data)
        return Evidence(self.platform.quote(report_data, **self.measured))

    def quote(self, report_data: bytes) -> bytes:
        return self.evidence(report_data).quote

    def root_key(self) -> None: ...

    def close(self) -> None: ...
