"""How arguments arrive and results leave (wapo-abi.md section 2)."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.conftest import Networked
from tests.vm.node_services import NodeServices, OneApp
from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import PRELUDE, Recorder, fast, guest_of, run_to_end, slow
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_bytes, encode_text
from wapo.vm.ends import EndReason
from wapo.vm.net.network import Network
from wapo.vm.resources.pipe import DuplexStream, Pipe

# Result words and the return slot (2.3, 2.4)


async def test_a_failing_slow_call_leaves_the_slot_alone(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        words = await puppet.replay([(242,), (102, 0, 99), (240, 77), (0, BUFFER, 32), (0, BUFFER, 32)])
        assert words == [32, err(7), err(3), 32, err(7)]


async def test_a_slow_call_replaces_what_is_in_the_slot(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.replay([(242,), (251,), (112,), (112,), (0, BUFFER, 1), (0, BUFFER, 1)]) == [
            32, 32, 1, 1, 1, err(7),
        ]  # fmt: skip


async def test_nothing_is_fetched_like_anything_else(engine: Engine, tmp_path: Path) -> None:
    """261 leaves zero bytes, which are there once."""
    async with Puppet(engine, services=NodeServices(tmp_path), session=OneApp()) as puppet:
        assert await puppet.replay([(261, BUFFER, 5), (0, BUFFER, 0), (0, BUFFER, 0)]) == [0, 0, err(7)]


async def test_fetching_to_outside_of_memory_loses_the_bytes(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        size = puppet.guest.instance.memory_size
        assert await puppet.replay([(242,), (0, size - 31, 32), (0, BUFFER, 32)]) == [32, err(3), err(7)]
        assert await puppet.replay([(242,), (0, -1, 32), (242,), (0, size - 32, 32)]) == [32, err(3), 32, 32]


@pytest.mark.parametrize("calls", [fast(0, 0, 0), fast(110), slow(112), fast(9999), slow(9999), fast(112)])
async def test_without_an_exported_memory_every_call_ends_the_guest(engine: Engine, calls: str) -> None:
    """Even one that would not use it (1.2)."""
    prelude = PRELUDE.replace('(memory (export "memory") 2)', '(memory (export "other") 2)')
    end = await run_to_end(
        guest_of(engine, f'(func (export "wapo_poll") (result i32) {calls} (i32.const 1))', prelude=prelude)
    )
    assert end.reason is EndReason.TRAP
    assert "memory" in end.detail


async def test_a_memory_without_pages_is_a_memory(engine: Engine) -> None:
    body = """(func (export "wapo_poll") (result i32) (i32.wrap_i64
      (call $fast (i32.const 0) (i32.const 113) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
      (drop (call $fast (i32.const 0) (i32.const 220) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0)))
      (i32.const 1) (i32.add))"""
    services = Recorder()
    prelude = PRELUDE.replace('"memory") 2)', '"memory") 0)')
    assert str(await run_to_end(guest_of(engine, body, prelude=prelude, services=services))) == "Exited(0)"
    assert services.lines == [(3, "")]


# Packing (2.5)


async def test_slices_are_pointer_and_length(engine: Engine) -> None:
    """One after another, two in a row too (legacy 231)."""
    async with Puppet(engine, legacy=True, services=_Cached()) as puppet:
        key, value = puppet.put(b"key"), puppet.put(b"value", BUFFER + 100)
        assert await puppet.call(231, *key, *value) == 0
        puppet.put(b"key", BUFFER + 200)
        assert await puppet.fetch(230, BUFFER + 200, 3) == b"\1" + encode_bytes(b"value")


class _Cached(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.app = OneApp()

    def local_cache(self, guest: object) -> object:  # type: ignore[override]
        return self.app.local_cache


async def test_unused_parameters_are_ignored(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(110, 1, 2, 3, 4), (109, 5, -1, -1, -1), (110, -1, -1, -1, -1)]) == [0, 0, 5]
        assert await puppet.replay([(242, -1, -1, -1, -1), (0, BUFFER, 32, -1, -1)]) == [32, 32]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(high=st.integers(0, 0xFFFFFFFF), low=st.integers(0, 0xFFFFFFFF))
async def test_u64_is_high_then_low(engine: Engine, high: int, low: int) -> None:
    async with Puppet(engine) as puppet:
        await puppet.call(253, high, low)
        assert puppet.guest.meter.tip == high << 32 | low


async def test_numbers_of_tasks_are_signed(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(110,), (109, -5), (109, 1 << 31), (110,), (110,)]) == [
            0, 0, 0, 0xFFFFFFFB, 0x80000000,
        ]  # fmt: skip


# Validation and its order (2.6, 2.7)


async def test_slices_are_checked_before_anything_else(engine: Engine, network: Network) -> None:
    """A bad slice is 3 where another argument would be 4, and where the operation would be 7."""
    async with Puppet(engine, services=Networked(network)) as puppet:
        size = puppet.guest.instance.memory_size
        words = await puppet.replay([
            (220, 0, size, 1), (213, size, 1, 65536), (202, 99, size, 1), (204, 99, size, 1),
            (103, 1, 99, size, 1), (104, 1, 99, size, 1),
        ])  # fmt: skip
        assert words == [err(3)] * 6


async def test_encoding_is_checked_before_the_operation(engine: Engine, network: Network) -> None:
    """4 where the resource does not exist, or the host would be forbidden."""
    async with Puppet(engine, services=Networked(network)) as puppet:
        bad = puppet.put(b"\xc3\x28")
        assert (
            await puppet.replay([(204, 99, *bad), (213, *bad, 80), (220, 3, *bad), (244, *bad), (262, *bad)])
            == [err(4)] * 5
        )


async def test_of_two_slices_both_are_checked(engine: Engine) -> None:
    async with Puppet(engine, legacy=True, services=_Cached()) as puppet:
        size = puppet.guest.instance.memory_size
        assert await puppet.replay([(231, size, 1, 0, 0), (231, 0, 0, size, 1), (231, 0, 0, -1, -1)]) == [err(3)] * 3


@pytest.mark.parametrize("number", [210, 214, 215])
async def test_encoded_input(engine: Engine, network: Network, number: int) -> None:
    """Out of bounds or undecodable: 3."""
    async with Puppet(engine, services=Networked(network)) as puppet:
        size = puppet.guest.instance.memory_size
        assert await puppet.replay([(number, size, 1), (number, -1, -1), (number, BUFFER, 0)]) == [err(3)] * 3
        for data in (b"\x04", b"\x03\xff\xff\xff\xff", b"\x04\xff", b"\x01\x00", b"\xfe\xff\xff\xff" + b"a" * 100):
            assert await puppet.call(number, *puppet.put(data)) == err(3)


async def test_bytes_after_encoded_input_are_ignored(engine: Engine, network: Network) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        listen = encode_text("127.0.0.1:0") + b"\0" + b"more"
        connect = encode_text("example.com") + (443).to_bytes(2, "little") + b"\0" + b"\xff" * 9
        assert await puppet.call(210, *puppet.put(listen)) == 0
        assert await puppet.call(214, *puppet.put(connect)) == 1


RANGES = st.tuples(
    st.one_of(st.integers(0, 0xFFFFFFFF), st.integers((64 << 16) - 40, (64 << 16) + 40)),
    st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 40)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(RANGES, min_size=1, max_size=20))
async def test_a_range_is_inside_memory_or_error_3(engine: Engine, ranges: list[tuple[int, int]]) -> None:
    """For every pointer and length there is; calls that read one, and calls that write one (of a stream at its end)."""
    async with Puppet(engine) as puppet:
        pipe = Pipe()
        pipe.end()
        puppet.guest.table.add(DuplexStream(pipe, Pipe()))
        size = puppet.guest.instance.memory_size
        for pointer, length in ranges:
            inside = pointer + length <= size
            assert await puppet.replay([(243, pointer, length), (103, 1, 0, pointer, length)]) == (
                [0, 0] if inside else [err(3)] * 2
            )
            fetched = await puppet.replay([(242,), (0, pointer, 32)])
            assert fetched[1] == (32 if pointer + 32 <= size else err(3))


async def test_memory_that_has_grown_can_be_used_at_once(engine: Engine) -> None:
    grow = f"{fast(113, 131072, 8)} (drop (memory.grow (i32.const 1))) {fast(113, 131072, 8)} {fast(113, 196608, 1)}"
    words: list[int] = []
    guest = guest_of(engine, f'(func (export "wapo_poll") (result i32) {grow} (i32.const 1))')
    guest._release = lambda instance, _clean: (
        words.extend(int.from_bytes(instance.read(4096 + 8 * i, 8), "little") for i in range(3)), instance.close()
    )  # fmt: skip
    await run_to_end(guest)
    assert words == [err(3), 0, err(3)]


async def test_a_pending_or_failed_read_leaves_the_buffer_alone(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        pipe = Pipe()
        puppet.guest.table.add(DuplexStream(pipe, Pipe()))
        canary = b"\xaa" * 100
        puppet.put(canary)
        assert await puppet.replay([(103, 1, 0, BUFFER, 100), (103, 1, 99, BUFFER, 100)]) == [err(11), err(7)]
        assert puppet.get(100) == canary
        pipe.push(b"hello")
        assert await puppet.call(103, 1, 0, BUFFER, 100) == 5
        assert puppet.get(100) == b"hello" + canary[5:]


# Tracing (2.11)


async def test_a_trace_has_every_call_between_its_switches(engine: Engine) -> None:
    """Fast and slow, good and bad, number 0, and numbers that do not exist."""
    services = Recorder()
    async with Puppet(engine, services=services, drain=False) as puppet:
        records = [
            Puppet.record(109, 1), Puppet.record(111, 1), Puppet.record(109, -1), Puppet.record(251),
            Puppet.record(0, BUFFER, 32), Puppet.record(0, BUFFER, 32), Puppet.record(102, 7, 99),
            Puppet.record(4242, 1, 2, 3, 4), Puppet.record(110, how=1), Puppet.record(111, 2), Puppet.record(111, 0),
            Puppet.record(109, 1),
        ]  # fmt: skip
        await puppet.replay_records(records)
    assert services.lines == [
        (5, "enable_ocall_trace(1, 0, 0, 0) = Ok(0)"),
        (5, "mark_task_ready(4294967295, 0, 0, 0) = Ok(0)"),
        (5, "worker_pubkey(0, 0, 0, 0) = Ok(32)"),
        (5, f"get_return({BUFFER}, 32, 0, 0) = Ok(32)"),
        (5, f"get_return({BUFFER}, 32, 0, 0) = Err(7)"),
        (5, "poll(7, 99, 0, 0) = Err(7)"),
        (5, "unknown_4242(1, 2, 3, 4) = Err(1)"),
        (5, "next_ready_task(0, 0, 0, 0) = Err(1)"),
        (5, "enable_ocall_trace(2, 0, 0, 0) = Err(4)"),
    ]


async def test_a_trace_tells_what_a_call_that_waited_came_to(engine: Engine, tmp_path: Path) -> None:
    app = OneApp()
    async with Puppet(engine, services=NodeServices(tmp_path), session=app) as puppet:
        name = puppet.put(f"sha256:{'0' * 64}".encode())
        await puppet.replay([(111, 1), (260,), (244, *name), (111, 0)])
    assert [text for _, text in app.lines][1:] == [
        "read_boot_data(0, 0, 0, 0) = Ok(1)", f"blob_get({BUFFER}, 71, 0, 0) = Err(7)",
    ]  # fmt: skip


async def test_tracing_is_of_one_guest_and_off_at_first(engine: Engine) -> None:
    services = Recorder()
    async with Puppet(engine, services=services) as traced, Puppet(engine, services=services) as other:
        await other.call(113, BUFFER, 8)
        await traced.replay([(111, 1), (111, 0)])
        await other.call(113, BUFFER, 8)
    assert len(services.lines) == 1
