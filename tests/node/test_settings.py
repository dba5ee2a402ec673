"""What an operator decides: where things are, and what is made there."""

from pathlib import Path

import pytest

from wapo.node.settings import DataDirUnusable, NodeSettings, default_cache_dir, default_data_dir


def test_data_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The own variable first, then where the user's applications keep data."""
    monkeypatch.setenv("WAPO_DATA_DIR", "/srv/wapo")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_data_dir() == Path("/srv/wapo")
    monkeypatch.setenv("WAPO_DATA_DIR", "")
    assert default_data_dir() == Path("/data/wapo")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / ".local" / "share" / "wapo"


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_cache_dir() == Path("/cache/wapo")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "wapo"


def test_a_data_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    made = NodeSettings(data_dir=tmp_path / "deep" / "node").make_data_dir()
    assert made.is_dir()
    assert made.stat().st_mode & 0o777 == 0o700
    assert NodeSettings(data_dir=made).make_data_dir() == made


@pytest.mark.parametrize(
    ("below", "message"),
    [
        ("file", "is not a directory"),
        ("file/node", "cannot be made: Not a directory"),
        ("n" * 300, "cannot be made: File name too long"),
    ],
)
def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path, below: str, message: str) -> None:
    (tmp_path / "file").touch()
    settings = NodeSettings(data_dir=tmp_path / below, cache_dir=tmp_path / below)
    for make in (settings.make_data_dir, settings.make_cache_dir):
        with pytest.raises(DataDirUnusable) as caught:
            make()
        assert str(tmp_path / below) in str(caught.value)
        assert str(caught.value).endswith(message)
