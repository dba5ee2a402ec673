"""A cryptographic operation under way in a thread (docs/abi.md, 1031 to 1033)."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure
from wapo.engine.suspension import Suspension
from wapo.lazy import library
from wapo.vm.crypto.request import Request
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.crypto import operations
else:
    operations = library("wapo.vm.crypto.operations")

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CryptoJob", "in_a_thread"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR


class CryptoJob(Resource):
    """``size`` bytes count as kept for the guest until the result is there, and the result's until it is closed."""

    kind: ClassVar[str] = "crypto"
    __slots__ = ("_guest", "_held", "_result", "_slot", "_started", "_task")

    def __init__(self, guest: "Guest", request: Request, size: int) -> None:
        self._guest = guest
        self._slot = Slot()
        self._result: bytes | int | None = None
        self._started = False
        self._held = 0
        self._hold(size)
        self._task: asyncio.Task[None] | None = asyncio.get_running_loop().create_task(self._run(request))

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    def _hold(self, size: int) -> None:
        self._guest.held_body_bytes += size - self._held
        self._held = size

    def _start(self) -> None:
        self._started = True

    async def _run(self, request: Request) -> None:
        result: bytes | int
        try:
            result = await self._guest.scheduler.work.run(
                self._guest, self._start, partial(operations.perform, request)
            )
        except OcallFailure as failure:
            result = ERR | failure.code
        except Exception:  # out of threads or of memory: the host's trouble
            result = _IO_ERROR
        if self._task is None:  # closed meanwhile
            self._hold(0)
            return
        self._hold(len(result) if isinstance(result, bytes) else 0)
        self._result = result
        self._slot.wake()

    def poll_result(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        """The result, ``PENDING``, or a result word that is an error."""
        if self._result is None:
            self._slot.set(guest.registration(task, waker))
            return PENDING
        return self._result

    def close(self) -> None:
        task, self._task = self._task, None
        self._slot.drop()
        if self._started and self._result is None:
            return  # a thread has it, and with it the memory
        if task is not None:
            task.cancel()
        self._hold(0)


def in_a_thread(guest: "Guest", request: Request, size: int) -> Suspension:
    """The result, for a guest that stands still meanwhile: it is as if it computed. ``size`` bytes count as kept for it
    until then."""
    started = False

    def start() -> None:
        nonlocal started
        started = True

    def abandoned() -> None:
        if not started:  # otherwise a thread has it, and its place
            task.cancel()

    def done(task: "asyncio.Task[bytes]") -> None:
        guest.held_body_bytes -= size
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            suspension.complete(task.result())
        else:  # not of the operation: out of threads or of memory
            suspension.complete(error=error if isinstance(error, OcallFailure) else OcallFailure(OcallError.IO_ERROR))

    guest.held_body_bytes += size
    suspension = Suspension(abandoned, rests=False)
    work = guest.scheduler.work.run(guest, start, partial(operations.perform, request), stands_still=True)
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(done)
    return suspension
