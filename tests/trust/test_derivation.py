"""Secrets of apps: those of the specification, and other ones for anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import ADDRESS, CALLER_SEED, DERIVED, WORKER
from wapo.trust import schnorr
from wapo.trust.derivation import DerivationPathTooLong, derive_secret
from wapo.trust.worker_key import WorkerKey


@pytest.mark.parametrize(("path", "secret"), DERIVED.items())
def test_secrets_are_those_of_the_original(path: bytes, secret: bytes) -> None:
    assert derive_secret(WORKER, ADDRESS, path) == secret


def test_a_secret_is_a_secret_key() -> None:
    """Guests use it as one."""
    secret = derive_secret(WORKER, ADDRESS, b"hello")
    public = schnorr.public_of(secret)
    assert schnorr.verify(public, b"message", schnorr.sign(secret, public, b"message"))


def test_worker_app_and_path_all_matter() -> None:
    workers = (WORKER, WorkerKey.from_seed(CALLER_SEED))
    secrets = {
        derive_secret(worker, app, path) for worker in workers for app in (ADDRESS, bytes(32)) for path in (b"", b"x")
    }
    assert len(secrets) == 8


def test_a_path_has_at_most_256_bytes() -> None:
    assert len(derive_secret(WORKER, ADDRESS, bytes(256))) == 64
    with pytest.raises(DerivationPathTooLong):
        derive_secret(WORKER, ADDRESS, bytes(257))


@pytest.mark.parametrize("app", [b"", ADDRESS[:31], ADDRESS + b"x"])
def test_an_address_of_another_length_is_a_mistake_of_ours(app: bytes) -> None:
    with pytest.raises(ValueError, match="32"):
        derive_secret(WORKER, app, b"")


@given(st.binary(max_size=256), st.binary(max_size=256))
def test_different_paths_give_different_secrets(first: bytes, second: bytes) -> None:
    same = derive_secret(WORKER, ADDRESS, first) == derive_secret(WORKER, ADDRESS, second)
    assert same == (first == second)
