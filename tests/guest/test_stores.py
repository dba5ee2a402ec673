"""Stores that leave a mark (guest/stores.py): the same effects, and the marks of exactly what was written."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import wasmtime

GUEST = Path(__file__).parent.parent.parent / "guest"
MAP = 0x8000


@pytest.fixture(scope="module")
def stores() -> Iterator[ModuleType]:
    sys.path.insert(0, str(GUEST))
    try:
        yield importlib.import_module("stores")
    finally:
        sys.path.remove(str(GUEST))


def memory_after(module: bytes) -> bytes:
    """What the module's run leaves in its memory."""
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, module), []).exports(store)
    run, memory = exports["run"], exports["memory"]
    assert isinstance(run, wasmtime.Func)
    assert isinstance(memory, wasmtime.Memory)
    run(store)
    return bytes(memory.read(store))


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("(i32.store (i32.const 16) (i32.const 7))", {16}),
        ("(i32.store offset=300 (i32.const 16) (i32.const 7))", {312}),
        ("(i32.store8 (i32.const 23) (i32.const 7))", {16}),
        ("(i64.store (i32.const 20) (i64.const -1))", {16, 24}),
        ("(i64.store32 (i32.const 20) (i64.const -1))", {16}),
        ("(f64.store (i32.const 8) (f64.const 1.5))", {8}),
        ("(v128.store (i32.const 36) (v128.const i32x4 1 2 3 4))", {32, 40, 48}),
        ("(v128.store16_lane 3 (i32.const 15) (v128.const i16x8 1 2 3 4 5 6 7 8))", {8, 16}),
        ("(memory.fill (i32.const 30) (i32.const 5) (i32.const 20))", {24, 32, 40, 48}),
        ("(memory.copy (i32.const 64) (i32.const 0) (i32.const 8))", {64}),
        ("(memory.copy (i32.const 64) (i32.const 0) (i32.const 0))", set()),
        ("(block (br_table 0 0 (i32.const 1))) (i32.store (i32.const 0) (i32.load (i32.const 4)))", {0}),
        ("(i32.store (i32.const 128) (select (i32.const 1) (i32.const 0x36363636) (i32.const 0)))", {128}),
    ],
)
def test_a_store_marks_what_it_falls_on(stores: ModuleType, body: str, written: set[int]) -> None:
    """Immediate values that look like store instructions are none."""
    module = wasmtime.wat2wasm(
        '(module (memory (export "memory") 1) (data (i32.const 0) "abcdefghijklmnop")'
        f' (func $run (export "run") {body}))'
    )
    before, after = memory_after(module), memory_after(stores.with_marked_stores(module, MAP))
    assert after[:MAP] == before[:MAP]
    assert {index * stores.GRANULE for index, mark in enumerate(after[MAP:]) if mark} == written
