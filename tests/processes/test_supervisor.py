"""A supervisor with workers that have no node: what it does when they die, hang, or cannot start."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from wapo.processes.dispatcher import ADMIN, GATEWAY, USER
from wapo.processes.supervisor import Patience, Supervisor

ROOT = Path(__file__).parent.parent.parent


class Run:
    """A supervisor that runs, and what it says."""

    def __init__(self, folder: Path, workers: int, patience: Patience | None, has_apps: bool) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.started = asyncio.Event()
        self.listeners = {number: socket.create_server(("127.0.0.1", 0)) for number in (GATEWAY, ADMIN, USER)}
        self.addresses = {number: listener.getsockname() for number, listener in self.listeners.items()}
        self.supervisor = Supervisor(
            [sys.executable, "-m", "tests.processes.worker", str(folder)], workers, self.listeners, has_apps=has_apps,
            say=self.said.append, started=self.started.set, patience=patience,
            environment={"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        )  # fmt: skip
        self.task = asyncio.create_task(self.supervisor.run())

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_said(self, part: str) -> None:
        await self.until(lambda: any(part in line for line in self.said))

    async def ask(self, listener: int = GATEWAY) -> int:
        """The worker that answers."""
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*self.addresses[listener])
            try:
                line = await reader.readline()
            finally:
                writer.close()
            return int(line) if line else 0

    async def stop(self) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return await self.end()

    async def end(self) -> int:
        async with asyncio.timeout(60):
            return await self.task


@pytest.fixture
def run(tmp_path: Path) -> Any:
    @asynccontextmanager
    async def opened(
        workers: int = 2, patience: Patience | None = None, *orders: str, has_apps: bool = True, wait: bool = True
    ) -> AsyncIterator[Run]:
        for order in orders:
            (tmp_path / order).touch()
        running = Run(tmp_path, workers, patience, has_apps)
        try:
            if wait:
                async with asyncio.timeout(60):
                    await running.started.wait()
            yield running
        finally:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)

    return opened


async def test_new_connections_go_round(run: Any) -> None:
    async with run(3) as node:
        answered = [await node.ask() for _ in range(9)]
        assert len(set(answered)) == 3
        assert await node.stop() == 0
        with pytest.raises(ConnectionError):
            await node.ask()


async def test_apps_are_in_one_worker_and_move_to_one_that_is_there(run: Any) -> None:
    async with run(2) as node:
        first = await node.ask(ADMIN)
        assert {await node.ask(listener) for listener in (ADMIN, USER) for _ in range(3)} == {first}
        os.kill(first, signal.SIGKILL)
        moved = await node.ask(ADMIN)
        assert moved not in (0, first)
        await node.until_said("a worker ended with -9; starting another")
        assert await node.stop() == 0


async def test_apps_that_fail_in_one_worker_are_tried_again_and_take_nobody_along(run: Any) -> None:
    async with run(2) as node:
        first = await node.ask(ADMIN)
        (node.folder / "no-apps").touch()
        os.kill(first, signal.SIGKILL)
        await node.until_said("the apps cannot run: they are not to; the next try is in 5 s")
        assert await node.ask()
        (node.folder / "no-apps").unlink()
        assert await node.ask(ADMIN)
        assert await node.stop() == 0


async def test_apps_that_cannot_run_at_the_start_end_the_node(run: Any) -> None:
    async with run(2, None, "no-apps", wait=False) as node:
        assert await node.end() == 1
        assert node.said == ["the apps cannot run: they are not to"]


async def test_a_worker_that_cannot_start_ends_the_node(run: Any) -> None:
    async with run(2, None, "fail", wait=False) as node:
        assert await node.end() == 3
        assert node.said == []  # it has said why
        assert not node.started.is_set()


async def test_a_worker_that_hangs_at_the_start_is_killed(run: Any) -> None:
    async with run(2, Patience(start_s=1), "hang", wait=False) as node:
        assert await node.end() == 1
        assert node.said == [
            "a worker has not started within 1 s; it is killed", "a worker ended with -9 before it served; giving up"
        ]  # fmt: skip


async def test_the_last_that_serves_keeps_a_node_up_whose_new_workers_fail(run: Any) -> None:
    async with run(2) as node:
        one, other = {await node.ask() for _ in range(4)}
        (node.folder / "fail").touch()
        os.kill(one, signal.SIGKILL)
        await node.until_said("a worker ended with 3; starting another in 1 s")
        assert await node.ask() == other
        os.kill(other, signal.SIGKILL)
        assert await node.end() == 1
        assert node.said[-1] == "workers keep dying; giving up"


async def test_workers_that_die_of_what_they_are_given_are_not_started_in_a_circle(run: Any) -> None:
    async with run(1, has_apps=False) as node:
        (node.folder / "clumsy").touch()

        async def keep_asking() -> None:
            while True:
                await node.ask()

        asking = asyncio.create_task(keep_asking())
        assert await node.end() == 1
        assert sum("starting another in" in line for line in node.said) == 3
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_a_reload_waits_for_all_and_then_replaces_all(run: Any) -> None:
    async with run(2) as node:
        before = {await node.ask() for _ in range(4)}
        os.kill(os.getpid(), signal.SIGHUP)
        await node.until_said("reloaded")
        after = {await node.ask() for _ in range(4)}
        assert len(after) == 2
        assert not after & before
        assert await node.ask(USER) in after
        assert await node.stop() == 0


async def test_a_reload_that_is_asked_for_during_one_follows_it(run: Any) -> None:
    async with run(1) as node:
        os.kill(os.getpid(), signal.SIGHUP)
        await node.until_said("reloading")
        os.kill(os.getpid(), signal.SIGHUP)
        await node.until(lambda: sum("reloaded" in line for line in node.said) == 2)
        assert await node.stop() == 0


@pytest.mark.parametrize("order", ["fail", "hang"])
async def test_a_reload_that_fails_changes_nothing(run: Any, order: str) -> None:
    async with run(2, Patience(start_s=5)) as node:
        before = {await node.ask() for _ in range(4)}
        (node.folder / order).touch()
        os.kill(os.getpid(), signal.SIGHUP)
        await node.until_said("the reload has failed")
        assert {await node.ask() for _ in range(4)} == before
        assert await node.stop() == 0


async def test_everybody_else_answers_a_question(run: Any) -> None:
    async with run(3) as node:
        before = {await node.ask() for _ in range(6)}
        (node.folder / "ask").touch()
        os.kill(next(iter(before)), signal.SIGKILL)
        await node.until(lambda: list(node.folder.glob("answers-*")))
        (answers,) = node.folder.glob("answers-*")
        await node.until(answers.read_text)
        assert set(answers.read_text().splitlines()) == {f"{pid} hello" for pid in list(before)[1:]}
        assert await node.stop() == 0


async def test_nothing_is_left_open(run: Any) -> None:
    open_before = set(os.listdir("/proc/self/fd"))
    async with run(2) as node:
        os.kill(await node.ask(), signal.SIGKILL)
        await node.until_said("starting another")
        os.kill(os.getpid(), signal.SIGHUP)
        await node.until_said("reloaded")
        assert await node.stop() == 0
    assert len(os.listdir("/proc/self/fd")) <= len(open_before)
