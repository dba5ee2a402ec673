"""Tasks, timers and events, by programs that test them from inside; and what becomes of programs that misuse them."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.sdk.support import GUESTS, SDK, Host, built
from wapo.abi.results import OcallError
from wapo.vm.ends import EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.ocalls.core import CORE
from wapo.vm.ocalls.dispatch import host_functions
from wapo.vm.ocalls.network import NETWORK
from wapo.vm.program import ProgramLinker
from wapo.vm.wasi import wasi_functions

PROGRAM = """
#include <wapo.h>
struct program {{ wapo_point point; int number; wapo_event event; }};
{before}
WAPO_ASYNC(program)
{{
    int result;
    WAPO_BEGIN;
    (void)(result = 0); /* not every body has a use for it */
    {body}
    WAPO_END;
}}
WAPO_MAIN(program)
"""


def program(folder: Path, body: str, before: str = "") -> Path:
    """A program with a main task of that body."""
    file = folder / "program.c"
    file.write_text(PROGRAM.format(body=body, before=before))
    return file


@pytest.fixture
def plain(host: Host) -> ProgramLinker:
    """A host as others are: it has nothing of ours, so the ready list is refused and tasks are popped."""
    standard = {number: handler for number, handler in CORE.items() if number < 1000}
    functions = host_functions((standard, NETWORK), suspends=True) + wasi_functions()
    return ProgramLinker(host._engine, functions)


@pytest.mark.parametrize("name", ["tasks", "times"])
async def test_the_library_keeps_its_promises(host: Host, name: str) -> None:
    async with host.start(GUESTS / f"{name}.c") as started:
        await started.succeeds()


@pytest.mark.parametrize("name", ["tasks", "times"])
async def test_it_keeps_them_on_a_host_without_the_ready_list(host: Host, plain: ProgramLinker, name: str) -> None:
    async with host.start(GUESTS / f"{name}.c", linker=plain) as started:
        await started.succeeds()


@pytest.mark.parametrize("name", ["tasks", "times", "errors"])
async def test_it_keeps_them_without_undefined_behaviour(host: Host, name: str) -> None:
    """The compiler's checks trap."""
    async with host.start(GUESTS / f"{name}.c", options=("-fsanitize=undefined", "-fsanitize-trap=all")) as started:
        await started.succeeds()


@pytest.mark.parametrize("list_there", [True, False])
async def test_a_program_that_waits_is_not_polled(host: Host, plain: ProgramLinker, list_there: bool) -> None:
    """Neither for waker messages, nor for a timeout that has moved away."""
    options = {} if list_there else {"linker": plain}
    async with host.start(SDK / "examples" / "echo.c", "--port", "0", **options) as started:
        reader, writer = await started.connect()
        for _ in range(3):
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        await started.until(lambda: not host.scheduler.busy)
        polls = started.guest.meter.polls
        for _ in range(100):
            await asyncio.sleep(0)
        assert started.guest.meter.polls <= polls + 1  # one may have been under way
        writer.close()


async def test_an_echo_makes_no_calls_but_its_own(host: Host) -> None:
    """Read, write, and the read that waits: who is ready, and when a timeout ends, costs none."""
    async with host.start(SDK / "examples" / "echo.c", "--port", "0") as started:
        connections = [await started.connect() for _ in range(2)]

        async def echo() -> None:
            for reader, writer in connections:
                writer.write(b"x")
                assert await reader.readexactly(1) == b"x"

        await echo()
        await started.until(lambda: not host.scheduler.busy)
        started.guest.trace = True
        await echo()
        await started.until(lambda: not host.scheduler.busy)
        calls = [line.split("(")[0] + line.rpartition("=")[2] for line in started.lines]
        assert set(calls) == {"poll_read Ok(1)", "poll_write Ok(1)", "poll_read Err(11)"}
        assert (calls.count("poll_read Ok(1)"), calls.count("poll_write Ok(1)")) == (2, 2)


@pytest.mark.parametrize(("result", "reason", "code"), [
    (0, EndReason.EXITED, 0), (3, EndReason.EXITED, 3), (125, EndReason.EXITED, 125), (126, EndReason.EXITED, 1),
    (-OcallError.NOT_FOUND, EndReason.EXITED, 1),
])  # fmt: skip
async def test_the_main_tasks_result_is_the_exit_code(
    host: Host, tmp_path: Path, result: int, reason: EndReason, code: int
) -> None:
    body = 'WAPO_RETURN((int)wapo_option_number("result", -1, -1000, 1000));'
    async with host.start(program(tmp_path, body), "--result", str(result)) as started:
        end = await started.end()
        assert (end.reason, end.code) == (reason, code)
        assert started.lines == (["the program failed: not found"] if result < 0 else [])


async def test_the_program_ends_with_its_main_task_whatever_others_do(host: Host, tmp_path: Path) -> None:
    other = (
        "struct other { wapo_point point; };"
        "WAPO_ASYNC(other) { WAPO_BEGIN; WAPO_SLEEP(100000); WAPO_END; }"
    )  # fmt: skip
    async with host.start(program(tmp_path, "wapo_spawn(other); WAPO_YIELD;", other)) as started:
        await started.succeeds()


async def test_an_await_inside_a_switch_is_found_out(host: Host, tmp_path: Path) -> None:
    """When it is resumed for the first time: with a sentence in the log, and a trap."""
    body = "switch (self->number) { case 0: WAPO_SLEEP(1); }"
    async with host.start(program(tmp_path, body), options=("-Wno-unreachable-code",)) as started:
        end = await started.end()
        assert end.reason is EndReason.TRAP
        assert started.lines == ["program: a WAPO_AWAIT is inside a switch, or its state was overwritten"]


async def test_a_local_that_an_await_forgets_is_a_warning(tmp_path: Path) -> None:
    """Rule 1 of wapo/tasks.h: the compiler sees uses of what did not survive."""
    body = """
    result = wapo_self();
    WAPO_SLEEP(1);
    WAPO_RETURN(result);
    """
    with pytest.raises(SystemExit, match="conditional-uninitialized"):
        built(program(tmp_path, body))


async def test_endless_recursion_traps_and_overwrites_nothing(host: Host, tmp_path: Path) -> None:
    """The stack lies below the data: when it is used up, the next store is outside of the memory."""
    before = """
    static int canary[4] = { 1, 2, 3, 4 };
    __attribute__((noinline)) static int deeper(volatile int *outer)
    {
        volatile int room[1024];
        room[0] = outer[0] + 1;
        if (canary[0] != 1 || canary[3] != 4)
            wapo_log(WAPO_ERROR, "the data was overwritten");
        return deeper(room) + room[0];
    }
    """
    body = "self->number = 1; WAPO_RETURN(deeper(&self->number));"
    async with host.start(program(tmp_path, body, before), options=("-Wno-infinite-recursion",)) as started:
        end = await started.end()
        assert (end.reason, started.lines) == (EndReason.TRAP, [])


async def test_hundreds_of_tasks_are_ready_at_once(host: Host) -> None:
    """More than the ready list holds; nobody is forgotten."""
    async with host.start(SDK / "examples" / "echo.c", "--port", "0") as started:
        connections = [await started.connect() for _ in range(300)]
        for _, writer in connections:
            writer.write(b"hello")
        async with asyncio.timeout(30):
            for reader, _ in connections:
                assert await reader.readexactly(5) == b"hello"
        for _, writer in connections:
            writer.close()


async def test_long_work_that_yields_is_not_a_burst(host: Host, tmp_path: Path) -> None:
    """WAPO_YIELD gives the CPU back to the host: the time between two waits begins anew."""
    body = """
    for (; self->number < 20; self->number++) {
        int64_t start = wapo_clock_ms();
        while (wapo_clock_ms() - start < 20) {}
        WAPO_YIELD;
    }
    """
    started_at = time.monotonic()
    async with host.start(program(tmp_path, body), limits=GuestLimits(burst_s=0.2, time_s=60)) as started:
        await started.succeeds()
        assert time.monotonic() - started_at >= 0.4
