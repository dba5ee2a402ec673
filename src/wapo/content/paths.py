"""From an address to the file that it means: which segments lead there, and which are the agent's own.

The grammar is that of the public gateway (spec/node-and-gateway.md 1.3.1): ``/ipfs/<cid>/<segments>`` where segments
are followed as long as they name entries of directories, and the rest is a path inside the agent.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from wapo.content.cid import Cid
from wapo.content.errors import IsADirectory, MalformedContent
from wapo.content.hamt import places
from wapo.content.limits import Meter
from wapo.content.nodes import Directory, File, Node, Shard

__all__ = ["Load", "Resolved", "find_entry", "resolve"]

Load = Callable[[Cid], Awaitable[Node]]


class Resolved(NamedTuple):
    """The file at the end of a path, and the segments after it."""

    cid: Cid
    file: File
    rest: tuple[str, ...]


async def resolve(load: Load, root: Cid, segments: Sequence[str], meter: Meter) -> Resolved:
    """Follow ``segments`` from ``root`` to a file.

    If the root is a file all segments are the agent's, but one ``0`` straight after the CID is dropped: upload tools
    wrapped a program in a directory as its entry ``0``, and people write ``/0`` from habit.

    Args:
        load: gives the node of an identifier, or raises.
        segments: decoded, without slashes; an empty one (from ``//`` or a last ``/``) names no entry.
        meter: counts each directory on the way.
    Raises:
        IsADirectory: the segments end, or name nothing, before a file is reached. Nothing is guessed: a directory with
            one file or an ``index.js`` is still a directory.
        ContentTooDeep: more directories inside each other than there may be levels.
        whatever ``load`` raises.
    """
    cid, node, taken = root, await load(root), 0
    if isinstance(node, File):
        return Resolved(cid, node, tuple(segments[1:] if segments and segments[0] == "0" else segments))
    while not isinstance(node, File):
        name = segments[taken] if taken < len(segments) else None
        found = None if name is None else await find_entry(load, node, name, meter)
        if found is None:
            raise IsADirectory("/".join([str(root), *segments[:taken]]), node.names(), missing=name)
        taken += 1
        meter.blocks(1, taken)
        cid, node = found, await load(found)
    return Resolved(cid, node, tuple(segments[taken:]))


async def find_entry(load: Load, directory: Directory | Shard, name: str, meter: Meter) -> Cid | None:
    """The entry of a directory, sharded or plain; None if there is none of that name.

    Raises:
        MalformedContent: a shard leads to something that is no shard of the same directory.
        InvalidCid: the entry links to something that Wapo does not read.
    """
    key = name.encode(errors="surrogatepass")
    if isinstance(directory, Directory):
        return directory.find(key) if key else None
    for depth, place in enumerate(places(key, directory.fanout), 1):
        found = directory.find(key, place) if key else None
        if found is None:
            return None
        cid, is_entry = found
        if is_entry:
            return cid
        meter.blocks(1, depth)
        below = await load(cid)
        if not isinstance(below, Shard) or below.fanout != directory.fanout:
            raise MalformedContent(f"{cid} is linked as a shard of a directory, and is none.")
        directory = below
    return None
