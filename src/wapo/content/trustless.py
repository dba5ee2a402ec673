"""Answers to other nodes' requests for blocks and archives, from the local store: so one Wapo node can be another's
upstream. https://specs.ipfs.tech/http-gateways/trustless-gateway/

No HTTP in here: what a request asks is a ``TrustlessRequest``, what to send is an ``Answer``. The front turns one into
the other, maps the errors, and cuts the connection if ``Answer.body`` fails half-way; peers notice, because an archive
tells its end only by being complete.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from wapo.content.blocks import AsyncBlocks
from wapo.content.cid import Cid
from wapo.content.errors import InvalidTrustlessRequest
from wapo.content.export import ByteRange, Exporter, Scope

__all__ = ["Answer", "TrustlessRequest", "answer", "parse_request"]

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"


@dataclass(frozen=True, slots=True)
class TrustlessRequest:
    """What is asked for: a block, or an archive of what is at the end of a path."""

    cid: Cid
    kind: Literal["raw", "car"]
    segments: tuple[str, ...] = ()
    scope: Scope = "all"
    byte_range: ByteRange | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send, with status 200. ``length``: of the body in bytes, if that is known."""

    headers: dict[str, str]
    body: AsyncIterator[bytes]
    length: int | None


def parse_request(
    cid: Cid, segments: Sequence[str], query: Mapping[str, str], accept: str = ""
) -> TrustlessRequest | None:
    """Read a request for ``/ipfs/<cid>/<segments>``; None if it does not ask for blocks, but for what they contain.

    Args:
        query: parameters by name. An agent may have a parameter ``format`` of its own: a front that runs agents at the
            same addresses should look at ``accept`` first, which every client that wants blocks sends.
        accept: the ``Accept`` header.
    Raises:
        InvalidTrustlessRequest: it asks for them in a form that does not exist.
    """
    kind = query.get("format") or _accepted(accept)
    if kind not in ("raw", "car"):
        return None
    path = tuple(segment for segment in segments if segment)
    if kind == "raw":
        if path:
            raise InvalidTrustlessRequest("A raw block is asked for by its CID alone, without a path.")
        return TrustlessRequest(cid, "raw")
    if query.get("car-version", "1") != "1":
        raise InvalidTrustlessRequest("Archives are CAR version 1.")
    byte_range = _parse_range(query["entity-bytes"]) if "entity-bytes" in query else None
    scope = query.get("dag-scope", "all" if byte_range is None else "entity")
    if scope not in get_args(Scope):
        raise InvalidTrustlessRequest(f"dag-scope is block, entity or all, not {scope[:100]!r}.")
    return TrustlessRequest(cid, "car", path, cast(Scope, scope), byte_range)


async def answer(request: TrustlessRequest, blocks: AsyncBlocks) -> Answer:
    """The answer to ``request``, as far as ``blocks`` has it.

    Raises:
        ContentNotFound: the block is not here, or the path leads nowhere.
        MalformedContent, UnsupportedContent, ContentTooComplex, InvalidCid: the path cannot be followed.
        from ``Answer.body``: ContentNotFound and MalformedContent, if a block further down is missing or broken.
    """
    exporter = Exporter(blocks)
    root = await exporter.get(request.cid)
    if request.kind == "raw":
        headers = _headers(request.cid, RAW_TYPE, "bin", f'"{request.cid}.raw"')
        return Answer(headers, _once(root), len(root))
    trail = await exporter.follow(request.cid, request.segments)
    variant = hashlib.sha256(repr((request.segments, request.scope, request.byte_range)).encode()).hexdigest()[:16]
    content_type = f"{CAR_TYPE}; version=1; order=dfs; dups=n"
    headers = _headers(request.cid, content_type, "car", f'W/"{request.cid}.car.{variant}"')
    return Answer(headers, exporter.archive(trail, request.scope, request.byte_range), None)


def _accepted(accept: str) -> str | None:
    """The kind that an ``Accept`` header asks for first."""
    for choice in accept.split(","):
        media_type = choice.partition(";")[0].strip().lower()
        if media_type in (RAW_TYPE, CAR_TYPE):
            return "raw" if media_type == RAW_TYPE else "car"
    return None


def _parse_range(text: str) -> ByteRange:
    first, colon, last = text.partition(":")
    try:
        if not colon or len(text) > 40:
            raise ValueError
        return ByteRange(int(first), None if last == "*" else int(last))
    except ValueError:
        raise InvalidTrustlessRequest(f"entity-bytes is first:last in bytes, not {text[:100]!r}.") from None


def _headers(cid: Cid, content_type: str, suffix: str, etag: str) -> dict[str, str]:
    return {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{cid}.{suffix}"',
        "Cache-Control": "public, max-age=29030400, immutable",
        "Etag": etag,
        "X-Content-Type-Options": "nosniff",
    }


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
