"""The engine: its settings, and the ticks by which a guest's slice ends.

One engine serves a whole process. It ticks every :data:`TICK_S` while guests run; a guest that is still running at the
second tick (:data:`SLICE_TICKS`) after its call was resumed yields its fiber (see ``fiber``). A tick is an epoch, which
the compiler puts checks of into any module; or, for a module of ours that looks for it by itself, a byte in its memory,
at a third of the cost (guest/preemption.py, docs/decisions/engine-speed.md).
"""

import contextlib
import hashlib
import platform
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import msgspec

from wapo.engine import capi
from wapo.engine.running import running

__all__ = ["SLICE_TICKS", "TICK_S", "Engine", "Settings"]

#: Seconds between two ticks. Shorter slices make others wait less, but every tick takes the interpreter lock once.
TICK_S: Final = 0.001

#: A slice lasts between one and two ticks. With one it would last between zero and one: nearly every tick would suspend
#: a guest that has just begun and is about to end, and all that come after would have to queue.
SLICE_TICKS: Final = 2

#: Ticks without a guest running after which the ticker sleeps, so that an idle node costs no CPU.
_IDLE_TICKS: Final = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """What code is compiled for; part of the key of every cached module.

    Attributes:
        max_wasm_stack_bytes: stack of guest frames. Deep recursion in an interpreter must hit the interpreter's own
            check (it counts its shadow stack, in linear memory) before it hits this one, and some frames of a JSON or
            JavaScript parser have little on the shadow stack. Pages that are not touched cost nothing.
        fiber_stack_bytes: the whole stack of a fiber: guest frames and the host functions that they call.
        memory_reservation_bytes: address space per memory. 4 GiB make bounds checks free and memories immovable.
        epoch_interruption: ticks are epochs. Without, only our own modules that look for ticks can be instantiated:
            never turn it off for an engine that compiles what others wrote.
        consume_fuel: count instructions, as gas is metered by. Costs speed.
    """

    max_wasm_stack_bytes: int = 16 << 20
    fiber_stack_bytes: int = 20 << 20
    memory_reservation_bytes: int = 4 << 30
    memory_guard_bytes: int = 32 << 20
    epoch_interruption: bool = True
    consume_fuel: bool = False

    def fingerprint(self) -> str:
        """A digest of everything that compiled code depends on: these settings, the engine, the machine."""
        parts = [asdict(self), capi.WHEEL_VERSION, platform.machine(), platform.system()]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


class Engine:
    """A wasmtime engine, and the thread by which it ticks.

    Long-lived: make one per process, close it last.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.pointer: int = capi.held.wasm_engine_new_with_config(self._config())
        self._ticker: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False
        self._idle_ticks = 0
        self._asleep = True

    def _config(self) -> int:
        c, s = capi.held, self.settings
        config: int = c.wasm_config_new()
        c.wasmtime_config_epoch_interruption_set(config, s.epoch_interruption)
        c.wasmtime_config_consume_fuel_set(config, s.consume_fuel)
        c.wasmtime_config_max_wasm_stack_set(config, s.max_wasm_stack_bytes)
        c.wasmtime_config_async_stack_size_set(config, s.fiber_stack_bytes)
        c.wasmtime_config_memory_reservation_set(config, s.memory_reservation_bytes)
        c.wasmtime_config_memory_guard_size_set(config, s.memory_guard_bytes)
        # An image is mapped over a memory, so memories must not move; and they are 32-bit, one a module, never shared:
        # an atomic wait on a shared memory would block the thread that every guest of this process runs on.
        c.wasmtime_config_memory_may_move_set(config, False)
        c.wasmtime_config_memory_init_cow_set(config, True)
        c.wasmtime_config_wasm_memory64_set(config, False)
        c.wasmtime_config_wasm_multi_memory_set(config, False)
        c.wasmtime_config_wasm_threads_set(config, False)
        c.wasmtime_config_shared_memory_set(config, False)
        # Proposals that bring a heap or stacks of their own, beside the limits that we set.
        c.wasmtime_config_wasm_gc_set(config, False)
        c.wasmtime_config_wasm_function_references_set(config, False)
        c.wasmtime_config_wasm_stack_switching_set(config, False)
        c.wasmtime_config_wasm_branch_hinting_set(config, True)
        return config

    def keep_ticking(self) -> None:
        """Called whenever a guest is about to run, or to go on: the engine ticks for a while from now on."""
        self._idle_ticks = 0
        if self._asleep:
            if self._ticker is None:
                self._asleep = False
                self._ticker = threading.Thread(target=self._tick, name="wapo-ticks", daemon=True)
                self._ticker.start()
            self._wake.set()

    def _tick(self) -> None:
        epochs, increment, pointer = (
            self.settings.epoch_interruption, capi.held.wasmtime_engine_increment_epoch, self.pointer
        )  # fmt: skip
        while not self._closed:
            if self._idle_ticks >= _IDLE_TICKS and running.guest is None:
                self._wake.clear()
                self._asleep = True
                # Looked at once more: keep_ticking and close set theirs before they wake, so what was set while the
                # flag was cleared is not missed.
                if self._idle_ticks >= _IDLE_TICKS and not self._closed:
                    self._wake.wait()
                self._asleep = False
                continue
            self._idle_ticks += 1
            time.sleep(TICK_S)
            if epochs:
                increment(pointer)
            else:
                running.tick()

    def close(self) -> None:
        """Stops the ticker and frees the engine. Modules and stores made from it must be closed before. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        if self._ticker is not None:
            self._ticker.join()
        capi.held.wasm_engine_delete(self.pointer)
        self.pointer = 0

    @contextlib.contextmanager
    def opened(self) -> Iterator["Engine"]:
        """The engine for a block, closed after it."""
        try:
            yield self
        finally:
            self.close()
