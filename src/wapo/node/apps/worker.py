"""The worker: the apps that are deployed on this node (node-and-gateway 3.5). RPC and commands talk to this object."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wapo.abi.manifest import Manifest
from wapo.abi.metrics import MAX_APPS, AppMetrics, TooManyMetrics, VersionedAppsMetrics
from wapo.abi.prices import Prices, SignedWorkerDescription, WorkerDescription
from wapo.abi.registration import WorkerEndpointPayload, WorkerRegistrationInfoV2, encode_attestation
from wapo.abi.session import SessionUpdate
from wapo.agents.isolates import Isolates
from wapo.engine.engine import Engine, Settings
from wapo.engine.modules import ModuleCache
from wapo.errors import CallerError, WapoError
from wapo.log import Log
from wapo.node.apps.app import App, AppEnvironment, Slots
from wapo.node.apps.blobs import BlobStore
from wapo.node.apps.boot_data import BootDataStore
from wapo.node.apps.programs import COMPILERS, QUEUE, ProgramCache
from wapo.node.apps.records import AppRecord, AppRecords
from wapo.node.apps.replays import ReplayGuard
from wapo.node.apps.services import AppServices
from wapo.node.apps.session import WorkerSession
from wapo.node.apps.settings import WorkerSettings
from wapo.node.apps.usage import Usage
from wapo.node.logs import LogBook
from wapo.node.memory import MemoryWatch
from wapo.store.database import Database
from wapo.trust.attestation.provider import NoAttestation
from wapo.trust.domains import ContentType
from wapo.trust.keys import NodeKeys
from wapo.trust.quote import QuoteProvider, registration_report_data
from wapo.trust.worker_key import WorkerKey
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.net.budget import SocketBudget
from wapo.vm.net.network import Network
from wapo.vm.scheduler import Scheduler

__all__ = ["AppExists", "AppNotFound", "AppsDeployed", "NoSession", "Worker", "open_worker"]

_SAVE_EVERY_S: Final = 10.0
_BENCH: Final = "bench"
_NUMBER: Final = "next-number"
_log = Log("wapo.worker")


class NoSession(CallerError):
    """The worker has no session; apps are deployed, and metrics reported, in one."""

    code = "no_session"


class AppExists(CallerError):
    """An app of that manifest is deployed already."""

    code = "app_exists"


class AppNotFound(CallerError):
    """No app of that address is deployed."""

    code = "app_not_found"
    status = 404


class AppsDeployed(CallerError):
    """A session cannot begin while apps of another are deployed."""

    code = "apps_deployed"


@dataclass(frozen=True, slots=True)
class BenchApp:
    """The app that fills idle places, and how many instances of it there are to be."""

    address: bytes
    instances: int


class Worker:
    """Made by :func:`open_worker`.

    Attributes:
        stop_requested: set when an operator wants the process to end.
    """

    def __init__(
        self, settings: WorkerSettings, *, key: WorkerKey, records: AppRecords, session: WorkerSession,
        environment: AppEnvironment, blobs: BlobStore, network: Network, quotes: QuoteProvider,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.key = key
        self.blobs = blobs
        self.network = network
        self.session = session
        self.quotes = quotes
        self.replays = ReplayGuard(settings.refuse_replays_s) if settings.refuse_replays_s else None
        self.stop_requested = asyncio.Event()
        self.bench: BenchApp | None = None
        self._records = records
        self._environment = environment
        self._apps: dict[bytes, App] = {}
        self._next_number = 0
        self._deploying = asyncio.Lock()
        self._unsaved: dict[bytes, Usage] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    # Apps

    @property
    def apps(self) -> list[App]:
        """By serial number."""
        return sorted(self._apps.values(), key=lambda app: app.number)

    def app(self, address: bytes) -> App:
        """Raises :class:`AppNotFound`."""
        app = self._apps.get(address)
        if app is None:
            raise AppNotFound("App not found")
        return app

    @property
    def slots(self) -> Slots:
        return self._environment.slots

    @property
    def programs(self) -> ProgramCache:
        return self._environment.programs

    async def restore(self) -> None:
        """Brings back what was deployed. Programs start in the background; others go on where one cannot."""
        self._next_number = await self._records.state(_NUMBER) or 0
        bench = await self._records.state(_BENCH)
        if bench is not None:
            self.bench = BenchApp(bytes.fromhex(bench["address"]), bench["instances"])
        for record in await self._records.load():
            app = App(record, self._environment)
            self._apps[record.address] = app
            self._next_number = max(self._next_number, record.number + 1)
            if record.target and not record.manifest.on_demand:
                self._background(self._resume(app))

    async def _resume(self, app: App) -> None:
        try:
            async with app.changing:
                await app.resize(app.target)
        except WapoError as error:
            _log.error("an app could not be started again", app=app.owner, cause=str(error))

    def _background(self, work: object) -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type, var-annotated]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def deploy(self, manifest: Manifest, *, reuse_instances: bool) -> App:
        """Deploys an app. One that is not on demand has an instance running when this returns, if there was a slot.

        Raises:
            NoSession, InvalidManifest, AppExists.
            InstanceFailed: its instance could not be started; nothing is deployed.
        """
        if not self.session.id:
            raise NoSession("no worker session")
        manifest.check()
        address = manifest.address()
        async with self._deploying:
            if address in self._apps:
                raise AppExists("app already exists")
            number = self._next_number
            target = 0 if manifest.on_demand else 1
            record = AppRecord(address, number, secrets.token_bytes(32), manifest, reuse_instances, target, Usage())
            await self._records.set_state(_NUMBER, number + 1)
            self._next_number = number + 1
            await self._records.insert(record)
            app = self._apps[address] = App(record, self._environment)
        if target:
            try:
                async with app.changing:
                    await app.resize(target)
            except BaseException:
                await self._withdraw(app)
                raise
        return app

    async def _withdraw(self, app: App) -> None:
        """Takes a deployment back that did not succeed."""
        await app.retire()
        await self._forget(app)

    async def _unrecord(self, app: App) -> None:
        """It does not come back after a restart. Another app of that address stays."""
        async with self._deploying:
            if self._apps.get(app.address) is app and app.recorded:
                await self._records.delete(app.address)
                app.recorded = False

    async def _forget(self, app: App) -> None:
        """What runs there no more is not deployed any more."""
        await self._unrecord(app)
        if self._apps.get(app.address) is app:
            del self._apps[app.address]
            self._unsaved.pop(app.address, None)

    async def resize(self, address: bytes, count: int) -> int:
        """Has ``count`` instances of an app run; how many there are then.

        Raises:
            AppNotFound, OnDemandOnly, InstanceFailed.
        """
        app = self.app(address)
        async with app.changing:
            before = app.target
            # First what is remembered: where the disk does not take it, nothing has been done.
            await self._set_target(app, min(count, self.settings.max_instances if app.manifest.resizable else 1))
            try:
                return await app.resize(count)
            except BaseException:
                await self._set_target(app, before)
                raise

    async def _set_target(self, app: App, target: int) -> None:
        if self._apps.get(app.address) is app:
            await self._records.set_target(app.address, target)
        app.target = target

    async def stop(self, address: bytes) -> None:
        """Ends all instances of an app, which stays deployed.

        Raises:
            AppNotFound.
        """
        app = self.app(address)
        await self._set_target(app, 0)  # where the disk does not take it, nothing has been done
        await app.stop()  # a start that is under way fails, and need not be waited for
        async with app.changing:
            await app.stop()
            await self._set_target(app, 0)

    async def remove(self, address: bytes) -> None:
        """Forgets an app and its metrics; its boot data and blobs stay.

        Raises:
            AppNotFound.
        """
        app = self._apps.get(address)
        if app is None:
            raise AppNotFound("app not found")
        await self._unrecord(app)  # where the disk does not take it, nothing has been done
        await app.retire()
        await self._forget(app)

    async def remove_all(self) -> None:
        """Forgets all apps; their instances are told to stop."""
        async with self._deploying:
            await self._records.delete_all()
            apps, self._apps = list(self._apps.values()), {}
            self._unsaved.clear()
        for app in apps:
            app.retired = True
            for instance in list(app.instances):
                instance.stop()

    async def set_bench_app(self, address: bytes | None, instances: int) -> None:
        """Records which app fills idle places, and resizes it.

        Raises:
            AppNotFound: there is no such app; it is recorded all the same.
        """
        kept = None if address is None else {"address": address.hex(), "instances": instances}
        await self._records.set_state(_BENCH, kept)
        self.bench = BenchApp(address, instances) if address is not None else None
        if address is not None:
            await self.resize(address, instances)

    # Sessions, metrics, signatures

    async def begin_session(self, previous_nonce: bytes, recipient: bytes) -> tuple[SessionUpdate, bytes]:
        """A new session, and the worker's signature over it.

        Raises:
            PreviousNonceTooLong.
            AppsDeployed: apps of the session of before are deployed.
        """
        async with self._deploying:
            if self._apps:
                raise AppsDeployed("init session failed, apps already deployed")
            update = await self.session.begin(previous_nonce, recipient)
        return update, self.key.sign(ContentType.SESSION_UPDATE, update.encode())

    def metrics(self, addresses: Sequence[bytes]) -> tuple[bytes, bytes]:
        """The encoded metrics of those apps (all, if none is named), and the worker's signature. Unknown ones are
        passed over.

        Raises:
            NoSession.
            TooManyMetrics: more than 64 apps.
        """
        if not self.session.id:
            raise NoSession("no worker session")
        chosen = [self._apps[a] for a in dict.fromkeys(addresses) if a in self._apps] if addresses else self.apps
        if len(chosen) > MAX_APPS:
            raise TooManyMetrics(f"metrics of {len(chosen)} apps; name at most {MAX_APPS} of them at once")
        report = VersionedAppsMetrics(self.session.token(), tuple(map(_metrics_of, chosen)))
        encoded = report.encode()
        return encoded, self.key.sign(ContentType.METRICS, encoded)

    async def sign_register_info(
        self, genesis_block_hash: bytes, operator: bytes | None, para_id: int
    ) -> tuple[bytes, bytes]:
        """The encoded registration of this worker, and its attestation."""
        public = self.key.public
        info = WorkerRegistrationInfoV2(public, public, genesis_block_hash, operator, para_id).encode()
        quote = None
        if self.quotes.kind != "none":
            quote = await asyncio.to_thread(self.quotes.quote, registration_report_data(info))
        return info, encode_attestation(quote)

    def sign_endpoints(self, endpoints: Sequence[str]) -> tuple[bytes, bytes]:
        """The encoded endpoints of this worker, signed now."""
        payload = WorkerEndpointPayload(self.key.public, tuple(endpoints), time.time_ns() // 1_000_000).encode()
        return payload, self.key.sign(ContentType.ENDPOINT_INFO, payload)

    def sign_description(self, description: str, prices: bytes) -> bytes:
        """The signed description, encoded. ``prices`` are encoded, too."""
        described = WorkerDescription(Prices.decode(prices), description)
        signature = self.key.sign(ContentType.WORKER_DESCRIPTION, described.encode())
        return SignedWorkerDescription(described, signature, self.key.public).encode()

    # Upkeep

    def usage_changed(self, app: App) -> None:
        """An instance has ended: what the app has used by then is to be written."""
        if self._apps.get(app.address) is app:
            self._unsaved[app.address] = app.history

    async def save_usage(self) -> None:
        """Writes what has changed. What could not be written is tried again the next time."""
        unsaved, self._unsaved = self._unsaved, {}
        if unsaved:
            try:
                await self._records.set_usage(unsaved)
            except BaseException:
                self._unsaved = {a: usage for a, usage in unsaved.items() if a in self._apps} | self._unsaved
                raise

    async def keep(self) -> None:
        """Writes usage from time to time, for ever."""
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            try:
                await self.save_usage()
            except WapoError as error:
                _log.error("the usage of apps could not be written", cause=str(error))

    async def aclose(self) -> None:
        """Stops all instances, and writes what they have used."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for app in self.apps:
            await app.retire()
        try:
            await self.save_usage()
        except WapoError as error:
            _log.error("the usage of apps could not be written", cause=str(error))
        await self.session.settle()


def _metrics_of(app: App) -> AppMetrics:
    usage = app.usage()
    return AppMetrics(
        app.address, app.session, usage.running_time_ms, usage.gas, usage.net_ingress, usage.net_egress,
        tip=usage.tip, starts=usage.starts,
    )  # fmt: skip


@asynccontextmanager
async def open_worker(
    settings: WorkerSettings,
    *,
    data_dir: Path,
    modules: ModuleCache,
    keys: NodeKeys,
    database: Database,
    logs: LogBook,
    scheduler: Scheduler,
    egress: EgressPolicy,
    http_client: HttpClient,
    memory: MemoryWatch | None = None,
    quotes: QuoteProvider | None = None,
    isolates: Isolates | None = None,
    sockets: SocketBudget | None = None,
) -> AsyncIterator[Worker]:
    """The worker of a node for a block. What was deployed comes back; everything is stopped after the block.

    Args:
        memory: who bounds the memory of all machines together; None: nobody.
        isolates: who starts isolates for apps; None: nobody.
        sockets: the process's, if others have a part in it.

    Raises:
        UnusableKey, BlobStoreFailed, StoreFailed, TlsPortFailed.
    """
    provider = quotes or NoAttestation()
    async with AsyncExitStack() as stack:
        key = WorkerKey.load_or_create(data_dir / "worker.key", keys)
        blobs = await asyncio.to_thread(BlobStore, data_dir / "blobs")
        engine = stack.enter_context(Engine(Settings(consume_fuel=True)).opened())
        programs = ProgramCache(engine, modules, blobs, settings.module_cache)
        stack.push_async_callback(programs.aclose)
        network = await stack.enter_async_context(Network(egress, http_client.resolver, settings.network, sockets))
        records = AppRecords(database)
        session = await WorkerSession.load(records)
        services = AppServices(
            worker=key, session=session, blobs=blobs, boot_data=BootDataStore(blobs.folder, key), network=network,
            http_client=http_client, quotes=provider, isolates=isolates,
        )  # fmt: skip
        environment = AppEnvironment(
            settings=settings, slots=Slots(settings.max_instances), programs=programs, scheduler=scheduler,
            services=services, logs=logs, memory=memory, changed=lambda app: worker.usage_changed(app),
        )  # fmt: skip
        worker = Worker(
            settings, key=key, records=records, session=session, environment=environment, blobs=blobs,
            network=network, quotes=provider,
        )  # fmt: skip
        stack.push_async_callback(worker.aclose)
        await worker.restore()
        upkeep = asyncio.get_running_loop().create_task(worker.keep(), name="wapo-worker-upkeep")
        stack.callback(upkeep.cancel)
        yield worker


__all__ += ["COMPILERS", "QUEUE"]
