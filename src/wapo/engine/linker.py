"""Host functions, and modules linked to them.

A host function is called with the *guest* that is running (whatever object its :class:`~wapo.engine.fiber.Call` was
started for) and its arguments as Python numbers; integers arrive unsigned. What it raises ends the guest: the
exception is kept on the guest's own record, because many calls are under way at once, and the guest gets a trap.

A *suspending* host function may return a :class:`~wapo.engine.suspension.Suspension` instead of its result; the guest
then stands still in that call, on its fiber, and the event loop goes on; or :data:`SLICE_END`, with which the guest's
slice ends there as at a tick. Such a function costs about half a microsecond more a call.
"""

import ctypes
import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.errors import UnknownImport
from wapo.engine.modules import Module
from wapo.engine.running import running
from wapo.engine.suspension import Suspension

__all__ = ["SLICE_END", "HostFunction", "LinkedModule", "Linker"]

#: What a suspending function returns that ends the slice; the guest gets 0 from it, in its next one.
SLICE_END: Final = object()

_FORMATS: Final = {"i32": "I12x", "i64": "Q8x", "f32": "f12x", "f64": "d8x"}
_RESULT_FORMATS: Final = {"i32": "I", "i64": "Q", "f32": "f", "f64": "d"}

# wasmtime_val_t: a kind, and a union that begins at ``of``.
_VALUE_BYTES: Final = ctypes.sizeof(capi.Value)
_UNION_AT: Final = capi.Value.of.offset
_VALUE_KINDS: Final = {"i32": 0, "i64": 1, "f32": 2, "f64": 3}

_memory: Final = capi.memory


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function that modules may import.

    Attributes:
        module, name: the import.
        params, results: value types by name (``i32 i64 f32 f64``); at most one result.
        call: ``call(guest, *arguments)``; returns the result (unsigned for integers), or None where there is none.
        suspends: whether it may return a ``Suspension`` or ``SLICE_END``.
    """

    module: str
    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    call: Callable[..., Any]
    suspends: bool = False


def _failed(function: HostFunction, error: BaseException) -> int:
    """The trap for what a host function raised; the call that is under way raises the error itself again."""
    running.failure = error
    return capi.new_trap(f"host function {function.name} ended the guest: {error}")


def _trampoline(function: HostFunction) -> Any:
    """The C callback of a host function that never waits.

    One struct unpacked at once is many times as fast as field by field access through ctypes.
    """
    unpack_from = struct.Struct("<" + "".join(_FORMATS[kind] for kind in function.params)).unpack_from
    call, memory = function.call, _memory

    if function.results:
        pack_into = struct.Struct("<" + _RESULT_FORMATS[function.results[0]]).pack_into

        def with_result(_env: int, caller: int, values: int, _count: int) -> int | None:
            try:
                if running.starting is not None:
                    running.starting.adopt_memory(caller)
                pack_into(memory, values, call(running.guest, *unpack_from(memory, values)))
            except BaseException as error:  # it must not get into C; the call that is under way raises it again
                return _failed(function, error)
            return None

        return capi.HOST_FUNCTION(with_result)

    def without_result(_env: int, caller: int, values: int, _count: int) -> int | None:
        try:
            if running.starting is not None:
                running.starting.adopt_memory(caller)
            call(running.guest, *unpack_from(memory, values))
        except BaseException as error:
            return _failed(function, error)
        return None

    return capi.HOST_FUNCTION(without_result)


# Suspending functions. C asks a continuation whether the function is done: at once, and then at each poll of the call.
# A function that has answered gets one that says yes without entering Python: any C function that returns non-zero.
_CONTINUATION: Final = struct.Struct("<QQQ")  # callback, its argument, finalizer
_libc: Final = ctypes.CDLL(None)
_DONE: Final = (ctypes.cast(_libc.abs, ctypes.c_void_p).value or 0, 1, 0)
_POINTER: Final = struct.Struct("<Q")

_pending: Final[dict[int, tuple[Suspension, Callable[[Suspension], None]]]] = {}
_numbers: Final = itertools.count(1)


def _continue(number: int) -> bool:
    suspension, finish = _pending[number]
    if not suspension.ready:
        running.waiting = suspension
        return False
    del _pending[number]
    finish(suspension)
    return True


_continuation: Final = capi.CONTINUATION(_continue)  # a name of its own: C keeps only the address
_CONTINUE: Final = ctypes.cast(_continuation, ctypes.c_void_p).value or 0


def _next_slice(_number: int) -> bool:
    """Not done when asked at once, done at the next poll."""
    yielding, running.yielding = running.yielding, False
    return not yielding


_slice_continuation: Final = capi.CONTINUATION(_next_slice)
_NEXT_SLICE: Final = (ctypes.cast(_slice_continuation, ctypes.c_void_p).value or 0, 0, 0)


def _forget(number: int) -> None:
    _pending.pop(number, None)


def _suspending_trampoline(function: HostFunction) -> Any:
    """The C callback of a host function that may wait."""
    layout = "".join(
        f"{_UNION_AT}x{_RESULT_FORMATS[kind]}{_VALUE_BYTES - _UNION_AT - struct.calcsize(_RESULT_FORMATS[kind])}x"
        for kind in function.params
    )
    unpack_from, call = struct.Struct("<" + layout).unpack_from, function.call
    if function.results:
        kind = function.results[0]
        pack_into = struct.Struct(f"<B{_UNION_AT - 1}x{_RESULT_FORMATS[kind]}").pack_into
        value_kind = _VALUE_KINDS[kind]

    def store(results: int, value: Any) -> None:
        if function.results:
            pack_into(_memory, results, value_kind, value)

    def fail(trap: int, error: BaseException) -> None:
        _POINTER.pack_into(_memory, trap, _failed(function, error))

    def suspending(
        _env: int, caller: int, values: int, _count: int, results: int, _results: int, trap: int, continuation: int
    ) -> None:
        try:
            if running.starting is not None:
                running.starting.adopt_memory(caller)
            value = call(running.guest, *unpack_from(_memory, values))
            if value is SLICE_END:
                store(results, 0)
                running.yielding = True
                _CONTINUATION.pack_into(_memory, continuation, *_NEXT_SLICE)
                return
            if type(value) is Suspension and value.ready:
                if value.error is not None:
                    raise value.error
                value = value.result
            if type(value) is not Suspension:
                store(results, value)
                _CONTINUATION.pack_into(_memory, continuation, *_DONE)
                return
        except BaseException as error:
            fail(trap, error)
            _CONTINUATION.pack_into(_memory, continuation, *_DONE)
            return

        def finish(suspension: Suspension) -> None:
            if suspension.error is not None:
                fail(trap, suspension.error)
                return
            try:
                store(results, suspension.result)
            except BaseException as error:
                fail(trap, error)

        number = next(_numbers)
        value.when_abandoned(lambda: _forget(number))
        _pending[number] = value, finish
        _CONTINUATION.pack_into(_memory, continuation, _CONTINUE, number, 0)

    return capi.SUSPENDING_FUNCTION(suspending)


class LinkedModule:
    """A module with its imports resolved, ready to be instantiated any number of times.

    Attributes:
        flag_offset: address, in a memory of it, of the byte that ends a slice; 0 until an instance has looked it up.
    """

    def __init__(self, linker: "Linker", module: Module, pointer: int) -> None:
        self._linker = linker  # keeps the callbacks alive for as long as C may call them
        self.module = module
        self.engine = linker.engine
        self.pointer = pointer
        self.flag_offset = 0

    def close(self) -> None:
        """Idempotent. Instances must be closed before."""
        if self.pointer:
            capi.held.wasmtime_instance_pre_delete(self.pointer)
            self.pointer = 0

    def __del__(self) -> None:
        self.close()


def _value_types(kinds: tuple[str, ...]) -> capi.ByteVec:
    """A vector of value types. Whoever is given it takes it."""
    types = (ctypes.c_void_p * len(kinds))(*(capi.held.wasm_valtype_new(_VALUE_KINDS[kind]) for kind in kinds))
    vector = capi.ByteVec()  # all vectors of this API have the same layout
    capi.held.wasm_valtype_vec_new(ctypes.byref(vector), len(kinds), types)
    return vector


def _function_type(function: HostFunction) -> int:
    """The type of a host function, which is the caller's."""
    params, results = _value_types(function.params), _value_types(function.results)
    kind: int = capi.held.wasm_functype_new(ctypes.byref(params), ctypes.byref(results))
    return kind


class Linker:
    """A set of host functions that modules are linked to."""

    def __init__(self, engine: Engine, functions: Iterable[HostFunction]) -> None:
        self.engine = engine
        self._pointer: int = capi.held.wasmtime_linker_new(engine.pointer)
        self._callbacks: list[Any] = []
        for function in functions:
            self._define(function)

    def _define(self, function: HostFunction) -> None:
        kind = _function_type(function)
        module, name = function.module.encode(), function.name.encode()
        if function.suspends:
            define, callback = capi.held.wasmtime_linker_define_async_func, _suspending_trampoline(function)
        else:
            define, callback = capi.held.wasmtime_linker_define_func_unchecked, _trampoline(function)
        error = define(self._pointer, module, len(module), name, len(name), kind, callback, None, capi.NO_FINALIZER)
        capi.held.wasm_functype_delete(kind)
        if error:
            raise ValueError(capi.error_text(error))
        self._callbacks.append(callback)

    def link(self, module: Module) -> LinkedModule:
        """Resolves the imports of a module.

        Raises:
            UnknownImport: the module imports what is not defined here, or with another type.
        """
        pointer = ctypes.c_void_p()
        error = capi.held.wasmtime_linker_instantiate_pre(self._pointer, module.pointer, ctypes.byref(pointer))
        if error:
            raise UnknownImport(f"the module cannot be linked: {capi.error_text(error)}")
        assert pointer.value is not None
        return LinkedModule(self, module, pointer.value)

    def close(self) -> None:
        """Idempotent. Linked modules must be closed before."""
        if self._pointer:
            capi.held.wasmtime_linker_delete(self._pointer)
            self._pointer = 0
