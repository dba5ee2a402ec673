"""Images of agents: a program loaded once, and any number of machines started from that state.

A *compiled* image holds the program as byte code; nothing of it has run. An *initialised* one holds it after its top
level has run, which is honest only if that run could not have gone differently for another request. So the top level
is run under watch: reads of clocks, entropy, arguments, environment, derived secrets, timers, requests each leave a
mark, and a program with a mark, or one that is not finished by itself, gets a compiled image. No secret and no request
data is ever in an image: there is none while one is made.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from wapo.agents.imports import Imports, Waiting
from wapo.agents.messages import AGENT_NAME, AgentFailed
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import LOAD_EVALUATE, encode_load
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance, StoreLimits
from wapo.engine.pool import InstancePool
from wapo.errors import GuestError, HostError
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

if TYPE_CHECKING:
    from wapo.engine.linker import LinkedModule

__all__ = ["AgentImage", "ImageKind", "ImageStore", "Loading", "TouchedBy"]
#: Why a program keeps a compiled image, for people.
TOUCHES: Final = {
    "clock": "reads the clock",
    "entropy": "draws random numbers",
    "timers": "sets a timer",
    "network": "makes a request or a connection",
    "compression": "compresses or decompresses",
    "work": "has the host compute something that takes long",
    "secrets": "derives a secret",
    "address": "asks for its address",
    "isolates": "starts an isolate",
    "arguments": "reads scriptArgs",
    "environment": "reads process.env",
    "rejection": "leaves a rejected promise unhandled",
    "unsettled": "waits for something that has not happened",
    "error": "throws",
    "limit": "reaches a limit",
    "size": "leaves more behind than an image may have",
    "import": "imports what could not be had",
}
_TOUCHED_CODES: Final = {1: "arguments", 2: "environment", 3: "rejection"}

#: How often machines that nobody needs are looked for.
_TRIM_EVERY_S: Final = 10.0

#: What a top level may leave behind in an image: every image is memory that nobody but this program has use for.
_MAX_STATE_BYTES: Final = 256 << 20

TouchedBy = frozenset[str]


class ImageKind(Enum):
    """What state of the program an image holds."""

    COMPILED = "compiled"
    INITIALISED = "initialised"
    BROKEN = "broken"
    """It cannot even be compiled; there is no memory, just the error."""


@dataclass(slots=True)
class AgentImage:
    """A program, ready to start.

    Attributes:
        convention: what kind of script it is, as far as is known (a compiled image: ``module`` or ``script``).
        touched: keys of ``TOUCHES``; why it is not initialised.
        error: of a broken program, with its line and column.
        log: what the program logged while an initialised image was made, as (level, text).
        modules: where its imports come from.
        memory_limit: what its machine was allowed while the image was made, in bytes.
    """

    kind: ImageKind
    convention: str
    touched: TouchedBy = frozenset()
    memory: MemoryImage | None = None
    error: str | None = None
    log: list[tuple[int, str]] = field(default_factory=list)
    memory_limit: int = 0
    modules: Modules | None = None
    closed: bool = False
    _pool: InstancePool | None = None

    @property
    def reason(self) -> str:
        """One sentence: why this kind."""
        if self.kind is ImageKind.BROKEN:
            return "the program cannot be compiled"
        if self.kind is ImageKind.INITIALISED:
            return "its top level depends on nothing that differs from one request to the next"
        return "its top level " + " and ".join(sorted(TOUCHES[what] for what in self.touched))

    @property
    def stored_bytes(self) -> int:
        """Memory that the image occupies."""
        return self.memory.stored_bytes if self.memory is not None else 0

    def pool(self, linked: "LinkedModule", limits: StoreLimits) -> InstancePool:
        """Machines in this image's state. Another set of limits makes another pool; the one before goes."""
        assert self.memory is not None
        if self._pool is None or self._pool.limits != limits:
            if self._pool is not None:
                self._pool.close()
            self._pool = InstancePool(linked, self.memory, limits)
        return self._pool

    def trim(self) -> None:
        """Frees machines that nobody has needed for a while."""
        if self._pool is not None:
            self._pool.trim()

    def drop_spares(self) -> None:
        """Frees every machine that waits to be used again."""
        if self._pool is not None:
            self._pool.drop_spares()

    def close(self) -> None:
        """Machines that run go on. Idempotent."""
        self.closed = True
        if self._pool is not None:
            self._pool.close()
        if self.memory is not None:
            self.memory.close()


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


class Stopping(HostError):
    """The node is going down, and starts nothing any more."""

    code = "node_stopping"
    status = 503


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


async def make_base_image(profile: JavaScriptProfile, scheduler: Scheduler) -> MemoryImage:
    """The engine and the web platform, started.

    Raises:
        BaseImageFailed: with the log of the start-up.
    """
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
    return made if isinstance(made, AgentImage) else await steps.compiled(limits.memory_bytes, made)


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

    async def _load(self, flags: int, limits: GuestLimits) -> tuple[Guest, Loading, list[tuple[int, str]]]:
        session = Loading(encode_load(self.source, self.name, flags), self.modules, self.waiting)
        session.imports.look_ahead(self.name, self.source)
        try:
            return await _load(self.profile.loading, self.scheduler, self.base, session, limits, self.owner)
        finally:
            session.imports.close()

    async def evaluated(self, limits: GuestLimits) -> AgentImage | TouchedBy:
        """The initialised image, or why there is none."""
        guest, session, lines = await self._load(LOAD_EVALUATE, limits)
        try:
            self.has_waited = session.imports.waited
            marks = set(session.marks)
            if guest.ended is not None:
                marks.add("limit" if guest.ended.reason in (EndReason.BURST_LIMIT, EndReason.TIME_LIMIT) else "error")
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
                modules=self.modules,
            )  # fmt: skip
        finally:
            _discard(guest)


@dataclass(slots=True, eq=False)
class _Making:
    """An image on its way.

    Attributes:
        waiters: who wants it.
        standing: whether it waits for an import itself, and how often over: nothing is lost then if it is given up.
    """

    task: "asyncio.Task[AgentImage] | None" = None
    waiters: int = 0
    standing: int = 0


class ImageStore:
    """Images in memory, the least recently used forgotten first; one made at a time for each program.

    Args:
        max_bytes: memory of all images together.
        parallel: images made at the same time; more only wait, so that building never crowds out serving.
    """

    def __init__(self, profile: JavaScriptProfile, scheduler: Scheduler, max_bytes: int, parallel: int = 2) -> None:
        self._profile = profile
        self._scheduler = scheduler
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: OrderedDict[str, AgentImage] = OrderedDict()
        self._making: dict[str, _Making] = {}
        self._gate = asyncio.Semaphore(parallel)
        self._base: MemoryImage | None = None
        self._base_lock = asyncio.Lock()
        self._trimmer: asyncio.TimerHandle | None = None
        #: Who waits for one that is being made, or was and they have not come back for.
        self._waiting: Counter[str] = Counter()
        self._closed = False

    def _trim(self) -> None:
        self._trimmer = asyncio.get_running_loop().call_later(_TRIM_EVERY_S, self._trim)
        for image in self._images.values():
            image.trim()

    def drop_spares(self) -> None:
        """Frees every machine that waits to be used again."""
        for image in self._images.values():
            image.drop_spares()

    @property
    def stored_bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._images)

    def get(self, key: str, memory_bytes: int) -> AgentImage | None:
        """The image, if it is in memory. One that is broken may be whole where more memory is allowed."""
        image = self._images.get(key)
        if image is None or (image.kind is ImageKind.BROKEN and image.memory_limit < memory_bytes):
            return None
        self._images.move_to_end(key)
        return image

    async def base(self) -> MemoryImage:
        """The base image; made at the first use."""
        if self._base is None:
            async with self._base_lock:
                if self._base is None:
                    self._base = await make_base_image(self._profile, self._scheduler)
        return self._base

    async def make(
        self,
        key: str,
        source: Callable[[], bytes],
        limits: GuestLimits,
        owner: str,
        name: str = AGENT_NAME,
        modules: Modules | None = None,
    ) -> AgentImage:
        """The image, made if need be. Waiters share one making; a waiter that goes away cancels nothing, unless it was
        the last one and the program stands still in an import: for nobody a machine is not kept.

        Args:
            source: gives the program's bytes, called only if they are needed.
            name: of its file, for the lines of a stack and for relative imports.
            modules: where its imports come from.

        Raises:
            AgentFailed: the program is not text.
            ImportFailed: something that it imports could not be had.
            Stopping: the store was closed, perhaps meanwhile.
        """
        found = self.get(key, limits.memory_bytes)
        if found is not None:
            return found
        if self._closed:
            raise Stopping("the node is stopping")
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = _Making()
            work = self._make(making, key, source, limits, owner, name, modules)
            making.task = asyncio.get_running_loop().create_task(work)
            making.task.add_done_callback(partial(self._made, key, making))
        task = making.task
        assert task is not None
        making.waiters += 1
        self._waiting[key] += 1
        try:
            image = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # and not this waiter
                raise Stopping("the node is stopping") from None
            raise
        finally:
            making.waiters -= 1
            self._give_up_if_idle(key, making)
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
            if self._bytes > self._max_bytes:  # when this waiter has begun to use it
                asyncio.get_running_loop().call_soon(self._crowd_out)
        if image.closed:
            raise Stopping("the node is stopping")
        return image

    def _crowd_out(self) -> None:
        """Frees images until they fit, the oldest first, but none that somebody has not come back for."""
        for key in list(self._images):
            if self._bytes <= self._max_bytes or len(self._images) == 1:
                return
            if key not in self._waiting:
                image = self._images.pop(key)
                self._bytes -= image.stored_bytes
                image.close()

    def _give_up_if_idle(self, key: str, making: _Making) -> None:
        if not making.waiters and making.standing and making.task is not None and not making.task.done():
            self._forget(key, making)
            making.task.cancel()

    def _forget(self, key: str, making: _Making) -> None:
        if self._making.get(key) is making:  # and not one that was begun after this one was given up
            del self._making[key]

    def _made(self, key: str, making: _Making, task: asyncio.Task[AgentImage]) -> None:
        self._forget(key, making)
        if not task.cancelled():
            task.exception()  # seen, even if every waiter has gone: asyncio would log it otherwise

    async def _make(
        self,
        making: _Making,
        key: str,
        source: Callable[[], bytes],
        limits: GuestLimits,
        owner: str,
        name: str,
        modules: Modules | None,
    ) -> AgentImage:
        async with self._gate:
            base = await self.base()
            program = check_source(source())
            image = await make_image(
                self._profile, self._scheduler, base, program, limits=limits, owner=owner, name=name, modules=modules,
                waiting=lambda: self._standing(key, making),
            )  # fmt: skip
        if self._trimmer is None:
            self._trim()
        self._images.pop(key, None)  # a broken one, which occupies nothing
        self._images[key] = image
        self._bytes += image.stored_bytes
        self._crowd_out()
        return image

    @asynccontextmanager
    async def _standing(self, key: str, making: _Making) -> AsyncIterator[None]:
        """Whoever waits for the network does not build meanwhile: somebody else may."""
        making.standing += 1
        self._give_up_if_idle(key, making)
        self._gate.release()
        try:
            yield
        finally:
            making.standing -= 1
            await self._gate.acquire()

    async def aclose(self) -> None:
        """Stops what is being made and frees every image. Nothing is made any more."""
        self._closed = True
        if self._trimmer is not None:
            self._trimmer.cancel()
        tasks = [making.task for making in self._making.values() if making.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for image in self._images.values():
            image.close()
        self._images.clear()
        if self._base is not None:
            self._base.close()
            self._base = None


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
