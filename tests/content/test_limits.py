"""What one read may cost."""

import pytest

from wapo.content.errors import ContentTooComplex, ContentTooDeep, ContentTooLarge
from wapo.content.limits import DEFAULT_LIMITS, Limits, Meter


def test_the_default_is_what_the_specification_says() -> None:
    """20 971 520 bytes (node-and-gateway 1.3.11)."""
    assert DEFAULT_LIMITS.max_bytes == 20_971_520


def test_each_limit_is_allowed_and_one_more_is_not() -> None:
    """And the message says what and how much."""
    meter = Meter(Limits(max_bytes=100, max_blocks=3, max_depth=2), "The program")
    meter.size(100)
    with pytest.raises(ContentTooLarge, match="The program is 101 bytes large; 100 are allowed"):
        meter.size(101)
    meter.blocks(2, 1)
    meter.blocks(0, 2)
    with pytest.raises(ContentTooDeep, match="The program is over 2 levels"):
        meter.blocks(1, 2)
    meter.blocks(1, 1)
    with pytest.raises(ContentTooComplex, match="The program is made of over 3 blocks"):
        meter.blocks(1, 1)
    meter.transfer(meter.limits.max_transfer_bytes)
    with pytest.raises(ContentTooLarge, match="given up after"):
        meter.transfer(1)


def test_any_honest_file_of_the_limit_can_be_transferred() -> None:
    """Also when it is cut into chunks of a kilobyte, each with an envelope, a link, and framing."""
    limits = Limits()
    chunks = limits.max_bytes // 1024
    assert limits.max_bytes + chunks * (14 + 50 + 45) < limits.max_transfer_bytes
