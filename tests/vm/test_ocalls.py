"""The rules of ocalls (wapo-abi.md section 2), each seen by a real guest."""

import pytest

from tests.vm.support import Recorder, err, fast, results_of, slow
from wapo.engine.engine import Engine

PENDING = err(11)
HELLO = '(data (i32.const 1024) "hello!!")'


async def test_result_words_carry_signed_values_in_the_low_half(engine: Engine) -> None:
    """Ok(-1) is 0xffffffff: the tag tells a value from an error."""
    assert await results_of(engine, fast(109, -1) + fast(110) + fast(110) + fast(110)) == [
        0, 0, 0xFFFFFFFF, err(7),
    ]  # fmt: skip


async def test_get_return_gives_the_bytes_once(engine: Engine) -> None:
    """The right length once; a second call finds nothing."""
    assert await results_of(engine, slow(242) + fast(0, 1024, 32) + fast(0, 1024, 32)) == [32, 32, err(7)]


async def test_get_return_with_a_wrong_length_loses_the_bytes(engine: Engine) -> None:
    """The bytes leave the slot before the length is looked at (quirk 2)."""
    assert await results_of(engine, slow(242) + fast(0, 1024, 31) + fast(0, 1024, 32)) == [32, err(3), err(7)]


async def test_get_return_outside_memory_is_an_error(engine: Engine) -> None:
    assert await results_of(engine, slow(242) + fast(0, 131072 - 31, 32)) == [32, err(3)]


@pytest.mark.parametrize("call", [slow(110), fast(112), fast(9999), slow(9999), fast(-1)])
async def test_wrong_import_or_number_is_unknown(engine: Engine, call: str) -> None:
    """A number through the wrong import is as unknown as one that does not exist."""
    assert await results_of(engine, call) == [err(1)]


async def test_ranges_are_checked_against_memory(engine: Engine) -> None:
    """Outside: 3. An empty range may begin anywhere up to the end; Rust passes pointer 1, length 0."""
    calls = fast(113, 131072, 1) + fast(113, -1, 2) + fast(113, 0, -1) + fast(113, 1, 0) + fast(113, 131072, 0)
    assert await results_of(engine, calls + fast(113, 131073, 0)) == [err(3), err(3), err(3), 0, 0, err(3)]


async def test_log_checks_level_and_encoding(engine: Engine) -> None:
    """Levels 1 to 5, UTF-8 only; what is right gets into the log with its level."""
    services = Recorder()
    data = HELLO + '(data (i32.const 1040) "\\ff\\fe")'
    calls = fast(220, 3, 1024, 7) + fast(220, 0, 1024, 7) + fast(220, 6, 1024, 7) + fast(220, 3, 1040, 2)
    assert await results_of(engine, calls + fast(220, 3, -8, 7), data, services=services) == [
        0, err(4), err(4), err(4), err(3),
    ]  # fmt: skip
    assert services.lines == [(3, "hello!!")]


async def test_a_log_text_of_any_size_is_cut(engine: Engine) -> None:
    """A guest cannot make the host copy its whole memory into a log line."""
    services = Recorder()
    assert await results_of(
        engine, "(drop (memory.grow (i32.const 100)))" + fast(220, 3, 0, 6_000_000), services=services
    ) == [0]
    assert len(services.lines[0][1]) < 300_000


async def test_trace_takes_a_bool(engine: Engine) -> None:
    services = Recorder()
    assert await results_of(engine, fast(111, 2) + fast(111, 1) + fast(110) + fast(111, 0), services=services) == [
        err(4), 0, 0, 0,
    ]  # fmt: skip
    assert (5, "next_ready_task(0, 0, 0, 0) = Ok(0)") in services.lines


async def test_input_channels_exist_once(engine: Engine) -> None:
    """3 and 4 exist; a second time 15, even after the receiver was closed; other numbers 3."""
    calls = slow(240, 3) + fast(0, 1024, 4) + fast(101, 0) + slow(240, 3) + slow(240, 4) + slow(240, 5) + slow(240, 1)
    assert await results_of(engine, calls) == [4, 4, 0, err(15), 4, err(3), err(3)]


async def test_resource_numbers_are_the_lowest_free(engine: Engine) -> None:
    """0, 1, 2; close 1; the next is 1. Closing twice, or what never was, is 7."""
    calls = fast(201, 1000) * 3 + fast(101, 1) + fast(101, 1) + fast(201, 1000) + fast(101, 99) + fast(101, -1)
    assert await results_of(engine, calls) == [0, 1, 2, 0, err(7), 1, err(7), err(7)]


async def test_the_resource_table_is_bounded(engine: Engine) -> None:
    """The 8193rd resource is refused."""
    calls = f"""
      (local $i i32)
      (loop $more
        (drop (call $fast (i32.const 0) (i32.const 201) (i32.const 100000) (i32.const 0) (i32.const 0) (i32.const 0)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $i) (i32.const 8191))))
      {fast(201, 100000)} {fast(201, 100000)}
    """
    assert await results_of(engine, calls) == [8191, err(10)]


async def test_operations_that_a_kind_does_not_have_are_unsupported(engine: Engine) -> None:
    """A timer is no stream, no channel, no one-shot and no listener."""
    calls = fast(201, 1000) + fast(104, 1, 0, 1024, 1) + slow(102, 1, 0) + fast(105, 1, 0) + fast(106, 1, 0)
    assert await results_of(engine, calls + fast(202, 0, 1024, 1)) == [0] + [err(8)] * 5


async def test_reset_of_what_is_no_timer_is_an_invalid_parameter(engine: Engine) -> None:
    assert await results_of(engine, slow(240, 3) + fast(203, 0, 5) + fast(203, 9, 5)) == [4, err(3), err(7)]


async def test_random_bytes_are_random_and_bounded(engine: Engine) -> None:
    """At most 1 MiB a call: a call cannot be interrupted."""
    calls = "(drop (memory.grow (i32.const 100)))" + fast(113, 1024, 32) + fast(113, 0, (1 << 20) + 1)
    assert await results_of(engine, calls) == [0, err(3)]


async def test_digests_are_the_libraries(engine: Engine) -> None:
    """1020: SHA-256 of "hello!!" is what everybody says it is; unknown algorithms and large pieces are refused."""
    calls = fast(1020, 2, 1024, 7, 2048) + fast(1020, 77, 1024, 7, 2048) + fast(1021, 2) + fast(1022, 0, 1024, 7)
    calls += fast(1023, 0, 2100) + fast(1022, 5, 1024, 7) + "(call $note (i64.load (i32.const 2048)))"
    calls += "(call $note (i64.load (i32.const 2100)))"
    words = await results_of(engine, calls, HELLO)
    assert words[:6] == [32, err(3), 0, 0, 32, err(7)]
    import hashlib

    first = int.from_bytes(hashlib.sha256(b"hello!!").digest()[:8], "little")
    assert words[6:] == [first, first]


async def test_drain_wakers_is_both_queues_in_one_call(engine: Engine) -> None:
    """1000 empties the ready queue and writes the waker messages, in order."""
    calls = (
        fast(103, 4, 99, 1024, 0) + fast(1000, 2048, 16) + "(call $note (i64.load32_s (i32.const 2048)))" + fast(110)
    )
    assert await results_of(engine, calls) == [err(7), 1, (1 << 64) - 5, err(7)]
