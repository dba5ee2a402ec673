"""Host functions, and modules linked to them.

A host function is called with the *guest* that is running (whatever object its :class:`~wapo.engine.fiber.Call` was
started for) and its arguments as Python numbers; integers arrive unsigned. What it raises ends the guest: the
exception is kept on the guest's own record, because many calls are under way at once, and the guest gets a trap.
"""

import ctypes
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from wasmtime import FuncType, ValType

from wapo.engine import capi
from wapo.engine.engine import Engine
from wapo.engine.errors import UnknownImport
from wapo.engine.modules import Module
from wapo.engine.running import running

__all__ = ["HostFunction", "LinkedModule", "Linker"]

_FORMATS: Final = {"i32": "I12x", "i64": "Q8x", "f32": "f12x", "f64": "d8x"}
_RESULT_FORMATS: Final = {"i32": "I", "i64": "Q", "f32": "f", "f64": "d"}


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function that modules may import.

    Attributes:
        module, name: the import.
        params, results: value types by name (``i32 i64 f32 f64``); at most one result.
        call: ``call(guest, *arguments)``; returns the result (unsigned for integers), or None where there is none.
    """

    module: str
    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    call: Callable[..., Any]


def _trampoline(function: HostFunction) -> Any:
    """The C callback of a host function.

    One struct copied and unpacked at once is several times as fast as field by field access through ctypes.
    """
    arguments = struct.Struct("<" + "".join(_FORMATS[kind] for kind in function.params))
    unpack, size, call = arguments.unpack, arguments.size, function.call
    string_at, memmove, new_trap = ctypes.string_at, ctypes.memmove, capi.new_trap

    def fail(error: BaseException) -> int:
        running.failure = error
        return new_trap(f"host function {function.name} ended the guest: {error}")

    if function.results:
        pack = struct.Struct("<" + _RESULT_FORMATS[function.results[0]]).pack
        result_size = struct.calcsize(_RESULT_FORMATS[function.results[0]])

        def with_result(_env: int, _caller: int, values: int, _count: int) -> int | None:
            try:
                memmove(values, pack(call(running.guest, *unpack(string_at(values, size)))), result_size)
            except BaseException as error:  # it must not get into C; the call that is under way raises it again
                return fail(error)
            return None

        return capi.HOST_FUNCTION(with_result)

    def without_result(_env: int, _caller: int, values: int, _count: int) -> int | None:
        try:
            call(running.guest, *unpack(string_at(values, size)))
        except BaseException as error:
            return fail(error)
        return None

    return capi.HOST_FUNCTION(without_result)


class LinkedModule:
    """A module with its imports resolved, ready to be instantiated any number of times."""

    def __init__(self, linker: "Linker", module: Module, pointer: int) -> None:
        self._linker = linker  # keeps the callbacks alive for as long as C may call them
        self.module = module
        self.engine = linker.engine
        self.pointer = pointer

    def close(self) -> None:
        """Idempotent. Instances must be closed before."""
        if self.pointer:
            capi.held.wasmtime_instance_pre_delete(self.pointer)
            self.pointer = 0


class Linker:
    """A set of host functions that modules are linked to."""

    def __init__(self, engine: Engine, functions: Iterable[HostFunction]) -> None:
        self.engine = engine
        self._pointer: int = capi.held.wasmtime_linker_new(engine.pointer)
        self._callbacks: list[Any] = []
        for function in functions:
            self._define(function)

    def _define(self, function: HostFunction) -> None:
        kind = FuncType(
            [getattr(ValType, k)() for k in function.params], [getattr(ValType, k)() for k in function.results]
        )
        callback = _trampoline(function)
        module, name = function.module.encode(), function.name.encode()
        error = capi.held.wasmtime_linker_define_func_unchecked(
            self._pointer, module, len(module), name, len(name),
            ctypes.cast(kind.ptr(), ctypes.c_void_p), callback, None, capi.NO_FINALIZER,
        )  # fmt: skip
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
