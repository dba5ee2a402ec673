"""What a worker says about itself: the byte layouts of node-and-gateway 3.5.3 and 3.5.4."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.abi.registration import (
    WorkerEndpointPayload,
    WorkerRegistrationInfoV2,
    decode_attestation,
    decode_optional_account,
    encode_attestation,
)
from wapo.scale.primitives import ScaleError

KEY, GENESIS, OPERATOR = b"\x0a" * 32, b"\x0b" * 32, b"\x0c" * 32
INFO = WorkerRegistrationInfoV2(KEY, KEY, GENESIS, OPERATOR, para_id=7)
ENDPOINTS = WorkerEndpointPayload(KEY, ("https://a", "b"), 0x0102)

keys = st.binary(min_size=32, max_size=32)
u32 = st.integers(0, 2**32 - 1)
infos = st.builds(
    WorkerRegistrationInfoV2,
    keys,
    keys,
    keys,
    st.none() | keys,
    u32,
    u32,
    st.binary(max_size=9),
    st.lists(u32, max_size=3).map(tuple),
    u32,
)
payloads = st.builds(
    WorkerEndpointPayload, keys, st.lists(st.text(max_size=9), max_size=3).map(tuple), st.integers(0, 2**64 - 1)
)


def test_a_registration_is_the_documented_bytes() -> None:
    head = "00000300" + "00" + "0a" * 64 + "0b" * 32 + "00"
    assert INFO.encode().hex() == head + "01" + "0c" * 32 + "07000000" + "00000000"
    assert dataclasses.replace(INFO, operator=None).encode().hex() == head + "00" + "07000000" + "00000000"
    assert INFO.version == 196_608


def test_endpoints_are_the_documented_bytes() -> None:
    expected = "0a" * 32 + "00" + "08" + "2468747470733a2f2f61" + "0462" + "0201000000000000"
    assert ENDPOINTS.encode().hex() == expected


def test_an_attestation_is_the_documented_bytes() -> None:
    assert encode_attestation(None).hex() == "00"
    assert encode_attestation(b"\xdd\xee").hex() == "0101" + "08ddee" + "00"
    assert decode_attestation(b"\0") is None
    assert decode_attestation(encode_attestation(b"quote")) == b"quote"
    with pytest.raises(ScaleError, match="SgxIas"):
        decode_attestation(b"\1\0")


@given(infos, payloads)
def test_what_is_written_is_read(info: WorkerRegistrationInfoV2, payload: WorkerEndpointPayload) -> None:
    assert WorkerRegistrationInfoV2.decode(info.encode()) == info
    assert WorkerEndpointPayload.decode(payload.encode()) == payload


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(encoded: bytes) -> None:
    for decode in (
        WorkerRegistrationInfoV2.decode,
        WorkerEndpointPayload.decode,
        decode_attestation,
        decode_optional_account,
    ):
        for data in (encoded, INFO.encode()[:5] + encoded, ENDPOINTS.encode()[:33] + encoded, b"\1\1" + encoded):
            with contextlib.suppress(ScaleError):
                decode(data)


def test_no_account_is_spelled_and_nothing_is_an_error() -> None:
    assert decode_optional_account(b"\0") is None
    assert decode_optional_account(b"\1" + OPERATOR) == OPERATOR
    for encoded in (b"", b"\1", b"\1" + OPERATOR[:31], b"\2"):
        with pytest.raises(ScaleError):
            decode_optional_account(encoded)


@pytest.mark.parametrize(
    "change",
    [{"operator": b"short"}, {"public": KEY + b"x"}, {"genesis_block_hash": b""}, {"para_id": -1}, {"para_id": 2**32}],
)
def test_what_has_no_encoding_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ScaleError):
        dataclasses.replace(INFO, **change).encode()  # type: ignore[arg-type]
