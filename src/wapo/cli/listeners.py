"""The servers of a node: the gateway, and the apps' two listeners, all on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from wapo.cli.signals import StopSignals
from wapo.cli.wapod_config import WapodConfig
from wapo.cli.workers import Sockets
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

__all__ = ["AppListeners", "Server", "serve_all"]

#: What agents are served without.
_OF_APPS: Final = ("wapo.node.apps.worker", "wapo.gateway.admin", "wapo.gateway.user")

_GRACE_S: Final = 10
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


class Server(uvicorn.Server):
    """Leaves signals to the process, and says when to stop to whoever waits for that."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(node: Node, app: Any, **options: Any) -> uvicorn.Config:
    return server_config(
        app,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_BACKLOG,
        max_unsent_bytes=node.memory.limit_bytes // 8,
        **options,
    )


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
    first = Server(_config(node, gateway, door=AgentDoor, at_once=gateway.at_once))
    servers, tasks = [first], [asyncio.create_task(first.serve(sockets=[sockets.gateway]))]
    watches = [asyncio.create_task(_stop_when(signals.asked, servers))]
    watches.append(asyncio.create_task(_stop_when(signals.hurried, servers, force=True)))
    async with contextlib.AsyncExitStack() as stack:
        try:
            if node.open_worker is not None:
                with signals.cancel_instead():
                    await load(_OF_APPS)
                    worker = await stack.enter_async_context(node.open_worker())
                watches.append(asyncio.create_task(_stop_when(worker.stop_requested, servers)))
                if listeners is not None:
                    for server, made in _app_servers(node, worker, sockets, listeners):
                        servers.append(server)
                        tasks.append(asyncio.create_task(server.serve(sockets=[made])))
            ready()
            # Nobody goes on where one cannot: half a node looks well from outside.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks)
            for watch in watches:
                watch.cancel()


def _app_servers(
    node: Node, worker: Worker, sockets: Sockets, listeners: AppListeners
) -> Iterator[tuple[Server, socket.socket]]:
    admin, user = listeners.config.admin, listeners.config.user
    if sockets.admin is not None:
        yield (
            Server(
                _config(node, gateway_admin.AdminListener(
                    worker, token=listeners.admin_token(node), hosts=listeners.host_names,
                    origins=listeners.origins, limits=admin.limits, ident=admin.ident,
                    max_blob_bytes=admin.limits.get(_BLOB_LIMIT, _DEFAULT_BLOB_BYTES),
                ))
            ),
            sockets.admin,
        )  # fmt: skip
    if sockets.user is not None:
        listener = gateway_user.UserListener(worker, limits=user.limits, ident=user.ident)
        yield Server(_config(node, listener, door=UpgradingDoor)), sockets.user


async def _stop_when(asked: asyncio.Event, servers: list[Server], *, force: bool = False) -> None:
    await asked.wait()
    for server in servers:
        server.should_exit = True
        server.force_exit = server.force_exit or force
