"""Long runs of the border's fuzzer: sequences of calls by a real guest. Prints the shortest that it finds, as
test_found.py can have it."""

import asyncio
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.steps import sequence
from tests.fuzz.world import Step, open_site, run_steps
from tests.vm.conftest import make_authority
from wapo.engine.engine import Engine

#: How often a shorter sequence is tried: the network has its part in what happens.
ATTEMPTS = 3


def shortened(steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """A sequence that fails, and none that leaves out one step of it, or one call of one of its polls."""
    size = max(1, len(steps) // 2)
    while size:
        at = 0
        while at < len(steps):
            without = steps[:at] + steps[at + size :]
            if fails(without):
                steps = without
            else:
                at += size
        size //= 2
    for number, step in enumerate(steps):
        if step[0] == "poll":
            at = 1
            while at < len(step) and len(step) > 2:
                without = step[:at] + step[at + 1 :]
                if fails([*steps[:number], without, *steps[number + 1 :]]):
                    step = without
                    steps[number] = step
                else:
                    at += 1
    return steps


def main(minutes: float, seed: int, longest_ms: float) -> int:
    """Runs for so long; 1 if something was found.

    Args:
        longest_ms: CPU that one turn of a guest may take.
    """
    begin = time.monotonic()
    until = begin + minutes * 60
    with tempfile.TemporaryDirectory() as folder, Engine().opened() as engine, asyncio.Runner() as runner:
        opening = open_site(engine, make_authority(Path(folder)), Path(folder))
        site = runner.run(opening.__aenter__())

        def failure(steps: list[Step], chances: dict[str, Any]) -> BaseException | None:
            try:
                runner.run(run_steps(site, steps, longest_s=longest_ms / 1000, **chances))
            except (Exception, asyncio.CancelledError) as error:
                return error
            return None

        tried = 0
        try:
            while time.monotonic() < until:
                number = seed + tried
                random = Random(number)
                chances = {
                    "legacy": random.random() < 0.25, "drain": random.random() < 0.5,
                    "end": random.choice(["return", "trap", "stop", "midst"]),
                }  # fmt: skip
                steps = sequence(random)
                error = failure(steps, chances)
                tried += 1
                if error is not None:
                    traceback.print_exception(error, limit=-6)
                    print(f"\nseed {number}, {len(steps)} steps; shortening ...", flush=True)
                    steps = shortened(
                        steps, lambda some: any(failure(some, chances) is not None for _ in range(ATTEMPTS))
                    )
                    print(f"\n    {steps!r}, {', '.join(f'{name}={value!r}' for name, value in chances.items())}\n")
                    return 1
                if tried % 500 == 0:
                    print(f"{tried} sequences, up to seed {number}", flush=True)
        finally:
            runner.run(opening.__aexit__(None, None, None))
    print(f"border: {tried} sequences in {(time.monotonic() - begin) / 60:.2f} minutes, nothing found", flush=True)
    return 0
