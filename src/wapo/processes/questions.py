"""Questions of one worker to all others: passed on, and answered together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from wapo.processes.messages import COUNTS, Answers, Asked
from wapo.processes.worker_process import State, WorkerProcess

__all__ = ["Questions"]

_ANSWER_S: Final = 1.0


@dataclass(slots=True, eq=False)
class _Question:
    asker: WorkerProcess
    number: int
    missing: set[WorkerProcess]
    replies: list[bytes] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class Questions:
    """Those that are open. Whoever has not answered within a second is done without."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: dict[int, _Question] = {}
        self._next = 0

    def ask(
        self,
        asker: WorkerProcess,
        number: int,
        question: str,
        text: str,
        workers: Sequence[WorkerProcess],
        counted: bytes,
    ) -> None:
        """A worker asks.

        Args:
            number: the asker's, of its question.
            counted: what workers that have ended had counted, which is an answer, too.
        """
        others = {
            w for w in workers
            if w is not asker and w.state is not State.STARTING and w.channel is not None and not w.channel.clogged
        }  # fmt: skip
        index, self._next = self._next, self._next + 1
        asked = self._open[index] = _Question(asker, number, others)
        if question == COUNTS and counted:
            asked.replies.append(counted)
        for other in others:
            assert other.channel is not None
            other.channel.send(Asked(index, question, text))
        if others:
            asked.timer = self._loop.call_later(_ANSWER_S, self._answer, index)
        else:
            self._answer(index)

    def replied(self, worker: WorkerProcess, index: int, data: bytes) -> None:
        """A worker answers the question of that index."""
        asked = self._open.get(index)
        if asked is not None and worker in asked.missing:
            asked.missing.discard(worker)
            asked.replies.append(data)
            if not asked.missing:
                self._answer(index)

    def gone(self, worker: WorkerProcess) -> None:
        """No answer of this one is waited for any more."""
        for index, asked in list(self._open.items()):
            asked.missing.discard(worker)
            if not asked.missing:
                self._answer(index)

    def _answer(self, index: int) -> None:
        asked = self._open.pop(index)
        if asked.timer is not None:
            asked.timer.cancel()
        if asked.asker.channel is not None:
            asked.asker.channel.send(Answers(asked.number, asked.replies))
