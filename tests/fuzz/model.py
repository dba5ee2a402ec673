"""What must hold of one guest, whatever it does: its table, its wakers, the answers that it gets, its memory."""

import heapq
from collections.abc import Callable

from tests.fuzz.rules import CREATES, CREATES_SLOWLY, ERRORS, LEGACY_ERRORS, SLICES, WAKERS, Call, most
from wapo.vm.tasks import TaskQueue

__all__ = ["Model", "RecordingQueue"]

PENDING = 1 << 32 | 11


class RecordingQueue(TaskQueue):
    """A guest's queues, which remember every message that the host has put in."""

    __slots__ = ("messages",)

    def __init__(self, request_poll: Callable[[], None]) -> None:
        super().__init__(request_poll)
        self.messages: list[int] = []

    def release(self, waker: int) -> None:
        self.messages.append(-1 - waker)
        super().release(waker)

    def signal(self, task: int, waker: int) -> None:
        self.messages.append(waker)
        super().signal(task, waker)
        assert task in self.ready


class Model:
    """Follows a guest. Its methods raise ``AssertionError`` for whatever must not be."""

    def __init__(self, *, legacy: bool) -> None:
        self.errors = LEGACY_ERRORS if legacy else ERRORS
        self.live: dict[int, int] = {}  # number to the resource's serial number
        self._free: list[int] = []
        self._next = 0
        self._serial = 0
        self.channels: dict[int, int] = {}  # input channel to the serial of its receiver
        self.unread: dict[int, list[list[tuple[int, int]]]] = {1: [], 2: [], 3: [], 4: []}
        self.wakers: dict[int, bool] = {}  # waker to whether its call has been left waiting

    # The table

    def add(self) -> int:
        """A new resource gets the lowest free number."""
        if self._free:
            number = heapq.heappop(self._free)
        else:
            number, self._next = self._next, self._next + 1
        self._serial += 1
        self.live[number] = self._serial
        return number

    def remove(self, number: int) -> None:
        serial = self.live.pop(number)
        heapq.heappush(self._free, number)
        for channel, receiver in self.channels.items():
            if receiver == serial:
                messages, self.unread[channel] = self.unread[channel], []
                for message in messages:
                    for other, other_serial in message:
                        if self.live.get(other) == other_serial:
                            self.remove(other)

    def offered(self, channel: int, resources: int) -> list[int]:
        """A message was put into a channel; the numbers that it tells."""
        numbers = [self.add() for _ in range(resources)]
        self.unread[channel].append([(number, self.live[number]) for number in numbers])
        return numbers

    # Calls

    def answered(self, call: Call, word: int, memory_size: int) -> None:
        """One call, and its result word."""
        assert 0 <= word < 1 << 33, (call, word)
        code = word & 0xFFFFFFFF if word >> 32 else None
        known = call.known(self.errors)
        if not known:
            assert code == 1, (call, word)
            return
        if code is not None:
            assert code in self.errors[call.number], (call, code)
        else:
            assert word <= most(call), (call, word)
        self._waker(call, word, memory_size)
        if code is None:
            self._changed(call, word)

    def _waker(self, call: Call, word: int, memory_size: int) -> None:
        if call.number not in WAKERS:
            return
        if (positions := SLICES.get(call.number)) is not None:
            pointer, length = (call.parameters[i] for i in positions)
            if pointer + length > memory_size:
                assert word == 1 << 32 | 3, (call, word)
                return
        assert call.parameters[0] not in self.wakers, "the test uses each waker once"
        self.wakers[call.parameters[0]] = word == PENDING

    def _changed(self, call: Call, word: int) -> None:
        p = call.parameters
        if call.number in CREATES:
            assert self.add() == word, (call, word)
        elif call.number in CREATES_SLOWLY:
            number = self.add()
            if call.number == 240:
                self.channels[p[0]] = self.live[number]
        elif call.number == 101:
            assert p[0] in self.live, call
            self.remove(p[0])
        elif call.number == 102:
            serial = self.live[p[1]]
            for channel, receiver in self.channels.items():
                if receiver == serial:
                    self.unread[channel].pop(0)

    # At any time

    def check_messages(self, messages: list[int]) -> None:
        """Those that the host has put in so far: one negative at most for each waker, and its positives before it."""
        released: set[int] = set()
        for message in messages:
            waker = message if message >= 0 else -1 - message
            assert waker in self.wakers, f"waker {waker} was never given, or by a call that could not be decoded"
            assert waker not in released, f"a message of waker {waker} after its release"
            if message < 0:
                released.add(waker)
            else:
                assert self.wakers[waker], f"waker {waker} was woken, but its call did not wait"
        for waker, waits in self.wakers.items():
            assert waits or waker in released, f"waker {waker} was not released when its call was over"

    def check_end(self, messages: list[int]) -> None:
        """The guest has gone: each waker has been released."""
        self.check_messages(messages)
        assert {-1 - message for message in messages if message < 0} == set(self.wakers)
