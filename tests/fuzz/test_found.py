"""What ``run.py`` has found, in the shortest form that it had. Each ended in an error of the host, or left something."""

from typing import Any

import pytest

from tests.fuzz.test_fuzz import Fuzzing, authority, fuzzing
from tests.fuzz.world import Step, run_steps

__all__ = ["authority", "fuzzing"]

FOUND: dict[str, tuple[list[Step], dict[str, Any]]] = {
    "a TLS client that is gone at once": (
        [("client_sni", "a.example"), ("client_close", 0, True)], {"end": "return"},
    ),
    "a Keccak digest that goes on": (
        [("poll", (0, 1021, 5)), ("poll", (0, 1023, "hash:0", 524224), (0, 1022, "hash:2", 393216, 65536))], {},
    ),
    "a ready list": (
        [("poll", (0, 1008, 2, 0)), ("poll", (0, 1008, 983_040, 8192)), ("poll", (0, 109, 5), (0, 201, 0)), ("turns", 5)],
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_found(fuzzing: Fuzzing, name: str) -> None:
    runner, site = fuzzing
    steps, chances = FOUND[name]
    runner.run(run_steps(site, steps, **chances))
