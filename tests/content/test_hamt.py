"""Where a name is in a sharded directory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.content.hamt import places, prefix_width, shard_prefix


def test_the_example_of_the_specification() -> None:
    """https://specs.ipfs.tech/unixfs/: "470.txt" is in bucket 00, and below it in 6E."""
    assert list(places(b"470.txt", 256))[:2] == [0x00, 0x6E]
    assert shard_prefix(0x6E, 256) == b"6E"


@pytest.mark.parametrize(("fanout", "depth", "width"), [(8, 21, 1), (16, 16, 1), (256, 8, 2), (1024, 6, 3)])
def test_a_hash_is_used_up(fanout: int, depth: int, width: int) -> None:
    """Deeper than its 64 bits no shard can be."""
    assert len(list(places(b"name", fanout))) == depth
    assert prefix_width(fanout) == width
    assert shard_prefix(fanout - 1, fanout) == f"{fanout - 1:X}".encode()
    assert shard_prefix(0, fanout) == b"0" * width


@given(st.binary(max_size=40), st.sampled_from([8, 256, 1024]))
def test_places_are_places(name: bytes, fanout: int) -> None:
    """None is outside the shard."""
    assert all(0 <= place < fanout for place in places(name, fanout))
