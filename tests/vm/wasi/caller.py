"""A guest on strings for WASI: real WebAssembly that makes the call which a test asks for, one poll after another.

The module imports every function of a preview. A test writes a number and arguments into its memory, has it polled,
and reads the answer and whatever the call has written.
"""

import asyncio
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import wasmtime

from tests.vm.support import Recorder
from wapo.engine.engine import Engine
from wapo.engine.modules import compile_module
from wapo.vm.ends import End
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.scheduler import Scheduler
from wapo.vm.wasi import wasi_functions
from wapo.vm.wasi.errno import Errno

__all__ = ["BUFFER", "FUNCTIONS", "SCRATCH", "Caller", "files_closed", "link_caller", "run_text"]

# Layout of the memory.
_NUMBER = 0  # u32: the function to call, and one; 0 when it has been called
_ANSWER = 4  # u32
_RETURN = 8  # u32: what the poll function returns when there is nothing to call
_ARGUMENTS = 16  # u64 each
#: Where the caller's own methods put paths, lists of buffers and results.
SCRATCH = 4096
#: Where tests put data; the rest of the memory is theirs.
BUFFER = 65536
_PAGES = 160

_PREVIEW_1, _PREVIEW_0 = "wasi_snapshot_preview1", "wasi_unstable"

#: Parameters of every function of preview 1, but ``proc_exit``.
FUNCTIONS = {
    item.name: item.params
    for item in wasi_functions(suspends=True)
    if item.module == _PREVIEW_1 and item.name != "proc_exit"
}


def _module(preview: str) -> bytes:
    names = [n for n in FUNCTIONS if not (preview == _PREVIEW_0 and n == "sock_accept")]
    imports, cases = [], []
    for number, name in enumerate(FUNCTIONS):
        if name not in names:
            continue
        params = FUNCTIONS[name]
        imports.append(f'(import "{preview}" "{name}" (func ${name} (param {" ".join(params)}) (result i32)))')
        loads = " ".join(f"({kind}.load (i32.const {_ARGUMENTS + 8 * at}))" for at, kind in enumerate(params))
        cases.append(
            f"(if (i32.eq (local.get $n) (i32.const {number + 1}))"
            f" (then (i32.store (i32.const {_ANSWER}) (call ${name} {loads}))))"
        )
    return bytes(
        wasmtime.wat2wasm(f"""
        (module {" ".join(imports)}
          (import "wapo" "ocall_fast_return" (func $ocall (param i32 i32 i32 i32 i32 i32) (result i64)))
          (memory (export "memory") {_PAGES})
          (func (export "wapo_poll") (result i32) (local $n i32)
            (drop (call $ocall (i32.const 0) (i32.const 110)
              (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
            (local.set $n (i32.load (i32.const {_NUMBER})))
            (if (i32.eqz (local.get $n)) (then (return (i32.load (i32.const {_RETURN})))))
            {" ".join(cases)}
            (i32.store (i32.const {_NUMBER}) (i32.const 0))
            (i32.const 0)))
        """)
    )


_linked: dict[tuple[int, str], Program] = {}
_NUMBERS = {name: number + 1 for number, name in enumerate(FUNCTIONS)}


def link_caller(engine: Engine, preview: str = _PREVIEW_1) -> Program:
    """The caller's program; linked once for an engine."""
    key = (id(engine), preview)
    if key not in _linked:
        _linked[key] = ProgramLinker(engine).link(compile_module(engine, _module(preview)))
    return _linked[key]


class Caller:
    """A guest, and the strings: ``async with Caller(engine, wasi=settings) as guest``.

    Args:
        old: preview 0 instead of preview 1.
    """

    def __init__(
        self, engine: Engine, *, old: bool = False, scheduler: Scheduler | None = None,
        limits: GuestLimits | None = None, **options: Any,
    ) -> None:  # fmt: skip
        self.services = Recorder()
        self.scheduler = scheduler or Scheduler()
        self._arguments = (limits or GuestLimits(burst_s=10, time_s=60), options)
        self._program = link_caller(engine, _PREVIEW_0 if old else _PREVIEW_1)

    async def __aenter__(self) -> "Caller":
        limits, options = self._arguments
        self.guest: Guest = self._program.start(self.scheduler, self.services, limits, **options)
        await self.until(lambda: self.guest.settled)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.scheduler.stop_all()
        await files_closed(self.guest)

    async def until(self, condition: Any) -> None:
        """Lets the loop run until something is so."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)

    # Memory

    def put(self, data: bytes, at: int = BUFFER) -> int:
        """Writes into the guest's memory; the pointer."""
        self.guest.instance.write(at, data)
        return at

    def get(self, length: int, at: int = BUFFER) -> bytes:
        return self.guest.instance.read(at, length)

    def u32(self, at: int) -> int:
        return int.from_bytes(self.get(4, at), "little")

    def u64(self, at: int) -> int:
        return int.from_bytes(self.get(8, at), "little")

    # Calls

    def begin(self, name: str, *arguments: int) -> None:
        """Has a call made; :meth:`finish` has its answer."""
        packed = struct.pack(f"<{len(arguments)}Q", *(n & 0xFFFFFFFFFFFFFFFF for n in arguments))
        assert len(arguments) == len(FUNCTIONS[name]), name
        self.guest.instance.write(_ARGUMENTS, packed)
        self.guest.instance.write(_NUMBER, struct.pack("<I", _NUMBERS[name]))
        self.guest.request_poll()

    @property
    def waits(self) -> bool:
        """Whether the guest stands still in a call."""
        return self.guest._call is not None and self.guest._call.waiting is not None

    @property
    def answered(self) -> bool:
        return self.guest.ended is not None or (self.u32(_NUMBER) == 0 and not self.guest.in_poll)

    async def finish(self) -> Errno:
        await self.until(lambda: self.answered)
        assert self.guest.ended is None, repr(self.guest.ended)
        return Errno(self.u32(_ANSWER))

    async def call(self, name: str, *arguments: int) -> Errno:
        """Makes a call in a poll of its own."""
        self.begin(name, *arguments)
        return await self.finish()

    async def good(self, name: str, *arguments: int) -> None:
        """A call that succeeds."""
        answer = await self.call(name, *arguments)
        assert answer is Errno.SUCCESS, f"{name}: {answer!r}"

    # What tests do again and again

    def path(self, name: str | bytes, at: int = SCRATCH) -> tuple[int, int]:
        """Pointer and length of a path."""
        data = name.encode() if isinstance(name, str) else name
        return self.put(data, at), len(data)

    def buffers(self, ranges: Iterable[tuple[int, int]], at: int = SCRATCH) -> tuple[int, int]:
        """Pointer and length of a list of buffers."""
        items = list(ranges)
        return self.put(b"".join(struct.pack("<II", *item) for item in items), at), len(items)

    async def try_open(
        self, name: str | bytes, *, fd: int = 3, follow: bool = True, how: int = 0, base: int = 0, inheriting: int = 0,
        flags: int = 0,
    ) -> Errno | int:  # fmt: skip
        """``path_open``: a descriptor above 2, or why not. (Errors are of another type.)"""
        answer = await self.call(
            "path_open", fd, int(follow), *self.path(name), how, base, inheriting, flags, SCRATCH - 8
        )
        return self.u32(SCRATCH - 8) if answer is Errno.SUCCESS else answer

    async def open(self, name: str | bytes, **options: Any) -> int:
        found = await self.try_open(name, **options)
        assert not isinstance(found, Errno), repr(found)
        return found

    async def on_path(self, call: str, name: str | bytes, *rest: int, fd: int = 3, before: Sequence[int] = ()) -> Errno:
        """``path_*`` with a descriptor, perhaps flags, a path and more."""
        return await self.call(call, fd, *before, *self.path(name), *rest)

    async def write(self, fd: int, data: bytes) -> Errno | int:
        """``fd_write``: how much was written, as a plain number; or why not."""
        self.put(data)
        answer = await self.call("fd_write", fd, *self.buffers([(BUFFER, len(data))]), SCRATCH - 8)
        return self.u32(SCRATCH - 8) if answer is Errno.SUCCESS else answer

    async def read(self, fd: int, room: int = 4096) -> bytes:
        """``fd_read``."""
        await self.good("fd_read", fd, *self.buffers([(BUFFER, room)]), SCRATCH - 8)
        return self.get(self.u32(SCRATCH - 8))


async def run_text(engine: Engine, body: str, limits: GuestLimits) -> tuple[End, float]:
    """Runs a module of its text to the end; how it ended, and the CPU seconds that it took."""
    linker = ProgramLinker(engine)
    program = linker.link(compile_module(engine, bytes(wasmtime.wat2wasm(f"(module {body})"))))
    guest = program.start(Scheduler(), Recorder(), limits)
    ended = asyncio.Event()
    guest.on_end(lambda _end: ended.set())
    async with asyncio.timeout(40):
        await ended.wait()
    program.linked.close()
    linker.close()
    assert guest.ended is not None
    return guest.ended, guest.meter.cpu_s


async def files_closed(guest: Guest) -> None:
    """Returns when nothing of a guest's is open any more."""
    state = guest.wasi
    if state is None or state.jobs._job is None:
        return
    job = state.jobs._job
    async with asyncio.timeout(20):
        while not job.done():
            await asyncio.sleep(0)
