"""Any WebAssembly program as a guest: the host functions that it may import, and its start.

Programs are metered by fuel, which JavaScript agents are not, so they have an engine of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wapo.engine.engine import Engine
from wapo.engine.instance import Instance
from wapo.engine.linker import HostFunction, LinkedModule, Linker
from wapo.engine.modules import Module
from wapo.vm.dialect import Dialect, dialect_of
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.meter import Meter
from wapo.vm.ocalls.coding import CODING
from wapo.vm.ocalls.core import CORE
from wapo.vm.ocalls.crypto import CRYPTO
from wapo.vm.ocalls.dispatch import host_functions
from wapo.vm.ocalls.hashing import HASHING
from wapo.vm.ocalls.http import HTTP
from wapo.vm.ocalls.isolates import ISOLATES
from wapo.vm.ocalls.legacy import LEGACY
from wapo.vm.ocalls.network import NETWORK
from wapo.vm.ocalls.node import NODE
from wapo.vm.ocalls.time_zones import TIME_ZONES
from wapo.vm.ocalls.websocket import WEBSOCKET
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services
from wapo.vm.wasi import WasiSettings, wasi_functions

__all__ = ["Program", "ProgramLinker", "program_functions"]


def program_functions() -> list[HostFunction]:
    """Every host function there is for programs."""
    ocalls = host_functions(
        (CORE, HTTP, WEBSOCKET, HASHING, CRYPTO, TIME_ZONES, CODING, ISOLATES, NETWORK, NODE), (LEGACY,), suspends=True
    )
    return ocalls + wasi_functions(suspends=True)


@dataclass(frozen=True, slots=True)
class Program:
    """A module that can be started any number of times."""

    linked: LinkedModule
    dialect: Dialect

    def start(
        self,
        scheduler: Scheduler,
        services: Services,
        limits: GuestLimits,
        *,
        owner: str = "",
        session: Any = None,
        args: Iterable[str] = (),
        env: Iterable[tuple[str, str]] = (),
        meter: Meter | None = None,
        wasi: WasiSettings | None = None,
        commands: bool = False,
        prepare: Callable[[Guest], None] | None = None,
    ) -> Guest:
        """A guest that begins at once with the module's start function, if it has one, and then its first poll.

        Args:
            wasi: directories and the input that it is given; by default it has none.
            commands: whether a WASI command may run too, which has a ``_start`` and no poll function.
            prepare: called with the guest before anything of it runs.

        Raises:
            OutOfMappings: the kernel has no room for another machine.
            OSError: the process has no descriptor left for one of the directories.
        """
        instance = Instance.unstarted(self.linked, limits.store)
        try:
            guest = Guest(
                instance, scheduler=scheduler, services=services, limits=limits, owner=owner, session=session,
                args=tuple(args), env=tuple(env), dialect=self.dialect, meter=meter, wasi=wasi,
            )  # fmt: skip
        except BaseException:
            instance.close()
            raise
        guest.may_be_command = commands
        if prepare is not None:
            prepare(guest)
        guest.start_clock()
        guest.request_poll()
        return guest


class ProgramLinker:
    """Links programs. Close it after the guests."""

    def __init__(self, engine: Engine, functions: Iterable[HostFunction] | None = None) -> None:
        self._linker = Linker(engine, program_functions() if functions is None else functions)

    def link(self, module: Module) -> Program:
        """Resolves what a module imports.

        Raises:
            UnknownImport: it imports what is not there.
        """
        return Program(self._linker.link(module), dialect_of(module.imports))

    def close(self) -> None:
        """Idempotent."""
        self._linker.close()
