"""Every block of a DAG, parents first: what archives, pins and clean-ups go by."""

from collections.abc import AsyncIterator, Awaitable, Callable

from wapo.content.blocks import Block
from wapo.content.cid import RAW, Cid
from wapo.content.nodes import load_links

__all__ = ["walk", "walk_names"]


async def walk(get: Callable[[Cid], Awaitable[bytes]], root: Cid) -> AsyncIterator[Block]:
    """The blocks of the DAG under ``root``, depth first, each once; what identifiers hold inline is left out.

    Raises:
        MalformedContent: a block says that it is DAG-PB and is none.
        whatever ``get`` raises.
    """
    seen: set[Cid] = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid.v1() in seen:
            continue
        seen.add(cid.v1())
        data = await get(cid)
        if cid.inline is None:
            yield Block(cid, data)
        waiting += reversed(await load_links(cid, data))


async def walk_names(get: Callable[[Cid], Awaitable[bytes | None]], root: Cid) -> set[bytes]:
    """The multihashes of the blocks under ``root``, as far as ``get`` has them. Bare leaves are not even read."""
    seen: set[Cid] = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop().v1()
        if cid in seen:
            continue
        seen.add(cid)
        data = None if cid.codec == RAW else await get(cid)
        if data is not None:
            waiting += await load_links(cid, data)
    return {cid.multihash for cid in seen}
