"""Callers who sign queries and certificates, one for each kind of signature."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import coincurve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wapo.trust import schnorr
from wapo.trust.query_signature import (
    Certificate,
    CertificateBody,
    Query,
    QuerySignature,
    RootSigner,
    SignatureType,
)
from wapo.trust.query_verification import SignedCertificate, SignedQuery
from wapo.trust.signers import Signable, evm_address

WRAPPED = frozenset(kind for kind in SignatureType if kind.name.endswith("WRAP_BYTES"))


@dataclass(frozen=True)
class Caller:
    """A key pair of one kind."""

    kind: SignatureType
    public: bytes
    identity: bytes
    sign_bytes: Callable[[bytes], bytes]

    def sign(self, signed: Signable) -> bytes:
        if self.kind is SignatureType.EIP712:
            return self.sign_bytes(signed.typed_data_digest())
        message = signed.message()
        return self.sign_bytes(b"<Bytes>" + message + b"</Bytes>" if self.kind in WRAPPED else message)

    def query(self, query: Query) -> QuerySignature:
        """As a root signer."""
        return QuerySignature(self.kind, self.sign(SignedQuery(query, by_certificate=False)), RootSigner(self.public))

    def certify(self, body: CertificateBody) -> Certificate:
        """As a root signer."""
        return Certificate(body, self.kind, self.sign(SignedCertificate(body)), self.public)

    def query_with(self, certificate: Certificate, query: Query) -> QuerySignature:
        """With this key, which the certificate is for."""
        return QuerySignature(self.kind, self.sign(SignedQuery(query, by_certificate=True)), certificate)


def caller(kind: SignatureType, seed: bytes = b"\x44" * 32) -> Caller:
    """A caller of that kind; each seed another one."""
    name = kind.name.removesuffix("_WRAP_BYTES")
    if name == "ED25519":
        ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
        public = ed25519.public_key().public_bytes_raw()
        return Caller(kind, public, public, ed25519.sign)
    if name == "SR25519":
        secret = schnorr.secret_of_seed(seed)
        public = schnorr.public_of(secret)
        return Caller(kind, public, public, lambda message: schnorr.sign(secret, public, message))
    key = coincurve.PrivateKey(seed)
    public = key.public_key.format()
    evm = evm_address(key.public_key) + b"@evm_address"
    if name == "EIP712":
        return Caller(kind, public, evm, lambda digest: key.sign_recoverable(digest, hasher=None))
    identity = hashlib.blake2b(public, digest_size=32).digest() if name == "ECDSA" else evm
    return Caller(
        kind,
        public,
        identity,
        lambda message: key.sign_recoverable(hashlib.blake2b(message, digest_size=32).digest(), hasher=None),
    )
