"""Directories into blocks, with the CIDs of other implementations."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.content.samples import content
from wapo.content.blocks import MemoryBlocks
from wapo.content.cid import Cid
from wapo.content.errors import NotPublishable
from wapo.content.importer import KUBO, KUBO_V1, Imported, Layout, pack_bytes, store_now
from wapo.content.limits import Limits, Meter
from wapo.content.nodes import Node, Shard, read_node
from wapo.content.paths import resolve
from wapo.content.tree import pack_directory, pack_path

VECTORS = json.loads((Path(__file__).parent / "vectors" / "unixfs.json").read_text())
LAYOUTS = {"kubo": KUBO, "kubo_v1": KUBO_V1}


def plant(root: Path, entries: dict[str, int]) -> None:
    for name, size in entries.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(size))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("vector", VECTORS["trees"], ids=lambda vector: next(iter(vector["entries"])))
def test_a_directory_has_the_cid_that_ipfs_add_gives(tmp_path: Path, vector: dict[str, Any], name: str) -> None:
    """Made by ipfs-unixfs-importer; see vectors/README.md."""
    plant(tmp_path, vector["entries"])
    packed = store_now(MemoryBlocks(), pack_path(tmp_path, LAYOUTS[name]))
    assert str(packed.cid) == vector[name]
    assert packed.size == sum(vector["entries"].values())


def large_directory(blocks: MemoryBlocks, count: int, layout: Layout) -> Imported:
    files = [store_now(blocks, pack_bytes(content(size), layout)) for size in range(10)]
    return store_now(blocks, pack_directory(((f"entry-{i}.txt".encode(), files[i % 10]) for i in range(count)), layout))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("vector", VECTORS["sharded"], ids=lambda vector: str(vector["count"]))
async def test_a_large_directory_is_sharded_as_kubo_shards_it(vector: dict[str, Any], name: str) -> None:
    """The CIDs are equal, so every shard is; and every entry is found in it."""
    blocks = MemoryBlocks()
    packed = large_directory(blocks, vector["count"], LAYOUTS[name])
    assert str(packed.cid) == vector[name]

    async def load(cid: Cid) -> Node:
        return read_node(cid, blocks.get(cid) or b"")

    assert isinstance(await load(packed.cid), Shard) == (vector["count"] > 5000)
    for index in (0, 1, 42, vector["count"] - 1):
        found = await resolve(load, packed.cid, [f"entry-{index}.txt", "rest"], Meter(Limits(), "it"))
        assert found.file.data == content(index % 10)
        assert found.rest == ("rest",)


def test_hidden_files_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    """A .env with secrets lies next to many programs."""
    plant(tmp_path, {"a": 1})
    without = store_now(MemoryBlocks(), pack_path(tmp_path))
    plant(tmp_path, {".env": 2, ".git/config": 3})
    assert store_now(MemoryBlocks(), pack_path(tmp_path)) == without
    assert store_now(MemoryBlocks(), pack_path(tmp_path, hidden=True)).size == 6


def test_the_path_itself_may_be_a_link_or_hidden(tmp_path: Path) -> None:
    """The user named it."""
    plant(tmp_path / ".dist", {"a": 1})
    (tmp_path / "link").symlink_to(tmp_path / ".dist")
    expected = store_now(MemoryBlocks(), pack_path(tmp_path / ".dist"))
    assert store_now(MemoryBlocks(), pack_path(tmp_path / "link")) == expected


def test_symlinks_inside_are_refused(tmp_path: Path) -> None:
    """They would be dead for everyone else, or publish /etc/passwd."""
    plant(tmp_path, {"a": 1})
    (tmp_path / "b").symlink_to("/etc/passwd")
    with pytest.raises(NotPublishable, match=r"b is a symbolic link"):
        store_now(MemoryBlocks(), pack_path(tmp_path))


def test_what_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotPublishable, match="neither a file nor a directory"):
        store_now(MemoryBlocks(), pack_path(tmp_path))
    (tmp_path / "pipe").unlink()
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(NotPublishable, match="neither a file nor a directory"):
            store_now(MemoryBlocks(), pack_path(tmp_path))


def test_names_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    """UnixFS has no place for them."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_bytes(b"")
    with pytest.raises(NotPublishable, match="not UTF-8"):
        store_now(MemoryBlocks(), pack_path(tmp_path))
