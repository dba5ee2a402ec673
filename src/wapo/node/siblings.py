"""The other processes of the same node, as this one sees them."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from wapo.agents.sharing import Others
from wapo.processes.messages import COUNTS

__all__ = ["COUNTS", "Siblings"]


class Siblings(Others, Protocol):
    """Who shares images, and answers questions (``wapo.processes.member``).

    Attributes:
        on_question: this process's answers to what others ask, by the question's name. To ``COUNTS`` somebody also
            answers for processes that have ended.
        counts: what this process has counted by now, for the time when it has ended.
    """

    on_question: dict[str, Callable[[str], Awaitable[bytes]]]
    counts: Callable[[], bytes] | None

    async def ask(self, question: str, text: str = "") -> list[bytes]:
        """What the others say, of those that answer soon."""
