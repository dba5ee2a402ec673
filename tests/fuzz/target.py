"""What is fuzzed: something that takes bytes of a stranger."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Check", "Target", "plain"]

#: Gives it one case, and raises whatever is wrong: an error that nobody declares, a promise that does not hold.
Check = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """One of them.

    Attributes:
        seeds: sound input, or nearly, from which others are made.
        tokens: words of the format.
        opened: makes the check; a directory of its own is there for it.
        longest_s: CPU that one case may take.
    """

    seeds: Sequence[bytes]
    opened: Callable[[Path], AbstractAsyncContextManager[Check]]
    tokens: Sequence[bytes] = ()
    longest_s: float = 1.0


def plain(check: Callable[[bytes], None]) -> Callable[[Path], AbstractAsyncContextManager[Check]]:
    """Of a check that needs nothing."""

    @asynccontextmanager
    async def opened(_folder: Path) -> AsyncIterator[Check]:
        async def one(case: bytes) -> None:
            check(case)

        yield one

    return opened
