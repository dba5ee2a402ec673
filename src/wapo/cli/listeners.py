"""The servers of a node: the gateway, and the apps' two listeners, all on one event loop."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from wapo.cli.signals import StopSignals
from wapo.cli.wapod_config import WapodConfig
from wapo.cli.workers import Sockets
from wapo.gateway.admin import AdminListener
from wapo.gateway.front_door import server_config
from wapo.gateway.upgrade import AgentDoor, UpgradingDoor
from wapo.gateway.user import UserListener
from wapo.node.node import Node

__all__ = ["AppListeners", "Server", "serve_all"]

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
    node: Node, gateway: Any, sockets: Sockets, listeners: AppListeners | None, signals: StopSignals
) -> None:
    """Serves until the process is told to stop, by a signal or by ``WorkerExit``; then all listeners end together."""
    served = [(Server(_config(node, gateway, door=AgentDoor, at_once=gateway.at_once)), sockets.gateway)]
    worker = node.worker
    if worker is not None and listeners is not None and sockets.admin is not None and sockets.user is not None:
        admin, user = listeners.config.admin, listeners.config.user
        served += [
            (
                Server(
                    _config(node, AdminListener(
                        worker, token=listeners.admin_token(node), hosts=listeners.host_names,
                        origins=listeners.origins, limits=admin.limits, ident=admin.ident,
                        max_blob_bytes=admin.limits.get(_BLOB_LIMIT, _DEFAULT_BLOB_BYTES),
                    ))
                ),
                sockets.admin,
            ),
            (
                Server(_config(node, UserListener(worker, limits=user.limits, ident=user.ident), door=UpgradingDoor)),
                sockets.user,
            ),
        ]  # fmt: skip
    servers = [server for server, _ in served]
    watches = [asyncio.create_task(_stop_when(signals.asked, servers))]
    watches.append(asyncio.create_task(_stop_when(signals.hurried, servers, force=True)))
    if worker is not None:
        watches.append(asyncio.create_task(_stop_when(worker.stop_requested, servers)))
    tasks = [asyncio.create_task(server.serve(sockets=[made])) for server, made in served]
    try:
        # Nobody goes on where one cannot: half a node looks well from outside.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        for watch in watches:
            watch.cancel()


async def _stop_when(asked: asyncio.Event, servers: list[Server], *, force: bool = False) -> None:
    await asked.wait()
    for server in servers:
        server.should_exit = True
        server.force_exit = server.force_exit or force
