"""Making images of agents.

A *compiled* image holds the program as byte code; nothing of it has run. An *initialised* one holds it after its top
level has run, which is honest only if that run could not have gone differently for another request. So the top level
is run under watch: reads of clocks, entropy, arguments, environment, derived secrets, timers, requests each leave a
mark, and a program with a mark, or one that is not finished by itself, gets a compiled image. No secret and no request
data is ever in an image: there is none while one is made.
"""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wapo.agents.imports import Imports, Waiting
from wapo.agents.messages import AGENT_NAME, AgentFailed
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import LOAD_EVALUATE, encode_load
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance
from wapo.engine.kept_files import KeptFiles
from wapo.errors import GuestError, HostError
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

if TYPE_CHECKING:
    from wapo.engine.linker import LinkedModule

from wapo.agents.image import AgentImage, ImageKind, TouchedBy

__all__ = ["BaseImageFailed", "ImportFailed", "Loading", "check_source", "make_base_image", "make_image"]

_LIMITS: Final = (EndReason.BURST_LIMIT, EndReason.TIME_LIMIT, EndReason.CPU_LIMIT)
_TOUCHED_CODES: Final = {1: "arguments", 2: "environment", 3: "rejection"}


#: What a top level may leave behind in an image: every image is memory that nobody but this program has use for.
_MAX_STATE_BYTES: Final = 256 << 20


class Loading:
    """The session of a guest that loads a program."""

    __slots__ = ("_command", "done", "error", "imports", "kept_alive", "marks", "max_response_bytes", "text")

    def __init__(self, command: bytes | None, modules: Modules | None = None, waiting: Waiting = nullcontext) -> None:
        self._command = command
        self.imports = Imports(modules, waiting=waiting, on_failure=lambda: self.note("import"))
        self.marks: set[str] = set()
        self.done = False
        self.error: str | None = None
        self.text = ""
        self.kept_alive = False
        self.max_response_bytes = 0

    def next_command(self, guest: Guest) -> bytes | None:
        command, self._command = self._command, None
        return command

    def loaded(self, status: int, text: str) -> None:
        self.done = True
        self.text = text
        self.error = text if status else None

    def note(self, what: str) -> None:
        self.marks.add(what)

    def touched(self, code: int) -> None:
        self.marks.add(_TOUCHED_CODES.get(code, "arguments"))

    def respond(self, *_: object) -> int:
        """A program that answers before it was asked: that is not a state to start from."""
        self.marks.add("unsettled")
        return 0

    def accept(self, *_: object) -> int:
        self.marks.add("unsettled")
        return 0

    def output(self, *_: object) -> None:
        self.marks.add("unsettled")

    def fail(self, text: str) -> None:
        self.marks.add("error")
        self.error = self.error or text


class _LoadingServices(Services):
    """Keeps what the program logs; has no HTTP client and no secrets."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self._room = 64 << 10
        self._cut = 0

    def log(self, guest: Guest, level: int, text: str) -> None:
        size = len(text) + 16
        if size > self._room:
            self._room = 0
            self._cut += 1
            return
        self._room -= size
        self.lines.append((level, text))

    def kept(self) -> list[tuple[int, str]]:
        """The lines, and how many there were beside them."""
        if not self._cut:
            return self.lines
        return [*self.lines, (2, f"{self._cut} more log lines of the top level were dropped")]


class ImportFailed(GuestError):
    """Something that a program imports could not be had. The next request tries again."""

    code = "import_failed"
    status = 502


class BaseImageFailed(HostError):
    """The platform's own start-up failed: the package is damaged."""

    code = "platform_failed"


async def _load(
    linked: "LinkedModule",
    scheduler: Scheduler,
    base: MemoryImage | None,
    session: Loading,
    limits: GuestLimits,
    owner: str,
) -> tuple[Guest, Loading, list[tuple[int, str]]]:
    """Runs a loading guest until it waits or ends. The caller closes the guest."""
    services = _LoadingServices()
    instance = Instance(linked, limits.store)
    guest = Guest(instance, scheduler=scheduler, services=services, limits=limits, owner=owner, session=session)
    try:
        if base is not None:
            base.restore(guest.instance)
        guest.select_entry()
        settled = asyncio.Event()
        guest.on_end(lambda _end: settled.set())
        guest.on_wait = settled.set
        guest.start_clock()
        guest.request_poll()
        await settled.wait()
        guest.on_wait = None
    except BaseException:
        guest.stop(End(EndReason.STOPPED, "loading was given up"))
        raise
    return guest, session, services.kept()


async def _capture(guest: Guest) -> MemoryImage:
    """The image of a guest that waits, taken while others run.

    Raises:
        AgentFailed: somebody has ended it meanwhile; the node is stopping.
        OutOfMappings: no memory for it.
    """
    guest.stop_clock()
    steps = MemoryImage.capturing(guest.instance)
    try:
        while True:
            try:
                next(steps)
            except StopIteration as done:
                image: MemoryImage = done.value
                return image
            await asyncio.sleep(0)
            if guest.ended is not None:
                raise AgentFailed(f"the program could not be loaded: {guest.ended.detail}")
    finally:
        steps.close()


def _discard(guest: Guest) -> None:
    guest.stop(End(EndReason.STOPPED, "the image is made"))


#: Changes when a guest starts differently although its module is the same: when the host answers otherwise what it
#: asks for then, which is nothing but the time (a seed).
_START: Final = 1
_BASE: Final = "image"


async def make_base_image(profile: JavaScriptProfile, scheduler: Scheduler) -> MemoryImage:
    """The engine and the web platform, started; by this process, or by one before it that has kept the image.

    Raises:
        BaseImageFailed: with the log of the start-up.
    """
    name = f"base-{_START}-{profile.module_hash}"
    image = await asyncio.to_thread(_kept_image, profile.files, name)
    if image is None:
        image = await _start_platform(profile, scheduler)
        await asyncio.to_thread(lambda: profile.files.put(name, _BASE, image.encode()))
    return image


def _kept_image(files: KeptFiles, name: str) -> MemoryImage | None:
    with files.opened(name, _BASE) as found:
        return MemoryImage.decode(found[1]) if found is not None else None


async def _start_platform(profile: JavaScriptProfile, scheduler: Scheduler) -> MemoryImage:
    guest, _, lines = await _load(profile.serving, scheduler, None, Loading(None), _BUILD_LIMITS, "")
    try:
        if guest.ended is not None:
            raise BaseImageFailed("the platform did not start: " + "; ".join(text for _, text in lines))
        return await _capture(guest)
    finally:
        _discard(guest)


_BUILD_LIMITS: Final = GuestLimits(memory_bytes=1 << 30, burst_s=20.0, time_s=60.0)


async def make_image(
    profile: JavaScriptProfile,
    scheduler: Scheduler,
    base: MemoryImage,
    source: bytes,
    *,
    limits: GuestLimits,
    name: str = AGENT_NAME,
    owner: str = "",
    modules: Modules | None = None,
    waiting: Waiting = nullcontext,
) -> AgentImage:
    """Loads a program, and with it what it imports: initialised if that is honest, compiled otherwise, broken if it has
    no syntax.

    Args:
        limits: what the program may take later; its top level gets no more now.
        owner: on whose CPU share.
        waiting: entered around each wait for an import.

    Raises:
        ImportFailed: something that it imports could not be had. Another time it may be there.
    """
    steps = _Steps(profile, scheduler, base, source, name, owner, modules, waiting)
    made = await steps.evaluated(limits)
    if not isinstance(made, AgentImage) and steps.has_waited and made & _HASTE:
        made = await steps.evaluated(limits)  # what was fetched is at hand now, and costs no time
    image = made if isinstance(made, AgentImage) else await steps.compiled(limits.memory_bytes, made)
    image.cpu_s = steps.cpu_s
    return image


#: Marks that a second try may be without, when imports have been fetched meanwhile.
_HASTE: Final = frozenset(("import", "limit"))


@dataclass(slots=True)
class _Steps:
    """The ways to an image of one program."""

    profile: JavaScriptProfile
    scheduler: Scheduler
    base: MemoryImage
    source: bytes
    name: str
    owner: str
    modules: Modules | None
    waiting: Waiting
    has_waited: bool = False
    cpu_s: float = 0.0
    cut_off: str | None = None

    async def _load(self, flags: int, limits: GuestLimits) -> tuple[Guest, Loading, list[tuple[int, str]]]:
        session = Loading(encode_load(self.source, self.name, flags), self.modules, self.waiting)
        session.imports.look_ahead(self.name, self.source)
        try:
            loaded = await _load(self.profile.loading, self.scheduler, self.base, session, limits, self.owner)
            self.cpu_s += loaded[0].meter.cpu_s
            return loaded
        finally:
            session.imports.close()

    async def evaluated(self, limits: GuestLimits) -> AgentImage | TouchedBy:
        """The initialised image, or why there is none."""
        guest, session, lines = await self._load(LOAD_EVALUATE, limits)
        try:
            self.has_waited = session.imports.waited
            marks = set(session.marks)
            burnt = guest.ended is not None and guest.ended.reason is EndReason.BURST_LIMIT
            self.cut_off = guest.ended.detail if guest.ended is not None and burnt else None
            if guest.ended is not None:
                marks.add("limit" if guest.ended.reason in _LIMITS else "error")
            elif session.error is not None:
                marks.add("error")
            elif not session.done:
                marks.add("unsettled")
            elif guest.instance.memory_size > self.base.size + _MAX_STATE_BYTES:
                marks.add("size")
            if marks:
                return frozenset(marks)
            memory = await _capture(guest)
            return AgentImage(
                ImageKind.INITIALISED, session.text, memory=memory, log=lines, memory_limit=limits.memory_bytes,
                modules=self.modules,
            )  # fmt: skip
        finally:
            _discard(guest)

    async def compiled(self, memory_bytes: int, touched: TouchedBy) -> AgentImage:
        """The compiled image, or the broken one."""
        limits = GuestLimits(memory_bytes=memory_bytes, burst_s=_BUILD_LIMITS.burst_s, time_s=_BUILD_LIMITS.time_s)
        guest, session, _ = await self._load(0, limits)
        try:
            if guest.ended is not None or session.error is not None or not session.done:
                error = session.error or (guest.ended.detail if guest.ended is not None else "the program did not load")
                late = guest.ended is not None and guest.ended.reason is EndReason.TIME_LIMIT and session.imports.waited
                if session.imports.unavailable is not None or late:
                    raise ImportFailed(error)
                return AgentImage(ImageKind.BROKEN, "none", touched, error=error, memory_limit=memory_bytes)
            memory = await _capture(guest)
            return AgentImage(
                ImageKind.COMPILED, session.text, touched, memory=memory, memory_limit=memory_bytes,
                modules=self.modules, cut_off=self.cut_off,
            )  # fmt: skip
        finally:
            _discard(guest)


def check_source(source: bytes) -> bytes:
    """A program must be text.

    Raises:
        AgentFailed: empty, WebAssembly, or not UTF-8; says which, and where.
    """
    if not source.strip():
        raise AgentFailed("the program is empty")
    if source.startswith(b"\0asm"):
        raise AgentFailed("the program is a WebAssembly module; only JavaScript can be run")
    if b"\0" in source:
        raise AgentFailed(f"the program is not text: it has a NUL byte at offset {source.index(0)}")
    try:
        source.decode()
    except UnicodeDecodeError as error:
        raise AgentFailed(f"the program is not valid UTF-8: {error.reason} at byte {error.start}") from None
    return source
