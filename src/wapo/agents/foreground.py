"""A program in the foreground: no request, but arguments; its output is the result (``wapo run``)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wapo.abi.results import OcallError, OcallFailure
from wapo.agents.conventions import OutputKind
from wapo.agents.imports import Imports
from wapo.agents.isolates import Isolates
from wapo.agents.making import check_source, make_base_image
from wapo.agents.messages import Header
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import BODY_BUFFER_BYTES, ResponseStream, encode_load, encode_run
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.resources.base import Resource
from wapo.vm.resources.pipe import Pipe, PipeBroken
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import IsolateRequest, Services

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

    __slots__ = ("_answered", "_commands", "_reader", "guest", "imports", "kept_alive", "max_response_bytes", "outcome")

    def __init__(self, commands: list[bytes], modules: Modules | None) -> None:
        self.imports = Imports(modules)
        self._commands = commands
        self._answered = False
        self._reader: asyncio.Task[None] | None = None
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

    def respond(self, guest: Guest, status: int, headers: list[Header], body: bytes, complete: bool) -> int:
        """A function that returns a Response: its body is the output, text or bytes.

        Raises:
            OcallFailure: 15 there is an output already.
        """
        self._answer(OutputKind.BYTES, body)
        if complete:
            self._tell_text()
            return 0
        pipe = Pipe(BODY_BUFFER_BYTES)
        self._reader = asyncio.get_running_loop().create_task(self._read(pipe))
        return guest.table.add(ResponseStream(pipe))

    def accept(self, guest: Guest, headers: list[Header]) -> int:
        """Nobody has asked for a WebSocket (raises OcallFailure 8)."""
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)

    async def _read(self, pipe: Pipe) -> None:
        parts = [self.outcome.output]
        try:
            while chunk := await pipe.read():
                parts.append(chunk)
        except PipeBroken:
            self.fail("the body of the response was not written to its end")
        self.outcome.output = b"".join(parts)
        self._tell_text()

    def _tell_text(self) -> None:
        try:
            self.outcome.output.decode()
        except UnicodeDecodeError:
            return
        self.outcome.kind = OutputKind.TEXT

    def output(self, kind: int, data: bytes) -> None:
        """What the program left.

        Raises:
            OcallFailure: 3 no such kind, 15 there is an output already.
        """
        try:
            output = OutputKind(kind)
        except ValueError:
            raise OcallFailure(OcallError.INVALID_PARAMETER) from None
        self._answer(output, data)

    def _answer(self, kind: OutputKind, data: bytes) -> None:
        if self._answered:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        self._answered = True
        self.outcome.kind, self.outcome.output = kind, data

    def fail(self, text: str) -> None:
        self.outcome.failure = self.outcome.failure or text

    def touched(self, code: int) -> None:
        """A foreground program may look at anything."""

    async def finish(self) -> Outcome:
        """The outcome, when the guest has ended."""
        if self._reader is not None:
            await self._reader
        return self.outcome


class _ForegroundServices(Services):
    def __init__(self, client: HttpClient, network: Network | None, sink: LogSink, isolates: Isolates) -> None:
        self.http_client = client
        self.network = network or Network(
            client.policy, client.resolver, NetworkSettings(extra_roots=client.extra_roots)
        )
        self.egress = client.policy
        self._sink = sink
        self._isolates = isolates

    def log(self, guest: Guest, level: int, text: str) -> None:
        self._sink(level, text)

    def open_isolate(self, guest: Guest, request: IsolateRequest) -> Resource:
        return self._isolates.open(guest, request)


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
    network: Network | None = None,
    modules: Modules | None = None,
) -> Outcome:
    """Runs a program to its end.

    Args:
        network: what it may listen on and connect to, other than by HTTP.
        modules: where its imports come from.

    Raises:
        AgentFailed: it is not text.
    """
    scheduler = Scheduler()
    base = await make_base_image(profile, scheduler)
    session = _Foreground([encode_load(check_source(source), name, 0), encode_run(arguments, environment)], modules)

    async def base_image() -> MemoryImage:
        return base

    services = _ForegroundServices(client, network, log, Isolates(profile, scheduler, base_image))
    instance = Instance(profile.foreground, limits.store)
    guest = Guest(instance, scheduler=scheduler, services=services, limits=limits, session=session)
    ended = asyncio.Event()
    try:
        session.imports.look_ahead(name, source)
        base.restore(guest.instance)
        guest.select_entry()
        guest.on_end(lambda _end: ended.set())
        session.guest = guest
        guest.start_clock()
        guest.request_poll()
        await ended.wait()
        end = guest.ended
        if end is not None and end.reason not in (EndReason.EXITED, EndReason.STOPPED):
            session.fail(end.detail)
        return await session.finish()
    finally:
        session.imports.close()
        guest.stop(End(EndReason.STOPPED, "the run was given up"))
        scheduler.stop_all()
        base.close()
