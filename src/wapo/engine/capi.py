"""wasmtime's C API, as far as we use it: the one module that knows what is in the wheel.

The wheel ships the shared library. Its own bindings, made from the C headers, are not loaded: they declare ten times as
many functions as we call. So the structures that we hand over are declared here (a test compares them with the
wheel's), and the functions twice where it matters:

* through ``ctypes.CDLL``, which releases the interpreter lock, for whatever runs guest code or compiles;
* through ``ctypes.PyDLL``, which keeps it, for calls of under a microsecond. Handing the lock over costs more than
  such a call, and with a ticker thread waiting for it, much more.

Ownership follows the headers: what ``*_new`` returns is ours until passed to the function whose documentation says
that it takes it; traps and errors handed to us are ours and freed by :func:`raise_trap` and :func:`raise_error`.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final

from wapo.engine.errors import EngineUnusable, GuestExited, GuestTrapped

__all__ = [
    "CONTINUATION",
    "HOST_FUNCTION",
    "NO_FINALIZER",
    "SUSPENDING_FUNCTION",
    "TRAP_INTERRUPT",
    "WHEEL_VERSION",
    "ByteVec",
    "Extern",
    "Func",
    "InstanceHandle",
    "Memory",
    "Value",
    "held",
    "memory",
    "new_trap",
    "raise_error",
    "raise_trap",
    "released",
]

TRAP_INTERRUPT: Final = 10


def _package() -> Path:
    """The folder of the wheel's package, which is found without being loaded."""
    found = find_spec("wasmtime")
    if found is None or not found.submodule_search_locations:
        raise EngineUnusable("the wasmtime package is not installed")
    return Path(next(iter(found.submodule_search_locations)))


def _version(package: Path) -> str:
    """As the name of the folder beside the package has it (PEP 376). ``importlib.metadata`` takes longer to load than
    all that this module does."""
    names = [path.name for path in package.parent.glob("wasmtime-*.dist-info")]
    if len(names) != 1:
        from importlib.metadata import version

        return version("wasmtime")
    return names[0].removeprefix("wasmtime-").removesuffix(".dist-info")


_wheel: Final = _package()
WHEEL_VERSION: Final[str] = _version(_wheel)


class Func(ctypes.Structure):
    """``wasmtime_func_t``"""

    _fields_: ClassVar = [("store_id", ctypes.c_uint64), ("private", ctypes.c_void_p)]


class Memory(ctypes.Structure):
    """``wasmtime_memory_t``"""

    class _Defined(ctypes.Structure):
        _fields_: ClassVar = [("store_id", ctypes.c_uint64), ("private", ctypes.c_uint32)]

    _fields_: ClassVar = [("defined", _Defined), ("private", ctypes.c_uint32)]


class Global(ctypes.Structure):
    """``wasmtime_global_t``"""

    _fields_: ClassVar = [("store_id", ctypes.c_uint64), ("private", ctypes.c_uint32 * 3)]


class Extern(ctypes.Structure):
    """``wasmtime_extern_t``, without the kinds of externs that we never look at."""

    class _Union(ctypes.Union):
        _fields_: ClassVar = [("func", Func), ("memory", Memory), ("global_", Global), ("largest", ctypes.c_uint64 * 3)]

    _fields_: ClassVar = [("kind", ctypes.c_uint8), ("of", _Union)]


class Value(ctypes.Structure):
    """``wasmtime_val_t``, without references and vectors."""

    class _Union(ctypes.Union):
        _fields_: ClassVar = [
            ("i32", ctypes.c_int32), ("i64", ctypes.c_int64), ("f32", ctypes.c_float), ("f64", ctypes.c_double),
            ("largest", ctypes.c_uint64 * 3),
        ]  # fmt: skip

    _fields_: ClassVar = [("kind", ctypes.c_uint8), ("of", _Union)]


class InstanceHandle(ctypes.Structure):
    """``wasmtime_instance_t``"""

    _fields_: ClassVar = [("store_id", ctypes.c_uint64), ("private", ctypes.c_size_t)]


class ByteVec(ctypes.Structure):
    """``wasm_byte_vec_t``"""

    _fields_: ClassVar = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]


#: This process's memory by address, for what C hands us pointers to: reading and writing take a fifth of the time of
#: ``ctypes.string_at`` and ``ctypes.memmove``. As with those, an address that is wrong ends the process.
memory: Final = memoryview((ctypes.c_char * (1 << 48)).from_address(0)).cast("B")

# wasm_trap_t *(void *env, wasmtime_caller_t *, wasmtime_val_raw_t *arguments_and_results, size_t)
HOST_FUNCTION: Final = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)

# void (*)(void *env, wasmtime_caller_t *, const wasmtime_val_t *args, size_t, wasmtime_val_t *results, size_t,
#          wasm_trap_t **trap_ret, wasmtime_async_continuation_t *continuation_ret)
SUSPENDING_FUNCTION: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip
# bool (*)(void *env): whether a suspended host function is done
CONTINUATION: Final = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)
_FINALIZER: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
NO_FINALIZER: Final = ctypes.cast(0, _FINALIZER)

_path: Final = str(_wheel / f"{sys.platform}-{os.uname().machine}" / "_libwasmtime.so")
try:
    _with_lock: Final = ctypes.PyDLL(_path)
    _without_lock: Final = ctypes.CDLL(_path)
except OSError as error:  # a broken wheel, or a platform that it does not support
    raise EngineUnusable(f"the library of the wasmtime package cannot be loaded: {error}") from error

_p, _size, _u64, _i64, _u32 = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int64, ctypes.c_uint32
_bool, _bytes, _i32 = ctypes.c_bool, ctypes.c_char_p, ctypes.c_int32

# name: (result, arguments). Pointers are plain addresses, so that no wrapper object is made per call.
_SIGNATURES: Final[dict[str, tuple[Any, list[Any]]]] = {
    "wasm_config_new": (_p, []),
    "wasm_engine_new_with_config": (_p, [_p]),
    "wasm_engine_delete": (None, [_p]),
    "wasmtime_config_async_stack_size_set": (None, [_p, _u64]),
    "wasmtime_config_cranelift_opt_level_set": (None, [_p, ctypes.c_uint8]),
    "wasmtime_config_epoch_interruption_set": (None, [_p, _bool]),
    "wasmtime_config_consume_fuel_set": (None, [_p, _bool]),
    "wasmtime_config_max_wasm_stack_set": (None, [_p, _size]),
    "wasmtime_config_memory_guard_size_set": (None, [_p, _u64]),
    "wasmtime_config_memory_init_cow_set": (None, [_p, _bool]),
    "wasmtime_config_memory_may_move_set": (None, [_p, _bool]),
    "wasmtime_config_memory_reservation_set": (None, [_p, _u64]),
    "wasmtime_config_shared_memory_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_memory64_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_multi_memory_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_threads_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_gc_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_function_references_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_stack_switching_set": (None, [_p, _bool]),
    "wasmtime_config_wasm_branch_hinting_set": (None, [_p, _bool]),
    "wasmtime_engine_increment_epoch": (None, [_p]),
    "wasmtime_global_get": (None, [_p, _p, _p]),
    "wasmtime_module_new": (_p, [_p, _bytes, _size, _p]),
    "wasmtime_module_delete": (None, [_p]),
    "wasmtime_module_serialize": (_p, [_p, _p]),
    "wasmtime_module_deserialize_file": (_p, [_p, _bytes, _p]),
    "wasmtime_module_imports": (None, [_p, _p]),
    "wasmtime_module_exports": (None, [_p, _p]),
    "wasm_byte_vec_delete": (None, [_p]),
    "wasm_importtype_vec_delete": (None, [_p]),
    "wasm_importtype_module": (_p, [_p]),
    "wasm_importtype_name": (_p, [_p]),
    "wasm_importtype_type": (_p, [_p]),
    "wasm_exporttype_vec_delete": (None, [_p]),
    "wasm_exporttype_name": (_p, [_p]),
    "wasm_exporttype_type": (_p, [_p]),
    "wasm_externtype_kind": (ctypes.c_uint8, [_p]),
    "wasm_externtype_as_functype": (_p, [_p]),
    "wasm_functype_params": (_p, [_p]),
    "wasm_functype_results": (_p, [_p]),
    "wasm_valtype_new": (_p, [ctypes.c_uint8]),
    "wasm_valtype_kind": (ctypes.c_uint8, [_p]),
    "wasmtime_linker_new": (_p, [_p]),
    "wasmtime_linker_delete": (None, [_p]),
    "wasmtime_linker_define_func_unchecked": (
        _p,
        [_p, _bytes, _size, _bytes, _size, _p, HOST_FUNCTION, _p, _FINALIZER],
    ),
    "wasmtime_linker_define_async_func": (
        _p,
        [_p, _bytes, _size, _bytes, _size, _p, SUSPENDING_FUNCTION, _p, _FINALIZER],
    ),
    "wasmtime_linker_instantiate_pre": (_p, [_p, _p, _p]),
    "wasmtime_instance_pre_delete": (None, [_p]),
    "wasmtime_instance_pre_instantiate": (_p, [_p, _p, _p, _p]),
    "wasmtime_instance_pre_instantiate_async": (_p, [_p, _p, _p, _p, _p]),
    "wasmtime_instance_export_get": (_bool, [_p, _p, _bytes, _size, _p]),
    "wasmtime_store_new": (_p, [_p, _p, _FINALIZER]),
    "wasmtime_store_context": (_p, [_p]),
    "wasmtime_store_limiter": (None, [_p, _i64, _i64, _i64, _i64, _i64]),
    "wasmtime_store_delete": (None, [_p]),
    "wasmtime_context_set_fuel": (_p, [_p, _u64]),
    "wasmtime_context_get_fuel": (_p, [_p, _p]),
    "wasmtime_caller_export_get": (_bool, [_p, _bytes, _size, _p]),
    "wasmtime_context_set_epoch_deadline": (None, [_p, _u64]),
    # The header declares an error as its result, but the library (50.0.1) leaves the register as it was.
    "wasmtime_context_epoch_deadline_async_yield_and_update": (None, [_p, _u64]),
    "wasmtime_func_call_async": (_p, [_p, _p, _p, _size, _p, _size, _p, _p]),
    "wasmtime_call_future_poll": (_bool, [_p]),
    "wasmtime_call_future_delete": (None, [_p]),
    "wasmtime_memory_data": (_p, [_p, _p]),
    "wasmtime_memory_data_size": (_size, [_p, _p]),
    "wasmtime_memory_grow": (_p, [_p, _p, _u64, _p]),
    "wasmtime_trap_new": (_p, [_bytes, _size]),
    "wasmtime_trap_code": (_bool, [_p, _p]),
    "wasm_trap_message": (None, [_p, _p]),
    "wasm_trap_delete": (None, [_p]),
    "wasmtime_error_message": (None, [_p, _p]),
    "wasmtime_error_exit_status": (_bool, [_p, _p]),
    "wasmtime_error_delete": (None, [_p]),
    "wasm_valtype_vec_new": (None, [_p, _size, _p]),
    "wasm_functype_new": (_p, [_p, _p]),
    "wasm_functype_delete": (None, [_p]),
}


class _Functions:
    """The functions above, as attributes."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name, (result, arguments) in _SIGNATURES.items():
            try:
                function = library[name]
            except AttributeError as error:
                raise EngineUnusable(
                    f"wasmtime {WHEEL_VERSION} has no C function {name}; install the version that wapo pins"
                ) from error
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Callable[..., Any]:  # for the type checker; real lookups never get here
        raise AttributeError(name)


held: Final = _Functions(_with_lock)
released: Final = _Functions(_without_lock)


def _text(vector: Any) -> str:
    text = ctypes.string_at(vector.data, vector.size).decode("utf-8", "replace") if vector.size else ""
    held.wasm_byte_vec_delete(ctypes.byref(vector))
    return text.rstrip("\0")


def new_trap(message: str) -> int:
    """A trap to return from a host function. wasmtime takes it.

    The interpreter is entered with the lock held, so this is the ``held`` variant.
    """
    raw = message.encode()
    return int(held.wasmtime_trap_new(raw, len(raw)))


def raise_trap(pointer: int) -> None:
    """Turns a trap that is ours into :class:`GuestTrapped` and frees it."""
    vector, code = ByteVec(), ctypes.c_uint8()
    held.wasm_trap_message(pointer, ctypes.byref(vector))
    has_code = held.wasmtime_trap_code(pointer, ctypes.byref(code))
    held.wasm_trap_delete(pointer)
    raise GuestTrapped(_text(vector), code.value if has_code else None)


def error_text(pointer: int) -> str:
    """The message of an error that is ours, which is freed."""
    vector = ByteVec()
    held.wasmtime_error_message(pointer, ctypes.byref(vector))
    held.wasmtime_error_delete(pointer)
    return _text(vector)


def raise_error(pointer: int) -> None:
    """Turns an error that is ours into :class:`GuestExited` or :class:`GuestTrapped` and frees it."""
    status = ctypes.c_int()
    if held.wasmtime_error_exit_status(pointer, ctypes.byref(status)):
        held.wasmtime_error_delete(pointer)
        raise GuestExited(status.value)
    raise GuestTrapped(error_text(pointer))
