"""Files are believed only if they are ours and whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wapo.engine.kept_files import KeptFiles

CONTENT = bytes(range(256)) * 100


def read(files: KeptFiles, name: str = "it", kind: str = "image") -> bytes | None:
    with files.opened(name, kind) as found:
        return bytes(found[1]) if found is not None else None


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    files = KeptFiles(tmp_path / "kept")
    files.put("it", "image", CONTENT)
    return files


def test_another_process_finds_what_was_kept(files: KeptFiles) -> None:
    assert read(KeptFiles(files.directory)) == CONTENT


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "the first byte": lambda folder: flip(folder / "it.image", 0),
    "the last byte": lambda folder: flip(folder / "it.image", -1),
    "the digest": lambda folder: flip(folder / "it.mac", -1),
    "the magic": lambda folder: flip(folder / "it.mac", 0),
    "the key": lambda folder: flip(folder / "key", 0),
    "a byte too many": lambda folder: (folder / "it.image").write_bytes(CONTENT + b"x"),
    "a byte too few": lambda folder: (folder / "it.image").write_bytes(CONTENT[:-1]),
    "nothing in it": lambda folder: (folder / "it.image").write_bytes(b""),
    "no digest": lambda folder: (folder / "it.mac").unlink(),
    "no file": lambda folder: (folder / "it.image").unlink(),
    "a folder in its place": lambda folder: ((folder / "it.image").unlink(), (folder / "it.image").mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_was_changed_counts_as_missing(files: KeptFiles, damage: Callable[[Path], object]) -> None:
    damage(files.directory)
    assert read(KeptFiles(files.directory)) is None


def test_a_file_under_another_name_or_of_another_kind_counts_as_missing(files: KeptFiles) -> None:
    for name, kind in (("other", "image"), ("it", "code")):
        for suffix, target in (("image", kind), ("mac", "mac")):
            path = files.directory / f"{name}.{target}"
            if not path.exists():
                path.write_bytes((files.directory / f"it.{suffix}").read_bytes())
        assert read(files, name, kind) is None


def test_it_is_the_owners_alone(files: KeptFiles) -> None:
    assert files.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files.directory.iterdir()} == {0o600}


def test_an_error_of_whoever_reads_is_theirs(files: KeptFiles) -> None:
    def fail() -> None:
        with files.opened("it", "image"):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
