"""Directories that a program is given."""

import os
from pathlib import Path

import pytest

from wapo.vm.wasi import CannotGrant, Grant, opened


def test_they_are_open_for_a_block(granted: Path, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with opened([Grant(granted, "/data"), Grant(tmp_path, "ä", writable=False)]) as (first, second):
        assert (first.name, first.writable) == (b"/data", True)
        assert (second.name, second.writable) == ("ä".encode(), False)
        assert first.identity == (granted.stat().st_dev, granted.stat().st_ino)
        assert not os.get_inheritable(first.descriptor)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("host", "name"),
    [("nothing", "/data"), ("file", "/data"), (".", ""), (".", "a\0b"), (".", "x" * 4096), ("a\0b", "/data")],
)
def test_what_cannot_be_given(tmp_path: Path, host: str, name: str) -> None:
    """Nothing stays open then."""
    (tmp_path / "file").touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(CannotGrant), opened([Grant(tmp_path, "/ok"), Grant(tmp_path / host, name)]):
        pass
    assert len(os.listdir("/proc/self/fd")) == before
