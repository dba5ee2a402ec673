"""Sizes and times as they are typed, and as they are shown."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.cli.values import format_size, format_time, parse_size, parse_time


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("64MB", 64 << 20), ("64 mb", 64 << 20), ("1.5k", 1536), ("4GiB", 4 << 30), (" 2 KB ", 2048), ("7b", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("500ms", 0.5),
        ("2s", 2),
        ("5m", 300),
        ("5min", 300),
        ("1.5h", 5400),
        ("unlimited", None),
        ("UNLIMITED ", None),
    ],
)
def test_times(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e3", "64 Mb b", "nan", "inf", "0x10", "٣MB", "1,5MB", "64TB"])
def test_what_is_no_size_is_said_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write a number with KB, MB or GB, such as 64MB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0", "0.0001", "0GB"])
def test_no_size_is_zero(text: str) -> None:
    with pytest.raises(ValueError, match="too small"):
        parse_size(text)


def test_a_size_fits_into_the_database() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_size("99999999999999GB")


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "nan", "inf", "1e3", "forever"])
def test_what_is_no_time_is_said_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write a number with ms, s, m or h, such as 500ms"):
        parse_time(text)


def test_no_time_is_zero() -> None:
    with pytest.raises(ValueError, match="write 'unlimited' for no limit"):
        parse_time("0s")


@settings(deadline=None)
@given(st.integers(1, (1 << 63) - 1))
def test_a_size_that_is_shown_can_be_typed(size: int) -> None:
    assert parse_size(format_size(size)) == size


@settings(deadline=None)
@given(st.floats(1e-3, 1e6))
def test_a_time_that_is_shown_can_be_typed(seconds: float) -> None:
    again = parse_time(format_time(seconds))
    assert again is not None
    assert math.isclose(again, seconds, rel_tol=1e-12)


def test_shown_values_are_short() -> None:
    assert [format_size(size) for size in (64 << 20, 1536, 1000, 4 << 30, (1 << 20) + 1)] == [
        "64MB", "1.5KB", "1000B", "4GB", "1048577B",
    ]  # fmt: skip
    assert [format_time(seconds) for seconds in (0.5, 2.0, 90.0, None)] == ["500ms", "2s", "90s", "unlimited"]
