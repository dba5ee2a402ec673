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
import struct
from typing import TYPE_CHECKING, Any, Final

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.running import running
from wapo.engine.suspension import Suspension

if TYPE_CHECKING:
    from wapo.engine.instance import Instance

__all__ = ["Call", "Instantiation", "PollFunction"]

_poll = capi.released.wasmtime_call_future_poll
_delete = capi.released.wasmtime_call_future_delete
_start = capi.held.wasmtime_func_call_async

# Trap, error, result (wasmtime_val_t), and the number of the call's i32 in the latter.
_POINTER_BYTES: Final = ctypes.sizeof(ctypes.c_void_p)
_RESULT_AT: Final = 2 * _POINTER_BYTES
_CELLS_BYTES: Final = _RESULT_AT + ctypes.sizeof(capi.Value)
_OUTCOME: Final = struct.Struct(f"<QQ{capi.Value.of.offset}xi")
_NOTHING: Final = bytes(_CELLS_BYTES)


class Cells:
    """Where C leaves how a call ended: a trap, an error, or a result. One call at a time.

    Attributes:
        address: of the cells, one after the other, in this process.
    """

    __slots__ = ("_bytes", "address")

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(_CELLS_BYTES)
        self.address = ctypes.addressof(self._bytes)

    def clear(self) -> None:
        """Before a call."""
        capi.memory[self.address : self.address + _CELLS_BYTES] = _NOTHING

    def outcome(self) -> tuple[int, int, int]:
        """Trap and error, which are the caller's or 0, and the i32 result, signed."""
        trap, error, result = _OUTCOME.unpack_from(self._bytes)
        return trap, error, result


class PollFunction:
    """An exported function without arguments and with at most one i32 result, ready to be called again and again, by
    one call at a time.

    Attributes:
        flag: address of the byte that tells it that its slice is over; 0 if its epoch does.
    """

    __slots__ = ("_arguments", "_function", "cells", "engine", "flag")

    def __init__(self, engine: Engine, context: int, function: Any, results: int, flag: int) -> None:
        self.engine = engine
        self.flag = flag
        self.cells = Cells()
        self._function = function  # C gets its address only
        at = self.cells.address
        self._arguments = (
            context, ctypes.addressof(function), None, 0, at + _RESULT_AT, results, at, at + _POINTER_BYTES,
        )  # fmt: skip

    def begin(self) -> int:
        """The future of a call."""
        self.cells.clear()
        future: int = _start(*self._arguments)
        return future


class Call:
    """A call of such a function.

    Attributes:
        result: the i32 result, signed, once :meth:`poll` has returned True.
        waiting: after a :meth:`poll` that returned False: what a host function waits for, or None if the slice ended.
    """

    __slots__ = ("_cells", "_engine", "_flag", "_future", "_guest", "result", "waiting")

    def __init__(self, function: PollFunction, guest: Any) -> None:
        self._engine = function.engine
        self._cells = function.cells  # C keeps their address for as long as the future lives
        self._flag = function.flag
        self._guest = guest
        self.result = 0
        self.waiting: Suspension | None = None
        self._future = function.begin()

    def poll(self) -> bool:
        """Runs the guest until its slice ends or it has to wait (False), or the call is over (True). Releases the
        interpreter lock.

        Raises:
            GuestTrapped: it trapped, deep recursion included.
            Exception: whatever a host function raised, unchanged.
        """
        running.guest = self._guest
        running.begin_turn(self._flag)
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
        trap, error, self.result = self._cells.outcome()
        if trap or error:
            self._raise(trap, error)
        return True

    def _raise(self, trap: int, error: int) -> None:
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
        self._cells = Cells()
        at = self._cells.address
        self._future = instance.begin(at, at + _POINTER_BYTES)

    def poll(self) -> bool:
        running.starting = self._instance
        try:
            if not super().poll():
                return False
        finally:
            running.starting = None
        self._instance.finish()
        return True

    def _raise(self, trap: int, error: int) -> None:
        if error and running.failure is None:
            self._instance.raise_failure(error)
        super()._raise(trap, error)
