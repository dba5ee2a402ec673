"""Who has sent a query: root signers, certificates, and every way in which they can be wrong."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.signing import Caller, caller
from tests.trust.vectors import ADDRESS, ENCODED_SIGNATURE, QUERY, ROOT_PUBLIC, ROOT_SEED
from wapo.trust import query_errors
from wapo.trust.query_errors import (
    CertificateExpired,
    CertificateOutOfScope,
    InvalidPublicKey,
    InvalidSignature,
    InvalidSignatureType,
    QuerySignatureError,
    UndecodableSignature,
)
from wapo.trust.query_signature import (
    Certificate,
    CertificateBody,
    Query,
    QuerySignature,
    RootSigner,
    Scope,
    SignatureType,
    encode_query_signature,
)
from wapo.trust.query_verification import SignedQuery, origin_of, verify_query

NOW = 1_700_000_000
LATER = NOW + 3600
ALL_KINDS = pytest.mark.parametrize("kind", SignatureType, ids=lambda kind: kind.name)


def certified(
    root: Caller, signer: Caller, *, expiration: int = LATER, scopes: tuple[Scope, ...] = (Scope(ADDRESS, ("/echo",)),)
) -> QuerySignature:
    return signer.query_with(root.certify(CertificateBody(signer.public, expiration, scopes)), QUERY)


def test_a_query_of_the_original_is_verified() -> None:
    assert origin_of(ENCODED_SIGNATURE, QUERY, NOW) == ROOT_PUBLIC


def test_the_documented_root_signer_is_ours() -> None:
    signature = caller(SignatureType.SR25519, ROOT_SEED).query(QUERY)
    assert origin_of(encode_query_signature(signature), QUERY, NOW) == ROOT_PUBLIC


@pytest.mark.parametrize("encoded", [b"", b"\0"])
def test_a_query_without_a_signature_is_anonymous(encoded: bytes) -> None:
    assert origin_of(encoded, QUERY, NOW) is None


@ALL_KINDS
def test_a_root_signer_is_the_origin(kind: SignatureType) -> None:
    signer = caller(kind)
    assert origin_of(encode_query_signature(signer.query(QUERY)), QUERY, NOW) == signer.identity


@ALL_KINDS
@pytest.mark.parametrize("root_kind", SignatureType, ids=lambda kind: kind.name)
def test_with_a_certificate_its_root_signer_is_the_origin(kind: SignatureType, root_kind: SignatureType) -> None:
    """Whatever kinds the two keys are of."""
    root, signer = caller(root_kind, b"\x55" * 32), caller(kind, b"\x66" * 32)
    assert origin_of(encode_query_signature(certified(root, signer)), QUERY, NOW) == root.identity


ROOT, SIGNER = caller(SignatureType.SR25519, b"\x55" * 32), caller(SignatureType.ED25519, b"\x66" * 32)


@pytest.mark.parametrize("expiration", [0, NOW - 1, NOW])
def test_an_expired_certificate_is_refused(expiration: int) -> None:
    with pytest.raises(CertificateExpired, match="failed to verify the signature: CertificateExpired"):
        verify_query(certified(ROOT, SIGNER, expiration=expiration), QUERY, NOW)


def test_a_certificate_is_good_until_its_last_second() -> None:
    assert verify_query(certified(ROOT, SIGNER, expiration=NOW + 1), QUERY, NOW + 0.999) == ROOT.identity
    assert verify_query(certified(ROOT, SIGNER, expiration=2**64 - 1), QUERY, NOW) == ROOT.identity


@pytest.mark.parametrize(
    "scopes",
    [
        (),
        (Scope(ADDRESS, ()),),
        (Scope(ADDRESS, ("/other", "/ech", "/echo/")),),
        (Scope(bytes(32), ("/echo",)), Scope(b"", ("*",))),
        (Scope(ADDRESS[:31], ("/echo",)),),
    ],
)
def test_a_query_outside_the_scopes_is_refused(scopes: tuple[Scope, ...]) -> None:
    with pytest.raises(CertificateOutOfScope):
        verify_query(certified(ROOT, SIGNER, scopes=scopes), QUERY, NOW)


def test_any_scope_may_cover_the_query() -> None:
    scopes = (Scope(bytes(32), ("/echo",)), Scope(ADDRESS, ("/x", "/ec*")))
    assert verify_query(certified(ROOT, SIGNER, scopes=scopes), QUERY, NOW) == ROOT.identity


def test_a_certificate_for_another_key_is_refused() -> None:
    """The original's mistake the other way round: a genuine certificate, and somebody else who signs the query."""
    genuine = certified(ROOT, SIGNER)
    other = caller(SignatureType.ED25519, b"\x77" * 32)
    assert isinstance(genuine.signer, Certificate)
    with pytest.raises(InvalidSignature):
        verify_query(other.query_with(genuine.signer, QUERY), QUERY, NOW)


def test_a_certificate_that_the_root_has_not_signed_is_refused() -> None:
    """Anybody can write one, and sign queries with its key."""
    body = CertificateBody(SIGNER.public, LATER, (Scope(ADDRESS, ("*",)),))
    forger = caller(SignatureType.SR25519, b"\x88" * 32)
    forged = dataclasses.replace(forger.certify(body), root=ROOT.public)
    with pytest.raises(InvalidSignature):
        verify_query(SIGNER.query_with(forged, QUERY), QUERY, NOW)


def test_the_original_s_check_is_not_enough() -> None:
    """There, the query's signature was one over the certificate: with that alone nobody has signed the query."""
    genuine = certified(ROOT, SIGNER)
    assert isinstance(genuine.signer, Certificate)
    with pytest.raises(InvalidSignature):
        verify_query(dataclasses.replace(genuine, signature=genuine.signer.signature), QUERY, NOW)


def test_a_wider_certificate_needs_another_signature() -> None:
    genuine = certified(ROOT, SIGNER)
    assert isinstance(genuine.signer, Certificate)
    for body in (
        dataclasses.replace(genuine.signer.body, expiration=LATER + 1),
        dataclasses.replace(genuine.signer.body, scopes=(Scope(ADDRESS, ("*",)),)),
        dataclasses.replace(genuine.signer.body, public=SIGNER.public[::-1]),
    ):
        changed = SIGNER.query_with(dataclasses.replace(genuine.signer, body=body), QUERY)
        with pytest.raises((InvalidSignature, InvalidPublicKey)):
            verify_query(changed, QUERY, NOW)


def test_a_signature_under_a_certificate_is_none_without_it() -> None:
    """And the other way round: the context is signed, too."""
    stripped = QuerySignature(
        SIGNER.kind, SIGNER.sign(SignedQuery(QUERY, by_certificate=True)), RootSigner(SIGNER.public)
    )
    with pytest.raises(InvalidSignature):
        verify_query(stripped, QUERY, NOW)
    own = certified(ROOT, SIGNER)
    with pytest.raises(InvalidSignature):
        verify_query(dataclasses.replace(own, signature=SIGNER.query(QUERY).signature), QUERY, NOW)


@pytest.mark.parametrize(
    "other", [Query(bytes(32), "/echo", b"hi"), Query(ADDRESS, "/Echo", b"hi"), Query(ADDRESS, "/echo", b"ho")]
)
def test_a_signature_is_of_one_query_only(other: Query) -> None:
    wide = certified(ROOT, SIGNER, scopes=(Scope(ADDRESS, ("*",)), Scope(bytes(32), ("*",))))
    for signature in (ROOT.query(QUERY), wide):
        with pytest.raises(InvalidSignature):
            verify_query(signature, other, NOW)


@given(st.sampled_from(SignatureType), st.sampled_from(SignatureType), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_refused(kind: SignatureType, root_kind: SignatureType, position: int, mask: int) -> None:
    """Wherever it is in the encoding: or else nobody is the origin, which the caller sees."""
    root, signer = caller(root_kind, b"\x55" * 32), caller(kind, b"\x66" * 32)
    for signature, expected in ((signer.query(QUERY), signer), (certified(root, signer), root)):
        encoded = bytearray(encode_query_signature(signature))
        encoded[position % len(encoded)] ^= mask
        try:
            origin = origin_of(bytes(encoded), QUERY, NOW)
        except QuerySignatureError:
            continue
        # The first byte says whether there is a signature; ECDSA and EvmEcdsa are one signature with two identities.
        assert origin is None or (expected.kind.name.endswith(("ECDSA", "ECDSA_WRAP_BYTES")) and len(origin) == 32)


@given(st.binary(max_size=200))
def test_any_bytes_are_anonymous_or_refused(encoded: bytes) -> None:
    for data in (encoded, b"\1" + encoded, b"\1\1" + encoded):
        with contextlib.suppress(QuerySignatureError):
            assert origin_of(data, QUERY, NOW) is None


def test_kinds_are_those_of_the_original() -> None:
    kinds = {getattr(query_errors, name).kind for name in query_errors.__all__} - {"Unknown"}
    assert kinds - {"CertificateOutOfScope"} == {
        "InvalidSignatureType",
        "InvalidSignature",
        "CertificateExpired",
        "DecodeFailed",
        "InvalidPublicKey",
        "Eip712EncodingError",
    }
    assert str(UndecodableSignature()) == "failed to verify the signature: DecodeFailed"
    assert str(InvalidSignatureType("why")) == "failed to verify the signature: InvalidSignatureType (why)"
