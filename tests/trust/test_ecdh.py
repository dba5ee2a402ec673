"""Key agreement on Ristretto."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import CALLER_PUBLIC, CALLER_SEED, SHARED, WORKER_KEY_FILE, WORKER_PUBLIC
from wapo.trust import schnorr
from wapo.trust.ecdh import InvalidAgreementKey, shared_point

CALLER = schnorr.secret_of_seed(CALLER_SEED)


def test_both_sides_agree_on_the_original_s_point() -> None:
    """Without clamping the scalar, which would give another one."""
    assert shared_point(WORKER_KEY_FILE, CALLER_PUBLIC) == SHARED
    assert shared_point(CALLER, WORKER_PUBLIC) == SHARED


@pytest.mark.parametrize(
    "public",
    [
        pytest.param(bytes(32), id="identity"),
        pytest.param(b"\xff" * 32, id="not a field element"),
        pytest.param((2**255 - 19).to_bytes(32, "little"), id="identity in another spelling"),
        pytest.param((2**255 - 18).to_bytes(32, "little"), id="not canonical"),
        pytest.param(b"\x01" + bytes(31), id="negative"),
        pytest.param(CALLER_PUBLIC[:31], id="short"),
        pytest.param(CALLER_PUBLIC + b"x", id="long"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_key_that_nobody_can_agree_with_is_refused(public: bytes) -> None:
    with pytest.raises(InvalidAgreementKey):
        shared_point(WORKER_KEY_FILE, public)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_any_two_parties_agree(first: bytes, second: bytes) -> None:
    a, b = schnorr.secret_of_seed(first), schnorr.secret_of_seed(second)
    assert shared_point(a, schnorr.public_of(b)) == shared_point(b, schnorr.public_of(a))


@given(st.binary(min_size=32, max_size=32))
def test_any_bytes_are_a_point_or_refused(public: bytes) -> None:
    with contextlib.suppress(InvalidAgreementKey):
        assert len(shared_point(WORKER_KEY_FILE, public)) == 32


LOAD = "from wapo.trust.ecdh import load; load()"


def test_loading_leaves_nothing_behind(tmp_path: Path) -> None:
    """The wheel unpacks libsodium into the temporary folder, and leaves that file there."""
    subprocess.run([sys.executable, "-c", LOAD], check=True, env={"TMPDIR": str(tmp_path), **PATHS}, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_the_way_of_loading_is_told() -> None:
    """There is no room for a file there, nor anywhere else that Python would try."""
    script = f"import tempfile; tempfile.tempdir = '/proc/self/none'; {LOAD}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=PATHS, timeout=60)
    assert "CryptoUnusable: libsodium cannot be loaded" in done.stderr


PATHS = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
