"""A host function's answer that is not there yet.

A suspending host function (``linker``) that has to wait returns a :class:`Suspension`. The guest's fiber stays where it
is; its call then counts as waiting, until somebody completes the suspension and polls the call again.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["Suspension"]


class Suspension:
    """One answer to come. Complete it once, on the event loop's thread.

    Args:
        cancel: called if the guest ends before the answer is there.
        rests: whether the guest rests meanwhile, so that its CPU burst is over. Not if it only lets others go first.

    Attributes:
        ready: whether the answer is there.
        result: the answer, as the host function would have returned it.
        error: what the host function would have raised instead.
    """

    __slots__ = ("_cancel", "_catch", "_convert", "_forget", "_on_ready", "error", "ready", "rests", "result")

    def __init__(self, cancel: Callable[[], object] | None = None, *, rests: bool = True) -> None:
        self._cancel = cancel
        self.rests = rests
        self._catch: Callable[[Exception], Any] | None = None
        self._convert: list[Callable[[Any], Any]] = []
        self._forget: Callable[[], None] | None = None
        self._on_ready: Callable[[], None] | None = None
        self.ready = False
        self.result: Any = None
        self.error: Exception | None = None

    @classmethod
    def of(cls, result: Any) -> "Suspension":
        """An answer that is there."""
        suspension = cls()
        suspension.complete(result)
        return suspension

    def then(self, convert: Callable[[Any], Any]) -> "Suspension":
        """Has the answer pass through a function, when it is there; what that raises is the error. Later functions see
        what earlier ones made of it."""
        if self.ready:
            if self.error is None:
                self._settle(self.result, None, [convert])
        else:
            self._convert.append(convert)
        return self

    def catch(self, handle: Callable[[Exception], Any]) -> "Suspension":
        """Makes a result of an error, whatever raised it; what this raises is the error."""
        self._catch = handle
        if self.ready and self.error is not None:
            self._settle(None, self.error, [])
        return self

    def _settle(self, result: Any, error: Exception | None, conversions: list[Callable[[Any], Any]]) -> None:
        try:
            if error is not None:
                raise error
            for convert in conversions:
                result = convert(result)
        except Exception as failure:
            result, error = None, failure
            if self._catch is not None:
                try:
                    result, error = self._catch(failure), None
                except Exception as other:
                    error = other
        self.result, self.error = result, error

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Calls back once; at once if it is ready. There is one who waits: the guest."""
        if self.ready:
            callback()
        else:
            self._on_ready = callback

    def when_abandoned(self, forget: Callable[[], None]) -> None:
        """For the linker: frees what it keeps for a call that will never be continued."""
        self._forget = forget

    def complete(self, result: Any = None, *, error: Exception | None = None) -> None:
        """The answer. Ignored if there is one already, or the guest has gone."""
        if self.ready:
            return
        self.ready = True
        self._cancel = None
        conversions, self._convert = self._convert, []
        self._settle(result, error, conversions)
        callback, self._on_ready = self._on_ready, None
        if callback is not None:
            callback()

    def abandon(self) -> None:
        """The guest is gone: whatever would have completed this is told so. Idempotent."""
        forget, self._forget = self._forget, None
        if forget is not None:
            forget()
        self._on_ready = None
        cancel, self._cancel = self._cancel, None
        if not self.ready:
            self.ready = True
            if cancel is not None:
                cancel()
