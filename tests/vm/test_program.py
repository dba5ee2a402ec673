"""Any module as a program: what is taken, what is refused, how it starts (wapo-abi.md 1.2, 1.3, 1.10)."""

import asyncio

import pytest
import wasmtime

from tests.vm.support import PRELUDE, Recorder, fast, run_until, slow, wasm
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule, UnknownImport
from wapo.engine.modules import compile_module
from wapo.engine.suspension import Suspension
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

POLL = '(func (export "wapo_poll") (result i32) (i32.const {}))'
EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'


def link(engine: Engine, module: bytes | str) -> Program:
    data = wasm(f"(module {module})") if isinstance(module, str) else module
    return ProgramLinker(engine).link(compile_module(engine, data))


async def run(
    engine: Engine, module: bytes | str, *, limits: GuestLimits | None = None, services: Services | None = None
) -> End:
    """How a program ends, which must be soon."""
    guest = link(engine, module).start(Scheduler(), services or Recorder(), limits or GuestLimits(burst_s=0.2))
    await run_until(guest, lambda: guest.ended is not None)
    assert guest.ended is not None
    return guest.ended


# What is no program


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0asm", b"\0asm\1\0\0", b"(module)", b"\x7fELF" + bytes(100), b"\0asm\2\0\0\0", b"\0asm\1\0\0\0\x01",
        b"\0asm\1\0\0\0" + bytes(50), b"\0asm\1\0\0\0\xff\xff\xff\xff\xff", wasm("(module)")[:-1] + b"\x01\x02\x03",
        b"\0asm\x0d\0\1\0",  # a component
    ],
    ids=lambda data: data[:12].hex(),
)  # fmt: skip
def test_what_is_not_a_module(engine: Engine, data: bytes) -> None:
    with pytest.raises(InvalidModule):
        compile_module(engine, data)


@pytest.mark.parametrize(
    "text",
    [
        '(memory 1) (memory (export "memory") 1)',
        '(memory (export "memory") 1 2 shared)',
        '(memory (export "memory") i64 1)',
        '(memory (export "memory") 1) (func (result i32) (i32.atomic.load (i32.const 0)))',
        '(memory (export "memory") 65537)',
        "(type (struct (field i32)))",
        "(type $f (func)) (type (cont $f))",
        "(func (param i32) (local.get 1))",
    ],
)
def test_features_that_are_off(engine: Engine, text: str) -> None:
    """Several memories, shared ones and 64-bit ones; threads; heaps and stacks beside the memory; and what is invalid."""
    try:
        data = wasm(f"(module {text})")
    except wasmtime.WasmtimeError:
        pytest.fail("the text is not what it should be")
    with pytest.raises(InvalidModule):
        compile_module(engine, data)


@pytest.mark.parametrize(
    "text",
    [
        '(import "nowhere" "f" (func))',
        '(import "wapo" "other" (func))',
        '(import "wapo" "ocall" (func (param i32) (result i64)))',
        '(import "wapo" "ocall" (func (param i32 i32 i32 i32 i32 i32) (result i32)))',
        '(import "wapo" "ocall" (memory 1))',
        '(import "env" "memory" (memory 1))',
        '(import "env" "ocall" (func (param i32 i32 i32 i32 i32 i32) (result i64)))',
        '(import "wasi_snapshot_preview2" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
    ],
)
def test_imports_that_do_not_exist(engine: Engine, text: str) -> None:
    with pytest.raises(UnknownImport):
        link(engine, text + POLL.format(1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        '(func (export "poll") (result i32) (i32.const 1))',
        '(func (export "_start"))',
        '(func (export "wapo_poll"))',
        '(func (export "wapo_poll") (param i32) (result i32) (i32.const 1))',
        '(func (export "wapo_poll") (result i64) (i64.const 1))',
        '(func (export "wapo_poll") (result i32 i32) (i32.const 1) (i32.const 1))',
        '(global (export "wapo_poll") i32 (i32.const 1))',
        '(func (export "sidevm_poll") (result f32) (f32.const 1))',
    ],
)
async def test_without_a_poll_function_it_fails_to_start(engine: Engine, text: str) -> None:
    end = await run(engine, text)
    assert end.reason is EndReason.FAILED_TO_START
    assert "wapo_poll" in end.detail


@pytest.mark.parametrize(
    "text",
    [
        '(func (export "sidevm_poll") (result i32) (i32.const 1))',
        '(func (export "wapo_poll") (result i64) (i64.const 2)) (func (export "sidevm_poll") (result i32) (i32.const 1))',
        '(global (export "wapo_poll") i32 (i32.const 2)) (func (export "sidevm_poll") (result i32) (i32.const 1))',
        POLL.format(1) + '(func (export "sidevm_poll") (result i32) (i32.const 7))',
    ],
)
async def test_the_predecessors_poll_function_is_the_fallback(engine: Engine, text: str) -> None:
    """One of another type counts as absent; the rules of what it returns are ours for who imports nothing of theirs."""
    assert str(await run(engine, text)) == "Exited(0)"


async def test_nothing_else_of_a_module_is_called(engine: Engine) -> None:
    """Constructors run themselves or not at all (quirk 6)."""
    names = ("_start", "_initialize", "main", "__main_argc_argv", "__wasm_call_ctors", "sidevm_poll")
    others = "".join(f'(func (export "{name}") (result i32) unreachable)' for name in names)
    assert str(await run(engine, others + POLL.format(1))) == "Exited(0)"


# Memory


@pytest.mark.parametrize(("pages", "reason"), [(16, EndReason.EXITED), (17, EndReason.FAILED_TO_START)])
async def test_a_minimum_above_the_limit(engine: Engine, pages: int, reason: EndReason) -> None:
    end = await run(
        engine, f'(memory (export "memory") {pages})' + POLL.format(1), limits=GuestLimits(memory_bytes=1 << 20)
    )
    assert end.reason is reason


@pytest.mark.parametrize(
    "memory", ['(memory (export "mem") 1)', '(memory 1) (global (export "memory") i32 (i32.const 0))', "(memory 1)"]
)
async def test_calls_need_a_memory_of_that_name(engine: Engine, memory: str) -> None:
    """It is missed when it is used, and not before."""
    prelude = PRELUDE.replace('(memory (export "memory") 2)', memory)
    call = f'(func (export "wapo_poll") (result i32) {fast(110)} (i32.const 1))'
    assert (await run(engine, prelude + call)).reason is EndReason.TRAP
    assert str(await run(engine, prelude + POLL.format(1))) == "Exited(0)"


async def test_memory_begins_as_zeros(engine: Engine) -> None:
    """Also when a machine of the same module was there before, and wrote all over it."""
    body = """(memory (export "memory") 4)
      (func (export "wapo_poll") (result i32) (local $i i32) (local $sum i32)
        (loop $l
          (local.set $sum (i32.or (local.get $sum) (i32.load (local.get $i))))
          (i32.store (local.get $i) (i32.const -1))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 262144))))
        (i32.add (i32.const 1) (local.get $sum)))"""
    for _ in range(3):
        assert str(await run(engine, body, limits=GuestLimits())) == "Exited(0)"


async def test_a_program_may_have_four_gigabytes(engine: Engine) -> None:
    """It grows to the last page there is, writes its last byte, and gives it to a call."""
    grow = """(if (global.get $polls) (then (return (i32.const 0))))
      (global.set $polls (i32.const 1))
      (if (i32.eq (memory.grow (i32.const 65534)) (i32.const -1)) (then (return (i32.const 3))))
      (i32.store8 (i32.const -1) (i32.const 42))
      (if (i32.ne (i32.load8_u (i32.const -1)) (i32.const 42)) (then (return (i32.const 4))))
      (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 5))))"""
    calls = fast(243, -1, 1) + fast(243, -1, 2) + fast(113, -9, 9) + fast(113, -9, 10) + fast(220, 3, 0, -1)
    services = Recorder()
    guest = link(engine, f'{PRELUDE} (func (export "wapo_poll") (result i32) {grow} {calls} (i32.const 0))').start(
        Scheduler(), services, GuestLimits(memory_bytes=4 << 30)
    )
    await run_until(guest, lambda: guest.ended is not None or guest.meter.polls > 1)
    if guest.ended is not None and "returned 3" in guest.ended.detail:
        pytest.skip("this machine does not give 4 GiB of address space to one process")
    assert guest.ended is None, guest.ended
    words = [int.from_bytes(guest.instance.read(4096 + 8 * i, 8), "little") for i in range(5)]
    assert words == [0, (1 << 32) | 3, 0, (1 << 32) | 3, 0]
    assert guest.output == b"*"
    assert guest.instance.memory_size == 4 << 30
    assert services.lines[0][1].startswith("\0" * 100)
    guest.stop(End(EndReason.STOPPED, "enough"))


async def test_tables_are_bounded(engine: Engine) -> None:
    """They are the host's memory: 8 bytes an element."""
    end = await run(engine, "(table 1000000 funcref)" + POLL.format(1))
    assert end.reason is EndReason.FAILED_TO_START
    body = """(table $t 10 funcref) (func (export "wapo_poll") (result i32)
      (i32.add (i32.const 2) (table.grow $t (ref.null func) (i32.const 1000000))))"""
    assert str(await run(engine, body)) == "Exited(0)"


# The start function


def starting(code: str, *, prelude: str = PRELUDE) -> str:
    return f"{EXIT} {prelude} (func $begin {code}) (start $begin) {POLL.format(1)}"


async def test_a_start_function_runs_before_the_first_poll(engine: Engine) -> None:
    body = f"""{PRELUDE} (global $g (mut i32) (i32.const 0)) (func $begin (global.set $g (i32.const 1))) (start $begin)
      (func (export "wapo_poll") (result i32) (global.get $g))"""
    assert str(await run(engine, body)) == "Exited(0)"


async def test_a_start_function_may_make_calls(engine: Engine) -> None:
    """Those that take wakers, too: there is a task 0, and there are queues."""
    services = Recorder()
    calls = "".join((
        fast(220, 3, 0, 0), fast(201, 60_000), fast(103, 7, 0, 0, 0), fast(103, 8, 99, 0, 0), slow(240, 3),
        fast(0, 2048, 4), slow(102, 9, 1), fast(101, 0), slow(112),
    ))  # fmt: skip
    guest = link(engine, starting(calls).replace(POLL.format(1), POLL.format(0))).start(
        Scheduler(), services, GuestLimits()
    )
    await run_until(guest, lambda: guest.meter.polls > 0)
    error = 1 << 32
    words = [int.from_bytes(guest.instance.read(4096 + 8 * i, 8), "little") for i in range(9)]
    assert words == [0, 0, error | 11, error | 7, 4, 4, error | 11, 0, 1 + 4 * 2]
    assert services.lines == [(3, "")]
    assert list(guest.tasks.ready) == [0]
    guest.scheduler.stop_all()


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("unreachable", "unreachable"),
        ("(i32.store (i32.const -1) (i32.const 0))", "out of bounds"),
        ("(call $begin)", "stack"),
        ("(call $exit (i32.const 0))", "proc_exit with 0"),
        ("(call $exit (i32.const 3))", "proc_exit with 3"),
        ("(call $exit (i32.const -1))", "proc_exit"),
    ],
)
async def test_a_start_function_that_does_not_return_is_a_failure_to_start(
    engine: Engine, code: str, detail: str
) -> None:
    end = await run(engine, starting(code))
    assert end.reason is EndReason.FAILED_TO_START
    assert detail in end.detail


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (GuestLimits(burst_s=0.2), EndReason.BURST_LIMIT),
        (GuestLimits(burst_s=None, time_s=0.2), EndReason.TIME_LIMIT),
    ],
)
async def test_a_start_function_without_end_meets_the_limits(
    engine: Engine, limits: GuestLimits, reason: EndReason
) -> None:
    """And keeps nobody waiting meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    other = asyncio.create_task(others())
    assert (await run(engine, starting("(loop $l (br $l))"), limits=limits)).reason is reason
    other.cancel()
    assert turns > 2


async def test_a_start_function_can_be_stopped(engine: Engine) -> None:
    guest = link(engine, starting("(loop $l (br $l))")).start(Scheduler(), Recorder(), GuestLimits(burst_s=None))
    await run_until(guest, lambda: guest.in_poll)
    guest.stop(End(EndReason.STOPPED, "enough"))
    assert guest.ended == End(EndReason.STOPPED, "enough")


async def test_a_start_function_may_wait_for_the_host(engine: Engine) -> None:
    """It stands still in its call, and the program starts when the answer is there."""
    asked: list[Suspension] = []

    class Slow(Recorder):
        def read_boot_data(self, guest: Guest) -> Suspension:
            asked.append(Suspension())
            return asked[-1]

    guest = link(engine, starting(slow(260) + fast(0, 2048, 6))).start(Scheduler(), Slow(), GuestLimits())
    await run_until(guest, lambda: bool(asked))
    await asyncio.sleep(0.01)
    assert guest.ended is None
    assert not guest.instance.started
    asked[0].complete(b"data")
    await run_until(guest, lambda: guest.ended is not None)
    assert str(guest.ended) == "Exited(0)"


async def test_without_a_memory_a_start_function_that_calls_is_a_failure(engine: Engine) -> None:
    prelude = PRELUDE.replace('(memory (export "memory") 2)', "(memory 2)")
    end = await run(engine, starting(fast(110), prelude=prelude))
    assert end.reason is EndReason.FAILED_TO_START
    assert "memory" in end.detail
