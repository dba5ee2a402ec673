"""One of the processes of ``wapo serve --workers N``: serves what its supervisor hands over, and has the apps while
they are its."""

import asyncio
import contextlib
import gc
from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from wapo.cli.announce import write_access, write_token
from wapo.cli.listeners import LAST_REQUESTS_S, OF_APPS, AppListeners, app_servers, end, gateway_server, hurry_when
from wapo.cli.server import Server
from wapo.cli.signals import StopSignals, heard_signals
from wapo.cli.workers import ADMIN_URL, TLS, USER_URL
from wapo.errors import WapoError
from wapo.gateway.app import Gateway
from wapo.lazy import load
from wapo.node.apps.settings import WorkerSettings
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings
from wapo.processes.inheritance import Inheritance
from wapo.processes.member import Member

__all__ = ["serve_as_member"]

#: For clients of apps that move to another worker, to ask once more and be told that this connection ends. Nobody is
#: served meanwhile, so it is short.
_MOVE_S: Final = 1.0
#: For those of agents, whom others serve meanwhile. Longer than a keep-alive connection may idle; the supervisor has the
#: last word.
_RETIRE_S: Final = 600.0


async def serve_as_member(
    inheritance: Inheritance,
    settings: NodeSettings,
    apps: WorkerSettings | None,
    listeners: AppListeners,
    *,
    inherit_by_key: bool,
) -> int:
    """Serves until told to stop, or until others have taken its place.

    Args:
        apps: how to run them, if the supervisor says so.
    """
    member = Member(inheritance)
    with_apps = replace(settings, worker=_with_listener(apps, inheritance))
    with heard_signals() as signals:
        orphaned = asyncio.create_task(_stop_if_orphaned(member, signals))
        try:
            async with contextlib.AsyncExitStack() as stack:
                with signals.cancel_instead():
                    node = await stack.enter_async_context(open_node(with_apps, member, worker_later=True))
                    await node.warm_up()
                # What is here now stays until the end: the collector need not look at it again and again.
                gc.freeze()
                write_token(node)
                await _Serving(node, member, signals, listeners).serve(inherit_by_key=inherit_by_key)
        except asyncio.CancelledError:
            if not signals.asked.is_set():
                raise
        finally:
            orphaned.cancel()
            member.close()
    return 0


def _with_listener(apps: WorkerSettings | None, inheritance: Inheritance) -> WorkerSettings | None:
    """The TLS port is the supervisor's: who connects while the apps move waits."""
    if apps is None:
        return None
    return replace(apps, network=replace(apps.network, tls_listener=inheritance.passed.get(TLS)))


async def _stop_if_orphaned(member: Member, signals: StopSignals) -> None:
    """No worker outlives its supervisor, however that ended."""
    await member.orphaned.wait()
    signals.stop()


class _Serving:
    """The servers of one worker."""

    def __init__(self, node: Node, member: Member, signals: StopSignals, listeners: AppListeners) -> None:
        self._node = node
        self._member = member
        self._signals = signals
        self._listeners = listeners
        self._ending = asyncio.Event()

    def _changed(self, more: int) -> None:
        self._member.row.open += more

    async def serve(self, *, inherit_by_key: bool) -> None:
        """Until told to stop, or to retire; then what was begun is finished."""
        member, signals = self._member, self._signals
        server = gateway_server(self._node, Gateway(self._node, inherit_by_key=inherit_by_key), self._changed)
        serving = await _started([server])
        apps = asyncio.create_task(self._have_apps())
        loading = asyncio.create_task(self._node.load_rest(), name="wapo-load")
        hurry = asyncio.create_task(hurry_when(signals.hurried, [server]))
        try:
            member.serve_gateway(server.adopt)
            member.say_ready()
            await _first(signals.asked.wait(), member.retire.wait(), *serving)
        finally:
            self._ending.set()
            loading.cancel()
            member.say_leaving()
            if member.retire.is_set() and not signals.asked.is_set():
                await self._retire(server)
            await asyncio.gather(apps, end([server], serving, then=member.leave_gateway))
            hurry.cancel()

    async def _retire(self, server: Server) -> None:
        """Each client gets its next answer still, and is told that it is the last one here."""
        draining = asyncio.create_task(server.drain(_RETIRE_S))
        await _first(draining, self._signals.asked.wait())
        draining.cancel()

    async def _have_apps(self) -> None:
        """Runs the apps from when they are this worker's until it ends. Where that fails, others may try."""
        while True:
            await _first(self._member.run_apps.wait(), self._ending.wait())
            if self._ending.is_set() or self._node.open_worker is None:
                return
            self._member.run_apps.clear()
            try:
                await load(OF_APPS)
                async with self._node.open_worker():
                    await self._serve_apps()
            except WapoError as error:
                self._member.say_apps_failed(str(error))
            else:
                self._member.say_apps_ended()

    async def _serve_apps(self) -> None:
        node, member, told = self._node, self._member, self._member.inheritance.told
        worker = node.worker
        assert worker is not None
        admin, user = app_servers(node, worker, self._listeners, self._changed)
        serving = await _started([admin, user])
        hurry = asyncio.create_task(hurry_when(self._signals.hurried, [admin, user]))
        try:
            write_access(node, self._listeners.admin_token(node), (told[ADMIN_URL], told[USER_URL]))
            member.serve_apps(admin.adopt, user.adopt)
            member.say_apps_run()
            await _first(worker.stop_requested.wait(), self._ending.wait(), *serving)
            if worker.stop_requested.is_set():
                member.stop_all()
                await self._ending.wait()
        finally:
            within_s = LAST_REQUESTS_S if self._signals.asked.is_set() else _MOVE_S
            await end([admin, user], serving, within_s, member.leave_apps)
            hurry.cancel()


async def _started(servers: list[Server]) -> list["asyncio.Task[None]"]:
    """Servers that are ready for connections, and what they run in."""
    tasks = [asyncio.create_task(server.serve(sockets=[])) for server in servers]
    while not all(server.started for server in servers):
        await asyncio.sleep(0)
        for task in tasks:
            if task.done():
                task.result()
    return tasks


async def _first(*events: Awaitable[object]) -> None:
    """Waits for the first of some; those that were made for that wait are given up."""
    tasks = [asyncio.ensure_future(event) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, event in zip(tasks, events, strict=True):
            if task is not event:
                task.cancel()
