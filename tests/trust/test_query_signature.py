"""Signed queries as bytes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import ENCODED_SIGNATURE, QUERY, QUERY_SCALE, ROOT_PUBLIC
from wapo.trust.query_errors import InvalidSignatureType, UndecodableSignature
from wapo.trust.query_signature import (
    MAX_RESOURCES,
    MAX_SCOPES,
    MAX_SIGNATURE_BYTES,
    Certificate,
    CertificateBody,
    QuerySignature,
    RootSigner,
    Scope,
    SignatureType,
    decode_query_signature,
    encode_query_signature,
)

short_bytes = st.binary(max_size=40)
types = st.sampled_from(SignatureType)
scopes = st.builds(Scope, short_bytes, st.lists(st.text(max_size=20), max_size=3).map(tuple))
bodies = st.builds(CertificateBody, short_bytes, st.integers(0, 2**64 - 1), st.lists(scopes, max_size=3).map(tuple))
certificates = st.builds(Certificate, bodies, types, short_bytes, short_bytes)
signatures = st.builds(QuerySignature, types, short_bytes, st.builds(RootSigner, short_bytes) | certificates)


def test_a_query_is_the_documented_bytes() -> None:
    assert QUERY.encode() == QUERY_SCALE


def test_a_signature_of_the_original_is_decoded() -> None:
    signature = decode_query_signature(ENCODED_SIGNATURE)
    assert signature is not None
    assert (signature.signature_type, signature.signer) == (SignatureType.SR25519, RootSigner(ROOT_PUBLIC))
    assert encode_query_signature(signature) == ENCODED_SIGNATURE


def test_a_certificate_is_the_documented_bytes() -> None:
    """Type, signature, the signer's variant, the body, and the root's type, signature and key, without a variant."""
    body = CertificateBody(b"\xaa", 0x0102, (Scope(b"\xbb", ("/",)),))
    signature = QuerySignature(SignatureType.ECDSA, b"\xcc", Certificate(body, SignatureType.EIP712, b"\xdd", b"\xee"))
    expected = "01" + "02" + "04cc" + "01" + "04aa" + "0201000000000000" + "04" + "04bb" + "04042f" + "06" + "04dd04ee"
    assert encode_query_signature(signature).hex() == expected


@pytest.mark.parametrize("encoded", [b"", b"\0", b"\0whatever follows"])
def test_an_anonymous_query_has_no_signature(encoded: bytes) -> None:
    assert decode_query_signature(encoded) is None
    assert encode_query_signature(None) == b"\0"


@given(signatures, st.binary(max_size=8))
def test_what_is_written_is_read(signature: QuerySignature, rest: bytes) -> None:
    """Whatever follows."""
    assert decode_query_signature(encode_query_signature(signature) + rest) == signature


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(encoded: bytes) -> None:
    for data in (encoded, b"\1" + encoded, b"\1\0\0\1" + encoded):
        with contextlib.suppress(UndecodableSignature, InvalidSignatureType):
            decode_query_signature(data)


@given(signatures, st.integers(0, 300))
def test_a_signature_that_is_cut_short_is_refused(signature: QuerySignature, length: int) -> None:
    encoded = encode_query_signature(signature)
    with pytest.raises(UndecodableSignature, match="failed to verify the signature: DecodeFailed"):
        decode_query_signature(encoded[: 1 + length % (len(encoded) - 1)])


@pytest.mark.parametrize("encoded", ["010900", "01ff00", "01000001" + "00" + 8 * "00" + "00" + "09"])
def test_a_kind_that_does_not_exist_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidSignatureType, match="failed to verify the signature: InvalidSignatureType"):
        decode_query_signature(bytes.fromhex(encoded))


def with_scopes(scopes: tuple[Scope, ...]) -> bytes:
    certificate = Certificate(CertificateBody(b"", 0, scopes), SignatureType.ECDSA, b"", b"")
    return encode_query_signature(QuerySignature(SignatureType.ECDSA, b"", certificate))


def test_a_long_signature_is_refused_unread() -> None:
    """Anybody may send one."""
    with pytest.raises(UndecodableSignature, match="at most 16384"):
        decode_query_signature(with_scopes((Scope(bytes(MAX_SIGNATURE_BYTES), ()),)))


def test_scopes_and_resources_are_bounded() -> None:
    """8,000 empty ones would fit into the allowed bytes, and take 20 ms to read."""
    most = (Scope(b"", ("/",) * MAX_RESOURCES),) * MAX_SCOPES
    decoded = decode_query_signature(with_scopes(most))
    assert decoded is not None
    assert isinstance(decoded.signer, Certificate)
    assert decoded.signer.body.scopes == most
    for scopes in (most + most[:1], (Scope(b"", ("/",) * (MAX_RESOURCES + 1)),)):
        with pytest.raises(UndecodableSignature, match="at most 32"):
            decode_query_signature(with_scopes(scopes))


@pytest.mark.parametrize(
    ("resource", "path", "covered"),
    [
        ("/a", "/a", True),
        ("/a", "/ab", False),
        ("/a", "/a/b", False),
        ("/a", "/", False),
        ("/a/", "/a/", True),
        ("/a/", "/a/b/c", True),
        ("/a/", "/a", False),
        ("/a*", "/a", True),
        ("/a*", "/abc", True),
        ("/a*", "/b", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a", False),
        ("*", "/anything", True),
        ("*", "", True),
        ("/a*b", "/axb", False),
        ("/a*b", "/a*b", True),
        ("", "", True),
        ("", "/a", False),
        ("/A", "/a", False),
    ],
)
def test_a_resource_is_a_path_or_the_beginning_of_one(resource: str, path: str, covered: bool) -> None:
    assert Scope(b"app", ("/other", resource)).covers(b"app", path) is covered
    assert not Scope(b"another", (resource,)).covers(b"app", path)


def test_no_app_is_not_every_app() -> None:
    assert not Scope(b"", ("*",)).covers(b"app", "/")
    assert not Scope(b"app", ()).covers(b"app", "/")
