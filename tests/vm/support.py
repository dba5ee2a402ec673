"""Guests for tests, in WebAssembly text, and what they need to run."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import wasmtime

from wapo.engine.engine import Engine
from wapo.engine.instance import Instance
from wapo.engine.linker import LinkedModule, Linker
from wapo.engine.modules import compile_module
from wapo.vm.ends import End
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.ocalls.core import CORE
from wapo.vm.ocalls.dispatch import host_functions
from wapo.vm.ocalls.hashing import HASHING
from wapo.vm.ocalls.http import HTTP
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services
from wapo.vm.wasi import wasi_functions

#: Imports, a memory, and a log of results: `(call $note (i64))` appends a result word to the log at 4096.
PRELUDE = """
  (import "wapo" "ocall" (func $slow (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "wapo" "ocall_fast_return" (func $fast (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 2)
  (global $at (mut i32) (i32.const 4096))
  (global $polls (mut i32) (i32.const 0))
  (func $note (param i64)
    (i64.store (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 8))))
"""


class Recorder(Services):
    """Keeps what guests log."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def log(self, guest: Guest, level: int, text: str) -> None:
        self.lines.append((level, text))


def wasm(text: str) -> bytes:
    """A module of its text."""
    return bytes(wasmtime.wat2wasm(text))


@lru_cache
def link(engine: Engine, text: str) -> LinkedModule:
    """A module linked to everything that the vm room has. Compiled once for all tests that have the same."""
    linker = Linker(engine, host_functions([CORE, HTTP, HASHING]) + wasi_functions())
    return linker.link(compile_module(engine, wasm(text)))


def guest_of(
    engine: Engine, body: str, *, limits: GuestLimits | None = None, services: Services | None = None,
    scheduler: Scheduler | None = None, prelude: str = PRELUDE, **options: Any,
) -> Guest:  # fmt: skip
    """A guest whose poll function and data are given; not yet started."""
    chosen = limits or GuestLimits()
    linked = link(engine, f"(module {prelude} {body})")
    guest = Guest(
        Instance(linked, chosen.store), scheduler=scheduler or Scheduler(), services=services or Recorder(),
        limits=chosen, **options,
    )  # fmt: skip
    guest.select_entry()
    return guest


async def run_to_end(guest: Guest) -> End:
    """Starts a guest and returns how it ended."""
    ended = asyncio.Event()
    guest.on_end(lambda _end: ended.set())
    guest.start_clock()
    guest.request_poll()
    async with asyncio.timeout(20):
        await ended.wait()
    assert guest.ended is not None
    return guest.ended


async def run_until(guest: Guest, condition: Callable[[], bool]) -> None:
    """Lets the loop run until something is so."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


class Results:
    """Reads the log of result words of a guest before it is closed."""

    def __init__(self, guest: Guest) -> None:
        self.words: list[int] = []
        self.memory = b""
        guest._release = self._release

    def _release(self, instance: Instance, clean: bool) -> None:
        self.memory = instance.read(0, instance.memory_size)
        at = 4096
        while at < 8192 and (word := int.from_bytes(self.memory[at : at + 8], "little")) != 0xFFFFFFFFFFFFFFFF:
            self.words.append(word)
            at += 8
        instance.close()


#: Marks the end of the log, so that zeros can be results too.
END_OF_LOG = "(i64.store (global.get $at) (i64.const -1))"


async def results_of(engine: Engine, calls: str, data: str = "", **options: Any) -> list[int]:
    """Runs calls in the first poll of a guest; the result words that it noted."""
    body = f"""
      {data}
      (func (export "wapo_poll") (result i32)
        {calls}
        {END_OF_LOG}
        (i32.const 1))
    """
    guest = guest_of(engine, body, **options)
    results = Results(guest)
    await run_to_end(guest)
    return results.words


def fast(number: int, *parameters: int, task: int = 0) -> str:
    """A fast call whose result word is noted."""
    padded = (*parameters, 0, 0, 0, 0)[:4]
    return f"(call $note (call $fast {' '.join(f'(i32.const {n})' for n in (task, number, *padded))}))"


def slow(number: int, *parameters: int, task: int = 0) -> str:
    """A slow call whose result word is noted."""
    padded = (*parameters, 0, 0, 0, 0)[:4]
    return f"(call $note (call $slow {' '.join(f'(i32.const {n})' for n in (task, number, *padded))}))"


def err(code: int) -> int:
    """The result word of an error."""
    return (1 << 32) | code
