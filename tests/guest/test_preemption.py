"""The checks that guest/preemption.py puts into a module: there where code repeats, and obeyed."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import wat2wasm

from wapo.engine import image as image_module
from wapo.engine.engine import Engine, Settings
from wapo.engine.errors import InvalidModule
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance, StoreLimits
from wapo.engine.linker import SLICE_END, HostFunction, Linker
from wapo.engine.modules import compile_module

GUEST = Path(__file__).resolve().parents[2] / "guest"
FLAG_AT = 16
HEAD = f"""
  (import "test" "yield" (func $yield (result i32)))
  (type $unary (func (param i32)))
  (memory (export "memory") 1)
  (global (export "wapo_slice_over") i32 (i32.const {FLAG_AT}))
  (table 2 funcref)
  (elem (i32.const 1) $through_table)
  (func (export "wapo_end_slice")
    (i32.store8 (i32.const {FLAG_AT}) (i32.const 0)) (drop (call $yield)))
  (func $through_table (param i32)
    (if (local.get 0)
      (then (call_indirect (type $unary) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
"""
REPEATING = {
    "a loop": "(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9))))",
    "a function that calls itself": "(call $itself (i32.const 3))",
    "functions that call each other": "(call $even (i32.const 4))",
    "a call through a table": "(call $through_table (i32.const 3))",
}
FUNCTIONS = """
  (func $itself (param i32)
    (if (local.get 0) (then (call $itself (i32.sub (local.get 0) (i32.const 1))))))
  (func $even (param i32)
    (if (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (param i32)
    (if (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1))))))
"""


@pytest.fixture
def preemption(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(GUEST))
    import preemption

    return preemption


@pytest.fixture(scope="module")
def listening() -> Iterator[Engine]:
    """An engine whose modules look for the end of their slice themselves."""
    with Engine(Settings(epoch_interruption=False)).opened() as engine:
        yield engine


def module_with(poll: str) -> bytes:
    return bytes(wat2wasm(f'(module {HEAD} {FUNCTIONS} (func (export "wapo_poll") (result i32) {poll} (i32.const 7)))'))


def run(engine: Engine, wasm: bytes) -> tuple[list[bool], int, bytes]:
    """The answers of the polls of one call whose flag is up from the start, its result, and the flag then."""
    linker = Linker(engine, [HostFunction("test", "yield", (), ("i32",), lambda guest: SLICE_END, suspends=True)])
    linked = linker.link(compile_module(engine, wasm))
    instance = Instance(linked, StoreLimits())
    try:
        assert instance.select_poll("wapo_poll")
        call = instance.start_poll(None)
        instance.write(FLAG_AT, b"\1")
        answers = [call.poll()]
        while not answers[-1]:
            answers.append(call.poll())
        return answers, call.result, instance.read(FLAG_AT, 1)
    finally:
        instance.close()
        linked.close()
        linker.close()


def test_the_page_of_the_flag_is_reset_though_another_thread_made_it_ours(
    preemption: ModuleType, listening: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ticker writes the flag: a page fault of its thread is none of the loop's, by which resets go."""
    monkeypatch.setattr(image_module, "page_faults", lambda: 0)
    linker = Linker(listening, [HostFunction("test", "yield", (), ("i32",), lambda guest: SLICE_END, suspends=True)])
    linked = linker.link(compile_module(listening, preemption.instrument(module_with(""))))
    first = Instance(linked, StoreLimits())
    image = MemoryImage.capture(first)
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    assert image.reset(instance)
    ticker = threading.Thread(target=instance.write, args=(FLAG_AT, b"\1"))
    ticker.start()
    ticker.join()
    instance.write(FLAG_AT + 100, b"secret")  # the same page
    assert image.reset(instance)
    assert instance.read(0, 4096) == first.read(0, 4096)
    for part in (first, instance, image, linked, linker):
        part.close()


@pytest.mark.parametrize("what", REPEATING)
def test_whatever_repeats_gives_way_and_goes_on(preemption: ModuleType, listening: Engine, what: str) -> None:
    answers, result, flag = run(listening, preemption.instrument(module_with(REPEATING[what])))
    assert answers[0] is False
    assert result == 7
    assert flag == b"\0"


def test_what_does_not_repeat_is_left_alone(preemption: ModuleType, listening: Engine) -> None:
    answers, _, flag = run(listening, preemption.instrument(module_with("(drop (i32.load (i32.const 0)))")))
    assert answers == [True]
    assert flag == b"\0", "a flag that nobody has seen would be in the next image"


def test_a_module_without_checks_is_refused(listening: Engine) -> None:
    wasm = bytes(
        wat2wasm('(module (memory (export "memory") 1) (func (export "wapo_poll") (result i32) (i32.const 0)))')
    )
    linker = Linker(listening, [])
    linked = linker.link(compile_module(listening, wasm))
    with pytest.raises(InvalidModule, match="cannot be interrupted"):
        Instance(linked, StoreLimits())
    linked.close()
    linker.close()


def test_an_instruction_that_is_not_known_fails_the_build(preemption: ModuleType) -> None:
    with pytest.raises(preemption.UnknownInstruction, match="0x12"):
        preemption._scan(b"\0\x12\0\x0b")


@given(st.dictionaries(st.integers(0, 15), st.sets(st.integers(0, 15), max_size=4), max_size=16))
def test_without_the_chosen_functions_no_chain_of_calls_goes_round(graph: dict[int, set[int]]) -> None:
    sys.path.insert(0, str(GUEST))
    try:
        from preemption import _on_every_cycle
    finally:
        sys.path.remove(str(GUEST))
    edges = {node: graph.get(node, set()) for node in range(16)}
    left = set(edges) - _on_every_cycle(edges)
    while True:  # functions that call nobody who is left cannot be part of a cycle
        ends = {node for node in left if not edges[node] & left}
        if not ends:
            break
        left -= ends
    assert not left
