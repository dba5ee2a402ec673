"""Images of agents in memory: each made once however many want it, and forgotten when others need the room."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from wapo.agents.messages import AGENT_NAME
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.image import MemoryImage
from wapo.errors import HostError
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler

if TYPE_CHECKING:
    pass

from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.making import check_source, make_base_image, make_image
from wapo.agents.sharing import Others, SharedImages

__all__ = ["ImageStore", "Stopping"]

#: How often machines that nobody needs are looked for.
_TRIM_EVERY_S: Final = 10.0


class Stopping(HostError):
    """The node is going down, and starts nothing any more."""

    code = "node_stopping"
    status = 503


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
        others: processes to share images with.
    """

    def __init__(
        self,
        profile: JavaScriptProfile,
        scheduler: Scheduler,
        max_bytes: int,
        parallel: int = 2,
        others: Others | None = None,
    ) -> None:
        self._profile = profile
        self._scheduler = scheduler
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: OrderedDict[str, AgentImage] = OrderedDict()
        self._making: dict[str, _Making] = {}
        self._gate = asyncio.Semaphore(parallel)
        self._shared = SharedImages(others, profile)
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
                    self._base = await self._shared.base() or await self._make_base()
        return self._base

    async def _make_base(self) -> MemoryImage:
        try:
            base = await make_base_image(self._profile, self._scheduler)
        except BaseException:
            self._shared.give_up()
            raise
        self._shared.give_base(base)
        return base

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
        image = await self._shared.agent(key, modules)
        if image is None:
            try:
                async with self._gate:
                    base = await self.base()
                    program = check_source(source())
                    image = await make_image(
                        self._profile, self._scheduler, base, program, limits=limits, owner=owner, name=name,
                        modules=modules, waiting=lambda: self._standing(key, making),
                    )  # fmt: skip
            except BaseException:
                self._shared.give_up(key)
                raise
            self._shared.give_agent(key, image)
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
