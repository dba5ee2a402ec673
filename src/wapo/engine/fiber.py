"""A call into a guest that can be suspended.

The call runs on a fiber of its own, on the caller's thread. It stops there when the guest's slice ends (an engine's
tick) or when a host function has to wait, and goes on at the next :meth:`Call.poll`. Dropping a call that is under way
unwinds the guest's stack; that must happen before its store goes, exactly once, whatever happened before, so a call
has one owner with one ``finally``:

    call = instance.start_poll(guest)
    try:
        while not call.poll():
            await turn()
    finally:
        call.close()
"""

import ctypes
from typing import TYPE_CHECKING, Any

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.running import running
from wapo.engine.suspension import Suspension

if TYPE_CHECKING:
    from wapo.engine.instance import Instance

__all__ = ["Call", "Instantiation"]

_poll = capi.released.wasmtime_call_future_poll
_delete = capi.released.wasmtime_call_future_delete
_POINTER_BYTES = ctypes.sizeof(ctypes.c_void_p)


class Call:
    """A call of an exported function without arguments and with at most one i32 result.

    Attributes:
        result: the i32 result, signed, once :meth:`poll` has returned True.
        waiting: after a :meth:`poll` that returned False: what a host function waits for, or None if the slice ended.
    """

    __slots__ = ("_cells", "_engine", "_flag", "_future", "_guest", "_results", "result", "waiting")

    def __init__(self, engine: Engine, context: int, function: Any, results: int, guest: Any, flag: int) -> None:
        self._engine = engine
        self._guest = guest
        self._flag = flag
        self.result = 0
        self.waiting: Suspension | None = None
        # The C side keeps these addresses for as long as the future lives.
        self._cells = (ctypes.c_void_p * 2)()  # trap, error
        self._results = capi.Value()
        cells = ctypes.addressof(self._cells)
        self._future: int = capi.held.wasmtime_func_call_async(
            context, ctypes.byref(function), None, 0,
            ctypes.byref(self._results), results, cells, cells + _POINTER_BYTES,
        )  # fmt: skip

    def poll(self) -> bool:
        """Runs the guest until its slice ends or it has to wait (False), or the call is over (True). Releases the
        interpreter lock.

        Raises:
            GuestTrapped: it trapped, deep recursion included.
            Exception: whatever a host function raised, unchanged.
        """
        running.guest = self._guest
        running.flag = self._flag
        self._engine.keep_ticking()  # without a tick, a busy guest would never come back
        try:
            if not _poll(self._future):
                self.waiting, running.waiting = running.waiting, None
                return False
        finally:
            running.guest = None
            if self._flag:
                running.lower_flag()
        self.close()
        trap, error = self._cells
        if trap or error:
            self._raise(trap, error)
        self.result = self._results.of.i32
        return True

    def _raise(self, trap: int | None, error: int | None) -> None:
        failure, running.failure = running.failure, None
        try:
            if trap:
                capi.raise_trap(trap)
            elif error:
                capi.raise_error(error)
        except Exception:
            if failure is None:
                raise
            raise failure from None

    def close(self) -> None:
        """Unwinds a guest that was left half-way; harmless after a normal end. Idempotent."""
        future, self._future = self._future, 0
        if future:
            _delete(future)
            if self.waiting is not None:
                self.waiting.abandon()
                self.waiting = None


class Instantiation(Call):
    """The start of an instance whose module may have a start function: it is polled like any call, and then the
    instance can be used.

    Raises (:meth:`poll`, beside what :class:`Call` raises):
        InvalidModule, OutOfMappings: as the constructor of ``Instance``.
    """

    __slots__ = ("_instance",)

    def __init__(self, instance: "Instance", guest: Any) -> None:
        self._instance = instance
        self._engine = instance.linked.engine
        self._guest = guest
        self._flag = 0
        self.result = 0
        self.waiting = None
        self._cells = (ctypes.c_void_p * 2)()
        self._results = capi.Value()
        cells = ctypes.addressof(self._cells)
        self._future = instance.begin(cells, cells + _POINTER_BYTES)

    def poll(self) -> bool:
        running.starting = self._instance
        try:
            if not super().poll():
                return False
        finally:
            running.starting = None
        self._instance.finish()
        return True

    def _raise(self, trap: int | None, error: int | None) -> None:
        if error and running.failure is None:
            self._instance.raise_failure(error)
        super()._raise(trap, error)
