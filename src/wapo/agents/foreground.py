"""A program in the foreground: no request, but arguments; its output is the result (``wapo run``)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wapo.agents.conventions import OutputKind
from wapo.agents.images import check_source, make_base_image
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import encode_load, encode_run
from wapo.engine.instance import Instance
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

__all__ = ["Outcome", "run_script"]

LogSink = Callable[[int, str], None]


@dataclass(slots=True)
class Outcome:
    """How a run ended. ``output`` is what the program left, ``failure`` why it failed, if it did."""

    kind: OutputKind = OutputKind.NOTHING
    output: bytes = b""
    failure: str | None = None


class _Foreground:
    """The session of such a run."""

    __slots__ = ("_commands", "guest", "kept_alive", "max_response_bytes", "outcome")

    def __init__(self, commands: list[bytes]) -> None:
        self._commands = commands
        self.outcome = Outcome()
        self.guest: Guest | None = None
        self.kept_alive = False
        self.max_response_bytes = 1 << 30

    def next_command(self, guest: Guest) -> bytes | None:
        return self._commands.pop(0) if self._commands else None

    def loaded(self, status: int, text: str) -> None:
        if status:
            self.outcome.failure = text
            assert self.guest is not None
            self.guest.stop(End(EndReason.STOPPED, "the program could not be loaded"))

    def output(self, kind: int, data: bytes) -> None:
        self.outcome.kind, self.outcome.output = OutputKind(kind), data

    def fail(self, text: str) -> None:
        self.outcome.failure = self.outcome.failure or text

    def touched(self, code: int) -> None:
        """A foreground program may look at anything."""


class _ForegroundServices(Services):
    def __init__(self, client: HttpClient, sink: LogSink) -> None:
        self.http_client = client
        self._sink = sink

    def log(self, guest: Guest, level: int, text: str) -> None:
        self._sink(level, text)


async def run_script(
    profile: JavaScriptProfile,
    client: HttpClient,
    source: bytes,
    *,
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    limits: GuestLimits,
    log: LogSink,
) -> Outcome:
    """Runs a program to its end.

    Raises:
        AgentFailed: it is not text.
    """
    scheduler = Scheduler()
    base = await make_base_image(profile, scheduler)
    session = _Foreground([encode_load(check_source(source), name, 0), encode_run(arguments, environment)])
    services = _ForegroundServices(client, log)
    instance = Instance(profile.serving, limits.store)
    guest = Guest(instance, scheduler=scheduler, services=services, limits=limits, session=session)
    ended = asyncio.Event()
    try:
        base.restore(guest.instance)
        guest.select_entry()
        guest.on_end(lambda _end: ended.set())
        session.guest = guest
        guest.start_clock()
        guest.request_poll()
        await ended.wait()
        end = guest.ended
        if end is not None and end.reason not in (EndReason.EXITED, EndReason.STOPPED):
            session.outcome.failure = session.outcome.failure or end.detail
        return session.outcome
    finally:
        guest.stop(End(EndReason.STOPPED, "the run was given up"))
        base.close()
