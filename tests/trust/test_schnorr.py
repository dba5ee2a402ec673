"""sr25519: keys, signatures and hard derivation, as schnorrkel has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import CALLER_PUBLIC, CALLER_SEED, SEED, WORKER_KEY_FILE, WORKER_PUBLIC
from wapo.trust import schnorr

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


def test_a_seed_is_expanded_in_ed25519_mode() -> None:
    assert schnorr.secret_of_seed(SEED) == WORKER_KEY_FILE
    assert schnorr.public_of(WORKER_KEY_FILE) == WORKER_PUBLIC
    assert schnorr.public_of(schnorr.secret_of_seed(CALLER_SEED)) == CALLER_PUBLIC


def test_hard_derivation_is_that_of_substrate() -> None:
    """``//Alice`` of the development phrase, whose public key everybody knows: ``5GrwvaEF...``."""
    seed = bytes.fromhex("fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e")
    secret = schnorr.secret_of_seed(seed)
    junction = b"\x14Alice".ljust(32, b"\0")
    _, public = schnorr.hard_derive(secret, schnorr.public_of(secret), junction)
    assert public.hex() == "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"


def test_hard_derivation_gives_the_same_nonce_again() -> None:
    """The binding's documentation denies it; boot data could not be read back if that were true."""
    derived = {schnorr.hard_derive(WORKER_KEY_FILE, WORKER_PUBLIC, bytes(32)) for _ in range(3)}
    assert len(derived) == 1


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        schnorr.secret_of_seed(seed)


@pytest.mark.parametrize("scalar", [0, GROUP_ORDER, GROUP_ORDER + 1, 2**255 - 1, 2**256 - 1])
def test_a_scalar_that_is_zero_or_not_reduced_is_refused(scalar: int) -> None:
    with pytest.raises(ValueError, match="secret key"):
        schnorr.public_of(scalar.to_bytes(32, "little") + bytes(32))


def test_nobody_can_sign_for_the_key_of_zeros() -> None:
    """The library finds this signature valid under it, for any message."""
    forged = bytes(63) + b"\x80"
    import sr25519

    assert sr25519.verify(forged, b"anything", bytes(32))
    assert not schnorr.verify(bytes(32), b"anything", forged)


@given(st.binary(max_size=70), st.binary(max_size=20), st.binary(max_size=70))
def test_any_bytes_are_refused_as_signatures(public: bytes, message: bytes, signature: bytes) -> None:
    assert not schnorr.verify(public, message, signature)
    assert not schnorr.verify(WORKER_PUBLIC, message, signature)
    assert not schnorr.verify(public[:32].ljust(32, b"\0"), message, signature[:64].ljust(64, b"\0"))
