"""SCALE in C against SCALE in Python: the same bytes are accepted, and written again as they were."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.support import GUESTS, built
from tests.vm.support import Recorder
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.scale.primitives import Reader, ScaleError, encode_bytes, encode_compact, encode_text, encode_vec
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.resources.oneshot import Refused, Reply, Sent
from wapo.vm.scheduler import Scheduler


@pytest.fixture(scope="module")
def converter(program_engine: Engine, module_cache: ModuleCache) -> Program:
    return ProgramLinker(program_engine).link(module_cache.get(program_engine, built(GUESTS / "scale.c")))


def converted(program: Program, path: str, payloads: list[bytes]) -> list[bytes | None]:
    """What one program makes of payloads; None where it refuses one as malformed."""

    async def ask() -> list[bytes | None]:
        scheduler = Scheduler()
        guest = program.start(scheduler, Recorder(), GuestLimits(burst_s=20, time_s=60))
        answers: list[bytes | None] = []
        try:
            async with asyncio.timeout(60):
                while not guest.settled:
                    assert guest.ended is None, guest.ended
                    await asyncio.sleep(0)
                for payload in payloads:
                    replies: list[Reply] = []
                    offer_query(guest, None, path, payload, replies.append)
                    while not replies:
                        assert guest.ended is None, guest.ended
                        await asyncio.sleep(0)
                    (reply,) = replies
                    assert isinstance(reply, Sent) or reply == Refused("malformed"), reply
                    answers.append(reply.data if isinstance(reply, Sent) else None)
        finally:
            scheduler.stop_all()
        return answers

    return asyncio.run(ask())


def read_fields(data: bytes) -> int:
    """How many bytes a message of ``fields`` takes."""
    reader = Reader(data)
    for size in (1, 2, 4, 8, 4, 8):
        reader.unsigned(size)
    reader.boolean()
    reader.text()
    reader.bytes()
    reader.vec(lambda: reader.unsigned(4))
    if reader.option():
        reader.unsigned(1)
    reader.take(4)
    return len(data) - reader.remaining


def read_text(data: bytes) -> int:
    reader = Reader(data)
    reader.text()
    return len(data) - reader.remaining


def accepted(data: bytes, read: Callable[[bytes], int]) -> bytes | None:
    """The bytes that Python reads, which the shortest forms of SCALE make the bytes that it would write."""
    try:
        return data[: read(data)]
    except ScaleError:
        return None


messages = st.builds(
    lambda *parts: b"".join(parts),
    st.binary(min_size=27, max_size=27),
    st.sampled_from([b"\0", b"\1"]),
    st.text(max_size=80).map(encode_text),
    st.binary(max_size=80).map(encode_bytes),
    st.lists(st.binary(min_size=4, max_size=4), max_size=20).map(encode_vec),
    st.one_of(st.just(b"\0"), st.binary(min_size=1, max_size=1).map(lambda one: b"\1" + one)),
    st.binary(min_size=4, max_size=4),
)


def spoiled(message: bytes, at: int, by: bytes, cut: int | None) -> bytes:
    at %= len(message) + 1
    changed = message[:at] + by + message[at + len(by) :]
    return changed if cut is None else changed[: cut % (len(changed) + 1)]


damaged = st.builds(
    spoiled, messages, st.integers(0, 300), st.binary(max_size=5), st.one_of(st.none(), st.integers(0, 300))
)


@settings(max_examples=40, deadline=None)
@given(payloads=st.lists(st.one_of(messages, damaged, st.binary(max_size=60)), min_size=1, max_size=30))
def test_messages_are_read_as_python_reads_them(converter: Program, payloads: list[bytes]) -> None:
    """Whole, damaged, cut or random: no byte is read that is not there, and nothing is accepted that is none."""
    assert converted(converter, "/fields", payloads) == [accepted(data, read_fields) for data in payloads]


@settings(max_examples=30, deadline=None)
@given(payloads=st.lists(st.one_of(
    st.text(max_size=20).map(encode_text),
    st.binary(max_size=6).map(encode_bytes),
    st.builds(lambda first, rest: encode_bytes(bytes([first]) + rest), st.integers(0xC0, 0xFF), st.lists(
        st.integers(0x7F, 0xC0), max_size=4).map(bytes)),
), min_size=1, max_size=60))  # fmt: skip
def test_texts_are_utf_8(converter: Program, payloads: list[bytes]) -> None:
    assert converted(converter, "/text", payloads) == [accepted(data, read_text) for data in payloads]


def compact(value: int) -> bytes:
    """Any u64, by the book."""
    if value < 1 << 32:
        return encode_compact(value)
    size = (value.bit_length() + 7) // 8
    return bytes([(size - 4) << 2 | 3]) + value.to_bytes(size, "little")


numbers = st.one_of(
    st.integers(0, 2**64 - 1),
    st.builds(lambda bits, off: max(0, min((1 << bits) + off, 2**64 - 1)), st.integers(0, 64), st.integers(-2, 2)),
)


@settings(max_examples=20, deadline=None)
@given(values=st.lists(numbers, min_size=1, max_size=80))
def test_compact_numbers_below_2_to_the_64th(converter: Program, values: list[int]) -> None:
    encoded = [compact(value) for value in values]
    assert converted(converter, "/compact", encoded) == encoded


def test_longer_forms_than_needed_are_refused(converter: Program) -> None:
    longer = [
        b"\x01\x00", b"\xfd\x00", b"\x02\x00\x00\x00", b"\xfe\xff\x00\x00", b"\x03\xff\xff\xff\x3f",
        b"\x07\xff\xff\xff\xff\x00", b"\x13" + b"\xff" * 7 + b"\0", b"\x17" + bytes(8) + b"\x01", b"\x03", b"",
    ]  # fmt: skip
    assert converted(converter, "/compact", longer) == [None] * len(longer)


def test_a_count_that_cannot_be_is_refused_before_anything_is_allocated(converter: Program) -> None:
    """A vector of 2^30 - 1 numbers in a message of 40 bytes."""
    head = bytes(27) + b"\0" + b"\0" + b"\0"
    assert converted(converter, "/fields", [head + b"\xfe\xff\xff\xff" + bytes(20)]) == [None]
