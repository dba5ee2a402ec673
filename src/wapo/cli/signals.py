"""SIGTERM, SIGINT and SIGHUP, heard from the moment that a node begins to start until it has closed.

In between there is no moment at which one of them would end the process where it is: programs would be cut off without
their last log lines, and what they used would be lost.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

__all__ = ["StopSignals", "heard_signals"]

#: SIGHUP asks to reload, which one process alone cannot: it stops, rather than being cut off. A supervisor can.
_HEARD: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """What was heard. Made by :func:`heard_signals`.

    Attributes:
        asked: set by the first signal: a clean stop is wanted.
        hurried: set by an interrupt after it: whoever is still being served need not be waited for.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self._starting: asyncio.Task[object] | None = None

    @contextlib.contextmanager
    def cancel_instead(self) -> Iterator[None]:
        """While the node starts there is nobody who would look at ``asked``: the task in this block is cancelled."""
        self._starting = asyncio.current_task()
        try:
            yield
        finally:
            self._starting = None

    def stop(self) -> None:
        """As if the first signal had been heard."""
        if not self.asked.is_set():
            self.asked.set()
            if self._starting is not None:
                self._starting.cancel()

    def hear(self, number: int) -> None:
        if not self.asked.is_set():
            self.stop()
        elif number == signal.SIGINT:
            self.hurried.set()
            # Whoever insists once more gets Python's own behaviour, which ends the process.
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


@contextlib.contextmanager
def heard_signals() -> Iterator[StopSignals]:
    """Signals of this process for a block, which the running loop hears."""
    loop, signals = asyncio.get_running_loop(), StopSignals()
    # What is ignored stays so: nohup(1) does that.
    heard = [number for number in _HEARD if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, signals.hear, number)
    try:
        yield signals
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
