"""Each kind of signature: whom it speaks for, and what is refused."""

import coincurve
import pytest
from Crypto.Signature import eddsa
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.signing import Caller, caller
from tests.trust.test_eip712 import BODY
from tests.trust.vectors import (
    EVM_ADDRESS,
    EVM_CERTIFICATE_SIGNATURE,
    EVM_CERTIFIED_SIGNATURE,
    EVM_PUBLIC,
    EVM_QUERY,
    EVM_ROOT_SIGNATURE,
    QUERY,
)
from wapo.trust import ed25519_points, signers
from wapo.trust.query_errors import InvalidPublicKey, InvalidSignature
from wapo.trust.query_signature import Query, SignatureType
from wapo.trust.query_verification import SignedCertificate, SignedQuery

SIGNED = SignedQuery(QUERY, by_certificate=False)
CALLERS = [caller(kind) for kind in SignatureType]
ECDSA_KINDS = (SignatureType.ECDSA, SignatureType.EVM_ECDSA, SignatureType.EIP712)
by_kind = pytest.mark.parametrize("signer", CALLERS, ids=lambda signer: signer.kind.name)


def test_a_key_s_evm_address_is_the_documented_one() -> None:
    assert signers.evm_address(coincurve.PublicKey(EVM_PUBLIC)) == EVM_ADDRESS
    assert signers.identity(SignatureType.EIP712, EVM_PUBLIC) == EVM_ADDRESS + b"@evm_address"


def test_documented_typed_data_signatures_are_valid() -> None:
    for signed, signature in (
        (SignedQuery(EVM_QUERY, by_certificate=False), EVM_ROOT_SIGNATURE),
        (SignedQuery(EVM_QUERY, by_certificate=True), EVM_CERTIFIED_SIGNATURE),
        (SignedCertificate(BODY), EVM_CERTIFICATE_SIGNATURE),
    ):
        signers.verify(SignatureType.EIP712, EVM_PUBLIC, signature, signed)
        with pytest.raises(InvalidSignature):
            signers.verify(SignatureType.EIP712, EVM_PUBLIC, signature, SIGNED)


@by_kind
def test_a_signature_speaks_for_its_signer(signer: Caller) -> None:
    signers.verify(signer.kind, signer.public, signer.sign(SIGNED), SIGNED)
    assert signers.identity(signer.kind, signer.public) == signer.identity
    assert len(signer.identity) == 32


@by_kind
def test_a_signature_is_of_one_context_only(signer: Caller) -> None:
    """What is signed as a query is no certificate, and so on."""
    for signed in (SIGNED, SignedQuery(QUERY, by_certificate=True), SignedCertificate(BODY)):
        signature = signer.sign(signed)
        for other in (SIGNED, SignedQuery(QUERY, by_certificate=True), SignedCertificate(BODY)):
            if other != signed:
                with pytest.raises(InvalidSignature):
                    signers.verify(signer.kind, signer.public, signature, other)


@by_kind
@pytest.mark.parametrize("kind", SignatureType)
def test_a_signature_is_of_one_kind_only(signer: Caller, kind: SignatureType) -> None:
    """But for the two that differ in the identity alone."""
    signature = signer.sign(SIGNED)
    same = {kind.name.removeprefix("EVM_"), signer.kind.name.removeprefix("EVM_")}
    if len(same) == 1:
        signers.verify(kind, signer.public, signature, SIGNED)
    else:
        with pytest.raises((InvalidSignature, InvalidPublicKey)):
            signers.verify(kind, signer.public, signature, SIGNED)


@given(st.sampled_from(CALLERS), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_signature_is_noticed(signer: Caller, position: int, mask: int) -> None:
    signature = bytearray(signer.sign(SIGNED))
    signature[position % len(signature)] ^= mask
    with pytest.raises(InvalidSignature):
        signers.verify(signer.kind, signer.public, bytes(signature), SIGNED)


@given(st.sampled_from(CALLERS), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_key_is_noticed(signer: Caller, position: int, mask: int) -> None:
    public = bytearray(signer.public)
    public[position % len(public)] ^= mask
    with pytest.raises((InvalidSignature, InvalidPublicKey)):
        signers.verify(signer.kind, bytes(public), signer.sign(SIGNED), SIGNED)


@given(st.sampled_from(CALLERS), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_query_is_noticed(signer: Caller, position: int, mask: int) -> None:
    parts = (QUERY.address, QUERY.path.encode(), QUERY.payload)
    whole = bytearray(b"".join(parts))
    mask &= 0x3F if 32 <= position % len(whole) < 32 + len(QUERY.path) else 0xFF  # keeps the path ASCII
    if not mask:
        return
    whole[position % len(whole)] ^= mask
    changed = Query(bytes(whole[:32]), whole[32 : 32 + len(QUERY.path)].decode(), bytes(whole[32 + len(QUERY.path) :]))
    with pytest.raises(InvalidSignature):
        signers.verify(signer.kind, signer.public, signer.sign(SIGNED), SignedQuery(changed, by_certificate=False))


@given(st.sampled_from(SignatureType), st.binary(max_size=70), st.binary(max_size=70))
def test_any_bytes_are_refused(kind: SignatureType, public: bytes, signature: bytes) -> None:
    with pytest.raises((InvalidSignature, InvalidPublicKey)):
        signers.verify(kind, public, signature, SIGNED)
    with pytest.raises(InvalidSignature):
        signers.verify(kind, caller(kind).public, signature, SIGNED)


@by_kind
@pytest.mark.parametrize("public", [b"", bytes(32), bytes(33), bytes(65), b"\xff" * 32, b"\x02" + b"\xff" * 32])
def test_a_key_that_is_none_is_told(signer: Caller, public: bytes) -> None:
    with pytest.raises((InvalidPublicKey, InvalidSignature)) as caught:
        signers.verify(signer.kind, public, signer.sign(SIGNED), SIGNED)
    if len(public) != len(signer.public) or not any(public):
        assert caught.type is InvalidPublicKey


@pytest.mark.parametrize("kind", ECDSA_KINDS)
def test_only_typed_data_may_come_with_an_uncompressed_key(kind: SignatureType) -> None:
    signer = caller(kind)
    uncompressed = coincurve.PublicKey(signer.public).format(compressed=False)
    if kind is SignatureType.EIP712:
        signers.verify(kind, uncompressed, signer.sign(SIGNED), SIGNED)
        assert signers.identity(kind, uncompressed) == signer.identity
    else:
        with pytest.raises(InvalidPublicKey):
            signers.verify(kind, uncompressed, signer.sign(SIGNED), SIGNED)


def test_wallets_may_count_from_27() -> None:
    signer = caller(SignatureType.EIP712)
    signature = signer.sign(SIGNED)
    wallet = signature[:-1] + bytes((signature[-1] + 27,))
    signers.verify(signer.kind, signer.public, wallet, SIGNED)
    for kind in (SignatureType.ECDSA, SignatureType.EVM_ECDSA):
        other = caller(kind)
        signature = other.sign(SIGNED)
        with pytest.raises(InvalidSignature):
            signers.verify(kind, other.public, signature[:-1] + bytes((signature[-1] + 27,)), SIGNED)


PRIME = 2**255 - 19
LOW_ORDER = [
    y | sign << 255
    for y in sorted(ed25519_points._LOW_ORDER)
    for sign in (0, 1)
    if not (sign and y in (1, PRIME - 1))  # x is 0 there, which has no sign
]


@pytest.mark.parametrize("encoded", LOW_ORDER, ids=hex)
def test_points_of_small_order_are_nobody_s_keys(encoded: int) -> None:
    """Eight there are; anybody can find a signature that is valid under one of them."""
    public = encoded.to_bytes(32, "little")
    assert (eddsa.import_public_key(public).pointQ * 8).is_point_at_infinity()
    with pytest.raises(InvalidPublicKey):
        signers.verify(SignatureType.ED25519, public, bytes(64), SIGNED)
    assert len(LOW_ORDER) == 8


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, 2**255 - 1])
def test_a_key_has_one_spelling(y: int) -> None:
    with pytest.raises(InvalidPublicKey):
        signers.verify(SignatureType.ED25519, y.to_bytes(32, "little"), bytes(64), SIGNED)
