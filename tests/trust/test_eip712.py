"""EIP-712 digests are those of the specification, and every member of what is signed matters."""

import pytest

from tests.trust.vectors import (
    DOMAIN_SEPARATOR,
    EVM_CERTIFICATE_DIGEST,
    EVM_CERTIFIED_DIGEST,
    EVM_QUERY,
    EVM_ROOT_DIGEST,
    H,
)
from wapo.trust import eip712
from wapo.trust.query_errors import Eip712EncodingError
from wapo.trust.query_signature import CertificateBody, Query, Scope

BODY = CertificateBody(H("1234"), 1672531199, (Scope(H("12"), ("/res1", "/res2")), Scope(H("34"), ("/res1",))))


def test_the_domain_is_the_documented_one() -> None:
    assert eip712._domain() == DOMAIN_SEPARATOR


def test_a_query_s_digest_is_the_documented_one() -> None:
    assert eip712.query_digest(EVM_QUERY, by_certificate=False) == EVM_ROOT_DIGEST
    assert eip712.query_digest(EVM_QUERY, by_certificate=True) == EVM_CERTIFIED_DIGEST


def test_a_certificate_s_digest_is_the_documented_one() -> None:
    assert eip712.certificate_digest(BODY) == EVM_CERTIFICATE_DIGEST


@pytest.mark.parametrize(
    "other",
    [
        CertificateBody(H("1235"), BODY.expiration, BODY.scopes),
        CertificateBody(BODY.public, BODY.expiration + 1, BODY.scopes),
        CertificateBody(BODY.public, BODY.expiration, BODY.scopes[:1]),
        CertificateBody(BODY.public, BODY.expiration, BODY.scopes[::-1]),
        CertificateBody(BODY.public, BODY.expiration, (Scope(H("12"), ("/res2", "/res1")), BODY.scopes[1])),
        CertificateBody(BODY.public, BODY.expiration, (Scope(H("12"), ("/res1/res2",)), BODY.scopes[1])),
    ],
)
def test_every_member_of_a_certificate_matters(other: CertificateBody) -> None:
    assert eip712.certificate_digest(other) != EVM_CERTIFICATE_DIGEST


@pytest.mark.parametrize(
    "other",
    [
        Query(b"", "/api/resource", H("abcdef")),
        Query(H("1234"), "/api", H("abcdef")),
        Query(H("1234"), "/api/resource", b""),
    ],
)
def test_every_member_of_a_query_matters(other: Query) -> None:
    assert eip712.query_digest(other, by_certificate=False) != EVM_ROOT_DIGEST


def test_half_a_surrogate_pair_cannot_be_signed() -> None:
    """JSON can spell such a path."""
    with pytest.raises(Eip712EncodingError, match="Eip712EncodingError"):
        eip712.query_digest(Query(b"", "/\ud800", b""), by_certificate=False)
