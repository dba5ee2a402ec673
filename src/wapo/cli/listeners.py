"""The servers of a node: the gateway, and the apps' two listeners, all on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from wapo.cli.server import Server
from wapo.cli.signals import StopSignals
from wapo.cli.sockets import Sockets
from wapo.cli.wapod_config import WapodConfig
from wapo.gateway.front_door import server_config
from wapo.gateway.upgrade import AgentDoor, UpgradingDoor
from wapo.lazy import library, load
from wapo.node.node import Node

if TYPE_CHECKING:
    from wapo.gateway import admin as gateway_admin
    from wapo.gateway import user as gateway_user
    from wapo.node.apps.worker import Worker
else:
    gateway_admin = library("wapo.gateway.admin")
    gateway_user = library("wapo.gateway.user")

__all__ = [
    "LAST_REQUESTS_S", "OF_APPS", "AppListeners", "app_servers", "end", "gateway_server", "hurry_when", "serve_all",
]  # fmt: skip

#: What agents are served without.
OF_APPS: Final = ("wapo.node.apps.worker", "wapo.gateway.admin", "wapo.gateway.user")

_GRACE_S: Final = 10
#: For a request that a client has sent while nobody knew that this is the end.
LAST_REQUESTS_S: Final = 0.2
_BACKLOG: Final = 4096
_BLOB_LIMIT: Final = "Admin.PutObject"
_DEFAULT_BLOB_BYTES: Final = 50 << 20


@dataclass(frozen=True, slots=True)
class AppListeners:
    """What the admin and the user listener are to be like.

    Attributes:
        token: of the admin RPC; None: the operator's. ``insecure``: nobody is asked for it.
    """

    config: WapodConfig
    token: str | None = None
    insecure: bool = False
    host_names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def admin_token(self, node: Node) -> str | None:
        return None if self.insecure else (self.token or node.operator_token)


def _config(node: Node, app: Any, **options: Any) -> uvicorn.Config:
    return server_config(
        app,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_BACKLOG,
        max_unsent_bytes=node.memory.limit_bytes // 8,
        **options,
    )


def gateway_server(node: Node, gateway: Any, changed: Callable[[int], None] | None = None) -> Server:
    """The server of agents, vaults, logs and content. ``changed`` hears how many connections come and go."""
    return Server(_config(node, gateway, door=AgentDoor, at_once=gateway.at_once), changed)


def app_servers(
    node: Node, worker: Worker, listeners: AppListeners, changed: Callable[[int], None] | None = None
) -> tuple[Server, Server]:
    """The servers of the admin and of the user listener."""
    admin, user = listeners.config.admin, listeners.config.user
    admins = gateway_admin.AdminListener(
        worker, token=listeners.admin_token(node), hosts=listeners.host_names, origins=listeners.origins,
        limits=admin.limits, ident=admin.ident, max_blob_bytes=admin.limits.get(_BLOB_LIMIT, _DEFAULT_BLOB_BYTES),
    )  # fmt: skip
    users = gateway_user.UserListener(worker, limits=user.limits, ident=user.ident)
    return Server(_config(node, admins), changed), Server(_config(node, users, door=UpgradingDoor), changed)


async def serve_all(
    node: Node,
    gateway: Any,
    sockets: Sockets,
    listeners: AppListeners | None,
    signals: StopSignals,
    ready: Callable[[], None],
) -> None:
    """Serves until the process is told to stop, by a signal or by ``WorkerExit``; then all listeners end together.

    Agents first: the node's worker is opened, and its listeners with it, when they are served already.

    Args:
        ready: called when everything is served.
    """
    first = gateway_server(node, gateway)
    servers, tasks = [first], [asyncio.create_task(first.serve(sockets=[sockets.gateway]))]
    watches: list[asyncio.Task[Any]] = [asyncio.create_task(signals.asked.wait())]
    hurry = asyncio.create_task(hurry_when(signals.hurried, servers))
    async with contextlib.AsyncExitStack() as stack:
        try:
            if node.open_worker is not None:
                with signals.cancel_instead():
                    await load(OF_APPS)
                    worker = await stack.enter_async_context(node.open_worker())
                watches.append(asyncio.create_task(worker.stop_requested.wait()))
                if listeners is not None and sockets.admin is not None and sockets.user is not None:
                    apps = app_servers(node, worker, listeners)
                    servers += apps
                    tasks += [
                        asyncio.create_task(server.serve(sockets=[made]))
                        for server, made in zip(apps, (sockets.admin, sockets.user), strict=True)
                    ]
            ready()
            # Nobody goes on where one cannot: half a node looks well from outside.
            await asyncio.wait([*tasks, *watches], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(servers, tasks)
            for watch in (*watches, hurry):
                watch.cancel()


async def hurry_when(hurried: asyncio.Event, servers: list[Server]) -> None:
    """Hurries servers, if somebody asks for that."""
    await hurried.wait()
    for server in servers:
        server.hurry()


async def end(
    servers: Sequence[Server],
    tasks: Sequence[asyncio.Task[None]],
    within_s: float = LAST_REQUESTS_S,
    then: Callable[[], None] | None = None,
) -> None:
    """Ends servers: what has been asked by now is answered, for some seconds.

    Args:
        within_s: how long connections have for one more request.
        then: called when they are to take no more connections.
    """
    await asyncio.gather(*(server.drain(within_s) for server in servers if server.started))
    if then is not None:
        then()
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)
