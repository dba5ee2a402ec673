"""The small guest in C of wapo-abi.md 10.6, as it stands there, and what it says to the host in its first polls."""

import re

from tests.programs import compile_program
from tests.vm.support import Recorder, run_until
from wapo.engine.engine import Engine
from wapo.engine.modules import compile_module
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.program import ProgramLinker
from wapo.vm.resources.oneshot import Reply, Sent
from wapo.vm.scheduler import Scheduler

#: "Traffic of its first polls": number, what the specification says of its arguments, result.
FIRST_POLLS = [
    "112() = Ok(1)", "110() = Ok(0)", "240(3) = Ok(4)", "0 = Ok(4)", "109(1) = Ok(0)", "102(0, 0) = Err(11)",
    "112() = Ok(1)", "110() = Ok(1)", "201(10) = Ok(1)", "103(1, 1, ptr, 0) = Err(11)",
    "112() = Ok(9)", "110() = Ok(1)", "103(1, 1, ptr, 0) = Ok(0)", "203(1, 10) = Ok(0)", "103(1, 1, ptr, 0) = Err(11)",
    "112() = Ok(5)", "110() = Err(7)",
]  # fmt: skip
NUMBERS = {
    "awake_wakers": 112, "next_ready_task": 110, "create_input_channel": 240, "get_return": 0, "mark_task_ready": 109,
    "poll": 102, "create_timer": 201, "poll_read": 103, "reset_timer": 203,
}  # fmt: skip
ARGUMENTS = {112: 0, 110: 0, 240: 1, 0: None, 109: 1, 102: 2, 201: 1, 103: 4, 203: 2}


def as_listed(line: str) -> str:
    """A line of the trace in the form of the list above; arguments that a call has not got must be 0."""
    match = re.fullmatch(r"(\w+)\((.*)\) = (.*)", line)
    assert match is not None
    number = NUMBERS[match[1]]
    arguments = match[2].split(", ")
    count = ARGUMENTS[number]
    if count is None:
        return f"{number} = {match[3]}"
    assert arguments[count:] == ["0"] * (4 - count)
    if number == 103:
        assert 0 < int(arguments[2]) < 1 << 20
        arguments[2] = "ptr"
    return f"{number}({', '.join(arguments[:count])}) = {match[3]}"


def start(engine: Engine, services: Recorder, *, trace: bool) -> Guest:
    def prepare(guest: Guest) -> None:
        guest.trace = trace

    program = ProgramLinker(engine).link(compile_module(engine, compile_program("echo_min")))
    return program.start(Scheduler(), services, GuestLimits(), prepare=prepare)


async def test_its_first_polls_are_as_listed(engine: Engine) -> None:
    services = Recorder()
    guest = start(engine, services, trace=True)
    await run_until(guest, lambda: guest.meter.polls == 4 and not guest.scheduler.busy)
    assert [as_listed(text) for level, text in services.lines if level == 5] == FIRST_POLLS
    guest.scheduler.stop_all()


async def test_it_ticks_three_times_and_answers_queries(engine: Engine) -> None:
    services = Recorder()
    guest = start(engine, services, trace=False)
    await run_until(guest, lambda: bool(services.lines))
    assert services.lines == [(3, "3 ticks")]
    answers: list[Reply] = []
    for path, payload in (("/", b"one"), ("/", b"x" * 5000), ("/stop", b"three")):
        offer_query(guest, bytes(32) if path == "/" else None, path, payload, answers.append)
    await run_until(guest, lambda: len(answers) == 3)
    assert answers == [Sent(b"one"), Sent(b"x" * 5000), Sent(b"three")]
    await run_until(guest, lambda: guest.ended is not None)
    assert str(guest.ended) == "Exited(0)"
