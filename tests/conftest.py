"""What tests share: the engine (one a session, its compiled modules cached as for users), nodes, servers on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import settings

from wapo.agents.profile import JAVASCRIPT, JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.gateway.app import Gateway
from wapo.gateway.front_door import server_config
from wapo.gateway.upgrade import AgentDoor
from wapo.node.limits import AgentLimits
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings, default_cache_dir
from wapo.vm.egress import EgressPolicy

# How long an example takes is no property of the code: the machine may be busy. Timing is for bench/.
settings.register_profile("wapo", deadline=None)
settings.load_profile("wapo")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that tests of the lower rooms share."""
    with Engine().opened() as opened:
        yield opened


@pytest.fixture(scope="session")
def module_cache() -> ModuleCache:
    """Compiled modules, kept between sessions."""
    return ModuleCache(default_cache_dir() / "modules")


@pytest.fixture(scope="session")
def profile(module_cache: ModuleCache) -> Iterator[JavaScriptProfile]:
    """The JavaScript engine, compiled."""
    with Engine(JAVASCRIPT).opened() as engine:
        opened = JavaScriptProfile(engine, module_cache)
        yield opened
        opened.close()


@dataclass
class Site:
    """A node with its gateway on a real socket, and a client for it."""

    node: Node
    url: str
    client: httpx.AsyncClient
    server: uvicorn.Server

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return len(self.server.server_state.connections)

    async def publish(self, source: str | bytes) -> str:
        """The path of a program: ``/ipfs/<cid>``."""
        data = source.encode() if isinstance(source, str) else source
        return f"/ipfs/{await self.node.library.publish(data)}"

    async def run(self, source: str | bytes, method: str = "GET", tail: str = "", **options: Any) -> httpx.Response:
        """Publishes a program and sends it a request."""
        return await self.client.request(method, await self.publish(source) + tail, **options)

    async def log(self, path: str, *levels: str) -> list[str]:
        """Messages of a program's log, the oldest first; all levels but REPORT unless some are named."""
        identity = await self.node.programs.identity_of(path.removeprefix("/ipfs/").removeprefix("/"))
        records = await self.node.logs.read(identity)
        return [r.message for r in reversed(records) if (r.level in levels if levels else r.level != "REPORT")]


SiteFactory = Callable[..., AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[str]:
    """An ASGI application on a port that the system chooses; the address. Options are ``server_config``'s."""
    async with _served(app, **options) as (url, _):
        yield url


class _Server(uvicorn.Server):
    """One that notices within 10 ms that it is to end, not 100: a second saved in a dozen tests."""

    async def main_loop(self) -> None:
        tick = 0
        while not await self.on_tick(tick // 10):
            tick += 1
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _served(app: Any, **options: Any) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    # With its protocol: asyncio turns Nagle's algorithm off for such sockets only, and it costs 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    # A test that failed may have left a connection open, which is not waited for.
    server = _Server(server_config(app, **{"timeout_graceful_shutdown": 5} | options))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def opened_site(
    data_dir: Path, *, inherit_by_key: bool = False, server: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Site]:
    """A site whose node keeps its data there. Limits and settings by name; ``server`` is for ``server_config``."""
    names = AgentLimits.__dataclass_fields__
    limits = replace(AgentLimits(), **{name: value for name, value in options.items() if name in names})
    egress = options.pop("egress", None) or EgressPolicy(allow_private=options.pop("allow_private", True))
    rest = {name: value for name, value in options.items() if name not in names}
    settings = NodeSettings(
        data_dir=data_dir, limits=limits, egress=egress, **{"upstreams": (), "public_logs": True} | rest
    )
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(open_node(settings))
        gateway = Gateway(node, inherit_by_key=inherit_by_key)
        chosen = {"door": AgentDoor, "at_once": gateway.at_once} | (server or {})
        url, running = await stack.enter_async_context(_served(gateway, **chosen))
        # Without TLS, which would be set up in 50 ms, and without proxies of the environment.
        client = httpx.AsyncClient(base_url=url, timeout=30, verify=False, trust_env=False)
        await stack.enter_async_context(client)
        yield Site(node, url, client, running)


@pytest.fixture
def open_site(tmp_path: Path) -> SiteFactory:
    """Makes sites: ``async with open_site(time_s=1, allow_private=True) as site``; see ``opened_site``."""

    def opened(*, data_dir: Path | None = None, **options: Any) -> AbstractAsyncContextManager[Site]:
        return opened_site(data_dir or tmp_path / "node", **options)

    return opened


@pytest.fixture
async def site(open_site: SiteFactory) -> AsyncIterator[Site]:
    """A site with the default limits, whose agents may connect to loopback."""
    async with open_site() as opened:
        yield opened
