"""One running copy of an app: its life from loading to its end, and its starts anew (wapo-abi.md 1.10, 1.11)."""

import asyncio
import itertools
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from wapo.errors import GuestError, HostError, WapoError
from wapo.log import Log
from wapo.node.apps.usage import Usage
from wapo.node.logs import RunLog
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.inputs import HttpInput
from wapo.vm.meter import Meter
from wapo.vm.resources.oneshot import Reply

if TYPE_CHECKING:
    from wapo.node.apps.app import App

__all__ = ["AppInstance", "InstanceFailed", "InstanceNotListening"]

_numbers = itertools.count()
_log = Log("wapo.worker")

#: Back-off of restarts: none after a long life, then doubled up to a minute for lives shorter than that.
_MAX_BACKOFF_S: Final = 60.0
_REPORT, _ERROR, _WARN = 0, 1, 2


class InstanceFailed(GuestError):
    """An instance could not be started, or ended before it answered."""

    code = "instance_failed"
    status = 502


class InstanceNotListening(GuestError):
    """An instance did not open the channel that was asked for in time."""

    code = "instance_not_listening"
    status = 504


class AppInstance:
    """An instance of an app. It holds a slot until it has ended for good.

    Args:
        time_s: how long it may live; None: without end, and started again when it ends.

    Attributes:
        number: counts all instances since the process started.
        status: ``LoadingCode``, ``CreatingInstance``, ``Running`` or ``Stopped``.
        end: how it ended the last time.
        dedicated: serves one query, request or connection, and nobody else.
        stopped: whether it has been told to end for good, which may take a turn of the loop.
    """

    def __init__(self, app: "App", log: RunLog, time_s: float | None, *, dedicated: bool) -> None:
        self.app = app
        self.number = next(_numbers)
        self.dedicated = dedicated
        self.status = "LoadingCode"
        self.end: End | None = None
        self.guest: Guest | None = None
        self.meter = Meter()
        self._time_s = time_s
        self._log = log
        self._started_s = time.monotonic()
        self._backoff_s = 0.0
        self._loaded = asyncio.Event()
        self._running = asyncio.get_running_loop().create_future()
        self._over = asyncio.get_running_loop().create_future()
        self._channels: dict[int, asyncio.Event] = {}
        self._bodiless: list[tuple[HttpInput, asyncio.Future[Reply]]] = []
        self.stopped = False
        self._last_day: asyncio.TimerHandle | None = None
        self._task = self._begin(self._start())

    @property
    def ended(self) -> bool:
        """Whether it has ended for good."""
        return self._over.done()

    def usage(self) -> Usage:
        return Usage.of(self.meter)

    def log(self, level: int, text: str) -> None:
        self._log.add(level, text)

    # Start

    def _begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._left_off)
        return task

    def _left_off(self, task: "asyncio.Task[None]") -> None:
        """A task that is cancelled before its first turn runs none of its own code, so its end is told here."""
        if task.cancelled():
            self._finish(End(EndReason.STOPPED, "stopped"))

    async def _start(self) -> None:
        """Loads the program and starts it; whoever waits learns whether that went well."""
        try:
            self.status = "LoadingCode"
            program = await self.app.load()
            self.status = "CreatingInstance"
            manifest = self.app.manifest
            self.guest = program.start(
                self.app.scheduler, self.app.services, self.app.limits(self._time_s), owner=self.app.owner,
                session=self, args=(self.app.address.hex(), *manifest.args), env=manifest.env_vars, meter=self.meter,
                prepare=self._prepare,
            )  # fmt: skip
        except WapoError as error:
            if isinstance(error, HostError):
                _log.error("an instance could not be started", app=self.app.owner, cause=str(error))
            self._finish(End(EndReason.FAILED_TO_START, str(error)))
        except Exception as error:
            _log.exception("an instance could not be started", app=self.app.owner)
            self._finish(End(EndReason.FAILED_TO_START, f"{type(error).__name__}: {error}"))

    def _prepare(self, guest: Guest) -> None:
        self._loaded.set()
        guest.on_start = self._is_running
        guest.on_channel = self._has_channel
        guest.on_wait = self._waits
        guest.on_end(self._guest_ended)

    def _is_running(self) -> None:
        self.status = "Running"
        self._started_s = time.monotonic()
        most_s = self.app.settings.instance_life_s
        if self._time_s is not None and most_s is not None:
            self._last_day = asyncio.get_running_loop().call_later(most_s, self._too_old)
        if not self._running.done():
            self._running.set_result(None)

    def _too_old(self) -> None:
        if self.guest is not None and self.guest.ended is None:
            text = f"on demand it may live for {self.app.settings.instance_life_s:g} s, whatever it is asked meanwhile"
            self.guest.stop(End(EndReason.TIME_LIMIT, text))

    async def wait_loaded(self) -> None:
        """Returns when there is a machine for the program, which has not done anything yet; or when it has ended."""
        if self._loaded.is_set():
            return
        loaded = asyncio.ensure_future(self._loaded.wait())
        try:
            await asyncio.wait({loaded, self._over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loaded.cancel()

    async def wait_running(self) -> None:
        """Returns when the program is loaded and started, which is before its first poll.

        Raises:
            InstanceFailed: it will not be.
        """
        await asyncio.shield(self._running)

    # Channels

    def _has_channel(self, number: int) -> None:
        self._channels.setdefault(number, asyncio.Event()).set()

    async def wait_listening(self, channel: int, limit_s: float) -> Guest:
        """The guest, once it has opened an input channel.

        Raises:
            InstanceFailed: it ended first.
            InstanceNotListening: it took longer than ``limit_s``, its start function included.
        """
        await self.wait_loaded()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                await self.wait_running()
        except TimeoutError:
            raise InstanceNotListening(f"the app did not start within {limit_s:g} s") from None
        event = self._channels.setdefault(channel, asyncio.Event())
        if not event.is_set():
            waiting = asyncio.ensure_future(event.wait())
            try:
                left_s = max(0.0, limit_s - (time.monotonic() - begun))
                await asyncio.wait({waiting, self._over}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
        if self.guest is None or self.guest.ended is not None:
            raise InstanceFailed(f"the app ended before it answered: {self._why()}")
        if not event.is_set():
            raise InstanceNotListening(f"the app did not listen within {limit_s:g} s")
        return self.guest

    # Requests without a body (see ``http``)

    def bodiless(self, request: HttpInput, head: "asyncio.Future[Reply]") -> None:
        """A request was given to the guest that has no body: its end is told when the guest can only be waiting for
        it."""
        self._bodiless.append((request, head))

    def _waits(self) -> None:
        """The guest has nothing to do but wait."""
        if not self._bodiless or self.guest is None:
            return
        self._bodiless = [(r, head) for r, head in self._bodiless if not (head.done() or r.body.ended)]
        reading = [request.body for request, _ in self._bodiless if not request.body.guest_slot.empty]
        if reading and not any(resource.waiting for resource in self.guest.table):
            for body in reading:
                body.end()

    def restart_clock(self) -> None:
        """A command was given to it: its time begins anew (wapo-abi.md 7.5)."""
        if self.guest is not None and self.guest.ended is None and not self.dedicated:
            self.guest.start_clock()

    def _why(self) -> str:
        return self.end.detail if self.end is not None else "it is not running"

    # End

    def stop(self) -> None:
        """Ends it, now, and for good. Idempotent."""
        if self.stopped or self.ended:
            return
        self.stopped = True
        if self.guest is not None and self.guest.ended is None:
            self.guest.stop(End(EndReason.STOPPED, "stopped"))
        elif not self._task.done():
            self._task.cancel()
        else:
            self._finish(End(EndReason.STOPPED, "stopped"))

    async def wait_ended(self) -> None:
        """Returns when it has ended for good."""
        await asyncio.shield(self._over)

    def _guest_ended(self, end: End) -> None:
        """The program is not running any more; it may be started again."""
        lived_s = time.monotonic() - self._started_s
        self.app.locks.release(self)
        for event in self._channels.values():
            event.clear()
        self.end = end
        self.app.last_exit = f"{end}: {end.detail}"
        level = _ERROR if end.reason not in (EndReason.EXITED, EndReason.STOPPED) else _REPORT
        self._log.add_own(level, f"{end}: {end.detail}")
        again = (
            end.reason in (EndReason.EXITED, EndReason.TRAP, EndReason.BURST_LIMIT, EndReason.SHORT)
            and not self.stopped
            and self._time_s is None
            and self.status == "Running"
            and lived_s > self.app.settings.restart_after_s
        )
        if not again:
            self._finish(end)
            return
        healthy = lived_s > _MAX_BACKOFF_S and end.reason is not EndReason.SHORT
        self._backoff_s = 0.0 if healthy else min(max(1.0, self._backoff_s * 2), _MAX_BACKOFF_S)
        self.guest = None
        self.status = "LoadingCode"
        self._task = self._begin(self._restart(self._backoff_s))

    async def _restart(self, delay_s: float) -> None:
        if delay_s:
            self.log(_WARN, f"to be started again in {delay_s:g} s")
            await asyncio.sleep(delay_s)
        await self._start()

    def _finish(self, end: End) -> None:
        if self.ended:
            return
        self.status = "Stopped"
        self.end = end
        if self._last_day is not None:
            self._last_day.cancel()
        if end.reason is EndReason.FAILED_TO_START and self.guest is None:
            self._log.add_own(_ERROR, f"{end}: {end.detail}")
        if not self._running.done():
            self._running.set_exception(InstanceFailed(end.detail))
            self._running.exception()  # whoever waits hears of it; nobody need wait
        self._over.set_result(None)
        self._log.close()
        self.app.instance_ended(self)
