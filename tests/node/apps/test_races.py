"""Operators who do several things to one app at once: whatever the order, what is running is what is deployed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.node.apps.conftest import Site, WorkerFactory
from wapo.errors import WapoError
from wapo.node.apps.app import NoSlots
from wapo.node.apps.worker import AppNotFound


async def at_ease(site: Site) -> None:
    """Nothing runs that is not deployed, and what is deployed is what would come back."""
    async with asyncio.timeout(10):
        while any(instance.app not in site.worker.apps for instance in site.worker.slots.taken):
            await asyncio.sleep(0.002)
    kept = {record.address for record in await site.worker._records.load()}
    assert kept == {app.address for app in site.worker.apps}
    assert not any(app.retired for app in site.worker.apps)


async def test_an_instance_that_is_stopped_before_its_first_step_gives_its_slot_back(site: Site) -> None:
    app = await site.deploy(on_demand=True)
    async with asyncio.timeout(5):
        async with app.serving() as instance:
            instance.stop()  # as an eviction or an operator may, in the same turn of the loop
        await instance.wait_ended()
        await app.stop()
    assert site.worker.slots.taken == []


async def test_a_start_that_is_stopped_in_the_same_turn_does_not_hang(site: Site) -> None:
    app = await site.deploy()
    await site.worker.stop(app.address)
    async with asyncio.timeout(10):
        await asyncio.gather(site.worker.resize(app.address, 1), site.worker.stop(app.address), return_exceptions=True)
        await site.worker.remove(app.address)
    assert site.worker.slots.taken == []


async def test_nothing_runs_after_a_stop_that_meets_a_start(site: Site) -> None:
    app = await site.deploy()
    for _ in range(5):
        await site.worker.stop(app.address)
        starts = [asyncio.create_task(site.worker.resize(app.address, 1)) for _ in range(3)]
        await asyncio.sleep(0)
        await site.worker.stop(app.address)
        await asyncio.gather(*starts, return_exceptions=True)
        [record] = await site.worker._records.load()
        assert bool(record.target) == bool(app.instances) == bool(app.target)


async def test_an_app_that_is_removed_twice_and_deployed_between_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second removal may be slow at the database; it must not take what came after the first."""
    app = await site.deploy()
    delete, second = site.worker._records.delete, asyncio.Event()
    calls = 0

    async def slow(address: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            await second.wait()
        await delete(address)

    monkeypatch.setattr(site.worker._records, "delete", slow)
    removals = [asyncio.create_task(site.worker.remove(app.address)) for _ in range(2)]
    while not any(task.done() for task in removals):
        await asyncio.sleep(0.001)
    deployment = asyncio.create_task(site.deploy())
    await asyncio.sleep(0.05)  # it may be done by now, or wait for the removal
    second.set()
    await asyncio.gather(*removals, return_exceptions=True)
    await deployment
    assert [running.address for running in site.worker.apps] == [app.address]
    await at_ease(site)


async def test_whatever_is_done_at_once(site: Site) -> None:
    worker = site.worker
    address = (await site.deploy()).address
    actions: list[Callable[[], Awaitable[Any]]] = [
        lambda: site.deploy(), lambda: worker.remove(address), lambda: worker.stop(address),
        lambda: worker.resize(address, 1), worker.remove_all, lambda: worker.resize(address, 0),
    ]  # fmt: skip

    async def one(action: Callable[[], Awaitable[Any]], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        with contextlib.suppress(WapoError):  # somebody else was first
            await action()

    for round_number in range(40):
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(one(actions[(round_number * 7 + i * i) % len(actions)], (round_number * i) % 23) for i in range(10))
            )
        await at_ease(site)
    for app in worker.apps:
        await worker.remove(app.address)
    with pytest.raises(AppNotFound):
        worker.app(address)
    assert worker.slots.taken == []


async def test_a_size_beyond_all_numbers_is_as_many_as_there_are_slots(open_site: WorkerFactory) -> None:
    async with open_site(max_instances=2) as site:
        app = await site.deploy(resizable=True)
        assert await site.worker.resize(app.address, 2**64 - 1) == 2
        [record] = await site.worker._records.load()
        assert record.target == app.target == 2


async def test_a_query_is_not_given_to_an_instance_that_is_being_stopped(site: Site) -> None:
    """The caller before has gone away, and took the instance along that was being started for it."""
    app = await site.deploy(on_demand=True)
    for turns in range(1, 6):
        site.worker.programs._kept.clear()  # it takes a while to load
        first = asyncio.create_task(site.ask(app, "/echo", "one"))
        for _ in range(turns):
            await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.create_task(site.ask(app, "/echo", "two")) == b"two"
        await asyncio.gather(first, return_exceptions=True)


async def test_one_instance_makes_room_for_one(open_site: WorkerFactory) -> None:
    """It is being loaded, so its end takes a turn of the loop, in which many may want its place."""
    async with open_site(max_instances=1) as site:
        bench = await site.deploy(resizable=True, label="bench")
        app = await site.deploy(on_demand=True, reuse=False)
        await site.worker.stop(bench.address)
        programs = site.worker.programs
        programs._kept.clear()
        await programs._gate.acquire()
        await programs._gate.acquire()
        filling = asyncio.create_task(site.worker.resize(bench.address, 1))
        await site.until(lambda: bool(bench.instances))
        queries = [asyncio.create_task(site.ask(app, "/echo", "x")) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len([instance for instance in site.worker.slots.taken if not instance.stopped]) == 1
        programs._gate.release()
        programs._gate.release()
        results = await asyncio.gather(*queries, return_exceptions=True)
        await asyncio.gather(filling, return_exceptions=True)
        assert [type(result) for result in results] == [bytes, NoSlots, NoSlots, NoSlots]
