"""Isolates: machines that a guest has started for JavaScript of its own choice (docs/abi.md, 1200).

An isolate is a guest like any other, from the image that agents start from. Beside its own limits those of its parent
hold: its CPU is its parent's share, its requests and what the host keeps for it are among its parent's, what all
isolates of a parent have grown by is no more than the parent may have itself, and it ends when the parent does. It
cannot have isolates.
"""

import asyncio
import hashlib
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance
from wapo.errors import WapoError
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.meter import Meter
from wapo.vm.resources.base import Resource
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import IsolateRequest, Services
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.agents.messages import Header

__all__ = ["Isolate", "Isolates"]

_COMMAND: Final = struct.Struct("<IIdd").pack
_COMMAND_ISOLATE: Final = 4
_OUTPUT_KIND: Final = 4
_FROM_ISOLATE, _FROM_HOST = b"\x00", b"\x01"
#: The engine ends what runs too long by itself, and says so; the host does if it does not.
_GRACE_S: Final = 1.0
_MAX_RESULT_BYTES: Final = 32 << 20
_MAX_TEXT: Final = 64 << 10
_PAGE: Final = 65536
#: Of what the host keeps for a parent, isolates fill no more: results must fit, and what the parent has to send.
_HELD_PART: Final = 0.75
_SECRET_DOMAIN: Final = b"wapo/isolate/v1:"


class _IsolateServices(Services):
    """What the parent may ask for, as far as an isolate may ask for anything; secrets are those of its own code."""

    def __init__(self, parent: Guest, code: bytes) -> None:
        self._parent = parent
        self._code = code
        self.http_client = parent.services.http_client
        self.network = parent.services.network
        self.egress = parent.services.egress

    def log(self, guest: Guest, level: int, text: str) -> None:
        self._parent.services.log(self._parent, level, text)

    def app_address(self, guest: Guest) -> bytes:
        return self._parent.services.app_address(self._parent)

    def derive_secret(self, guest: Guest, path: bytes) -> bytes:
        named = hashlib.blake2b(path, digest_size=32).digest()
        return self._parent.services.derive_secret(self._parent, _SECRET_DOMAIN + self._code + named)


class _Held:
    """What the host keeps for a guest: it counts as bodies that wait to be sent do."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._size = 0

    def keep(self, data: bytes) -> bool:
        """Counts instead of what was counted before; False, and nothing is counted, if that is too much."""
        self.drop()
        if self._guest.held_body_bytes + len(data) > self._guest.limits.held_body_bytes:
            return False
        self._size = len(data)
        self._guest.held_body_bytes += self._size
        return True

    def drop(self) -> None:
        """Idempotent."""
        self._guest.held_body_bytes -= self._size
        self._size = 0


class _Bill:
    """What an isolate uses, its parent pays. Agents' engine does not count instructions, so a microsecond of CPU is a
    unit of gas, as for a poll that is cut off."""

    def __init__(self, parent: Guest) -> None:
        self.meter = Meter()
        self._parent = parent

    def settle(self) -> None:
        """Moves what has been used since the last time, and ends the parent if that was too much."""
        mine, parent = self.meter, self._parent.meter
        parent.gas += mine.gas + int(mine.cpu_s * 1_000_000)
        parent.cpu_s += mine.cpu_s
        parent.net_ingress += mine.net_ingress
        parent.net_egress += mine.net_egress
        mine.gas = mine.net_ingress = mine.net_egress = 0
        mine.cpu_s = 0.0
        self._parent.check_use()


class _Session:
    """What the engine is told, and what it answers."""

    __slots__ = ("_command", "_held", "failure", "kept_alive", "max_response_bytes", "result")

    def __init__(self, command: bytes, held: _Held) -> None:
        self._command: bytes | None = command
        self._held = held
        self.result: bytes | None = None
        self.failure: str | None = None
        self.kept_alive = False
        self.max_response_bytes = _MAX_RESULT_BYTES

    def next_command(self, guest: Guest) -> bytes | None:
        command, self._command = self._command, None
        if command is not None:
            self._held.drop()
        return command

    def output(self, kind: int, data: bytes) -> None:
        """The result.

        Raises:
            OcallFailure: 3 it is none of an isolate, 15 there is one.
        """
        if kind != _OUTPUT_KIND:
            raise OcallFailure(OcallError.INVALID_PARAMETER)
        if self.result is not None:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        if not self._held.keep(data):
            raise OcallFailure(OcallError.RESOURCE_LIMITED)
        self.result = data

    def fail(self, text: str) -> None:
        self.failure = self.failure or text

    def loaded(self, status: int, text: str) -> None:
        """An isolate loads nothing (raises OcallFailure 3)."""
        raise OcallFailure(OcallError.INVALID_PARAMETER)

    def respond(self, guest: Guest, status: int, headers: "list[Header]", body: bytes, complete: bool) -> int:
        """Nobody has asked (raises OcallFailure 3)."""
        raise OcallFailure(OcallError.INVALID_PARAMETER)

    def touched(self, code: int) -> None:
        """It may look at anything."""


class Isolate(Resource):
    """An isolate in its parent's table: polled, it gives its result, once. It counts until it is closed.

    Attributes:
        guest: once it has a machine.
        result: one byte who says it, 0 the isolate or 1 the host (a text then); and what.
    """

    kind: ClassVar[str] = "isolate"
    __slots__ = ("_closed", "_held", "_slot", "_starting", "guest", "result")

    def __init__(
        self, machine: Callable[[], Awaitable[Guest]], held: _Held, closed: "Callable[[Isolate], None]"
    ) -> None:
        self.guest: Guest | None = None
        self.result: bytes | None = None
        self._slot = Slot()
        self._held = held
        self._closed = closed
        self._starting: asyncio.Task[None] | None = asyncio.get_running_loop().create_task(self._start(machine))

    async def _start(self, machine: Callable[[], Awaitable[Guest]]) -> None:
        try:
            self.guest = await machine()
        except Exception as error:  # whatever it is: who waits for the isolate must hear of it
            text = str(error) if isinstance(error, WapoError) else "the host failed"
            self._finish(_FROM_HOST + text.encode()[:_MAX_TEXT])
            if not isinstance(error, WapoError):
                raise
            return
        self.guest.on_end(self._guest_ended)
        self.guest.start_clock()
        self.guest.request_poll()

    def _guest_ended(self, end: End) -> None:
        assert self.guest is not None
        session: _Session = self.guest.session
        if session.result is not None and session.failure is None:
            self._finish(_FROM_ISOLATE + session.result)
        else:
            self._finish(_FROM_HOST + (session.failure or end.detail).encode()[:_MAX_TEXT])

    def _finish(self, result: bytes) -> None:
        self.result = result
        self._slot.wake()

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    def poll(self, guest: Guest, task: int, waker: int) -> bytes | int:
        if self.result is not None:
            result, self.result = self.result, b""
            self._held.drop()
            return result or ERR | OcallError.END_OF_FILE
        self._slot.set(guest.registration(task, waker))
        return PENDING

    def close(self) -> None:
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
        if self.guest is not None:
            self.guest.stop(End(EndReason.STOPPED, "the isolate was closed"))
        self._held.drop()
        self._closed(self)
        self._slot.drop()


class Isolates:
    """Starts them.

    Args:
        base: gives the image that agents start from.
        admit: called before each; raises a ``WapoError`` where the node has no room.
        leave: called when one that was admitted is closed.
    """

    def __init__(
        self,
        profile: JavaScriptProfile,
        scheduler: Scheduler,
        base: Callable[[], Awaitable[MemoryImage]],
        admit: Callable[[], None] = lambda: None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._profile = profile
        self._scheduler = scheduler
        self._base = base
        self._admit = admit
        self._leave = leave
        self._running: dict[Guest, set[Isolate]] = {}

    def open(self, parent: Guest, request: IsolateRequest) -> Isolate:
        """Starts one.

        Raises:
            OcallFailure: 10 the parent has as many as it may have at once, the host keeps too much for it already, or
                the node is short of memory or runs as many machines as it can.
        """
        siblings = self._running.get(parent, set())
        if len(siblings) >= parent.limits.isolates:
            raise OcallFailure(OcallError.RESOURCE_LIMITED)
        held = _Held(parent)
        if not held.keep(request.text):
            raise OcallFailure(OcallError.RESOURCE_LIMITED)
        try:
            self._admit()
        except WapoError:
            held.drop()
            raise OcallFailure(OcallError.RESOURCE_LIMITED) from None
        isolate = Isolate(
            lambda: self._machine(parent, request, held), held, lambda closed: self._forget(parent, closed)
        )
        self._running.setdefault(parent, siblings).add(isolate)
        return isolate

    def _forget(self, parent: Guest, isolate: Isolate) -> None:
        self._leave()
        siblings = self._running.get(parent)
        if siblings is not None:
            siblings.discard(isolate)
            if not siblings:
                del self._running[parent]

    async def _machine(self, parent: Guest, request: IsolateRequest, held: _Held) -> Guest:
        """A guest that has not run yet."""
        base = await self._base()
        allowed = parent.limits.memory_bytes
        asked = allowed if request.memory_bytes is None else base.size + -(-request.memory_bytes // _PAGE) * _PAGE
        limits = replace(
            parent.limits, memory_bytes=max(min(asked, allowed), base.size), isolates=0, cpu_s=None, egress_bytes=None,
            time_s=None if request.time_s is None else request.time_s + _GRACE_S,
            held_bytes=int(parent.limits.held_body_bytes * _HELD_PART),
        )  # fmt: skip
        command = _COMMAND(_COMMAND_ISOLATE, len(request.text), time.time() * 1e3, time.monotonic() * 1e3)
        bill = _Bill(parent)
        instance = Instance(self._profile.serving, limits.store)
        guest = Guest(
            instance, scheduler=self._scheduler, services=_IsolateServices(parent, request.code), limits=limits,
            owner=parent.owner, session=_Session(command + request.text, held), meter=bill.meter,
        )  # fmt: skip
        guest.share_requests(parent)
        try:
            base.restore(guest.instance)
            guest.select_entry()
        except BaseException:
            guest.stop(End(EndReason.STOPPED, "the isolate could not be started"))
            raise
        guest.on_end(lambda _end: bill.settle())
        guest.on_slice = lambda: self._slice_is_over(parent, guest, base.size, bill)
        return guest

    def _slice_is_over(self, parent: Guest, guest: Guest, base_bytes: int, bill: _Bill) -> None:
        """It has used something, and it may have grown: not only when a poll is over, for some never wait."""
        bill.settle()
        siblings = [isolate.guest for isolate in self._running.get(parent, ())]
        machines = [one for one in siblings if one is not None and one.ended is None]
        if sum(one.instance.memory_size - base_bytes for one in machines) > parent.limits.memory_bytes:
            text = f"out of memory: the isolates of a program have at most {parent.limits.memory_bytes} bytes together"
            guest.stop(End(EndReason.TRAP, text))
