"""An app: its instances, and who of them serves a query, a request or a connection (node-and-gateway 4.3 to 4.5)."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError, HostError, WapoError
from wapo.log import Log
from wapo.node.apps.blobs import BlobName
from wapo.node.apps.instance import AppInstance
from wapo.node.apps.locks import AppLocks
from wapo.node.apps.programs import ProgramCache
from wapo.node.apps.records import AppRecord
from wapo.node.apps.settings import WorkerSettings
from wapo.node.apps.usage import Usage
from wapo.node.logs import LogBook
from wapo.node.memory import MemoryWatch
from wapo.vm.limits import GuestLimits
from wapo.vm.local_cache import LocalCache
from wapo.vm.program import Program
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

__all__ = ["App", "AppEnvironment", "InstanceNotFound", "NoSlots", "OnDemandOnly", "Slots"]

_PAGE: Final = 65536
_MAX_MEMORY: Final = 4 << 30
#: An app may be a gateway, with a machine for each of its clients' requests.
_ISOLATES: Final = 64
_log = Log("wapo.worker")


class NoSlots(HostError):
    """As many instances run as the worker may have."""

    code = "no_slots"
    status = 503


class InstanceNotFound(CallerError):
    """The app is stopped, and it is not one that is started on demand."""

    code = "instance_not_found"
    status = 404


class OnDemandOnly(CallerError):
    """An app that runs on demand cannot be started by hand."""

    code = "on_demand_only"


class Slots:
    """Places for instances, shared by all apps."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: list[AppInstance] = []

    @property
    def free(self) -> int:
        return max(0, self.most - len(self.taken))  # one that makes room for another is there a turn longer

    def evict(self) -> None:
        """Makes room by stopping the latest instance of a resizable app, such as a benchmark that fills idle places.

        Raises:
            NoSlots: there is none.
        """
        for instance in reversed(self.taken):
            if instance.app.manifest.resizable and not instance.stopped:
                instance.stop()
                return
        raise NoSlots("No available slots")


@dataclass(frozen=True, slots=True)
class AppEnvironment:
    """What all apps of a worker share."""

    settings: WorkerSettings
    slots: Slots
    programs: ProgramCache
    scheduler: Scheduler
    services: Services
    logs: LogBook
    memory: MemoryWatch | None
    changed: Callable[["App"], None]
    """Called when what an app has used by ended instances has changed."""


class App:
    """One deployed app. Made of its record; starts nothing by itself.

    Attributes:
        instances: those that have not ended for good, the oldest first.
        history: what ended instances have used.
        retired: whether it starts no instance any more.
        recorded: whether it would come back after a restart.
        changing: held by who changes how many instances there are, until that is written down.
        last_exit: how the last one that ended did, started again or not, in words; empty if none has.
    """

    def __init__(self, record: AppRecord, environment: AppEnvironment) -> None:
        self.address = record.address
        self.owner = f"app/{record.address.hex()}"
        self.number = record.number
        self.session = record.session
        self.manifest = record.manifest
        self.reuse_instances = record.reuse_instances
        self.target = record.target
        self.history = record.usage
        self.locks = AppLocks()
        self.local_cache = LocalCache()
        self.instances: list[AppInstance] = []
        self.ongoing = 0
        self.retired = False
        self.recorded = True
        self.last_exit = ""
        self._last_query_s = time.monotonic()
        self._environment = environment
        self._idle_timer: asyncio.TimerHandle | None = None
        self.changing = asyncio.Lock()

    @property
    def settings(self) -> WorkerSettings:
        return self._environment.settings

    @property
    def scheduler(self) -> Scheduler:
        return self._environment.scheduler

    @property
    def services(self) -> Services:
        return self._environment.services

    @property
    def last_query_elapsed_s(self) -> int:
        """Seconds since the last query ended, or since the deployment; 0 while one goes on."""
        return 0 if self.ongoing else int(time.monotonic() - self._last_query_s)

    def usage(self) -> Usage:
        """Of ended and running instances, since the deployment."""
        total = self.history
        for instance in self.instances:
            total += instance.usage()
        return total

    async def load(self) -> Program:
        """The app's program, compiled."""
        return await self._environment.programs.get(BlobName.parse(self.manifest.code_hash))

    def limits(self, time_s: float | None) -> GuestLimits:
        """Of an instance that may live for so long."""
        pages = -(-self.settings.instance_memory_bytes // _PAGE)
        return GuestLimits(
            memory_bytes=min(pages * _PAGE, _MAX_MEMORY), burst_s=self.settings.burst_s, time_s=time_s,
            isolates=_ISOLATES, log_bytes=self.settings.log_bytes,
        )  # fmt: skip

    # Starting and stopping

    def _start(self, time_s: float | None, *, dedicated: bool = False) -> AppInstance:
        """A new instance; there is a slot for it.

        Raises:
            InstanceNotFound: the app is being removed.
            NodeFull: the node is short of memory, and the instance would be for a request.
        """
        if self.retired:
            raise InstanceNotFound("App not found")
        memory = self._environment.memory
        if memory is not None:
            (memory.wake if time_s is None else memory.admit)()
        log = self._environment.logs.open(self.owner, secrets.token_hex(8), self.settings.log_bytes, endless=True)
        instance = AppInstance(self, log, time_s, dedicated=dedicated)
        self._environment.slots.taken.append(instance)
        self.instances.append(instance)
        return instance

    def instance_ended(self, instance: AppInstance) -> None:
        """An instance has ended for good: its usage is history, once."""
        self._environment.slots.taken.remove(instance)
        self.instances.remove(instance)
        self.history += instance.usage()
        if instance.end is not None:
            self.last_exit = f"{instance.end}: {instance.end.detail}"
        self._environment.changed(self)

    def _standing(self) -> list[AppInstance]:
        """Instances that belong to nobody's request, and are to go on."""
        return [instance for instance in self.instances if not instance.dedicated and not instance.stopped]

    async def resize(self, count: int) -> int:
        """Has that many instances run; fewer where there are no slots. Returns how many there are then.

        Growing waits until what was started runs. Shrinking stops the latest first and waits for their end. The
        caller holds ``changing``.

        Raises:
            OnDemandOnly: an app that is on demand and has none is to be started.
            InstanceFailed: a new one could not be started.
        """
        if not self.manifest.resizable:
            count = min(count, 1)
        if self.manifest.on_demand and count and not self.instances:
            raise OnDemandOnly("on-demand app cannot be started directly")
        standing = self._standing()
        doomed = standing[count:] if count else list(self.instances)
        for instance in reversed(doomed):
            instance.stop()
        for instance in doomed:
            await instance.wait_ended()
        wanted = min(count - len(standing), self._environment.slots.free)
        started = [self._start(None) for _ in range(max(0, wanted))]
        await _all_running(started)
        return len(self._standing())

    async def stop(self) -> None:
        """Ends all instances."""
        instances = list(self.instances)
        for instance in reversed(instances):
            instance.stop()
        for instance in instances:
            await instance.wait_ended()

    async def retire(self) -> None:
        """Ends all instances; there will be no others."""
        self.retired = True
        await self.stop()

    # Serving

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[AppInstance]:
        """An instance for one query or request, chosen or started by the rules of 4.4, for the length of a block. It
        may not be running yet.

        Raises:
            InstanceNotFound, NoSlots.
        """
        self.ongoing += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        instance: AppInstance | None = None
        try:
            instance = self._choose()
            instance.restart_clock()
            yield instance
        finally:
            self.ongoing -= 1
            self._last_query_s = time.monotonic()
            if instance is not None and instance.dedicated:
                instance.stop()
            elif self.reuse_instances and self.manifest.on_demand and not self.ongoing:
                self._idle()

    def _choose(self) -> AppInstance:
        limit_s = self.settings.on_demand_time_s
        standing = self._standing()
        if self.reuse_instances:
            if standing:
                return standing[0]
            if not self.manifest.on_demand:
                raise InstanceNotFound("instance not found")
            return self._on_demand(limit_s, dedicated=False)
        if self._environment.slots.free:
            return self._start(limit_s, dedicated=True)
        if standing:
            return standing[0]
        return self._on_demand(limit_s, dedicated=True)

    def _on_demand(self, time_s: float, *, dedicated: bool) -> AppInstance:
        if not self._environment.slots.free:
            self._environment.slots.evict()
        return self._start(time_s, dedicated=dedicated)

    def _idle(self) -> None:
        """The last query of an on-demand app has ended."""
        if self.settings.idle_grace_s:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self.settings.idle_grace_s, self._stop_idle)
        else:
            self._stop_idle()

    def _stop_idle(self) -> None:
        self._idle_timer = None
        if not self.ongoing:
            for instance in self._standing():
                instance.stop()

    def start_for_connection(self) -> None:
        """A connection to a server name of this app waits for an instance of its own (6.2)."""
        try:
            self._on_demand(self.settings.on_demand_time_s, dedicated=True)
        except WapoError as error:
            _log.warning("a connection finds no instance", app=self.owner, cause=str(error))


async def _all_running(instances: list[AppInstance]) -> None:
    results = await asyncio.gather(*(instance.wait_running() for instance in instances), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
