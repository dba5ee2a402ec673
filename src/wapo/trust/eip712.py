"""EIP-712 digests of queries and certificates (node-and-gateway 3.6.3), for wallets such as MetaMask.

The texts are part of the protocol. Of EIP-712 there is what these two types need: a dynamic value is hashed, a list is
the hash of its items' hashes, a structure that of its type's hash and its members.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

from wapo.trust.keccak import keccak256
from wapo.trust.query_errors import Eip712EncodingError
from wapo.trust.query_signature import CertificateBody, Query

__all__ = ["certificate_digest", "query_digest"]

_BY_ROOT: Final = b"This is a query that would be sent to a Wapod App"
_BY_CERTIFICATE: Final = b"Authorized query that would be sent to a Wapod App"
_CERTIFICATE: Final = b"This is a certificate that can be used to sign a query that would be sent to a Wapod App"

_SCOPE_TYPE_TEXT: Final = b"Scope(bytes address,string[] paths)"
_QUERY_TYPE_TEXT: Final = b"WapodQuery(string description,bytes address,string path,bytes payload)"
_CERTIFICATE_TYPE_TEXT: Final = (
    b"Certificate(string description,bytes publicKey,string expirationTime,Scope[] scopes)" + _SCOPE_TYPE_TEXT
)

_hash_of: Final = cache(keccak256)  # of a text of the protocol: worked out once


@cache
def _domain() -> bytes:
    return keccak256(
        keccak256(b"EIP712Domain(string name,string version)") + keccak256(b"Wapod Query") + keccak256(b"1")
    )


def query_digest(query: Query, *, by_certificate: bool) -> bytes:
    """The 32 bytes that are signed for a query, by a root signer or with a certificate's key.

    Raises:
        Eip712EncodingError: the path is no UTF-8.
    """
    return _digest(
        _hash_of(_QUERY_TYPE_TEXT),
        _hash_of(_BY_CERTIFICATE if by_certificate else _BY_ROOT),
        keccak256(query.address),
        _text(query.path),
        keccak256(query.payload),
    )


def certificate_digest(body: CertificateBody) -> bytes:
    """The 32 bytes that a root signer signs for a certificate."""
    scopes = (
        keccak256(_hash_of(_SCOPE_TYPE_TEXT) + keccak256(scope.app) + _list(map(_text, scope.resources)))
        for scope in body.scopes
    )
    return _digest(
        _hash_of(_CERTIFICATE_TYPE_TEXT),
        _hash_of(_CERTIFICATE),
        keccak256(body.public),
        _text(str(body.expiration)),
        _list(scopes),
    )


def _text(text: str) -> bytes:
    try:
        return keccak256(text.encode())
    except UnicodeEncodeError as error:
        raise Eip712EncodingError(error.reason) from error


def _list(hashes: Iterable[bytes]) -> bytes:
    return keccak256(b"".join(hashes))


def _digest(*structure: bytes) -> bytes:
    return keccak256(b"\x19\x01" + _domain() + keccak256(b"".join(structure)))
