"""A program in the foreground (``wapo run``): no node, one instance, and its end is the result."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wapo.vm.dialect import Dialect
from wapo.vm.ends import FINISHED, End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.local_cache import LocalCache
from wapo.vm.net.network import Network
from wapo.vm.program import Program
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import LogLevel, Services
from wapo.vm.wasi import WasiSettings

__all__ = ["ForegroundServices", "ProgramOutcome", "ProgramRun", "run_program"]

_FAILED = 1


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """How a program ended.

    Attributes:
        code: for the process; 0 to 125.
        failure: why it failed, if it was not its own decision.
        output: what it emitted as its result (ocall 243).
    """

    code: int
    failure: str | None
    output: bytes | None


class ForegroundServices(Services):
    """The original's standalone runner's, with a log, the network, and the predecessor's cache."""

    def __init__(self, client: HttpClient, network: Network, log: Callable[[LogLevel, str], None]) -> None:
        self.http_client = client
        self.network = network
        self.egress = network.policy
        self._log = log
        self._cache = LocalCache()

    def log(self, guest: Guest, level: LogLevel, text: str) -> None:
        self._log(level, text)

    def local_cache(self, guest: Guest) -> LocalCache:
        return self._cache


class ProgramRun:
    """A program's one run, for who may have to end it.

    Attributes:
        given_up: whether :meth:`give_up` has been called.
    """

    def __init__(self) -> None:
        self.given_up = False
        self.guest: Guest | None = None

    def give_up(self, why: str) -> None:
        """Ends the program, which must have begun."""
        self.given_up = True
        assert self.guest is not None
        self.guest.stop(End(EndReason.STOPPED, why))


async def run_program(
    program: Program,
    services: Services,
    limits: GuestLimits,
    *,
    args: Iterable[str],
    env: Iterable[tuple[str, str]],
    wasi: WasiSettings,
    run: ProgramRun | None = None,
) -> ProgramOutcome:
    """Runs a program, or a WASI command, to its end; one that is cancelled ends at once.

    Args:
        args: with what it is called by.
        run: is told of the guest.

    Raises:
        OutOfMappings: the kernel has no room for its memory.
        OSError: the process has no descriptor left.
    """
    guest = program.start(Scheduler(), services, limits, args=args, env=env, wasi=wasi, commands=True)
    ended = asyncio.Event()
    guest.on_end(lambda _end: ended.set())
    if run is not None:
        run.guest = guest
    try:
        await ended.wait()
    finally:
        guest.stop(End(EndReason.STOPPED, "the run was given up"))
    end = guest.ended
    assert end is not None
    if end.reason is not EndReason.EXITED:
        return ProgramOutcome(_FAILED, f"{end}: {end.detail}", guest.output)
    # The predecessor's poll functions answer 1 when all is done, and call that an exit code.
    done = end.detail == FINISHED and program.dialect is Dialect.LEGACY
    return ProgramOutcome(0 if done else end.code, None, guest.output)
