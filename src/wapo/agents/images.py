"""Images of agents: each made once however many want it, and kept as hot as it is used.

One that was made is hot. When others need the room, or nobody has asked for it for a while, it gets cold: on disk as
its difference to the base image. Asked for again it is warm at once, and hot when it is asked for again and again.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from wapo.agents.cold import ColdImages
from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.making import check_source, make_base_image, make_image
from wapo.agents.messages import AGENT_NAME
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.sharing import Others, SharedImages
from wapo.engine.derivation import comparing, deriving
from wapo.engine.errors import OutOfMappings
from wapo.engine.image import MemoryImage
from wapo.errors import HostError
from wapo.log import Log
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler

__all__ = ["ImageStore", "Stopping"]

_T = TypeVar("_T")

#: Nothing is built while images take so much more than they may.
_CROWDED: Final = 1.1

_log = Log("wapo.agents")

#: How often machines and images that nobody needs are looked for.
_LOOK_EVERY_S: Final = 10.0

#: So long at a time.
_LOOK_S: Final = 0.0005

#: An image gets cold that nobody has asked for between so many looks.
_IDLE_LOOKS: Final = 3

#: A warm image gets hot that was asked for so often between two looks.
_HOT_USES: Final = 3


async def _in_pieces(steps: Generator[None, None, _T]) -> _T:
    """What it returns; others run between its pieces."""
    try:
        while True:
            try:
                next(steps)
            except StopIteration as done:
                result: _T = done.value
                return result
            await asyncio.sleep(0)
    finally:
        steps.close()


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
    """Images, the least recently used out of memory first; one made at a time for each program.

    Args:
        max_bytes: memory of all images together.
        parallel: images made at the same time; more only wait, so that building never crowds out serving.
        others: processes to share images with.
        cold: keeps those that are not in memory, and is closed with the store; without it they are forgotten.
        max_cold_bytes: disk that it may take.
    """

    def __init__(
        self,
        profile: JavaScriptProfile,
        scheduler: Scheduler,
        max_bytes: int,
        parallel: int = 2,
        others: Others | None = None,
        cold: ColdImages | None = None,
        max_cold_bytes: int = 4 << 30,
    ) -> None:
        self._profile = profile
        self._scheduler = scheduler
        self._max_bytes = max_bytes
        self._bytes = 0
        #: Hot and warm ones, and broken ones; and cold ones.
        self._images: OrderedDict[str, AgentImage] = OrderedDict()
        self._frozen: OrderedDict[str, AgentImage] = OrderedDict()
        self._cold = cold
        self._max_cold_bytes = max_cold_bytes
        self._idle: list[str] = []
        self._cooler: asyncio.Task[None] | None = None
        self._heating: dict[str, asyncio.Task[None]] = {}
        self._making: dict[str, _Making] = {}
        self._gate = asyncio.Semaphore(parallel)
        self._shared = SharedImages(others, profile)
        self._base: MemoryImage | None = None
        self._base_lock = asyncio.Lock()
        self._looker: asyncio.Task[None] | None = None
        #: Who waits for one that is being made, or was and they have not come back for.
        self._waiting: Counter[str] = Counter()
        self._closed = False

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Looks for machines and images that nobody has needed since the last time, and lets others run between them:
        to free a machine takes a tenth of a millisecond. The store does it by itself."""
        until = time.perf_counter() + _LOOK_S
        for key, image in list(self._images.items()):
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + _LOOK_S
            image.trim()
            image.idle, image.uses = (0 if image.uses else image.idle + 1), 0
            if image.idle == _IDLE_LOOKS and self._cold is not None:
                self._idle.append(key)
        self._start_cooling()

    def drop_spares(self) -> None:
        """Frees every machine that waits to be used again."""
        for image in self._images.values():
            image.drop_spares()

    @property
    def stored_bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._images)

    @property
    def cold(self) -> int:
        """How many are on disk only."""
        return len(self._frozen)

    @property
    def cold_bytes(self) -> int:
        """Disk that images take, some of them in memory too."""
        return self._cold.stored_bytes if self._cold is not None else 0

    def get(self, key: str, memory_bytes: int) -> AgentImage | None:
        """The image, if it is in memory. One that is broken may be whole where more memory is allowed."""
        image = self._images.get(key)
        if image is None or (image.kind is ImageKind.BROKEN and image.memory_limit < memory_bytes):
            return None
        self._images.move_to_end(key)
        image.uses += 1
        if image.difference is not None and image.uses >= _HOT_USES:
            self._start_heating(key, image)
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
        while (key := self._to_crowd_out()) is not None:
            if self._cold is None:
                self._take_out(key).close()
            elif key in self._cold:
                self._freeze(key)
            else:
                self._start_cooling()
                return

    def _to_crowd_out(self) -> str | None:
        if self._bytes <= self._max_bytes or len(self._images) == 1:
            return None
        return next(
            (key for key, image in self._images.items() if image.stored_bytes and key not in self._waiting), None
        )

    def _take_out(self, key: str) -> AgentImage:
        image = self._images.pop(key)
        self._bytes -= image.stored_bytes
        return image

    # Heat

    def _start_cooling(self) -> None:
        if self._cooler is None and not self._closed and (self._idle or self._to_crowd_out() is not None):
            self._cooler = asyncio.get_running_loop().create_task(self._cool())

    async def _cool(self) -> None:
        """One after the other, those that must and then those that may."""
        try:
            while not self._closed:
                key = self._to_crowd_out()
                if key is not None:
                    await self._cool_one(key, lambda _image: True)
                elif self._idle:
                    await self._cool_one(self._idle.pop(), lambda image: image.idle >= _IDLE_LOOKS and not image.uses)
                else:
                    return
        finally:
            self._cooler = None

    async def _cool_one(self, key: str, may: Callable[[AgentImage], bool]) -> None:
        image = self._images.get(key)
        if image is None or not may(image):
            return
        assert self._cold is not None
        kept = key in self._cold
        if not kept and image.memory is not None:
            base = await self.base()
            try:
                await self._cold.put(key, await _in_pieces(comparing(base, image.memory)))
                kept = True
            except OSError as error:
                _log.warning("an image cannot be kept on disk", error=error.strerror)
        if key in self._waiting or not may(image):
            return
        if kept:
            self._freeze(key)
        else:
            self._take_out(key).close()
        while self._cold.stored_bytes > self._max_cold_bytes and self._frozen:
            self._cold.drop(self._frozen.popitem(last=False)[0])

    def _freeze(self, key: str) -> None:
        """From memory to disk, where its difference is already."""
        image = self._take_out(key)
        image.cool()
        self._frozen[key] = image

    async def _thaw(self, key: str) -> AgentImage | None:
        """From cold to warm; None if it is not there any more."""
        if key not in self._frozen:
            return None
        assert self._cold is not None
        base = await self.base()
        difference = await self._cold.get(key)
        image = self._frozen.pop(key, None)
        if image is None or difference is None:
            self._cold.drop(key)
            return None
        image.warm(base, difference)
        return image

    def _start_heating(self, key: str, image: AgentImage) -> None:
        if key not in self._heating and self._cooler is None:  # else there is no room just now
            task = self._heating[key] = asyncio.get_running_loop().create_task(self._heat(key, image))
            task.add_done_callback(lambda _task: self._heating.pop(key, None))

    async def _heat(self, key: str, image: AgentImage) -> None:
        """From warm to hot."""
        assert image.base is not None
        assert image.difference is not None
        try:
            memory = await _in_pieces(deriving(image.base, image.difference, image.size))
        except OutOfMappings:
            return  # warm is well enough
        if self._images.get(key) is not image or image.difference is None or self._closed:
            memory.close()
            return
        self._bytes -= image.stored_bytes
        image.heat(memory)
        self._bytes += image.stored_bytes
        self._crowd_out()

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
        image = await self._thaw(key)
        if image is None:
            image = await self._shared.agent(key, modules)
        if image is None:
            try:
                image = await self._build(making, key, source, limits, owner, name, modules)
            except BaseException:
                self._shared.give_up(key)
                raise
            self._shared.give_agent(key, image)
        if self._looker is None:
            self._looker = asyncio.get_running_loop().create_task(self._look_on())
        self._images.pop(key, None)  # a broken one, which occupies nothing
        self._images[key] = image
        self._bytes += image.stored_bytes
        self._crowd_out()
        return image

    async def _build(
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
            if self._cooler is not None and self._bytes > self._max_bytes * _CROWDED:
                await asyncio.wait((self._cooler,))
            base = await self.base()
            program = check_source(source())
            return await make_image(
                self._profile, self._scheduler, base, program, limits=limits, owner=owner, name=name, modules=modules,
                waiting=lambda: self._standing(key, making),
            )  # fmt: skip

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
        tasks = [making.task for making in self._making.values() if making.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        turning = [*self._heating.values(), *filter(None, (self._cooler, self._looker))]
        for turn in turning:
            turn.cancel()
        await asyncio.gather(*turning, return_exceptions=True)
        for image in self._images.values():
            image.close()
        self._images.clear()
        self._frozen.clear()
        if self._cold is not None:
            self._cold.close()
        if self._base is not None:
            self._base.close()
            self._base = None
