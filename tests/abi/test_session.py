"""Sessions: the ids and bytes of node-and-gateway 10."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.abi.session import PreviousNonceTooLong, SessionUpdate
from wapo.scale.primitives import ScaleError

NONCE, RECIPIENT = b"\xaa" * 32, b"\xbb" * 32


@pytest.mark.parametrize(
    ("previous", "session"),
    [
        ("", "046c0d987075db8217087bae19e9f753305890fc6772908c57f07878211cc8cb"),
        ("0102", "cb4664f2eebb1149cae780308a8473674deb19dbbfdb1c8b1cb159e902c45731"),
    ],
)
def test_a_session_is_the_documented_one(previous: str, session: str) -> None:
    update = SessionUpdate.begin(NONCE, bytes.fromhex(previous), RECIPIENT)
    assert update.session.hex() == session
    assert update.encode().hex() == session + "aa" * 32 + "80" + "bb" * 32
    assert len(update.encode()) == 97
    assert SessionUpdate.decode(update.encode()) == update


def test_the_previous_nonce_has_at_most_64_bytes() -> None:
    SessionUpdate.begin(NONCE, bytes(64), RECIPIENT)
    with pytest.raises(PreviousNonceTooLong):
        SessionUpdate.begin(NONCE, bytes(65), RECIPIENT)


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(encoded: bytes) -> None:
    with contextlib.suppress(ScaleError):
        SessionUpdate.decode(encoded)
