"""What a worker signs for an app."""

import pytest

from tests.trust.vectors import ADDRESS, WORKER, WORKER_PUBLIC
from wapo.trust.app_data import MAX_APP_DATA_BYTES, AppDataTooLarge, sign_app_data, verify_app_data
from wapo.trust.domains import ContentType


def test_the_signature_covers_app_and_data() -> None:
    signature = sign_app_data(WORKER, ADDRESS, b"data")
    assert WORKER.verify(ContentType.APP_DATA, ADDRESS + b"data", signature)
    assert verify_app_data(WORKER_PUBLIC, ADDRESS, b"data", signature)
    assert not verify_app_data(WORKER_PUBLIC, bytes(32), b"data", signature)
    assert not verify_app_data(WORKER_PUBLIC, ADDRESS, b"date", signature)


def test_at_most_8_mib_are_signed() -> None:
    with pytest.raises(AppDataTooLarge):
        sign_app_data(WORKER, ADDRESS, bytes(MAX_APP_DATA_BYTES + 1))
    data = bytes(MAX_APP_DATA_BYTES)
    assert verify_app_data(WORKER_PUBLIC, ADDRESS, data, sign_app_data(WORKER, ADDRESS, data))


def test_an_app_cannot_lend_bytes_from_its_data_to_its_address() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_app_data(WORKER, ADDRESS + b"d", b"ata")
