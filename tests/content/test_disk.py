"""What only a store on disk can get wrong: damage, crashes, other processes, a full disk."""

import logging
import multiprocessing
import os
import sys
import time
from pathlib import Path

import pytest

from tests.content.samples import content, raw_block
from wapo.content.blocks import Block
from wapo.content.disk import DiskBlocks
from wapo.content.errors import BlockStoreFailed


def the_file(root: Path) -> Path:
    """The only block's file."""
    (path,) = (root / "blocks").glob("*/*")
    return path


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.write_bytes({"changed": b"X" + data[1:], "cut": data[:-1], "empty": b"", "grown": data + b"X"}[how])


@pytest.mark.parametrize("how", ["changed", "cut", "empty", "grown"])
def test_a_damaged_file_counts_as_missing(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is removed, so that the block can be fetched again, and the operator is told."""
    store, block = DiskBlocks(tmp_path), raw_block(b"precious")
    store.put(*block)
    damage(the_file(tmp_path), how)
    with caplog.at_level(logging.WARNING):
        assert store.get(block.cid) is None
    assert "damaged" in caplog.text
    assert str(block.cid) in caplog.text
    assert not store.has(block.cid)
    store.put(*block)
    assert store.get(block.cid) == b"precious"


def test_putting_a_block_mends_a_damaged_file(tmp_path: Path) -> None:
    """A file of the right name and size is not proof of the right bytes."""
    store, block = DiskBlocks(tmp_path), raw_block(b"precious")
    store.put(*block)
    damage(the_file(tmp_path), "changed")
    store.put_verified([block])
    assert store.get(block.cid) == b"precious"


def test_a_good_block_put_while_a_bad_one_is_withdrawn_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading a damaged file and taking it away, another process may have mended it."""
    store, block = DiskBlocks(tmp_path), raw_block(b"precious")
    store.put(*block)
    damage(the_file(tmp_path), "changed")
    rename = Path.rename

    def mended_just_before(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        store.put(*block)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", mended_just_before)
    assert store.get(block.cid) is None
    assert store.get(block.cid) == b"precious"


def test_two_who_find_the_same_damage_do_not_stumble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process took the file away first."""
    store, block = DiskBlocks(tmp_path), raw_block(b"precious")
    store.put(*block)
    damage(the_file(tmp_path), "changed")
    rename = Path.rename

    def gone_just_before(self: Path, target: Path) -> Path:
        self.unlink()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", gone_just_before)
    assert store.get(block.cid) is None


def test_a_block_pruned_while_it_is_put_again_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was there when looked at, and gone when touched."""
    store, block = DiskBlocks(tmp_path), raw_block(b"precious")
    store.put(*block)

    def gone(path: Path) -> None:
        path.unlink()
        raise FileNotFoundError(2, "No such file or directory")

    with monkeypatch.context() as patched:
        patched.setattr(os, "utime", gone)
        store.put(*block)
    assert store.get(block.cid) == b"precious"


def test_a_lower_limit_does_not_delete_blocks(tmp_path: Path) -> None:
    """They are not damaged, and the limit may go up again."""
    block = raw_block(content(200))
    DiskBlocks(tmp_path).put(*block)
    assert DiskBlocks(tmp_path, max_block_bytes=100).get(block.cid) is None
    assert DiskBlocks(tmp_path).get(block.cid) == block.data


def test_the_file_is_named_by_what_sha256sum_prints(tmp_path: Path) -> None:
    """An operator can check a store with standard tools."""
    DiskBlocks(tmp_path).put(*raw_block(b""))
    assert the_file(tmp_path).name == "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert the_file(tmp_path).parent.name == "55"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must not fill further with halves."""
    store = DiskBlocks(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(BlockStoreFailed, match="No space left on device"):
            store.put(*raw_block(b"too much"))
    assert list((tmp_path / "incoming").iterdir()) == []
    assert list(store.entries()) == []


def test_what_a_crash_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    """What another process is writing just now is not."""
    DiskBlocks(tmp_path)
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    DiskBlocks(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_foreign_files_are_no_blocks(tmp_path: Path) -> None:
    """Editors and backups leave things anywhere."""
    store = DiskBlocks(tmp_path)
    store.put(*raw_block(b"one"))
    (the_file(tmp_path).parent / ".DS_Store").write_bytes(b"?")
    assert len(list(store.entries())) == 1


def test_a_store_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """The operator mistyped the path."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlockStoreFailed, match="Could not open the block store"):
        DiskBlocks(tmp_path / "file" / "store")


def test_a_block_wanted_again_counts_as_written_again(tmp_path: Path) -> None:
    """Pruning takes the longest unwanted first."""
    store, block = DiskBlocks(tmp_path), raw_block(b"again")
    store.put(*block)
    os.utime(the_file(tmp_path), (1000, 1000))
    store.put(*block)
    (entry,) = store.entries()
    assert entry.written_s > 1000


def _write_all(root: Path, blocks: list[Block], start: "multiprocessing.synchronize.Barrier") -> None:
    store = DiskBlocks(root)
    start.wait()
    for block in blocks:
        store.put(*block)
        if store.get(block.cid) != block.data:
            sys.exit(1)


def test_several_processes_write_the_same_blocks(tmp_path: Path) -> None:
    """Every reader sees whole blocks all the time."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    blocks = [raw_block(content(size)) for size in range(1000, 1100)]
    processes = [context.Process(target=_write_all, args=(tmp_path, blocks, start)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list(DiskBlocks(tmp_path).entries())) == 100
    assert list((tmp_path / "incoming").iterdir()) == []
