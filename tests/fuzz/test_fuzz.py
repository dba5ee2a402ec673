"""Any sequence of calls, by a real guest in a real network, leaves the host as it was. ``run.py`` does long runs."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.steps import sequence
from tests.fuzz.world import Site, open_site, run_steps
from tests.vm.conftest import Authority, authority
from wapo.engine.engine import Engine

__all__ = ["authority"]

Fuzzing = tuple[asyncio.Runner, Site]


@pytest.fixture(scope="module")
def fuzzing(engine: Engine, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzing]:
    """One event loop for all sequences, and what they share."""
    with asyncio.Runner() as runner:
        opening = open_site(engine, authority, tmp_path_factory.mktemp("fuzz"))
        yield runner, runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@settings(
    max_examples=25, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    random=st.randoms(use_true_random=False), legacy=st.booleans(), drain=st.booleans(),
    end=st.sampled_from(["return", "trap", "stop", "midst"]),
)  # fmt: skip
def test_any_short_sequence_leaves_the_host_as_it_was(
    fuzzing: Fuzzing, random: Random, legacy: bool, drain: bool, end: str
) -> None:
    """What fails is made as short as it can be."""
    runner, site = fuzzing
    runner.run(run_steps(site, sequence(random, 6), legacy=legacy, drain=drain, end=end))


@pytest.mark.parametrize("seed", range(2))
def test_long_sequences_leave_the_host_as_it_was(fuzzing: Fuzzing, seed: int) -> None:
    runner, site = fuzzing
    random = Random(seed)
    for number in range(14):
        legacy, drain, end = number % 4 == 3, random.random() < 0.5, random.choice(["return", "trap", "stop", "midst"])
        runner.run(run_steps(site, sequence(random), legacy=legacy, drain=drain, end=end))
