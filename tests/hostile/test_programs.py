"""WebAssembly programs that attack the host through its calls: it stays up, quick, and fair to others."""

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.vm.conftest import Networked, authority, network
from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import Recorder, fast, guest_of, run_to_end, run_until
from wapo.abi.calls import CALLS
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.ends import EndReason
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network
from wapo.vm.resources.oneshot import Reply
from wapo.vm.scheduler import Scheduler

__all__ = ["authority", "network"]

#: CPU that one call may take of the thread that everybody shares. Slices are 2 to 4 ms; copying 32 MiB takes 10.
LONGEST_S = 0.1

LOOP = '(func (export "wapo_poll") (result i32) (loop $again {calls} (br $again)) (i32.const 0))'
QUIET = "(global.set $at (i32.const 4096))"


@asynccontextmanager
async def watched() -> AsyncIterator[list[float]]:
    """Measures how long the event loop is kept from its own business, in CPU seconds of its thread. Without the garbage
    collector, which has all that other tests have left to look through."""
    longest = [0.0]
    gc.disable()

    async def watch() -> None:
        while True:
            begin = time.thread_time()
            await asyncio.sleep(0)
            longest[0] = max(longest[0], time.thread_time() - begin)

    task = asyncio.create_task(watch())
    try:
        yield longest
    finally:
        task.cancel()
        gc.enable()


async def test_lengths_of_four_gigabytes(engine: Engine, network: Network) -> None:
    """Every call, every place of a pointer and a length, all of a memory of 4 GiB: no call takes long."""
    services = Networked(network)
    limits = GuestLimits(memory_bytes=4 << 30, burst_s=None)
    async with Puppet(engine, services=services, limits=limits) as puppet:
        try:
            puppet.guest.instance.grow_to(4 << 30)
        except Exception as error:
            pytest.skip(f"this machine does not give 4 GiB of address space to one process: {error}")
        await puppet.replay([(240, 3), (201, 1_000_000), (1021, 2)])
        offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
        everything = (BUFFER, (1 << 32) - BUFFER - 1)
        for number in CALLS:
            for parameters in (
                everything, (3, *everything), (3, 1, *everything), (*everything, *everything), (2, *everything, BUFFER),
                (3, 3, *everything),
            ):  # fmt: skip
                if number in (0, 113, 1000) and parameters[0] < BUFFER:
                    continue  # these write there, and the puppet's own records are there
                begin = time.thread_time()
                await puppet.replay([(number, *parameters)])
                assert time.thread_time() - begin < LONGEST_S, (number, parameters)
                assert not puppet.ended, (number, parameters, puppet.guest.ended)


async def test_every_number_with_pointers_from_outside(engine: Engine, network: Network) -> None:
    """Whatever is outside of memory is error 3, or is not looked at; never the end of the guest."""
    async with Puppet(engine, services=Networked(network)) as puppet:
        size = puppet.guest.instance.memory_size
        for number in (*CALLS, 1, 100, 999, 1 << 31, -1):
            for outside in ((size, 1), (size - 1, 2), (-1, 1), (-1, -1), (1 << 31, 1 << 31), (0, -1)):
                for before in ((), (1,), (3, 1)):
                    words = await puppet.replay([(number, *before, *outside)])
                    assert words, (number, before, outside, puppet.guest.ended)


async def test_a_hundred_thousand_resources(engine: Engine) -> None:
    """Made and closed again, and made without end: the table has 8192 places."""
    one = "(drop (call $fast (i32.const 0) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0) (i32.const 0)))"
    body = f"""(func (export "wapo_poll") (result i32) (local $i i32)
      (loop $again {one.format(201, 100_000)} {one.format(101, 0)}
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50000))))
      (loop $again {one.format(201, 100_000)}
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
      (i32.const 1))"""
    guest = guest_of(engine, body, limits=GuestLimits(burst_s=20))
    async with watched() as longest:
        assert (await run_to_end(guest)).reason is EndReason.EXITED
    assert longest[0] < LONGEST_S
    assert len(guest.table) == 0


async def test_a_flood_of_log_lines(engine: Engine) -> None:
    """Each of the greatest length. Others have their turns; the text that is kept is the node's business."""
    scheduler = Scheduler()
    body = LOOP.format(calls=fast(220, 3, 0, 131072) + QUIET)

    class Counted(Recorder):
        count = 0

        def log(self, guest: object, level: int, text: str) -> None:
            self.count += 1

    services = Counted()
    flooding = guest_of(engine, body, scheduler=scheduler, services=services, limits=GuestLimits(burst_s=None))
    flooding.request_poll()
    async with watched() as longest:
        for number in range(10):
            other = guest_of(
                engine, '(func (export "wapo_poll") (result i32) (i32.const 1))', scheduler=scheduler, owner=str(number)
            )
            await run_to_end(other)
        await run_until(flooding, lambda: services.count > 1000)
    scheduler.stop_all()
    assert longest[0] < LONGEST_S


async def test_what_is_started_and_never_polled(engine: Engine, network: Network) -> None:
    """Thousands of timers that expire, channels, connectors: they are places in a table, and cause no poll."""
    async with Puppet(engine, services=Networked(network)) as puppet:
        host = puppet.put(b"127.0.0.1")
        await puppet.replay([(240, 3), (240, 4)])
        for _ in range(8):
            await puppet.replay([(201, 0)] * 500)
            await puppet.replay([(213, *host, 1)] * 500)
        offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
        await puppet.until(lambda: not puppet.guest.tasks.pending)
        polls = puppet.guest.meter.polls
        await asyncio.sleep(0.05)
        assert puppet.guest.meter.polls == polls
        assert network.budget.taken == 0
        assert len(puppet.guest.table) == 8003


async def test_what_is_polled_and_closed_at_once(engine: Engine, network: Network) -> None:
    """Attempts to connect, waits for a timer and for a listener, a hundred in a poll, closed in the same poll."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with Puppet(engine, services=Networked(network)) as puppet:
            port = server.getsockname()[1]
            host = puppet.put(b"127.0.0.1")
            listen = puppet.put(encode_text("127.0.0.1:0") + b"\0", BUFFER + 100)
            for make, poll in (
                ((213, *host, port), (106, 1, 0)), ((201, 0), (103, 1, 0, 0, 0)), ((210, *listen), (212, 1, 0)),
            ):  # fmt: skip
                words = await puppet.replay([make, poll, (101, 0)] * 100)
                assert words == [0, err(11), 0] * 100
            assert network.budget.taken == 0
            await puppet.until(lambda: not [t for t in asyncio.all_tasks() if "TcpConnect" in repr(t.get_coro())])


async def test_ten_thousand_sockets(engine: Engine, network: Network) -> None:
    """A program gets its share of the sockets, and then error 10; another one still gets its own."""
    network.budget.total = 400
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        port = server.getsockname()[1]
        greedy = Puppet(engine, services=Networked(network), owner="greedy")
        modest = Puppet(engine, services=Networked(network), owner="modest")
        async with greedy, modest, watched() as longest:
            host = greedy.put(b"127.0.0.1")
            made = [word for _ in range(20) for word in await greedy.replay([(213, *host, port)] * 500)]
            assert (len(made), made.count(err(10))) == (10_000, 10_000 - 8192)
            tried: list[int] = []
            for first in range(0, 8192, 512):
                tried += await greedy.replay([(106, 1, number) for number in range(first, first + 512)])
            assert (tried.count(err(11)), tried.count(err(10))) == (200, 8192 - 200)
            assert await modest.call(213, *modest.put(b"127.0.0.1"), port) == 0
            assert await modest.ready_call(106, 1, 0) == 1
        assert longest[0] < LONGEST_S
        assert network.budget.taken == 0


async def test_answers_of_every_length_to_many_callers(engine: Engine) -> None:
    """The longest answers there are, one after another, to twenty callers who wait."""
    answers: list[Reply] = []
    async with Puppet(engine, limits=GuestLimits(burst_s=None)) as puppet, watched() as longest:
        puppet.guest.instance.grow_to(BUFFER + (32 << 20))
        await puppet.call(240, 3)
        for _ in range(20):
            offer_query(puppet.guest, None, "/", b"", answers.append)
        for number in range(1, 21):
            assert await puppet.call(202, number, BUFFER, 32 << 20) == 0
            answers.clear()
        assert longest[0] < LONGEST_S


@pytest.mark.parametrize("call", [fast(113, 0, 1 << 17), fast(243, 0, 1 << 17), fast(1020, 5, 0, 1 << 17, 4096)])
async def test_the_most_expensive_calls_in_a_loop(engine: Engine, call: str) -> None:
    """They end at the burst limit like any other loop, and the loop turns meanwhile."""
    guest = guest_of(engine, LOOP.format(calls=call + QUIET), limits=GuestLimits(burst_s=0.1))
    async with watched() as longest:
        assert (await run_to_end(guest)).reason is EndReason.BURST_LIMIT
    assert longest[0] < LONGEST_S
