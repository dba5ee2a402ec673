"""Compiled programs (node-and-gateway 4.2): two compilations at a time, a bounded queue, one for all who ask for the
same, the least recently used forgotten first."""

import asyncio
import contextlib
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule
from wapo.engine.modules import Module, ModuleCache
from wapo.errors import CallerError, HostError
from wapo.node.apps.blobs import BlobName, BlobStore, NoSuchBlob
from wapo.vm.program import Program, ProgramLinker

__all__ = ["CodeNotFound", "CompilationQueueFull", "ProgramCache"]

COMPILERS: Final = 2
QUEUE: Final = 128
#: Of ten: a ninth of the CPU that others get, where all want it.
_NICE: Final = 10


class CodeNotFound(CallerError):
    """The program of an app is not among the blobs."""

    code = "code_not_found"


class CompilationQueueFull(HostError):
    """As many programs wait to be compiled as may."""

    code = "compilation_queue_full"
    status = 503


class ProgramCache:
    """Programs by blob name. Close it after the guests.

    Args:
        capacity: compiled modules that are kept, at least 1.
    """

    def __init__(self, engine: Engine, modules: ModuleCache, blobs: BlobStore, capacity: int = 16) -> None:
        self.capacity = max(1, capacity)
        self._engine = engine
        self._modules = modules
        self._blobs = blobs
        self._linker = ProgramLinker(engine)
        self._kept: OrderedDict[BlobName, Program] = OrderedDict()
        self._making: dict[BlobName, asyncio.Task[Program]] = {}
        self._gate = asyncio.Semaphore(COMPILERS)
        self._threads = ThreadPoolExecutor(COMPILERS, thread_name_prefix="wapo-compile", initializer=_make_way)
        self.compiling = 0

    @property
    def used(self) -> int:
        """Compiled modules in memory."""
        return len(self._kept)

    @property
    def waiting(self) -> int:
        """Programs that wait to be compiled."""
        return len(self._making) - self.compiling

    async def get(self, name: BlobName) -> Program:
        """The program, compiled. Who waits and goes away cancels nothing.

        Raises:
            CodeNotFound, WrongBlobHash, CompilationQueueFull, InvalidModule, UnknownImport.
        """
        found = self._kept.get(name)
        if found is not None:
            self._kept.move_to_end(name)
            return found
        task = self._making.get(name)
        if task is None:
            if self.waiting >= QUEUE:
                raise CompilationQueueFull("module compilation queue is full")
            task = asyncio.get_running_loop().create_task(self._make(name))
            self._making[name] = task
            task.add_done_callback(lambda _task: self._making.pop(name, None))
        return await asyncio.shield(task)

    async def _make(self, name: BlobName) -> Program:
        async with self._gate:
            self.compiling += 1
            try:
                module = await asyncio.get_running_loop().run_in_executor(self._threads, self._compile, name)
            finally:
                self.compiling -= 1
        program = self._linker.link(module)
        if not any(_is_poll(module, entry) for entry in ("wapo_poll", "sidevm_poll")):
            raise InvalidModule("the module exports neither wapo_poll nor sidevm_poll, a function () -> i32")
        self._kept[name] = program
        while len(self._kept) > self.capacity:
            self._kept.popitem(last=False)  # freed when nobody uses it any more
        return program

    def _compile(self, name: BlobName) -> Module:
        try:
            content = self._blobs.read(name)
        except NoSuchBlob:
            raise CodeNotFound(f"Wasm code not found: upload {name} first") from None
        return self._modules.get(self._engine, content)

    async def aclose(self) -> None:
        """Stops what is being made, and frees every module. Idempotent."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        self._kept.clear()
        self._linker.close()


def _make_way() -> None:
    """Lets everything else of this machine go before this thread, and before those that it starts (the compiler has one
    for each core): a large program must not slow down whoever is being served."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _is_poll(module: Module, name: str) -> bool:
    function = module.function(name)
    return function is not None and function.params == () and function.results == ("i32",)
