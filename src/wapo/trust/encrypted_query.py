"""Encrypted queries (node-and-gateway 3.5.11): the original's format, and one whose answer is encrypted, too.

Both begin with ``Z``, the 32-byte compressed Ristretto point ``a*B`` of the worker's and the caller's sr25519 keys
(:mod:`wapo.trust.ecdh`); the caller's key pair is normally made for one query. ``GCM`` is AES-256-GCM with a nonce of
12 bytes and the tag (16 bytes) at the end of the ciphertext; there is no associated data.

**The original's.** ``request = IV (12) | GCM(key = Z, nonce = IV, plaintext)``. The response is in the clear, and who
has seen a request can send it again.

**Ours, version 2.** For each request the caller draws a random ``IV`` of 12 bytes. Both sides derive two keys by
HKDF-SHA256 (RFC 5869)::

    request key  = HKDF(ikm = Z, salt = IV, info = "wapo/encrypted-query/v2/request"  | caller | worker, length = 32)
    response key = HKDF(ikm = Z, salt = IV, info = "wapo/encrypted-query/v2/response" | caller | worker, length = 32)

with ``caller`` and ``worker`` the two public keys, 32 bytes each, and the label in ASCII. Then ::

    request  = IV (12) | GCM(request key, nonce = IV, plaintext)
    response = N (12)  | GCM(response key, nonce = N, plaintext)

where the worker draws ``N`` at random for each response. It must not be fixed: a request that is sent again has the
same response key, and the app may answer differently. A request of one version does not open as the other, so nobody on
the way can have a version 2 query answered in the clear. A response opens only with the request's IV: it answers that
request, or the same one sent again by somebody else. Who cannot bear that puts a nonce into the query and expects it in
the answer.

In all of them the plaintext of a request is the protobuf ``QueryArgs``, and of a response ``QueryResponse``.
"""

import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.errors import CallerError
from wapo.trust.ecdh import InvalidAgreementKey, shared_point
from wapo.trust.schnorr import public_of
from wapo.trust.worker_key import WorkerKey

__all__ = ["IV_BYTES", "QueryCipher", "UndecryptableQuery", "decrypt_query", "encrypt_query"]

IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LABEL: Final = b"wapo/encrypted-query/v2/"


class UndecryptableQuery(CallerError):
    """An encrypted query or response was made with other keys, or damaged. Which of them is not said."""

    code = "undecryptable_query"

    def __init__(self) -> None:
        super().__init__("failed to decrypt the payload")


def encrypt_query(secret: bytes, worker_public: bytes, plaintext: bytes) -> bytes:
    """The original's request, with the caller's secret (64 bytes, of an sr25519 key made for this).

    Raises:
        InvalidAgreementKey: there is no key in common with that public key.
    """
    iv = os.urandom(IV_BYTES)
    return iv + AESGCM(shared_point(secret, worker_public)).encrypt(iv, plaintext, None)


def decrypt_query(worker: WorkerKey, caller_public: bytes, encrypted: bytes) -> bytes:
    """The plaintext of the original's request.

    Raises:
        UndecryptableQuery: made with other keys, damaged, or for a public key that nobody can agree with.
    """
    try:
        key = shared_point(worker.to_bytes(), caller_public)
    except InvalidAgreementKey:
        raise UndecryptableQuery from None
    return _open(key, encrypted)


@dataclass(frozen=True, slots=True, repr=False)
class QueryCipher:
    """The two keys of one version 2 query. Each side makes its own, from its secret and the request's IV."""

    iv: bytes
    _request_key: bytes
    _response_key: bytes

    @classmethod
    def for_caller(cls, secret: bytes, worker_public: bytes) -> "QueryCipher":
        """With the caller's secret (64 bytes, of an sr25519 key made for this) and a new IV; for one query.

        Raises:
            InvalidAgreementKey: there is no key in common with that public key.
        """
        parties = public_of(secret) + worker_public
        return cls._derive(shared_point(secret, worker_public), os.urandom(IV_BYTES), parties)

    @classmethod
    def for_worker(cls, worker: WorkerKey, caller_public: bytes, request: bytes) -> "QueryCipher":
        """For a request that has come.

        Raises:
            UndecryptableQuery: it is too short, or nobody can agree with that public key.
        """
        if len(request) < IV_BYTES + _TAG_BYTES:
            raise UndecryptableQuery
        try:
            shared = shared_point(worker.to_bytes(), caller_public)
        except InvalidAgreementKey:
            raise UndecryptableQuery from None
        return cls._derive(shared, request[:IV_BYTES], caller_public + worker.public)

    @classmethod
    def _derive(cls, shared: bytes, iv: bytes, parties: bytes) -> "QueryCipher":
        request_key, response_key = (
            HKDF(algorithm=SHA256(), length=32, salt=iv, info=_LABEL + direction + parties).derive(shared)
            for direction in (b"request", b"response")
        )
        return cls(iv, request_key, response_key)

    def encrypt_request(self, plaintext: bytes) -> bytes:
        """The caller's; once for each cipher, since the IV is the nonce."""
        return self.iv + AESGCM(self._request_key).encrypt(self.iv, plaintext, None)

    def decrypt_request(self, request: bytes) -> bytes:
        """The worker's, of the request that the cipher was made for.

        Raises:
            UndecryptableQuery: made with other keys, damaged, or another request.
        """
        if request[:IV_BYTES] != self.iv:
            raise UndecryptableQuery
        return _open(self._request_key, request)

    def encrypt_response(self, plaintext: bytes) -> bytes:
        """The worker's; any number of times."""
        nonce = os.urandom(IV_BYTES)
        return nonce + AESGCM(self._response_key).encrypt(nonce, plaintext, None)

    def decrypt_response(self, response: bytes) -> bytes:
        """The caller's.

        Raises:
            UndecryptableQuery: the answer to another query, made with other keys, or damaged.
        """
        return _open(self._response_key, response)


def _open(key: bytes, sealed: bytes) -> bytes:
    if len(sealed) < IV_BYTES + _TAG_BYTES:
        raise UndecryptableQuery
    try:
        return AESGCM(key).decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], None)
    except InvalidTag:
        raise UndecryptableQuery from None
