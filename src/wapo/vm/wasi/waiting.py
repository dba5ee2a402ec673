"""How a WASI function waits: threads for what may block, and suspensions of what runs on the event loop.

File systems block: a disk is busy, a network is away. So what touches one runs on a thread of a small pool that all
guests of the process share; a guest has one such job at a time, since it stands still meanwhile. When it ends in the
middle of one, the job goes on to nobody, and what it opened is closed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final, TypeVar

from wapo.engine.suspension import Suspension

__all__ = ["Jobs", "after", "awaiting"]

T = TypeVar("T")

_THREADS: Final = 8


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="wapo-files")


def awaiting(work: Coroutine[Any, Any, Any]) -> Suspension:
    """The suspension of a coroutine's result or error. If the guest ends before, the coroutine is cancelled."""
    task = asyncio.get_running_loop().create_task(work)
    suspension = Suspension(task.cancel)

    def done(task: "asyncio.Task[Any]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            suspension.complete(task.result())
        elif isinstance(error, Exception):
            suspension.complete(error=error)
        else:
            raise error

    task.add_done_callback(done)
    return suspension


def after(value: Any, convert: Callable[[Any], int]) -> int | Suspension:
    """Passes a value on, at once or when it is there."""
    if type(value) is Suspension:
        return value.then(convert)
    return convert(value)


class Jobs:
    """The blocking work of one guest, one job at a time."""

    __slots__ = ("_job",)

    def __init__(self) -> None:
        self._job: Future[Any] | None = None

    async def run(self, work: Callable[[], T], discard: Callable[[T], object] | None = None) -> T:
        """Does the work on a thread.

        Args:
            discard: what becomes of a result that nobody is there for any more; may block.
        """
        job = _threads().submit(work)
        self._job = job
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if discard is not None:
                _when_over(job, partial(_drop, discard))
            raise

    def surely_run(self, work: Callable[[], T]) -> Coroutine[Any, Any, T]:
        """Work that is begun now, and done whether or not the guest lives to hear of it; the coroutine waits for it."""
        job = _submit(work)

        async def result() -> T:
            return await asyncio.shield(asyncio.wrap_future(job))

        return result()

    def finally_run(self, work: Callable[[], object]) -> None:
        """Does the last work, which may block and must not raise, when the job that is under way is over."""
        job = self._job
        if job is not None and not job.cancel():
            self._job = _when_over(job, lambda _job: work())
        else:
            self._job = _submit(work)


def _drop(discard: Callable[[T], object], job: "Future[T]") -> None:
    if not job.cancelled() and job.exception() is None:
        with suppress(OSError):  # nobody is there to hear of it
            discard(job.result())


def _submit(work: Callable[[], T]) -> "Future[T]":
    try:
        return _threads().submit(work)
    except RuntimeError:  # the process is going down
        done: Future[T] = Future()
        done.set_result(work())
        return done


def _when_over(job: "Future[T]", work: Callable[["Future[T]"], object]) -> "Future[object]":
    """Does work, which may block, when a job is over: on the job's thread, or on another if it is over already."""
    if job.done():
        return _submit(lambda: work(job))
    over: Future[object] = Future()
    job.add_done_callback(lambda job: over.set_result(work(job)))
    return over
