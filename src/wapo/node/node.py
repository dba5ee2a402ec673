"""The node: the one object that the gateway and the command line talk to.

It owns everything that lives as long as the process does (engine, images, store, library, log), and brings the way of
a request together: find the program, admit the request, start a machine from the program's image, log, count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from wapo.agents.cold import ColdImages
from wapo.agents.image import AgentImage
from wapo.agents.images import ImageStore
from wapo.agents.invoke import abandon, finish, start
from wapo.agents.isolates import Isolates
from wapo.agents.making import check_source
from wapo.agents.messages import AgentRequest, AgentResponse, BurstLimitReached, TimeLimitReached
from wapo.agents.profile import JAVASCRIPT, JavaScriptProfile
from wapo.agents.run import Run
from wapo.content.library import Library, open_library
from wapo.content.limits import Limits
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.errors import GuestError, WapoError
from wapo.lazy import library, load_declared
from wapo.log import Log
from wapo.node.admission import Admission
from wapo.node.attestation import Attestor
from wapo.node.budgets import BudgetExhausted, Budgets, Use, announce
from wapo.node.identities import Identities
from wapo.node.keys import open_keys
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogBook, RunLog
from wapo.node.memory import MemoryWatch, default_memory_bytes
from wapo.node.metrics import Metrics
from wapo.node.programs import Located, Programs
from wapo.node.receipts import ReceiptBook
from wapo.node.replays import Replays
from wapo.node.settings import NodeSettings, ReceiptPolicy
from wapo.node.siblings import COUNTS, Siblings
from wapo.node.upkeep import keep_content_within
from wapo.node.vaults import Vaults
from wapo.store.database import Database
from wapo.trust.attestation.provider import NoAttestation
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.resources.base import Resource
from wapo.vm.rest import Rest
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import IsolateRequest, Services

if TYPE_CHECKING:
    from wapo.node.apps import worker as apps_worker
    from wapo.node.apps.worker import Worker
    from wapo.vm.credentials.credential import Credentials
else:
    apps_worker = library("wapo.node.apps.worker")

__all__ = ["Invocation", "Node", "open_node"]

_REPORT, _ERROR, _WARN = 0, 1, 2
#: What processes of one node ask each other: to write a program's log out; for their figures; to write receipts out.
_WRITTEN: Final = "log-written"
_FIGURES: Final = "figures"
_RECEIPTS_WRITTEN: Final = "receipts-written"
_ORDINARY: Final = (EndReason.EXITED, EndReason.STOPPED)
_log = Log("wapo.node")


class AgentServices(Services):
    """What agents may ask of this node."""

    def __init__(self, keys: NodeKeys, client: HttpClient, network: Network, isolates: Isolates) -> None:
        self._keys = keys
        self._isolates = isolates
        self.http_client = client
        self.network = network
        self.egress = client.policy

    def log(self, guest: Guest, level: int, text: str) -> None:
        log: RunLog = guest.session.log
        log.add(level, text)

    def app_address(self, guest: Guest) -> bytes:
        return self._keys.derive("agent-address/v1", guest.session.log.program.encode())

    def derive_secret(self, guest: Guest, path: bytes) -> bytes:
        return self._keys.agent_secret(guest.session.log.program, path)

    def credentials(self, guest: Guest) -> Credentials | None:
        run: Run = guest.session
        return run.credentials

    def open_isolate(self, guest: Guest, request: IsolateRequest) -> Resource:
        return self._isolates.open(guest, request)


@dataclass(slots=True)
class Invocation:
    """A request that was started."""

    run: Run
    program: str

    async def response(self) -> AgentResponse:
        """The response, as soon as its head is there.

        Raises:
            GuestError: the agent failed, or met a limit.
        """
        return await self.run.answer()

    def abandon(self) -> None:
        """The caller went away."""
        abandon(self.run)

    def finish(self) -> None:
        """The caller has got its response, or its error."""
        finish(self.run)


class Node:
    """Made by :func:`open_node`; belongs to one event loop."""

    def __init__(
        self,
        settings: NodeSettings,
        *,
        profile: JavaScriptProfile,
        scheduler: Scheduler,
        images: ImageStore,
        database: Database,
        keys: NodeKeys,
        library: Library,
        client: HttpClient,
        logs: LogBook,
        memory: MemoryWatch,
        budgets: Budgets,
        identities: Identities,
        replays: Replays,
        receipts: ReceiptBook | None,
    ) -> None:
        self.settings = settings
        self.library = library
        self.worker: Worker | None = None
        #: Opens it for a block; None where there are no apps.
        self.open_worker: Callable[[], AbstractAsyncContextManager[Worker]] | None = None
        self.identities = identities
        self.replays = replays
        self.identity = identities.current
        identities.on_change = self._take_identity
        #: None: there are no receipts.
        self.receipts = receipts
        self.vaults = Vaults(database, keys)
        self.logs = logs
        self.budgets = budgets
        self.programs = Programs(library, database, settings.limits, settings.local_file)
        self.admission = Admission(settings.max_machines)
        self.metrics = Metrics(
            lost_logs=lambda: logs.dropped,
            machines=lambda: self.admission.machines + self.admission.isolates,
            lost_receipts=lambda: receipts.lost if receipts is not None else 0,
        )
        self.images = images
        self.memory = memory
        self.operator_token = keys.derive("operator-token/v1").hex()
        self.attestor = Attestor(settings.attestation or NoAttestation(), lambda: self.identity, identities.earlier)
        self.started = time.monotonic()
        self._siblings: Siblings | None = None
        self._client = client
        self._profile = profile
        self._scheduler = scheduler
        network = Network(client.policy, client.resolver, NetworkSettings(extra_roots=client.extra_roots))
        self.sockets = network.budget
        self.isolates = Isolates(profile, scheduler, images.base, self._admit_isolate, self.admission.leave_isolate)
        self._services = AgentServices(keys, client, network, self.isolates)

    def _take_identity(self, identity: NodeIdentity) -> None:
        self.identity = identity

    def _admit_isolate(self) -> None:
        self.memory.admit()
        self.admission.enter_isolate()

    @asynccontextmanager
    async def _with_worker(self, opening: AbstractAsyncContextManager[Worker]) -> AsyncIterator[Worker]:
        async with opening as worker:
            self.worker = worker
            try:
                yield worker
            finally:
                self.worker = None

    async def warm_up(self) -> None:
        """Makes what the first request would otherwise wait for."""
        await self.images.base()

    async def load_rest(self) -> None:
        """Loads what later requests may need, while others are served."""
        await load_declared()
        await self._client.prepare()

    async def invoke(self, located: Located, request: AgentRequest, report: str) -> Invocation:
        """Runs a program on a request, in a machine of its own.

        Args:
            report: the request line for the log, without secrets.

        Raises:
            NodeFull, TooManyRequests, BudgetExhausted: it is not admitted.
            AgentFailed: the program cannot be run at all.
            InvalidVaultKey, StoreFailed, ...: what looking things up raises.
        """
        identity = located.identity
        limits = self.programs.known_limits(identity) or await self.programs.limits(identity)
        if limits.budgets is not None and identity not in self.budgets.uses:
            await self.budgets.load(identity)
        image = self.images.get(located.image_key, limits.memory_bytes)
        if image is not None:
            return self.begin(image, identity, limits, request, report)
        log, use = self._admit(identity, limits, request, report)
        self.logs.watch(log)
        started = time.perf_counter()
        try:
            await self.images.base()  # the node's own affair: it is there before a node serves
            started = time.perf_counter()
            image = await self._make_image_in_time(located, limits, log, use)
        except BaseException as error:
            self._failed(log, use, error, started)
            raise
        return self._start(image, request, limits, log, use, spent_s=time.perf_counter() - started)

    def ready(self, located: Located) -> tuple[AgentImage, AgentLimits] | None:
        """What :meth:`begin` needs, if all of it is in memory."""
        limits = self.programs.known_limits(located.identity)
        if limits is None or (limits.budgets is not None and located.identity not in self.budgets.uses):
            return None
        image = self.images.get(located.image_key, limits.memory_bytes)
        return (image, limits) if image is not None else None

    def begin(
        self, image: AgentImage, identity: str, limits: AgentLimits, request: AgentRequest, report: str
    ) -> Invocation:
        """As :meth:`invoke`, with what is known of the program; an agent that need not wait has answered."""
        return self._start(image, request, limits, *self._admit(identity, limits, request, report))

    def _admit(
        self, identity: str, limits: AgentLimits, request: AgentRequest, report: str
    ) -> tuple[RunLog, Use | None]:
        """Its log, and what its program has used if that is counted."""
        use = None
        try:
            if limits.budgets is not None:
                use = self.budgets.begin(identity, limits.budgets)
            self.memory.admit()
            self.admission.enter(identity, limits.concurrency)
        except WapoError as refusal:
            if use is not None:
                self.budgets.cancel(use)
            self.metrics.count_refusal(refusal.code)
            if isinstance(refusal, BudgetExhausted) and refusal.first:
                self._tell(identity, request, limits, f"{refusal}; requests are refused until then")
            raise
        log = self.logs.open_brief(identity, request.request_id, limits.log_bytes)
        log.add(_REPORT, f"START Request: {report}")
        return log, use

    def _tell(self, identity: str, request: AgentRequest, limits: AgentLimits, text: str) -> None:
        """A line in the log of a program that has not begun."""
        log = self.logs.open_brief(identity, request.request_id, limits.log_bytes)
        log.add(_WARN, text)
        log.close()

    def _failed(self, log: RunLog, use: Use | None, error: BaseException, began: float) -> None:
        if isinstance(error, GuestError):
            log.add_own(_ERROR, str(error))
        if use is not None:
            self.budgets.end(use, None)
        self._close(log, began)
        self.metrics.count(getattr(error, "code", "cancelled"))

    async def _make_image_in_time(
        self, located: Located, limits: AgentLimits, log: RunLog, use: Use | None
    ) -> AgentImage:
        """As :meth:`_make_image`: waiting for it is a part of the time of the run. It is made all the same, for the
        next request, unless that waits for an import.

        Raises:
            TimeLimitReached.
        """
        try:
            async with asyncio.timeout(limits.time_s) as deadline:
                return await self._make_image(located, limits, log, use)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise TimeLimitReached(
                f"the time limit of {limits.time_s:g} s was reached before the program was loaded"
            ) from None

    async def _make_image(self, located: Located, limits: AgentLimits, log: RunLog, use: Use | None) -> AgentImage:
        source = await self.programs.source(located)
        with self.metrics.making_image():
            image = await self.images.make(
                located.image_key, lambda: source, limits.guest, located.identity, located.name, located.modules
            )
        for level, text in image.log:
            log.add(level, text)
        image.log.clear()
        if use is not None:
            self.budgets.spend(use, int(image.cpu_s * 1e6), 0)
        image.cpu_s = 0.0
        if image.cut_off is not None:  # the request has had its CPU; the next one may be luckier
            raise BurstLimitReached(f"the machine was ended: {image.cut_off}")
        return image

    def _start(
        self,
        image: AgentImage,
        request: AgentRequest,
        limits: AgentLimits,
        log: RunLog,
        use: Use | None,
        spent_s: float = 0.0,
    ) -> Invocation:
        began = time.perf_counter()

        def ended(end: End, guest: Guest) -> None:
            if end.reason not in _ORDINARY:
                log.add_own(_ERROR, f"the machine was ended: {end.detail}")
            if use is not None:
                self.budgets.end(use, guest.meter)
            self.metrics.count(end.reason.value, guest.meter.cpu_s)
            if end.reason is EndReason.HOST_FAILURE:
                _log.error("a host function failed", program=log.program, request_id=log.request_id, cause=end.detail)
            self._close(log, began)

        try:
            run = start(
                self._profile, self._scheduler, self._services, image, request, log=log, limits=limits.guest,
                max_response_bytes=limits.response_bytes, owner=log.program, on_end=ended, spent_s=spent_s,
            )  # fmt: skip
        except BaseException as error:
            self._failed(log, use, error, began)
            raise
        self.logs.watch(log)
        if use is not None and run.guest is not None:
            self.budgets.watch(use, run.guest.meter)
        return Invocation(run, log.program)

    def _close(self, log: RunLog, started: float) -> None:
        self.admission.leave(log.program)
        elapsed = time.perf_counter() - started
        log.add(_REPORT, f"END Request: Duration: {elapsed * 1000:.0f}ms")
        log.close()

    async def inspect(self, located: Located) -> AgentImage:
        """The image of a program, made if need be: what kind it is, and why.

        Raises:
            AgentFailed: it is not a program.
        """
        limits = await self.programs.limits(located.identity)
        source = check_source(await self.programs.source(located))
        return await self.images.make(
            located.image_key, lambda: source, limits.guest, located.identity, located.name, located.modules
        )

    def answer(self, siblings: Siblings) -> None:
        """Asks and answers other processes of the same node, where one alone does not know all."""

        async def written(program: str) -> bytes:
            await self.logs.write_out(program)
            return b""

        async def figures(_text: str) -> bytes:
            return msgspec.msgpack.encode(self.status())

        async def counts(_text: str) -> bytes:
            return self.metrics.counts()

        async def receipts_written(_text: str) -> bytes:
            if self.receipts is not None:
                await self.receipts.write_out()
            return b""

        siblings.on_question |= {
            _WRITTEN: written, _FIGURES: figures, COUNTS: counts, _RECEIPTS_WRITTEN: receipts_written,
        }  # fmt: skip
        if self.receipts is not None:
            self.receipts.write_out_others = lambda: siblings.ask(_RECEIPTS_WRITTEN)
        siblings.counts = self.metrics.counts
        self.logs.write_out_others = lambda program: siblings.ask(_WRITTEN, program)
        self._siblings = siblings

    async def status_of_all(self) -> dict[str, Any]:
        """As :meth:`status`, of all processes of the node together."""
        status = self.status()
        if self._siblings is not None:
            others = [msgspec.msgpack.decode(data) for data in await self._siblings.ask(_FIGURES)]
            for name in ("machines", "max_machines"):
                status[name] += sum(other[name] for other in others)
            for name in ("images", "image_bytes"):  # shared: whoever has the most has nearly all
                status[name] = max(status[name], *(other[name] for other in others), 0)
            status["workers"] = 1 + len(others)
        return status

    async def exposition(self) -> bytes:
        """The metrics of all processes of the node, as a scraper reads them."""
        others = await self._siblings.ask(COUNTS) if self._siblings is not None else []
        return self.metrics.exposition(filter(None, others))

    def status(self) -> dict[str, Any]:
        """Figures of this process at this moment."""
        return {
            "machines": self.admission.machines,
            "max_machines": self.admission.max_machines,
            "images": len(self.images),
            "image_bytes": self.images.stored_bytes,
            "cold_images": self.images.cold,
            "cold_image_bytes": self.images.cold_bytes,
            "uptime_s": round(time.monotonic() - self.started, 3),
        }


@asynccontextmanager
async def open_node(
    settings: NodeSettings, siblings: Siblings | None = None, *, worker_later: bool = False
) -> AsyncIterator[Node]:
    """A node for a block; everything that it opened is closed after it, running guests included.

    Args:
        siblings: the other processes of the same node, if there are any.
        worker_later: the caller opens its worker (:meth:`Node.open_worker`), when agents are served already.

    Raises:
        DataDirUnusable, UnusableKey, StoreFailed, NewerSchema, BlockStoreFailed: what the operator must see to.
        QuoteFailed: what is to attest does not.
    """
    data, cache = settings.make_data_dir(), settings.make_cache_dir()
    async with AsyncExitStack() as stack:
        if settings.attestation is not None:
            stack.callback(settings.attestation.close)
        database = await stack.enter_async_context(Database(data / "wapo.db"))
        await database.check()
        keys = await open_keys(data, database, settings.attestation)
        replays = await stack.enter_async_context(Replays(data))
        identities = Identities(keys, database)
        await identities.load()
        receipts = None
        if settings.receipts is not ReceiptPolicy.OFF:
            receipts = ReceiptBook(data, keys, identities)
            stack.push_async_callback(receipts.aclose)
            writing = asyncio.get_running_loop().create_task(receipts.run(), name="wapo-receipts")
            stack.push_async_callback(_cancel, writing)
        library = await stack.enter_async_context(
            open_library(data / "content", settings.upstreams, limits=Limits(max_bytes=settings.limits.program_bytes))
        )
        client = await stack.enter_async_context(HttpClient(settings.egress, settings.extra_roots))
        engine = stack.enter_context(Engine(JAVASCRIPT).opened())
        modules = ModuleCache(cache / "modules")
        profile = await _opened_profile(engine, modules)
        stack.callback(profile.close)
        scheduler = Scheduler()
        images = ImageStore(
            profile, scheduler, settings.image_bytes, others=siblings, cold=ColdImages(cache),
            max_cold_bytes=settings.cold_image_bytes,
        )  # fmt: skip
        stack.callback(scheduler.stop_all)
        logs = LogBook(database)
        budgets = Budgets(database)
        await announce(database, settings.limits)
        memory = MemoryWatch(settings.node_memory_bytes or default_memory_bytes(), scheduler, images)
        node = Node(
            settings, profile=profile, scheduler=scheduler, images=images, database=database, keys=keys,
            library=library, client=client, logs=logs, memory=memory, budgets=budgets, identities=identities,
            replays=replays, receipts=receipts,
        )  # fmt: skip
        await node.attestor.prove()
        if siblings is not None:
            node.answer(siblings)
        writer = asyncio.get_running_loop().create_task(logs.run(), name="wapo-log-writer")
        accountant = asyncio.get_running_loop().create_task(budgets.run(), name="wapo-budgets")
        stack.push_async_callback(_stop, node, writer, accountant)
        stack.callback(scheduler.stop_all)  # those that have got their image meanwhile; without images none can follow
        stack.push_async_callback(images.aclose)
        upkeep = asyncio.get_running_loop().create_task(
            keep_content_within(library, settings.content_bytes), name="wapo-upkeep"
        )
        stack.push_async_callback(_cancel, upkeep)
        watch = asyncio.get_running_loop().create_task(memory.run(), name="wapo-memory")
        stack.push_async_callback(_cancel, watch)
        rotation = asyncio.get_running_loop().create_task(identities.watch(), name="wapo-identities")
        stack.push_async_callback(_cancel, rotation)
        rest = asyncio.get_running_loop().create_task(Rest(scheduler).run(), name="wapo-rest")
        stack.push_async_callback(_cancel, rest)
        stack.callback(scheduler.stop_all)  # first of all: guests that end write their last log line
        worker = settings.worker
        if worker is not None:
            node.open_worker = lambda: node._with_worker(apps_worker.open_worker(
                worker, data_dir=data, modules=modules, keys=keys, database=database, logs=logs,
                scheduler=scheduler, egress=settings.egress, http_client=client, memory=memory, isolates=node.isolates,
                sockets=node.sockets, quotes=node.attestor,
            ))  # fmt: skip
            if not worker_later:
                await stack.enter_async_context(node.open_worker())
        yield node


async def _opened_profile(engine: Engine, modules: ModuleCache) -> JavaScriptProfile:
    """Opened in a thread, which works with the engine: nothing is closed before it has ended."""
    opening = asyncio.ensure_future(asyncio.to_thread(JavaScriptProfile, engine, modules))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        (await opening).close()
        raise


_LAST_FLUSH_S: Final = 5.0


async def _stop(node: Node, writer: asyncio.Task[None], accountant: asyncio.Task[None]) -> None:
    """Ends the log and the accounts, once every run has ended: who waited for one hears of it in the next passes of the
    loop."""
    try:
        async with asyncio.timeout(_LAST_FLUSH_S):
            await node.admission.until_empty()
            await node.logs.flush()
    except TimeoutError:
        _log.error("the log could not be written in time")
    await _cancel(writer)
    await _cancel(accountant)
    await node.budgets.flush()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
