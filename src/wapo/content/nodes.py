"""A block, once verified, as what it is: a file or a part of one, a directory, a shard of a directory.

Everything that a node says about itself is checked here, so far as one block shows it; what only its children can
show (that they are as large as it says) is checked by ``check_part`` when they are read.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from wapo.content.cid import RAW, Cid
from wapo.content.dagpb import PbNode, decode_node
from wapo.content.errors import InvalidCid, MalformedContent, SizeMismatch, UnsupportedContent
from wapo.content.hamt import MAX_FANOUT, prefix_width, shard_prefix
from wapo.content.unixfs import MURMUR3_X64_64, Kind, UnixFs, decode_unixfs

__all__ = [
    "Directory",
    "File",
    "Node",
    "Part",
    "Shard",
    "check_part",
    "links_of",
    "load_links",
    "load_node",
    "read_node",
]


class Part(NamedTuple):
    """A file that continues another: where, and how many bytes of content it has by its parent's word."""

    cid: Cid
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """``size`` bytes of content: ``data``, then each part. ``size`` is what ``data`` and the parts' sizes add up to."""

    data: bytes
    parts: tuple[Part, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Directory:
    """Entries by name. ``entries`` holds identifiers in bytes, unjudged: one odd entry spoils nothing but itself."""

    entries: dict[bytes, bytes]

    def find(self, name: bytes) -> Cid | None:
        """The entry of that name.

        Raises:
            InvalidCid: it links to something that Wapo does not read.
        """
        found = self.entries.get(name)
        return None if found is None else Cid.decode(found)

    def names(self) -> list[str]:
        """The entries' names, for people."""
        return [name.decode(errors="replace") for name in self.entries]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of a directory. ``links`` by their full names, place included: ``07`` or ``07index.js``."""

    fanout: int
    links: dict[bytes, bytes]

    def find(self, name: bytes, place: int) -> tuple[Cid, bool] | None:
        """The link to follow for ``name`` at ``place`` of this shard, and whether it is the entry itself.

        Raises:
            InvalidCid: it links to something that Wapo does not read.
        """
        prefix = shard_prefix(place, self.fanout)
        entry = self.links.get(prefix + name)
        if entry is not None:
            return Cid.decode(entry), True
        below = self.links.get(prefix)
        return None if below is None else (Cid.decode(below), False)

    def names(self) -> list[str]:
        """Names of the entries in this shard itself, for people."""
        width = prefix_width(self.fanout)
        return [name[width:].decode(errors="replace") for name in self.links if len(name) > width]


Node = File | Directory | Shard

# 1400 links, which take about 5 ms. A block of 2 MiB has room for forty thousand.
_READ_HERE_BYTES = 64 * 1024


def read_node(cid: Cid, block: bytes) -> Node:
    """What a verified block is.

    Raises:
        MalformedContent: no sound node.
        SizeMismatch: a file's sizes do not add up.
        ContentTooComplex: too many links.
        UnsupportedContent: a symlink, metadata, or a shard by another hash than murmur3-x64-64.
    """
    if cid.codec == RAW:
        return File(block, (), len(block))
    node = decode_node(block)
    if node.data is None:
        raise MalformedContent(f"{cid} is a DAG-PB node without UnixFS data; it is neither a file nor a directory.")
    unixfs = decode_unixfs(node.data)
    match unixfs.kind:
        case Kind.FILE | Kind.RAW:
            return _file(cid, node, unixfs)
        case Kind.DIRECTORY:
            return Directory(_by_name(node))
        case Kind.SHARD:
            return _shard(cid, node, unixfs)
        case Kind.SYMLINK:
            raise UnsupportedContent(f"{cid} is a symbolic link. Links are not followed; publish the file itself.")
        case Kind.METADATA:
            raise UnsupportedContent(f"{cid} is a UnixFS metadata node, which nothing reads.")


async def load_node(cid: Cid, block: bytes) -> Node:
    """``read_node`` for the event loop: a block that may hold thousands of links is read in a thread."""
    if cid.codec == RAW or len(block) <= _READ_HERE_BYTES:
        return read_node(cid, block)
    return await asyncio.to_thread(read_node, cid, block)


def check_part(part: Part, node: Node) -> File:
    """What was read for a part, which must be a file of the size that its parent gave.

    Raises:
        MalformedContent: it is no file.
        SizeMismatch: it has another size.
    """
    if not isinstance(node, File):
        raise MalformedContent(f"{part.cid} is part of a file, but a directory.")
    if node.size != part.size:
        raise SizeMismatch(f"{part.cid} holds {node.size} bytes, but the file it is part of declares {part.size}.")
    return node


def links_of(cid: Cid, block: bytes) -> list[Cid]:
    """The blocks that a block links to, whatever kind it is; links that Wapo does not read are left out.

    Raises:
        MalformedContent, ContentTooComplex: the block says dag-pb and is none.
    """
    if cid.codec == RAW:
        return []
    found = []
    for link in decode_node(block).links:
        try:
            found.append(Cid.decode(link.cid))
        except InvalidCid:
            continue
    return found


async def load_links(cid: Cid, block: bytes) -> list[Cid]:
    """``links_of`` for the event loop."""
    if cid.codec == RAW or len(block) <= _READ_HERE_BYTES:
        return links_of(cid, block)
    return await asyncio.to_thread(links_of, cid, block)


def _file(cid: Cid, node: PbNode, unixfs: UnixFs) -> File:
    if len(unixfs.sizes) != len(node.links):
        raise SizeMismatch(f"{cid} is a file of {len(node.links)} parts that lists {len(unixfs.sizes)} sizes.")
    size = len(unixfs.data) + sum(unixfs.sizes)
    if size != unixfs.size:
        raise SizeMismatch(f"{cid} declares a size of {unixfs.size} bytes, but its parts add up to {size}.")
    if any(link.name for link in node.links):
        raise MalformedContent(f"{cid} is a file whose parts have names.")
    try:
        parts = tuple(Part(Cid.decode(link.cid), part) for link, part in zip(node.links, unixfs.sizes, strict=True))
    except InvalidCid as error:
        raise MalformedContent(f"{cid} is a file with a part that cannot be read: {error}") from error
    return File(unixfs.data, parts, size)


def _shard(cid: Cid, node: PbNode, unixfs: UnixFs) -> Shard:
    fanout = unixfs.fanout
    if not 8 <= fanout <= MAX_FANOUT or fanout & (fanout - 1):
        raise MalformedContent(f"{cid} is a shard of a directory with a fan-out of {fanout}.")
    if unixfs.hash_type != MURMUR3_X64_64:
        raise UnsupportedContent(f"{cid} is a shard of a directory by hash 0x{unixfs.hash_type:x}, not murmur3-x64-64.")
    return Shard(fanout, _by_name(node))


def _by_name(node: PbNode) -> dict[bytes, bytes]:
    """The links by name. "When reading third-party data that contains duplicates, implementations MUST always return
    the first matching entry"."""
    links: dict[bytes, bytes] = {}
    for link in node.links:
        links.setdefault(link.name, link.cid)
    return links
