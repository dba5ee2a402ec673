"""The supervisor of a node's workers: it starts them, gives them what comes in, replaces what dies, reloads, stops.

It accepts connections and hands them over (``dispatcher``), keeps the images that workers share (``shelf``), passes
questions on, and says who runs the apps: one worker at a time. It runs no guest and reads no byte of a client, so
nothing that a guest or a client does can make it fail.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wapo.processes.board import ROWS, Board
from wapo.processes.channel import Channel, socket_pair
from wapo.processes.dispatcher import Dispatcher, Seat
from wapo.processes.inheritance import Inheritance
from wapo.processes.messages import (
    AppsEnded,
    AppsFailed,
    AppsRunning,
    Ask,
    Counted,
    FromWorker,
    ImageGiven,
    ImageGivenUp,
    ImageMade,
    ImageWanted,
    Leaving,
    Ready,
    Reply,
    Retire,
    RunApps,
    StopAll,
)  # fmt: skip
from wapo.processes.questions import Questions
from wapo.processes.shelf import ImageShelf
from wapo.processes.worker_process import State, WorkerProcess

__all__ = ["Patience", "Supervisor"]

#: Deaths one after another, with nobody left who serves, that are no accident.
_MOST_FAILURES: Final = 5
_FIRST_DELAY_S: Final = 0.5
_MOST_DELAY_S: Final = 30.0
#: A worker that has served for so long has not died of its start.
_SETTLED_S: Final = 30.0
_AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long workers are waited for, in seconds.

    Attributes:
        start_s: until one serves.
        retire_s: for those that a reload has replaced, until they have finished what they had. Then they are stopped.
        stop_s: for those that were told to stop. Then they are killed.
    """

    start_s: float = 120.0
    retire_s: float = 60.0
    stop_s: float = 30.0


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal, now."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Supervisor:
    """Keeps ``workers`` processes until told to stop. Run it once.

    Args:
        command: starts a worker.
        listeners: by number; those other than the gateway's go to the worker that runs the apps.
        passed: other descriptors that every worker inherits, by name.
        told: what else every worker is to know, by name.
        has_apps: whether one of them is to run apps.
        image_bytes: memory of the images that are kept for all.
        say: tells the operator.
        started: called when every worker serves for the first time, and the apps do.
        sum_counts: adds up what workers have counted.
        environment: of workers, beside this process's.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        listeners: dict[int, socket.socket],
        *,
        has_apps: bool,
        say: Callable[[str], None],
        started: Callable[[], None],
        passed: Mapping[str, int] | None = None,
        told: Mapping[str, str] | None = None,
        image_bytes: int = 1 << 30,
        sum_counts: Callable[[Sequence[bytes]], bytes] = b"".join,
        environment: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._command = list(command)
        self._count = workers
        self._listeners = listeners
        self._has_apps = has_apps
        self._say = say
        self._on_started = started
        self._passed = dict(passed or {})
        self._told = dict(told or {})
        self._sum_counts = sum_counts
        #: By workers that have ended.
        self._counted = b""
        self._environment = dict(environment or {})
        self._patience = patience or Patience()
        self._shelf = ImageShelf(image_bytes)
        self._board = Board.new()
        self._free_rows = list(range(ROWS))
        self._workers: list[WorkerProcess] = []
        self._generation = 0
        #: Those that serve; higher than ``_serving`` while a reload prepares the next ones.
        self._serving = 0
        self._apps: WorkerProcess | None = None
        self._apps_run = False
        self._started = False
        self._stopping = False
        self._reload_again = False
        self._code = 0
        self._interrupts = 0
        self._failures = 0
        self._timers: set[asyncio.Handle] = set()

    async def run(self) -> int:
        """Until all workers have ended.

        Returns:
            the exit code: what the first worker ended with if it could not start; 1 if workers die faster than makes
            sense to replace them, or had to be killed.
        """
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._dispatcher = Dispatcher(self._listeners)
        self._questions = Questions(self._loop)
        # Under nohup(1) it is ignored: that is for the time after the terminal.
        self._ends_with_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._told_to_stop, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
        try:
            # The first one makes what all need: key, database, compiled modules. Then the others find it.
            self._start()
            await self._done
        finally:
            self._stopping = True
            self._dispatcher.close()
            for worker in list(self._workers):  # none, unless this was cancelled
                self._kill(worker)
                self._ended(worker)
            for timer in self._timers:
                timer.cancel()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self._loop.remove_signal_handler(number)
            self._shelf.close()
            self._board.close()
        return self._code

    # Processes

    def _start(self) -> None:
        """Raises OSError: the system has no room for another process."""
        mine, theirs = socket_pair()
        seat, row = Seat(self._board.row(self._free_rows[0])), self._free_rows[0]
        inheritance = Inheritance(
            control=theirs.fileno(), connections=seat.gateway.worker_end.fileno(),
            app_connections=seat.apps.worker_end.fileno(), board=self._board.descriptor, row=row,
            passed=self._passed, told=self._told,
        )  # fmt: skip
        try:
            process = subprocess.Popen(
                self._command, env=os.environ | self._environment | inheritance.environment(),
                pass_fds=inheritance.descriptors(),
                # Ctrl-C in a terminal is for whoever is in the foreground: this process, which tells the others.
                process_group=0,
            )  # fmt: skip
            pidfd = os.pidfd_open(process.pid)
        except OSError:
            mine.close()
            seat.close()
            raise
        finally:
            theirs.close()
        self._free_rows.pop(0)
        worker = WorkerProcess(process, pidfd, row, seat, self._generation, self._loop.time())
        worker.channel = Channel(mine, FromWorker, lambda *heard: self._heard(worker, *heard), lambda: None)
        self._loop.add_reader(pidfd, self._ended, worker)
        self._workers.append(worker)
        self._later(worker, self._patience.start_s, self._start_is_late, worker)

    def _later(self, worker: WorkerProcess, seconds: float, call: Callable[..., None], *arguments: object) -> None:
        worker.timers.append(self._loop.call_later(seconds, call, *arguments))

    def _start_is_late(self, worker: WorkerProcess) -> None:
        if worker.state is State.STARTING:
            self._say(f"a worker has not started within {self._patience.start_s:.0f} s; it is killed")
            self._kill(worker)

    def _kill(self, worker: WorkerProcess, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, number)

    def _ended(self, worker: WorkerProcess) -> None:
        """A process has ended, however that happened."""
        self._loop.remove_reader(worker.pidfd)
        os.close(worker.pidfd)
        code = worker.process.wait()
        for timer in worker.timers:
            timer.cancel()
        assert worker.channel is not None
        worker.channel.read()  # its last words
        worker.channel.close()
        self._workers.remove(worker)
        if worker.counted:
            self._counted = self._sum_counts([self._counted, worker.counted] if self._counted else [worker.counted])
        was = worker.state
        self._leave(worker)
        self._free_rows.append(worker.row)
        self._shelf.gone(worker)
        self._questions.gone(worker)
        if worker is self._apps:
            self._place_apps()
        worker.seat.close()
        if self._stopping:
            if not self._workers:
                self._finish()
            return
        if was is State.READY and self._loop.time() - worker.began_s > _SETTLED_S:
            self._failures = 0
        if worker.generation == self._serving:
            self._replace(was, code)
        elif worker.generation > self._serving and was is not State.LEAVING:
            self._reload_failed(f"a new worker ended with {code}")

    def _replace(self, was: State, code: int) -> None:
        if not self._started:
            if code <= 0:  # else it has said why
                self._say(f"a worker ended with {code} before it served; giving up")
            self._stop(code if code > 0 else 1)
            return
        if was is State.LEAVING and not code:  # it was told to, and has its successor
            return
        self._failures += 1
        if self._failures >= _MOST_FAILURES and not self._ready():
            self._say("workers keep dying; giving up")
            self._stop(1)
            return
        delay_s = min(_MOST_DELAY_S, _FIRST_DELAY_S * 2 ** min(self._failures - 2, 9)) if self._failures > 1 else 0.0
        when = f" in {delay_s:g} s" if delay_s else ""
        self._say(f"a worker ended with {code}; starting another{when}")
        self._after(delay_s, self._fill)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            call()

        timer = self._loop.call_later(seconds, due)
        self._timers.add(timer)

    def _fill(self) -> None:
        """Starts what is missing of those that serve; a reload that is under way does so by itself."""
        if self._generation == self._serving and not self._stopping:
            have = sum(w.generation == self._serving and w.state is not State.LEAVING for w in self._workers)
            try:
                for _ in range(self._count - have):
                    self._start()
            except OSError as error:
                self._say(f"no worker can be started: {error.strerror}; the next try is in {_AGAIN_S:g} s")
                self._after(_AGAIN_S, self._fill)

    def _ready(self) -> list[WorkerProcess]:
        return [w for w in self._workers if w.state is State.READY and w.generation == self._serving]

    def _leave(self, worker: WorkerProcess) -> None:
        """It gets nothing more, and others get what it has not taken."""
        worker.state = State.LEAVING
        if self._stopping:
            return  # there are no others
        self._seat_all()
        if worker is self._apps:
            self._dispatcher.set_apps(None)
        self._dispatcher.empty(worker.seat)

    def _seat_all(self) -> None:
        self._dispatcher.set_seats([worker.seat for worker in self._ready()])

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    # What they say

    def _heard(self, worker: WorkerProcess, message: Any, descriptors: list[int]) -> None:
        match message:
            case Ready():
                self._is_ready(worker)
            case Leaving():
                self._leave(worker)
                if not self._stopping and worker.generation == self._serving:
                    self._fill()
            case StopAll():
                self._stop(0)
            case AppsRunning():
                if worker is self._apps and not self._stopping:
                    self._apps_run = True
                    self._dispatcher.set_apps(worker.seat)
                    self._greet_if_whole()
            case AppsEnded():
                if worker is self._apps:
                    self._place_apps()
            case AppsFailed(reason):
                self._apps_failed(worker, reason)
            case Ask(number, question, text):
                self._questions.ask(worker, number, question, text, self._workers, self._counted)
            case Counted(data):
                worker.counted = data
            case Reply(number, data):
                self._questions.replied(worker, number, data)
            case ImageWanted(number, key):
                self._shelf.want(worker, key, lambda about, image: self._give_image(worker, number, about, image))
            case ImageMade(key, size, about):
                if descriptors:
                    self._shelf.put(key, descriptors.pop(), size, about)
                else:  # there was none left for it here
                    self._shelf.give_up(worker, key)
            case ImageGivenUp(key):
                self._shelf.give_up(worker, key)
        for number in descriptors:  # of a message that should have had none
            os.close(number)

    @staticmethod
    def _give_image(worker: WorkerProcess, number: int, about: bytes | None, image: int) -> None:
        if worker.channel is not None:
            worker.channel.send(ImageGiven(number, about), [image] if about is not None else [])

    def _is_ready(self, worker: WorkerProcess) -> None:
        if worker.state is not State.STARTING:
            return
        worker.state = State.READY
        if self._stopping:
            return
        if worker.generation > self._serving:
            self._go_over_if_ready()
            return
        self._seat_all()
        if self._has_apps and self._apps is None:
            self._place_apps()
        if not self._started:
            self._fill()
            self._greet_if_whole()

    def _greet_if_whole(self) -> None:
        if self._started or len(self._ready()) < self._count or (self._has_apps and not self._apps_run):
            return
        self._started = True
        self._on_started()

    # Apps: in one worker at a time

    def _place_apps(self) -> None:
        """Nobody has the apps: somebody gets them. Until they are there, whoever comes waits in the kernel's queue."""
        if self._apps is not None and not self._stopping:
            self._dispatcher.set_apps(None)
            self._dispatcher.empty(self._apps.seat)
        self._apps, self._apps_run = None, False
        ready = self._ready()
        if self._has_apps and ready and not self._stopping:
            self._apps = ready[0]
            assert self._apps.channel is not None
            self._apps.channel.send(RunApps())

    def _apps_failed(self, worker: WorkerProcess, reason: str) -> None:
        if worker is not self._apps or self._stopping:
            return
        if not self._started:
            self._say(f"the apps cannot run: {reason}")
            self._stop(1)
            return
        self._say(f"the apps cannot run: {reason}; the next try is in {_AGAIN_S:g} s")
        self._apps, self._apps_run = None, False
        self._after(_AGAIN_S, self._try_apps_again)

    def _try_apps_again(self) -> None:
        if self._apps is None:
            self._place_apps()

    # Reload

    def _told_to_reload(self) -> None:
        # SIGHUP is also what a terminal sends that is closed: nobody is there who would want a reload.
        if self._ends_with_terminal and not _has_terminal():
            self._told_to_stop(signal.SIGTERM)
        elif not self._stopping and self._started:
            if self._generation > self._serving:
                self._reload_again = True
            else:
                self._reload()

    def _reload(self) -> None:
        """Starts new workers; those of before serve until all of these do."""
        self._say(f"reloading: {self._count} new workers start")
        self._reload_again = False
        self._generation += 1
        try:
            for _ in range(self._count):
                self._start()
        except OSError as error:
            self._reload_failed(f"no worker can be started: {error.strerror}")

    def _reload_failed(self, reason: str) -> None:
        if self._generation == self._serving:
            return
        self._say(f"the reload has failed: {reason}; the workers of before go on")
        self._drop_generation(self._generation)
        self._generation = self._serving
        self._fill()
        self._reload_if_asked_again()

    def _drop_generation(self, generation: int) -> None:
        for worker in self._workers:
            if worker.generation == generation:
                worker.state = State.LEAVING
                worker.generation = -1
                self._kill(worker, signal.SIGTERM)
                self._later(worker, self._patience.stop_s, self._kill, worker)

    def _go_over_if_ready(self) -> None:
        """The new ones take over, when each of them can."""
        new = [w for w in self._workers if w.generation == self._generation and w.state is State.READY]
        if len(new) < self._count:
            return
        old = [w for w in self._workers if w.generation == self._serving and w.state is not State.LEAVING]
        self._serving = self._generation
        self._failures = 0
        self._seat_all()
        for worker in old:
            self._leave(worker)
            if worker.channel is not None:
                worker.channel.send(Retire())
            self._later(worker, self._patience.retire_s, self._kill, worker, signal.SIGTERM)
            self._later(worker, self._patience.retire_s + self._patience.stop_s, self._kill, worker)
        if self._apps is None:
            self._place_apps()
        self._say("reloaded: the new workers serve, those of before finish what they have")
        self._reload_if_asked_again()

    def _reload_if_asked_again(self) -> None:
        if self._reload_again and not self._stopping:
            self._reload()

    # The end

    def _told_to_stop(self, number: int) -> None:
        if not self._stopping:
            self._stop(0)
        elif number == signal.SIGINT and not self._interrupts:
            self._interrupts += 1
            self._tell(signal.SIGINT)
        elif number == signal.SIGINT:
            self._kill_all()

    def _stop(self, code: int) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._code = code
        self._dispatcher.close()
        self._tell(signal.SIGTERM)
        self._after(self._patience.stop_s, self._kill_all)
        if not self._workers:
            self._finish()

    def _tell(self, number: int) -> None:
        for worker in self._workers:
            self._kill(worker, number)

    def _kill_all(self) -> None:
        self._say("workers that do not end are killed")
        self._code = 1
        self._tell(signal.SIGKILL)
