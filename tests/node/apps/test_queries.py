"""Queries: who answers, who waits, who is refused."""

import asyncio
import contextlib
import hashlib

import pytest
import wasmtime

from tests.node.apps.conftest import Site, WorkerFactory
from wapo.node.apps.app import InstanceNotFound, NoSlots
from wapo.node.apps.blobs import BlobName
from wapo.node.apps.instance import InstanceFailed, InstanceNotListening
from wapo.node.apps.queries import NoQueryResponse, QueryRefused, QueryTimedOut, QueryTooLarge
from wapo.node.apps.worker import AppNotFound
from wapo.vm.inputs import InputBusy


async def test_three_outcomes(site: Site) -> None:
    """Section 15, 14."""
    app = await site.deploy()
    assert await site.ask(app, "/echo", b"\0\xff") == b"\0\xff"
    with pytest.raises(QueryRefused, match="no such path"):
        await site.ask(app, "/nowhere")
    with pytest.raises(NoQueryResponse, match="failed to receive query response"):
        await site.ask(app, "/drop")
    assert await site.ask(app, "/echo", "still there") == b"still there"


async def test_the_size_of_a_query_is_the_manifests(site: Site) -> None:
    app = await site.deploy(max_query_size=10)
    assert await site.ask(app, "/echo", "12345") == b"12345"
    with pytest.raises(QueryTooLarge):
        await site.ask(app, "/echo", "123456")
    none = await site.deploy(max_query_size=0, label="none")
    with pytest.raises(QueryTooLarge):
        await site.ask(none, "/")


async def test_an_unknown_app(site: Site) -> None:
    app = await site.deploy()
    await site.worker.remove(app.address)
    with pytest.raises(AppNotFound):
        await site.ask(app, "/echo")


async def test_a_query_waits_for_an_app_that_listens_late(site: Site) -> None:
    app = await site.deploy("late", "100")
    assert await site.ask(app, "/echo", "hi") == b"hi"


async def test_an_app_that_never_listens(open_site: WorkerFactory) -> None:
    async with open_site(channel_wait_s=0.1) as site:
        app = await site.deploy("no-query")
        with pytest.raises(InstanceNotListening, match=r"within 0\.1 s"):
            await site.ask(app, "/echo")


async def test_an_app_that_ends_while_a_query_waits(open_site: WorkerFactory) -> None:
    async with open_site(restart_after_s=1000) as site:
        app = await site.deploy("late", "60000", "exit-after", "50")
        with pytest.raises(InstanceFailed, match="ended before it answered"):
            await site.ask(app, "/echo")


async def test_a_query_has_a_time_limit(open_site: WorkerFactory) -> None:
    """And the program finds that nobody waits any more."""
    async with open_site(query_time_s=0.1) as site:
        app = await site.deploy()
        with pytest.raises(QueryTimedOut, match=r"within 0\.1 s"):
            await site.ask(app, "/hang")
        assert await site.ask(app, "/release") == b""


@pytest.mark.parametrize("where", ["start", "poll"])
async def test_the_time_of_a_query_begins_before_the_program_listens(open_site: WorkerFactory, where: str) -> None:
    """One that burns in its start function, or never listens, once kept its caller until the instance's life was over."""
    burn = "(loop $again (br $again))"
    start = f"(func $f {burn}) (start $f)" if where == "start" else ""
    text = (
        f'(module (memory (export "memory") 1) {start} (func (export "wapo_poll") (result i32) {burn} (i32.const 0)))'
    )
    wasm = bytes(wasmtime.wat2wasm(text))
    async with open_site(query_time_s=0.1) as site:
        await asyncio.to_thread(site.worker.blobs.put, BlobName.parse("sha256:", partial=True), wasm)
        app = await site.deploy(code_hash=f"sha256:{hashlib.sha256(wasm).hexdigest()}", on_demand=True)
        async with asyncio.timeout(10):
            with pytest.raises(InstanceNotListening, match=r"within 0\.1 s"):
                await site.ask(app, "/")


async def test_a_stopped_app_has_nobody_to_answer(site: Site) -> None:
    app = await site.deploy()
    await site.worker.stop(app.address)
    with pytest.raises(InstanceNotFound, match="instance not found"):
        await site.ask(app, "/echo")


async def test_twenty_messages_wait_and_the_next_is_refused_as_busy(site: Site) -> None:
    """Section 15, 13."""
    app = await site.deploy("late", "200")
    spinning = app.instances[0]
    await spinning.wait_listening(3, 10)
    guest = spinning.guest
    assert guest is not None
    asking = asyncio.create_task(site.ask(app, "/spin"))
    await site.until(lambda: guest.in_poll)
    waiting = [asyncio.create_task(site.ask(app, "/echo", str(number))) for number in range(21)]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert (len(done), len(pending)) == (1, 20)
    with pytest.raises(InputBusy):
        done.pop().result()
    await site.worker.stop(app.address)
    results = await asyncio.gather(asking, *pending, return_exceptions=True)
    assert all(isinstance(result, NoQueryResponse) for result in results)


# Who is chosen (4.4)


async def test_reused_on_demand_instances_start_with_the_first_query_and_stop_after_the_last(site: Site) -> None:
    app = await site.deploy(on_demand=True, reuse=True)
    answers = await asyncio.gather(*(site.ask(app, "/echo", str(number)) for number in range(10)))
    assert answers == [str(number).encode() for number in range(10)]
    await site.until(lambda: not app.instances)
    assert app.usage().starts == 1


async def test_an_idle_grace_keeps_a_reused_on_demand_instance(open_site: WorkerFactory) -> None:
    async with open_site(idle_grace_s=30.0) as site:
        app = await site.deploy(on_demand=True, reuse=True)
        for _ in range(3):
            await site.ask(app, "/echo", "x")
        assert app.usage().starts == 1
        assert len(app.instances) == 1


async def test_without_reuse_each_query_has_an_instance_of_its_own(site: Site) -> None:
    app = await site.deploy(reuse=False)
    standing = app.instances[0]
    assert await site.ask(app, "/lock", "a") == b"0"
    assert await site.ask(app, "/lock", "a") == b"0"  # the holder is gone
    assert app.instances == [standing]
    assert app.usage().starts == 3


async def test_without_a_slot_the_standing_instance_serves(open_site: WorkerFactory) -> None:
    async with open_site(max_instances=1) as site:
        app = await site.deploy(reuse=False)
        assert await site.ask(app, "/echo", "x") == b"x"
        assert app.usage().starts == 1
        other = await site.deploy(reuse=False, on_demand=True, label="other")
        with pytest.raises(NoSlots, match="No available slots"):
            await site.ask(other, "/echo", "x")


async def test_an_on_demand_start_evicts_a_resizable_instance(open_site: WorkerFactory) -> None:
    async with open_site(max_instances=2) as site:
        bench = await site.deploy(resizable=True, label="bench")
        assert await site.worker.resize(bench.address, 2) == 2
        app = await site.deploy(on_demand=True, reuse=False)
        assert await site.ask(app, "/echo", "x") == b"x"
        assert len(bench.instances) == 1


async def test_an_instance_that_serves_one_query_may_live_only_so_long(open_site: WorkerFactory) -> None:
    async with open_site(on_demand_time_s=0.2, query_time_s=30) as site:
        app = await site.deploy(on_demand=True, reuse=False)
        for path in ("/hang", "/spin"):
            with pytest.raises(NoQueryResponse):
                await site.ask(app, path)
        await site.until(lambda: not app.instances)
        assert "time limit" in app.last_exit


async def test_the_clock_of_a_reused_instance_begins_anew_with_each_query(open_site: WorkerFactory) -> None:
    async with open_site(on_demand_time_s=0.6, idle_grace_s=30) as site:
        app = await site.deploy(on_demand=True, reuse=True)
        for _ in range(4):
            await asyncio.sleep(0.2)
            await site.ask(app, "/echo", "x")
        assert app.usage().starts == 1
        await site.until(lambda: not app.instances)


async def test_an_on_demand_instance_has_a_longest_life_whatever_it_is_asked(open_site: WorkerFactory) -> None:
    async with open_site(on_demand_time_s=30, instance_life_s=0.3, idle_grace_s=30) as site:
        app = await site.deploy(on_demand=True, reuse=True)
        standing = await site.deploy(label="always")
        async with asyncio.timeout(20):
            while app.usage().starts < 2:
                with contextlib.suppress(NoQueryResponse):
                    await site.ask(app, "/echo", "x")
        assert "whatever it is asked" in app.last_exit
        assert standing.usage().starts == 1


async def test_the_last_query_is_remembered(site: Site) -> None:
    app = await site.deploy()
    await site.ask(app, "/echo", "x")
    assert app.last_query_elapsed_s == 0
    app._last_query_s -= 100
    assert app.last_query_elapsed_s == 100


async def test_memory_of_an_instance_is_bounded(open_site: WorkerFactory) -> None:
    async with open_site(instance_memory_bytes=8 << 20) as site:
        app = await site.deploy()
        assert await site.ask(app, "/grow", (1 << 20).to_bytes(4, "little")) == b"1"
        assert await site.ask(app, "/grow", (8 << 20).to_bytes(4, "little")) == b"0"
