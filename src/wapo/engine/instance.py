"""One instance of a module: its store, its memory, and the limits that hold from outside.

Every pointer and length that comes from the guest goes through :meth:`Instance.read` and :meth:`Instance.write`,
which check it against the memory's size at that moment (a memory grows).
"""

import asyncio
import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from wapo.engine import capi
from wapo.engine.errors import InvalidModule, OutOfMappings, UnknownImport
from wapo.engine.fiber import Call
from wapo.engine.linker import LinkedModule

__all__ = ["Instance", "MemoryFault", "StoreLimits", "reclaimed"]

_FUNCTION_KIND: Final = 0
_MEMORY_KIND: Final = 3

_held = capi.held
_released = capi.released

#: Giving a memory back to the kernel takes 0.1 ms a megabyte that was written; a large one is given back by a thread.
_LARGE_BYTES: Final = 16 << 20
_reaper: Final = ThreadPoolExecutor(1, thread_name_prefix="wapo-reaper")
_string_at = ctypes.string_at
_memmove = ctypes.memmove


async def reclaimed() -> None:
    """Returns when the kernel has got back what instances had that were closed before."""
    await asyncio.wrap_future(_reaper.submit(_nothing))


def _nothing() -> None:
    """What comes after them."""


class MemoryFault(Exception):
    """A range that the guest gave is not inside its memory. Becomes an error code of the ABI, or a trap."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What the engine enforces for one store.

    Attributes:
        memory_bytes: most that the linear memory may have; ``memory.grow`` beyond it answers -1.
        table_elements: most that a table may have; 8 bytes of host memory each.
    """

    memory_bytes: int = 100 << 20
    table_elements: int = 100_000
    tables: int = 8


class Instance:
    """A store with one instance in it. The owner closes it, after the calls that it started.

    Raises (constructor):
        InvalidModule: the module's own minimum does not fit the limits, or it needs what the host forbids.
        OutOfMappings: the kernel has no mapping left for a memory or a stack.
        GuestTrapped: the module's start function trapped (only with ``trusted`` false could it even be slow).
    """

    __slots__ = ("_context", "_handle", "_memory", "_polls", "_size", "_store", "base", "linked")

    def __init__(self, linked: LinkedModule, limits: StoreLimits) -> None:
        self.linked = linked
        self._store: int = _held.wasmtime_store_new(linked.engine.pointer, None, capi.NO_FINALIZER)
        self._context: int = _held.wasmtime_store_context(self._store)
        self._memory: Any = None
        self._polls: Any = None
        self._size = 0
        self.base = 0
        try:
            _held.wasmtime_store_limiter(self._store, limits.memory_bytes, limits.table_elements, 1, limits.tables, 1)
            _held.wasmtime_context_set_epoch_deadline(self._context, 1)
            _held.wasmtime_context_epoch_deadline_async_yield_and_update(self._context, 1)
            self._handle = capi.InstanceHandle()
            self._instantiate()
            self._memory = self._export("memory", _MEMORY_KIND)
            if self._memory is not None:
                self.base = _held.wasmtime_memory_data(self._context, ctypes.byref(self._memory))
        except BaseException:
            self.close()
            raise

    def _instantiate(self) -> None:
        cells = (ctypes.c_void_p * 2)()
        address = ctypes.addressof(cells)
        future = _held.wasmtime_instance_pre_instantiate_async(
            self.linked.pointer, self._context, ctypes.byref(self._handle), address, address + 8
        )
        try:
            while not _held.wasmtime_call_future_poll(future):
                pass
        finally:
            _held.wasmtime_call_future_delete(future)
        trap, error = cells
        if trap:
            capi.raise_trap(trap)
        if error:
            text = capi.error_text(error)
            if "mmap" in text or "allocate memory" in text:
                raise OutOfMappings(f"no room for another machine: {text}")
            if "import" in text:
                raise UnknownImport(text)
            raise InvalidModule(f"the module cannot be instantiated: {text}")

    def _export(self, name: str, kind: int) -> Any:
        """The export of that name and kind as a C struct, or None."""
        item, raw = capi.Extern(), name.encode()
        if not _held.wasmtime_instance_export_get(
            self._context, ctypes.byref(self._handle), raw, len(raw), ctypes.byref(item)
        ):
            return None
        if item.kind != kind:
            return None
        return item.of.func if kind == _FUNCTION_KIND else item.of.memory

    # Calls

    def has_function(self, name: str) -> bool:
        """Whether a function of that name is exported. Its type is checked by the engine at the call."""
        return self._export(name, _FUNCTION_KIND) is not None

    def select_poll(self, name: str) -> None:
        """Chooses the exported ``() -> i32`` function that :meth:`start_poll` calls. Once is enough for an instance.

        Raises:
            InvalidModule: there is none.
        """
        self._polls = self._export(name, _FUNCTION_KIND)
        if self._polls is None:
            raise InvalidModule(f"the module does not export a function {name}")

    @property
    def poll_selected(self) -> bool:
        """Whether :meth:`select_poll` has been called."""
        return self._polls is not None

    def start_poll(self, guest: Any) -> Call:
        """Starts the poll function; host functions see ``guest``. Nothing runs before :meth:`Call.poll`."""
        _held.wasmtime_context_set_epoch_deadline(self._context, 1)
        return Call(self.linked.engine, self._context, self._polls, 1, guest)

    # Memory

    @property
    def has_memory(self) -> bool:
        return self._memory is not None

    @property
    def memory_size(self) -> int:
        """Bytes of linear memory now."""
        if self._memory is None:
            return 0
        self._size = _held.wasmtime_memory_data_size(self._context, ctypes.byref(self._memory))
        return self._size

    def check(self, pointer: int, length: int) -> None:
        """Raises :class:`MemoryFault` unless ``[pointer, pointer + length)`` is inside the memory.

        Both are unsigned 32-bit numbers. An empty range may begin at the memory's end.
        """
        if pointer + length > self._size and pointer + length > self.memory_size:
            raise MemoryFault

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of a range of the guest's memory."""
        if pointer + length > self._size and pointer + length > self.memory_size:
            raise MemoryFault
        return _string_at(self.base + pointer, length)

    def write(self, pointer: int, data: bytes) -> None:
        """Copies into the guest's memory."""
        length = len(data)
        if pointer + length > self._size and pointer + length > self.memory_size:
            raise MemoryFault
        _memmove(self.base + pointer, data, length)

    def view(self, pointer: int, length: int) -> memoryview:
        """A writable window on the guest's memory, valid until the guest runs again."""
        self.check(pointer, length)
        return memoryview((ctypes.c_char * length).from_address(self.base + pointer)).cast("B")

    def grow_to(self, size: int) -> None:
        """Grows the memory to at least ``size`` bytes.

        Raises:
            InvalidModule: beyond the limit of the store.
        """
        pages = (size - self.memory_size + 0xFFFF) >> 16
        if pages <= 0:
            return
        previous = ctypes.c_uint64()
        error = _held.wasmtime_memory_grow(self._context, ctypes.byref(self._memory), pages, ctypes.byref(previous))
        if error:
            raise InvalidModule(f"the memory cannot grow to {size} bytes: {capi.error_text(error)}")

    def close(self) -> None:
        """Frees the store and its memory. Calls must be closed before. Idempotent."""
        store, self._store = self._store, 0
        if store:
            large = self._size > _LARGE_BYTES
            self._memory = None
            self._size = self.base = 0
            if large and not sys.is_finalizing():
                _reaper.submit(_released.wasmtime_store_delete, store)
            else:
                _held.wasmtime_store_delete(store)
