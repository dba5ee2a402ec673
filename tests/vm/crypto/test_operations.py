"""Whatever a guest asks: a result or an error code, and never long on the event loop's thread."""

import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.crypto.support import code, do, encode
from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.crypto.operations import OPERATIONS, perform
from wapo.vm.crypto.request import Request

numbers = st.one_of(st.integers(0, 5), st.sampled_from((16, 32, 128, 2048, 0x7FFFFFFF, 0xFFFFFFFF)))

#: One of each form in which keys cross the border.
RSA_PRIVATE = do(50, 1024, param=b"\1\0\1")
MATERIAL = [
    b"", bytes(16), bytes(range(32)), RSA_PRIVATE, do(51, key=RSA_PRIVATE), do(61, key=RSA_PRIVATE), do(30, 1), do(30, 1)[32:],
    do(37, 1, key=do(30, 1)), do(45, 1, key=bytes(32)), do(30, 3),
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Material with a few bytes changed, cut or added; or any bytes."""
    data = bytearray(draw(st.one_of(st.sampled_from(MATERIAL), st.binary(max_size=100))))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.one_of(st.none(), st.integers(0, len(data))))
    return bytes(data[:cut])


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(OPERATIONS)), numbers, numbers, numbers, damaged(), damaged(), damaged(), damaged())
def test_any_request_ends_in_a_result_or_a_code(
    number: int, a: int, b: int, c: int, key: bytes, param: bytes, data: bytes, extra: bytes
) -> None:
    request = Request(number, a, b, c, key, param, data, extra)
    began = time.thread_time()
    result: bytes | OcallError = b""
    try:
        if not OPERATIONS[number].is_long(request):
            result = perform(request)
    except OcallFailure as failure:
        result = failure.code
    assert isinstance(result, bytes) or result in (3, 8, 10)
    assert time.thread_time() - began < 0.1, "far beyond what the loop can wait"


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=40).map(lambda data: encode(1, data=data))))
def test_a_request_that_is_none_is_refused(message: bytes) -> None:
    lengths = struct.unpack_from("<4I", message, 16) if len(message) >= 32 else (1 << 40,)
    if sum(lengths) == len(message) - 32:
        Request.decode(message)
    else:
        with pytest.raises(OcallFailure, match="INVALID_PARAMETER"):
            Request.decode(message)


def test_unknown_operations_are_unsupported() -> None:
    assert code(0) == code(9999) == 8


def test_what_takes_long_is_known_before() -> None:
    """Making RSA keys, signing with long ones, many iterations; and nothing that is refused anyway."""
    long_key = b"\0" * 2400

    def long(number: int, a: int = 0, b: int = 0, c: int = 0, key: bytes = b"") -> bool:
        return OPERATIONS[number].is_long(Request(number, a, b, c, key, b"", b"", b""))

    assert [long(50, bits) for bits in (5, 1023, 1024, 2048, 4096, 4097)] == [False, False, True, True, True, False]
    assert all(long(number, 2, key=long_key) for number in (52, 54, 57))
    assert not any(long(number, 2, key=long_key[:1217]) for number in (52, 54, 57))
    assert OPERATIONS[20].is_long(Request(20, 2, 255 * 32, 0, b"", b"", b"", bytes(2000)))
    assert not OPERATIONS[20].is_long(Request(20, 2, 255 * 32, 0, b"", b"", b"", bytes(900)))
    assert OPERATIONS[21].is_long(Request(21, 2, 32 * 100, 1, b"", bytes(3000), b"", b""))
    assert not OPERATIONS[21].is_long(Request(21, 2, 32 * 100, 1, b"", bytes(2000), b"", b""))
    assert [long(21, 2, 64, rounds) for rounds in (1000, 1001, 5_000_000, 5_000_001)] == [False, True, True, False]
