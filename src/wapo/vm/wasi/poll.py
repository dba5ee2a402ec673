"""Waiting (``poll_oneoff``): for clocks, standard input and files, several at once.

The guest stands still on its fiber meanwhile, and nobody else does. What is already so is answered at once.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import rights
from wapo.vm.wasi.clocks import MONOTONIC, REALTIME, read_clock
from wapo.vm.wasi.descriptors import Descriptor, Readiness
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.files import OpenFile
from wapo.vm.wasi.layout import EVENT, U32, U64, Layout
from wapo.vm.wasi.state import WasiState
from wapo.vm.wasi.stdio import StandardInput
from wapo.vm.wasi.waiting import awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["MAX_SUBSCRIPTIONS", "poll_oneoff"]

MAX_SUBSCRIPTIONS: Final = 1024

# $eventtype
_CLOCK, _FD_READ, _FD_WRITE = 0, 1, 2
_ABSOLUTE: Final = 1  # $subclockflags
_HANGUP: Final = 1  # $eventrwflags

#: Longest time between two looks at a clock: real time can be set while somebody waits for it, and the loop's timers
#: hold no centuries.
_LONGEST_NAP_S: Final = 10.0
#: Shortest: a timer of the loop may come up to a millisecond early.
_SHORTEST_NAP_S: Final = 0.001
_BILLION: Final = 1_000_000_000


class _Subscription:
    """Something to wait for; its event does not come before it is so."""

    __slots__ = ("kind", "userdata")

    def __init__(self, userdata: int, kind: int) -> None:
        self.userdata = userdata
        self.kind = kind

    def event(self) -> bytes | None:
        raise NotImplementedError

    def _event(self, error: Errno = Errno.SUCCESS, readiness: Readiness = (0, False)) -> bytes:
        count, ended = readiness
        return EVENT.pack(self.userdata, error, self.kind, count, _HANGUP if ended else 0)


class _Refused(_Subscription):
    __slots__ = ("_error",)

    def __init__(self, userdata: int, kind: int, error: Errno) -> None:
        super().__init__(userdata, kind)
        self._error = error

    def event(self) -> bytes:
        return self._event(self._error)


class _Alarm(_Subscription):
    """Attributes:
    clock: which.
    due: when, in nanoseconds of that clock.
    """

    __slots__ = ("clock", "due")

    def __init__(self, userdata: int, clock: int, due: int) -> None:
        super().__init__(userdata, _CLOCK)
        self.clock = clock
        self.due = due

    @property
    def left_ns(self) -> int:
        now = read_clock(self.clock)
        assert now is not None
        return self.due - now

    def event(self) -> bytes | None:
        return self._event() if self.left_ns <= 0 else None


class _Ready(_Subscription):
    __slots__ = ("descriptor", "known")

    def __init__(self, userdata: int, kind: int, descriptor: Descriptor) -> None:
        super().__init__(userdata, kind)
        self.descriptor = descriptor
        self.known: Readiness | None = None

    def event(self) -> bytes | None:
        found = self.known
        try:
            if found is None:
                found = self.descriptor.readable() if self.kind == _FD_READ else self.descriptor.writable()
        except Failure as failure:
            return self._event(failure.errno)
        return None if found is None else self._event(readiness=found)


def poll_oneoff(
    layout: Layout, guest: "Guest", state: WasiState, subscriptions: int, events: int, count: int, stored: int
) -> int | Suspension:
    """Events in the order of their subscriptions, one or more.

    What is wrong with one subscription is its event's error; what is no subscription at all fails the call.
    """
    if not 0 < count <= MAX_SUBSCRIPTIONS:
        raise Failure(Errno.INVAL)
    size = layout.subscription_bytes
    data = guest.instance.read(subscriptions, size * count)
    guest.instance.check(events, EVENT.size * count)
    guest.instance.check(stored, U32.size)
    wanted = [_parse(layout, state, data[at : at + size]) for at in range(0, len(data), size)]

    def answer(found: list[bytes]) -> int:
        guest.instance.write(events, b"".join(found))
        guest.instance.write(stored, U32.pack(len(found)))
        return 0

    files = [item for item in wanted if isinstance(item, _Ready) and _is_read_of_file(item)]
    if files:  # always ready; how much there is to read, the file system must say
        return awaiting(_measure(state, files, wanted)).then(answer)
    found = _events(wanted)
    if found:
        return answer(found)
    return _Wait(wanted).suspension.then(answer)


def _parse(layout: Layout, state: WasiState, data: bytes) -> _Subscription:
    userdata, kind = U64.unpack_from(data)[0], data[8]
    if kind == _CLOCK:
        clock, timeout, flags = layout.clock_subscription(data)
        if clock > 3 or flags & ~_ABSOLUTE:
            raise Failure(Errno.INVAL)
        if flags & _ABSOLUTE:
            if clock not in (REALTIME, MONOTONIC):
                return _Refused(userdata, kind, Errno.INVAL)
            return _Alarm(userdata, clock, timeout)
        now = read_clock(MONOTONIC)
        if clock not in (REALTIME, MONOTONIC) or now is None:
            return _Refused(userdata, kind, Errno.INVAL)
        return _Alarm(userdata, MONOTONIC, now + timeout)  # a time from now on, whatever is done to the clock
    if kind not in (_FD_READ, _FD_WRITE):
        raise Failure(Errno.INVAL)
    try:
        descriptor = state.table.get(U32.unpack_from(data, 16)[0])
        needed = rights.FD_READ if kind == _FD_READ else rights.FD_WRITE
        rights.require(descriptor.base, needed | rights.POLL_FD_READWRITE)
    except Failure as failure:
        return _Refused(userdata, kind, failure.errno)
    return _Ready(userdata, kind, descriptor)


def _is_read_of_file(item: _Ready) -> bool:
    return item.kind == _FD_READ and isinstance(item.descriptor, OpenFile)


def _events(wanted: list[_Subscription]) -> list[bytes]:
    return [event for item in wanted if (event := item.event()) is not None]


async def _measure(state: WasiState, files: list[_Ready], wanted: list[_Subscription]) -> list[bytes]:
    opened = [item.descriptor for item in files if isinstance(item.descriptor, OpenFile)]
    sizes = await state.jobs.run(lambda: [item.available() for item in opened])
    for item, size in zip(files, sizes, strict=True):
        item.known = size
    return _events(wanted)


class _Wait:
    """Until there are events: timers for the alarms, the loop for standard input.

    Attributes:
        suspension: of the events.
    """

    def __init__(self, wanted: list[_Subscription]) -> None:
        self._wanted = wanted
        self._alarms = [item for item in wanted if isinstance(item, _Alarm)]
        self._inputs = {
            item.descriptor
            for item in wanted
            if isinstance(item, _Ready) and isinstance(item.descriptor, StandardInput)
        }
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._watching: list[asyncio.Task[None]] = []
        self.suspension = Suspension(self._stop)
        self._arm()
        for source in self._inputs:
            task = self._loop.create_task(self._watch(source))
            self._watching.append(task)

    def _arm(self) -> None:
        if self._alarms:
            left_s = min(item.left_ns for item in self._alarms) / _BILLION
            nap_s = min(max(left_s, _SHORTEST_NAP_S), _LONGEST_NAP_S)
            self._timer = self._loop.call_later(nap_s, self._look)

    async def _watch(self, source: StandardInput) -> None:
        while not self.suspension.ready:
            await source.wait()
            self._look()

    def _look(self) -> None:
        if self.suspension.ready:
            return
        found = _events(self._wanted)
        if found:
            self._stop()
            self.suspension.complete(found)
        else:
            if self._timer is not None:
                self._timer.cancel()
            self._arm()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._watching:
            task.cancel()
