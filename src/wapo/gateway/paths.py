"""What follows ``/ipfs/`` in an address: a CID, and segments that lead to a file or are the agent's own."""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["ContentPath"]


class ContentPath(NamedTuple):
    """``raw`` are the segments as they were sent, ``segments`` are decoded; bytes that are not UTF-8 are surrogates."""

    cid: str
    raw: tuple[bytes, ...]
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, path: bytes) -> "ContentPath":
        """Percent-encoding hides no slash: a segment may hold one."""
        first, slash, rest = path.partition(b"/")
        raw = tuple(rest.split(b"/")) if slash and rest else ()
        return cls(_decoded(first), raw, tuple([_decoded(segment) for segment in raw]))

    def own(self, count: int) -> bytes:
        """The last ``count`` segments as they were sent: the path inside the agent, without its first slash."""
        return b"/".join(self.raw[len(self.raw) - count :])


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "surrogateescape")
