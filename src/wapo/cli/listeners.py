"""The servers of a node: the gateway, and the apps' two listeners, all on one event loop."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

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
    """Stops on SIGTERM and SIGINT, and then lets the node close; the stock server would raise the signal once more.

    Args:
        signals: whether this is the server of its process that hears them.
    """

    def __init__(self, config: uvicorn.Config, *, signals: bool) -> None:
        super().__init__(config)
        self._signals = signals

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT) if self._signals else ()
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def _config(node: Node, app: Any, **options: Any) -> uvicorn.Config:
    return server_config(
        app,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_BACKLOG,
        max_unsent_bytes=node.memory.limit_bytes // 8,
        **options,
    )


async def serve_all(node: Node, gateway: Any, sockets: Sockets, listeners: AppListeners | None) -> None:
    """Serves until the process is told to stop, by a signal or by ``WorkerExit``."""
    main = Server(_config(node, gateway, door=AgentDoor), signals=True)
    others: list[tuple[Server, Any]] = []
    worker = node.worker
    if worker is not None and listeners is not None and sockets.admin is not None and sockets.user is not None:
        admin, user = listeners.config.admin, listeners.config.user
        others = [
            (
                Server(
                    _config(node, AdminListener(
                        worker, token=listeners.admin_token(node), hosts=listeners.host_names,
                        origins=listeners.origins, limits=admin.limits, ident=admin.ident,
                        max_blob_bytes=admin.limits.get(_BLOB_LIMIT, _DEFAULT_BLOB_BYTES),
                    )),
                    signals=False,
                ),
                sockets.admin,
            ),
            (
                Server(
                    _config(node, UserListener(worker, limits=user.limits, ident=user.ident), door=UpgradingDoor),
                    signals=False,
                ),
                sockets.user,
            ),
        ]  # fmt: skip
    tasks = [asyncio.create_task(server.serve(sockets=[made])) for server, made in others]
    watch = asyncio.create_task(_stop_when_asked(worker.stop_requested, main)) if worker is not None else None
    try:
        await main.serve(sockets=[sockets.gateway])
    finally:
        if watch is not None:
            watch.cancel()
        for server, _ in others:
            server.should_exit = True
        await asyncio.gather(*tasks)


async def _stop_when_asked(asked: asyncio.Event, server: Server) -> None:
    await asked.wait()
    server.should_exit = True
