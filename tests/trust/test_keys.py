"""The node's key: made once, readable by its owner only, different for every purpose."""

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.trust.keys import NodeKeys, UnusableKey
from wapo.trust.seal import Sealer, Unsealable

KEYS = NodeKeys(bytes(range(32)))


def test_a_key_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    first = NodeKeys.load_or_create(path).derive("x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert NodeKeys.load_or_create(path).derive("x") == first


def derive(path: Path) -> bytes:
    return NodeKeys.load_or_create(path).derive("x")


def test_processes_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(derive, [tmp_path / "node.key"] * 8))) == 1


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_an_unusable_key_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    """A new key over a damaged one would lose every secret."""
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UnusableKey):
        NodeKeys.load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    NodeKeys.load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(UnusableKey, match="chmod 600"):
        NodeKeys.load_or_create(path)


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_different_parts_give_different_keys(first: list[bytes], second: list[bytes]) -> None:
    """Parts are length-prefixed: ("ab", "c") is not ("a", "bc")."""
    assert (KEYS.derive("p", *first) == KEYS.derive("p", *second)) == (first == second)


def test_secrets_of_agents_depend_on_program_and_path() -> None:
    secrets = {KEYS.agent_secret(program, path) for program in ("a", "b") for path in (b"x", b"y", b"")}
    assert len(secrets) == 6
    assert all(len(secret) == 64 for secret in secrets)


@given(st.binary(max_size=300), st.text(max_size=20), st.integers(0, 10_000))
def test_a_sealed_record_opens_only_as_it_was(data: bytes, context: str, position: int) -> None:
    """Any changed bit, and any other context, is refused."""
    sealer = Sealer(KEYS.derive("seal"))
    sealed = sealer.seal(data, context)
    assert sealer.open(sealed, context) == data
    damaged = bytearray(sealed)
    damaged[position % len(damaged)] ^= 1 << (position % 8)
    with pytest.raises(Unsealable):
        sealer.open(bytes(damaged), context)
    with pytest.raises(Unsealable):
        sealer.open(sealed, context + "x")
