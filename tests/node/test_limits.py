"""What a node allows, and what an operator may lower."""

import math
from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.node.limits import BUDGETS, AgentLimits, InvalidLimit

SIZES = [field.name for field in fields(AgentLimits) if field.name.endswith("_bytes")]
MAY_BE_UNLIMITED = {"time_s", "burst_s", "cpu_s", "outgoing", "egress_bytes", "concurrency", *BUDGETS}


def test_the_defaults_are_those_of_the_documentation() -> None:
    limits = AgentLimits()
    assert (limits.memory_bytes, limits.time_s, limits.burst_s) == (100 << 20, 60, 1)
    assert (limits.request_bytes, limits.response_bytes, limits.program_bytes) == (20 << 20, 100 << 20, 20 << 20)
    assert (limits.concurrency, limits.log_bytes) == (None, 1 << 20)
    assert (limits.cpu_s, limits.outgoing, limits.egress_bytes) == (30, 1000, 1 << 30)


@pytest.mark.parametrize("memory", [0, -1, 1, (8 << 20) - 1, (4 << 30) + 1, 1 << 62])
def test_memory_is_8_mib_to_4_gib(memory: int) -> None:
    with pytest.raises(InvalidLimit, match=f"memory of {memory} bytes is not possible; allowed are 8 MiB to 4 GiB"):
        AgentLimits(memory_bytes=memory)
    assert AgentLimits(memory_bytes=8 << 20).guest.memory_bytes == 8 << 20


def test_the_most_memory_is_what_a_32_bit_memory_can_have() -> None:
    assert AgentLimits(memory_bytes=4 << 30).guest.memory_bytes == (4 << 30) - (64 << 10)


@pytest.mark.parametrize("name", [field.name for field in fields(AgentLimits) if field.name != "memory_bytes"])
@pytest.mark.parametrize("value", [0, -1, math.inf, -math.inf, math.nan])
def test_what_is_no_limit_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InvalidLimit, match=name):
        replace(AgentLimits(), **{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(AgentLimits) if field.name != "memory_bytes"])
def test_only_some_limits_can_be_absent(name: str) -> None:
    if name in MAY_BE_UNLIMITED:
        assert getattr(replace(AgentLimits(), **{name: None}), name) is None
    else:
        with pytest.raises(InvalidLimit, match=name):
            replace(AgentLimits(), **{name: None})


def test_the_machine_enforces_what_is_said_here() -> None:
    guest = AgentLimits(time_s=None, burst_s=0.5, request_bytes=7, log_bytes=9, cpu_s=3, outgoing=4).guest
    assert (guest.cpu_s, guest.outgoing, guest.egress_bytes) == (3, 4, 1 << 30)
    assert (guest.time_s, guest.burst_s, guest.request_body_bytes, guest.log_bytes) == (None, 0.5, 7, 9)


def test_an_agents_own_limit_lowers_the_nodes_and_never_raises_it() -> None:
    node = AgentLimits(memory_bytes=64 << 20, time_s=10, burst_s=None, concurrency=None)
    own = node.lowered({"memory_bytes": 128 << 20, "time_s": 2, "burst_s": 3, "concurrency": 5})
    assert (own.memory_bytes, own.time_s, own.burst_s, own.concurrency) == (64 << 20, 2, 3, 5)
    assert node.lowered({}) == node


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": 1}, "there is no limit 'memory'; there are burst_s, concurrency, cpu_s, daily_cpu_s, daily_egress_bytes, daily_requests, egress_bytes"),
        ({"time_s": "2"}, "time_s must be a number"),
        ({"time_s": True}, "time_s must be a number"),
        ({"time_s": None}, "time_s must be a number"),
        ({"memory_bytes": 64e6}, "memory_bytes must be a whole number"),
        ({"concurrency": 1.5}, "concurrency must be a whole number"),
        ({"time_s": 0}, "time_s must be greater than zero"),
        ({"memory_bytes": 5}, "memory of 5 bytes is not possible"),
        ({"__class__": 1}, "there is no limit '__class__'"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidLimit, match=message):
        AgentLimits().lowered(settings)


limits_of_programs = st.fixed_dictionaries(
    {},
    optional={
        "memory_bytes": st.integers(8 << 20, 4 << 30),
        "time_s": st.floats(1e-3, 1e6),
        "burst_s": st.floats(1e-3, 1e6),
        "concurrency": st.integers(1, 1000),
        **{name: st.integers(1, 1 << 40) for name in SIZES if name != "memory_bytes"},
    },
)


@settings(deadline=None)
@given(limits_of_programs, limits_of_programs)
def test_lowering_is_the_minimum_of_both(node_settings: dict[str, Any], own: dict[str, Any]) -> None:
    node = replace(AgentLimits(), **node_settings)
    lowered = node.lowered(own)
    for field in fields(AgentLimits):
        allowed, now = getattr(node, field.name), getattr(lowered, field.name)
        assert now == min([value for value in (allowed, own.get(field.name)) if value is not None], default=None)
    assert lowered.lowered(own) == lowered


def test_json() -> None:
    assert msgspec.json.decode(AgentLimits().to_json())["time_s"] == 60.0
