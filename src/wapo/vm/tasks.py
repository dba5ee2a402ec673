"""Ready tasks and waker messages (wapo-abi.md 1.6 and 1.7).

Every waker-taking ocall produces exactly one negative message, sooner or later: at once when it does not wait, when
it is signalled, when a newer call takes its slot, or when its resource goes. :class:`Registration` keeps that promise.

A guest that asks for a *ready list* (docs/abi.md, 1008) has no use for these messages and gets none: its ready tasks
are written into its memory before each poll.
"""

import struct
from array import array
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wapo.engine.instance import Instance

__all__ = ["Registration", "Slot", "TaskQueue"]

_DEDUPLICATED: Final = 8

#: What a program may leave lying in its queues. The ABI names no limit; but they are the host's memory, and a program
#: that looks at neither can fill them in minutes. One poll of a program that does its duty stays far below.
MAX_READY: Final = 1 << 18
MAX_WAKERS: Final = 1 << 22


def _nothing() -> None:
    """What a signal for a guest that is gone does."""


class TaskQueue:
    """The two queues of one guest. ``request_poll`` is called when a signal makes a poll worth while.

    Attributes:
        list_room: how many tasks the guest's ready list holds; 0 if it has none.
    """

    __slots__ = ("_list_at", "_request_poll", "list_room", "ready", "wakers")

    def __init__(self, request_poll: Callable[[], None]) -> None:
        self.ready: deque[int] = deque((0,))
        self.wakers: array[int] = array("i")
        self.list_room = 0
        self._list_at = 0
        self._request_poll = request_poll

    def forget(self) -> None:
        """The guest is gone: signals that arrive later are ignored, and nothing here keeps it alive."""
        self._request_poll = _nothing

    @property
    def pending(self) -> bool:
        """Whether the guest would find anything if it were polled now (1.8: both queues count)."""
        return bool(self.ready or self.wakers)

    @property
    def overflowing(self) -> bool:
        """Whether the program has left more in its queues than it may."""
        return len(self.wakers) > MAX_WAKERS or len(self.ready) > MAX_READY

    def push(self, task: int) -> None:
        """Appends a task unless it is among the last 8 of the queue."""
        ready = self.ready
        if len(ready) <= _DEDUPLICATED:
            if task in ready:
                return
        elif task in islice(reversed(ready), _DEDUPLICATED):
            return
        ready.append(task)

    def release(self, waker: int) -> None:
        """The host no longer holds that waker: its one negative message."""
        if not self.list_room:
            self.wakers.append(-1 - waker)

    def signal(self, task: int, waker: int) -> None:
        """Queues the task and the waker, and asks for a poll."""
        self.push(task)
        if not self.list_room:
            self.wakers.append(waker)
        self._request_poll()

    def drain_wakers(self) -> "array[int]":
        """All waker messages, in order."""
        drained, self.wakers = self.wakers, array("i")
        return drained

    def use_list(self, pointer: int, room: int) -> None:
        """Ready tasks go to a list in the guest's memory from now on, at most ``room`` (not 0) at once: u32 their
        number, then i32 each. What is queued is forgotten, and waker messages are no longer kept. The range has been
        checked.
        """
        self._list_at, self.list_room = pointer, room
        self.ready.clear()
        del self.wakers[:]

    def fill_list(self, instance: "Instance") -> None:
        """A poll is about to begin: the ready tasks move to the guest's list, as many as it holds."""
        ready = self.ready
        tasks = [ready.popleft() for _ in range(min(len(ready), self.list_room))]
        instance.write(self._list_at, struct.pack(f"<I{len(tasks)}i", len(tasks), *tasks))


class Registration:
    """One call that answered ``Pending``: wake it or drop it, once."""

    __slots__ = ("_queue", "_task", "_waker")

    def __init__(self, queue: TaskQueue, task: int, waker: int) -> None:
        self._queue: TaskQueue | None = queue
        self._task = task
        self._waker = waker

    def wake(self) -> None:
        """The resource is ready: task, waker, poll request; and then the waker is released. Consumes it."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.signal(self._task, self._waker)
            queue.release(self._waker)

    def drop(self) -> None:
        """Releases the waker without waking. Idempotent."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.release(self._waker)


class Slot:
    """Where a resource keeps who waits for it: at most one, the newest wins."""

    __slots__ = ("_registration",)

    def __init__(self) -> None:
        self._registration: Registration | None = None

    @property
    def empty(self) -> bool:
        """Whether nobody waits."""
        return self._registration is None

    def set(self, registration: Registration) -> None:
        """Keeps a registration; one that was there is dropped without being woken."""
        previous, self._registration = self._registration, registration
        if previous is not None:
            previous.drop()

    def wake(self) -> None:
        """Signals who waits, if anybody does."""
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.wake()

    def drop(self) -> None:
        """The resource goes: nobody will be woken any more."""
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.drop()
