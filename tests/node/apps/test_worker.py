"""Deploying, starting, stopping, resizing, removing; sessions and metrics; what comes back after a restart."""

import asyncio
import hashlib

import pytest

from tests.node.apps.conftest import Site, WorkerFactory
from wapo.abi.manifest import InvalidManifest
from wapo.abi.metrics import TooManyMetrics, VersionedAppsMetrics
from wapo.engine.errors import InvalidModule
from wapo.node.apps.app import OnDemandOnly
from wapo.node.apps.blobs import BlobName
from wapo.node.apps.instance import InstanceFailed
from wapo.node.apps.worker import AppExists, AppNotFound, AppsDeployed, NoSession
from wapo.scale.primitives import Reader
from wapo.trust.domains import ContentType, verify_signature


async def test_a_deployed_app_runs_and_answers(site: Site) -> None:
    app = await site.deploy()
    assert [instance.status for instance in app.instances] == ["Running"]
    assert await site.ask(app, "/echo", "hi") == b"hi"


async def test_the_program_gets_its_address_its_arguments_and_its_whole_environment(site: Site) -> None:
    app = await site.deploy("one", "two words", env_vars=(("A", "b=c"), ("EMPTY", "")))
    assert (await site.ask(app, "/args")).decode().splitlines() == [app.address.hex(), "one", "two words"]
    assert await site.ask(app, "/env", "A") == b"b=c"
    assert await site.ask(app, "/env", "HOME") == b""


async def test_deploying_needs_a_session(site: Site) -> None:
    with pytest.raises(NoSession, match="no worker session"):
        await site.deploy(begin=False)


async def test_an_app_is_deployed_once(site: Site) -> None:
    await site.deploy()
    with pytest.raises(AppExists, match="app already exists"):
        await site.deploy()
    assert len(site.worker.apps) == 1


async def test_two_deployments_of_one_manifest_at_once_make_one_app(site: Site) -> None:
    await site.worker.begin_session(b"", bytes(32))
    results = await asyncio.gather(*(site.deploy() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, AppExists) for result in results) == 4


@pytest.mark.parametrize(
    "fields",
    [{"version": 2}, {"resizable": True, "on_demand": True}, {"label": "x" * 65}, {"args": ("x" * 20_000,)}],
)
async def test_manifests_that_are_not_taken(site: Site, fields: dict) -> None:  # type: ignore[type-arg]
    await site.worker.begin_session(b"", bytes(32))
    with pytest.raises(InvalidManifest):
        await site.deploy(**fields)
    assert site.worker.apps == []


async def test_an_app_whose_program_cannot_start_is_not_deployed(site: Site) -> None:
    """The original kept it, and a second try said that it exists."""
    missing = "sha256:" + "0" * 64
    for _ in range(2):
        with pytest.raises(InstanceFailed, match="Wasm code not found"):
            await site.deploy(code_hash=missing)
    junk = await asyncio.to_thread(site.worker.blobs.put, BlobName.parse("sha256:", partial=True), b"\0asmjunk")
    with pytest.raises(InstanceFailed, match="invalid"):
        await site.deploy(code_hash=str(junk))
    assert site.worker.apps == []
    assert site.worker.slots.free == site.worker.slots.most


async def test_modules_that_are_no_programs(site: Site) -> None:
    """Each is refused with a word about why."""
    import wasmtime

    cases = {
        '(module (memory (export "memory") 1))': "wapo_poll",
        '(module (import "nowhere" "f" (func)) (func (export "wapo_poll") (result i32) i32.const 0))': "nowhere",
        '(module (func (export "wapo_poll") (param i32)))': "wapo_poll",
        '(module (memory (export "memory") 65536) (func (export "wapo_poll") (result i32) i32.const 0))': "memory",
        '(module (func $f unreachable) (start $f) (func (export "wapo_poll") (result i32) i32.const 0))': "unreachable",
    }
    for number, (text, expected) in enumerate(cases.items()):
        wasm = bytes(wasmtime.wat2wasm(text))
        name = await asyncio.to_thread(site.worker.blobs.put, BlobName.parse("sha256:", partial=True), wasm)
        with pytest.raises((InstanceFailed, InvalidModule), match=expected):
            await site.deploy(code_hash=str(name), label=str(number))
    assert site.worker.apps == []


async def test_a_start_function_without_an_end_does_not_hold_the_node(open_site: WorkerFactory) -> None:
    """While it spins, another app answers; removing it ends it."""
    import wasmtime

    text = '(module (func $f (loop $l br $l)) (start $f) (func (export "wapo_poll") (result i32) i32.const 0))'
    async with open_site() as site:
        name = await asyncio.to_thread(
            site.worker.blobs.put, BlobName.parse("sha256:", partial=True), bytes(wasmtime.wat2wasm(text))
        )
        good = await site.deploy()
        spinning = asyncio.create_task(site.deploy(code_hash=str(name), label="spinning"))
        await site.until(lambda: len(site.worker.apps) == 2 and bool(site.worker.apps[1].instances))
        assert await site.ask(good, "/echo", "hi") == b"hi"
        await site.worker.remove(site.worker.apps[1].address)
        with pytest.raises(InstanceFailed):
            await spinning
        assert site.worker.apps == [good]


async def test_stop_and_start(site: Site) -> None:
    app = await site.deploy()
    await site.worker.stop(app.address)
    assert app.instances == []
    assert await site.worker.resize(app.address, 1) == 1
    assert await site.ask(app, "/echo", "again") == b"again"


async def test_a_busy_program_is_stopped_within_a_slice(site: Site) -> None:
    """Section 15, 21."""
    app = await site.deploy()
    asking = asyncio.create_task(site.ask(app, "/spin"))
    await site.until(lambda: app.instances[0].guest is not None and app.instances[0].guest.in_poll)
    began = asyncio.get_running_loop().time()
    await site.worker.stop(app.address)
    assert asyncio.get_running_loop().time() - began < 1.0
    with pytest.raises(Exception, match="failed to receive query response"):
        await asking
    assert app.last_exit == "Stopped: stopped"


async def test_only_resizable_apps_grow_and_slots_bound_them(open_site: WorkerFactory) -> None:
    async with open_site(max_instances=3) as site:
        plain = await site.deploy()
        assert await site.worker.resize(plain.address, 5) == 1
        many = await site.deploy(resizable=True, label="many")
        assert await site.worker.resize(many.address, 5) == 2
        assert await site.worker.resize(many.address, 1) == 1
        assert many.instances[0].number == min(instance.number for instance in many.instances)
        assert await site.worker.resize(many.address, 0) == 0


async def test_on_demand_apps_are_not_started_by_hand(site: Site) -> None:
    app = await site.deploy(on_demand=True)
    assert app.instances == []
    with pytest.raises(OnDemandOnly, match="on-demand app cannot be started directly"):
        await site.worker.resize(app.address, 1)


async def test_unknown_addresses(site: Site) -> None:
    for call in (site.worker.stop(bytes(32)), site.worker.remove(bytes(32)), site.worker.resize(bytes(32), 1)):
        with pytest.raises(AppNotFound):
            await call


async def test_remove_all(site: Site) -> None:
    first, second = await site.deploy(), await site.deploy(label="other")
    await site.worker.remove_all()
    assert site.worker.apps == []
    await site.until(lambda: not first.instances and not second.instances)


# Ends


async def test_a_program_that_ends_is_started_again(site: Site) -> None:
    app = await site.deploy()
    first = app.instances[0].guest
    assert await site.ask(app, "/stop") == b"bye"
    await site.until(lambda: bool(app.instances) and app.instances[0].guest not in (None, first))
    assert await site.ask(app, "/echo", "again") == b"again"
    assert app.usage().starts == 1  # an automatic restart does not count
    assert any("Exited(0)" in line for line in await site.log(app))
    assert app.last_exit.startswith("Exited(0)")


@pytest.mark.parametrize(("path", "expected"), [("/exit", "Exited(3)"), ("/trap", "Trap"), ("/end", "Exited(0)")])
async def test_a_program_that_lived_too_shortly_is_gone_and_the_app_says_why(
    open_site: WorkerFactory, path: str, expected: str
) -> None:
    async with open_site(restart_after_s=1000) as site:
        app = await site.deploy()
        await asyncio.gather(site.ask(app, path), return_exceptions=True)
        await site.until(lambda: not app.instances)
        assert app.last_exit.startswith(expected)


async def test_a_restarted_program_has_lost_its_locks_and_not_its_gas(site: Site) -> None:
    app = await site.deploy()
    assert await site.ask(app, "/lock", "a") == b"0"
    gas = app.usage().gas
    first = app.instances[0].guest
    await site.ask(app, "/stop")
    await site.until(lambda: bool(app.instances) and app.instances[0].guest not in (None, first))
    assert await site.ask(app, "/lock", "a") == b"0"
    assert app.usage().gas > gas


# Sessions and metrics


async def test_a_session_begins_only_without_apps(site: Site) -> None:
    update, signature = await site.worker.begin_session(b"\1\2", b"\xbb" * 32)
    assert hashlib.blake2b(update.nonce + b"\1\2", digest_size=32).digest() == update.session
    assert verify_signature(site.worker.key.public, ContentType.SESSION_UPDATE, update.encode(), signature)
    app = await site.deploy()
    with pytest.raises(AppsDeployed):
        await site.worker.begin_session(b"", bytes(32))
    await site.worker.remove(app.address)
    again, _ = await site.worker.begin_session(update.nonce, bytes(32))
    assert again.session != update.session


async def test_metrics_are_signed_numbered_and_added_up(site: Site) -> None:
    app = await site.deploy()
    await site.ask(app, "/tip")
    await site.worker.stop(app.address)
    await site.worker.resize(app.address, 1)
    await site.ask(app, "/tip")
    encoded, signature = site.worker.metrics([app.address, bytes(32), app.address])
    assert verify_signature(site.worker.key.public, ContentType.METRICS, encoded, signature)
    report = VersionedAppsMetrics.read(Reader(encoded))
    assert (report.token.number, report.token.session) == (1, site.worker.session.id)
    (metrics,) = report.apps
    assert (metrics.address, metrics.session) == (app.address, app.session)
    assert (metrics.tip, metrics.starts) == (10, 2)
    assert metrics.gas_consumed > 0
    number, _ = (await site.ask(app, "/gas"))[8:16], None
    assert int.from_bytes(number, "little") == 2  # the same sequence


async def test_metrics_of_single_use_instances_are_not_lost(site: Site) -> None:
    """The original forgot them (quirk 27)."""
    app = await site.deploy(reuse=False, on_demand=True)
    for _ in range(3):
        await site.ask(app, "/tip")
    assert (app.usage().tip, app.usage().starts) == (15, 3)


async def test_at_most_64_apps_in_a_report(site: Site) -> None:
    for number in range(65):
        await site.deploy(on_demand=True, label=str(number))
    with pytest.raises(TooManyMetrics):
        site.worker.metrics([])
    assert site.worker.metrics([app.address for app in site.worker.apps[:64]])


async def test_metrics_need_a_session(site: Site) -> None:
    with pytest.raises(NoSession):
        site.worker.metrics([])


# Restarts of the node


async def test_what_is_deployed_comes_back(open_site: WorkerFactory) -> None:
    async with open_site() as site:
        running = await site.deploy("x", label="running", env_vars=(("A", "b"),))
        stopped = await site.deploy(label="stopped")
        gone = await site.deploy(label="gone")
        many = await site.deploy(resizable=True, label="many", reuse=False)
        await site.ask(running, "/tip")
        await site.ask(running, "/boot-set", "remember me")
        secret = await site.ask(running, "/secret", "path")
        await site.worker.stop(stopped.address)
        await site.worker.remove(gone.address)
        await site.worker.resize(many.address, 2)
        await site.worker.set_bench_app(many.address, 2)
        before = [(app.number, app.address, app.session, app.manifest, app.reuse_instances) for app in site.worker.apps]
        session, key = site.worker.session.id, site.worker.key.public
        site.worker.metrics([])
    async with open_site() as site:
        after = [(app.number, app.address, app.session, app.manifest, app.reuse_instances) for app in site.worker.apps]
        assert after == before
        assert (site.worker.session.id, site.worker.key.public) == (session, key)
        assert site.worker.bench is not None
        assert site.worker.bench.instances == 2
        apps = {app.manifest.label: app for app in site.worker.apps}
        assert await site.ask(apps["running"], "/boot") == b"\1" + bytes([11 << 2]) + b"remember me"
        assert await site.ask(apps["running"], "/secret", "path") == secret
        assert apps["running"].usage().tip == 5
        await site.until(lambda: len(apps["many"].instances) == 2)
        assert apps["stopped"].instances == []
        newest = await site.deploy(label="newest")
        assert newest.number == 4  # numbers are not used again
        report = VersionedAppsMetrics.read(Reader(site.worker.metrics([])[0]))
        assert report.token.number > 1  # nor are those of reports


async def test_another_apps_boot_data_are_its_own(site: Site) -> None:
    first, second = await site.deploy(), await site.deploy(label="other")
    assert await site.ask(first, "/boot-set", "mine") == b"0"
    assert await site.ask(second, "/boot") == b"\0"


async def test_boot_data_of_the_greatest_length(site: Site) -> None:
    """Section 15, 22. The original could write 65,536 bytes and never read them."""
    app = await site.deploy()
    record = bytes(range(256)) * 256
    assert await site.ask(app, "/boot-set", record) == b"0"
    assert await site.ask(app, "/boot") == b"\1" + b"\2\0\4\0" + record
    assert await site.ask(app, "/boot-set", record + b"x") == b"-3"
    assert await site.ask(app, "/boot") == b"\1" + b"\2\0\4\0" + record
    assert len(await site.ask(app, "/secret", b"x" * 256)) == 64


async def test_boot_data_are_shared_by_all_instances_at_once(site: Site) -> None:
    app = await site.deploy(reuse=False, on_demand=True)
    assert await site.ask(app, "/boot") == b"\0"
    assert await site.ask(app, "/boot-set", "new") == b"0"
    assert await site.ask(app, "/boot") == b"\1\x0cnew"


async def test_damaged_boot_data_are_an_error_and_not_a_loss(open_site: WorkerFactory) -> None:
    async with open_site() as site:
        app = await site.deploy()
        await site.ask(app, "/boot-set", "x")
        path = site.worker.blobs.folder / f"{app.address.hex()}-bootdata"
    path.write_bytes(path.read_bytes()[:-1])
    async with open_site() as site:
        (app,) = site.worker.apps
        assert await site.ask(app, "/boot") == b"-9"


async def test_locks_exclude_instances_and_go_with_them(site: Site) -> None:
    app = await site.deploy(resizable=True)
    await site.worker.resize(app.address, 2)
    one, two = app.instances
    assert app.locks.try_lock("a", one)
    assert not app.locks.try_lock("a", two)
    assert not app.locks.unlock("a", two)
    one.stop()
    assert app.locks.try_lock("a", two)
    assert await site.ask(app, "/lock", "x" * 65) == b"-18"


async def test_blobs_for_programs(site: Site) -> None:
    """Section 15, 23."""
    app = await site.deploy()
    name = await asyncio.to_thread(site.worker.blobs.put, BlobName.parse("sha512:", partial=True), b"content")
    assert await site.ask(app, "/blob", str(name)) == b"\x1ccontent"
    assert await site.ask(app, "/blob", str(name).upper().replace("SHA", "sha")) == b"\x1ccontent"
    for bad, code in ((str(name)[:-1], -9), ("md5:" + "0" * 32, -9), ("sha256:" + "0" * 64, -7), ("x" * 300, -9)):
        assert await site.ask(app, "/blob", bad) == str(code).encode()
    site.worker.blobs.path(name).write_bytes(b"contenT")
    assert await site.ask(app, "/blob", str(name)) == b"-9"


async def test_a_failure_that_nobody_thought_of_is_an_error_of_the_call(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not have the app wait for ever."""

    def fail(*_: object) -> bytes:
        raise RuntimeError("something else")

    app = await site.deploy()
    monkeypatch.setattr(site.worker.blobs, "read", fail)
    async with asyncio.timeout(5):
        assert await site.ask(app, "/blob", site.code) == b"-9"


async def test_a_worker_signs_for_its_apps(site: Site) -> None:
    from wapo.trust.app_data import verify_app_data

    app = await site.deploy()
    assert await site.ask(app, "/address") == app.address
    key = await site.ask(app, "/pubkey")
    assert key == site.worker.key.public
    for data in (b"data", b"x" * 500_000):
        signature = await site.ask(app, "/sign", data)
        assert signature[:2] == b"\1\1"
        assert verify_app_data(key, app.address, data, signature[2:])
    assert await site.ask(app, "/quote", "data") == b"\0"
