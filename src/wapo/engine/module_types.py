"""What a module imports and exports, as the engine tells it: names, kinds, and the types of functions."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wapo.engine import capi

__all__ = ["Export", "FunctionType", "Import", "exports_of", "imports_of"]

_held = capi.held
# Kinds of externs and of values, as wasm.h and wasmtime/extern.h number them.
_EXTERN_KINDS: Final = {0: "func", 1: "global", 2: "table", 3: "memory"}
_VALUE_KINDS: Final = {0: "i32", 1: "i64", 2: "f32", 3: "f64"}


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Value types by name: ``i32 i64 f32 f64``, anything else is ``ref``."""

    params: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """``kind`` is ``func``, ``global``, ``table``, ``memory`` or ``other``; ``function`` is the type of a function."""

    module: str
    name: str
    kind: str
    function: FunctionType | None


@dataclass(frozen=True, slots=True)
class Export:
    """As :class:`Import`, without a module."""

    name: str
    kind: str
    function: FunctionType | None


class _PointerVec(ctypes.Structure):
    """Any ``wasm_*_vec_t``: a size and an array of pointers."""

    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_void_p))]


def _name(pointer: int) -> str:
    vector = capi.ByteVec.from_address(pointer)
    return ctypes.string_at(vector.data, vector.size).decode("utf-8", "replace") if vector.size else ""


def _values(pointer: int) -> tuple[str, ...]:
    vector = _PointerVec.from_address(pointer)
    return tuple(_VALUE_KINDS.get(_held.wasm_valtype_kind(vector.data[i]), "ref") for i in range(vector.size))


def _described(pointer: int) -> tuple[str, FunctionType | None]:
    kind = _EXTERN_KINDS.get(_held.wasm_externtype_kind(pointer), "other")
    if kind != "func":
        return kind, None
    function = _held.wasm_externtype_as_functype(pointer)
    return kind, FunctionType(
        _values(_held.wasm_functype_params(function)), _values(_held.wasm_functype_results(function))
    )


def _items(fill: Any, delete: Any, module_pointer: int) -> Iterator[int]:
    vector = _PointerVec()
    fill(module_pointer, ctypes.addressof(vector))
    try:
        for index in range(vector.size):
            pointer = vector.data[index]
            assert pointer is not None
            yield pointer
    finally:
        delete(ctypes.addressof(vector))


def imports_of(module_pointer: int) -> tuple[Import, ...]:
    """The imports of a compiled module, in its order."""
    return tuple(
        Import(
            _name(_held.wasm_importtype_module(item)),
            _name(_held.wasm_importtype_name(item)),
            *_described(_held.wasm_importtype_type(item)),
        )
        for item in _items(_held.wasmtime_module_imports, _held.wasm_importtype_vec_delete, module_pointer)
    )


def exports_of(module_pointer: int) -> tuple[Export, ...]:
    """The exports of a compiled module, in its order."""
    return tuple(
        Export(_name(_held.wasm_exporttype_name(item)), *_described(_held.wasm_exporttype_type(item)))
        for item in _items(_held.wasmtime_module_exports, _held.wasm_exporttype_vec_delete, module_pointer)
    )
