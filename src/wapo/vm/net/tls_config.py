"""TLS settings of guests (wapo-abi.md 6.1, 6.4, 6.5): certificates and keys as PEM text, and whom clients trust.

Both texts come from guests, so they are bounded, and parsed by ``cryptography`` before OpenSSL sees them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi
from cryptography.exceptions import UnsupportedAlgorithm

from wapo.lazy import library

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.x509 import verification
else:
    x509 = library("cryptography.x509")
    serialization = library("cryptography.hazmat.primitives.serialization")
    ec = library("cryptography.hazmat.primitives.asymmetric.ec")
    ed25519 = library("cryptography.hazmat.primitives.asymmetric.ed25519")
    rsa = library("cryptography.hazmat.primitives.asymmetric.rsa")
    verification = library("cryptography.x509.verification")

__all__ = ["CLIENT_CIPHERS", "Identity", "InvalidTlsConfig", "TrustRoots"]

#: OpenSSL holds four times as much for each listener and each name.
MAX_CERTIFICATES_BYTES: Final = 64 << 10
MAX_KEY_BYTES: Final = 32 << 10
#: The longest that the original took, and that authorities certify. One of 8,192 bits holds the event loop for 26 ms at
#: every handshake that somebody asks for.
MAX_RSA_BITS: Final = 4096

#: OpenSSL takes 0.2 ms to load one, and no server needs more than a handful.
MAX_CERTIFICATES: Final = 32

#: Python's own for clients, without finite-field Diffie-Hellman: there the server chooses the numbers, and one of
#: 10,000 bits holds the event loop for 0.6 s a handshake. Browsers have none of those either, nor had the original.
CLIENT_CIPHERS: Final = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"

#: Those between a server and its root that are looked at.
_MAX_INTERMEDIATES: Final = 8

_MARKER: Final = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_KEY_KINDS: Final = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
#: What counts as an item at all; others (EC PARAMETERS, for one) are passed over.
_KINDS: Final = (*_KEY_KINDS, "CERTIFICATE", "X509 CRL", "CERTIFICATE REQUEST", "PUBLIC KEY")


def _items(text: str) -> Iterator[tuple[str, str]]:
    """The PEM items of a text: what each is, and all of it, markers included. In one pass, whatever the text is."""
    begin: re.Match[str] | None = None
    for marker in _MARKER.finditer(text):
        if marker[1] == "BEGIN":
            begin = marker
        elif begin is not None:
            if marker[2] == begin[2]:
                yield begin[2], text[begin.start() : marker.end()]
            begin = None


class InvalidTlsConfig(Exception):
    """A certificate or key that cannot be used. Becomes error 3."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's certificates, leaf first, and its key, both checked to belong together."""

    chain: tuple[x509.Certificate, ...]
    key: bytes

    @classmethod
    def parse(cls, certificates: str, key: str, *, single: bool = False) -> Identity:
        """All PEM certificates of one text, and the first PEM item of the other (6.1).

        Args:
            single: whether the key must be the only item of its text, as the predecessor had it.

        Raises:
            InvalidTlsConfig: no certificate, no usable key, or one of another certificate.
        """
        if len(certificates) > MAX_CERTIFICATES_BYTES or len(key) > MAX_KEY_BYTES:
            raise InvalidTlsConfig("the certificates or the key are too long")
        items = [item for item in _items(key) if item[0] in _KINDS]
        if not items or items[0][0] not in _KEY_KINDS or (single and len(items) > 1):
            raise InvalidTlsConfig("the key text does not begin with a private key")
        try:
            texts = [pem for kind, pem in _items(certificates) if kind == "CERTIFICATE"]
            if len(texts) > MAX_CERTIFICATES:
                raise InvalidTlsConfig(f"there are more than {MAX_CERTIFICATES} certificates")
            chain = tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in texts)
            # Whether an RSA key's numbers are primes takes long to tell, and is its owner's business.
            private = serialization.load_pem_private_key(
                items[0][1].encode(), None, unsafe_skip_rsa_key_validation=True
            )
            if not chain:
                raise InvalidTlsConfig("there is no certificate")
            if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
                raise InvalidTlsConfig("the kind of the key is not supported")
            if isinstance(private, rsa.RSAPrivateKey) and private.key_size > MAX_RSA_BITS:
                raise InvalidTlsConfig(f"the key has more than {MAX_RSA_BITS} bits")
            for certificate in chain:
                _check_cost(certificate)
            if chain[0].public_key() != private.public_key():
                raise InvalidTlsConfig("the key is not the certificate's")
            pem = private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InvalidTlsConfig(str(error)) from error
        return cls(chain, pem)

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 and 1.3, no client authentication, no ALPN.

        Raises:
            InvalidTlsConfig: OpenSSL does not take them.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        pem = b"".join(item.public_bytes(serialization.Encoding.PEM) for item in self.chain) + self.key
        descriptor = os.memfd_create("wapo-tls", os.MFD_CLOEXEC)  # the library wants a file; the key stays off the disk
        try:
            os.write(descriptor, pem)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise InvalidTlsConfig(str(error)) from error
        finally:
            os.close(descriptor)
        return context


class TrustRoots:
    """The certificate authorities that guests' clients trust: the system's (Mozilla's bundle where it has none), and
    those of the PEM files that the operator added. Loaded at the first use."""

    def __init__(self, extra_files: Sequence[str] = ()) -> None:
        self._files = [_system_bundle(), *extra_files]

    @cached_property
    def context(self) -> ssl.SSLContext:
        """For clients: TLS 1.2 and 1.3, names and dates verified, no client certificate, no ALPN.

        Raises:
            OSError: a file cannot be read, or has no certificate.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CLIENT_CIPHERS)
        context.options |= ssl.OP_NO_RENEGOTIATION
        for path in self._files:
            context.load_verify_locations(cafile=path)
        return context

    async def load(self) -> None:
        """Has :attr:`context` ready. Reading a bundle takes 50 ms, which is not the event loop's to spend.

        Raises:
            OSError: as there.
        """
        if "context" not in self.__dict__:
            await asyncio.to_thread(getattr, self, "context")

    def verify_server(self, identity: Identity, name: str) -> None:
        """A server's certificate, for a name, now (6.5).

        Raises:
            InvalidTlsConfig: it does not lead to a root, is not for that name, or not valid at this time.
        """
        try:
            verifier = verification.PolicyBuilder().store(self._store).build_server_verifier(x509.DNSName(name))
            verifier.verify(identity.chain[0], _distinct(identity.chain[1:]))
        except (verification.VerificationError, ValueError) as error:
            raise InvalidTlsConfig(f"the certificate is not valid for {name}: {error}") from error

    @cached_property
    def _store(self) -> verification.Store:
        roots = []
        for path in self._files:
            for _, pem in _items(Path(path).read_text("utf-8", "replace")):
                # A root too odd for the library verifies nothing; one that will be is the bundle's business.
                with contextlib.suppress(ValueError), warnings.catch_warnings(action="ignore"):
                    roots.append(x509.load_pem_x509_certificate(pem.encode()))
        return verification.Store(roots)


def _check_cost(certificate: x509.Certificate) -> None:
    """Whether its key can be calculated with in no time, by whoever verifies what it has signed.

    Raises:
        InvalidTlsConfig; UnsupportedAlgorithm or ValueError: it is a key that nobody knows.
    """
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and (key.key_size > MAX_RSA_BITS or key.public_numbers().e >= 1 << 32):
        raise InvalidTlsConfig(f"a certificate's key has more than {MAX_RSA_BITS} bits, or an exponent of more than 32")


def _distinct(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """One for each name and key, and no more than any chain has.

    Two that vouch for each other are enough to have the verifier try every way around, until it gives up after 20 ms.
    """
    found: dict[tuple[bytes, bytes], x509.Certificate] = {}
    for item in certificates:
        key = item.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        found.setdefault((item.subject.public_bytes(), key), item)
    return list(found.values())[:_MAX_INTERMEDIATES]


def _system_bundle() -> str:
    """The file with the system's authorities, as OpenSSL finds it; Mozilla's where there is none."""
    path = ssl.get_default_verify_paths().cafile
    return path if path and Path(path).stat().st_size else certifi.where()
