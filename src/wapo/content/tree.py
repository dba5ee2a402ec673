"""Directories into blocks, with exactly the CIDs that ``ipfs add --recursive`` gives.

Entries are sorted by name, hidden files are left out, and a directory that has outgrown one block becomes a trie of
shards. Symlinks are refused where Kubo would store them: nothing that reads programs here follows them, and a program
that works for its author and for nobody else is worse than an error.
"""

from collections.abc import Generator, Iterable
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from wapo.content.blocks import Block
from wapo.content.dagpb import Link
from wapo.content.errors import NotPublishable
from wapo.content.hamt import DEFAULT_FANOUT, places, shard_prefix
from wapo.content.importer import KUBO, Imported, Layout, Packing, node_block, pack_file
from wapo.content.unixfs import DIRECTORY_DATA, encode_shard

__all__ = ["pack_directory", "pack_path"]

# Kubo's Import.UnixFSHAMTDirectorySizeThreshold, of names and identifiers only (IPIP-499: "links-bytes").
_SHARD_OVER_BYTES = 262_144


class _Entry(NamedTuple):
    name: bytes
    node: Imported
    places: tuple[int, ...]


def pack_path(path: Path, layout: Layout = KUBO, *, hidden: bool = False) -> Packing:
    """The blocks of a file or of a directory and all below it. Reading may block.

    Args:
        hidden: whether entries whose names begin with a dot are part of it.
    Raises:
        NotPublishable: a symlink, a device, a socket, a name that is not UTF-8. (``path`` itself may be a symlink.)
        OSError: something cannot be read.
    """
    mode = path.stat().st_mode
    if S_ISREG(mode):
        return (yield from pack_file(path, layout))
    if not S_ISDIR(mode):
        raise NotPublishable(f"{path} is neither a file nor a directory.")
    entries = {}
    for below in path.iterdir():
        if below.name.startswith(".") and not hidden:
            continue
        if below.is_symlink():
            raise NotPublishable(f"{below} is a symbolic link. Put the file itself in its place, or leave it out.")
        entries[_encode(below)] = yield from pack_path(below, layout, hidden=hidden)
    return (yield from pack_directory(entries.items(), layout))


def pack_directory(entries: Iterable[tuple[bytes, Imported]], layout: Layout = KUBO) -> Packing:
    """The blocks of a directory of things that are packed already. Names are unique, not empty, without slashes."""
    entries = sorted(entries)
    size = sum(node.size for _, node in entries)
    if sum(len(name) + len(node.cid.encode()) for name, node in entries) > _SHARD_OVER_BYTES:
        rows = [_Entry(name, node, tuple(places(name, DEFAULT_FANOUT))) for name, node in entries]
        root = yield from _pack_shard(rows, 0, layout)
        return root._replace(size=size)
    links = [Link(node.cid.encode(), name, node.tsize) for name, node in entries]
    block, tsize = node_block(layout, links, DIRECTORY_DATA)
    yield block
    return Imported(block.cid, size, tsize)


def _pack_shard(entries: list[_Entry], depth: int, layout: Layout) -> Generator[Block, None, Imported]:
    """One shard: entries that are alone in their place stand in it, others go to a shard below."""
    by_place: dict[int, list[_Entry]] = {}
    for entry in entries:
        by_place.setdefault(entry.places[depth], []).append(entry)
    links, taken = [], 0
    for place in sorted(by_place):
        taken |= 1 << place
        group = by_place[place]
        if len(group) == 1:
            name, node = group[0].name, group[0].node
        else:
            name, node = b"", (yield from _pack_shard(group, depth + 1, layout))
        links.append(Link(node.cid.encode(), shard_prefix(place, DEFAULT_FANOUT) + name, node.tsize))
    bitfield = taken.to_bytes((taken.bit_length() + 7) // 8, "big")
    block, tsize = node_block(layout, links, encode_shard(bitfield, DEFAULT_FANOUT))
    yield block
    return Imported(block.cid, 0, tsize)


def _encode(path: Path) -> bytes:
    try:
        return path.name.encode()
    except UnicodeEncodeError as error:
        raise NotPublishable(f"The name of {path!r} is not UTF-8.") from error
