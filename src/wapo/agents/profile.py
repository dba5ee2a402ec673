"""The JavaScript engine as a guest: its module, its linkers, and the base image that every agent's image starts from.

``serving`` links the host functions that a request sees. ``loading`` links the same ones, but those whose answer
differs from one request to the next also leave a mark on the session (see ``images``): so a request pays nothing for
the watching. ``foreground`` links what programs have, too.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from wapo.agents.calls import AGENT_CALLS
from wapo.agents.imports import IMPORTS
from wapo.engine.engine import Engine, Settings
from wapo.engine.linker import LinkedModule, Linker
from wapo.engine.modules import ModuleCache
from wapo.errors import HostError
from wapo.vm.ocalls.coding import CODING
from wapo.vm.ocalls.core import CORE
from wapo.vm.ocalls.crypto import CRYPTO, draws_entropy
from wapo.vm.ocalls.dispatch import Handler, Handlers, host_functions
from wapo.vm.ocalls.hashing import HASHING
from wapo.vm.ocalls.http import HTTP
from wapo.vm.ocalls.isolates import ISOLATES
from wapo.vm.ocalls.network import NETWORK
from wapo.vm.ocalls.node import NODE
from wapo.vm.ocalls.time_zones import TIME_ZONES
from wapo.vm.ocalls.websocket import WEBSOCKET
from wapo.vm.wasi import wasi_functions

if TYPE_CHECKING:
    from wapo.engine.suspension import Suspension
    from wapo.vm.guest import Guest

__all__ = ["JAVASCRIPT", "JavaScriptProfile", "guest_module"]

#: Agents connect; they are reached through the node only.
_CONNECTIONS: Final[Handlers] = {number: NETWORK[number] for number in (213, 214, 1120, 1121)}
_FAMILIES: Final[tuple[Handlers, ...]] = (
    CORE, HTTP, WEBSOCKET, _CONNECTIONS, HASHING, CRYPTO, TIME_ZONES, CODING, ISOLATES, AGENT_CALLS, IMPORTS,
)  # fmt: skip

#: What a program must not have looked at while its image was made, by ocall.
_WATCHED: Final = {
    113: "entropy",
    201: "timers",
    213: "network",
    214: "network",
    242: "address",
    255: "secrets",
    1080: "compression",
    1031: "work",
    1033: "work",
    1100: "network",
    1110: "network",
    1121: "network",
    1200: "isolates",
}
#: What these ask for decides.
_CRYPTO_REQUESTS: Final = (1030, 1031, 1033)


#: What the guest is compiled for: it looks for the end of its slice itself (guest/preemption.py).
JAVASCRIPT: Final = Settings(epoch_interruption=False)


class GuestMissing(HostError):
    """The package was installed without its guest."""

    code = "guest_missing"


def guest_module() -> bytes:
    """The bytes of ``wapojs.wasm``, which the package's build made.

    Raises:
        GuestMissing: it is not there.
    """
    path = files("wapo.agents") / "wapojs.wasm"
    if not path.is_file():
        raise GuestMissing("wapojs.wasm is not in the package; install it with pip, or run python guest/build.py")
    return path.read_bytes()


def _watched(handler: Handler, what: str) -> Handler:
    def watched(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> "int | bytes | Suspension":
        guest.session.note(what)
        return handler(guest, task, p0, p1, p2, p3)

    return watched


def _watched_crypto(handler: Handler) -> Handler:
    """Signatures that are padded at random, and keys: drawn by the host, so no other call tells."""

    def watched(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> "int | bytes | Suspension":
        if draws_entropy(guest, p0, p1):
            guest.session.note("entropy")
        return handler(guest, task, p0, p1, p2, p3)

    return watched


def _watching(families: tuple[Handlers, ...]) -> list[Handlers]:
    watching = [
        {number: _watched(call, _WATCHED[number]) if number in _WATCHED else call for number, call in family.items()}
        for family in families
    ]
    return [
        {number: _watched_crypto(call) if number in _CRYPTO_REQUESTS else call for number, call in family.items()}
        for family in watching
    ]


class JavaScriptProfile:
    """Owns the compiled engine for JavaScript and what it is linked to. Close it after the guests.

    ``module`` is another build of the engine than the package's.

    Attributes:
        files: where what is made of the module is kept.
    """

    def __init__(self, engine: Engine, cache: ModuleCache, module: bytes | None = None) -> None:
        self.engine = engine
        self.files = cache.files
        self._module = cache.get(engine, module or guest_module())
        self._serving_linker = Linker(engine, host_functions(_FAMILIES, suspends=True) + wasi_functions())
        self._loading_linker = Linker(
            engine,
            host_functions(_watching(_FAMILIES), suspends=True)
            + wasi_functions(lambda guest, what: guest.session.note(what)),
        )
        self.serving: LinkedModule = self._serving_linker.link(self._module)
        self.loading: LinkedModule = self._loading_linker.link(self._module)
        self._foreground_linker: Linker | None = None
        self._foreground: LinkedModule | None = None

    @property
    def foreground(self) -> LinkedModule:
        """For a script that a person runs: with the calls for the network and the node."""
        if self._foreground is None:
            functions = host_functions((*_FAMILIES, NETWORK, NODE), suspends=True) + wasi_functions()
            self._foreground_linker = Linker(self.engine, functions)
            self._foreground = self._foreground_linker.link(self._module)
        return self._foreground

    @property
    def module_hash(self) -> str:
        """SHA-256 of the engine's WebAssembly: part of what a receipt names."""
        return self._module.wasm_hash

    def close(self) -> None:
        """Idempotent."""
        for part in (
            self.serving, self.loading, self._foreground, self._serving_linker, self._loading_linker,
            self._foreground_linker, self._module,
        ):  # fmt: skip
            if part is not None:
                part.close()
