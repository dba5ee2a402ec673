"""The imports of one run, from the guest's side (docs/abi.md, 1250 and 1251).

The guest asks what each specifier means, and stands still until it has the source: its engine links a graph in one go.
What one run may import is bounded, in modules and in bytes; how deep they may import each other, the guest bounds.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.agents.modules import ImportRefused, ImportUnavailable, Modules
from wapo.agents.prefetch import Prefetch
from wapo.engine.suspension import Suspension
from wapo.vm.ocalls.dispatch import Handlers

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["IMPORTS", "MAX_MODULES", "Imports"]

#: Modules of one run. A large package that nobody has bundled has several hundred.
MAX_MODULES: Final = 1000
_MAX_BYTES: Final = 20 << 20
_MAX_QUESTION_BYTES: Final = 16 << 10
_GOOD, _REFUSED = b"\0", b"\1"

#: What a read waits in: somebody else's turn, for instance.
Waiting = Callable[[], AbstractAsyncContextManager[None]]


class Imports:
    """What one run has imported so far.

    Args:
        modules: where from; None: nothing can be imported.
        waiting: entered around each wait for content.
        on_failure: told when an import has failed, for whatever reason.

    Attributes:
        unavailable: why what could not be had could not be had, if there was anything.
        waited: whether anything was read at all.
    """

    __slots__ = (
        "_bytes", "_count", "_max_bytes", "_modules", "_on_failure", "_prefetch", "_waiting", "unavailable", "waited",
    )  # fmt: skip

    def __init__(
        self,
        modules: Modules | None,
        *,
        waiting: Waiting = nullcontext,
        on_failure: Callable[[], None] | None = None,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._modules = modules
        self._waiting = waiting
        self._on_failure = on_failure
        self._max_bytes = max_bytes
        self._count = 0
        self._bytes = 0
        self._prefetch: Prefetch | None = None
        self.unavailable: str | None = None
        self.waited = False

    def look_ahead(self, name: str, source: bytes) -> None:
        """A module of that text is about to be compiled: what it imports may be fetched meanwhile."""
        if self._modules is not None:
            if self._prefetch is None:
                self._prefetch = Prefetch(self._modules, self._max_bytes)
            self._prefetch.look(name, source)

    def close(self) -> None:
        """The run is over."""
        if self._prefetch is not None:
            self._prefetch.close()

    def name(self, importer: str, specifier: str) -> bytes:
        """The answer to 1250."""
        try:
            if self._modules is None:
                raise ImportRefused("nothing can be imported here")
            return _GOOD + self._modules.name(importer, specifier).encode()
        except ImportRefused as refusal:
            return self._failed(str(refusal))

    def source(self, name: str) -> Suspension:
        """The answer to 1251."""
        task = asyncio.get_running_loop().create_task(self._read(name))
        suspension = Suspension(task.cancel)

        def done(task: "asyncio.Task[bytes]") -> None:
            if task.cancelled():
                suspension.complete(self._failed("it was given up"))
            elif (error := task.exception()) is not None:
                suspension.complete(error=error if isinstance(error, Exception) else RuntimeError(str(error)))
            else:
                suspension.complete(task.result())

        task.add_done_callback(done)
        return suspension

    async def _read(self, name: str) -> bytes:
        self.waited = True
        try:
            if self._modules is None:
                raise ImportRefused("nothing can be imported here")
            if self._count >= MAX_MODULES:
                raise ImportRefused(f"more than {MAX_MODULES} modules are imported")
            self._count += 1
            async with self._waiting():
                source = await self._modules.read(name)
            self._bytes += len(source)
            if self._bytes > self._max_bytes:
                raise ImportRefused(f"what is imported has more than {self._max_bytes} bytes")
            _check_text(source)
            self.look_ahead(name, source)
        except ImportRefused as refusal:
            return self._failed(str(refusal))
        except ImportUnavailable as failure:
            self.unavailable = f"{name}: {failure}"
            return self._failed(str(failure))
        return _GOOD + source

    def _failed(self, why: str) -> bytes:
        if self._on_failure is not None:
            self._on_failure()
        return _REFUSED + why.encode(errors="replace")


def _check_text(source: bytes) -> None:
    if b"\0" in source:
        kind = "a WebAssembly module" if source.startswith(b"\0asm") else "not text: it has a NUL byte"
        raise ImportRefused(f"it is {kind}; JavaScript and JSON can be imported")
    try:
        source.decode()
    except UnicodeDecodeError as error:
        raise ImportRefused(f"it is not valid UTF-8: {error.reason} at byte {error.start}") from None


def _imports(guest: "Guest") -> Imports:
    imports = getattr(guest.session, "imports", None)
    if not isinstance(imports, Imports):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return imports


def _question(guest: "Guest", pointer: int, length: int) -> str:
    """Text from the engine: a lone surrogate in a name names nothing."""
    guest.instance.check(pointer, length)
    if length > _MAX_QUESTION_BYTES:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    return guest.instance.read(pointer, length).decode("utf-8", "replace")


def module_name(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> bytes:
    """1250: what a specifier means; ``[p0, p0+p1)`` has the importing file's name, NUL, the specifier."""
    guest.meter.gas += 1000
    importer, nul, specifier = _question(guest, p0, p1).partition("\0")
    if not nul:
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    return _imports(guest).name(importer, specifier)


def module_source(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Suspension:
    """1251: the source of the module whose name is at ``[p0, p0+p1)``; the guest stands still meanwhile."""
    guest.meter.gas += 10_000
    return _imports(guest).source(_question(guest, p0, p1))


IMPORTS: Final[Handlers] = {1250: module_name, 1251: module_source}
