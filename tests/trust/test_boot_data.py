"""Boot data: the original's files can be read, and new ones are bound to their app."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.vectors import ADDRESS, BOOT_DATA, BOOT_DATA_FILE, CALLER_SEED, WORKER
from wapo.trust.boot_data import (
    MAX_BOOT_DATA_BYTES,
    MAX_SEALED_BYTES,
    BootDataSealer,
    BootDataTooLarge,
    boot_data_file,
)
from wapo.trust.seal import Unsealable
from wapo.trust.worker_key import WorkerKey

SEALER = BootDataSealer(WORKER, ADDRESS)
OTHER_APP = BootDataSealer(WORKER, bytes(32))
OTHER_WORKER = BootDataSealer(WorkerKey.from_seed(CALLER_SEED), ADDRESS)


def test_a_file_of_the_original_is_opened() -> None:
    assert SEALER.open(BOOT_DATA_FILE) == BOOT_DATA


def test_a_file_is_called_as_the_original_calls_it(tmp_path: Path) -> None:
    assert boot_data_file(tmp_path, ADDRESS).name == f"{ADDRESS.hex()}-bootdata"


def test_a_new_record_is_not_one_of_the_original() -> None:
    assert SEALER.seal(b"data")[:8] == b"WAPOBD\x00\x01"
    assert len(SEALER.seal_original(b"data")) == 4 + 28


@given(st.binary(max_size=200), st.booleans(), st.integers(0, 10_000), st.integers(1, 255))
def test_a_record_opens_only_as_it_was(data: bytes, original: bool, position: int, mask: int) -> None:
    sealed = SEALER.seal_original(data) if original else SEALER.seal(data)
    assert SEALER.open(sealed) == data
    damaged = bytearray(sealed)
    damaged[position % len(sealed)] ^= mask
    for sealer, record in ((SEALER, bytes(damaged)), (OTHER_APP, sealed), (OTHER_WORKER, sealed)):
        with pytest.raises(Unsealable):
            sealer.open(record)


@pytest.mark.parametrize("original", [False, True])
def test_every_record_that_can_be_written_can_be_read(original: bool) -> None:
    """The original could not read its last 28 sizes."""
    seal = SEALER.seal_original if original else SEALER.seal
    data = bytes(MAX_BOOT_DATA_BYTES)
    assert len(seal(data)) <= MAX_SEALED_BYTES
    assert SEALER.open(seal(data)) == data
    with pytest.raises(BootDataTooLarge):
        seal(data + b"x")


def test_a_file_that_is_too_long_is_not_even_tried() -> None:
    with pytest.raises(Unsealable):
        SEALER.open(bytes(MAX_SEALED_BYTES + 1))


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(sealed: bytes) -> None:
    for record in (sealed, b"WAPOBD\x00\x01" + sealed):
        with contextlib.suppress(Unsealable):
            SEALER.open(record)
            pytest.fail("it was opened")
