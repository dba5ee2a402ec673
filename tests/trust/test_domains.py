"""Signatures of different kinds never pass for each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import WORKER, WORKER_PUBLIC
from wapo.trust.domains import ContentType, domain_message, verify_signature


def test_the_type_bytes_are_those_of_the_table() -> None:
    assert [f"{kind:02x}" for kind in ContentType] == ["01", "02", "64", "65", "66", "67", "68", "c8"]
    assert domain_message(ContentType.APP_DATA, b"x").hex() == "ff6578"


@pytest.mark.parametrize("other", [kind for kind in ContentType if kind is not ContentType.METRICS])
def test_a_signature_of_one_kind_is_none_of_another(other: ContentType) -> None:
    signature = WORKER.sign(ContentType.METRICS, b"message")
    assert verify_signature(WORKER_PUBLIC, ContentType.METRICS, b"message", signature)
    assert not verify_signature(WORKER_PUBLIC, other, b"message", signature)


@given(st.binary(max_size=100), st.sampled_from(ContentType), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(message: bytes, kind: ContentType, position: int, mask: int) -> None:
    """Of the key, the message, or the signature."""
    signature = WORKER.sign(kind, message)
    assert WORKER.verify(kind, message, signature)
    parts = [WORKER_PUBLIC, message, signature]
    whole = bytearray(b"".join(parts))
    whole[position % len(whole)] ^= mask
    public, changed, made = whole[:32], whole[32 : 32 + len(message)], whole[32 + len(message) :]
    assert not verify_signature(bytes(public), kind, bytes(changed), bytes(made))
