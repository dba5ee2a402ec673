"""One instance of a module: its store, its memory, and the limits that hold from outside.

Every pointer and length that comes from the guest goes through :meth:`Instance.read` and :meth:`Instance.write`,
which check it against the memory's size at that moment (a memory grows).
"""

import asyncio
import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wapo.engine import capi
from wapo.engine.engine import SLICE_TICKS
from wapo.engine.errors import InvalidModule, OutOfMappings
from wapo.engine.fiber import Call, Instantiation, PollFunction
from wapo.engine.linker import LinkedModule
from wapo.engine.module_types import FunctionType

if TYPE_CHECKING:
    from wapo.engine.image import MemoryImage

__all__ = ["FULL_TANK", "Instance", "MemoryFault", "StoreLimits", "reclaimed"]

#: Fuel of a metered store: as good as endless.
FULL_TANK: Final = 2**64 - 1

_FUNCTION_KIND: Final = 0
_POLL_TYPE: Final = FunctionType((), ("i32",))
_COMMAND_TYPE: Final = FunctionType((), ())
_MEMORY_KIND: Final = 3
#: The exported global that says where a module looks for the end of its slice (guest/preemption.py).
_SLICE_FLAG: Final = b"wapo_slice_over"
_GLOBAL_KIND: Final = 1

_held = capi.held
_released = capi.released

#: Giving a memory back to the kernel takes 0.1 ms a megabyte that was written; a large one is given back by a thread.
_LARGE_BYTES: Final = 16 << 20
_reaper: Final = ThreadPoolExecutor(1, thread_name_prefix="wapo-reaper")
_memory = capi.memory


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

    Attributes:
        started: whether its module has been instantiated.
        is_command: whether the function to call is a WASI command's, which runs once and answers nothing.
        metered: whether its instructions are counted as fuel.
        base: address of its memory in this process; 0 as long as there is none.
        image: what its memory was restored from, if it was.
        own_pages: since the last reset to an image: ranges of addresses with all pages that it had written by then.
        faults: page faults of this thread at that time.

    Raises (constructor):
        InvalidModule: the module's own minimum does not fit the limits, or it needs what the host forbids.
        OutOfMappings: the kernel has no mapping left for a memory or a stack.
        GuestTrapped: the module's start function trapped. It runs to its end here, however long that takes: use
            :meth:`unstarted` for a module that is not trusted.
    """

    __slots__ = (
        "_context",
        "_epochs",
        "_flag",
        "_handle",
        "_memory",
        "_polls",
        "_size",
        "_store",
        "base",
        "faults",
        "image",
        "is_command",
        "linked",
        "metered",
        "own_pages",
        "started",
    )

    def __init__(self, linked: LinkedModule, limits: StoreLimits) -> None:
        self._create(linked, limits)
        call = self.start(None)
        try:
            while not call.poll():
                pass
        except BaseException:
            call.close()
            self.close()
            raise

    @classmethod
    def unstarted(cls, linked: LinkedModule, limits: StoreLimits) -> "Instance":
        """A store for a module that is not trusted to start in no time: :meth:`start` it, and poll that to its end,
        before anything else."""
        instance = cls.__new__(cls)
        instance._create(linked, limits)
        return instance

    def _create(self, linked: LinkedModule, limits: StoreLimits) -> None:
        self.linked = linked
        self._store: int = _held.wasmtime_store_new(linked.engine.pointer, None, capi.NO_FINALIZER)
        self._context: int = _held.wasmtime_store_context(self._store)
        self._memory: Any = None
        self._polls: PollFunction | None = None
        self._size = 0
        self._flag = 0
        self.base = self.faults = 0
        self.image: MemoryImage | None = None
        self.own_pages: list[tuple[int, int]] | None = None
        self._handle = capi.InstanceHandle()
        _held.wasmtime_store_limiter(self._store, limits.memory_bytes, limits.table_elements, 1, limits.tables, 1)
        self._epochs = linked.engine.settings.epoch_interruption
        if self._epochs:
            _held.wasmtime_context_set_epoch_deadline(self._context, SLICE_TICKS)
            _held.wasmtime_context_epoch_deadline_async_yield_and_update(self._context, SLICE_TICKS)
        self.started = self.is_command = False
        self.metered = linked.engine.settings.consume_fuel
        if self.metered:
            self.refuel()

    # Start

    def start(self, guest: Any) -> Instantiation:
        """Instantiates the module, running its start function if it has one; host functions see ``guest``."""
        return Instantiation(self, guest)

    def begin(self, trap_cell: int, error_cell: int) -> int:
        """The future of the instantiation, for :class:`Instantiation` alone."""
        future: int = _held.wasmtime_instance_pre_instantiate_async(
            self.linked.pointer, self._context, ctypes.byref(self._handle), trap_cell, error_cell
        )
        return future

    def finish(self) -> None:
        """The instantiation is over: exports can be looked up."""
        self.started = True
        self._memory = self._export("memory", _MEMORY_KIND)
        if self._memory is not None:
            self.base = _held.wasmtime_memory_data(self._context, ctypes.byref(self._memory))
        if not self._epochs:
            self._flag = self.base + self._flag_offset()

    def touch_flag(self) -> None:
        """Makes the page of its slice's flag the process's own. The ticker writes there, whose page faults nobody
        counts: the page must be among those that a reset copies back from the first time on."""
        if self._flag:
            capi.memory[self._flag] = 0

    def _flag_offset(self) -> int:
        """Where in its memory the module looks for the end of its slice: a constant, so it is asked for once."""
        if not self.linked.flag_offset:
            item, value = capi.Extern(), capi.Value()
            found = _held.wasmtime_instance_export_get(
                self._context, ctypes.byref(self._handle), _SLICE_FLAG, len(_SLICE_FLAG), ctypes.byref(item)
            )
            if not found or item.kind != _GLOBAL_KIND:
                raise InvalidModule("the module cannot be interrupted: it has no checks for the end of its slice")
            _held.wasmtime_global_get(self._context, ctypes.byref(item.of.global_), ctypes.byref(value))
            self.check(value.of.i32, 1)
            self.linked.flag_offset = value.of.i32
        return self.linked.flag_offset

    def adopt_memory(self, caller: int) -> None:
        """Looks the memory up while the start function is running, which is when the instance has no handle yet."""
        if self._memory is not None:
            return
        item = capi.Extern()
        if _held.wasmtime_caller_export_get(caller, b"memory", 6, ctypes.byref(item)) and item.kind == _MEMORY_KIND:
            self._memory = item.of.memory
            self.base = _held.wasmtime_memory_data(self._context, ctypes.byref(self._memory))

    def raise_failure(self, error: int) -> None:
        """Raises what an instantiation's error, which is freed, means; returns if it came out of the start function."""
        status = ctypes.c_int()
        if _held.wasmtime_error_exit_status(error, ctypes.byref(status)):
            return
        text = capi.error_text(error)
        if "mmap" in text or "allocate memory" in text:
            raise OutOfMappings(f"no room for another machine: {text}")
        raise InvalidModule(f"the module cannot be instantiated: {text}")

    # Fuel

    def refuel(self) -> None:
        """Gives the store all the fuel there is: fuel is a meter here, not a limit (wapo-abi.md 7.3)."""
        error = _held.wasmtime_context_set_fuel(self._context, FULL_TANK)
        assert not error, capi.error_text(error)

    def fuel_used(self) -> int:
        """Units of fuel since the last :meth:`refuel`. Only while no guest code is running."""
        left = ctypes.c_uint64()
        error = _held.wasmtime_context_get_fuel(self._context, ctypes.byref(left))
        assert not error, capi.error_text(error)
        return FULL_TANK - left.value

    # Exports

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

    def select_poll(self, name: str) -> bool:
        """Chooses the exported function that :meth:`start_poll` calls; False if there is no ``() -> i32`` of that name.
        Once is enough for an instance."""
        if self.linked.module.function(name) != _POLL_TYPE:
            return False
        self._select(name, 1)
        return self._polls is not None

    def select_command(self) -> bool:
        """Chooses the ``_start`` function of a WASI command instead; False if there is no ``() -> ()`` of that name."""
        if self.linked.module.function("_start") != _COMMAND_TYPE:
            return False
        self._select("_start", 0)
        self.is_command = self._polls is not None
        return self.is_command

    def _select(self, name: str, results: int) -> None:
        function = self._export(name, _FUNCTION_KIND)
        if function is not None:
            self._polls = PollFunction(self.linked.engine, self._context, function, results, self._flag)

    @property
    def poll_selected(self) -> bool:
        """Whether a function to call has been chosen."""
        return self._polls is not None

    def start_poll(self, guest: Any) -> Call:
        """Starts the function that was chosen; host functions see ``guest``. Nothing runs before :meth:`Call.poll`."""
        assert self._polls is not None
        if self._epochs:
            _held.wasmtime_context_set_epoch_deadline(self._context, SLICE_TICKS)
        return Call(self._polls, guest)

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
        start = self.base + pointer
        return bytes(_memory[start : start + length])

    def write(self, pointer: int, data: bytes) -> None:
        """Copies into the guest's memory."""
        length = len(data)
        if pointer + length > self._size and pointer + length > self.memory_size:
            raise MemoryFault
        start = self.base + pointer
        _memory[start : start + length] = data

    def view(self, pointer: int, length: int) -> memoryview:
        """A writable window on the guest's memory, valid until the guest runs again."""
        end = pointer + length
        if end > self._size and end > self.memory_size:
            raise MemoryFault
        return _memory[self.base + pointer : self.base + end]

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
            self._memory = self.image = None
            self._size = self.base = 0
            if large and not sys.is_finalizing():
                _reaper.submit(_released.wasmtime_store_delete, store)
            else:
                _held.wasmtime_store_delete(store)
