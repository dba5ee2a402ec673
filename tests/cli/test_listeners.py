"""The servers of a node: agents are served first, and all of them end together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from wapo.cli.listeners import AppListeners, serve_all
from wapo.cli.signals import StopSignals
from wapo.cli.wapod_config import WapodConfig
from wapo.cli.workers import Sockets
from wapo.gateway.app import Gateway
from wapo.node.apps.settings import WorkerSettings
from wapo.node.apps.worker import Worker
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings


def listening() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


async def get(made: socket.socket, path: str) -> bytes:
    """The status line of an answer."""
    reader, writer = await asyncio.open_connection(*made.getsockname())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line.strip()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    settings = NodeSettings(data_dir=tmp_path, upstreams=(), worker=WorkerSettings())
    async with open_node(settings, worker_later=True) as node:
        yield node


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with listening() as gateway, listening() as admin, listening() as user:
        yield Sockets(gateway, admin, user)


def serving(node: Node, sockets: Sockets, signals: StopSignals, ready: asyncio.Event) -> "asyncio.Task[None]":
    listeners = AppListeners(WapodConfig())
    return asyncio.create_task(serve_all(node, Gateway(node), sockets, listeners, signals, ready.set))


def held_back(node: Node, until: asyncio.Event) -> None:
    """The node's worker is opened when the event has come."""
    opening = node.open_worker
    assert opening is not None

    @asynccontextmanager
    async def open_later() -> AsyncIterator[Worker]:
        await until.wait()
        async with opening() as worker:
            yield worker

    def open_worker() -> AbstractAsyncContextManager[Worker]:
        return open_later()

    node.open_worker = open_worker


async def test_agents_are_served_before_the_worker_is_opened(node: Node, sockets: Sockets) -> None:
    """And the apps' listeners answer whoever has come meanwhile."""
    signals, ready, go_on = StopSignals(), asyncio.Event(), asyncio.Event()
    held_back(node, go_on)
    task = serving(node, sockets, signals, ready)
    assert await get(sockets.gateway, "/healthz") == b"HTTP/1.1 200 OK"
    assert sockets.user is not None
    early = asyncio.create_task(get(sockets.user, "/"))
    assert node.worker is None
    assert not ready.is_set()
    go_on.set()
    async with asyncio.timeout(30):
        await ready.wait()
        assert (await early).startswith(b"HTTP/1.1 ")
        assert node.worker is not None
        signals.asked.set()
        await task


async def test_a_stop_while_the_worker_is_opened_ends_everything(node: Node, sockets: Sockets) -> None:
    signals, ready = StopSignals(), asyncio.Event()
    held_back(node, asyncio.Event())
    task = serving(node, sockets, signals, ready)
    assert await get(sockets.gateway, "/healthz") == b"HTTP/1.1 200 OK"
    signals.hear(15)
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not ready.is_set()


async def test_a_worker_that_cannot_be_opened_is_the_end(
    node: Node, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise OSError("no worker here")

    node.open_worker = refuse
    ready = asyncio.Event()
    async with asyncio.timeout(30):
        with pytest.raises(OSError, match="no worker here"):
            await serving(node, sockets, StopSignals(), ready)
    assert not ready.is_set()
