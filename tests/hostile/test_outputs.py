"""What a script hands over as its output is a stranger's bytes."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wapo.agents.conventions import OutputKind, response_of
from wapo.agents.messages import AgentResponse, UnreadableOutput
from wapo.errors import GuestError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
packed_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text() | st.binary()
    | st.builds(msgspec.msgpack.Ext, st.integers(-128, 127).filter(lambda n: n != -1), st.binary(max_size=9)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=9) | st.binary(max_size=3) | st.integers(0, 9), inner, max_size=3),
    max_leaves=9,
)  # fmt: skip
quietly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
members = st.sampled_from(["status", "headers", "body", "error", "success", "x"])


def answer_or_failure(kind: OutputKind, data: bytes) -> AgentResponse | None:
    """The response; None for a failure of the guest's. Anything else is the host's failure."""
    try:
        response = response_of(kind, data)
    except GuestError:
        return None
    assert 200 <= response.status <= 599
    assert not any(set(name + value) & set(b"\r\n\0") for name, value in response.headers)
    return response


@quietly
@given(st.sampled_from(OutputKind), st.binary())
@example(OutputKind.TEXT, b"0x")
@example(OutputKind.TEXT, b"0xzz")
@example(OutputKind.TEXT, b"[" * 100_000)
@example(OutputKind.JSON, b'{"body":"\\ud800"}')
@example(OutputKind.JSON, b'{"a":' * 5000)
@example(OutputKind.JSON, b'{"status":1e999}')
@example(OutputKind.BYTES, b"\x91" * 100_000)
@example(OutputKind.BYTES, b"\x81\xa4body\xdf\xff\xff\xff\xff")
@example(OutputKind.BYTES, b"\x81\xa4body\xc6\xff\xff\xff\xff")
def test_any_bytes_are_an_answer_or_a_failure(kind: OutputKind, data: bytes) -> None:
    answer_or_failure(kind, data)


@quietly
@given(st.dictionaries(members, json_values))
def test_any_json_object_is_an_answer_or_a_failure(value: dict[str, Any]) -> None:
    answer_or_failure(OutputKind.JSON, msgspec.json.encode(value))
    answer_or_failure(OutputKind.TEXT, msgspec.json.encode(value))


@quietly
@given(st.dictionaries(members, packed_values))
@example({"status": float("nan")})
@example({"status": float("inf")})
@example({"body": msgspec.msgpack.Ext(5, b"x")})
@example({"body": {1: 2}})
@example({"headers": {"x": float("nan")}})
def test_any_messagepack_map_is_an_answer_or_a_failure(value: dict[str, Any]) -> None:
    answer_or_failure(OutputKind.BYTES, msgspec.msgpack.encode(value))


def test_bytes_that_are_not_messagepack_are_told_apart() -> None:
    with pytest.raises(UnreadableOutput):
        response_of(OutputKind.BYTES, b"\xc1")


@pytest.mark.parametrize(("kind", "data"), [
    (OutputKind.JSON, b'{"body":[' + b"[]," * 15_000_000 + b"[]]}"),
    (OutputKind.TEXT, b"[" + b"[]," * 15_000_000 + b"[]]"),
    (OutputKind.JSON, b'{"body":"' + b"\\n" * 22_000_000 + b'"}'),
    (OutputKind.BYTES, b"\x81\xa4body\xdd\x02\x00\x00\x00" + b"\x90" * (1 << 25)),
])  # fmt: skip
def test_an_output_of_very_many_parts_is_refused_before_it_is_read(kind: OutputKind, data: bytes) -> None:
    """Promise: three bytes do not become sixty in the host's memory, and the loop does not stand still for them."""
    started = time.thread_time()
    with pytest.raises(GuestError):
        response_of(kind, data)
    assert time.thread_time() - started < 0.5


def test_a_large_body_is_taken_as_it_is() -> None:
    text = b"x" * (40 << 20)
    assert response_of(OutputKind.JSON, b'{"body":"' + text + b'"}').body == text
    assert response_of(OutputKind.TEXT, text).body == text
    body = b'{"a": [1, 2.0, {}]}'
    response = response_of(OutputKind.JSON, b'{"status": 201, "body": ' + body + b"}")
    assert (response.status, response.headers, response.body) == (201, [(b"content-type", b"application/json")], body)


@pytest.mark.parametrize(
    "body", ["", "é", "x" * 31, "x" * 32, "x" * 300, "x" * 70_000, b"\xff", b"x" * 300, b"x" * 70_000]
)
def test_text_and_bytes_in_messagepack_are_bodies(body: str | bytes) -> None:
    """The adapter of the original answers so: text in all its lengths, which each have a format of their own."""
    response = response_of(OutputKind.BYTES, msgspec.msgpack.encode({"body": body, "status": 202}))
    assert response == AgentResponse(202, [], body.encode() if isinstance(body, str) else body)
