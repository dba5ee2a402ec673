"""Cryptography over the border (docs/abi.md, 1030 to 1033): at once, in threads, and within bounds."""

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.vm.crypto.support import encode
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.vm.crypto import operations
from wapo.vm.crypto.request import Operation, Request
from wapo.vm.ends import End, EndReason
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler

RESULT = BUFFER + (1 << 20)
PENDING = err(11)
HELD = 250


class Gate:
    """An operation that waits in its thread until it may go on; counts how many are there at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.inside: list[int] = []
        self.most = 0
        self.done = 0

    def perform(self, request: Request) -> bytes:
        with self.lock:
            self.inside.append(request.a)
            self.most = max(self.most, len(self.inside))
        assert self.open.wait(20)
        with self.lock:
            self.inside.remove(request.a)
            self.done += 1
        return request.data


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setitem(operations.OPERATIONS, HELD, Operation(gate.perform, lambda _: True))
    yield gate
    gate.open.set()


async def start(puppet: Puppet, message: bytes, expected: int | None = None) -> int:
    number = await puppet.call(1031, *puppet.put(message))
    assert expected is None or number == expected
    return number


async def until(puppet: Puppet, condition: Callable[[], bool]) -> None:
    await puppet.until(condition)


async def test_what_is_short_is_done_at_once(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        gas = puppet.guest.meter.gas
        length = await puppet.call(1030, *puppet.put(encode(1, 2, key=b"key", data=b"text")), RESULT, 100)
        assert puppet.get(length, RESULT) == hmac.digest(b"key", b"text", "sha256")
        assert puppet.guest.meter.gas > gas
        # What does not fit waits in the return slot.
        words = await puppet.replay([(1030, *puppet.put(encode(1, 4, key=b"key")), RESULT, 10), (0, RESULT, 64)])
        assert words == [64, 64]
        assert puppet.get(64, RESULT) == hmac.digest(b"key", b"", "sha512")
        # The result may take the place of the request.
        assert await puppet.call(1030, *puppet.put(encode(1, 2, key=b"key", data=b"text")), BUFFER, 100) == 32
        assert puppet.get(32) == hmac.digest(b"key", b"text", "sha256")


async def test_what_is_wrong_with_a_request(engine: Engine) -> None:
    end = 64 << 16
    async with Puppet(engine) as puppet:
        fine = puppet.put(encode(1, 2, key=b"key"))
        assert await puppet.replay(
            [
                (1030, BUFFER, fine[1] - 1, RESULT, 100), (1030, BUFFER, 31, RESULT, 100), (1030, BUFFER, 0, RESULT, 100),
                (1030, *fine, end - 10, 32), (1030, end - 10, 32, RESULT, 100), (1030, BUFFER, (64 << 10) + 1, RESULT, 100),
                (1031, BUFFER, fine[1] - 1), (1031, end - 10, 32), (1031, BUFFER, 1 << 31),
                (1032, 5, 77, RESULT, 100), (1032, 5, 0, end - 10, 100),
            ]
        ) == [err(3)] * 5 + [err(10)] + [err(3)] * 3 + [err(7), err(3)]  # fmt: skip
        unknown = puppet.put(encode(7777))
        assert await puppet.replay([(1030, *unknown, RESULT, 10), (1031, *unknown)]) == [err(8), err(8)]
        assert await puppet.replay([(201, 1000), (1032, 5, 0, RESULT, 10)]) == [0, err(8)]


async def test_what_takes_long_is_done_in_a_thread(engine: Engine) -> None:
    request = encode(21, 2, 32, 50_000, key=b"password", param=b"salt")
    async with Puppet(engine) as puppet:
        assert await puppet.call(1030, *puppet.put(request), RESULT, 100) == err(10)
        cpu = puppet.guest.meter.cpu_s
        job = await start(puppet, request, 0)
        assert await puppet.ready_call(1032, 5, job, RESULT, 100) == 32
        assert puppet.get(32, RESULT) == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 50_000, 32)
        assert puppet.guest.meter.cpu_s - cpu > 0.003, "a thread's time is the guest's"
        # It stays until it is closed, and the number is free then.
        assert await puppet.replay([(1032, 5, job, RESULT, 100), (101, job), (1032, 5, job, RESULT, 100)]) == [
            32, 0, err(7),
        ]  # fmt: skip
        wrong = await start(puppet, encode(13, key=bytes(16), param=bytes(16), data=bytes(100_000)))
        assert await puppet.ready_call(1032, 5, wrong, RESULT, 100) == err(3)
        limited = await start(puppet, encode(50, 1 << 20, param=b"\3"))
        assert await puppet.ready_call(1032, 5, limited, RESULT, 100) == err(10)


async def test_a_guest_has_one_thing_computed_at_a_time(engine: Engine, gate: Gate) -> None:
    async with Puppet(engine) as puppet:
        jobs = [await start(puppet, encode(HELD, number, data=b"x")) for number in range(5)]
        await until(puppet, lambda: gate.inside)
        assert await puppet.call(1032, 5, jobs[0], RESULT, 10) == PENDING
        gate.open.set()
        for job in jobs:
            assert await puppet.ready_call(1032, 5, job, RESULT, 10) == 1
        assert gate.most == 1
        assert gate.done == 5


async def test_one_owner_does_not_take_all_threads(engine: Engine, gate: Gate) -> None:
    scheduler = Scheduler()
    many = [Puppet(engine, scheduler=scheduler, owner="many") for _ in range(20)]
    for puppet in many:
        await puppet.__aenter__()
        await start(puppet, encode(HELD, 1, data=b"x"))
    async with Puppet(engine, scheduler=scheduler, owner="other") as other:
        await until(other, lambda: gate.inside)
        await start(other, encode(HELD, 2, data=b"x"))
        await until(other, lambda: 2 in gate.inside)
        assert gate.inside.count(1) < 20
        gate.open.set()


async def test_what_is_closed_is_not_begun(engine: Engine, gate: Gate) -> None:
    """What has been begun cannot be stopped, and keeps its place and its memory until it is done."""
    async with Puppet(engine) as puppet:
        guest = puppet.guest
        first, second = await start(puppet, encode(HELD, 1, data=b"x")), await start(puppet, encode(HELD, 2, data=b"y"))
        await until(puppet, lambda: gate.inside)
        held = guest.held_body_bytes
        assert held == 2 * 33
        assert await puppet.replay([(1032, 5, second, RESULT, 1), (101, second), (101, first)]) == [PENDING, 0, 0]
        assert guest.held_body_bytes == 33
        third = await start(puppet, encode(HELD, 3, data=b"z"), 0)
        gate.open.set()
        assert await puppet.ready_call(1032, 5, third, RESULT, 1) == 1
        assert puppet.get(1, RESULT) == b"z"
        assert gate.done == 2
        await puppet.call(101, third)
        assert guest.held_body_bytes == 0


async def test_a_guest_that_ends_leaves_nothing(engine: Engine, gate: Gate) -> None:
    scheduler = Scheduler()
    async with Puppet(engine, scheduler=scheduler, owner="same") as puppet:
        for number in range(3):
            await start(puppet, encode(HELD, number, data=b"x"))
        await until(puppet, lambda: gate.inside)
        guest = puppet.guest
        await puppet.end()
        assert guest.ended is not None
        gate.open.set()
        async with Puppet(engine, scheduler=scheduler, owner="same") as other:
            job = await start(other, encode(HELD, 9, data=b"y"))
            assert await other.ready_call(1032, 5, job, RESULT, 10) == 1
        assert gate.done == 2
        assert guest.held_body_bytes == 0


async def test_a_guest_cannot_ask_for_the_work_of_another(engine: Engine, gate: Gate) -> None:
    scheduler = Scheduler()
    async with Puppet(engine, scheduler=scheduler) as one, Puppet(engine, scheduler=scheduler) as other:
        job = await start(one, encode(HELD, 1, data=b"secret"), 0)
        gate.open.set()
        assert await one.ready_call(1032, 5, job, RESULT, 10) == 6
        assert await other.replay([(1032, 5, number, RESULT, 10) for number in range(5)]) == [err(7)] * 5


async def test_the_host_keeps_only_so_much_for_a_guest(engine: Engine, gate: Gate) -> None:
    limits = GuestLimits(memory_bytes=8 << 20, request_body_bytes=1 << 20, burst_s=10)
    async with Puppet(engine, limits=limits) as puppet:
        message = puppet.put(encode(HELD, 1, data=bytes((1 << 20) - 32)))
        words = await puppet.replay([(1031, *message)] * 6)
        assert words == [0, 1, 2, 3, err(10), err(10)]
        assert await puppet.call(1031, BUFFER, (1 << 20) + (64 << 10) + 1) == err(10)


async def test_the_loop_goes_on_while_keys_are_made(engine: Engine) -> None:
    """Turns of the loop are counted while an RSA key of 2048 bits is made and used, whatever the machine's speed."""
    turns = 0
    async with Puppet(engine) as puppet:
        job = await start(puppet, encode(50, 2048, param=b"\1\0\1"))
        waiting = asyncio.ensure_future(puppet.ready_call(1032, 5, job, RESULT, 4096))
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        assert await waiting > 1000
    assert turns > 20


async def test_a_guest_may_stand_still_until_it_is_done(engine: Engine) -> None:
    request = encode(21, 2, 32, 50_000, key=b"password", param=b"salt")
    async with Puppet(engine) as puppet:
        cpu = puppet.guest.meter.cpu_s
        expected = hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 50_000, 32)
        assert await puppet.fetch(1033, *puppet.put(request)) == expected
        assert puppet.guest.meter.cpu_s - cpu > 0.003, "a thread's time is the guest's"
        assert await puppet.fetch(1033, *puppet.put(encode(50, 1024, param=b"\1\0\1"))) != b""
        wrong = encode(13, key=bytes(16), param=bytes(16), data=bytes(100_000))
        assert await puppet.call(1033, *puppet.put(wrong)) == err(3)
        assert await puppet.call(1033, *puppet.put(encode(77))) == err(8)
        assert await puppet.call(1033, *puppet.put(encode(50, 1 << 20, param=b"\3"))) == err(10)
        assert await puppet.call(1033, BUFFER, 31) == err(3)
        assert await puppet.call(1033, 1 << 31, 32) == err(3)
        assert puppet.guest.held_body_bytes == 0


async def test_a_guest_that_ends_while_it_stands_still_leaves_nothing(engine: Engine, gate: Gate) -> None:
    scheduler = Scheduler()
    async with Puppet(engine, scheduler=scheduler, owner="same") as puppet:
        waiting = asyncio.ensure_future(puppet.call(1033, *puppet.put(encode(HELD, 1, data=b"x"))))
        await until(puppet, lambda: gate.inside)
        guest = puppet.guest
        assert guest.held_body_bytes == 33
        guest.stop(End(EndReason.STOPPED, "enough"))
        with pytest.raises(AssertionError, match="enough"):  # the call has no answer
            await waiting
        gate.open.set()
        async with Puppet(engine, scheduler=scheduler, owner="same") as other:
            assert await other.fetch(1033, *other.put(encode(HELD, 9, data=b"y"))) == b"y"
        assert guest.held_body_bytes == 0
