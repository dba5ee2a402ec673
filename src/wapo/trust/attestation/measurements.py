"""A quote as its bytes say it, read strictly: versions 3 (SGX), 4 and 5 (SGX, TDX) of Intel's DCAP quotes.

Strictly, because a verifier reads only what it needs, and what nobody reads anybody may change: here every length must
fit, and what lies behind the quote must be zeros, as hardware interfaces fill up with. Layouts: Intel's "SGX ECDSA
Quote Library Reference", appendix A, and "TDX DCAP Quoting Library API", appendix A.
"""

import struct
from dataclasses import dataclass, field
from typing import Final, Literal

from wapo.errors import CallerError

__all__ = ["MalformedQuote", "ParsedQuote", "parse_quote"]

Tee = Literal["sgx", "tdx"]

_HEADER: Final = struct.Struct("<HHIHH16s20s")
_HEADER_BYTES: Final = 48
_ECDSA_P256: Final = 2
_TEES: Final[dict[int, Tee]] = {0x00: "sgx", 0x81: "tdx"}
_INTEL_QE: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_SGX_BODY: Final = 384
#: Kinds of bodies of version 5: length, and whose.
_BODIES: Final[dict[int, tuple[int, Tee]]] = {1: (_SGX_BODY, "sgx"), 2: (584, "tdx"), 3: (648, "tdx")}
_TD10_BODY: Final = 584
_QE_REPORT: Final = 384
_PCK_CHAIN, _QE_CERTIFICATION = 5, 6
_MAX_BYTES: Final = 64 << 10

#: Where what is measured lies in a body: name, first byte, length.
_TDX_FIELDS: Final = (
    ("tee_tcb_svn", 0, 16), ("mr_seam", 16, 48), ("mr_signer_seam", 64, 48), ("seam_attributes", 112, 8),
    ("td_attributes", 120, 8), ("xfam", 128, 8), ("mr_td", 136, 48), ("mr_config_id", 184, 48), ("mr_owner", 232, 48),
    ("mr_owner_config", 280, 48), ("rt_mr0", 328, 48), ("rt_mr1", 376, 48), ("rt_mr2", 424, 48), ("rt_mr3", 472, 48),
)  # fmt: skip
_TDX15_FIELDS: Final = (("tee_tcb_svn2", 584, 16), ("mr_service_td", 600, 48))
_SGX_FIELDS: Final = (
    ("cpu_svn", 0, 16), ("attributes", 48, 16), ("mr_enclave", 64, 32), ("mr_signer", 128, 32),
)  # fmt: skip


class MalformedQuote(CallerError):
    """The bytes are no quote, or not in the one form that a quote has."""

    code = "malformed_quote"


@dataclass(frozen=True)
class ParsedQuote:
    """A quote that nobody has verified yet.

    Attributes:
        measured: what the hardware has measured, in hex, by the name that it has in a policy.
        isv_prod_id, isv_svn: the enclave's product and its version; None for TDX.
        debug: whether whoever has the machine may look into it.
        report_data: 64 bytes of the software's choice.
        signed: what ``signature`` is over.
        signature, attestation_key: ECDSA P-256, 64 bytes each, big-endian halves.
        qe_report, qe_signature: the quoting enclave's report, and the platform's signature over it.
        qe_auth: what the report hashes beside the attestation key.
        chain: the platform's certificates, PEM.
    """

    version: int
    tee: Tee
    measured: dict[str, str]
    isv_prod_id: int | None
    isv_svn: int | None
    debug: bool
    report_data: bytes
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    attestation_key: bytes = field(repr=False)
    qe_report: bytes = field(repr=False)
    qe_signature: bytes = field(repr=False)
    qe_auth: bytes = field(repr=False)
    chain: bytes = field(repr=False)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int, what: str) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) < count:
            raise MalformedQuote(f"the quote ends within its {what}")
        self.at += count
        return piece

    def number(self, count: int, what: str) -> int:
        return int.from_bytes(self.take(count, what), "little")

    def part(self, length: int, what: str) -> "_Reader":
        return _Reader(self.take(length, what))

    def end(self, what: str) -> None:
        if self.at != len(self.data):
            raise MalformedQuote(f"{len(self.data) - self.at} bytes follow the quote's {what}")


def parse_quote(data: bytes) -> ParsedQuote:
    """Reads a quote; nothing is verified.

    Raises:
        MalformedQuote.
    """
    if len(data) > _MAX_BYTES:
        raise MalformedQuote(f"a quote of {len(data)} bytes; at most {_MAX_BYTES} are read")
    reader = _Reader(data)
    version, key_type, tee_number, _, _, vendor, _ = _HEADER.unpack(reader.take(_HEADER_BYTES, "header"))
    tee = _TEES.get(tee_number)
    if version not in (3, 4, 5) or tee is None or (version == 3 and tee != "sgx"):
        raise MalformedQuote(f"no quote of a known kind: version {version}, TEE {tee_number:#x}")
    if key_type != _ECDSA_P256 or vendor != _INTEL_QE:
        raise MalformedQuote("the quote is not one of Intel's quoting enclave with ECDSA P-256")
    body = _read_body(reader, version, tee)
    signed = data[: reader.at]
    evidence = reader.part(reader.number(4, "signature's length"), "signature")
    if any(data[reader.at :]):
        raise MalformedQuote("something follows the quote")
    signature, key = evidence.take(64, "signature"), evidence.take(64, "attestation key")
    certification = evidence
    if version >= 4:
        certification = _certified(evidence, _QE_CERTIFICATION, "certification")
        evidence.end("certification")
    qe_report, qe_signature = certification.take(_QE_REPORT, "QE report"), certification.take(64, "QE signature")
    qe_auth = certification.take(certification.number(2, "QE data's length"), "QE data")
    chain = _certified(certification, _PCK_CHAIN, "certificates").data
    certification.end("certificates")
    measured = {name: body[at : at + length].hex() for name, at, length in _fields(tee, len(body))}
    sgx = tee == "sgx"
    return ParsedQuote(
        version=version, tee=tee, measured=measured,
        isv_prod_id=int.from_bytes(body[256:258], "little") if sgx else None,
        isv_svn=int.from_bytes(body[258:260], "little") if sgx else None,
        debug=bool(body[48] & 2) if sgx else bool(body[120] & 1),
        report_data=body[320:384] if sgx else body[520:584],
        signed=signed, signature=signature, attestation_key=key, qe_report=qe_report, qe_signature=qe_signature,
        qe_auth=qe_auth, chain=chain,
    )  # fmt: skip


def _read_body(reader: _Reader, version: int, tee: Tee) -> bytes:
    if version < 5:
        return reader.take(_SGX_BODY if tee == "sgx" else _TD10_BODY, "report")
    kind, length = reader.number(2, "report's kind"), reader.number(4, "report's length")
    if _BODIES.get(kind) != (length, tee):
        raise MalformedQuote(f"no report of a known kind: {kind}, of {length} bytes, for {tee}")
    return reader.take(length, "report")


def _certified(reader: _Reader, expected: int, what: str) -> _Reader:
    kind = reader.number(2, what)
    if kind != expected:
        raise MalformedQuote(f"the quote's {what} are of kind {kind}; {expected} is needed")
    return reader.part(reader.number(4, what), what)


def _fields(tee: Tee, length: int) -> tuple[tuple[str, int, int], ...]:
    if tee == "sgx":
        return _SGX_FIELDS
    return _TDX_FIELDS if length == _TD10_BODY else _TDX_FIELDS + _TDX15_FIELDS
