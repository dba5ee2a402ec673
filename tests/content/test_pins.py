"""What must stay."""

from pathlib import Path

import pytest

from tests.content.samples import raw_block
from wapo.content.cid import DAG_PB, Cid
from wapo.content.errors import BlockStoreFailed
from wapo.content.pins import Pins

A, B = raw_block(b"a").cid, Cid.of(b"b", codec=DAG_PB, version=0)


def test_pins_stay(tmp_path: Path) -> None:
    """Over a restart, and in every process."""
    Pins(tmp_path / "pins").add(A)
    Pins(tmp_path / "pins").add(B)
    pins = Pins(tmp_path / "pins")
    assert {pin.cid for pin in pins} == {A, B}
    assert all(pin.pinned_s > 1e9 for pin in pins)


def test_pinning_twice_is_pinning(tmp_path: Path) -> None:
    """And unpinning once undoes it."""
    pins = Pins(tmp_path)
    pins.add(A)
    pins.add(A)
    assert pins.remove(A)
    assert not pins.remove(A)
    assert list(pins) == []


def test_any_spelling_unpins(tmp_path: Path) -> None:
    """Version 1 of what was pinned in version 0."""
    pins = Pins(tmp_path)
    pins.add(B)
    assert pins.remove(B.v1())
    assert list(pins) == []


def test_foreign_files_are_no_pins(tmp_path: Path) -> None:
    """Editors and backups leave things anywhere."""
    pins = Pins(tmp_path)
    pins.add(A)
    (tmp_path / ".DS_Store").write_bytes(b"?")
    assert [pin.cid for pin in pins] == [A]


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """The operator mistyped the path."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlockStoreFailed, match="Could not open the pins"):
        Pins(tmp_path / "file" / "pins")
    pins = Pins(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(BlockStoreFailed, match="Could not pin"):
        pins.add(A)
