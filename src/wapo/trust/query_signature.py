"""Signed queries as SCALE (node-and-gateway 3.6.1): the structures, their bytes, and the messages that are signed.

Whether a signature is good is the business of :mod:`wapo.trust.query_verification`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wapo.scale.primitives import (
    Reader,
    ScaleError,
    encode_bytes,
    encode_option,
    encode_text,
    encode_unsigned,
    encode_vec,
)
from wapo.trust.query_errors import InvalidSignatureType, UndecodableSignature

__all__ = [
    "MAX_RESOURCES",
    "MAX_SCOPES",
    "MAX_SIGNATURE_BYTES",
    "Certificate",
    "CertificateBody",
    "Query",
    "QuerySignature",
    "RootSigner",
    "Scope",
    "SignatureType",
    "decode_query_signature",
    "encode_query_signature",
]

MAX_SIGNATURE_BYTES: Final = 16_384
"""Of the whole encoding. The original has no limits; but anybody may send one, and reading long lists costs time."""
MAX_SCOPES: Final = 32
"""Of a certificate. With as many resources each, 1 to 2 ms are the most that reading takes."""
MAX_RESOURCES: Final = 32
"""Of a scope."""


class SignatureType(IntEnum):
    """Kinds of signatures. *Wrap bytes* is what browser wallets of Polkadot sign."""

    ED25519 = 0
    SR25519 = 1
    ECDSA = 2
    ED25519_WRAP_BYTES = 3
    SR25519_WRAP_BYTES = 4
    ECDSA_WRAP_BYTES = 5
    EIP712 = 6
    EVM_ECDSA = 7
    EVM_ECDSA_WRAP_BYTES = 8


@dataclass(frozen=True, slots=True)
class Query:
    """What a caller signs: the app's address as he gave it, the path and the payload."""

    address: bytes
    path: str
    payload: bytes

    def encode(self) -> bytes:
        """SCALE. The address has a length in front here."""
        return encode_bytes(self.address) + encode_text(self.path) + encode_bytes(self.payload)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a certificate allows: paths of one app."""

    app: bytes
    resources: tuple[str, ...]

    def covers(self, address: bytes, path: str) -> bool:
        """Whether the app is that one, and a resource is the path, or ends in ``*`` or ``/`` and begins it.

        Paths are compared as texts. No app is *every* app: an empty ``app`` covers the empty address only.
        """
        return self.app == address and any(
            resource == path
            or (resource.endswith("*") and path.startswith(resource[:-1]))
            or (resource.endswith("/") and path.startswith(resource))
            for resource in self.resources
        )

    def encode(self) -> bytes:
        """SCALE."""
        return encode_bytes(self.app) + encode_vec(map(encode_text, self.resources))

    @classmethod
    def read(cls, reader: Reader) -> "Scope":
        return cls(reader.bytes(), tuple(reader.vec(reader.text, at_most=MAX_RESOURCES)))


@dataclass(frozen=True, slots=True)
class CertificateBody:
    """What a root signer signs: this key may send queries within these scopes until then.

    ``public`` is of the kind that signs the query. ``expiration`` is in Unix seconds, u64.
    """

    public: bytes
    expiration: int
    scopes: tuple[Scope, ...]

    def encode(self) -> bytes:
        """SCALE."""
        scopes = encode_vec(scope.encode() for scope in self.scopes)
        return encode_bytes(self.public) + encode_unsigned(self.expiration, 8) + scopes

    @classmethod
    def read(cls, reader: Reader) -> "CertificateBody":
        public, expiration = reader.bytes(), reader.unsigned(8)
        return cls(public, expiration, tuple(reader.vec(lambda: Scope.read(reader), at_most=MAX_SCOPES)))


@dataclass(frozen=True, slots=True)
class RootSigner:
    """A query signed with the caller's own key."""

    public: bytes

    def encode(self) -> bytes:
        """SCALE, with the signer's variant in front."""
        return b"\0" + encode_bytes(self.public)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A query signed with a key that a root signer vouches for; these are the root's kind, signature and key."""

    body: CertificateBody
    signature_type: SignatureType
    signature: bytes
    root: bytes

    def encode(self) -> bytes:
        """SCALE, with the signer's variant in front."""
        kind = bytes((self.signature_type,))
        return b"\1" + self.body.encode() + kind + encode_bytes(self.signature) + encode_bytes(self.root)

    @classmethod
    def read(cls, reader: Reader) -> "Certificate":
        return cls(CertificateBody.read(reader), _read_type(reader), reader.bytes(), reader.bytes())


@dataclass(frozen=True, slots=True)
class QuerySignature:
    """``signature`` is of the query, by the root signer's key or by the certificate's."""

    signature_type: SignatureType
    signature: bytes
    signer: RootSigner | Certificate


def encode_query_signature(signature: QuerySignature | None) -> bytes:
    """``Option<QuerySignature>``, the field ``encoded_signature`` of ``QueryArgs``."""
    if signature is None:
        return encode_option(None)
    kind = bytes((signature.signature_type,))
    return encode_option(kind + encode_bytes(signature.signature) + signature.signer.encode())


def decode_query_signature(encoded: bytes) -> QuerySignature | None:
    """Of ``Option<QuerySignature>``; nothing at all is None, too. Bytes after the end are ignored, as everywhere.

    Raises:
        UndecodableSignature: it is not one, longer than 16 KiB, or has more scopes or resources than 32.
        InvalidSignatureType: it has a kind that does not exist.
    """
    if not encoded:
        return None
    if len(encoded) > MAX_SIGNATURE_BYTES:
        raise UndecodableSignature(f"{len(encoded)} bytes; at most {MAX_SIGNATURE_BYTES} are allowed")
    reader = Reader(encoded)
    try:
        if not reader.option():
            return None
        kind, signature = _read_type(reader), reader.bytes()
        if reader.variant("Signer", 2) == 0:
            return QuerySignature(kind, signature, RootSigner(reader.bytes()))
        return QuerySignature(kind, signature, Certificate.read(reader))
    except ScaleError as error:
        raise UndecodableSignature(str(error)) from error


def _read_type(reader: Reader) -> SignatureType:
    number = reader.unsigned(1)
    try:
        return SignatureType(number)
    except ValueError:
        raise InvalidSignatureType(f"there is no kind {number}") from None
