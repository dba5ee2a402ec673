"""A guest on strings: real WebAssembly that makes the ocalls which a test asks for, one poll after another.

The module replays records from its memory. Between polls a test writes records and data into that memory, and reads
results out of it, so that what a guest does can depend on what has happened meanwhile.
"""

import asyncio
import struct
from collections.abc import Iterable
from typing import Any

import wasmtime

from tests.vm.support import Recorder
from wapo.abi.calls import CALLS
from wapo.engine.engine import Engine
from wapo.engine.modules import compile_module
from wapo.scale.primitives import Reader
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

__all__ = ["BUFFER", "Puppet", "err", "link_puppet", "puppet_module"]

# Layout of the memory.
_COUNT = 0  # u32: records to replay in the next poll; 0 when they have been
_RETURN = 4  # i32: what that poll returns
_DRAIN = 8  # u32: whether a poll without records empties both queues, as a program that does its duty
_TASKS = 12  # u32: how many tasks such polls have found ready, ever
_TASKS_THEN = 16  # u32: how many that were at the end of the last replay
_RECORDS = 64  # of seven u32: how (_FAST, _SLOW, _FETCHED), then the six arguments
_RESULTS = 16384  # i64 each
_MOST_RECORDS = (_RESULTS - _RECORDS) // 28
_FAST, _SLOW = 0, 1
_FETCHED = 2  # as slow, and what it leaves is fetched at once, to BUFFER
#: Where tests put data and buffers; the rest of the memory is theirs.
BUFFER = 65536
_PAGES = 64
_RECORD = struct.Struct("<II5I")

_TEXT = """
(module
  (import "{module}" "{slow}" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "{module}" "{fast}" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  {extra}
  (memory (export "memory") {pages})
  (func $field (param $record i32) (param $at i32) (result i32)
    (i32.load (i32.add (i32.add (i32.const 64) (i32.mul (local.get $record) (i32.const 28))) (local.get $at))))
  (func (export "{poll}") (result i32) (local $i i32) (local $n i32) (local $result i64)
    (local.set $n (i32.load (i32.const 0)))
    (if (i32.eqz (local.get $n)) (then
      (if (i32.load (i32.const 8)) (then
        (drop (call $slow (i32.const 0) (i32.const 112) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (loop $more
          (if (i64.lt_u
            (call $fast (i32.const 0) (i32.const 110) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (i64.const 4294967296))
            (then
              (i32.store (i32.const 12) (i32.add (i32.load (i32.const 12)) (i32.const 1)))
              (br $more))))))
      (return (i32.const 0))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (if (call $field (local.get $i) (i32.const 0))
        (then (local.set $result (call $slow
          (call $field (local.get $i) (i32.const 4)) (call $field (local.get $i) (i32.const 8))
          (call $field (local.get $i) (i32.const 12)) (call $field (local.get $i) (i32.const 16))
          (call $field (local.get $i) (i32.const 20)) (call $field (local.get $i) (i32.const 24)))))
        (else (local.set $result (call $fast
          (call $field (local.get $i) (i32.const 4)) (call $field (local.get $i) (i32.const 8))
          (call $field (local.get $i) (i32.const 12)) (call $field (local.get $i) (i32.const 16))
          (call $field (local.get $i) (i32.const 20)) (call $field (local.get $i) (i32.const 24))))))
      (if (i32.and (i32.eq (call $field (local.get $i) (i32.const 0)) (i32.const 2))
                   (i64.lt_u (local.get $result) (i64.const 4294967296)))
        (then (drop (call $fast (i32.const 0) (i32.const 0)
          (i32.const {buffer}) (i32.wrap_i64 (local.get $result)) (i32.const 0) (i32.const 0)))))
      (i64.store (i32.add (i32.const 16384) (i32.mul (local.get $i) (i32.const 8))) (local.get $result))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 16) (i32.load (i32.const 12)))
    (i32.store (i32.const 0) (i32.const 0))
    (i32.load (i32.const 4)))
)
"""


def puppet_module(*, legacy: bool = False, extra: str = "", pages: int = _PAGES) -> bytes:
    """The module, of either dialect."""
    names = (
        {"module": "env", "slow": "sidevm_ocall", "fast": "sidevm_ocall_fast_return", "poll": "sidevm_poll"}
        if legacy
        else {"module": "wapo", "slow": "ocall", "fast": "ocall_fast_return", "poll": "wapo_poll"}
    )
    return bytes(wasmtime.wat2wasm(_TEXT.format(**names, extra=extra, pages=pages, buffer=BUFFER)))


_linked: dict[tuple[int, bool, int], Program] = {}


def link_puppet(engine: Engine, *, legacy: bool = False, pages: int = _PAGES) -> Program:
    """The puppet's program; linked once for an engine."""
    key = (id(engine), legacy, pages)
    if key not in _linked:
        module = compile_module(engine, puppet_module(legacy=legacy, pages=pages))
        _linked[key] = ProgramLinker(engine).link(module)
    return _linked[key]


def err(code: int) -> int:
    """The result word of an error."""
    return (1 << 32) | code


class Puppet:
    """A guest, and the strings. Made inside a running loop; ended by :meth:`end` or with the scheduler."""

    def __init__(
        self, engine: Engine, *, services: Services | None = None, scheduler: Scheduler | None = None,
        limits: GuestLimits | None = None, legacy: bool = False, drain: bool = True, owner: str = "puppet",
        pages: int = _PAGES, **options: Any,
    ) -> None:  # fmt: skip
        self.services = services or Recorder()
        self.scheduler = scheduler or Scheduler()
        program = link_puppet(engine, legacy=legacy, pages=pages)
        self.guest: Guest = program.start(
            self.scheduler, self.services, limits or GuestLimits(burst_s=10, time_s=60), owner=owner, **options
        )
        self._drain = drain

    async def __aenter__(self) -> "Puppet":
        await self.until(lambda: self.guest.instance.started)
        self.guest.instance.write(_DRAIN, struct.pack("<I", self._drain))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.scheduler.stop_all()

    @property
    def ended(self) -> bool:
        return self.guest.ended is not None

    async def until(self, condition: Any, *, limit_s: float = 20.0) -> None:
        """Lets the loop run until something is so."""
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0)

    def put(self, data: bytes, at: int = BUFFER) -> tuple[int, int]:
        """Writes data into the guest's memory; pointer and length."""
        self.guest.instance.write(at, data)
        return at, len(data)

    def get(self, length: int, at: int = BUFFER) -> bytes:
        """Reads data from the guest's memory."""
        return self.guest.instance.read(at, length)

    async def replay(self, calls: Iterable[tuple[int, ...]], *, returns: int = 0, task: int = 0) -> list[int]:
        """Makes several calls (number, parameters...) in one poll; their result words. Fewer if the guest has ended."""
        records = [self.record(call[0], *call[1:], task=task) for call in calls]
        return await self.replay_records(records, returns=returns)

    @staticmethod
    def record(number: int, *parameters: int, task: int = 0, how: int | None = None) -> bytes:
        """One call. Which import it goes through is its kind's, unless told."""
        if how is None:
            how = _SLOW if number in CALLS and not CALLS[number].fast else _FAST
        padded = [p & 0xFFFFFFFF for p in (*parameters, 0, 0, 0, 0)[:4]]
        return _RECORD.pack(how, task & 0xFFFFFFFF, number & 0xFFFFFFFF, *padded)

    async def replay_records(self, records: list[bytes], *, returns: int = 0) -> list[int]:
        """As :meth:`replay`."""
        count = self._load(records, returns)
        self.guest.request_poll()
        await self.until(lambda: self.ended or self._word(_COUNT) == 0)
        return [] if self.ended else self._results(count)

    def replay_now(self, calls: Iterable[tuple[int, ...]]) -> list[int]:
        """As :meth:`replay`, without a turn of the event loop: it sees nothing of what the world does meanwhile."""
        count = self._load([self.record(call[0], *call[1:]) for call in calls], 0)
        assert not self.guest.in_poll
        while self._word(_COUNT):  # a slice may end in the middle
            self.scheduler.run_now(self.guest)
        return self._results(count)

    def _load(self, records: list[bytes], returns: int) -> int:
        records = records or [self.record(111, 0)]  # a poll without records is the puppet's own
        assert len(records) <= _MOST_RECORDS
        instance = self.guest.instance
        instance.write(_RETURN, struct.pack("<i", returns))
        instance.write(_RECORDS, b"".join(records))
        instance.write(_COUNT, struct.pack("<I", len(records)))
        return len(records)

    def _results(self, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}Q", self.guest.instance.read(_RESULTS, 8 * count)))

    async def call(self, number: int, *parameters: int, task: int = 0) -> int:
        """One call in a poll of its own; the result word."""
        words = await self.replay([(number, *parameters)], task=task)
        assert words, repr(self.guest.ended)
        return words[0]

    async def fetch(self, number: int, *parameters: int, task: int = 0) -> bytes | int:
        """A slow call and its bytes, fetched in the same poll; or the result word of its error."""
        words = await self.replay_records([self.record(number, *parameters, task=task, how=_FETCHED)])
        assert words, repr(self.guest.ended)
        return words[0] if words[0] >> 32 else self.get(words[0])

    async def ready_fetch(self, number: int, *parameters: int, task: int = 0) -> bytes | int:
        """As :meth:`fetch`, repeated for as long as it is pending."""
        while (result := await self.fetch(number, *parameters, task=task)) == err(11):
            await self.woken()
        return result

    async def ready_call(self, number: int, *parameters: int, task: int = 0) -> int:
        """Repeats a call for as long as it is pending, as a task would."""
        while (word := await self.call(number, *parameters, task=task)) == err(11):
            await self.woken()
        return word

    async def woken(self) -> None:
        """Waits until a task has become ready since the end of the last replay. Only for a puppet that drains."""
        await self.until(lambda: self.ended or self._word(_TASKS) != self._word(_TASKS_THEN))

    def _word(self, at: int) -> int:
        return int.from_bytes(self.guest.instance.read(at, 4), "little")

    async def wakers(self) -> list[int]:
        """What 112 delivers; for a puppet that does not drain by itself."""
        data = await self.fetch(112)
        assert isinstance(data, bytes)
        count = Reader(data).compact()
        return list(struct.unpack(f"<{count}i", data[len(data) - 4 * count :]))

    def stop_draining(self) -> None:
        """From now on it empties its queues only when it is told to. It is then polled without end while they are not
        empty."""
        self.guest.instance.write(_DRAIN, struct.pack("<I", 0))

    async def end(self) -> None:
        """Returns 1 from a poll."""
        await self.replay([], returns=1)
