"""What apps may ask of this node. A guest's session is its :class:`~wapo.node.apps.instance.AppInstance`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.agents.isolates import Isolates
from wapo.engine.suspension import Suspension
from wapo.errors import GuestError, WapoError
from wapo.log import Log
from wapo.node.apps.blobs import BlobName, BlobStore, InvalidBlobName, NoSuchBlob
from wapo.node.apps.boot_data import BootDataStore
from wapo.node.apps.session import WorkerSession
from wapo.trust.app_data import sign_app_data
from wapo.trust.derivation import derive_secret
from wapo.trust.quote import QuoteProvider, app_report_data
from wapo.trust.worker_key import WorkerKey
from wapo.vm.http_client import HttpClient
from wapo.vm.local_cache import LocalCache
from wapo.vm.net.network import Network
from wapo.vm.resources.base import Resource
from wapo.vm.services import IsolateRequest, Services

if TYPE_CHECKING:
    from wapo.node.apps.instance import AppInstance
    from wapo.vm.guest import Guest

__all__ = ["AppServices"]

_log = Log("wapo.worker")

#: Signing holds the interpreter for 8 ms a MiB; what is longer than this is signed in pieces of nobody's time but a
#: thread's, and one at a time.
_AT_ONCE: Final = 64 << 10


class AppServices(Services):
    """One for all apps of a worker."""

    def __init__(
        self, *, worker: WorkerKey, session: WorkerSession, blobs: BlobStore, boot_data: BootDataStore,
        network: Network, http_client: HttpClient, quotes: QuoteProvider, isolates: Isolates | None = None,
    ) -> None:  # fmt: skip
        self._worker = worker
        self._session = session
        self._blobs = blobs
        self._boot_data = boot_data
        self._quotes = quotes
        self._isolates = isolates
        self.network = network
        self.http_client = http_client
        self.egress = network.policy

    def log(self, guest: "Guest", level: int, text: str) -> None:
        _instance(guest).log(level, text)

    def app_address(self, guest: "Guest") -> bytes:
        return _instance(guest).app.address

    def derive_secret(self, guest: "Guest", path: bytes) -> bytes:
        return derive_secret(self._worker, _instance(guest).app.address, path)

    def worker_public_key(self) -> bytes:
        return self._worker.public

    def sign(self, guest: "Guest", data: bytes) -> Suspension:
        address = _instance(guest).app.address
        if len(data) <= _AT_ONCE:
            return Suspension.of(sign_app_data(self._worker, address, data))
        return _later(asyncio.to_thread(sign_app_data, self._worker, address, data))

    def quote(self, guest: "Guest", data: bytes) -> Suspension:
        if self._quotes.kind == "none":
            return Suspension.of(None)
        report_data = app_report_data(_instance(guest).app.address, data)
        return _later(asyncio.to_thread(self._quotes.quote, report_data))

    def gas_consumed(self, guest: "Guest") -> tuple[int, bytes]:
        return _instance(guest).app.usage().gas, self._session.token().encode()

    def blob(self, guest: "Guest", name: str) -> Suspension:
        try:
            parsed = BlobName.parse(name)
        except InvalidBlobName:
            parsed = None
        if parsed is None:
            failed = Suspension()
            failed.complete(error=OcallFailure(OcallError.IO_ERROR))
            return failed
        return _later(asyncio.to_thread(self._blobs.read, parsed, guest.limits.memory_bytes))

    def read_boot_data(self, guest: "Guest") -> Suspension:
        return _later(self._boot_data.read(_instance(guest).app.address))

    def write_boot_data(self, guest: "Guest", record: bytes) -> Suspension:
        return _later(self._boot_data.write(_instance(guest).app.address, record), finish=True)

    def try_lock(self, guest: "Guest", name: str) -> bool:
        instance = _instance(guest)
        return instance.app.locks.try_lock(name, instance)

    def unlock(self, guest: "Guest", name: str) -> bool:
        instance = _instance(guest)
        return instance.app.locks.unlock(name, instance)

    def local_cache(self, guest: "Guest") -> LocalCache:
        return _instance(guest).app.local_cache

    def open_isolate(self, guest: "Guest", request: IsolateRequest) -> Resource:
        return super().open_isolate(guest, request) if self._isolates is None else self._isolates.open(guest, request)

    def wants_instance_for_connection(self, guest: "Guest") -> Callable[[], None] | None:
        app = _instance(guest).app
        return None if app.reuse_instances else app.start_for_connection


def _instance(guest: "Guest") -> "AppInstance":
    instance: AppInstance = guest.session
    return instance


_running: set["asyncio.Task[Any]"] = set()


def _later(work: Coroutine[Any, Any, Any], *, finish: bool = False) -> Suspension:
    """An answer that a coroutine gives. A guest that ends meanwhile cancels it, unless it is to be finished."""
    task = asyncio.get_running_loop().create_task(work)
    suspension = Suspension(None if finish else task.cancel)
    _running.add(task)

    def done(task: "asyncio.Task[Any]") -> None:
        _running.discard(task)
        if task.cancelled():
            suspension.complete(error=OcallFailure(OcallError.IO_ERROR))
        elif (error := task.exception()) is not None:
            suspension.complete(error=OcallFailure(_code(error)))
        else:
            suspension.complete(task.result())

    task.add_done_callback(done)
    return suspension


def _code(error: BaseException) -> OcallError:
    if isinstance(error, NoSuchBlob):
        return OcallError.NOT_FOUND
    if isinstance(error, GuestError):  # the trust room's: what was given is too long
        return OcallError.INVALID_PARAMETER
    if not isinstance(error, WapoError | OSError):
        _log.error("a call of an app failed unexpectedly", exc_info=error)
    return OcallError.IO_ERROR  # in any case an answer, or the app would wait for ever
