"""The other processes of the same node, as this one sees them."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from wapo.agents.sharing import Others

__all__ = ["Siblings"]


class Siblings(Others, Protocol):
    """Who shares images, and answers questions (``wapo.processes.member``).

    Attributes:
        on_question: this process's answers to what others ask, by the question's name.
    """

    on_question: dict[str, Callable[[str], Awaitable[bytes]]]

    async def ask(self, question: str, text: str = "") -> list[bytes]:
        """What the others say, of those that answer soon."""
