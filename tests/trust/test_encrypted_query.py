"""Encrypted queries: the original's, and the version whose answers are encrypted, too."""

import contextlib

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import (
    CALLER_PUBLIC,
    CALLER_SEED,
    ENCRYPTED_QUERY,
    QUERY_ARGS,
    SEED,
    SHARED,
    WORKER,
    WORKER_PUBLIC,
)
from wapo.trust import schnorr
from wapo.trust.ecdh import InvalidAgreementKey
from wapo.trust.encrypted_query import QueryCipher, UndecryptableQuery, decrypt_query, encrypt_query
from wapo.trust.worker_key import WorkerKey

CALLER = schnorr.secret_of_seed(CALLER_SEED)
OTHER_WORKER = WorkerKey.from_seed(b"\x33" * 32)
positions = st.integers(0, 10_000)
masks = st.integers(1, 255)


def flip(data: bytes, position: int, mask: int) -> bytes:
    changed = bytearray(data)
    changed[position % len(data)] ^= mask
    return bytes(changed)


def test_a_query_of_the_original_is_decrypted() -> None:
    assert decrypt_query(WORKER, CALLER_PUBLIC, ENCRYPTED_QUERY) == QUERY_ARGS


@given(st.binary(max_size=100), positions, masks)
def test_a_query_opens_only_as_it_was(plaintext: bytes, position: int, mask: int) -> None:
    encrypted = encrypt_query(CALLER, WORKER_PUBLIC, plaintext)
    assert decrypt_query(WORKER, CALLER_PUBLIC, encrypted) == plaintext
    with pytest.raises(UndecryptableQuery, match="failed to decrypt the payload"):
        decrypt_query(WORKER, CALLER_PUBLIC, flip(encrypted, position, mask))
    with pytest.raises(UndecryptableQuery):
        decrypt_query(WORKER, flip(CALLER_PUBLIC, position, mask), encrypted)
    with pytest.raises(UndecryptableQuery):
        decrypt_query(OTHER_WORKER, CALLER_PUBLIC, encrypted)


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_bytes_are_decrypted_or_refused(public: bytes, encrypted: bytes) -> None:
    for caller in (public, public[:32].ljust(32, b"\0"), CALLER_PUBLIC):
        with contextlib.suppress(UndecryptableQuery):
            decrypt_query(WORKER, caller, encrypted)
        with contextlib.suppress(UndecryptableQuery):
            QueryCipher.for_worker(WORKER, caller, encrypted).decrypt_request(encrypted)


@pytest.mark.parametrize("public", [bytes(32), b"", CALLER_PUBLIC[:31]])
def test_nobody_can_send_a_query_under_the_identity(public: bytes) -> None:
    """Everybody knows the key that would be agreed with it: the point is zero, whatever the worker's key."""
    encrypted = b"\0" * 12 + AESGCM(bytes(32)).encrypt(bytes(12), b"query", None)
    with pytest.raises(UndecryptableQuery):
        decrypt_query(WORKER, public, encrypted)
    with pytest.raises(UndecryptableQuery):
        QueryCipher.for_worker(WORKER, public, encrypted)
    with pytest.raises(InvalidAgreementKey):
        QueryCipher.for_caller(CALLER, public)


@given(st.binary(max_size=100), st.binary(max_size=100), positions, masks)
def test_request_and_response_open_only_as_they_were(query: bytes, answer: bytes, position: int, mask: int) -> None:
    caller = QueryCipher.for_caller(CALLER, WORKER_PUBLIC)
    request = caller.encrypt_request(query)
    worker = QueryCipher.for_worker(WORKER, CALLER_PUBLIC, request)
    assert worker.decrypt_request(request) == query
    response = worker.encrypt_response(answer)
    assert caller.decrypt_response(response) == answer
    changed = flip(request, position, mask)
    with pytest.raises(UndecryptableQuery):
        QueryCipher.for_worker(WORKER, CALLER_PUBLIC, changed).decrypt_request(changed)
    with pytest.raises(UndecryptableQuery):
        caller.decrypt_response(flip(response, position, mask))


def test_an_answer_opens_only_for_its_own_query() -> None:
    first, second = (QueryCipher.for_caller(CALLER, WORKER_PUBLIC) for _ in range(2))
    request = first.encrypt_request(b"query")
    worker = QueryCipher.for_worker(WORKER, CALLER_PUBLIC, request)
    response = worker.encrypt_response(b"answer")
    with pytest.raises(UndecryptableQuery):
        second.decrypt_response(response)
    with pytest.raises(UndecryptableQuery):
        worker.decrypt_request(second.encrypt_request(b"query"))


def test_nobody_on_the_way_has_a_query_answered_in_the_clear() -> None:
    """A request of one version does not open as the other."""
    request = QueryCipher.for_caller(CALLER, WORKER_PUBLIC).encrypt_request(QUERY_ARGS)
    with pytest.raises(UndecryptableQuery):
        decrypt_query(WORKER, CALLER_PUBLIC, request)
    with pytest.raises(UndecryptableQuery):
        QueryCipher.for_worker(WORKER, CALLER_PUBLIC, ENCRYPTED_QUERY).decrypt_request(ENCRYPTED_QUERY)


def test_a_request_and_a_response_are_never_taken_for_each_other() -> None:
    """An answer that echoes its query would otherwise be a query, and the other way round."""
    caller = QueryCipher.for_caller(CALLER, WORKER_PUBLIC)
    request = caller.encrypt_request(b"same")
    worker = QueryCipher.for_worker(WORKER, CALLER_PUBLIC, request)
    with pytest.raises(UndecryptableQuery):
        caller.decrypt_response(request)
    response = worker.encrypt_response(b"same")
    with pytest.raises(UndecryptableQuery):
        QueryCipher.for_worker(WORKER, CALLER_PUBLIC, response).decrypt_request(response)


def test_a_query_sent_again_is_answered_under_another_nonce() -> None:
    """Two answers under one key and nonce would give away their difference, and the key of the tag."""
    request = QueryCipher.for_caller(CALLER, WORKER_PUBLIC).encrypt_request(b"query")
    responses = {
        QueryCipher.for_worker(WORKER, CALLER_PUBLIC, request).encrypt_response(b"answer")[:12] for _ in range(3)
    }
    assert len(responses) == 3


def test_it_shows_no_keys() -> None:
    cipher = QueryCipher.for_caller(CALLER, WORKER_PUBLIC)
    assert cipher._request_key.hex() not in repr(cipher)
    assert str(cipher._request_key) not in repr(cipher)


def hkdf(shared: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block, from HMAC, as another implementer would write it."""

    def hmac_sha256(key: bytes, data: bytes) -> bytes:
        code = hmac.HMAC(key, hashes.SHA256())
        code.update(data)
        return code.finalize()

    return hmac_sha256(hmac_sha256(salt, shared), info + b"\1")


def test_version_2_is_what_the_documentation_says() -> None:
    """Both directions, put together by hand from the description in the module."""
    iv = bytes(range(12))
    info = b"wapo/encrypted-query/v2/%s" + CALLER_PUBLIC + WORKER_PUBLIC
    request = iv + AESGCM(hkdf(SHARED, iv, info % b"request")).encrypt(iv, b"query", None)
    worker = QueryCipher.for_worker(WorkerKey.from_seed(SEED), CALLER_PUBLIC, request)
    assert worker.decrypt_request(request) == b"query"
    response = worker.encrypt_response(b"answer")
    key = hkdf(SHARED, iv, info % b"response")
    assert AESGCM(key).decrypt(response[:12], response[12:], None) == b"answer"
