"""How much one read of foreign content may cost, and the meter that says when that is reached."""

from dataclasses import dataclass

from wapo.content.errors import ContentTooComplex, ContentTooDeep, ContentTooLarge

__all__ = ["DEFAULT_LIMITS", "Limits", "Meter"]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one program.

    ``max_bytes``: content of the file. 20 MiB is what the documentation of the original promised.
    ``max_blocks``: blocks visited, each as often as it is visited: a DAG may use one block many times over.
        20 MiB take 81 blocks as Kubo cuts them, and each block costs the disk a quarter of a millisecond.
    ``max_depth``: levels of blocks, from the root of the file. 20 MiB take 2.
    """

    max_bytes: int = 20 * MIB
    max_blocks: int = 4096
    max_depth: int = 32

    @property
    def max_transfer_bytes(self) -> int:
        """Bytes that may cross the network for one program: the content, a quarter for nodes and framing where
        blocks are tiny, and a few large directories on the way."""
        return self.max_bytes + self.max_bytes // 4 + 8 * MIB


DEFAULT_LIMITS = Limits()


class Meter:
    """What one read has cost so far, against its limits."""

    def __init__(self, limits: Limits, what: str) -> None:
        """``what`` is named in the errors."""
        self.limits = limits
        self._what = what
        self._blocks = 0
        self._transferred = 0

    def size(self, declared: int) -> None:
        """Raise ``ContentTooLarge`` if a file of that many bytes is over the limit."""
        if declared > self.limits.max_bytes:
            raise ContentTooLarge(f"{self._what} is {declared} bytes large; {self.limits.max_bytes} are allowed.")

    def blocks(self, count: int, depth: int) -> None:
        """Count blocks that are going to be visited, ``depth`` levels below the root.

        Counted when a node lists them, not when they are read, so that what waits to be read is bounded as well.

        Raises:
            ContentTooDeep, ContentTooComplex: over the limit.
        """
        if count and depth >= self.limits.max_depth:
            raise ContentTooDeep(f"{self._what} is over {self.limits.max_depth} levels of blocks deep.")
        self._blocks += count
        if self._blocks > self.limits.max_blocks:
            raise ContentTooComplex(f"{self._what} is made of over {self.limits.max_blocks} blocks.")

    def transfer(self, count: int) -> None:
        """Count bytes that came over the network; raise ``ContentTooLarge`` over the limit."""
        self._transferred += count
        if self._transferred > self.limits.max_transfer_bytes:
            raise ContentTooLarge(
                f"{self._what} was given up after {self._transferred} bytes; {self.limits.max_bytes} bytes of content "
                "are allowed."
            )
