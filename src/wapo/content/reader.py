"""A file's bytes, in order, as they arrive."""

from collections.abc import AsyncIterator, Iterator

from wapo.content.limits import Meter
from wapo.content.nodes import File, Part, check_part
from wapo.content.paths import Load

__all__ = ["read_file"]


async def read_file(load: Load, file: File, meter: Meter) -> AsyncIterator[bytes]:
    """The content of ``file``, block by block; one block at a time is held.

    A file cannot contain itself (it would have to contain its own hash), but a small DAG can use one block an
    exponential number of times, declare sizes that it does not have, or be thousands of levels deep. The declared size
    is checked against the limit first and against every block after that, so no more is ever read than was declared;
    parts without bytes are bounded by the meter's count of blocks.

    Args:
        load: gives the node of an identifier, or raises.
        meter: counts the blocks.
    Raises:
        ContentTooLarge: before the first byte, if the file declares more than is allowed.
        SizeMismatch, MalformedContent: a part is not what its parent says.
        ContentTooDeep, ContentTooComplex: more levels or blocks than allowed.
        whatever ``load`` raises.
    """
    meter.size(file.size)
    levels: list[Iterator[Part]] = []
    node = file
    while True:
        if node.data:
            yield node.data
        meter.blocks(len(node.parts), len(levels) + 1)
        levels.append(iter(node.parts))
        while (part := next(levels[-1], None)) is None:
            levels.pop()
            if not levels:
                return
        node = check_part(part, await load(part.cid))
