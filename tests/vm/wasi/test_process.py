"""Arguments, environment, randomness and the end."""

import struct

import pytest

from tests.vm.wasi.caller import BUFFER, SCRATCH, Caller, run_text
from wapo.engine.engine import Engine
from wapo.vm.ends import EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.wasi.errno import Errno


@pytest.mark.parametrize("old", [False, True])
async def test_arguments_and_environment(engine: Engine, old: bool) -> None:
    async with Caller(engine, old=old, args=("prog", "", "ä"), env=(("A", "1"), ("B", ""))) as guest:
        for name, expected in (("args", [b"prog", b"", "ä".encode()]), ("environ", [b"A=1", b"B="])):
            await guest.good(f"{name}_sizes_get", SCRATCH, SCRATCH + 4)
            count, size = guest.u32(SCRATCH), guest.u32(SCRATCH + 4)
            assert (count, size) == (len(expected), sum(len(item) + 1 for item in expected))
            await guest.good(f"{name}_get", SCRATCH, BUFFER)
            pointers = struct.unpack(f"<{count}I", guest.get(4 * count, SCRATCH))
            assert [guest.get(len(item) + 1, at) for at, item in zip(pointers, expected, strict=True)] == [
                item + b"\0" for item in expected
            ]
            end = guest.guest.instance.memory_size
            assert await guest.call(f"{name}_get", end - 4, BUFFER) is Errno.FAULT
            assert await guest.call(f"{name}_get", SCRATCH, end - 2) is Errno.FAULT
            assert await guest.call(f"{name}_get", 0xFFFFFFFF, 0xFFFFFFFF) is Errno.FAULT
            assert await guest.call(f"{name}_sizes_get", end - 3, SCRATCH) is Errno.FAULT
            assert await guest.call(f"{name}_sizes_get", SCRATCH, end - 3) is Errno.FAULT


async def test_without_arguments(engine: Engine) -> None:
    async with Caller(engine) as guest:
        for name in ("args", "environ"):
            await guest.good(f"{name}_sizes_get", SCRATCH, SCRATCH + 4)
            assert guest.get(8, SCRATCH) == bytes(8)
            await guest.good(f"{name}_get", SCRATCH, BUFFER)


async def test_randomness(engine: Engine) -> None:
    async with Caller(engine) as guest:
        end = guest.guest.instance.memory_size
        await guest.good("random_get", BUFFER, 32)
        first = guest.get(33)
        await guest.good("random_get", BUFFER, 32)
        assert guest.get(32) != first[:32]
        assert guest.get(33)[32] == first[32] == 0
        await guest.good("random_get", BUFFER, 1 << 20)
        await guest.good("random_get", end, 0)
        assert await guest.call("random_get", BUFFER, (1 << 20) + 1) is Errno.INVAL
        assert await guest.call("random_get", end - 1, 2) is Errno.FAULT
        assert await guest.call("random_get", 0xFFFFFFFF, 0xFFFFFFFF) is Errno.FAULT


@pytest.mark.parametrize("module", ["wasi_snapshot_preview1", "wasi_unstable"])
@pytest.mark.parametrize(("code", "reason"), [(0, EndReason.EXITED), (125, EndReason.EXITED), (126, EndReason.TRAP),
                                              (-1, EndReason.TRAP)])  # fmt: skip
async def test_the_exit_code(engine: Engine, module: str, code: int, reason: EndReason) -> None:
    body = f"""(import "{module}" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
      (func (export "wapo_poll") (result i32) (call $exit (i32.const {code})) (i32.const 0))"""
    end, _ = await run_text(engine, body, GuestLimits())
    assert end.reason is reason
    assert reason is EndReason.TRAP or end.code == code


@pytest.mark.parametrize("signal", [0, 6, 9, 200])
async def test_a_raised_signal_is_a_trap(engine: Engine, signal: int) -> None:
    body = f"""(import "wasi_unstable" "proc_raise" (func $raise (param i32) (result i32)))
      (func (export "wapo_poll") (result i32) (call $raise (i32.const {signal})))"""
    end, _ = await run_text(engine, body, GuestLimits())
    assert end.reason is EndReason.TRAP


async def test_a_program_without_an_exported_memory_gets_faults(engine: Engine) -> None:
    """There is nowhere to write to; nothing else happens."""
    body = """(import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (func (export "wapo_poll") (result i32)
        (i32.and
          (i32.eq (call $time (i32.const 0) (i64.const 0) (i32.const 8)) (i32.const 21))
          (i32.eq (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (i32.const 21))))"""
    end, _ = await run_text(engine, body, GuestLimits())
    assert end.reason is EndReason.EXITED


async def test_waiting_in_the_start_function(engine: Engine) -> None:
    """A module may sleep before its first poll."""
    body = """(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 24) "\\01") (data (i32.const 32) "\\00\\09\\3d\\00")
      (func $start (if (call $poll (i32.const 8) (i32.const 128) (i32.const 1) (i32.const 256)) (then unreachable)))
      (start $start)
      (func (export "wapo_poll") (result i32) (i32.load (i32.const 256)))"""
    end, _ = await run_text(engine, body, GuestLimits())
    assert (end.reason, end.code) == (EndReason.EXITED, 0)
