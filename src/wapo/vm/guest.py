"""One running guest: the poll loop of wapo-abi.md 1.8, one slice at a time.

A guest starts with its instance: where that has not been started, the module's start function is its first call.

The scheduler calls :meth:`Guest.step`; it runs the guest until its slice ends, it has to wait, or it is over. Signals
(timers, sockets, commands) reach it through :meth:`Guest.request_poll`. Nothing here awaits: the event loop is the
scheduler, and a guest is a state between two steps.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wapo.engine.difference import Difference
from wapo.engine.errors import GuestExited, GuestTrapped, InvalidModule
from wapo.engine.fiber import Call, Instantiation
from wapo.engine.folding import fold, unfold
from wapo.engine.instance import Instance
from wapo.errors import WapoError
from wapo.vm.dialect import Dialect
from wapo.vm.ends import FINISHED, End, EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.meter import Meter
from wapo.vm.resources.channel import Channel
from wapo.vm.resources.table import ResourceTable
from wapo.vm.services import Services
from wapo.vm.tasks import Registration, TaskQueue
from wapo.vm.wasi.state import WasiSettings, WasiState

if TYPE_CHECKING:
    from wapo.vm.scheduler import Scheduler

__all__ = ["Guest"]

_POLL_EXPORTS: Final = ("wapo_poll", "sidevm_poll")
_CLEAN_EXIT_CODES: Final = range(126)
_DONE: Final = End(EndReason.EXITED, FINISHED, 0)
_DONE_LEGACY: Final = End(EndReason.EXITED, FINISHED, 1)
_FUEL_PER_GAS: Final = 1024
_MIN_FUEL: Final = 16384
#: Who has computed for longer than this since it last waited is not done soon.
_BRIEF_S: Final = 0.005
#: More than this a first slice has hardly used: two ticks, and a little for the host.
_FIRST_SLICE_S: Final = 0.005
#: What a second of CPU is taken for where the fuel that it burnt is not known: a gas unit a microsecond.
_FUEL_PER_CPU_S: Final = _FUEL_PER_GAS * 1_000_000


class _Kept:
    """Bytes that the host keeps, for one guest or for several together."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class Guest:
    """A program in a machine of its own.

    Args:
        instance: its machine, which belongs to the guest from now on.
        release: takes the machine back at the end, and whether the program ended by returning; otherwise it is closed.
        owner: whose CPU share it runs on: guests of one owner together get the share of one.
        session: the record of whoever runs it, for ocalls of rooms above.
        meter: where its use is counted; given where it outlives the guest (a restart).
        wasi: directories and the input of a program that has them.

    Raises (constructor):
        OSError: the process has no descriptor left for one of the directories.

    Attributes:
        return_slot: bytes of the last slow ocall, until fetched (2.4).
        channels: input channels that exist or existed, by number.
        output: the last bytes of ``emit_program_output``.
        ended: how it ended, once it has.
        on_wait: called whenever a poll is over and the guest has nothing to do but wait.
        on_slice: called after each slice, while the guest still counts as running: who stops it then, stops it at once.
        on_start: called when the instance is there, before its first poll.
        on_channel: called with the number of an input channel when the guest has created it.
        settled: whether it has once had nothing to do but wait: commands can be given to it from then on (1.8).
        websockets: those that it has opened.
        wasi: its WASI descriptors, made when they are first needed unless it was given some.
        may_be_command: whether a WASI command, which has a ``_start`` and no poll function, may run too: once.
    """

    __slots__ = (
        "_burst_s", "_call", "_deadline", "_doom", "_folded", "_host_work", "_kept", "_on_end", "_payer", "_poll_cpu_s",
        "_queued", "_release", "_requested", "_requests", "args", "channels", "dialect", "ended", "env", "instance",
        "limits", "may_be_command", "meter", "on_channel", "on_slice", "on_start", "on_wait", "output", "owner",
        "return_slot", "scheduler", "services", "session", "settled", "table", "tasks", "trace", "wasi", "websockets",
    )  # fmt: skip

    def __init__(
        self,
        instance: Instance,
        *,
        scheduler: "Scheduler",
        services: Services,
        limits: GuestLimits,
        owner: str = "",
        session: Any = None,
        args: tuple[str, ...] = (),
        env: tuple[tuple[str, str], ...] = (),
        dialect: Dialect = Dialect.WAPO,
        meter: Meter | None = None,
        release: Callable[[Instance, bool], None] | None = None,
        wasi: WasiSettings | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.services = services
        self.limits = limits
        self.owner = owner
        self.session = session
        self.args = args
        self.env = env
        self.dialect = dialect
        self.meter = meter or Meter()
        self.tasks = TaskQueue(self.request_poll)
        self.table = ResourceTable(limits.resources)
        self.return_slot: bytes | None = None
        self.channels: dict[int, Channel] = {}
        self.output: bytes | None = None
        self.trace = self.may_be_command = False
        self.websockets = 0
        self._kept = _Kept()
        self._payer: Guest | None = None
        self._requests: asyncio.Semaphore | None = None
        self._host_work: asyncio.Lock | None = None
        self.ended: End | None = None
        self._call: Call | None = None
        self._queued = False
        self._requested = False
        self._burst_s = 0.0
        self._poll_cpu_s = 0.0
        self._doom: End | None = None
        self._folded: Difference | None = None
        self._on_end: list[Callable[[End], None]] = []
        self._deadline: asyncio.TimerHandle | None = None
        self.settled = False
        self.on_wait: Callable[[], None] | None = None
        self.on_slice: Callable[[], None] | None = None
        self.on_start: Callable[[], None] | None = None
        self.on_channel: Callable[[int], None] | None = None
        self._release = release
        self.instance = instance
        self.wasi = WasiState(self, wasi) if wasi is not None else None
        scheduler.adopt(self)

    # Life

    def select_entry(self) -> None:
        """Looks up the poll function (1.2).

        Raises:
            InvalidModule: neither ``wapo_poll`` nor ``sidevm_poll`` is exported.
        """
        if self.instance.poll_selected or any(self.instance.select_poll(name) for name in _POLL_EXPORTS):
            return
        if self.may_be_command and self.instance.select_command():
            return
        command = ", and no _start either" if self.may_be_command else ""
        raise InvalidModule(f"the module exports neither wapo_poll nor sidevm_poll, a function () -> i32{command}")

    def start_clock(self, spent_s: float = 0.0) -> None:
        """The time limit begins now, or anew; or it began so many seconds ago."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self.limits.time_s is not None:
            left = max(0.0, self.limits.time_s - spent_s)
            self._deadline = asyncio.get_running_loop().call_later(left, self._out_of_time)

    def stop_clock(self) -> None:
        """The time limit is off again."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _out_of_time(self) -> None:
        self._deadline = None
        self.stop(End(EndReason.TIME_LIMIT, f"the time limit of {self.limits.time_s:g} s was reached"))

    def on_end(self, callback: Callable[[End], None]) -> None:
        """Calls back once when the guest has ended; at once if it has."""
        if self.ended is not None:
            callback(self.ended)
        else:
            self._on_end.append(callback)

    def stop(self, end: End) -> None:
        """Ends the guest now, or, when asked from inside one of its own calls, as soon as that slice ends."""
        if self.ended is not None:
            return
        if self.scheduler.running is self:
            self._doom = self._doom or end
        else:
            self._finish(end)

    def _finish(self, end: End, *, clean: bool = False) -> None:
        self.ended = end
        self.scheduler.release(self)
        self.stop_clock()
        try:
            if self._call is not None:
                self._call.close()
                self._call = None
                self._sync_gas(self._poll_cpu_s)
            self._close_wasi()
            self.table.close()
        finally:
            if self._release is not None:
                self._release(self.instance, clean)
            else:
                self.instance.close()
        self.on_wait = self.on_slice = self.on_start = self.on_channel = self._release = self._folded = None
        self.tasks.forget()
        callbacks, self._on_end = self._on_end, []
        for callback in callbacks:
            callback(self.ended)

    def _close_wasi(self) -> None:
        """What the program wrote last is logged, and its files are closed. A bug in the log is the guest's end only."""
        if self.wasi is not None:
            try:
                self.wasi.close()
            except Exception as error:
                self.ended = _end_of(error)

    # What it has under way

    @property
    def requests(self) -> asyncio.Semaphore:
        """Places for its outgoing requests."""
        if self._requests is None:
            self._requests = asyncio.Semaphore(self.limits.requests_at_once)
        return self._requests

    @property
    def host_work(self) -> asyncio.Lock:
        """Held while a thread works for it (``host_work``)."""
        if self._host_work is None:
            self._host_work = asyncio.Lock()
        return self._host_work

    @property
    def held_body_bytes(self) -> int:
        """Bodies of its outgoing requests, and messages, that the host keeps for it and for those it shares with."""
        return self._kept.size

    @held_body_bytes.setter
    def held_body_bytes(self, size: int) -> None:
        self._kept.size = size

    def share_requests(self, other: "Guest") -> None:
        """Its requests count among another guest's, and what the host keeps for it."""
        self._requests = other.requests
        self._kept = other._kept
        self._payer = other

    # What it has used

    def count_outgoing(self) -> None:
        """It begins a request, a connection or a lookup.

        Raises:
            GuestTrapped: one too many: the run is over.
        """
        payer = self._payer or self
        payer.meter.outgoing += 1
        limit = payer.limits.outgoing
        if limit is not None and payer.meter.outgoing > limit:
            payer.stop(End(EndReason.OUTGOING_LIMIT, f"more than {limit} outgoing requests and connections"))
            raise GuestTrapped("too many outgoing requests")

    def count_egress(self, size: int) -> None:
        """It hands over so many bytes to be sent at once.

        Raises:
            GuestTrapped: too much: the run is over, and they are not to be sent.
        """
        meter = self.meter
        meter.net_egress += size
        if meter.net_egress > self.limits.egress_cap and self.check_use():
            raise GuestTrapped("too much was sent")

    def check_use(self) -> bool:
        """Ends it, and is true, if it has used more than a run may."""
        meter, limits = self.meter, self.limits
        if meter.cpu_s > limits.cpu_cap:
            self.stop(End(EndReason.CPU_LIMIT, f"more than {limits.cpu_s:g} s of CPU"))
            return True
        if meter.net_egress > limits.egress_cap:
            self.stop(End(EndReason.EGRESS_LIMIT, f"more than {limits.egress_bytes} bytes were sent"))
            return True
        return False

    # Polls

    def registration(self, task: int, waker: int) -> Registration:
        """For a resource that answers ``PENDING``. Waker and task arrive unsigned."""
        return Registration(self.tasks, _signed(task), _signed(waker))

    def request_poll(self) -> None:
        """Something may have happened; any number of requests before the next poll cause one poll."""
        if self._call is not None:
            self._requested = True  # in the middle of a poll, wherever that stands: another one is due after it
        elif not self._queued and self.ended is None:
            self._queued = True
            self.scheduler.submit(self)

    @property
    def burns(self) -> bool:
        """Whether it has computed for long since it last waited: others go before it."""
        return self._call is not None and self._burst_s > _BRIEF_S

    @property
    def in_poll(self) -> bool:
        """Whether a poll is under way, suspended at the end of a slice."""
        return self._call is not None

    @property
    def rests(self) -> bool:
        """Whether it has nothing to do but wait, between two polls."""
        return self.settled and self._call is None and not self._queued and self.ended is None

    @property
    def folded(self) -> bool:
        """Whether its memory is folded (:meth:`fold`)."""
        return self._folded is not None

    def fold(self) -> bool:
        """Folds the memory of a guest that :attr:`rests`, until its next poll; False if it cannot be, or is not worth
        it."""
        self._folded = fold(self.instance)
        return self._folded is not None

    def step(self) -> bool:
        """Runs one slice. True if the guest is to be queued again at once (its slice ended, or it has more to do).

        Only the scheduler calls this.
        """
        call = self._call
        if call is None:
            call = self._call = self._begin()
            started, clock = time.perf_counter(), None
        else:
            clock = time.thread_time
            started = clock()
        self._queued = False
        try:
            done = call.poll()
        except Exception as error:
            self._account(started, clock)
            self._sync_gas()
            self._call = None
            starting = not self.instance.started
            self._finish(self._doom or (_failed_start(error) if starting else _end_of(error)))
            return False
        self._account(started, clock)
        if self.on_slice is not None:
            self.on_slice()
        meter, limits = self.meter, self.limits
        if meter.cpu_s > limits.cpu_cap or meter.net_egress > limits.egress_cap:
            self.check_use()
        if self.tasks.overflowing:
            self._doom = self._doom or End(EndReason.TRAP, "the program left too much in its queues (tasks, wakers)")
        if self._doom is not None:
            self._finish(self._doom)
            return False
        if not done:
            return self._suspended(call)
        self._call = None
        if isinstance(call, Instantiation):
            return self._start()
        if self.instance.metered:
            self._sync_gas()
        return self._polled(call.result)

    def _begin(self) -> Call:
        self._burst_s = self._poll_cpu_s = 0.0
        if not self.instance.started:
            return self.instance.start(self)
        if self._folded is not None:
            unfold(self.instance, self._folded)
            self._folded = None
        self.meter.polls += 1
        self._requested = False
        if self.tasks.list_room:
            self.tasks.fill_list(self.instance)
        return self.instance.start_poll(self)

    def _start(self) -> bool:
        """The instance is there; its first poll is due."""
        try:
            self.select_entry()
        except InvalidModule as error:
            self._finish(_failed_start(error))
            return False
        if self.on_start is not None:
            self.on_start()
        self._queued = True
        return True

    def _suspended(self, call: Call) -> bool:
        """In the middle of a call: its slice is over, or it waits in a host function."""
        limit = self.limits.burst_s
        if limit is not None and self._burst_s > limit:
            self._finish(End(EndReason.BURST_LIMIT, f"more than {limit:g} s of CPU between two waits"))
            return False
        if call.waiting is not None:
            call.waiting.when_ready(self._resume)
            return False
        self._queued = True
        return True

    def _resume(self) -> None:
        """What it waited for, inside a host function, is there."""
        if self.ended is None and not self._queued:
            assert self._call is not None
            assert self._call.waiting is not None
            if self._call.waiting.rests:
                self._burst_s = 0.0
            self._queued = True
            self.scheduler.submit(self)

    def _polled(self, result: int) -> bool:
        """The poll function has returned (1.5), or a command has."""
        if self.instance.is_command:
            self._finish(End(EndReason.EXITED, FINISHED))
            return False
        if result == 0:
            if self._requested or self.tasks.pending:
                self._queued = True
                return True
            self.settled = True
            if self.on_wait is not None:
                self.on_wait()
            return False
        if result == 1:
            self._finish(_DONE_LEGACY if self._is_legacy else _DONE, clean=True)
        elif self._is_legacy:
            self._finish(End(EndReason.EXITED, f"the program finished with {result}", result))
        else:
            self._finish(End(EndReason.TRAP, f"the poll function returned {result}; only 0 and 1 are allowed"))
        return False

    @property
    def _is_legacy(self) -> bool:
        return self.dialect is Dialect.LEGACY

    def _sync_gas(self, cut_off_s: float = 0.0) -> None:
        """From fuel to gas (7.3), between polls only: compiled code holds a copy of the counter.

        Args:
            cut_off_s: CPU of a poll that will not be finished. The copy was lost with its stack, so its time is what
                there is to go by.
        """
        if self.instance.metered:
            used = max(self.instance.fuel_used(), int(cut_off_s * _FUEL_PER_CPU_S))
            if used > _MIN_FUEL:
                self.meter.gas += used // _FUEL_PER_GAS
                self.instance.refuel()

    def charge(self, cpu_s: float, *, burst: bool) -> None:
        """CPU that a thread has used for it; a part of its burst if it stood still for that."""
        self.meter.cpu_s += cpu_s
        self.meter.gas += int(cpu_s * 1e6)  # a gas unit a microsecond, as for compiled code
        if burst:
            self._burst_s += cpu_s
        self.check_use()

    def _account(self, started: float, clock: Callable[[], float] | None) -> None:
        """A slice has been run. Asking for CPU time is a system call, so of a poll's first slice, which is short, the
        time on the wall is taken for it; and as that may be another process's, it is no part of the burst."""
        if clock is None:
            elapsed = min(time.perf_counter() - started, _FIRST_SLICE_S)
        else:
            elapsed = clock() - started
            self._burst_s += elapsed
        self._poll_cpu_s += elapsed
        self.meter.cpu_s += elapsed


def _signed(value: int) -> int:
    return value - (1 << 32) if value & 0x80000000 else value


def _end_of(error: Exception) -> End:
    """What an exception out of a poll means."""
    if isinstance(error, GuestExited):
        if error.exit_code in _CLEAN_EXIT_CODES:
            return End(EndReason.EXITED, str(error), error.exit_code)
        return End(EndReason.TRAP, f"proc_exit with {error.exit_code}; only 0 to 125 are exit codes")
    if isinstance(error, GuestTrapped):
        return End(EndReason.TRAP, _brief(str(error)))
    return End(EndReason.HOST_FAILURE, f"the host failed: {type(error).__name__}: {error}")


def _failed_start(error: Exception) -> End:
    """What an exception out of the start means: whatever it is, the program is not running."""
    if isinstance(error, GuestExited):
        return End(EndReason.FAILED_TO_START, f"the start function called proc_exit with {error.exit_code}")
    if isinstance(error, GuestTrapped):
        return End(EndReason.FAILED_TO_START, f"the start function trapped: {_brief(str(error))}")
    if isinstance(error, WapoError):
        return End(EndReason.FAILED_TO_START, str(error))
    return _end_of(error)


def _brief(text: str) -> str:
    """The cause of a trap without the engine's backtrace, which names no line of the user's."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        if "wasm trap:" in line:
            return line[line.index("wasm trap:") :]
    return lines[0] if lines else "the guest trapped"
