"""The structures that are handed to wasmtime are laid out as its headers have them."""

import ctypes
import importlib.metadata
from typing import Any

import pytest
from wasmtime import _bindings

from wapo.engine import capi

#: Ours, the wheel's, and the fields that we use, by their names in both.
STRUCTURES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "extern": (capi.Extern, _bindings.wasmtime_extern_t, ("kind", "of")),
    "what an extern is": (capi.Extern._Union, _bindings.wasmtime_extern_union_t, ("func", "memory")),
    "value": (capi.Value, _bindings.wasmtime_val_t, ("kind", "of")),
    "what a value is": (capi.Value._Union, _bindings.wasmtime_valunion_t, ("i32", "i64", "f32", "f64")),
    "func": (capi.Func, _bindings.wasmtime_func_t, ("store_id",)),
    "memory": (capi.Memory, _bindings.wasmtime_memory_t, ()),
    "instance": (capi.InstanceHandle, _bindings.wasmtime_instance_t, ("store_id",)),
    "vector": (capi.ByteVec, _bindings.wasm_byte_vec_t, ("size", "data")),
    "vector of types": (capi.ByteVec, _bindings.wasm_valtype_vec_t, ("size", "data")),
}


@pytest.mark.parametrize(("ours", "theirs", "fields"), STRUCTURES.values(), ids=STRUCTURES)
def test_a_structure_is_as_in_the_wheel(ours: Any, theirs: Any, fields: tuple[str, ...]) -> None:
    assert (ctypes.sizeof(ours), ctypes.alignment(ours)) == (ctypes.sizeof(theirs), ctypes.alignment(theirs))
    for field in fields:
        mine, other = getattr(ours, field), getattr(theirs, field)
        assert (mine.offset, mine.size) == (other.offset, other.size), field


def test_the_version_is_the_wheels() -> None:
    assert importlib.metadata.version("wasmtime") == capi.WHEEL_VERSION
