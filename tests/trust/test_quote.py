"""Report data."""

import hashlib

import pytest

from tests.trust.vectors import ADDRESS, QUOTED, REPORT_DATA
from wapo.trust.app_data import MAX_APP_DATA_BYTES, AppDataTooLarge
from wapo.trust.attestation.provider import REPORT_DATA_BYTES
from wapo.trust.quote import app_report_data, registration_report_data


def test_an_app_s_report_data_are_those_of_the_original() -> None:
    assert app_report_data(ADDRESS, QUOTED) == REPORT_DATA


def test_a_registration_s_report_data_have_no_prefix() -> None:
    data = registration_report_data(b"info")
    assert data == hashlib.blake2b(b"info", digest_size=32).digest() + bytes(32)
    assert len(data) == REPORT_DATA_BYTES


def test_at_most_8_mib_are_quoted() -> None:
    with pytest.raises(AppDataTooLarge):
        app_report_data(ADDRESS, bytes(MAX_APP_DATA_BYTES + 1))
