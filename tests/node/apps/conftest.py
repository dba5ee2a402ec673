"""A worker on a data directory of its own, and apps for it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.programs import compile_program
from wapo.abi.manifest import Manifest
from wapo.agents.images import ImageStore
from wapo.agents.isolates import Isolates
from wapo.agents.profile import JavaScriptProfile, guest_module
from wapo.engine.modules import ModuleCache
from wapo.node.apps.app import App
from wapo.node.apps.blobs import BlobName
from wapo.node.apps.queries import run_query
from wapo.node.apps.settings import WorkerSettings
from wapo.node.apps.worker import Worker, open_worker
from wapo.node.logs import LogBook
from wapo.store.database import Database
from wapo.trust.keys import NodeKeys
from wapo.trust.quote import QuoteProvider
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.scheduler import Scheduler

WorkerFactory = Callable[..., AbstractAsyncContextManager["Site"]]


class Site:
    """A worker, and what tests do with it."""

    def __init__(self, worker: Worker, logs: LogBook) -> None:
        self.worker = worker
        self.logs = logs
        self.code = f"sha256:{hashlib.sha256(compile_program('app')).hexdigest()}"

    async def deploy(self, *args: str, reuse: bool = True, begin: bool = True, **manifest: Any) -> App:
        """Deploys the tests' app; its session begins if there is none."""
        if begin and not self.worker.session.id:
            await self.worker.begin_session(b"", bytes(32))
        fields = {"code_hash": self.code, "args": args, "max_query_size": 1 << 20, "label": "test"} | manifest
        return await self.worker.deploy(Manifest(**fields), reuse_instances=reuse)

    async def deploy_scripts(self, *scripts: str, args: tuple[str, ...] = (), **manifest: Any) -> App:
        """Deploys the JavaScript engine of the package, with scripts that are blobs."""
        words: list[str] = []
        for script in scripts:
            words += [
                "--code-hash",
                str(self.worker.blobs.put(BlobName.parse("sha256:", partial=True), script.encode())),
            ]
        return await self.deploy_engine(*words, *(("--", *args) if args else ()), **manifest)

    async def deploy_engine(self, *args: str, **manifest: Any) -> App:
        """Deploys the JavaScript engine of the package."""
        code = str(self.worker.blobs.put(BlobName.parse("sha256:", partial=True), guest_module()))
        return await self.deploy(*args, code_hash=code, **manifest)

    async def run_scripts(self, *scripts: str, **manifest: Any) -> list[str]:
        """The log of an app of JavaScript that ends by itself, without the record of its end."""
        app = await self.deploy_scripts(*scripts, **manifest)
        await self.until(lambda: not app.instances)
        lines = await self.log(app)
        await self.worker.remove(app.address)
        return lines

    async def ask(self, app: App, path: str, payload: bytes | str = b"") -> bytes:
        data = payload.encode() if isinstance(payload, str) else payload
        return await run_query(self.worker, app.address, path, data)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.002)

    async def log(self, app: App) -> list[str]:
        return [record.message for record in reversed(await self.logs.read(app.owner))]


def worker_factory(tmp_path: Path, module_cache: ModuleCache, profile: JavaScriptProfile) -> WorkerFactory:
    """What :func:`open_site` gives, for fixtures that live longer."""

    @asynccontextmanager
    async def opened(
        *, data_dir: Path | None = None, allow_private: bool = True, quotes: QuoteProvider | None = None, **options: Any
    ) -> AsyncIterator[Site]:
        folder = data_dir or tmp_path
        settings = replace(WorkerSettings(restart_after_s=0.0), **options)
        scheduler = Scheduler()
        policy = EgressPolicy(allow_private=allow_private)
        async with Database(folder / "wapo.db") as database, HttpClient(policy) as client:
            logs = LogBook(database)
            writer = asyncio.create_task(logs.run())
            keys = NodeKeys.load_or_create(folder / "node.key")
            images = ImageStore(profile, scheduler, 1 << 30)
            try:
                async with open_worker(
                    settings,
                    data_dir=folder,
                    modules=module_cache,
                    keys=keys,
                    database=database,
                    logs=logs,
                    scheduler=scheduler,
                    egress=policy,
                    http_client=client,
                    quotes=quotes,
                    isolates=Isolates(profile, scheduler, images.base),
                ) as worker:
                    await asyncio.to_thread(
                        worker.blobs.put, BlobName.parse("sha256:", partial=True), compile_program("app")
                    )
                    yield Site(worker, logs)
                await logs.flush()
            finally:
                await images.aclose()
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)

    return opened


@pytest.fixture
def open_site(tmp_path: Path, module_cache: ModuleCache, profile: JavaScriptProfile) -> WorkerFactory:
    """Makes workers: ``async with open_site(max_instances=2) as site``. Opened twice, it is the same node restarted."""
    return worker_factory(tmp_path, module_cache, profile)


@pytest.fixture
async def site(open_site: WorkerFactory) -> AsyncIterator[Site]:
    """A worker with the usual settings."""
    async with open_site() as opened:
        yield opened
